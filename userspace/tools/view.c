// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl view */
#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "named.h"
#include "tool.h"

static const char usage[] =
	"Usage: zcpoolctl view [OPTION...] NAME POOL\n"
	"Make a view of part of the pool named POOL, a file of its own named NAME.\n\n"
	"  -o, --offset SIZE       first byte (default 0)\n"
	"  -l, --length SIZE       bytes (default: to the end of the pool)\n"
	"  -w, --writable          it can be written, as its mode says\n"
	"  -m, --mode MODE         permissions, octal (default 400; 600 if writable)\n";

/* linkat() names a file in the mount that it is of. */
static int name_view(struct zcpool *pool, struct zcpool_view *view, const char *path)
{
	char directory[PATH_MAX], link[64];
	int where, error;

	snprintf(directory, sizeof(directory), "%s", path);
	where = open(dirname(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (where < 0)
		return -errno;
	view->mount_fd = where;
	view->flags |= ZCPOOL_VIEW_F_MOUNT;
	error = ioctl(zcpool_fd(pool), ZCPOOL_IOC_VIEW, view) ? -errno : 0;
	close(where);
	if (error)
		return error;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", view->fd);
	error = linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW) ? -errno : 0;
	close(view->fd);
	return error;
}

static int make_view(struct zcpool_view *view, const char *name, const char *pool_name)
{
	char path[PATH_MAX], pool_path[PATH_MAX];
	struct zcpool *pool;
	int status, flags, error;

	status = named_path(name, path, sizeof(path));
	if (!status)
		status = named_path(pool_name, pool_path, sizeof(pool_path));
	if (status)
		return status;
	flags = view->flags & ZCPOOL_VIEW_F_WRITABLE ? O_RDWR : O_RDONLY;
	error = zcpool_open_file(pool_path, flags, 0, &pool);
	if (error)
		return fail_named(error, pool_path);
	if (!view->length && zcpool_size(pool) > view->offset)
		view->length = zcpool_size(pool) - view->offset;
	error = name_view(pool, view, path);
	zcpool_close(pool);
	switch (error) {
	case 0:
		return EXIT_OK;
	case -ENXIO:
		return fail(EXIT_FAILED, "'%s' is empty, no pool yet: size it first", pool_path);
	case -EINVAL:
	case -ERANGE:
		return fail(EXIT_FAILED, "--offset and --length go beyond the pool '%s'",
			    pool_path);
	default:
		return fail_named(error, path);
	}
}

int view_command(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_HELP,
		{ "offset", required_argument, NULL, 'o' },
		{ "length", required_argument, NULL, 'l' },
		{ "writable", no_argument, NULL, 'w' },
		{ "mode", required_argument, NULL, 'm' },
		{},
	};
	struct zcpool_view view = { 0 };
	bool mode = false;
	uint64_t number;
	int letter;

	while ((letter = getopt_long(argc, argv, "ho:l:wm:", options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			fputs(usage, stdout);
			return EXIT_OK;
		case 'o':
			/* Zero is no size. */
			if (!parse_size(optarg, &number) && strcmp(optarg, "0"))
				return fail_usage(usage, "--offset '%s' is no size", optarg);
			view.offset = number;
			break;
		case 'l':
			if (!parse_size(optarg, &number))
				return fail_usage(usage, "--length '%s' is no size", optarg);
			view.length = number;
			break;
		case 'w':
			view.flags = ZCPOOL_VIEW_F_WRITABLE;
			break;
		case 'm':
			mode = true;
			if (!parse_mode(optarg, 0666, &view.mode))
				return fail_usage(usage, "--mode '%s' is no octal mode up to 666",
						  optarg);
			break;
		default:
			return fail_usage(usage, "see the options below");
		}
	}
	if (optind != argc - 2)
		return fail_usage(usage, "give a NAME and a POOL");
	if (!mode)
		view.mode = view.flags ? 0600 : 0400;
	return make_view(&view, argv[optind], argv[optind + 1]);
}
