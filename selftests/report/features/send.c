// SPDX-License-Identifier: GPL-2.0-only
/*
 * What takes the memory's bytes to sockets and pipes, and from pipes.  Descriptors are new, and
 * moved from where they stand: not everybody takes offsets.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "probe.h"

/* How long a completion may take, ms. */
#define PATIENCE 5000

struct answer ask_zerocopy(struct object *object)
{
	struct pollfd poll_fd;
	bool copied = false;
	int pair[2], one = 1, told;
	static char back[PIECE];
	ssize_t sent;

	if (!object->map)
		return no("it cannot be mapped");
	tcp_pair(pair);
	if (setsockopt(pair[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return failed(errno, "SO_ZEROCOPY");
	fill(object->map, PIECE, 1);
	sent = send(pair[0], object->map, PIECE, MSG_ZEROCOPY);
	if (sent != (ssize_t)PIECE)
		return sent < 0 ? failed(errno, "send()") : no("it takes %zd bytes", sent);
	if (read_full(pair[1], back, PIECE) != PIECE || !holds(back, PIECE, 1))
		return no("other bytes arrive");
	poll_fd = (struct pollfd){ .fd = pair[0] };
	if (poll(&poll_fd, 1, PATIENCE) != 1)
		return no("no completion");
	told = zerocopy_done(pair[0], &copied);
	if (told != 1)
		return told < 0 ? failed(told, "the completion") : no("no completion");
	return yes("%s", copied ? "copied by loopback" : "");
}

/*
 * Whether what is stored in the memory's beginning after it was sent is what arrives, or an
 * answer of its own.
 */
static struct answer by_reference(struct object *object, int reader)
{
	static char back[PIECE];

	if (!object->map)
		return no("it cannot be mapped, so that what is referred to cannot be told");
	fill(object->map, PIECE, 2);
	if (read_full(reader, back, PIECE) != PIECE)
		return no("fewer bytes arrive");
	if (holds(back, PIECE, 2))
		return yes("%s", "");
	return holds(back, PIECE, 1) ? no("the bytes are copied") : no("other bytes arrive");
}

struct answer ask_sendfile(struct object *object)
{
	ssize_t sent;
	int pair[2];

	if (object->fd < 0)
		return no("it has no descriptor");
	if (object->map)
		fill(object->map, PIECE, 1);
	tcp_pair(pair);
	sent = sendfile(pair[0], object->fd, NULL, PIECE);
	if (sent != (ssize_t)PIECE)
		return sent < 0 ? failed(errno, "sendfile()") : no("it sends %zd bytes", sent);
	return by_reference(object, pair[1]);
}

/* Whether the mapping, at least, can go into a pipe by reference. */
static const char *other_way(struct object *object)
{
	struct iovec piece = { .iov_base = object->map, .iov_len = PIECE };
	int ends[2];

	if (!object->map || pipe2(ends, O_CLOEXEC))
		return "";
	fill(object->map, PIECE, 1);
	if (vmsplice(ends[1], &piece, 1, 0) != (ssize_t)PIECE)
		return "";
	return by_reference(object, ends[0]).yes ? "; vmsplice() does it" : "";
}

struct answer ask_splice_out(struct object *object)
{
	ssize_t moved;
	int ends[2];

	if (object->fd < 0)
		return no("it has no descriptor%s", other_way(object));
	if (pipe2(ends, O_CLOEXEC))
		return failed(errno, "pipe()");
	if (object->map)
		fill(object->map, PIECE, 1);
	moved = splice(object->fd, NULL, ends[1], NULL, PIECE, 0);
	if (moved < 0) {
		int error = errno;

		return failed(error, "splice()%s", other_way(object));
	}
	if (moved != (ssize_t)PIECE)
		return no("it moves %zd bytes", moved);
	return by_reference(object, ends[0]);
}

struct answer ask_splice_in(struct object *object)
{
	struct iovec piece = { .iov_len = PIECE };
	ssize_t moved, done = 0;
	int ends[2];

	if (object->fd < 0)
		return no("it has no descriptor");
	if (!object->map)
		return no("it cannot be mapped, so that what arrives cannot be told");
	/* Of pages of its own, so that the pipe could hand them over. */
	piece.iov_base =
		mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (piece.iov_base == MAP_FAILED || pipe2(ends, O_CLOEXEC))
		return failed(errno, "pipe()");
	fill(piece.iov_base, PIECE, 1);
	if (vmsplice(ends[1], &piece, 1, 0) != (ssize_t)PIECE)
		return failed(errno, "vmsplice()");
	while (done < (ssize_t)PIECE) {
		moved = splice(ends[0], NULL, object->fd, NULL, PIECE - done, 0);
		if (moved <= 0)
			return moved < 0 ? failed(errno, "splice()") :
					   no("it moves %zd bytes", done);
		done += moved;
	}
	if (!holds(object->map, PIECE, 1))
		return no("other bytes arrive");
	fill(piece.iov_base, PIECE, 2);
	return yes("by %s", holds(object->map, PIECE, 2) ? "reference" : "copy");
}
