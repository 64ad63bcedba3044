// SPDX-License-Identifier: GPL-2.0-only
/* zcpool: the disk writes into a pool's buffers by DMA. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <zcpool.h>

#include "census.h"

static struct zcpool *pool;
static int pipe_ends[2];

static void open_pool(struct transfer *transfer)
{
	open_file(transfer, O_DIRECT);
	pool = pool_open(PIECE, BUFFERS, 0);
}

static uint32_t fill(uint64_t offset, size_t size)
{
	return pool_fill(pool, file_fd(), offset, size);
}

static void close_pool(struct transfer *transfer)
{
	(void)transfer;
	pool_wait(pool);
}

static void send_sendfile(struct transfer *transfer, uint64_t offset, size_t size)
{
	pool_sendfile(pool, fill(offset, size), transfer->socket, size);
}

static void open_splice(struct transfer *transfer)
{
	open_pool(transfer);
	open_pipe(pipe_ends, MIB);
}

static void send_splice(struct transfer *transfer, uint64_t offset, size_t size)
{
	uint32_t index = fill(offset, size);

	splice_full(zcpool_fd(pool), zcpool_offset(pool, index), pipe_ends, transfer->socket, size);
	MUST(zcpool_put(pool, index));
}

static void send_send(struct transfer *transfer, uint64_t offset, size_t size)
{
	pool_send(pool, fill(offset, size), transfer->socket, size, 0);
}

static void open_mappable(struct transfer *transfer)
{
	open_pool(transfer);
	set_segment(transfer);
}

static void send_sealed(struct transfer *transfer, uint64_t offset, size_t size)
{
	pool_send(pool, fill(offset, size), transfer->socket, size, ZCPOOL_SEND_F_SEAL);
}

static void open_transfer(struct transfer *transfer)
{
	open_pool(transfer);
	transfer->shared->share = MUST(zcpool_share(pool, 0));
}

static void send_transfer(struct transfer *transfer, uint64_t offset, size_t size)
{
	struct zcpool_item item = { .index = fill(offset, size), .tag = size };

	MUST(zcpool_transfer(pool, transfer->shared->handle, &item, 1, NULL));
}

/* Of a process that was not forked by the sender, which would share all its memory. */
static void prepare_attach(struct transfer *transfer)
{
	int process = MUST(pidfd_open(transfer->shared->sender, 0));
	int share = MUST(pidfd_getfd(process, transfer->shared->share, 0));
	const volatile char *page;
	void *map;

	MUST(zcpool_attach(share, 0, 0, &pool));
	MUST(zcpool_map(pool, PROT_READ, &map));
	for (page = map; page < (char *)map + zcpool_size(pool); page += PAGE)
		(void)*page;
	transfer->shared->handle = zcpool_handle_number(pool);
	close(share);
	close(process);
}

/* To be put back, a buffer must have been checked. */
static void receive_transfer(struct transfer *transfer)
{
	uint64_t done = 0;

	while (done < transfer->size) {
		struct zcpool_item item;

		MUST(zcpool_receive(pool, &item, 1, -1));
		receive_check(transfer, zcpool_addr(pool, item.index), item.tag);
		done += item.tag;
		MUST(zcpool_put(pool, item.index));
	}
	MUST(zcpool_flush(pool));
}

const struct method pool_methods[] = {
	{
		.name = "zcpool sendfile",
		.what = "read from disk into a buffer, changed, sendfile()",
		.knows = "GET",
		.pool = true,
		.open = open_pool,
		.send = send_sendfile,
		.close = close_pool,
	},
	{
		.name = "zcpool splice",
		.what = "read from disk into a buffer, changed, splice() to a pipe, and on to the "
			"socket",
		.knows = "GET",
		.pool = true,
		.open = open_splice,
		.send = send_splice,
		.close = close_pool,
	},
	{
		.name = "zcpool SEND",
		.what = "read from disk into a buffer, changed, SEND",
		.knows = "GET",
		.pool = true,
		.open = open_pool,
		.send = send_send,
		.close = close_pool,
	},
	{
		.name = "zcpool SEND, ZC_RECEIVE",
		.what = "read from disk into buffer, changed, SEND in packets of whole pages where "
			"the device can, to a receiver that asks TCP_ZEROCOPY_RECEIVE to map them",
		.knows = "GET",
		.pool = true,
		.optional = true,
		.open = open_mappable,
		.send = send_send,
		.close = close_pool,
		.prepare = map_prepare,
		.receive = map_receive,
	},
	{
		.name = "zcpool SEND, sealed",
		.what = "read from disk into a buffer, changed, SEND of what nobody can change "
			"meanwhile",
		.knows = "GET",
		.pool = true,
		.open = open_pool,
		.send = send_sealed,
		.close = close_pool,
	},
	{
		.name = "zcpool TRANSFER",
		.what = "read from disk into a buffer, changed, TRANSFER to another process, which "
			"reads it in place",
		.knows = "GET",
		.pool = true,
		.no_socket = true,
		.open = open_transfer,
		.send = send_transfer,
		.close = close_pool,
		.prepare = prepare_attach,
		.receive = receive_transfer,
	},
	{ 0 },
};
