// SPDX-License-Identifier: GPL-2.0-only
/* The benchmarks; selftests/bench/run boots a guest for them. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

static const char usage[] =
	"Usage: bench [OPTION...]\n"
	"Compare the pool with other ways to send, and measure its calls.\n\n"
	"  --repeats N   how often to measure (default 9, at most 100)\n"
	"  --large N     buffers of the large pool (default 1000000, 0: leave it out)\n"
	"  --icount      nanoseconds are instructions: QEMU runs with -icount shift=0;\n"
	"                check the targets\n"
	"  --csv FILE    write every single measurement there\n";

uint64_t clock_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

void must_fail(long ret, const char *what)
{
	/* The library returns what libc puts into errno. */
	fprintf(stderr, "bench: %s: %s\n", what, strerror(ret < -1 ? (int)-ret : errno));
	exit(1);
}

static unsigned int parse_number(const char *text, unsigned int max)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*end || end == text || number > max) {
		fprintf(stderr, "bench: '%s' is no number up to %u\n%s", text, max, usage);
		exit(2);
	}
	return number;
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "repeats", required_argument, NULL, 'r' },
		{ "large", required_argument, NULL, 'l' },
		{ "icount", no_argument, NULL, 'i' },
		{ "csv", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	struct bench_options options = {
		.repeats = 9,
		.large_pool = 1000000,
		.unit = "ns",
	};
	const char *csv = NULL;
	bool icount = false;
	int letter;

	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (letter) {
		case 'r':
			options.repeats = parse_number(optarg, REPEATS_MAX);
			break;
		case 'l':
			options.large_pool = parse_number(optarg, 1000000);
			break;
		case 'i':
			icount = true;
			options.unit = "instructions";
			break;
		case 'c':
			csv = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}

	bench_send(&options);
	bench_vector(&options);
	bench_get_put(&options);
	bench_touch(&options);
	bench_free(&options);
	bench_hand_over(&options);
	report_send(&options);
	report_list(&options, "vector", "64 messages of 4 KiB over TCP loopback, a byte");
	report_list(&options, "vector, discarded", "The same, and the receiver does not copy");
	report_list(&options, "get+put", "GET and PUT of a buffer, by size of the pool");
	report_list(&options, "free event", "A buffer got, put in flight, and found free");
	report_latency();
	report_hand_over(&options);
	report_list(&options, "first touch", "Memory mapped and touched, by bytes");
	if (csv)
		report_csv(csv, &options);
	return !icount || report_targets(&options) ? 0 : 1;
}
