// SPDX-License-Identifier: GPL-2.0-only
/* The ways to send a file. */
#include <fcntl.h>
#include <linux/errqueue.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zcpool.h>

#include "demo.h"

/* Pieces of memory that methods go round in, where a piece may still be on its way. */
#define BUFFERS 8

static int file;
static char *memory;
static int pipes[2];
static struct zcpool *pool;

static void open_file(const struct transfer *transfer, int flags)
{
	file = MUST(open(transfer->path, O_RDONLY | O_CLOEXEC | flags));
}

static void open_buffers(const struct transfer *transfer, int flags)
{
	open_file(transfer, flags);
	memory = aligned_alloc(ALIGNMENT, BUFFERS * PIECE);
	if (!memory)
		fail("not enough memory");
	/* The first touch is no part of sending. */
	content_fill(memory, 0, BUFFERS * PIECE);
}

static void close_buffers(const struct transfer *transfer)
{
	(void)transfer;
	free(memory);
	close(file);
}

static void close_file(const struct transfer *transfer)
{
	(void)transfer;
	close(file);
}

static void read_full(char *data, uint64_t offset, size_t size)
{
	if (MUST(pread(file, data, size, offset)) != (long)size)
		fail("the file became shorter");
}

static void write_full(int socket, const char *data, size_t size)
{
	while (size) {
		long done = MUST(write(socket, data, size));

		data += done;
		size -= done;
	}
}

static void open_copy(const struct transfer *transfer)
{
	open_buffers(transfer, 0);
}

static void open_direct(const struct transfer *transfer)
{
	open_buffers(transfer, O_DIRECT);
}

/* By the page cache or past it, as the file was opened. */
static void send_copy(const struct transfer *transfer, uint64_t offset, size_t size)
{
	read_full(memory, offset, size);
	content_change(memory, size);
	write_full(transfer->socket, memory, size);
}

static void open_mapped(const struct transfer *transfer)
{
	open_file(transfer, 0);
	/* Private: the change is not to reach the file. */
	memory = mmap(NULL, transfer->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	MUST(memory == MAP_FAILED ? -1 : 0);
}

static void send_mapped(const struct transfer *transfer, uint64_t offset, size_t size)
{
	content_change(memory + offset, size);
	write_full(transfer->socket, memory + offset, size);
}

static void close_mapped(const struct transfer *transfer)
{
	munmap(memory, transfer->size);
	close(file);
}

static void open_cached(const struct transfer *transfer)
{
	open_file(transfer, 0);
}

static void sendfile_full(int socket, int from, uint64_t offset, size_t size)
{
	off_t at = offset;

	while (size) {
		long done = MUST(sendfile(socket, from, &at, size));

		if (!done)
			fail("sendfile() reached the end of the file");
		size -= done;
	}
}

static void send_sendfile(const struct transfer *transfer, uint64_t offset, size_t size)
{
	sendfile_full(transfer->socket, file, offset, size);
}

static void open_splice(const struct transfer *transfer)
{
	open_file(transfer, 0);
	MUST(pipe2(pipes, O_CLOEXEC));
	MUST(fcntl(pipes[1], F_SETPIPE_SZ, PIECE));
}

static void send_splice(const struct transfer *transfer, uint64_t offset, size_t size)
{
	loff_t at = offset;

	while (size) {
		long in_pipe = MUST(splice(file, &at, pipes[1], NULL, size, 0));

		if (!in_pipe)
			fail("splice() reached the end of the file");
		size -= in_pipe;
		while (in_pipe)
			in_pipe -= MUST(splice(pipes[0], NULL, transfer->socket, NULL, in_pipe,
					       size ? SPLICE_F_MORE : 0));
	}
}

static void close_splice(const struct transfer *transfer)
{
	close(pipes[0]);
	close(pipes[1]);
	close_file(transfer);
}

/* Calls made, and completed; and of each buffer, the calls made when it was sent. */
static uint32_t zerocopy_made, zerocopy_done, zerocopy_until[BUFFERS];

static void open_zerocopy(const struct transfer *transfer)
{
	const int one = 1;
	unsigned int i;

	open_buffers(transfer, O_DIRECT);
	MUST(setsockopt(transfer->socket, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
	zerocopy_made = 0;
	zerocopy_done = 0;
	for (i = 0; i < BUFFERS; i++)
		zerocopy_until[i] = 0;
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

static void send_zerocopy(const struct transfer *transfer, uint64_t offset, size_t size)
{
	unsigned int buffer = offset / PIECE % BUFFERS;
	char *data = memory + buffer * PIECE;

	wait_zerocopy(transfer->socket, zerocopy_until[buffer]);
	read_full(data, offset, size);
	content_change(data, size);
	while (size) {
		long done = MUST(send(transfer->socket, data, size, MSG_ZEROCOPY));

		zerocopy_made++;
		data += done;
		size -= done;
	}
	zerocopy_until[buffer] = zerocopy_made;
}

static void close_zerocopy(const struct transfer *transfer)
{
	wait_zerocopy(transfer->socket, zerocopy_made);
	close_buffers(transfer);
}

static void open_pool(const struct transfer *transfer)
{
	struct zcpool_create create = { .buffer_size = PIECE, .count = BUFFERS };
	void *map;

	open_file(transfer, O_DIRECT);
	MUST(zcpool_open(0, &pool));
	MUST(zcpool_create(pool, &create));
	MUST(zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	/* The first touch is no part of sending. */
	content_fill(map, 0, zcpool_size(pool));
}

/* A buffer that nobody refers to any more, with the bytes of the file, changed. */
static uint32_t get_filled(uint64_t offset, size_t size)
{
	uint32_t index;

	MUST(zcpool_get(pool, &index, -1));
	read_full(zcpool_addr(pool, index), offset, size);
	content_change(zcpool_addr(pool, index), size);
	return index;
}

static void send_pool_sendfile(const struct transfer *transfer, uint64_t offset, size_t size)
{
	uint32_t index = get_filled(offset, size);

	sendfile_full(transfer->socket, zcpool_fd(pool), zcpool_offset(pool, index), size);
	MUST(zcpool_put(pool, index));
}

static void send_pool_send(const struct transfer *transfer, uint64_t offset, size_t size)
{
	uint32_t index = get_filled(offset, size);
	uint64_t at = zcpool_offset(pool, index), end = at + size;

	while (at < end) {
		struct zcpool_element element = zcpool_element_slice(at, end - at);
		struct zcpool_sent sent;

		MUST(zcpool_send(pool, transfer->socket, &element, 1, 0, &sent));
		at += sent.bytes;
	}
	MUST(zcpool_put(pool, index));
}

/* All buffers are free again: the peer has everything, and has acknowledged it. */
static void close_pool(const struct transfer *transfer)
{
	uint32_t indices[BUFFERS], got = 0;

	MUST(zcpool_flush(pool));
	while (got < BUFFERS)
		got += MUST(zcpool_get_batch(pool, indices, BUFFERS - got, -1));
	zcpool_close(pool);
	close_file(transfer);
}

const struct method methods[] = {
	{ "read", "read(), write()", "write() returns", 2, true, false, open_copy, send_copy,
	  close_buffers },
	{ "mmap", "mmap(), write()", "write() returns", 1, true, false, open_mapped, send_mapped,
	  close_mapped },
	{ "sendfile", "sendfile()", "nobody tells", 0, false, false, open_cached, send_sendfile,
	  close_file },
	{ "splice", "splice()", "nobody tells", 0, false, false, open_splice, send_splice,
	  close_splice },
	{ "direct", "O_DIRECT, write()", "write() returns", 1, true, false, open_direct, send_copy,
	  close_buffers },
	{ "zerocopy", "O_DIRECT, MSG_ZEROCOPY", "a message each", 0, true, false, open_zerocopy,
	  send_zerocopy, close_zerocopy },
	{ "pool-sendfile", "zcpool, sendfile()", "GET returns it", 0, true, true, open_pool,
	  send_pool_sendfile, close_pool },
	{ "pool-send", "zcpool, SEND", "GET returns it", 0, true, true, open_pool, send_pool_send,
	  close_pool },
	{ 0 },
};
