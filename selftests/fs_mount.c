// SPDX-License-Identifier: GPL-2.0-only
/* Mounting: one file system, its options, directories, and how many files it takes. */
#include <sched.h>

#include "fs.h"

#include "harness.h"

#define OTHER "/tmp/zcpool-fs-other"

/* The options that /proc/mounts shows of the mount. */
static const char *options_shown(void)
{
	static char line[512], options[256];
	FILE *mounts = fopen("/proc/self/mounts", "r");
	char where[256], type[64];

	*options = 0;
	while (fgets(line, sizeof(line), mounts))
		if (sscanf(line, "%*s %255s %63s %255s", where, type, options) == 3 &&
		    !strcmp(where, MOUNT) && !strcmp(type, "zcpool"))
			break;
	fclose(mounts);
	return options;
}

static int remount(const char *options)
{
	return mount("zcpool", MOUNT, "zcpool", MS_REMOUNT, options) ? -errno : 0;
}

TEST(root_directory)
{
	struct stat status;

	ASSERT_EQ(0, mount_fs());
	status = stat_of(MOUNT);
	EXPECT_EQ(S_IFDIR | 01777, status.st_mode);
	EXPECT_EQ(0, status.st_uid);
	EXPECT_EQ(2, status.st_nlink);
	EXPECT_STREQ("rw,relatime", options_shown());
	ASSERT_EQ(0, unmount_fs());
	ASSERT_EQ(0, mount_at(MOUNT, "mode=0750,uid=12,gid=34,buffer_size=16k,nr_inodes=1000"));
	status = stat_of(MOUNT);
	EXPECT_EQ(S_IFDIR | 0750, status.st_mode);
	EXPECT_EQ(12, status.st_uid);
	EXPECT_EQ(34, status.st_gid);
	EXPECT_STREQ("rw,relatime,mode=750,uid=12,gid=34,buffer_size=16384,nr_inodes=1000",
		     options_shown());
	ASSERT_EQ(0, remount("mode=700"));
	EXPECT_STREQ("rw,relatime,mode=700,uid=12,gid=34,buffer_size=16384,nr_inodes=1000",
		     options_shown());
	ASSERT_EQ(0, unmount_fs());
	/* Nothing is left of them. */
	ASSERT_EQ(0, mount_fs());
	EXPECT_STREQ("rw,relatime", options_shown());
	ASSERT_EQ(0, unmount_fs());
}

static int mount_other(const char *options)
{
	mkdir(OTHER, 0755);
	return mount("zcpool", OTHER, "zcpool", 0, options) ? -errno : 0;
}

/*
 * It is one file system: a mount that asks for something else fails, and one that fails,
 * for this or another reason, has changed nothing.
 */
TEST(mounted_again)
{
	static const char *const others[] = {
		"mode=777",	   "uid=13",	     "gid=35",
		"buffer_size=32k", "nr_inodes=1001", "mode=0750,uid=13",
	};
	const char *options = "rw,relatime,mode=750,uid=12,gid=34,buffer_size=16384,nr_inodes=1000";
	size_t i;
	int fd;

	ASSERT_EQ(0, mount_at(MOUNT, "mode=0750,uid=12,gid=34,buffer_size=16k,nr_inodes=1000"));
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		EXPECT_STREQ(others[i], mount_other(others[i]) == -EBUSY ? others[i] : "taken");
		EXPECT_STREQ(others[i], mount_at(MOUNT, others[i]) == -EBUSY ? others[i] : "taken");
	}
	/* Linux mounts nothing twice at one place. */
	EXPECT_EQ(-EBUSY, mount_fs());
	EXPECT_STREQ(options, options_shown());
	ASSERT_EQ(0, mount_other("nr_inodes=1000,mode=750"));
	/* One of two is one still. */
	ASSERT_EQ(0, unmount_fs());
	EXPECT_EQ(-EBUSY, mount_at(MOUNT, "mode=777"));
	ASSERT_EQ(0, mount_fs());
	EXPECT_STREQ(options, options_shown());
	ASSERT_EQ(0, umount(OTHER));
	ASSERT_EQ(0, remount("mode=0700"));
	EXPECT_EQ(S_IFDIR | 0700, stat_of(MOUNT).st_mode);
	/* Where only pools keep it, who mounts it chooses, and the rest is as it was. */
	fd = new_pool(8 * KIB, 1);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, unmount_fs());
	ASSERT_EQ(0, mount_at(MOUNT, "uid=13"));
	EXPECT_STREQ("rw,relatime,mode=700,uid=13,gid=34,buffer_size=16384,nr_inodes=1000",
		     options_shown());
	EXPECT_EQ(-EBUSY, mount_other("uid=14"));
	ASSERT_EQ(0, unmount_fs());
	close(fd);
}

/* As when a service has a pool before the system's mounts are made. */
TEST(first_mounted_after_a_pool)
{
	int fd = new_pool(8 * KIB, 1);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, mount_at(MOUNT, "mode=1770,gid=34"));
	EXPECT_STREQ("rw,relatime,mode=1770,gid=34", options_shown());
	EXPECT_EQ(-EBUSY, mount_other("mode=1777"));
	close(fd);
	ASSERT_EQ(0, unmount_fs());
}

TEST(garbage_in_options)
{
	static const char *const garbage[] = {
		"mode=9",
		"mode=10000",
		"mode=",
		"mode",
		"uid=-2",
		"uid=x",
		"uid=4294967295",
		"gid=4294967295",
		"gid=",
		"buffer_size=",
		"buffer_size=x",
		"buffer_size=4096",
		"buffer_size=12345",
		"buffer_size=3m",
		"buffer_size=2g",
		"buffer_size=16kx",
		"nr_inodes=",
		"nr_inodes=-",
		"nonsense",
		"size=1m",
		"mode=700,nonsense=1",
	};
	size_t i;

	/* If one is taken the test says which, and the rest fails. */
	for (i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
		EXPECT_STREQ(garbage[i],
			     mount_at(MOUNT, garbage[i]) == -EINVAL ? garbage[i] : "taken");
	ASSERT_EQ(0, mount_fs());
	for (i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++)
		EXPECT_STREQ(garbage[i], remount(garbage[i]) == -EINVAL ? garbage[i] : "taken");
	EXPECT_STREQ("rw,relatime", options_shown());
	ASSERT_EQ(0, unmount_fs());
}

TEST(buffer_size)
{
	struct zcpool_query q;
	int fd;

	ASSERT_EQ(0, mount_at(MOUNT, "buffer_size=16k"));
	fd = new_file(FILE_A, 2 * MIB);
	ASSERT_EQ(0, query(fd, &q));
	EXPECT_EQ(16 * KIB, q.stride);
	EXPECT_EQ(128, q.count);
	close(fd);
	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(0, remount("buffer_size=2m"));
	fd = new_file(FILE_A, 1);
	ASSERT_EQ(0, query(fd, &q));
	EXPECT_EQ(2 * MIB, q.stride);
	EXPECT_EQ(1, stat_of(FILE_A).st_size);
	close(fd);
	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(0, unmount_fs());
}

/* Wherever it is mounted, and one of the mounts may be read-only. */
TEST(one_file_system)
{
	int fd;

	ASSERT_EQ(0, mount_fs());
	mkdir(OTHER, 0755);
	ASSERT_EQ(0, mount("zcpool", OTHER, "zcpool", MS_RDONLY, ""));
	fd = new_file(FILE_A, 1);
	ASSERT_GE(fd, 0);
	close(fd);
	EXPECT_EQ(stat_of(FILE_A).st_ino, stat_of(OTHER "/a").st_ino);
	ASSERT_EQ(-EROFS, open_file(OTHER "/a", O_RDWR, 0));
	ASSERT_EQ(-EROFS, open_file(OTHER "/b", O_RDWR | O_CREAT, 0600));
	ASSERT_EQ(-1, unlink(OTHER "/a"));
	ASSERT_EQ(EROFS, errno);
	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(0, umount(OTHER));
	/* Read-only first. */
	ASSERT_EQ(0, unmount_fs());
	ASSERT_EQ(0, mount("zcpool", OTHER, "zcpool", MS_RDONLY, ""));
	ASSERT_EQ(0, mount_fs());
	fd = new_file(FILE_A, 1);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, mount("zcpool", OTHER, "zcpool", MS_REMOUNT | MS_RDONLY, ""));
	ASSERT_EQ(1, write(fd, "x", 1));
	close(fd);
	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(0, umount(OTHER));
	ASSERT_EQ(0, unmount_fs());
}

static int set_read_only(const char *where)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	return mount_setattr(AT_FDCWD, where, 0, &attr, sizeof(attr)) ? -errno : 0;
}

/* As newer versions of mount(8) remount. */
static int reconfigure_read_only(const char *where)
{
	int context = fspick(AT_FDCWD, where, FSPICK_CLOEXEC), error = 0;

	if (context < 0 || fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) ||
	    fsconfig(context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0))
		error = -errno;
	close(context);
	return error;
}

static int failed(int ret)
{
	return ret ? -errno : 0;
}

TEST(read_only)
{
	char back[4];
	int fd, view_fd;

	ASSERT_EQ(0, mount_fs());
	ASSERT_EQ(0, mount_other(""));
	fd = new_file(FILE_A, 8 * KIB);
	ASSERT_GE(fd, 0);
	/* What is open for writing keeps a mount from it, or all. */
	EXPECT_EQ(-EBUSY, set_read_only(MOUNT));
	EXPECT_EQ(-EBUSY, reconfigure_read_only(MOUNT));
	EXPECT_EQ(-EBUSY, reconfigure_read_only(OTHER));
	EXPECT_EQ(0, set_read_only(OTHER));
	EXPECT_EQ(-EROFS, open_file(OTHER "/a", O_RDWR, 0));
	/* Or stays so. */
	ASSERT_EQ(0, mount("zcpool", MOUNT, "zcpool", MS_REMOUNT | MS_RDONLY, ""));
	EXPECT_STREQ("ro,relatime", options_shown());
	EXPECT_EQ(4, pwrite(fd, "kept", 4, 0));
	close(fd);
	EXPECT_EQ(-EROFS, open_file(FILE_A, O_RDWR, 0));
	EXPECT_EQ(-EROFS, open_file(FILE_B, O_RDWR | O_CREAT, 0600));
	EXPECT_EQ(-EROFS, open_file(MOUNT, O_RDWR | O_TMPFILE, 0600));
	EXPECT_EQ(-EROFS, failed(mkdir(MOUNT "/d", 0700)));
	EXPECT_EQ(-EROFS, failed(rename(FILE_A, FILE_B)));
	EXPECT_EQ(-EROFS, failed(unlink(FILE_A)));
	EXPECT_EQ(-EROFS, failed(truncate(FILE_A, 8 * KIB)));
	EXPECT_EQ(-EROFS, failed(chmod(FILE_A, 0644)));
	fd = open_file(FILE_A, O_RDONLY, 0);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(4, read(fd, back, 4));
	EXPECT_EQ(0, memcmp(back, "kept", 4));
	/* A view without a name there is one nowhere. */
	view_fd = view_in(fd, fd, 0, 1, 0, 0400);
	EXPECT_EQ(-EROFS, name(view_fd, FILE_B));
	/* To Linux, what has no name is about to be removed, which writes. */
	EXPECT_EQ(-EBUSY, reconfigure_read_only(OTHER));
	close(view_fd);
	close(fd);
	/* Asked of the file system as a whole it is no more than done. */
	EXPECT_EQ(0, reconfigure_read_only(OTHER));
	ASSERT_EQ(0, remount(""));
	EXPECT_STREQ("rw,relatime", options_shown());
	EXPECT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(0, umount(OTHER));
	ASSERT_EQ(0, unmount_fs());
}

TEST(space)
{
	struct statfs before, after;
	int fd;

	ASSERT_TRUE(wait_total_bytes(0));
	ASSERT_EQ(0, mount_fs());
	ASSERT_EQ(0, statfs(MOUNT, &before));
	EXPECT_EQ(0x7a63706f, before.f_type);
	EXPECT_EQ(4096, before.f_bsize);
	EXPECT_GT(before.f_blocks, 0);
	EXPECT_EQ(65536, before.f_files);
	EXPECT_EQ(65535, before.f_ffree);
	EXPECT_EQ(255, before.f_namelen);
	fd = new_file(FILE_A, 2 * MIB);
	ASSERT_EQ(0, statfs(MOUNT, &after));
	EXPECT_EQ(before.f_blocks, after.f_blocks);
	EXPECT_EQ(before.f_bfree - 512, after.f_bfree);
	EXPECT_EQ(after.f_bfree, after.f_bavail);
	EXPECT_EQ(65534, after.f_ffree);
	close(fd);
	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(0, statfs(MOUNT, &after));
	EXPECT_EQ(65535, after.f_ffree);
	ASSERT_EQ(0, unmount_fs());
}

TEST(directories)
{
	int fd;

	ASSERT_EQ(0, mount_fs());
	ASSERT_EQ(0, mkdir(MOUNT "/d", 0750));
	EXPECT_EQ(S_IFDIR | 0750, stat_of(MOUNT "/d").st_mode);
	EXPECT_EQ(3, stat_of(MOUNT).st_nlink);
	fd = new_file(MOUNT "/d/a", 1);
	ASSERT_GE(fd, 0);
	close(fd);
	ASSERT_EQ(-1, rmdir(MOUNT "/d"));
	ASSERT_EQ(ENOTEMPTY, errno);
	ASSERT_EQ(0, rename(MOUNT "/d", MOUNT "/e"));
	ASSERT_EQ(0, rename(MOUNT "/e/a", FILE_A));
	ASSERT_EQ(-1, link(FILE_A, FILE_B));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(0, rmdir(MOUNT "/e"));
	EXPECT_EQ(2, stat_of(MOUNT).st_nlink);
	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(0, unmount_fs());
}

TEST(as_many_files_as_allowed)
{
	int fd, view_fd, again;

	/* The root directory is one of them. */
	ASSERT_EQ(0, mount_at(MOUNT, "nr_inodes=3"));
	fd = new_file(FILE_A, 1);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, mkdir(MOUNT "/d", 0700));
	ASSERT_EQ(-ENOSPC, open_file(FILE_B, O_RDWR | O_CREAT, 0600));
	ASSERT_EQ(-1, mkdir(MOUNT "/e", 0700));
	ASSERT_EQ(ENOSPC, errno);
	ASSERT_EQ(-ENOSPC, open_file(MOUNT, O_TMPFILE | O_RDWR, 0600));
	/* A view counts when it gets a name. */
	view_fd = view_in(fd, fd, 0, 1, 0, 0600);
	ASSERT_GE(view_fd, 0);
	ASSERT_EQ(-ENOSPC, name(view_fd, FILE_B));
	ASSERT_EQ(0, rmdir(MOUNT "/d"));
	ASSERT_EQ(0, name(view_fd, FILE_B));
	/* One that is open still counts. */
	ASSERT_EQ(0, unlink(FILE_B));
	ASSERT_EQ(-ENOSPC, open_file(FILE_B, O_RDWR | O_CREAT, 0600));
	close(view_fd);
	again = open_file(FILE_B, O_RDWR | O_CREAT, 0600);
	ASSERT_GE(again, 0);
	close(again);
	close(fd);
	ASSERT_EQ(0, remount("nr_inodes=0"));
	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(0, unlink(FILE_B));
	ASSERT_EQ(-ENOSPC, open_file(FILE_A, O_RDWR | O_CREAT, 0600));
	ASSERT_EQ(0, unmount_fs());
}

TEST(not_for_everybody_to_mount)
{
	pid_t child = fork();

	if (!child) {
		become(NOBODY, NOBODY);
		if (mount_fs() != -EPERM)
			_exit(1);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
			_exit(0);
		_exit(mount_fs() == -EPERM ? 0 : 2);
	}
	ASSERT_EQ(0, wait_status(child));
}

TEST_HARNESS_MAIN
