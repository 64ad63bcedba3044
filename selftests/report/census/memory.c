// SPDX-License-Identifier: GPL-2.0-only
/* Ways to send memory of the program's, into which a disk writes by DMA. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

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
	copy_changed(file_fd(), offset, memory, transfer->socket, size);
}

/* Nobody tells when a piece may be written again: so each is used once. */
static void open_vmsplice(struct transfer *transfer)
{
	open_file(transfer, O_DIRECT);
	memory = map_memory(transfer->size);
	open_pipe(pipe_ends, MIB);
}

static void vmsplice_full(struct transfer *transfer, uint64_t offset, size_t size, int flags)
{
	struct iovec iov = { .iov_base = memory + offset, .iov_len = size };
	const int socket = transfer->socket;

	read_full(file_fd(), iov.iov_base, offset, size);
	content_change(iov.iov_base, size);
	while (iov.iov_len) {
		size_t in_pipe = MUST(vmsplice(pipe_ends[1], &iov, 1, flags));

		iov.iov_base = (char *)iov.iov_base + in_pipe;
		iov.iov_len -= in_pipe;
		pipe_drain(pipe_ends[0], socket, in_pipe, 0);
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

static void open_zerocopy(struct transfer *transfer)
{
	open_file(transfer, O_DIRECT);
	zerocopy_open(transfer->socket, map_memory(BUFFERS * PIECE), PIECE);
}

static void send_zerocopy(struct transfer *transfer, uint64_t offset, size_t size)
{
	(void)transfer;
	zerocopy_send(file_fd(), offset, size);
}

static void close_zerocopy(struct transfer *transfer)
{
	(void)transfer;
	zerocopy_wait();
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
