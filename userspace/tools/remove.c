// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl rm */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "named.h"
#include "tool.h"

static const char usage[] =
	"Usage: zcpoolctl rm NAME...\n"
	"Remove names of pools and views; they end when nothing else uses them.\n";

static int remove_one(const char *name)
{
	char path[PATH_MAX];
	int status = named_path(name, path, sizeof(path));

	if (status)
		return status;
	if (unlink(path))
		return fail(EXIT_FAILED, "cannot remove '%s': %s", path, strerror(errno));
	return EXIT_OK;
}

int rm_command(int argc, char **argv)
{
	static const struct option options[] = { OPTION_HELP, {} };
	int letter = getopt_long(argc, argv, "h", options, NULL), status = EXIT_OK, one;

	if (letter == 'h') {
		fputs(usage, stdout);
		return EXIT_OK;
	}
	if (letter != -1)
		return fail_usage(usage, "see the options below");
	if (optind == argc)
		return fail_usage(usage, "give a NAME");
	for (; optind < argc; optind++) {
		one = remove_one(argv[optind]);
		if (one)
			status = one;
	}
	return status;
}
