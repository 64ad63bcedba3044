// SPDX-License-Identifier: GPL-2.0-only
/* read(), write() and lseek(): plain copies, for those who want one. */
#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "seal.h"
#include "slice.h"

/*
 * Ask to copy, and keep what is copied as it is for as long as that may take, for the user
 * memory may fault: in an isolated pool the handle's, and if written, not sealed.  @handle
 * is NULL for a view.
 */
static int zcpool_copy_begin(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			     const struct zcpool_chunk *chunk, bool writes)
{
	bool borrow = handle && pool->geometry.isolated;

	if (zcpool_buffer_failed(pool, chunk))
		return -EIO;
	if (borrow && zcpool_chunk_borrow(pool, handle, chunk))
		return -EPERM;
	if (!writes || !zcpool_write_begin(pool, chunk))
		return 0;
	if (borrow)
		folio_put(chunk->folio);
	return -EPERM;
}

static void zcpool_copy_end(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			    const struct zcpool_chunk *chunk, bool writes)
{
	if (writes)
		zcpool_write_end(chunk);
	if (handle && pool->geometry.isolated)
		folio_put(chunk->folio);
}

/*
 * Copy between a slice, whose bytes iocb->ki_pos counts, and @iter, as far as the slice
 * goes.  No lock is held: the user memory may be a mapping of this very pool.
 */
static ssize_t
zcpool_copy(struct zcpool_pool *pool, const struct zcpool_handle *handle,
	    const struct zcpool_slice *slice, struct kiocb *iocb, struct iov_iter *iter,
	    size_t (*copy)(struct page *page, size_t offset, size_t bytes, struct iov_iter *iter))
{
	bool writes = iov_iter_rw(iter) == WRITE;
	ssize_t done = 0;

	while (iov_iter_count(iter) && iocb->ki_pos < slice->length) {
		u64 length = min_t(u64, iov_iter_count(iter), slice->length - iocb->ki_pos);
		struct zcpool_chunk chunk =
			zcpool_pool_chunk(pool, slice->offset + iocb->ki_pos, length);
		size_t copied;
		int error;

		error = zcpool_copy_begin(pool, handle, &chunk, writes);
		if (error)
			return done ?: error;
		copied = copy(folio_page(chunk.folio, 0), chunk.offset, chunk.length, iter);
		zcpool_copy_end(pool, handle, &chunk, writes);
		iocb->ki_pos += copied;
		done += copied;
		if (copied < chunk.length)
			return done ?: -EFAULT;
		if (fatal_signal_pending(current))
			break;
		cond_resched();
	}
	return done;
}

/**
 * zcpool_slice_read() - copy out of a slice
 * @pool: pool
 * @handle: who reads, NULL for a view
 * @slice: slice of it, which iocb->ki_pos counts in
 * @iocb: where to begin; moved on
 * @to: where to
 *
 * Return: bytes copied, 0 at the end of the slice, -EIO if the memory failed, -EPERM if
 * the pool is isolated and the buffer is not the handle's, or -EFAULT.
 */
ssize_t zcpool_slice_read(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			  const struct zcpool_slice *slice, struct kiocb *iocb, struct iov_iter *to)
{
	return zcpool_copy(pool, handle, slice, iocb, to, copy_page_to_iter);
}

/**
 * zcpool_slice_write() - copy into a slice
 * @pool: pool
 * @handle: who writes, NULL for a view
 * @slice: slice of it, which iocb->ki_pos counts in
 * @iocb: where to begin; moved on
 * @from: where from
 *
 * Return: as zcpool_slice_read(), or -EPERM if the memory is sealed.
 */
ssize_t zcpool_slice_write(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			   const struct zcpool_slice *slice, struct kiocb *iocb,
			   struct iov_iter *from)
{
	return zcpool_copy(pool, handle, slice, iocb, from, copy_page_from_iter);
}

/** zcpool_read_iter() - file_operations.read_iter of a handle */
ssize_t zcpool_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct zcpool_pool *pool = zcpool_file_pool(iocb->ki_filp);
	struct zcpool_slice whole;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	whole = zcpool_pool_whole(pool);
	return zcpool_slice_read(pool, iocb->ki_filp->private_data, &whole, iocb, to);
}

/** zcpool_write_iter() - file_operations.write_iter of a handle */
ssize_t zcpool_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct zcpool_pool *pool = zcpool_file_pool(iocb->ki_filp);
	struct zcpool_handle *handle = iocb->ki_filp->private_data;
	struct zcpool_slice whole;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (!handle->writes)
		return -EACCES;
	whole = zcpool_pool_whole(pool);
	if (iov_iter_count(from) && iocb->ki_pos >= whole.length)
		return -ENOSPC;
	return zcpool_slice_write(pool, handle, &whole, iocb, from);
}

/** zcpool_llseek() - file_operations.llseek of a handle */
loff_t zcpool_llseek(struct file *file, loff_t offset, int whence)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	return fixed_size_llseek(file, offset, whence, pool->geometry.size);
}
