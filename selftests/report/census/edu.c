// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcpool: a device of any kind, QEMU's edu, writes into a pool's buffers by DMA.  It takes
 * 100 ms for 4 KiB, so there is not much data; and its memory of that size is all that it
 * has, so the data repeats.
 */
#include <sys/mman.h>
#include <unistd.h>

#include <zcpool.h>
#include <zcpool_edu.h>

#include "census.h"

/* As much of it as the driver uses. */
#define DEVICE_MEMORY 4095
#define EDU_BUFFERS 4

static struct zcpool *pool;
static int device;
static int memories[EDU_BUFFERS];

static void move(uint32_t index, uint64_t length, uint32_t flags)
{
	struct zcpool_edu_completion completion;
	struct zcpool_edu_submit submit = {
		.length = length,
		.memory = memories[index],
		.flags = flags,
	};

	MUST(zcpool_edu_submit(device, &submit));
	MUST(zcpool_edu_complete(device, &completion, 1, -1));
	errno = -completion.result;
	MUST(completion.result ? -1 : 0);
}

static void open_edu(struct transfer *transfer)
{
	struct zcpool_edu_query query = { 0 };
	uint32_t i;

	(void)transfer;
	device = MUST(zcpool_edu_open(0, 0));
	MUST(zcpool_edu_query(device, &query));
	errno = EMSGSIZE;
	MUST(query.memory_size == DEVICE_MEMORY ? 0 : -1);
	pool = pool_open(PIECE, EDU_BUFFERS, query.dma_bits);
	for (i = 0; i < EDU_BUFFERS; i++) {
		const uint64_t offset = zcpool_offset(pool, i);
		int dmabuf;

		/* The program keeps the device to buffers that it owns. */
		dmabuf = MUST(zcpool_export(pool, offset, PIECE, ZCPOOL_EXPORT_F_UNHELD));
		memories[i] = MUST(zcpool_edu_import(device, dmabuf));
		close(dmabuf);
	}
	/* What the device has, as if it had come from outside. */
	content_fill(zcpool_addr(pool, 0), 0, PIECE);
	move(0, DEVICE_MEMORY, 0);
	content_fill(zcpool_addr(pool, 0), PIECE, PIECE);
}

static void send_edu(struct transfer *transfer, uint64_t offset, size_t size)
{
	uint32_t index;

	(void)offset;
	MUST(zcpool_get(pool, &index, -1));
	move(index, size, ZCPOOL_EDU_SUBMIT_F_FROM_DEVICE);
	content_change(zcpool_addr(pool, index), size);
	pool_send(pool, index, transfer->socket, size, 0);
}

static void close_edu(struct transfer *transfer)
{
	(void)transfer;
	pool_wait(pool);
}

const struct method edu_methods[] = {
	{
		.name = "zcpool device, SEND",
		.what = "companion driver: the edu device writes into a buffer, changed, SEND",
		.knows = "GET",
		.pool = true,
		.optional = true,
		.size = EDU_BUFFERS * PIECE,
		.period = DEVICE_MEMORY,
		.open = open_edu,
		.send = send_edu,
		.close = close_edu,
	},
	{ 0 },
};
