// SPDX-License-Identifier: GPL-2.0-only
/* zcpool: the disk writes into a pool's buffers by DMA. */
#include <string.h>
#include <sys/mman.h>

#include <zcpool.h>

#include "ways.h"

struct zcpool *pool_open(size_t piece, uint32_t count, uint32_t dma_bits)
{
	struct zcpool_create create = {
		.buffer_size = piece,
		.count = count,
		.dma_bits = dma_bits,
	};
	struct zcpool *pool;
	void *map;

	MUST(zcpool_open(0, &pool));
	MUST(zcpool_create(pool, &create));
	MUST(zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	memset(map, 0, zcpool_size(pool));
	return pool;
}

uint32_t pool_fill(struct zcpool *pool, int file, uint64_t offset, size_t size)
{
	uint32_t index;

	MUST(zcpool_get(pool, &index, -1));
	read_full(file, zcpool_addr(pool, index), offset, size);
	content_change(zcpool_addr(pool, index), size);
	return index;
}

void pool_sendfile(struct zcpool *pool, uint32_t index, int socket, size_t size)
{
	sendfile_full(socket, zcpool_fd(pool), zcpool_offset(pool, index), size);
	MUST(zcpool_put(pool, index));
}

void pool_send(struct zcpool *pool, uint32_t index, int socket, size_t size, uint32_t flags)
{
	uint64_t at = zcpool_offset(pool, index), end = at + size;

	while (at < end) {
		struct zcpool_element element = zcpool_element_slice(at, end - at);
		struct zcpool_sent sent;

		MUST(zcpool_send(pool, socket, &element, 1, flags, &sent));
		at += sent.bytes;
	}
	MUST(zcpool_put(pool, index));
}

void pool_wait(struct zcpool *pool)
{
	uint32_t got = 0, count = zcpool_count(pool), indices[BUFFERS];

	MUST(zcpool_flush(pool));
	while (got < count) {
		uint32_t left = count - got;

		got += MUST(zcpool_get_batch(pool, indices, left < BUFFERS ? left : BUFFERS, -1));
	}
}
