/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of the file system share. */
#ifndef ZCPOOL_SELFTEST_FS_H
#define ZCPOOL_SELFTEST_FS_H

#include <grp.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "util.h"

#define MOUNT "/tmp/zcpool-fs"
#define NOBODY 65534
#define FILE_A MOUNT "/a"
#define FILE_B MOUNT "/b"

/* All return what the system call does, or a negative errno. */

static inline int mount_at(const char *where, const char *options)
{
	mkdir(where, 0755);
	return mount("zcpool", where, "zcpool", 0, options) ? -errno : 0;
}

static inline int mount_fs(void)
{
	return mount_at(MOUNT, "");
}

static inline int unmount_fs(void)
{
	return umount(MOUNT) ? -errno : 0;
}

static inline int open_file(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

static inline int size_file(int fd, off_t size)
{
	return ftruncate(fd, size) ? -errno : 0;
}

/* A new file of so many bytes, open for reading and writing. */
static inline int new_file(const char *path, off_t size)
{
	int fd = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	int error = fd < 0 ? 0 : size_file(fd, size);

	if (!error)
		return fd;
	close(fd);
	unlink(path);
	return error;
}

static inline struct stat stat_of(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		memset(&status, 0xff, sizeof(status));
	return status;
}

static inline void *map_file(int fd, size_t size, int protection, int flags)
{
	return mmap(NULL, size, protection, flags, fd, 0);
}

/* Be somebody else, for good, with one more group. */
static inline void become(uid_t uid, gid_t gid)
{
	if (setgroups(1, &gid) || setgid(uid) || setuid(uid))
		_exit(99);
}

/* A view that may be named in the mount of mount_fd. */
static inline int view_in(int fd, int mount_fd, uint64_t offset, uint64_t length, uint32_t flags,
			  uint32_t mode)
{
	struct zcpool_view arg = {
		.offset = offset,
		.length = length,
		.flags = flags | ZCPOOL_VIEW_F_MOUNT,
		.mode = mode,
		.mount_fd = mount_fd,
	};

	return ioctl(fd, ZCPOOL_IOC_VIEW, &arg) ? -errno : arg.fd;
}

/* Give a file that has no name one. */
static inline int name(int fd, const char *path)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

static inline unsigned char content_at(size_t i)
{
	return i * 31 >> 8 ^ i;
}

static inline void fill(char *map, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		map[i] = content_at(i);
}

static inline bool is_filled(const char *map, size_t size)
{
	size_t i;

	for (i = 0; i < size && (unsigned char)map[i] == content_at(i);)
		i++;
	return i == size;
}

#endif /* ZCPOOL_SELFTEST_FS_H */
