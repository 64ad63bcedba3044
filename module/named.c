// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files with a name: empty until ftruncate(), fallocate() or CREATE makes a pool of one,
 * once.
 *
 * The inode holds the pool, in i_private, until it is evicted: unlinked, and no longer
 * open.  An open file is a handle; what needs an owner (see zcpool_file_bind()) binds
 * it to the pool when it first comes.
 */
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/mm.h>
#include <linux/splice.h>

#include "fs.h"
#include "slice.h"

/* Of a file that is no multiple of the largest: a pipe slot, and one skb's worth. */
#define ZCPOOL_NAMED_BUFFER_SIZE SZ_64K

/* What reading, writing and mapping show: the file's bytes, of the pool's. */
static struct zcpool_slice zcpool_named_slice(const struct file *file)
{
	return (struct zcpool_slice){ .length = i_size_read(file_inode(file)) };
}

/**
 * zcpool_named_publish() - make a pool that of a file
 * @inode: inode of a file without pool, locked
 * @pool: pool; the inode takes over the caller's reference
 * @size: of the file, bytes, at most the pool's
 */
void zcpool_named_publish(struct inode *inode, struct zcpool_pool *pool, u64 size)
{
	i_size_write(inode, size);
	/* truncate() leaves that to the file system. */
	zcpool_inode_touch(inode);
	inode->i_blocks = pool->geometry.size >> 9;
	/* Pairs with smp_load_acquire() in zcpool_named_pool(): who has the pool has the size. */
	smp_store_release(&inode->i_private, pool);
}

/* How the memory of a file is divided, unless the mount says so. */
static u64 zcpool_named_buffer_size(u64 size)
{
	/* Mapped by huge entries, or too many otherwise. */
	if (IS_ALIGNED(size, ZCPOOL_FOLIO_SIZE_MAX) ||
	    size > (u64)ZCPOOL_NAMED_BUFFER_SIZE * ZCPOOL_COUNT_MAX)
		return ZCPOOL_FOLIO_SIZE_MAX;
	/* The geometry rounds up what is small. */
	return min_t(u64, size, ZCPOOL_NAMED_BUFFER_SIZE);
}

/* The first one makes the pool, as CREATE does; there is no second. */
static int zcpool_named_size(struct inode *inode, u64 size)
{
	struct zcpool_create create = {
		.buffer_size = READ_ONCE(zcpool_fs_of(inode)->buffer_size),
	};
	struct zcpool_geometry geometry;
	struct zcpool_pool *pool;
	u64 count;
	int error;

	if (zcpool_named_pool(inode))
		return -EPERM;
	if (!create.buffer_size)
		create.buffer_size = zcpool_named_buffer_size(size);
	count = div64_u64(size - 1, create.buffer_size) + 1;
	if (count > ZCPOOL_COUNT_MAX)
		return -EFBIG;
	create.count = count;
	error = zcpool_geometry_init(&geometry, &create);
	if (error)
		return error;
	pool = zcpool_pool_create(&geometry);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	zcpool_named_publish(inode, pool, size);
	return 0;
}

static int zcpool_named_setattr(zcpool_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	int error = setattr_prepare(idmap, dentry, attr);

	if (!error && (attr->ia_valid & ATTR_SIZE) && attr->ia_size != i_size_read(inode))
		error = zcpool_named_size(inode, attr->ia_size);
	if (!error)
		setattr_copy(idmap, inode, attr);
	return error;
}

static const struct inode_operations zcpool_named_iops = {
	.setattr = zcpool_named_setattr,
};

static int zcpool_named_open(struct inode *inode, struct file *file)
{
	struct zcpool_handle *handle;
	int error = generic_file_open(inode, file);

	if (!error)
		error = zcpool_handle_open(inode, file);
	if (error)
		return error;
	handle = file->private_data;
	handle->named = true;
	file->f_mode |= ZCPOOL_FMODE_WASYNC;
	return 0;
}

static ssize_t zcpool_named_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct zcpool_slice slice = zcpool_named_slice(iocb->ki_filp);
	struct zcpool_pool *pool = zcpool_file_pool(iocb->ki_filp);

	/* An empty file is at its end. */
	return IS_ERR(pool) ?
		       0 :
		       zcpool_slice_read(pool, iocb->ki_filp->private_data, &slice, iocb, to);
}

static ssize_t zcpool_named_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct zcpool_slice slice = zcpool_named_slice(iocb->ki_filp);
	struct zcpool_pool *pool = zcpool_file_pool(iocb->ki_filp);
	int error;

	if (!iov_iter_count(from))
		return 0;
	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = slice.length;
	if (IS_ERR(pool) || iocb->ki_pos >= slice.length)
		return -ENOSPC;
	error = file_update_time(iocb->ki_filp);
	return error ?: zcpool_slice_write(pool, iocb->ki_filp->private_data, &slice, iocb, from);
}

static ssize_t zcpool_named_splice_read(struct file *file, loff_t *ppos,
					struct pipe_inode_info *pipe, size_t len,
					unsigned int flags)
{
	struct zcpool_slice slice = zcpool_named_slice(file);
	struct zcpool_pool *pool = zcpool_file_pool(file);

	return IS_ERR(pool) ?
		       0 :
		       zcpool_slice_splice(pool, file->private_data, &slice, ppos, pipe, len);
}

/*
 * Up to the end of the last page, which is zero beyond the file's end unless a program
 * wrote there.  A private mapping that is for reading, and never can be written then,
 * does not part from the pool, and is the same as a shared one of a file open for
 * reading: fork() copies none of it.
 */
static int zcpool_named_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	u64 pages;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	pages = DIV_ROUND_UP_ULL(i_size_read(file_inode(file)), PAGE_SIZE);
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	if (!(vma->vm_flags & (VM_SHARED | VM_WRITE)))
		vm_flags_clear(vma, VM_MAYWRITE);
	return zcpool_mmap(file, vma);
}

/* There is nothing behind the memory that it could be written to. */
static int zcpool_named_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	return 0;
}

/*
 * posix_fallocate() is how many programs size a file that they create.  What has a pool
 * has all of its memory.
 */
static long zcpool_named_fallocate(struct file *file, int mode, loff_t offset, loff_t length)
{
	struct inode *inode = file_inode(file);
	int error = 0;

	if (mode)
		return -EOPNOTSUPP;
	inode_lock(inode);
	if (offset + length > i_size_read(inode)) {
		error = inode_newsize_ok(inode, offset + length);
		if (!error)
			error = zcpool_named_size(inode, offset + length);
	}
	if (!error)
		error = file_update_time(file);
	inode_unlock(inode);
	return error;
}

static const struct file_operations zcpool_named_fops = {
	ZCPOOL_OWNER_WASYNC,
	.open = zcpool_named_open,
	.release = zcpool_handle_release,
	.unlocked_ioctl = zcpool_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.uring_cmd = zcpool_uring_cmd,
	.mmap = zcpool_named_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
	.read_iter = zcpool_named_read_iter,
	.write_iter = zcpool_named_write_iter,
	.llseek = generic_file_llseek,
	.poll = zcpool_poll,
	.fasync = zcpool_fasync,
	.fsync = zcpool_named_fsync,
	.fallocate = zcpool_named_fallocate,
	.splice_read = zcpool_named_splice_read,
	.splice_write = iter_file_splice_write,
	.show_fdinfo = zcpool_handle_show_fdinfo,
};

/**
 * zcpool_named_init() - make a new inode that of an empty file
 * @inode: inode
 */
void zcpool_named_init(struct inode *inode)
{
	inode->i_op = &zcpool_named_iops;
	inode->i_fop = &zcpool_named_fops;
}

/**
 * zcpool_named_evict() - let go of a file's pool
 * @inode: inode of the file system
 *
 * Return: whether it was that of such a file.
 */
bool zcpool_named_evict(struct inode *inode)
{
	if (inode->i_op != &zcpool_named_iops)
		return false;
	/* Deferred: the pool's end may be the file system's. */
	if (inode->i_private)
		zcpool_pool_put(inode->i_private);
	return true;
}
