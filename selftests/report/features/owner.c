// SPDX-License-Identifier: GPL-2.0-only
/* Who may write to a buffer: nobody, once it is sealed, and one process, once it is handed over. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "probe.h"

/* What is stored to see whether it can be. */
#define MARK 0x5a

struct answer ask_seal(struct object *object)
{
	const struct peer *peer = object->peer;
	char mark = MARK, *map = object->map, *second;
	int error;

	if (!map)
		return no("it cannot be mapped");
	fill(map, BUFFER, 1);
	object->call = "";
	error = peer->seal(object, 0);
	if (error)
		return failed(error, "%s", object->call);
	if (store(map, MARK))
		return no("%s: the mapping made before still writes", object->call);
	if (peer->write(object, 0, &mark, 1) > 0)
		return no("%s: %s still writes", object->call, peer->writer);
	second = object->fd < 0 ? NULL : map_aligned(object->fd, SIZE, PROT_READ | PROT_WRITE);
	if (second && store(second, MARK))
		return no("%s: a new mapping still writes", object->call);
	if (object->fd >= 0)
		map = map_aligned(object->fd, BUFFER, PROT_READ);
	if (!map)
		return failed(errno, "%s: mapping it for reading", object->call);
	if (!holds(map, BUFFER, 1))
		return no("%s: its bytes changed", object->call);
	if (!store(object->map + BUFFER, MARK) || object->map[BUFFER] != MARK)
		return no("%s: the next buffer cannot be written either", object->call);
	return yes("%s", object->call);
}

/* What the receiver of a buffer tells. */
struct receipt {
	int error;
	bool same;
	/* After it was told to look again. */
	bool changed;
	uint64_t page;
	char call[64];
};

/* The process that gets the buffer: tells what it got, and once more when asked. */
static void receive(const struct peer *peer, int socket)
{
	struct object object = { .peer = peer, .fd = -1, .call = "" };
	struct receipt receipt = { 0 };
	char *buffer = NULL, go;

	receipt.error = peer->take(&object, socket, &buffer);
	strncpy(receipt.call, object.call, sizeof(receipt.call) - 1);
	if (!receipt.error) {
		receipt.same = holds(buffer, PIECE, 1);
		receipt.page = physical_page(buffer);
	}
	if (write(socket, &receipt, sizeof(receipt)) != sizeof(receipt) || receipt.error ||
	    read(socket, &go, 1) != 1)
		_exit(1);
	receipt.changed = buffer[0] == MARK;
	_exit(write(socket, &receipt, sizeof(receipt)) != sizeof(receipt));
}

struct answer ask_hand_over(struct object *object)
{
	const struct peer *peer = object->peer;
	const uint32_t index = 1;
	struct receipt receipt = { 0 };
	bool stored, written;
	char mark = MARK, *at;
	int pair[2], error;
	uint64_t page;
	pid_t pid;

	if (!object->map)
		return no("it cannot be mapped");
	at = object->map + index * BUFFER;
	/* Another than the first, so that the receiver has to know. */
	fill(at, PIECE, 1);
	page = physical_page(at);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return failed(errno, "socketpair()");
	pid = fork();
	if (!pid) {
		close(pair[0]);
		receive(peer, pair[1]);
	}
	close(pair[1]);
	if (pid < 0)
		return failed(errno, "fork()");
	object->call = "";
	error = peer->give(object, index, pair[0]);
	if (error == -EBADF)
		return no("it has no descriptor");
	if (error)
		return failed(error, "%s", object->call);
	if (read_full(pair[0], &receipt, sizeof(receipt)) != sizeof(receipt))
		return no("%s: the receiver tells nothing", object->call);
	if (receipt.error)
		return failed(receipt.error, "the receiver's %s", receipt.call);
	if (!receipt.same)
		return no("%s: the receiver gets other bytes", object->call);
	/* Memory that is mapped by addresses alone has no pages to compare. */
	if (page && page != receipt.page)
		return no("%s: the receiver has a copy", object->call);

	stored = store(at, MARK);
	written = !stored && peer->write(object, index * BUFFER, &mark, 1) == 1;
	if (write(pair[0], "", 1) != 1 ||
	    read_full(pair[0], &receipt, sizeof(receipt)) != sizeof(receipt))
		return no("%s: the receiver is gone", object->call);
	if (receipt.changed && (stored || written))
		return no("%s: the giver's %s still writes to it", object->call,
			  stored ? "mapping" : peer->writer);
	if (stored || written || receipt.changed)
		return no("%s: the two have not the same memory", object->call);
	return yes("%s", object->call);
}
