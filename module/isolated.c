// SPDX-License-Identifier: GPL-2.0-only
/*
 * Isolated pools: a handle reaches the buffers that it owns, and no others, so that
 * programs of different users can share a pool.
 *
 * Every way to a buffer's memory asks who owns it.  What needs the memory for a while
 * first takes a reference to it, so that the buffer is not free meanwhile, and then
 * asks; whoever gives a buffer up has its mappings taken away.  A buffer that changes
 * users is cleared in between, but not one that is transferred.
 */
#include <linux/cred.h>
#include <linux/highmem.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "seal.h"
#include "slice.h"

/* In zcpool_buffer.tag of an unowned buffer, where a uid is not: it has zeroes. */
#define ZCPOOL_BYTES_NONE U64_MAX
/* It has bytes that no next owner is to see. */
#define ZCPOOL_BYTES_ANYBODYS (U64_MAX - 1)

/* Whose the bytes are that a handle leaves; no user's if it is no user's. */
static u64 zcpool_bytes_of(const struct zcpool_handle *handle)
{
	return uid_valid(handle->user) ? __kuid_val(handle->user) : ZCPOOL_BYTES_ANYBODYS;
}

/* Whether a handle's user may see what a free buffer has. */
static bool zcpool_bytes_may_be_seen(const struct zcpool_buffer *buffer,
				     const struct zcpool_handle *handle)
{
	if (buffer->tag == ZCPOOL_BYTES_NONE)
		return true;
	return buffer->tag != ZCPOOL_BYTES_ANYBODYS && buffer->tag == zcpool_bytes_of(handle);
}

/**
 * zcpool_isolated_init() - note that a new pool's buffers have zeroes
 * @pool: pool
 */
void zcpool_isolated_init(struct zcpool_pool *pool)
{
	u32 i;

	for (i = 0; i < pool->geometry.count; i++)
		pool->buffers[i].tag = ZCPOOL_BYTES_NONE;
}

static void zcpool_isolated_vm_open(struct vm_area_struct *vma)
{
	zcpool_handle_get(vma->vm_private_data);
}

static void zcpool_isolated_vm_close(struct vm_area_struct *vma)
{
	zcpool_handle_put(vma->vm_private_data);
}

/* Take all page table entries of a buffer away, also those that faults are about to make. */
static void zcpool_buffer_unmap(struct zcpool_pool *pool, u32 index)
{
	struct folio **folio = &pool->memory.folios[(u64)index * pool->geometry.folios_per_buffer];
	struct folio **end = folio + pool->geometry.folios_per_buffer;

	for (; folio < end; folio++) {
		folio_lock(*folio);
		zcpool_folio_unmap(pool, *folio);
		folio_unlock(*folio);
		cond_resched();
	}
}

/*
 * As zcpool_mprotect(), but another's seal is nothing to wait for, nor to fail for.  Entries
 * may also be left of what the handle is giving up, or received in vain and is to receive
 * again.  They are taken away, since nobody would look at the seal again if they became writable.
 */
static int zcpool_isolated_mprotect(struct vm_area_struct *vma, unsigned long start,
				    unsigned long end, unsigned long flags)
{
	const struct zcpool_slice slice = zcpool_vma_slice(vma, start, end);
	struct zcpool_pool *pool = vma->vm_file->private_data;
	struct zcpool_span span = zcpool_slice_span(pool, &slice);

	if (!zcpool_mprotect_writes(vma, flags) || !READ_ONCE(pool->nr_sealed))
		return 0;
	for (; span.first < span.end; span.first++) {
		const struct zcpool_buffer *buffer = &pool->buffers[span.first];
		unsigned long owner;

		cond_resched();
		if (!READ_ONCE(buffer->seal))
			continue;
		/* Faults, which would make an entry here, are kept out by mmap_lock. */
		owner = (unsigned long)READ_ONCE(buffer->owner);
		if ((owner & ~ZCPOOL_OWNER_MARKS) != (unsigned long)vma->vm_private_data)
			continue;
		if (owner & ZCPOOL_OWNER_MARKS)
			zcpool_buffer_unmap(pool, span.first);
		else if (zcpool_buffer_sealed(pool, span.first))
			return -EACCES;
	}
	return 0;
}

/*
 * A mapping outlives the handle that it was made by, and then shows nothing; it keeps
 * the handle's memory, so that no other handle is taken for it.
 */
const struct vm_operations_struct zcpool_isolated_vm_ops = {
	.open = zcpool_isolated_vm_open,
	.close = zcpool_isolated_vm_close,
	.fault = zcpool_fault,
	.mprotect = zcpool_isolated_mprotect,
};

/**
 * zcpool_isolated_vma_init() - have a mapping show what a handle owns
 * @vma: new mapping with zcpool_isolated_vm_ops
 * @handle: handle
 */
void zcpool_isolated_vma_init(struct vm_area_struct *vma, struct zcpool_handle *handle)
{
	zcpool_handle_get(handle);
	vma->vm_private_data = handle;
}

/**
 * zcpool_isolated_vma_reaches() - whether a mapping may show a buffer
 * @vma: mapping of a pool
 * @pool: pool
 * @index: buffer, the folio that is to be shown locked
 *
 * Mappings of views and exports may: these keep the buffer from being anybody else's.
 * If the buffer is given up in this moment, zcpool_isolated_withdraw() waits for the
 * folio, and takes the entry away that is made now.
 */
bool zcpool_isolated_vma_reaches(const struct vm_area_struct *vma, const struct zcpool_pool *pool,
				 u32 index)
{
	if (vma->vm_ops != &zcpool_isolated_vm_ops)
		return true;
	return READ_ONCE(pool->buffers[index].owner) == vma->vm_private_data;
}

/**
 * zcpool_isolated_withdraw() - end what the owner of a buffer may do with it
 * @pool: pool, its lock held; dropped for a while
 * @handle: whose bytes the buffer has; NULL for those of another
 * @index: buffer that the caller may take from its owner, and in no queue
 *
 * Afterwards the buffer's owner compares equal to no handle, and the caller, who alone may
 * name another one, finds by zcpool_buffer_held() whether anything but mappings still holds it.
 */
void zcpool_isolated_withdraw(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			      u32 index) __must_hold(&pool->lock)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];

	lockdep_assert_held(&pool->lock);
	buffer->tag = handle ? zcpool_bytes_of(handle) : ZCPOOL_BYTES_ANYBODYS;
	/* Ahead of the folio's lock: see zcpool_isolated_vma_reaches(). */
	WRITE_ONCE(buffer->owner, (void *)((unsigned long)buffer->owner | ZCPOOL_OWNER_LEAVING));
	spin_unlock(&pool->lock);
	/* What was being mapped is, and what will be has another owner to ask for. */
	zcpool_buffer_unmap(pool, index);
	spin_lock(&pool->lock);
}

/* Pages that failed stay as they are: who reads them is told so. */
static void zcpool_folio_clear(struct folio *folio)
{
	long nr = folio_nr_pages(folio);
	long i;

	for (i = 0; i < nr; i++) {
		const struct zcpool_chunk page = {
			.folio = folio,
			.offset = i << PAGE_SHIFT,
			.length = PAGE_SIZE,
		};

		if (!zcpool_chunk_failed(&page))
			clear_highpage(folio_page(folio, i));
		cond_resched();
	}
}

static void zcpool_buffer_clear(struct zcpool_pool *pool, u32 index)
{
	struct folio **folio = &pool->memory.folios[(u64)index * pool->geometry.folios_per_buffer];
	struct folio **end = folio + pool->geometry.folios_per_buffer;

	for (; folio < end; folio++)
		zcpool_folio_clear(*folio);
}

/**
 * zcpool_isolated_settle() - make a handle the owner of free buffers
 * @pool: pool
 * @handle: handle
 * @indices: buffers that are nobody's, and in no queue
 * @count: how many
 *
 * Those that have another user's bytes are cleared, before anybody can see them.
 */
void zcpool_isolated_settle(struct zcpool_pool *pool, struct zcpool_handle *handle,
			    const u32 *indices, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		struct zcpool_buffer *buffer = &pool->buffers[indices[i]];

		/* Nobody else knows the buffer now. */
		if (!zcpool_bytes_may_be_seen(buffer, handle))
			zcpool_buffer_clear(pool, indices[i]);
		spin_lock(&pool->lock);
		/* What was cleared ahead of it, for who looks without the lock. */
		smp_store_release(&buffer->owner, handle);
		spin_unlock(&pool->lock);
	}
}

/**
 * zcpool_chunk_borrow() - keep memory a handle's while it is worked on
 * @pool: isolated pool
 * @handle: handle
 * @chunk: part of the pool
 *
 * By the lock: whoever hands the buffer out later sees the reference, that is to be
 * dropped by folio_put().
 *
 * Return: 0, or -EPERM if @handle does not own the buffer.
 */
int zcpool_chunk_borrow(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			const struct zcpool_chunk *chunk)
{
	int error = -EPERM;

	spin_lock(&pool->lock);
	if (pool->buffers[zcpool_folio_buffer(chunk->folio)].owner == handle) {
		folio_get(chunk->folio);
		error = 0;
	}
	spin_unlock(&pool->lock);
	return error;
}

/**
 * zcpool_slice_return() - undo zcpool_slice_borrow()
 * @pool: isolated pool
 * @slice: slice
 */
void zcpool_slice_return(struct zcpool_pool *pool, const struct zcpool_slice *slice)
{
	u64 end = slice->offset + slice->length;
	u64 offset = slice->offset;

	while (offset < end) {
		struct zcpool_chunk chunk = zcpool_pool_chunk(pool, offset, end - offset);

		folio_put(chunk.folio);
		offset += chunk.length;
		cond_resched();
	}
	zcpool_wake_hint(pool);
}

/**
 * zcpool_slice_borrow() - zcpool_chunk_borrow() of all of a slice
 * @pool: isolated pool
 * @handle: handle
 * @slice: slice of it
 *
 * Return: 0, or -EPERM if @handle does not own every buffer of it.
 */
int zcpool_slice_borrow(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			const struct zcpool_slice *slice)
{
	struct zcpool_slice done = { .offset = slice->offset };

	while (done.length < slice->length) {
		struct zcpool_chunk chunk = zcpool_pool_chunk(pool, done.offset + done.length,
							      slice->length - done.length);

		if (zcpool_chunk_borrow(pool, handle, &chunk)) {
			zcpool_slice_return(pool, &done);
			return -EPERM;
		}
		done.length += chunk.length;
		cond_resched();
	}
	return 0;
}
