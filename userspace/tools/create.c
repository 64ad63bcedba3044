// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl create */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "named.h"
#include "tool.h"

static const char usage[] =
	"Usage: zcpoolctl create [OPTION...] NAME\n"
	"Make a pool with a name, which lives until 'zcpoolctl rm NAME'.  A NAME with a\n"
	"slash is a path; any other is of the mounted file system zcpool.\n\n"
	"  -s, --buffer-size SIZE  bytes per buffer, up to 1G, with K, M or G\n"
	"                          (default 64K)\n"
	"  -n, --count COUNT       buffers (default 16)\n"
	"  -m, --mode MODE         permissions, octal (default 600)\n"
	"  -i, --isolated          each handle reaches only the buffers that it owns\n"
	"  -q, --quiet             do not say that buffers are larger than SIZE\n";

bool named_option(struct named_options *options, int letter, const char *text)
{
	uint64_t count;

	switch (letter) {
	case 's':
		if (parse_size(optarg, &options->buffer_size))
			return true;
		fail_usage(text, "--buffer-size '%s' is no size", optarg);
		return false;
	case 'n':
		if (parse_count(optarg, &count) && count && count <= UINT32_MAX) {
			options->count = (uint32_t)count;
			return true;
		}
		fail_usage(text, "--count '%s' is no number of buffers", optarg);
		return false;
	case 'm':
		if (parse_mode(optarg, 0777, &options->mode))
			return true;
		fail_usage(text, "--mode '%s' is no octal mode", optarg);
		return false;
	case 'i':
		options->flags |= ZCPOOL_CREATE_F_ISOLATED;
		return true;
	default:
		fail_usage(text, "see the options below");
		return false;
	}
}

int create_command(int argc, char **argv)
{
	static const struct option options[] = { OPTION_HELP, OPTION_QUIET, NAMED_LONG, {} };
	struct named_options named = NAMED_DEFAULTS;
	struct common common = { 0 };
	char path[PATH_MAX];
	int letter, status;

	while ((letter = getopt_long(argc, argv, "hq" NAMED_SHORT, options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		}
		if (!parse_common(&common, letter) && !named_option(&named, letter, usage))
			return EXIT_USAGE;
	}
	if (optind != argc - 1)
		return fail_usage(usage, "give one NAME");
	status = named_path(argv[optind], path, sizeof(path));
	if (status)
		return status;
	return named_create(path, &named, common.quiet);
}
