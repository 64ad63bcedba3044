// SPDX-License-Identifier: GPL-2.0-only
/* Errors, and what the user can do about them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "tool.h"

#define PARAMETERS "/sys/module/zcpool/parameters/"

int fail(int status, const char *format, ...)
{
	va_list args;

	/* Against the thread that draws the bar. */
	flockfile(stderr);
	progress_break();
	fputs("zcpoolctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	funlockfile(stderr);
	return status;
}

int fail_usage(const char *usage, const char *format, ...)
{
	va_list args;

	fputs("zcpoolctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n%s", usage);
	return EXIT_USAGE;
}

int fail_open(int error)
{
	switch (error) {
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		return fail(EXIT_NO_DEVICE, "no " ZCPOOL_DEVICE
					    ": load the module with 'modprobe zcpool' or insmod");
	case -EACCES:
		return fail(EXIT_NO_DEVICE,
			    "no access to " ZCPOOL_DEVICE
			    ": join its group with 'adduser USER zcpool' and log in anew");
	default:
		return fail(EXIT_NO_DEVICE, "cannot open " ZCPOOL_DEVICE ": %s", strerror(-error));
	}
}

int fail_create(int error, uint64_t bytes)
{
	char size[32], limit_size[32];
	struct rlimit limit;

	format_size(bytes, size, sizeof(size));
	switch (error) {
	case -EDQUOT:
		getrlimit(RLIMIT_MEMLOCK, &limit);
		return fail(EXIT_FAILED,
			    "a pool of %s is beyond RLIMIT_MEMLOCK, %s for all pools of a user: "
			    "raise it with 'ulimit -l' or in /etc/security/limits.conf, "
			    "or take fewer buffers",
			    size, format_size(limit.rlim_cur, limit_size, sizeof(limit_size)));
	case -EFBIG:
		return fail(EXIT_FAILED,
			    "a pool of %s is beyond the limit of one pool: raise " PARAMETERS
			    "max_pool_bytes, or max_total_bytes if that is 0, "
			    "or take fewer buffers; of one with a name see 'ulimit -f' too",
			    size);
	case -ENOSPC:
		return fail(EXIT_FAILED,
			    "a pool of %s is beyond the limit of all pools: raise " PARAMETERS
			    "max_total_bytes, or take fewer buffers",
			    size);
	case -EINVAL:
		return fail(EXIT_FAILED,
			    "cannot create a pool of %s: 'zcpoolctl info' tells how large a buffer "
			    "may be, and how many a pool may have",
			    size);
	case -ENOMEM:
		return fail(EXIT_FAILED, "not enough memory for a pool of %s: take fewer buffers",
			    size);
	default:
		return fail(EXIT_FAILED, "cannot create a pool of %s: %s", size, strerror(-error));
	}
}
