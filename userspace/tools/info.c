// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl info */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const char usage[] = "Usage: zcpoolctl info [--json]\n"
			    "Show the device's version, features and limits.\n";

static const struct {
	uint64_t bit;
	const char *name;
} features[] = {
	{ ZCPOOL_FEATURE_SPLICE, "splice" },
	{ ZCPOOL_FEATURE_HUGE_MAP, "huge-map" },
	{ ZCPOOL_FEATURE_FIXED_BUFFERS, "fixed-buffers" },
	{ ZCPOOL_FEATURE_URING_GET, "uring-get" },
	{ ZCPOOL_FEATURE_EXPORT, "export" },
	{ ZCPOOL_FEATURE_SEND, "send" },
	{ ZCPOOL_FEATURE_SEAL, "seal" },
	{ ZCPOOL_FEATURE_ISOLATED, "isolated" },
};

static const char *feature_names(uint64_t bits, char *text)
{
	size_t i;

	*text = 0;
	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (!(bits & features[i].bit))
			continue;
		if (*text)
			strcat(text, " ");
		strcat(text, features[i].name);
	}
	return text;
}

static void print_size(const char *what, uint64_t bytes)
{
	char size[32];

	printf("%-20s %" PRIu64 " (%s)\n", what, bytes, format_size(bytes, size, sizeof(size)));
}

static void print_info(const struct zcpool_query *query)
{
	char names[128];

	printf("%-20s %u\n", "interface version", query->abi_version);
	printf("%-20s %s\n", "features", feature_names(query->features, names));
	printf("%-20s %" PRIu64 "\n", "buffers per pool", (uint64_t)query->max_count);
	printf("%-20s %u\n", "buffers per GET", query->max_batch);
	print_size("smallest stride", query->min_stride);
	print_size("largest buffer", query->max_buffer_size);
	print_size("largest pool", query->max_pool_bytes);
	print_size("all pools at most", query->max_total_bytes);
	print_size("all pools now", query->total_bytes);
}

static void print_json(const struct zcpool_query *query)
{
	char names[128];

	json_begin(NULL);
	json_number("abi_version", query->abi_version);
	json_string("features", feature_names(query->features, names));
	json_number("max_count", query->max_count);
	json_number("max_batch", query->max_batch);
	json_number("min_stride", query->min_stride);
	json_number("max_buffer_size", query->max_buffer_size);
	json_number("max_pool_bytes", query->max_pool_bytes);
	json_number("max_total_bytes", query->max_total_bytes);
	json_number("total_bytes", query->total_bytes);
	json_end();
}

int info_command(int argc, char **argv)
{
	static const struct option options[] = { OPTION_HELP, OPTION_JSON, {} };
	struct zcpool_query query = { 0 };
	struct common common = { 0 };
	struct zcpool *pool;
	int letter, error;

	while ((letter = getopt_long(argc, argv, "hj", options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		}
		if (!parse_common(&common, letter))
			return fail_usage(usage, "see the options below");
	}
	if (optind < argc)
		return fail_usage(usage, "unexpected argument '%s'", argv[optind]);

	error = zcpool_open(0, &pool);
	if (error)
		return fail_open(error);
	error = zcpool_query(pool, &query);
	zcpool_close(pool);
	if (error)
		return fail(EXIT_FAILED, "the device does not answer: %s", strerror(-error));
	if (common.json)
		print_json(&query);
	else
		print_info(&query);
	return EXIT_OK;
}
