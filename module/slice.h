/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of a pool's byte space, and the memory behind. */
#ifndef ZCPOOL_SLICE_H
#define ZCPOOL_SLICE_H

#include <linux/math64.h>
#include <linux/nospec.h>

#include "zcpool.h"

/**
 * struct zcpool_slice - part of a pool's byte space
 * @offset: first byte
 * @length: bytes, 1 or more
 */
struct zcpool_slice {
	u64 offset;
	u64 length;
};

/**
 * struct zcpool_span - buffers in a row
 * @first: the first one
 * @end: the one behind the last
 */
struct zcpool_span {
	u32 first;
	u32 end;
};

/**
 * zcpool_slice_span() - the buffers that a slice touches
 * @pool: pool
 * @slice: slice of it
 */
static inline struct zcpool_span zcpool_slice_span(const struct zcpool_pool *pool,
						   const struct zcpool_slice *slice)
{
	u64 stride = pool->geometry.stride;

	return (struct zcpool_span){
		/* As in zcpool_pool_chunk(). */
		.first = array_index_nospec((u32)div64_u64(slice->offset, stride),
					    pool->geometry.count),
		.end = div64_u64(slice->offset + slice->length - 1, stride) + 1,
	};
}

/**
 * zcpool_buffer_folio() - the first folio of a buffer
 * @pool: pool
 * @index: buffer of it
 */
static inline struct folio *zcpool_buffer_folio(const struct zcpool_pool *pool, u32 index)
{
	return pool->memory.folios[(u64)index * pool->geometry.folios_per_buffer];
}

/**
 * struct zcpool_chunk - physically contiguous part of a pool
 * @folio: folio it lies in
 * @offset: bytes from the folio's start
 * @length: bytes
 */
struct zcpool_chunk {
	struct folio *folio;
	size_t offset;
	size_t length;
};

/**
 * zcpool_pool_chunk() - find the memory behind a pool offset
 * @pool: pool
 * @offset: bytes, below the pool's size
 * @length: bytes wanted from there on
 *
 * Return: the part of [@offset, @offset + @length) that lies in the folio of
 * @offset.
 */
static inline struct zcpool_chunk zcpool_pool_chunk(const struct zcpool_pool *pool, u64 offset,
						    u64 length)
{
	unsigned int shift = PAGE_SHIFT + pool->memory.order;
	struct zcpool_chunk chunk __uninitialized;

	/* Most offsets are of some user's, checked by who calls. */
	chunk.folio = pool->memory.folios[array_index_nospec((unsigned long)(offset >> shift),
							     pool->memory.nr)];
	chunk.offset = offset & (BIT_ULL(shift) - 1);
	chunk.length = min_t(u64, length, BIT_ULL(shift) - chunk.offset);
	return chunk;
}

/**
 * zcpool_folio_buffer() - the buffer that a folio of a pool belongs to
 * @folio: folio
 *
 * Return: the buffer's index.
 */
static inline u32 zcpool_folio_buffer(const struct folio *folio)
{
	return (unsigned long)folio->private;
}

/**
 * zcpool_buffer_failed() - whether memory has an uncorrected hardware error
 * @pool: pool
 * @chunk: part of it
 *
 * Sees to it that a buffer that failed is never handed out again.
 */
static inline bool zcpool_buffer_failed(struct zcpool_pool *pool, const struct zcpool_chunk *chunk)
{
	if (likely(!zcpool_chunk_failed(chunk)))
		return false;
	zcpool_buffer_retire(pool, zcpool_folio_buffer(chunk->folio));
	return true;
}

/**
 * zcpool_vma_slice() - what some addresses of a mapping show
 * @vma: mapping of a pool
 * @start: first address
 * @end: the one behind the last
 */
static inline struct zcpool_slice zcpool_vma_slice(const struct vm_area_struct *vma,
						   unsigned long start, unsigned long end)
{
	return (struct zcpool_slice){
		.offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) + (start - vma->vm_start),
		.length = end - start,
	};
}

/**
 * zcpool_pool_whole() - a pool's byte space as a slice
 * @pool: pool
 */
static inline struct zcpool_slice zcpool_pool_whole(const struct zcpool_pool *pool)
{
	return (struct zcpool_slice){ .length = pool->geometry.size };
}

#endif /* ZCPOOL_SLICE_H */
