// SPDX-License-Identifier: GPL-2.0-only
/* Directories of the file system: names, which are kept by the dcache alone. */
#include <linux/dcache.h>
#include <linux/fs.h>
#include <linux/security.h>

#include "fs.h"
#include "zcpool.h"

static void zcpool_directory_init(struct inode *inode);

/* A counted inode, without name yet. */
static struct inode *zcpool_inode_new(zcpool_idmap *idmap, struct super_block *sb,
				      struct inode *dir, umode_t mode)
{
	int error = zcpool_fs_charge(sb);
	struct inode *inode;

	if (error)
		return ERR_PTR(error);
	inode = new_inode(sb);
	if (!inode) {
		atomic64_dec(&((struct zcpool_fs *)sb->s_fs_info)->inodes);
		return ERR_PTR(-ENOMEM);
	}
	inode->i_ino = get_next_ino();
	inode_init_owner(idmap, inode, dir, mode);
	zcpool_inode_init_times(inode);
	if (S_ISDIR(mode))
		zcpool_directory_init(inode);
	else
		zcpool_named_init(inode);
	if (dir) {
		error = security_inode_init_security(inode, dir, NULL, NULL, NULL);
		if (error && error != -EOPNOTSUPP) {
			iput(inode);
			return ERR_PTR(error);
		}
	}
	return inode;
}

static int zcpool_directory_add(zcpool_idmap *idmap, struct inode *dir, struct dentry *dentry,
				umode_t mode)
{
	struct inode *inode = zcpool_inode_new(idmap, dir->i_sb, dir, mode);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	zcpool_dentry_keep(dentry, inode);
	zcpool_inode_touch(dir);
	return 0;
}

static int zcpool_directory_create(zcpool_idmap *idmap, struct inode *dir, struct dentry *dentry,
				   umode_t mode, bool excl)
{
	return zcpool_directory_add(idmap, dir, dentry, mode | S_IFREG);
}

static zcpool_mkdir_ret zcpool_directory_mkdir(zcpool_idmap *idmap, struct inode *dir,
					       struct dentry *dentry, umode_t mode)
{
	int error = zcpool_directory_add(idmap, dir, dentry, mode | S_IFDIR);

	if (!error)
		inc_nlink(dir);
	return ZCPOOL_MKDIR_RET(error);
}

/* O_TMPFILE: a name is for linkat() to give, if any. */
static int zcpool_directory_tmpfile(zcpool_idmap *idmap, struct inode *dir, struct file *file,
				    umode_t mode)
{
	struct inode *inode = zcpool_inode_new(idmap, dir->i_sb, dir, mode);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	d_tmpfile(file, inode);
	return finish_open_simple(file, 0);
}

/*
 * The first name of a view, or of a file opened with O_TMPFILE.  There is no second:
 * names are not counted by themselves.
 */
static int zcpool_directory_link(struct dentry *old, struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(old);
	int error;

	if (inode->i_nlink)
		return -EPERM;
	error = zcpool_view_link(inode);
	return error ?: simple_link(old, dir, dentry);
}

static const struct inode_operations zcpool_directory_iops = {
	.lookup = simple_lookup,
	.create = zcpool_directory_create,
	.link = zcpool_directory_link,
	.unlink = simple_unlink,
	.mkdir = zcpool_directory_mkdir,
	.rmdir = simple_rmdir,
	.rename = simple_rename,
	.tmpfile = zcpool_directory_tmpfile,
};

static void zcpool_directory_init(struct inode *inode)
{
	inode->i_op = &zcpool_directory_iops;
	inode->i_fop = &simple_dir_operations;
	inc_nlink(inode);
}

/**
 * zcpool_directory_root() - make the root directory
 * @sb: super block
 *
 * Return: its inode, or NULL.
 */
struct inode *zcpool_directory_root(struct super_block *sb)
{
	struct inode *inode = zcpool_inode_new(&zcpool_nop_idmap, sb, NULL, S_IFDIR | 0700);

	if (IS_ERR(inode))
		return NULL;
	inode->i_uid = GLOBAL_ROOT_UID;
	inode->i_gid = GLOBAL_ROOT_GID;
	return inode;
}
