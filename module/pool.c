// SPDX-License-Identifier: GPL-2.0-only
/* Pools, and the pool file that holds one together. */
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/slab.h>

#include "fs.h"
#include "trace.h"
#include "zcpool.h"

static atomic64_t zcpool_last_id = ATOMIC64_INIT(0);

/* The last handle, mapping and pipe slot is gone. */
static int zcpool_pool_release(struct inode *inode, struct file *file)
{
	struct zcpool_pool *pool = file->private_data;

	zcpool_wait_destroy(pool);
	zcpool_buffers_unretire(pool);
	kvfree(pool->buffers);
	zcpool_linger(pool);
	/* The file itself still holds the mount, and the module, for a while. */
	zcpool_fs_unpin();
	return 0;
}

/* msync() of a mapping: the memory is all there is. */
static int zcpool_pool_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return 0;
}

/*
 * Without ->mmap, remap_file_pages() cannot make a second mapping of the pool
 * file, which is open for writing whatever the handle was opened for.
 */
static const struct file_operations zcpool_pool_fops = {
	.owner = THIS_MODULE,
	.release = zcpool_pool_release,
	.fsync = zcpool_pool_fsync,
};

/*
 * The inode is the pool's own, for its address_space holds all mappings of the
 * pool, and do_set_pmd() maps huge pages only below its size.
 */
static struct file *zcpool_pool_open(struct zcpool_pool *pool)
{
	struct vfsmount *mount = zcpool_fs_pin();
	struct inode *inode;
	struct file *file;
	char name[32];

	if (IS_ERR(mount))
		return ERR_CAST(mount);
	inode = alloc_anon_inode(mount->mnt_sb);
	if (IS_ERR(inode)) {
		file = ERR_CAST(inode);
		goto err_unpin_fs;
	}
	i_size_write(inode, pool->geometry.size);
	/* A write through a mapping need not date the inode that nobody sees. */
	inode->i_flags |= S_NOCMTIME;

	snprintf(name, sizeof(name), "zcpool:[%llu]", pool->id);
	file = zcpool_fs_file(inode, mount, name, O_RDWR, &zcpool_pool_fops);
	if (IS_ERR(file))
		goto err_unpin_fs;
	file->private_data = pool;
	return file;

err_unpin_fs:
	zcpool_fs_unpin();
	return file;
}

/**
 * zcpool_pool_create() - make a pool
 * @geometry: checked by the caller
 *
 * Context: process; may sleep for long.  Charges the current task.
 *
 * Return: the pool with one reference, which is the caller's to put, or an
 * error of zcpool_charge() or zcpool_memory_alloc(), or -ENOMEM.
 */
struct zcpool_pool *zcpool_pool_create(const struct zcpool_geometry *geometry)
{
	struct zcpool_pool *pool;
	struct file *file;
	int error;

	pool = kzalloc(sizeof(*pool), GFP_KERNEL_ACCOUNT);
	if (!pool)
		return ERR_PTR(-ENOMEM);
	pool->geometry = *geometry;
	pool->batch = max(ZCPOOL_BATCH_MAX / pool->geometry.folios_per_buffer, 1U);
	pool->creator = current_euid();

	error = zcpool_charge(&pool->charge, geometry->size);
	if (error)
		goto err_free_pool;

	/* Ahead of the memory, when there is most left. */
	pool->buffers = zcpool_array_alloc(geometry->count, sizeof(*pool->buffers));
	if (!pool->buffers) {
		error = -ENOMEM;
		goto err_uncharge;
	}
	error = zcpool_memory_alloc(&pool->memory, geometry);
	if (error)
		goto err_free_buffers;
	zcpool_buffers_init(pool);
	if (geometry->isolated)
		zcpool_isolated_init(pool);
	zcpool_wait_init(pool);
	zcpool_events_init(pool);
	xa_init_flags(&pool->handles, XA_FLAGS_ALLOC1);

	pool->id = atomic64_inc_return(&zcpool_last_id);
	file = zcpool_pool_open(pool);
	if (IS_ERR(file)) {
		error = PTR_ERR(file);
		goto err_free_memory;
	}
	pool->file = file;
	trace_zcpool_create(pool);
	return pool;

err_free_memory:
	zcpool_memory_free(&pool->memory);
err_free_buffers:
	kvfree(pool->buffers);
err_uncharge:
	zcpool_uncharge(&pool->charge, geometry->size);
err_free_pool:
	kfree(pool);
	return ERR_PTR(error);
}

/**
 * zcpool_pool_put() - drop a reference to a pool
 * @pool: pool; freed, with the last reference, before the task returns to user
 *        space, or a jiffy later from a kernel thread
 *
 * Context: any.
 */
void zcpool_pool_put(struct zcpool_pool *pool)
{
	fput(pool->file);
}
