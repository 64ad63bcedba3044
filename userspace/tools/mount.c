// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl mount */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "named.h"
#include "tool.h"

static const char usage[] =
	"Usage: zcpoolctl mount [OPTION...] [DIRECTORY]\n"
	"Mount the file system zcpool, and say where it is: at " NAMED_DIRECTORY ", or at\n"
	"DIRECTORY.  If it is mounted already and no DIRECTORY is given, only say where.\n\n"
	"  -o, --options OPTIONS   as mount(8): mode=, uid=, gid=, buffer_size=, nr_inodes=,\n"
	"                          ro\n"
	"  -q, --quiet             do not say where\n";

/* Those that are not the file system's, as mount(8) has them: bits to set, or to clear. */
static const struct flag {
	const char *name;
	unsigned long set;
	unsigned long clear;
} flags[] = {
	{ "ro", MS_RDONLY, 0 },
	{ "rw", 0, MS_RDONLY },
	{ "noatime", MS_NOATIME, MS_STRICTATIME | MS_RELATIME },
	{ "relatime", MS_RELATIME, MS_NOATIME | MS_STRICTATIME },
	{ "strictatime", MS_STRICTATIME, MS_NOATIME | MS_RELATIME },
	{ "nodiratime", MS_NODIRATIME, 0 },
	/* As it is in any case. */
	{ "defaults", 0, 0 },
	{ "nodev", MS_NODEV, 0 },
	{ "noexec", MS_NOEXEC, 0 },
	{ "nosuid", MS_NOSUID, 0 },
};

static bool find_flag(const char *option, unsigned long *bits)
{
	size_t i;

	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strcmp(option, flags[i].name))
			continue;
		*bits = (*bits & ~flags[i].clear) | flags[i].set;
		return true;
	}
	return false;
}

/*
 * What mount(2) takes as bits: it knows "ro" as text too, but for the file system as a whole,
 * which has none of it.  The rest, separated by commas, is left in options.
 */
static unsigned long take_flags(char *options)
{
	unsigned long bits = MS_NODEV | MS_NOEXEC | MS_NOSUID;
	char *next = options, *to = options, *option;
	size_t length;

	while ((option = strsep(&next, ","))) {
		length = strlen(option);
		if (!length || find_flag(option, &bits))
			continue;
		memmove(to, option, length);
		to += length;
		*to++ = ',';
	}
	if (to > options)
		to--;
	*to = 0;
	return bits;
}

static int fail_mount(int error, const char *directory, const char *options)
{
	switch (error) {
	case ENODEV:
		return fail(EXIT_NO_DEVICE, "the kernel has no file system zcpool: "
					    "load the module with 'modprobe zcpool' or insmod");
	case EPERM:
		return fail(EXIT_FAILED, "no right to mount: do it as root");
	case EINVAL:
		return fail(EXIT_FAILED, "an option is not known or has a wrong value: '%s'",
			    options);
	case EBUSY:
		return fail(EXIT_FAILED,
			    "it is mounted at '%s' already, or elsewhere with other options: "
			    "change them with 'mount -o remount,%s'",
			    directory, options);
	default:
		return fail(EXIT_FAILED, "cannot mount at '%s': %s", directory, strerror(error));
	}
}

static int do_mount(const char *directory, const char *options)
{
	char *text = strdup(options);
	int status = EXIT_OK;
	unsigned long bits;

	if (!text)
		return fail(EXIT_FAILED, "not enough memory");
	bits = take_flags(text);
	if (mkdir(directory, 0755) && errno != EEXIST)
		status = fail(EXIT_FAILED, "cannot make the directory '%s': %s", directory,
			      strerror(errno));
	else if (mount("zcpool", directory, "zcpool", bits, text))
		status = fail_mount(errno, directory, options);
	free(text);
	return status;
}

int mount_command(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_HELP,
		OPTION_QUIET,
		{ "options", required_argument, NULL, 'o' },
		{},
	};
	const char *directory, *what = "";
	struct common common = { 0 };
	int letter, status;

	while ((letter = getopt_long(argc, argv, "hqo:", options, NULL)) != -1) {
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
