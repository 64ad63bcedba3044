// SPDX-License-Identifier: GPL-2.0-only
/* Where names of pools are: the file system, and files there. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <mntent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "named.h"
#include "tool.h"

#define ZCPOOL_SUPER_MAGIC 0x7a63706f

static bool is_mounted(const char *directory)
{
	struct statfs status;

	return !statfs(directory, &status) && status.f_type == ZCPOOL_SUPER_MAGIC;
}

/* Wherever it is mounted, where the system mounts it first of all. */
const char *named_directory(void)
{
	static char directory[PATH_MAX];
	struct mntent *entry;
	FILE *mounts;

	if (*directory || is_mounted(NAMED_DIRECTORY))
		return *directory ? directory : NAMED_DIRECTORY;
	mounts = setmntent("/proc/self/mounts", "re");
	while (mounts && !*directory && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "zcpool") && is_mounted(entry->mnt_dir))
			snprintf(directory, sizeof(directory), "%s", entry->mnt_dir);
	if (mounts)
		endmntent(mounts);
	return *directory ? directory : NULL;
}

int fail_unmounted(void)
{
	return fail(EXIT_NO_DEVICE, "the file system zcpool is not mounted: "
				    "mount it with 'zcpoolctl mount', as root");
}

int named_path(const char *name, char *path, size_t size)
{
	const char *directory;

	if (strchr(name, '/')) {
		if ((size_t)snprintf(path, size, "%s", name) >= size)
			return fail(EXIT_FAILED, "the path is too long: '%s'", name);
		return EXIT_OK;
	}
	directory = named_directory();
	if (!directory)
		return fail_unmounted();
	if ((size_t)snprintf(path, size, "%s/%s", directory, name) >= size)
		return fail(EXIT_FAILED, "the name is too long: '%s'", name);
	return EXIT_OK;
}

/* The file that was made is removed where it could not be made a pool. */
int fail_named(int error, const char *path)
{
	switch (error) {
	case -ENOTTY:
		return fail(EXIT_FAILED,
			    "'%s' is no file of a file system zcpool: 'zcpoolctl mount' mounts one",
			    path);
	case -EEXIST:
		return fail(EXIT_FAILED,
			    "there is a file '%s' already: remove it with 'zcpoolctl rm', "
			    "or take another name",
			    path);
	case -EACCES:
	case -EPERM:
		return fail(EXIT_FAILED, "no right to '%s': see its owner and mode with 'ls -l'",
			    path);
	case -ENOSPC:
		return fail(EXIT_FAILED,
			    "'%s' would be one file too many: remove others, or raise the limit "
			    "with 'mount -o remount,nr_inodes='",
			    path);
	default:
		return fail(EXIT_FAILED, "cannot open '%s': %s", path, strerror(-error));
	}
}

/* As file systems round up to blocks: what is asked for fits, and more is locked. */
static void tell_rounded(const char *path, uint64_t asked, const struct zcpool_create *created)
{
	char size[32];

	fail(EXIT_OK,
	     "the buffers of '%s' are of %" PRIu64 " bytes instead of %" PRIu64 ", together %s",
	     path, (uint64_t)created->stride, asked,
	     format_size(created->size, size, sizeof(size)));
}

int named_create(const char *path, const struct named_options *options, bool quiet)
{
	struct zcpool_create create = {
		.buffer_size = options->buffer_size,
		.count = options->count,
		.flags = options->flags,
	};
	void (*limit)(int number);
	struct zcpool *pool;
	int error;

	error = zcpool_open_file(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, options->mode,
				 &pool);
	if (error) {
		/* What is no such file has been made by this very call. */
		if (error == -ENOTTY)
			remove(path);
		return fail_named(error, path);
	}
	/* Beyond "ulimit -f" it is an error to be told, after what was made is removed. */
	limit = signal(SIGXFSZ, SIG_IGN);
	error = zcpool_create(pool, &create);
	signal(SIGXFSZ, limit);
	if (error) {
		remove(path);
		fail_create(error, options->buffer_size * options->count);
	} else if (!quiet && create.stride != options->buffer_size) {
		tell_rounded(path, options->buffer_size, &create);
	}
	zcpool_close(pool);
	return error ? EXIT_FAILED : EXIT_OK;
}
