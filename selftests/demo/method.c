// SPDX-License-Identifier: GPL-2.0-only
/* The ways to send a file. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zcpool.h>

#include "demo.h"

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
	copy_changed(file, offset, memory, transfer->socket, size);
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

static void send_sendfile(const struct transfer *transfer, uint64_t offset, size_t size)
{
	sendfile_full(transfer->socket, file, offset, size);
}

static void open_splice(const struct transfer *transfer)
{
	open_file(transfer, 0);
	open_pipe(pipes, PIECE);
}

static void send_splice(const struct transfer *transfer, uint64_t offset, size_t size)
{
	splice_full(file, offset, pipes, transfer->socket, size);
}

static void close_splice(const struct transfer *transfer)
{
	close(pipes[0]);
	close(pipes[1]);
	close_file(transfer);
}

static void open_zerocopy(const struct transfer *transfer)
{
	open_buffers(transfer, O_DIRECT);
	zerocopy_open(transfer->socket, memory, PIECE);
}

static void send_zerocopy(const struct transfer *transfer, uint64_t offset, size_t size)
{
	(void)transfer;
	zerocopy_send(file, offset, size);
}

static void close_zerocopy(const struct transfer *transfer)
{
	zerocopy_wait();
	close_buffers(transfer);
}

static void open_pool(const struct transfer *transfer)
{
	open_file(transfer, O_DIRECT);
	pool = pool_open(PIECE, BUFFERS, 0);
}

static void send_pool_sendfile(const struct transfer *transfer, uint64_t offset, size_t size)
{
	pool_sendfile(pool, pool_fill(pool, file, offset, size), transfer->socket, size);
}

static void send_pool_send(const struct transfer *transfer, uint64_t offset, size_t size)
{
	pool_send(pool, pool_fill(pool, file, offset, size), transfer->socket, size, 0);
}

static void close_pool(const struct transfer *transfer)
{
	pool_wait(pool);
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
