// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "file.h"

/* More than the time between two ticks; and between the times that FAT can tell apart. */
#define TICK_NS 100000000LL
#define COARSE_NS 2100000000LL

int files_open(struct files *files, const char *directory)
{
	int i;

	for (i = 0; i < FILES_CHAINS; i++)
		LIST_INIT(&files->chains[i]);
	files->root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return files->root < 0 ? -errno : 0;
}

void files_close(struct files *files)
{
	close(files->root);
}

static long long nanoseconds(const struct timespec *time)
{
	return time->tv_sec * 1000000000LL + time->tv_nsec;
}

static bool has_same_content(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && nanoseconds(&a->st_mtim) == nanoseconds(&b->st_mtim);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && has_same_content(a, b) &&
	       nanoseconds(&a->st_ctim) == nanoseconds(&b->st_ctim);
}

/* By the clock that changes get their time from, which may lag behind others. */
static bool is_settled(const struct stat *stat)
{
	long long age;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	age = nanoseconds(&now) - nanoseconds(&stat->st_ctim);
	return age > (stat->st_ctim.tv_nsec ? TICK_NS : COARSE_NS);
}

/*
 * Open a path without effect on what is there, a FIFO or a device maybe.  The kernel
 * keeps it beneath the directory, whatever ".." and symbolic links say.
 */
static int open_beneath(const struct files *files, const char *path)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, files->root, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Open what an O_PATH descriptor stands for, and nothing else. */
static int reopen(int fd, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDONLY | O_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

static struct file *find(struct files *files, const struct stat *stat)
{
	struct file *file = LIST_FIRST(&files->chains[stat->st_ino % FILES_CHAINS]);

	while (file && !(file->settled && is_same(&file->stat, stat)))
		file = LIST_NEXT(file, chain);
	return file;
}

static struct file *create(struct files *files, const struct stat *stat)
{
	struct file *file = calloc(1, sizeof(*file));

	if (!file)
		return NULL;
	file->stat = *stat;
	file->settled = is_settled(stat);
	file->fd = -1;
	file->direct = true;
	LIST_INIT(&file->windows);
	LIST_INSERT_HEAD(&files->chains[stat->st_ino % FILES_CHAINS], file, chain);
	return file;
}

/* Takes over the descriptor. */
static int use(struct files *files, int fd, const struct stat *stat, struct file **result)
{
	struct file *file = find(files, stat);

	if (!file)
		file = create(files, stat);
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	if (file->users++) {
		close(fd);
	} else {
		file->fd = fd;
		file->readable = false;
	}
	*result = file;
	return 0;
}

int file_open(struct files *files, const char *path, struct file **file)
{
	int fd = open_beneath(files, path);
	struct stat stat;

	if (fd < 0)
		return fd;
	if (fstat(fd, &stat) || !S_ISREG(stat.st_mode)) {
		close(fd);
		return -ENOENT;
	}
	return use(files, fd, &stat, file);
}

static void destroy_if_unused(struct file *file)
{
	if (file->users || !LIST_EMPTY(&file->windows))
		return;
	LIST_REMOVE(file, chain);
	free(file);
}

void file_retain(struct file *file)
{
	file->users++;
}

void file_release(struct file *file)
{
	if (--file->users)
		return;
	close(file->fd);
	destroy_if_unused(file);
}

void file_lost_window(struct file *file)
{
	destroy_if_unused(file);
}

static int replace_fd(struct file *file, int flags)
{
	int fd = reopen(file->fd, flags);

	if (fd < 0)
		return fd;
	close(file->fd);
	file->fd = fd;
	file->readable = true;
	return 0;
}

int file_make_readable(struct file *file)
{
	int error;

	if (file->readable)
		return 0;
	error = replace_fd(file, file->direct ? O_DIRECT : 0);
	return error == -EINVAL ? file_read_indirectly(file) : error;
}

int file_read_indirectly(struct file *file)
{
	file->direct = false;
	return replace_fd(file, 0);
}

bool file_has_changed(const struct file *file)
{
	struct stat stat;

	/* Not its ctime, for another file may have taken its name. */
	return fstat(file->fd, &stat) || !has_same_content(&file->stat, &stat);
}
