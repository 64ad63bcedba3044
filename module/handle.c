// SPDX-License-Identifier: GPL-2.0-only
/* Handles: open files of /dev/zcpool, and of the file system. */
#include <linux/cred.h>
#include <linux/huge_mm.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/splice.h>

#include "queue.h"

/**
 * zcpool_handle_list() - give a handle a number in a pool
 * @file: handle without a pool, its bind_lock held
 * @pool: pool
 * @incoming_max: most buffers on their way to it
 *
 * From now on buffers may be transferred to it.
 *
 * Return: 0 or -ENOMEM.
 */
int zcpool_handle_list(struct file *file, struct zcpool_pool *pool, u32 incoming_max)
{
	struct zcpool_handle *handle = file->private_data;
	int error;

	lockdep_assert_held(&handle->bind_lock);
	handle->incoming_max = incoming_max;
	handle->user = current_euid();
	/* The first command may be one that somebody was led to who was passed the file. */
	if (handle->named && !uid_eq(handle->user, file->f_cred->euid))
		handle->user = INVALID_UID;
	/* Cyclic, so that a handle that has gone is not soon mistaken for another. */
	error = xa_alloc_cyclic(&pool->handles, &handle->number, handle, xa_limit_31b,
				&pool->next_handle, GFP_KERNEL_ACCOUNT);
	return min(error, 0);
}

/**
 * zcpool_handle_unlist() - undo zcpool_handle_list()
 * @handle: handle
 * @pool: pool
 *
 * Puts what the handle owns and what is on its way to it.
 */
void zcpool_handle_unlist(struct zcpool_handle *handle, struct zcpool_pool *pool)
{
	xa_erase(&pool->handles, handle->number);
	/* Takes the pool's lock: who found the handle before is done with it then. */
	zcpool_buffers_disown(pool, handle);
}

/**
 * zcpool_handle_get() - keep the memory of a handle, not the handle
 * @handle: handle found in zcpool_pool.handles, the pool's lock held since
 */
void zcpool_handle_get(struct zcpool_handle *handle)
{
	refcount_inc(&handle->refs);
}

/**
 * zcpool_handle_put() - undo zcpool_handle_get()
 * @handle: handle, maybe freed
 */
void zcpool_handle_put(struct zcpool_handle *handle)
{
	if (refcount_dec_and_test(&handle->refs))
		kfree(handle);
}

/**
 * zcpool_handle_bind() - give a handle its pool
 * @handle: handle without a pool but listed in it, its bind_lock held
 * @pool: pool; the handle takes over the caller's reference
 */
void zcpool_handle_bind(struct zcpool_handle *handle, struct zcpool_pool *pool)
{
	lockdep_assert_held(&handle->bind_lock);
	/* Pairs with smp_load_acquire() in zcpool_handle_pool(). */
	smp_store_release(&handle->pool, pool);
}

static struct zcpool_pool *zcpool_bind_locked(struct file *file)
{
	struct zcpool_handle *handle = file->private_data;
	struct zcpool_pool *pool = zcpool_handle_pool(handle);
	int error;

	if (pool)
		return pool;
	pool = zcpool_file_pool(file);
	if (IS_ERR(pool))
		return pool;
	error = zcpool_handle_list(file, pool, pool->geometry.count);
	if (error)
		return ERR_PTR(error);
	zcpool_pool_get(pool);
	zcpool_handle_bind(handle, pool);
	return pool;
}

/**
 * zcpool_file_bind() - the pool of an open file that is to own buffers of it
 * @file: a handle
 *
 * A file with a name may have got its pool since it was opened, by another handle: then
 * this one is bound to it now.
 *
 * Context: process, without locks: to bind one handle, ATTACH accesses user memory.
 *
 * Return: the pool, or -ENXIO while there is none, -EBADF if a file with a name is open for
 * writing alone, -ENOMEM, or -EINTR.
 */
struct zcpool_pool *zcpool_file_bind(struct file *file)
{
	struct zcpool_handle *handle = file->private_data;
	struct zcpool_pool *pool = zcpool_file_pool(file);

	if (IS_ERR(pool) || zcpool_handle_pool(handle))
		return pool;
	/* Nearly every command reads, or lets somebody read. */
	if (!(file->f_mode & FMODE_READ))
		return ERR_PTR(-EBADF);
	if (mutex_lock_killable(&handle->bind_lock))
		return ERR_PTR(-EINTR);
	pool = zcpool_bind_locked(file);
	mutex_unlock(&handle->bind_lock);
	return pool;
}

/** zcpool_handle_open() - file_operations.open of a handle */
int zcpool_handle_open(struct inode *inode, struct file *file)
{
	struct zcpool_handle *handle;

	handle = kzalloc(sizeof(*handle), GFP_KERNEL_ACCOUNT);
	if (!handle)
		return -ENOMEM;
	refcount_set(&handle->refs, 1);
	handle->writes = file->f_mode & FMODE_WRITE;
	mutex_init(&handle->bind_lock);
	zcpool_queue_init(&handle->incoming);
	init_waitqueue_head(&handle->receivers);

	/*
	 * Memory is all there is behind a read or write: it never waits.  No
	 * FMODE_CAN_ODIRECT, so open() and fcntl() refuse O_DIRECT: a file open
	 * for that is spliced by copying its reads.
	 */
	file->f_mode |= FMODE_NOWAIT;
	file->private_data = handle;
	return 0;
}

/** zcpool_handle_release() - file_operations.release of a handle */
int zcpool_handle_release(struct inode *inode, struct file *file)
{
	struct zcpool_handle *handle = file->private_data;
	struct zcpool_pool *pool = zcpool_handle_pool(handle);

	if (pool) {
		zcpool_eventfd_release(pool, handle);
		zcpool_handle_unlist(handle, pool);
		zcpool_pool_put(pool);
	}
	mutex_destroy(&handle->bind_lock);
	zcpool_handle_put(handle);
	return 0;
}

/* There is nothing behind the memory that it could be written to. */
static int zcpool_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return PTR_ERR_OR_ZERO(zcpool_file_pool(file));
}

/** zcpool_handle_show_fdinfo() - file_operations.show_fdinfo of a handle */
void zcpool_handle_show_fdinfo(struct seq_file *m, struct file *file)
{
	struct zcpool_handle *handle = file->private_data;
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_stat stat;

	seq_printf(m, "zcpool-pool:\t%llu\n", IS_ERR(pool) ? 0 : pool->id);
	if (IS_ERR(pool))
		return;

	zcpool_buffers_stat(pool, handle, &stat);
	seq_printf(m, "zcpool-buffer-size:\t%llu\n", pool->geometry.buffer_size);
	seq_printf(m, "zcpool-stride:\t%llu\n", pool->geometry.stride);
	seq_printf(m, "zcpool-count:\t%u\n", pool->geometry.count);
	seq_printf(m, "zcpool-size:\t%llu\n", pool->geometry.size);
	seq_printf(m, "zcpool-isolated:\t%d\n", pool->geometry.isolated);
	seq_printf(m, "zcpool-handle:\t%u\n", handle->number);
	seq_printf(m, "zcpool-owned:\t%u\n", stat.owned);
	seq_printf(m, "zcpool-incoming:\t%u\n", stat.incoming);
	seq_printf(m, "zcpool-owned-total:\t%u\n", stat.owned_total);
	seq_printf(m, "zcpool-unowned:\t%u\n", stat.idle + stat.in_flight);
	seq_printf(m, "zcpool-in-flight:\t%u\n", stat.in_flight);
	seq_printf(m, "zcpool-overdue:\t%u\n", stat.overdue);
	seq_printf(m, "zcpool-sealed:\t%u\n", stat.sealed);
	seq_printf(m, "zcpool-gets:\t%llu\n", stat.gets);
	seq_printf(m, "zcpool-puts:\t%llu\n", stat.puts);
	seq_printf(m, "zcpool-landed:\t%llu\n", stat.landed);
	seq_printf(m, "zcpool-user:\t%u\n", from_kuid_munged(seq_user_ns(m), pool->creator));
}

const struct file_operations zcpool_handle_fops = {
	.owner = THIS_MODULE,
	.open = zcpool_handle_open,
	.release = zcpool_handle_release,
	.unlocked_ioctl = zcpool_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = zcpool_uring_cmd,
	.mmap = zcpool_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.read_iter = zcpool_read_iter,
	.write_iter = zcpool_write_iter,
	.llseek = zcpool_llseek,
	.poll = zcpool_poll,
	.fasync = zcpool_fasync,
	.fsync = zcpool_fsync,
	.splice_read = zcpool_splice_read,
	.splice_write = iter_file_splice_write,
	.show_fdinfo = zcpool_handle_show_fdinfo,
};
