// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl mount */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "named.h"
#include "tool.h"

static const char usage[] =
	"Usage: zcpoolctl mount [OPTION...] [DIRECTORY]\n"
	"Mount the file system zcpool, and say where it is: at " NAMED_DIRECTORY ", or at\n"
	"DIRECTORY.  If it is mounted already and no DIRECTORY is given, only say where.\n\n"
	"  -o, --options OPTIONS   as mount(8): mode=, uid=, gid=, buffer_size=, nr_inodes=\n"
	"  -q, --quiet             do not say where\n";

static int do_mount(const char *directory, const char *options)
{
	if (mkdir(directory, 0755) && errno != EEXIST)
		return fail(EXIT_FAILED, "cannot make the directory '%s': %s", directory,
			    strerror(errno));
	if (!mount("zcpool", directory, "zcpool", MS_NODEV | MS_NOEXEC | MS_NOSUID, options))
		return EXIT_OK;
	switch (errno) {
	case ENODEV:
		return fail(EXIT_NO_DEVICE, "the kernel has no file system zcpool: "
					    "load the module with 'modprobe zcpool' or insmod");
	case EPERM:
		return fail(EXIT_FAILED, "no right to mount: do it as root");
	case EINVAL:
		return fail(EXIT_FAILED, "an option is not known or has a wrong value: '%s'",
			    options);
	default:
		return fail(EXIT_FAILED, "cannot mount at '%s': %s", directory, strerror(errno));
	}
}

int mount_command(int argc, char **argv)
{
	static const struct option options[] = {
		COMMON_LONG,
		{ "options", required_argument, NULL, 'o' },
		{},
	};
	const char *directory, *what = "";
	struct common common = { 0 };
	int letter, status;

	while ((letter = getopt_long(argc, argv, COMMON_SHORT "o:", options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		} else if (letter == 'o') {
			what = optarg;
		} else if (!parse_common(&common, letter)) {
			return fail_usage(usage, "see the options below");
		}
	}
	if (optind < argc - 1)
		return fail_usage(usage, "unexpected argument '%s'", argv[optind + 1]);
	directory = optind < argc ? argv[optind] : named_directory();
	if (optind < argc || !directory) {
		directory = directory ?: NAMED_DIRECTORY;
		status = do_mount(directory, what);
		if (status)
			return status;
	} else if (*what) {
		return fail(EXIT_FAILED, "it is mounted at '%s' already: use 'mount -o remount,%s'",
			    directory, what);
	}
	if (!common.quiet)
		puts(directory);
	return EXIT_OK;
}
