// SPDX-License-Identifier: GPL-2.0-only
/* Ways to send memory of the program's, into which a disk writes by DMA. */
#include <fcntl.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "census.h"

static char *memory;
static int pipe_ends[2];

char *map_memory(size_t size)
{
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	MUST(map == MAP_FAILED ? -1 : 0);
	return map;
}

static void open_direct(struct transfer *transfer)
{
	open_file(transfer, O_DIRECT);
	memory = map_memory(PIECE);
}

static void send_direct(struct transfer *transfer, uint64_t offset, size_t size)
{
	read_piece(memory, offset, size);
	content_change(memory, size);
	write_full(transfer->socket, memory, size);
}

/* Nobody tells when a piece may be written again: so each is used once. */
static void open_vmsplice(struct transfer *transfer)
{
	open_file(transfer, O_DIRECT);
	memory = map_memory(transfer->size);
	open_pipe(pipe_ends);
}

static void vmsplice_full(struct transfer *transfer, uint64_t offset, size_t size, int flags)
{
	struct iovec iov = { .iov_base = memory + offset, .iov_len = size };
	const int socket = transfer->socket;

	read_piece(iov.iov_base, offset, size);
	content_change(iov.iov_base, size);
	while (iov.iov_len) {
		size_t in_pipe = MUST(vmsplice(pipe_ends[1], &iov, 1, flags));

		iov.iov_base = (char *)iov.iov_base + in_pipe;
		iov.iov_len -= in_pipe;
		while (in_pipe)
			in_pipe -= MUST(splice(pipe_ends[0], NULL, socket, NULL, in_pipe, 0));
	}
}

static void send_vmsplice(struct transfer *transfer, uint64_t offset, size_t size)
{
	vmsplice_full(transfer, offset, size, 0);
}

static void send_gift(struct transfer *transfer, uint64_t offset, size_t size)
{
	vmsplice_full(transfer, offset, size, SPLICE_F_GIFT);
}

/* Calls made, and completed; and of each buffer, the calls made when it was sent. */
static uint32_t zerocopy_made, zerocopy_done, zerocopy_until[BUFFERS];

static void open_zerocopy(struct transfer *transfer)
{
	const int one = 1;

	open_file(transfer, O_DIRECT);
	memory = map_memory(BUFFERS * PIECE);
	MUST(setsockopt(transfer->socket, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
}

/* Until so many calls were completed; TCP does it in order. */
static void wait_zerocopy(int socket, uint32_t until)
{
	while (zerocopy_done < until) {
		struct pollfd poll_fd = { .fd = socket };
		struct sock_extended_err *error;
		char control[128];
		struct msghdr message = {
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};

		MUST(poll(&poll_fd, 1, -1));
		MUST(recvmsg(socket, &message, MSG_ERRQUEUE));
		error = (void *)CMSG_DATA(CMSG_FIRSTHDR(&message));
		zerocopy_done = error->ee_data + 1;
	}
}

static void send_zerocopy(struct transfer *transfer, uint64_t offset, size_t size)
{
	unsigned int buffer = offset / PIECE % BUFFERS;
	char *data = memory + buffer * PIECE;

	wait_zerocopy(transfer->socket, zerocopy_until[buffer]);
	read_piece(data, offset, size);
	content_change(data, size);
	while (size) {
		long done = send(transfer->socket, data, size, MSG_ZEROCOPY);

		/* There is room for so many messages that tell of completions, and no more. */
		if (done < 0 && errno == ENOBUFS && zerocopy_done < zerocopy_made) {
			wait_zerocopy(transfer->socket, zerocopy_done + 1);
			continue;
		}
		MUST(done);
		zerocopy_made++;
		data += done;
		size -= done;
	}
	zerocopy_until[buffer] = zerocopy_made;
}

static void close_zerocopy(struct transfer *transfer)
{
	wait_zerocopy(transfer->socket, zerocopy_made);
}

static void open_mappable(struct transfer *transfer)
{
	open_zerocopy(transfer);
	set_segment(transfer);
}

const struct method memory_methods[] = {
	{
		.name = "O_DIRECT, write",
		.what = "read from disk past the page cache, changed, write()",
		.knows = "copied, at once",
		.open = open_direct,
		.send = send_direct,
	},
	{
		.name = "O_DIRECT, vmsplice",
		.what = "read from disk past the page cache, changed, vmsplice() to a pipe, and on "
			"to the socket",
		.knows = "no",
		.open = open_vmsplice,
		.send = send_vmsplice,
	},
	{
		.name = "O_DIRECT, vmsplice GIFT",
		.what = "read from disk past the page cache, changed, vmsplice() with "
			"SPLICE_F_GIFT, and on to the socket",
		.knows = "no: given away",
		.open = open_vmsplice,
		.send = send_gift,
	},
	{
		.name = "O_DIRECT, MSG_ZEROCOPY",
		.what = "read from disk past the page cache, changed, send() with MSG_ZEROCOPY",
		.knows = "error queue",
		.open = open_zerocopy,
		.send = send_zerocopy,
		.close = close_zerocopy,
	},
	{
		.name = "MSG_ZEROCOPY, ZC_RECEIVE",
		.what = "read from disk past the page cache, changed, MSG_ZEROCOPY in packets of "
			"whole pages where the device can, to a receiver that asks "
			"TCP_ZEROCOPY_RECEIVE to map them",
		.knows = "error queue",
		.optional = true,
		.open = open_mappable,
		.send = send_zerocopy,
		.close = close_zerocopy,
		.prepare = map_prepare,
		.receive = map_receive,
	},
	{ 0 },
};
