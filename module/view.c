// SPDX-License-Identifier: GPL-2.0-only
/*
 * VIEW: a slice as a regular file, for programs that ask fstat() what they may do.
 *
 * The inode is the view: it holds the pool, and keeps the slice's buffers from being
 * free, until its last file and mapping are gone.  What is read-only is so for
 * everybody, whatever mode says, for a file may be opened anew through /proc.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/splice.h>

#include "fs.h"
#include "ioctl.h"
#include "slice.h"

/**
 * struct zcpool_viewed - what a view's inode stands for
 * @pool: pool, whose file it holds
 * @slice: what it shows
 * @read_only: cannot be written by anybody
 * @holds: keeps the slice's buffers from being free
 * @linked: has, or had, a name, and counts as a file
 */
struct zcpool_viewed {
	struct zcpool_pool *pool;
	struct zcpool_slice slice;
	bool read_only;
	bool holds;
	bool linked;
};

static const struct zcpool_viewed *zcpool_view_of(const struct file *file)
{
	return file_inode(file)->i_private;
}

static int zcpool_view_open(struct inode *inode, struct file *file)
{
	const struct zcpool_viewed *viewed = inode->i_private;

	if (viewed->read_only && (file->f_mode & FMODE_WRITE))
		return -EACCES;
	file->f_mode |= FMODE_NOWAIT;
	return 0;
}

static ssize_t zcpool_view_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	const struct zcpool_viewed *viewed = zcpool_view_of(iocb->ki_filp);

	return zcpool_slice_read(viewed->pool, NULL, &viewed->slice, iocb, to);
}

static ssize_t zcpool_view_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	const struct zcpool_viewed *viewed = zcpool_view_of(iocb->ki_filp);
	int error;

	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = viewed->slice.length;
	if (!iov_iter_count(from))
		return 0;
	if (iocb->ki_pos >= viewed->slice.length)
		return -ENOSPC;
	error = file_update_time(iocb->ki_filp);
	return error ?: zcpool_slice_write(viewed->pool, NULL, &viewed->slice, iocb, from);
}

static ssize_t zcpool_view_splice_read(struct file *file, loff_t *ppos,
				       struct pipe_inode_info *pipe, size_t len, unsigned int flags)
{
	const struct zcpool_viewed *viewed = zcpool_view_of(file);

	return zcpool_slice_splice(viewed->pool, NULL, &viewed->slice, ppos, pipe, len);
}

static void zcpool_view_vm_open(struct vm_area_struct *vma)
{
	get_file(vma->vm_private_data);
}

static void zcpool_view_vm_close(struct vm_area_struct *vma)
{
	fput(vma->vm_private_data);
}

/* The mapping's file is the pool's, so it holds the view by itself. */
static const struct vm_operations_struct zcpool_view_vm_ops = {
	.open = zcpool_view_vm_open,
	.close = zcpool_view_vm_close,
	.fault = zcpool_fault,
	.mprotect = zcpool_mprotect,
};

/*
 * Pages that are the slice's as a whole: no byte beyond it is to be seen.  A private
 * mapping parts from the view where it is written, as that of any file does.
 */
static int zcpool_view_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct zcpool_viewed *viewed = zcpool_view_of(file);
	unsigned long pages = viewed->slice.length >> PAGE_SHIFT;

	if (!PAGE_ALIGNED(viewed->slice.offset))
		return -EINVAL;
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	vma->vm_pgoff += viewed->slice.offset >> PAGE_SHIFT;
	zcpool_vma_init(vma, viewed->pool, &zcpool_view_vm_ops);
	vma->vm_private_data = get_file(file);
	return 0;
}

/* There is nothing behind the memory that it could be written to. */
static int zcpool_view_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return 0;
}

static const struct file_operations zcpool_view_fops = {
	.owner = THIS_MODULE,
	.open = zcpool_view_open,
	.read_iter = zcpool_view_read_iter,
	.write_iter = zcpool_view_write_iter,
	.llseek = generic_file_llseek,
	.mmap = zcpool_view_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.fsync = zcpool_view_fsync,
	.splice_read = zcpool_view_splice_read,
	.splice_write = iter_file_splice_write,
};

static int zcpool_view_setattr(zcpool_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	int error;

	if ((attr->ia_valid & ATTR_SIZE) && attr->ia_size != i_size_read(inode))
		return -EPERM;
	if (attr->ia_valid & (ATTR_MODE | ATTR_UID | ATTR_GID))
		return -EPERM;
	error = setattr_prepare(idmap, dentry, attr);
	if (!error)
		setattr_copy(idmap, inode, attr);
	return error;
}

static const struct inode_operations zcpool_view_iops = {
	.setattr = zcpool_view_setattr,
};

static void zcpool_view_free(struct zcpool_viewed *viewed)
{
	struct zcpool_pool *pool = viewed->pool;

	if (viewed->holds)
		zcpool_slice_unhold(pool, &viewed->slice, ZCPOOL_STANDING_VIEW);
	kfree(viewed);
	zcpool_pool_put(pool);
}

/**
 * zcpool_view_link() - count what gets its first name as a file
 * @inode: inode of a view, locked; one that O_TMPFILE made is counted already
 *
 * Return: 0 or an error of zcpool_fs_charge().
 */
int zcpool_view_link(struct inode *inode)
{
	struct zcpool_viewed *viewed = inode->i_private;
	int error;

	if (inode->i_op != &zcpool_view_iops)
		return 0;
	error = viewed->linked ? 0 : zcpool_fs_charge(inode->i_sb);
	viewed->linked |= !error;
	return error;
}

/**
 * zcpool_view_evict() - end a view with its inode
 * @inode: inode of the file system; other than a view it may be a pool's
 *
 * Return: whether it counted as a file.
 */
bool zcpool_view_evict(struct inode *inode)
{
	struct zcpool_viewed *viewed = inode->i_private;
	bool linked;

	if (inode->i_op != &zcpool_view_iops)
		return false;
	linked = viewed->linked;
	zcpool_view_free(viewed);
	return linked;
}

/*
 * Whether a view may get a name, which outlives everything: for who may write, or whose
 * it is.  A mere reader would keep the memory, and the right to read it, against them.
 */
static bool zcpool_view_may_have_name(const struct zcpool_call *call)
{
	return call->handle->writes || uid_eq(current_fsuid(), call->pool->creator) ||
	       (call->handle->named && uid_eq(current_fsuid(), file_inode(call->file)->i_uid)) ||
	       capable(CAP_FOWNER);
}

static struct inode *zcpool_view_inode(const struct zcpool_call *call, struct zcpool_viewed *viewed,
				       const struct zcpool_view *arg)
{
	struct inode *inode = new_inode(file_inode(viewed->pool->file)->i_sb);

	if (!inode)
		return NULL;
	inode->i_ino = get_next_ino();
	inode->i_mode = S_IFREG | arg->mode;
	inode->i_uid = current_fsuid();
	inode->i_gid = current_fsgid();
	inode->i_op = &zcpool_view_iops;
	inode->i_fop = &zcpool_view_fops;
	inode->i_blocks = DIV_ROUND_UP(viewed->slice.length, 512);
	i_size_write(inode, viewed->slice.length);
	zcpool_inode_init_times(inode);
	/* It has no name unless linkat() gives it one, as a file of O_TMPFILE. */
	clear_nlink(inode);
	if ((arg->flags & ZCPOOL_VIEW_F_MOUNT) && zcpool_view_may_have_name(call))
		zcpool_inode_linkable(inode);
	/* From here on the inode is the view, and ends it. */
	inode->i_private = viewed;
	return inode;
}

static struct file *zcpool_view_file(struct inode *inode, struct vfsmount *mount, bool writable)
{
	struct file *file = zcpool_fs_file(inode, mount, "zcpool-view",
					   writable ? O_RDWR : O_RDONLY, &zcpool_view_fops);

	/* What an open() by name would have set. */
	if (!IS_ERR(file))
		file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE | FMODE_NOWAIT;
	return file;
}

/**
 * zcpool_view() - make a view
 * @call: who asks, of which pool
 * @mount: mount that the view's file is of
 * @arg: offset, length, flags and mode, checked by the caller
 *
 * Context: process.
 *
 * Return: the view's file, or -EMLINK, -EPERM, -ENOMEM or -ENFILE.
 */
static struct file *zcpool_view(const struct zcpool_call *call, struct vfsmount *mount,
				const struct zcpool_view *arg)
{
	struct zcpool_pool *pool = call->pool;
	struct zcpool_viewed *viewed = kzalloc(sizeof(*viewed), GFP_KERNEL_ACCOUNT);
	struct inode *inode;
	struct file *file;
	int error;

	if (!viewed)
		return ERR_PTR(-ENOMEM);
	viewed->pool = pool;
	viewed->slice.offset = arg->offset;
	viewed->slice.length = arg->length;
	viewed->read_only = !(arg->flags & ZCPOOL_VIEW_F_WRITABLE);
	zcpool_pool_get(pool);
	inode = zcpool_view_inode(call, viewed, arg);
	if (!inode) {
		zcpool_view_free(viewed);
		return ERR_PTR(-ENOMEM);
	}
	file = zcpool_view_file(inode, mount, !viewed->read_only);
	if (IS_ERR(file))
		return file;
	/* Not earlier, lest who waits for a buffer is told of what will not be. */
	error = zcpool_slice_hold(pool, call->handle, &viewed->slice, ZCPOOL_STANDING_VIEW);
	viewed->holds = !error;
	if (error) {
		fput(file);
		return ERR_PTR(error);
	}
	return file;
}

/*
 * As zcpool_view(), in the mount that is asked for: linkat() gives a file a name in the
 * mount that it was opened in, and in no other.
 */
static struct file *zcpool_view_in_mount(const struct zcpool_call *call,
					 const struct zcpool_view *arg)
{
	struct file *file, *where;

	if (!(arg->flags & ZCPOOL_VIEW_F_MOUNT))
		return zcpool_view(call, call->pool->file->f_path.mnt, arg);
	where = fget(arg->mount_fd);
	if (!where)
		return ERR_PTR(-EBADF);
	file = ERR_PTR(-EXDEV);
	if (zcpool_fs_has(where))
		file = zcpool_view(call, where->f_path.mnt, arg);
	fput(where);
	return file;
}

static int zcpool_view_check(const struct zcpool_call *call, const struct zcpool_view *view)
{
	if ((view->flags & ~(ZCPOOL_VIEW_F_WRITABLE | ZCPOOL_VIEW_F_MOUNT)) ||
	    (view->mode & ~0666) || !view->length)
		return -EINVAL;
	if (view->mount_fd && !(view->flags & ZCPOOL_VIEW_F_MOUNT))
		return -EINVAL;
	if (!zcpool_slice_fits(call->pool, view->offset, view->length))
		return -ERANGE;
	if (!call->handle->writes && (view->flags & ZCPOOL_VIEW_F_WRITABLE))
		return -EACCES;
	return 0;
}

/** zcpool_ioctl_view() - ZCPOOL_IOC_VIEW */
long zcpool_ioctl_view(const struct zcpool_call *call, void *arg)
{
	struct zcpool_view *view = arg;
	int error;

	error = zcpool_view_check(call, view);
	if (error)
		return error;
	view->fd = get_unused_fd_flags(O_CLOEXEC);
	if (view->fd < 0)
		return view->fd;
	return zcpool_call_install(call, view->fd, zcpool_view_in_mount(call, view), view,
				   sizeof(*view));
}
