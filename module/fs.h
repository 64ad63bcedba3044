/* SPDX-License-Identifier: GPL-2.0-only */
/* The file system: one on a machine, however often it is mounted. */
#ifndef ZCPOOL_FS_H
#define ZCPOOL_FS_H

#include <linux/atomic.h>
#include <linux/fs.h>

struct vfsmount;

/**
 * struct zcpool_fs - what the super block adds to its root's owner and mode
 * @buffer_size: of files that ftruncate() sizes, bytes; 0: by the file's size
 * @inodes_max: most files and directories
 * @inodes: how many there are, those that are unlinked and open among them
 * @mounted: it has been mounted where it is seen; by s_umount
 *
 * The options are written under s_umount and read without a lock: any of their values
 * will do.
 */
struct zcpool_fs {
	u64 buffer_size;
	u64 inodes_max;
	atomic64_t inodes;
	bool mounted;
};

static inline struct zcpool_fs *zcpool_fs_of(const struct inode *inode)
{
	return inode->i_sb->s_fs_info;
}

/* fs.c */
int zcpool_fs_init(void);
void zcpool_fs_exit(void);
struct vfsmount *zcpool_fs_pin(void);
void zcpool_fs_unpin(void);
bool zcpool_fs_has(const struct file *file);
struct file *zcpool_fs_file(struct inode *inode, struct vfsmount *mount, const char *name,
			    int flags, const struct file_operations *fops);
int zcpool_fs_charge(struct super_block *sb);

/* directory.c */
struct inode *zcpool_directory_root(struct super_block *sb);

/* named.c */
void zcpool_named_init(struct inode *inode);
bool zcpool_named_evict(struct inode *inode);

/* view.c */
int zcpool_view_link(struct inode *inode);
bool zcpool_view_evict(struct inode *inode);

#endif /* ZCPOOL_FS_H */
