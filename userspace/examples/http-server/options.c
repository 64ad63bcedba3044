// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"

static const struct options defaults = {
	.address = "127.0.0.1",
	.port = "8080",
	.pool_kib = 4096,
	.buffer_kib = 32,
	.timeout = 30,
	.connections = 1000,
};

static void usage(FILE *to, const char *name)
{
	fprintf(to,
		"Usage: %s [OPTION...] DIRECTORY\n"
		"Serves the files of DIRECTORY by HTTP/1.1 from a pool of /dev/zcpool.\n"
		"\n"
		"  --address ADDRESS   where to listen (%s)\n"
		"  --port PORT         0: any that is free (%s)\n"
		"  --pool KIB          size of the pool (%" PRIu64 ")\n"
		"  --buffer KIB        size of a buffer (%" PRIu64 "); a file takes one at least\n"
		"  --timeout SECONDS   how long a client may stand still (%" PRIu32 ")\n"
		"  --connections N     most at a time (%" PRIu32 ")\n"
		"\n"
		"SIGUSR1 prints statistics.  SIGINT and SIGTERM end the server when the responses\n"
		"under way are sent, a second one at once.\n",
		name, defaults.address, defaults.port, defaults.pool_kib, defaults.buffer_kib,
		defaults.timeout, defaults.connections);
}

static uint64_t parse_number(const char *text, const char *name, uint64_t least, uint64_t most)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < least || value > most) {
		fprintf(stderr, "http-server: --%s is a number from %" PRIu64 " to %" PRIu64 "\n",
			name, least, most);
		exit(2);
	}
	return value;
}

struct options options_parse(int argc, char **argv)
{
	static const struct option known[] = {
		{ "address", required_argument, NULL, 'a' },
		{ "port", required_argument, NULL, 'p' },
		{ "pool", required_argument, NULL, 's' },
		{ "buffer", required_argument, NULL, 'b' },
		{ "timeout", required_argument, NULL, 't' },
		{ "connections", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct options options = defaults;
	int option, index;

	while ((option = getopt_long(argc, argv, "h", known, &index)) != -1) {
		switch (option) {
		case 'a':
			options.address = optarg;
			break;
		case 'p':
			parse_number(optarg, "port", 0, 65535);
			options.port = optarg;
			break;
		case 's':
			options.pool_kib = parse_number(optarg, "pool", 1, 1U << 30);
			break;
		case 'b':
			options.buffer_kib = parse_number(optarg, "buffer", 1, 1U << 20);
			break;
		case 't':
			options.timeout = (uint32_t)parse_number(optarg, "timeout", 1, 86400);
			break;
		case 'c':
			options.connections =
				(uint32_t)parse_number(optarg, "connections", 1, 100000);
			break;
		case 'h':
			usage(stdout, argv[0]);
			exit(0);
		default:
			usage(stderr, argv[0]);
			exit(2);
		}
	}
	if (optind + 1 != argc) {
		usage(stderr, argv[0]);
		exit(2);
	}
	options.directory = argv[optind];
	return options;
}
