// SPDX-License-Identifier: GPL-2.0-only
/* Pools, and the pool file that holds one together. */
#include <linux/cred.h>
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>
#include <linux/slab.h>

#include "trace.h"
#include "zcpool.h"

/* "zcpo"; statfs() cannot reach the file system, but it must have a number. */
#define ZCPOOL_SUPER_MAGIC 0x7a63706f

static atomic64_t zcpool_last_id = ATOMIC64_INIT(0);

/* Every pool pins the file system, and the file system pins the module. */
static struct vfsmount *zcpool_mount;
static int zcpool_mount_count;

/* The name that /proc/PID/maps shows for a mapping. */
static char *zcpool_dname(struct dentry *dentry, char *buffer, int buflen)
{
	int length = dentry->d_name.len + 1;

	if (length > buflen)
		return ERR_PTR(-ENAMETOOLONG);
	return memcpy(buffer + buflen - length, dentry->d_name.name, length);
}

static const struct dentry_operations zcpool_dentry_ops = {
	.d_dname = zcpool_dname,
};

/* Inodes have no pages of their own: theirs are the pool's. */
static void zcpool_evict_inode(struct inode *inode)
{
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	zcpool_view_evict(inode);
}

static const struct super_operations zcpool_super_ops = {
	.statfs = simple_statfs,
	.evict_inode = zcpool_evict_inode,
};

static int zcpool_init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, ZCPOOL_SUPER_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->dops = &zcpool_dentry_ops;
	ctx->ops = &zcpool_super_ops;
	/* No view is a program or a device node. */
	fc->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	return 0;
}

static struct file_system_type zcpool_pool_fs = {
	.name = "zcpool_pool",
	.owner = THIS_MODULE,
	.init_fs_context = zcpool_init_fs_context,
	.kill_sb = kill_anon_super,
};

/* The last handle, mapping and pipe slot is gone. */
static int zcpool_pool_release(struct inode *inode, struct file *file)
{
	struct zcpool_pool *pool = file->private_data;

	zcpool_wait_destroy(pool);
	zcpool_buffers_unretire(pool);
	kvfree(pool->buffers);
	zcpool_linger(pool);
	/* The file itself still holds the mount, and the module, for a while. */
	simple_release_fs(&zcpool_mount, &zcpool_mount_count);
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
	struct inode *inode;
	struct file *file;
	char name[32];
	int error;

	error = simple_pin_fs(&zcpool_pool_fs, &zcpool_mount, &zcpool_mount_count);
	if (error)
		return ERR_PTR(error);

	inode = alloc_anon_inode(zcpool_mount->mnt_sb);
	if (IS_ERR(inode)) {
		error = PTR_ERR(inode);
		goto err_release_fs;
	}
	i_size_write(inode, pool->geometry.size);
	/* A write through a mapping need not date the inode that nobody sees. */
	inode->i_flags |= S_NOCMTIME;

	/* __fput() puts the module reference that alloc_file() does not take. */
	__module_get(zcpool_pool_fops.owner);
	snprintf(name, sizeof(name), "zcpool:[%llu]", pool->id);
	file = alloc_file_pseudo(inode, zcpool_mount, name, O_RDWR, &zcpool_pool_fops);
	if (IS_ERR(file)) {
		error = PTR_ERR(file);
		goto err_put_module;
	}
	file->private_data = pool;
	return file;

err_put_module:
	module_put(zcpool_pool_fops.owner);
	iput(inode);
err_release_fs:
	simple_release_fs(&zcpool_mount, &zcpool_mount_count);
	return ERR_PTR(error);
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

	error = zcpool_memory_alloc(&pool->memory, geometry);
	if (error)
		goto err_uncharge;

	pool->buffers = kvcalloc(geometry->count, sizeof(*pool->buffers),
				 GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
	if (!pool->buffers) {
		error = -ENOMEM;
		goto err_free_memory;
	}
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
		goto err_free_buffers;
	}
	pool->file = file;
	trace_zcpool_create(pool);
	return pool;

err_free_buffers:
	kvfree(pool->buffers);
err_free_memory:
	zcpool_memory_free(&pool->memory);
err_uncharge:
	zcpool_uncharge(&pool->charge, geometry->size);
err_free_pool:
	kfree(pool);
	return ERR_PTR(error);
}

/**
 * zcpool_pool_get() - take a reference to a pool
 * @pool: pool, alive by another reference
 */
void zcpool_pool_get(struct zcpool_pool *pool)
{
	get_file(pool->file);
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
