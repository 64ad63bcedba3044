// SPDX-License-Identifier: GPL-2.0-only
/* The file system of zcpool: mounts, directories, names. */
#include <dirent.h>
#include <ftw.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "calls.h"
#include "fuzz.h"

#define ROOM "/tmp/zcpool-fuzz"
static const char *const points[] = { ROOM "/0", ROOM "/1" };
static const char *const names[] = {
	ROOM "/0/a",	 ROOM "/0/b",	  ROOM "/0/c",	 ROOM "/0/d",	  ROOM "/0/one",
	ROOM "/0/one/a", ROOM "/0/one/b", ROOM "/0/two", ROOM "/0/two/a", ROOM "/1/a",
	ROOM "/1/b",	 ROOM "/1/c",	  ROOM "/1/one", ROOM "/1/one/a",
};
static const char *const directories[] = {
	ROOM "/0", ROOM "/1", ROOM "/0/one", ROOM "/0/two", ROOM "/1/one",
};

/* A mount name space of one's own, lest the machine's is changed. */
int mount_start(void)
{
	unsigned int i;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	mkdir(ROOM, 0777);
	for (i = 0; i < ARRAY_SIZE(points); i++) {
		mkdir(points[i], 0777);
		if (mount("zcpool", points[i], "zcpool", 0, ""))
			return -1;
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	return place->level ? remove(path) : 0;
}

/*
 * Names outlive all mounts, so each is taken away.  A mount that is on its way out may have
 * any options still, with which this one agrees by having none.
 */
int mount_end(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		while (!umount2(points[i], MNT_DETACH))
			;
	if (mount("zcpool", points[0], "zcpool", 0, "") ||
	    nftw(points[0], remove_one, 8, FTW_DEPTH | FTW_PHYS))
		return -1;
	return umount2(points[0], MNT_DETACH);
}

static const char *some_name(void)
{
	return names[below(ARRAY_SIZE(names))];
}

static const char *some_point(void)
{
	return points[below(ARRAY_SIZE(points))];
}

long call_mount_open(void)
{
	const char *name = some_name();
	int flags = ONE_OF(O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY) | O_CLOEXEC;
	struct model model = { 0 };
	struct stat status;
	int fd;

	if (percent(70))
		flags |= O_CREAT;
	if (percent(10))
		flags |= ONE_OF(O_EXCL, O_TRUNC, O_APPEND, O_DIRECT, O_PATH, O_NONBLOCK,
				O_DIRECTORY);
	if (percent(15)) {
		name = directories[below(ARRAY_SIZE(directories))];
		flags = (flags & ~(O_CREAT | O_RDONLY)) | O_TMPFILE | O_RDWR;
	}
	ABOUT("%s flags=%#lo", U64(name), flags);
	fd = RESULT(open(name, flags, 0666));
	if (fd >= 0 && !fstat(fd, &status) && status.st_size) {
		model.size = status.st_size;
		model.stride = 8 * KIB;
		model.count = (status.st_size + 8 * KIB - 1) / (8 * KIB);
	}
	return slot_fill(SLOT_HANDLE, fd, &model);
}

static long call_directory_open(void)
{
	const char *name = directories[below(ARRAY_SIZE(directories))];

	ABOUT("%s", U64(name));
	return slot_fill(SLOT_DIRECTORY, RESULT(open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
			 NULL);
}

static long call_openat(void)
{
	int directory = slot_of(SLOT_DIRECTORY);

	ABOUT("directory=%ld", directory);
	return slot_fill(SLOT_HANDLE,
			 RESULT(openat(directory, percent(50) ? "a" : "../b",
				       O_RDWR | O_CREAT | O_CLOEXEC, 0644)),
			 NULL);
}

static long call_unlink(void)
{
	const char *name = some_name();

	ABOUT("%s", U64(name));
	return RESULT(unlink(name));
}

static long call_rename(void)
{
	const char *from = some_name(), *to = some_name();
	unsigned int flags = percent(70) ? 0 : bent(below(5));

	ABOUT("%s to %s flags=%ld", U64(from), U64(to), flags);
	return RESULT(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags));
}

static long call_link(void)
{
	const char *from = some_name(), *to = some_name();

	ABOUT("%s to %s", U64(from), U64(to));
	return RESULT(percent(70) ? link(from, to) : symlink(from, to));
}

/* A name for a view, or for a file that has none yet. */
static long call_link_fd(void)
{
	int fd = percent(80) ? slot_mounted_view() : slot_of(SLOT_HANDLE);
	const char *to = some_name();
	char *path = scratch(64);

	if (model_of(fd)->handle && percent(80)) {
		int directory = model_of(fd)->handle;

		to = percent(50) ? "a" : "e";
		ABOUT("fd=%ld to %ld %s", fd, directory, U64(to));
		if (percent(80))
			unlinkat(directory, to, 0);
		return RESULT(linkat(fd, "", directory, to, AT_EMPTY_PATH));
	}
	ABOUT("fd=%ld to %s", fd, U64(to));
	if (percent(50))
		return RESULT(linkat(fd, "", AT_FDCWD, to, AT_EMPTY_PATH));
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return RESULT(linkat(AT_FDCWD, path, AT_FDCWD, to, AT_SYMLINK_FOLLOW));
}

static long call_mkdir(void)
{
	const char *name = percent(70) ? directories[2 + below(3)] : some_name();

	ABOUT("%s", U64(name));
	return RESULT(mkdir(name, 0777));
}

static long call_rmdir(void)
{
	const char *name = percent(70) ? directories[2 + below(3)] : some_name();

	ABOUT("%s", U64(name));
	return RESULT(rmdir(name));
}

static long call_getdents(void)
{
	int fd = slot_of(SLOT_DIRECTORY);
	uint64_t to = some_address(2 * KIB);

	ABOUT("fd=%ld %#lx", fd, to);
	return RESULT(syscall(SYS_getdents64, fd, to, 2 * KIB));
}

static long call_path(void)
{
	const char *name = percent(80) ? some_name() : some_point();
	unsigned int what = below(8);
	void *to = scratch(512);

	ABOUT("%s %ld", U64(name), what);
	switch (what) {
	case 0:
		return RESULT(truncate(name, bent(PAGE * below(64))));
	case 1:
		return RESULT(chmod(name, 0600 + below(0100)));
	case 2:
		return RESULT(chown(name, NOBODY, NOBODY));
	case 3:
		return RESULT(statfs(name, to));
	case 4:
		return RESULT(mknod(name, ONE_OF(S_IFREG, S_IFIFO, S_IFCHR) | 0600, 0));
	case 5:
		return RESULT(utimensat(AT_FDCWD, name, NULL, 0));
	case 6:
		return RESULT(access(name, below(8)));
	default:
		return RESULT(stat(name, to));
	}
}

static const char *some_options(void)
{
	static const char *const options[] = {
		"",
		"mode=1777",
		"buffer_size=8K",
		"buffer_size=64K",
		"buffer_size=0",
		"nr_inodes=60000",
		"nr_inodes=3",
		"uid=0,gid=0",
		"buffer_size=1",
		"mode=77777",
		"what=1",
		"buffer_size=2M",
		"nr_inodes=99999999k",
		"uid=4294967295",
	};

	return options[percent(50) ? 0 : below(ARRAY_SIZE(options))];
}

static long call_mount(void)
{
	const char *point = some_point(), *options = some_options();
	/* MS_MANDLOCK gets a warning from the kernel, once. */
	int flags = flags_of(MS_NOATIME | MS_NOSUID | MS_NODEV) & 0xffbe;

	if (percent(8))
		flags |= MS_RDONLY;

	if (percent(40))
		flags |= MS_REMOUNT;
	ABOUT("%s %s flags=%#lx", U64(point), U64(options), flags);
	return RESULT(mount("zcpool", point, "zcpool", flags, options));
}

static long call_umount(void)
{
	const char *point = some_point();
	int flags = bent(ONE_OF(0, MNT_DETACH, MNT_DETACH, MNT_FORCE, MNT_EXPIRE));

	ABOUT("%s flags=%ld", U64(point), flags);
	return RESULT(umount2(point, flags));
}

/* A mount without a place, by the newer calls. */
static long call_fsmount(void)
{
	int context = syscall(SYS_fsopen, "zcpool", 1), mount = -1;

	if (context < 0)
		return -errno;
	ABOUT("", 0);
	if (!syscall(SYS_fsconfig, context, percent(95) ? 6 : 7, NULL, NULL, 0))
		mount = syscall(SYS_fsmount, context, 1, 0);
	if (mount < 0)
		mount = -errno;
	close(context);
	return slot_fill(SLOT_DIRECTORY, mount, NULL);
}

const struct kind mount_kinds[] = {
	{ "open of a file", call_mount_open, 14 },
	{ "open of a directory", call_directory_open, 4 },
	{ "openat", call_openat, 2 },
	{ "unlink", call_unlink, 6 },
	{ "rename", call_rename, 4 },
	{ "link", call_link, 2, "names are for what has none" },
	{ "linkat of a descriptor", call_link_fd, 6 },
	{ "mkdir", call_mkdir, 3 },
	{ "rmdir", call_rmdir, 2 },
	{ "getdents", call_getdents, 3 },
	{ "by path", call_path, 6 },
	{ "mount", call_mount, 3 },
	{ "umount", call_umount, 1 },
	{ "fsmount", call_fsmount, 1 },
	{},
};
