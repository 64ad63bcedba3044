// SPDX-License-Identifier: GPL-2.0-only
/* read(), write() and lseek(): plain copies, for those who want one. */
#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "zcpool.h"

/*
 * Copy between the pool at iocb->ki_pos and @iter, as far as the pool goes.
 * No lock is held: the user memory may be a mapping of this very pool.
 */
static ssize_t zcpool_copy(struct zcpool_pool *pool, struct kiocb *iocb, struct iov_iter *iter,
			   size_t (*copy)(struct page *page, size_t offset, size_t bytes,
					  struct iov_iter *iter))
{
	ssize_t done = 0;

	while (iov_iter_count(iter) && iocb->ki_pos < pool->geometry.size) {
		u64 length = min_t(u64, iov_iter_count(iter), pool->geometry.size - iocb->ki_pos);
		struct zcpool_chunk chunk = zcpool_pool_chunk(pool, iocb->ki_pos, length);
		size_t copied;

		if (zcpool_buffer_failed(pool, &chunk))
			return done ?: -EIO;
		copied = copy(folio_page(chunk.folio, 0), chunk.offset, chunk.length, iter);
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

/** zcpool_read_iter() - file_operations.read_iter of a handle */
ssize_t zcpool_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct zcpool_pool *pool = zcpool_file_pool(iocb->ki_filp);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	return zcpool_copy(pool, iocb, to, copy_page_to_iter);
}

/** zcpool_write_iter() - file_operations.write_iter of a handle */
ssize_t zcpool_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct zcpool_pool *pool = zcpool_file_pool(iocb->ki_filp);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (!zcpool_file_writes(iocb->ki_filp))
		return -EACCES;
	if (iov_iter_count(from) && iocb->ki_pos >= pool->geometry.size)
		return -ENOSPC;
	return zcpool_copy(pool, iocb, from, copy_page_from_iter);
}

/** zcpool_llseek() - file_operations.llseek of a handle */
loff_t zcpool_llseek(struct file *file, loff_t offset, int whence)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	return fixed_size_llseek(file, offset, whence, pool->geometry.size);
}
