// SPDX-License-Identifier: GPL-2.0-only
/*
 * SHARE and ATTACH: handles of one pool in several processes.
 *
 * A share is a descriptor that owns nothing, and is good for nothing but to attach
 * other handles to its pool.
 */
#include <linux/anon_inodes.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "ioctl.h"

/**
 * struct zcpool_shared - what a share's file stands for
 * @pool: pool, whose file it holds
 * @flags: ZCPOOL_SHARE_F_*
 */
struct zcpool_shared {
	struct zcpool_pool *pool;
	u32 flags;
};

static int zcpool_share_release(struct inode *inode, struct file *file)
{
	struct zcpool_shared *shared = file->private_data;

	zcpool_pool_put(shared->pool);
	kfree(shared);
	return 0;
}

/* For who looks for what keeps a pool. */
static void zcpool_share_show_fdinfo(struct seq_file *m, struct file *file)
{
	const struct zcpool_shared *shared = file->private_data;

	seq_printf(m, "zcpool-pool:\t%llu\n", shared->pool->id);
	seq_printf(m, "zcpool-read-only:\t%d\n", !!(shared->flags & ZCPOOL_SHARE_F_READ_ONLY));
}

static const struct file_operations zcpool_share_fops = {
	.owner = THIS_MODULE,
	.release = zcpool_share_release,
	.show_fdinfo = zcpool_share_show_fdinfo,
};

/**
 * zcpool_share() - make a share of a pool
 * @pool: pool
 * @flags: ZCPOOL_SHARE_F_*
 *
 * Return: the share's file, or an error of anon_inode_getfile() or -ENOMEM.
 */
static struct file *zcpool_share(struct zcpool_pool *pool, u32 flags)
{
	struct zcpool_shared *shared = kmalloc(sizeof(*shared), GFP_KERNEL_ACCOUNT);
	struct file *file;

	if (!shared)
		return ERR_PTR(-ENOMEM);
	shared->pool = pool;
	shared->flags = flags;
	zcpool_pool_get(pool);
	file = anon_inode_getfile("[zcpool-share]", &zcpool_share_fops, shared, O_RDONLY);
	if (IS_ERR(file)) {
		zcpool_pool_put(pool);
		kfree(shared);
	}
	return file;
}

/**
 * zcpool_share_get() - the pool of a share, and what it allows
 * @fd: descriptor
 * @flags: filled with ZCPOOL_SHARE_F_*
 *
 * A pool that is not isolated is one trust domain, so a share of it does not reach beyond
 * its creator's user.
 *
 * Return: the pool with a reference that is the caller's; -EBADF, -EINVAL if it is no
 * share's descriptor, or -EPERM if the pool is another user's.
 */
static struct zcpool_pool *zcpool_share_get(int fd, u32 *flags)
{
	struct zcpool_pool *pool = ERR_PTR(-EINVAL);
	struct zcpool_shared *shared;
	struct file *file = fget(fd);

	if (!file)
		return ERR_PTR(-EBADF);
	if (file->f_op != &zcpool_share_fops)
		goto out;
	shared = file->private_data;
	pool = ERR_PTR(-EPERM);
	if (!shared->pool->geometry.isolated && !uid_eq(current_euid(), shared->pool->creator))
		goto out;
	pool = shared->pool;
	zcpool_pool_get(pool);
	*flags = shared->flags;
out:
	fput(file);
	return pool;
}

/** zcpool_ioctl_share() - ZCPOOL_IOC_SHARE */
long zcpool_ioctl_share(const struct zcpool_call *call, void *arg)
{
	struct zcpool_pool *pool = call->pool;
	struct zcpool_share *share = arg;

	if (share->flags & ~ZCPOOL_SHARE_F_READ_ONLY)
		return -EINVAL;
	if (!call->handle->writes && !(share->flags & ZCPOOL_SHARE_F_READ_ONLY))
		return -EACCES;
	share->fd = get_unused_fd_flags(O_CLOEXEC);
	if (share->fd < 0)
		return share->fd;
	return zcpool_call_install(call, share->fd, zcpool_share(pool, share->flags), share,
				   sizeof(*share));
}

static long zcpool_attach_locked(struct zcpool_handle *handle, struct zcpool_attach *attach,
				 const struct zcpool_call *call)
{
	struct zcpool_pool *pool;
	u32 flags;
	int error;

	/* A file with a name is to have a pool of its own. */
	if (zcpool_handle_pool(handle) || handle->named)
		return -EBUSY;
	pool = zcpool_share_get(attach->fd, &flags);
	if (IS_ERR(pool))
		return PTR_ERR(pool);

	error = zcpool_handle_list(call->file, pool, attach->queue_max ?: pool->geometry.count);
	if (error)
		goto err_put_pool;
	attach->handle = handle->number;
	error = zcpool_call_return(call, attach, sizeof(*attach));
	if (error)
		goto err_unlist;
	if (flags & ZCPOOL_SHARE_F_READ_ONLY)
		handle->writes = false;
	zcpool_handle_bind(handle, pool);
	return 0;

err_unlist:
	zcpool_handle_unlist(handle, pool);
err_put_pool:
	zcpool_pool_put(pool);
	return error;
}

/** zcpool_ioctl_attach() - ZCPOOL_IOC_ATTACH */
long zcpool_ioctl_attach(const struct zcpool_call *call, void *arg)
{
	struct zcpool_handle *handle = call->handle;
	struct zcpool_attach *attach = arg;
	long error;

	if (attach->flags)
		return -EINVAL;
	if (mutex_lock_killable(&handle->bind_lock))
		return -EINTR;
	error = zcpool_attach_locked(handle, attach, call);
	mutex_unlock(&handle->bind_lock);
	return error;
}
