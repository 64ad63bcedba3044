/* SPDX-License-Identifier: GPL-2.0-only */
/* Seals: for those who end them, and who would write. */
#ifndef ZCPOOL_SEAL_H
#define ZCPOOL_SEAL_H

#include "zcpool.h"

/* seal.c */
int zcpool_buffer_seal(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 index, u8 seal,
		       bool hold);
void zcpool_buffer_stay_sealed(struct zcpool_pool *pool, u32 index);
int zcpool_buffer_unseal(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 index,
			 u8 seal);
void zcpool_seal_pass_on(struct zcpool_pool *pool, struct zcpool_buffer *buffer);
void zcpool_buffers_unseal(struct zcpool_pool *pool, const u32 *indices, u32 count);
bool zcpool_buffer_stays_sealed(struct zcpool_pool *pool, u32 index);
bool zcpool_slice_sealed(struct zcpool_pool *pool, const struct zcpool_slice *slice);
int zcpool_write_begin(struct zcpool_pool *pool, const struct zcpool_chunk *chunk);
void zcpool_write_end(const struct zcpool_chunk *chunk);
int zcpool_slice_add_writer(struct zcpool_pool *pool, const struct zcpool_slice *slice);
void zcpool_slice_drop_writer(struct zcpool_pool *pool, const struct zcpool_slice *slice);

/**
 * zcpool_buffer_sealed() - whether a buffer is sealed
 * @pool: pool
 * @index: buffer of it
 *
 * Context: process, no folio locked.
 */
static inline bool zcpool_buffer_sealed(struct zcpool_pool *pool, u32 index)
{
	/* Pairs with zcpool_seal_set(); what a late look misses, see seal.c. */
	return READ_ONCE(pool->buffers[index].seal) && zcpool_buffer_stays_sealed(pool, index);
}

/* Whether mprotect() is to make a mapping writable that others share. */
static inline bool zcpool_mprotect_writes(const struct vm_area_struct *vma, unsigned long flags)
{
	return (flags & VM_SHARED) && (flags & VM_WRITE) && !(vma->vm_flags & VM_WRITE);
}

#endif /* ZCPOOL_SEAL_H */
