// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file system zcpool: its super block, and what mount() may say of it.
 *
 * There is one on a machine.  Pools and views are inodes of it, whether or not it is
 * mounted, and so are the files that have a name there.  Each pool pins a mount that
 * nobody sees, so the names of pools are found again by who mounts it later.
 */
#include <linux/dcache.h>
#include <linux/file.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "fs.h"
#include "zcpool.h"

/* "zcpo" */
#define ZCPOOL_SUPER_MAGIC 0x7a63706f
/* As /dev/shm: for everybody, and each removes one's own. */
#define ZCPOOL_ROOT_MODE 01777
/* Each is kernel memory, which its creator's memory cgroup is charged for, if there is one. */
#define ZCPOOL_INODES_MAX 65536

enum zcpool_option {
	ZCPOOL_OPTION_MODE,
	ZCPOOL_OPTION_UID,
	ZCPOOL_OPTION_GID,
	ZCPOOL_OPTION_BUFFER_SIZE,
	ZCPOOL_OPTION_NR_INODES,
};

/**
 * struct zcpool_options - what a mount or remount asks for
 * @given: bits of enum zcpool_option: the others stay as they are
 * @mode: of the root directory
 * @uid: of the root directory
 * @gid: of the root directory
 * @buffer_size: see struct zcpool_fs
 * @inodes_max: see struct zcpool_fs
 */
struct zcpool_options {
	unsigned long given;
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
	u64 buffer_size;
	u64 inodes_max;
};

/* Every pool pins the file system, and the file system pins the module. */
static struct vfsmount *zcpool_mount;
static int zcpool_mount_count;

static const struct fs_parameter_spec zcpool_fs_parameters[] = {
	fsparam_u32oct("mode", ZCPOOL_OPTION_MODE),
	fsparam_u32("uid", ZCPOOL_OPTION_UID),
	fsparam_u32("gid", ZCPOOL_OPTION_GID),
	fsparam_string("buffer_size", ZCPOOL_OPTION_BUFFER_SIZE),
	fsparam_string("nr_inodes", ZCPOOL_OPTION_NR_INODES),
	{},
};

/* What is a stride, so that a file's bytes follow each other in the pool. */
static bool zcpool_buffer_size_valid(u64 size)
{
	if (size > ZCPOOL_BUFFER_SIZE_MAX)
		return false;
	if (size >= ZCPOOL_FOLIO_SIZE_MAX)
		return IS_ALIGNED(size, ZCPOOL_FOLIO_SIZE_MAX);
	return !size || (size >= ZCPOOL_FOLIO_SIZE_MIN && is_power_of_2(size));
}

/* A number, maybe with K, M or G behind it. */
static int zcpool_option_number(struct fs_context *fc, const struct fs_parameter *param,
				u64 *number)
{
	char *end;

	*number = memparse(param->string, &end);
	if (end == param->string || *end)
		return invalf(fc, "zcpool: %s is no number", param->key);
	return 0;
}

static int zcpool_option_set(struct fs_context *fc, int option, const struct fs_parameter *param,
			     const struct fs_parse_result *result)
{
	struct zcpool_options *options = fc->fs_private;
	int error;

	switch (option) {
	case ZCPOOL_OPTION_MODE:
		if (result->uint_32 & ~S_IALLUGO)
			return invalf(fc, "zcpool: mode has bits beyond 7777");
		options->mode = result->uint_32;
		break;
	case ZCPOOL_OPTION_UID:
		options->uid = make_kuid(current_user_ns(), result->uint_32);
		if (!uid_valid(options->uid))
			return invalf(fc, "zcpool: no such uid");
		break;
	case ZCPOOL_OPTION_GID:
		options->gid = make_kgid(current_user_ns(), result->uint_32);
		if (!gid_valid(options->gid))
			return invalf(fc, "zcpool: no such gid");
		break;
	case ZCPOOL_OPTION_BUFFER_SIZE:
		error = zcpool_option_number(fc, param, &options->buffer_size);
		if (error)
			return error;
		if (!zcpool_buffer_size_valid(options->buffer_size))
			return invalf(fc, "zcpool: buffer_size is no stride");
		break;
	default:
		error = zcpool_option_number(fc, param, &options->inodes_max);
		if (error)
			return error;
	}
	__set_bit(option, &options->given);
	return 0;
}

static int zcpool_fs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct fs_parse_result result;
	int option = fs_parse(fc, zcpool_fs_parameters, param, &result);

	return option < 0 ? option : zcpool_option_set(fc, option, param, &result);
}

/* By s_umount.  As with chmod(), who looks meanwhile sees the old or the new. */
static void zcpool_options_apply(struct super_block *sb, const struct zcpool_options *options)
{
	struct inode *root = d_inode(sb->s_root);
	struct zcpool_fs *fs = sb->s_fs_info;

	if (test_bit(ZCPOOL_OPTION_MODE, &options->given))
		WRITE_ONCE(root->i_mode, S_IFDIR | options->mode);
	if (test_bit(ZCPOOL_OPTION_UID, &options->given))
		root->i_uid = options->uid;
	if (test_bit(ZCPOOL_OPTION_GID, &options->given))
		root->i_gid = options->gid;
	if (test_bit(ZCPOOL_OPTION_BUFFER_SIZE, &options->given))
		WRITE_ONCE(fs->buffer_size, options->buffer_size);
	if (test_bit(ZCPOOL_OPTION_NR_INODES, &options->given))
		WRITE_ONCE(fs->inodes_max, options->inodes_max);
}

/* Whether what is asked for is so already. */
static bool zcpool_options_hold(const struct super_block *sb, const struct zcpool_options *options)
{
	const struct inode *root = d_inode(sb->s_root);
	const struct zcpool_fs *fs = sb->s_fs_info;
	unsigned long other = 0;

	__assign_bit(ZCPOOL_OPTION_MODE, &other, (root->i_mode & S_IALLUGO) != options->mode);
	__assign_bit(ZCPOOL_OPTION_UID, &other, !uid_eq(root->i_uid, options->uid));
	__assign_bit(ZCPOOL_OPTION_GID, &other, !gid_eq(root->i_gid, options->gid));
	__assign_bit(ZCPOOL_OPTION_BUFFER_SIZE, &other, fs->buffer_size != options->buffer_size);
	__assign_bit(ZCPOOL_OPTION_NR_INODES, &other, fs->inodes_max != options->inodes_max);
	return !(other & options->given);
}

/* What differs from the defaults. */
static int zcpool_show_options(struct seq_file *m, struct dentry *dentry)
{
	const struct inode *root = d_inode(dentry->d_sb->s_root);
	const struct zcpool_fs *fs = dentry->d_sb->s_fs_info;
	u64 buffer_size = READ_ONCE(fs->buffer_size);
	u64 inodes_max = READ_ONCE(fs->inodes_max);

	if ((root->i_mode & S_IALLUGO) != ZCPOOL_ROOT_MODE)
		seq_printf(m, ",mode=%o", root->i_mode & S_IALLUGO);
	if (!uid_eq(root->i_uid, GLOBAL_ROOT_UID))
		seq_printf(m, ",uid=%u", from_kuid_munged(&init_user_ns, root->i_uid));
	if (!gid_eq(root->i_gid, GLOBAL_ROOT_GID))
		seq_printf(m, ",gid=%u", from_kgid_munged(&init_user_ns, root->i_gid));
	if (buffer_size)
		seq_printf(m, ",buffer_size=%llu", buffer_size);
	if (inodes_max != ZCPOOL_INODES_MAX)
		seq_printf(m, ",nr_inodes=%llu", inodes_max);
	return 0;
}

/* The space is that of all pools, with a name or without. */
static int zcpool_statfs(struct dentry *dentry, struct kstatfs *stat)
{
	const struct zcpool_fs *fs = dentry->d_sb->s_fs_info;
	u64 most = zcpool_max_total_bytes(), used = zcpool_total_bytes();
	u64 inodes_max = READ_ONCE(fs->inodes_max), inodes = atomic64_read(&fs->inodes);
	int error = simple_statfs(dentry, stat);

	stat->f_blocks = most >> PAGE_SHIFT;
	stat->f_bfree = (most - min(used, most)) >> PAGE_SHIFT;
	stat->f_bavail = stat->f_bfree;
	stat->f_files = inodes_max;
	stat->f_ffree = inodes_max - min(inodes, inodes_max);
	return error;
}

/**
 * zcpool_fs_charge() - count a file or directory that is to be
 * @sb: super block
 *
 * It is counted until its inode is evicted.
 *
 * Return: 0, or -ENOSPC if there are as many as may be.
 */
int zcpool_fs_charge(struct super_block *sb)
{
	struct zcpool_fs *fs = sb->s_fs_info;

	if (atomic64_inc_return(&fs->inodes) <= READ_ONCE(fs->inodes_max))
		return 0;
	atomic64_dec(&fs->inodes);
	return -ENOSPC;
}

/* Inodes have no pages of their own: theirs are the pool's. */
static void zcpool_evict_inode(struct inode *inode)
{
	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	if (S_ISDIR(inode->i_mode) || zcpool_named_evict(inode) || zcpool_view_evict(inode))
		atomic64_dec(&zcpool_fs_of(inode)->inodes);
}

static const struct super_operations zcpool_super_ops = {
	.statfs = zcpool_statfs,
	.evict_inode = zcpool_evict_inode,
	.show_options = zcpool_show_options,
};

static int zcpool_fs_fill(struct super_block *sb, struct fs_context *fc)
{
	struct zcpool_fs *fs = kzalloc(sizeof(*fs), GFP_KERNEL);

	if (!fs)
		return -ENOMEM;
	fs->inodes_max = ZCPOOL_INODES_MAX;
	sb->s_fs_info = fs;
	sb->s_maxbytes = MAX_LFS_FILESIZE;
	sb->s_blocksize = PAGE_SIZE;
	sb->s_blocksize_bits = PAGE_SHIFT;
	sb->s_magic = ZCPOOL_SUPER_MAGIC;
	sb->s_op = &zcpool_super_ops;
	sb->s_time_gran = 1;
	sb->s_root = d_make_root(zcpool_directory_root(sb));
	if (!sb->s_root)
		return -ENOMEM;
	d_inode(sb->s_root)->i_mode = S_IFDIR | ZCPOOL_ROOT_MODE;
	return 0;
}

/* Whether it can be written is for each mount to say: all have one super block. */
static void zcpool_fs_writable(struct fs_context *fc)
{
	fc->sb_flags &= ~SB_RDONLY;
	fc->sb_flags_mask &= ~SB_RDONLY;
}

/*
 * Whether it is mounted already, where it is seen.  Each mount has a part in s_active, the
 * caller of zcpool_fs_get_tree() has, and so has the mount that nobody sees: while that one
 * comes or goes it is taken for another if there ever was another.
 */
static bool zcpool_fs_mounted(const struct super_block *sb)
{
	const struct zcpool_fs *fs = sb->s_fs_info;

	return fs->mounted && atomic_read(&sb->s_active) > (READ_ONCE(zcpool_mount) ? 2 : 1);
}

static int zcpool_fs_mount(struct fs_context *fc, struct super_block *sb)
{
	struct zcpool_fs *fs = sb->s_fs_info;

	if (fc->sb_flags & SB_KERNMOUNT)
		return 0;
	if (!zcpool_fs_mounted(sb))
		zcpool_options_apply(sb, fc->fs_private);
	else if (!zcpool_options_hold(sb, fc->fs_private))
		return -EBUSY;
	fs->mounted = true;
	return 0;
}

/*
 * What is mounted elsewhere changes by a remount alone: a mount can still fail after this,
 * as where it is mounted already, and must have changed nothing then.
 */
static int zcpool_fs_get_tree(struct fs_context *fc)
{
	struct super_block *sb;
	int error;

	zcpool_fs_writable(fc);
	error = get_tree_single(fc, zcpool_fs_fill);
	if (error)
		return error;
	sb = fc->root->d_sb;
	error = zcpool_fs_mount(fc, sb);
	if (error) {
		errorf(fc, "zcpool: mounted with other options: remount to change them");
		dput(fc->root);
		fc->root = NULL;
		deactivate_locked_super(sb);
	}
	return error;
}

static int zcpool_fs_reconfigure(struct fs_context *fc)
{
	zcpool_fs_writable(fc);
	zcpool_options_apply(fc->root->d_sb, fc->fs_private);
	return 0;
}

static void zcpool_fs_free(struct fs_context *fc)
{
	kfree(fc->fs_private);
}

static const struct fs_context_operations zcpool_context_ops = {
	.free = zcpool_fs_free,
	.parse_param = zcpool_fs_parse_param,
	.get_tree = zcpool_fs_get_tree,
	.reconfigure = zcpool_fs_reconfigure,
};

static int zcpool_init_fs_context(struct fs_context *fc)
{
	struct zcpool_options *options = kzalloc(sizeof(*options), GFP_KERNEL);

	if (!options)
		return -ENOMEM;
	fc->fs_private = options;
	fc->ops = &zcpool_context_ops;
	/* Whoever is first to make a pool may be in a user namespace, which it is not of. */
	fc->global = true;
	/* Lest a remount of one asks who has files open for writing in another. */
	zcpool_fs_writable(fc);
	/* No pool or view is a program (nor setuid, thereby) or a device node. */
	fc->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	return 0;
}

static void zcpool_kill_sb(struct super_block *sb)
{
	struct zcpool_fs *fs = sb->s_fs_info;

	zcpool_kill_litter_super(sb);
	kfree(fs);
}

static struct file_system_type zcpool_fs_type = {
	.name = "zcpool",
	.owner = THIS_MODULE,
	.init_fs_context = zcpool_init_fs_context,
	.parameters = zcpool_fs_parameters,
	/*
	 * As if the options were binary: who mounts it with a security module's options, such
	 * as SELinux's context=, has not to repeat them for the mount that nobody sees.  See
	 * selinux_set_mnt_opts().
	 */
	.fs_flags = FS_BINARY_MOUNTDATA,
	.kill_sb = zcpool_kill_sb,
};
MODULE_ALIAS_FS("zcpool");

/**
 * zcpool_fs_pin() - keep the file system, mounted or not
 *
 * Return: a mount of it that nobody sees, or an error; zcpool_fs_unpin() lets go of it.
 */
struct vfsmount *zcpool_fs_pin(void)
{
	int error = simple_pin_fs(&zcpool_fs_type, &zcpool_mount, &zcpool_mount_count);

	return error ? ERR_PTR(error) : zcpool_mount;
}

/**
 * zcpool_fs_unpin() - undo zcpool_fs_pin()
 *
 * Context: process.  A file of the file system keeps it, and the module, meanwhile.
 */
void zcpool_fs_unpin(void)
{
	simple_release_fs(&zcpool_mount, &zcpool_mount_count);
}

/** zcpool_fs_has() - whether a file is of a mount of the file system */
bool zcpool_fs_has(const struct file *file)
{
	return file->f_path.mnt->mnt_sb->s_op == &zcpool_super_ops;
}

/* The name that /proc/PID/maps and /proc/PID/fd show for a file without a path. */
static char *zcpool_dname(struct dentry *dentry, char *buffer, int buflen)
{
	int length = dentry->d_name.len + 1;

	if (length > buflen)
		return ERR_PTR(-ENAMETOOLONG);
	return memcpy(buffer + buflen - length, dentry->d_name.name, length);
}

/**
 * zcpool_fs_file() - open an inode that has no path
 * @inode: inode of the file system; taken over
 * @mount: mount of it that the file is to be of
 * @name: shown in place of a path
 * @flags: O_RDONLY or O_RDWR
 * @fops: operations, of this module
 *
 * Return: the file or an error.
 */
struct file *zcpool_fs_file(struct inode *inode, struct vfsmount *mount, const char *name,
			    int flags, const struct file_operations *fops)
{
	static const struct dentry_operations dentry_ops = { .d_dname = zcpool_dname };
	struct file *file;

	/* __fput() puts the module reference that alloc_file() does not take. */
	__module_get(fops->owner);
	file = alloc_file_pseudo(inode, mount, name, flags, fops);
	if (IS_ERR(file)) {
		module_put(fops->owner);
		iput(inode);
		return file;
	}
	/* Nobody has seen the entry yet; d_op_flags() has no bit for ->d_dname. */
	file->f_path.dentry->d_op = &dentry_ops;
	return file;
}

/** zcpool_fs_init() - have the file system known */
int __init zcpool_fs_init(void)
{
	return register_filesystem(&zcpool_fs_type);
}

/** zcpool_fs_exit() - undo zcpool_fs_init(), and its last unmounting long since */
void zcpool_fs_exit(void)
{
	unregister_filesystem(&zcpool_fs_type);
}
