/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* Versions of the served files: what is on disk, and when it has changed. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/stat.h>

#define FILES_CHAINS 1024

struct window;

/*
 * A file as it was at one time.  When it has changed on disk the next request makes
 * another of these, and this one lives until its last client is served and its
 * windows are evicted.
 */
struct file {
	struct stat stat;
	/* Written long enough ago for its times to tell a later change. */
	bool settled;
	/* The descriptor, while it has users: O_PATH until somebody reads. */
	int fd;
	bool readable;
	/* Disk to pool by DMA, where the file system can. */
	bool direct;
	uint32_t users;
	/* What of it is in the pool, or on its way. */
	LIST_HEAD(, window) windows;
	LIST_ENTRY(file) chain;
};

struct files {
	/* The directory that is served. */
	int root;
	LIST_HEAD(, file) chains[FILES_CHAINS];
};

int files_open(struct files *files, const char *directory);
void files_close(struct files *files);

/* Look up a path, relative to the directory.  Returns 0 or a negative errno. */
int file_open(struct files *files, const char *path, struct file **file);
void file_retain(struct file *file);
void file_release(struct file *file);
/* After a window of it is gone. */
void file_lost_window(struct file *file);

/* Have its descriptor readable.  Returns 0 or a negative errno. */
int file_make_readable(struct file *file);
/* Without DMA, from now on: returns 0 or a negative errno. */
int file_read_indirectly(struct file *file);
/* Whether the file on disk is no longer what it was. */
bool file_has_changed(const struct file *file);

#endif /* FILE_H */
