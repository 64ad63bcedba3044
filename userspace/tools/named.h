/* SPDX-License-Identifier: GPL-2.0-only */
/* Pools and views with names, as create, rm, ls, view, mount and run handle them. */
#ifndef ZCPOOLCTL_NAMED_H
#define ZCPOOLCTL_NAMED_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zcpool.h>

/* Where the system mounts the file system; see run-zcpool.mount. */
#define NAMED_DIRECTORY "/run/zcpool"

/* Where it is mounted, NULL if it is not. */
const char *named_directory(void);
int fail_unmounted(void);
/* The path of a name; one with a slash is a path.  Returns an exit status. */
int named_path(const char *name, char *path, size_t size);
/* Print why a path could not be opened; returns an exit status. */
int fail_named(int error, const char *path);

/* What create and run take: the pool's geometry and flags, and the file's mode. */
struct named_options {
	uint64_t buffer_size;
	uint32_t count;
	uint32_t mode;
	uint32_t flags;
};

#define NAMED_SHORT "s:n:m:i"
/* clang-format off */
#define NAMED_LONG \
	{ "buffer-size", required_argument, NULL, 's' }, \
	{ "count", required_argument, NULL, 'n' }, \
	{ "mode", required_argument, NULL, 'm' }, \
	{ "isolated", no_argument, NULL, 'i' }
/* clang-format on */
#define NAMED_DEFAULTS \
	{ \
		.buffer_size = 64 << 10, .count = 16, .mode = 0600 \
	}
/* One of them; returns false after a message if it is wrong, or none of them. */
bool named_option(struct named_options *options, int letter, const char *usage);
/*
 * Make a pool of a new file.  Returns an exit status, the message is printed; so is one if
 * the pool's buffers are larger than asked for, unless quiet.
 */
int named_create(const char *path, const struct named_options *options, bool quiet);

#endif /* ZCPOOLCTL_NAMED_H */
