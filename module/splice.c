// SPDX-License-Identifier: GPL-2.0-only
/* splice(), tee() and sendfile() from the pool: page references, never copies. */
#include <linux/file.h>
#include <linux/pipe_fs_i.h>
#include <linux/splice.h>

#include "trace.h"
#include "slice.h"

/*
 * Most bytes in a pipe slot.  Sockets take slots of any length, but unix
 * sockets on 6.1 check their buffer only between slots
 * (unix_stream_sendpage()), so one slot must not be much of it.
 */
#define ZCPOOL_SLOT_MAX SZ_64K

/* How many slots refer to the same buffer, for HOLDERS to tell. */
static atomic_t *zcpool_slot_count(const struct pipe_buffer *slot)
{
	const struct zcpool_pool *pool = (struct zcpool_pool *)slot->private;

	return &pool->buffers[zcpool_folio_buffer(page_folio(slot->page))].slots;
}

/* tee() makes a second slot: a reference to the pages and one to the pool. */
static bool zcpool_slot_get(struct pipe_inode_info *pipe, struct pipe_buffer *slot)
{
	struct zcpool_pool *pool = (struct zcpool_pool *)slot->private;

	if (!generic_pipe_buf_get(pipe, slot))
		return false;
	zcpool_pool_get(pool);
	atomic_inc(zcpool_slot_count(slot));
	return true;
}

static void zcpool_slot_release(struct pipe_inode_info *pipe, struct pipe_buffer *slot)
{
	struct zcpool_pool *pool = (struct zcpool_pool *)slot->private;

	atomic_dec(zcpool_slot_count(slot));
	generic_pipe_buf_release(pipe, slot);
	zcpool_wake_hint(pool);
	/* Deferred: the module's code stays until this function has returned. */
	zcpool_pool_put(pool);
}

/*
 * Without ->try_steal nobody makes the pages their own, as fuse would put them
 * into its page cache.  Without ->confirm the content is there at once.
 */
static const struct pipe_buf_operations zcpool_slot_ops = {
	.get = zcpool_slot_get,
	.release = zcpool_slot_release,
};

/*
 * Take what a slot holds.  In an isolated pool @handle has to own the memory when the
 * slot has its reference; it is NULL for a view, which keeps its buffers by itself.
 */
static int zcpool_slot_fill(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			    struct pipe_inode_info *pipe, struct pipe_buffer *slot,
			    const struct zcpool_chunk *chunk)
{
	bool borrow = handle && pool->geometry.isolated;
	int error = 0;

	if (borrow && zcpool_chunk_borrow(pool, handle, chunk))
		return -EPERM;
	if (!zcpool_slot_get(pipe, slot))
		error = -EFAULT;
	if (borrow)
		folio_put(chunk->folio);
	return error;
}

/* Hand @length bytes at pool offset @offset, or their beginning, to the pipe. */
static ssize_t zcpool_splice_slot(struct zcpool_pool *pool, const struct zcpool_handle *handle,
				  struct pipe_inode_info *pipe, u64 offset, u64 length)
{
	struct zcpool_chunk chunk __uninitialized;
	struct pipe_buffer slot __uninitialized;
	int error;

	chunk = zcpool_pool_chunk(pool, offset, min_t(u64, length, ZCPOOL_SLOT_MAX));
	if (zcpool_buffer_failed(pool, &chunk))
		return -EHWPOISON;
	/*
	 * The folio's first page with an offset beyond it, rather than the page
	 * of the offset: skb_can_coalesce() joins neighbours of one page.
	 */
	slot = (struct pipe_buffer){
		.page = folio_page(chunk.folio, 0),
		.offset = chunk.offset,
		.len = chunk.length,
		.ops = &zcpool_slot_ops,
		.private = (unsigned long)pool,
	};
	error = zcpool_slot_fill(pool, handle, pipe, &slot, &chunk);
	if (error)
		return error;
	/* Releases the slot if the pipe is full or has no reader. */
	return add_to_pipe(pipe, &slot);
}

/**
 * zcpool_slice_splice() - hand references to part of a slice to a pipe
 * @pool: pool
 * @handle: who splices, NULL for a view
 * @slice: slice of it, which *ppos counts in
 * @ppos: where to begin; moved on
 * @pipe: pipe, locked by the caller
 * @len: most bytes to hand over
 *
 * Return: bytes handed over, 0 at the end of the slice, -EAGAIN if the pipe is full,
 * -EPIPE if it has no reader, -EHWPOISON if the memory failed, -EPERM if the pool is
 * isolated and the buffer is not the handle's, or -EFAULT if the pages have too many
 * references.
 */
ssize_t zcpool_slice_splice(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			    const struct zcpool_slice *slice, loff_t *ppos,
			    struct pipe_inode_info *pipe, size_t len)
{
	u64 start = min_t(u64, *ppos, slice->length);
	u64 end = start + min_t(u64, len, slice->length - start);
	u64 done = start;
	ssize_t ret = 0;

	while (done < end) {
		ret = zcpool_splice_slot(pool, handle, pipe, slice->offset + done, end - done);
		if (ret < 0)
			break;
		done += ret;
	}
	if (done == start)
		return ret;

	trace_zcpool_splice(pool, slice->offset + start, done - start);
	*ppos = done;
	return done - start;
}

/**
 * zcpool_splice_read() - file_operations.splice_read of a handle
 * @file: handle
 * @ppos: pool offset, moved on
 * @pipe: pipe, locked by the caller
 * @len: most bytes to hand over
 * @flags: SPLICE_F_*; none makes a difference
 *
 * Return: as zcpool_slice_splice(), or -ENXIO without a pool.
 */
ssize_t zcpool_splice_read(struct file *file, loff_t *ppos, struct pipe_inode_info *pipe,
			   size_t len, unsigned int flags)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_slice whole;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	whole = zcpool_pool_whole(pool);
	return zcpool_slice_splice(pool, file->private_data, &whole, ppos, pipe, len);
}
