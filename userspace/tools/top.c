// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl top: what goes on in all pools, again and again. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pools.h"
#include "screen.h"
#include "tool.h"

static const char usage[] =
	"Usage: zcpoolctl top [OPTION...]\n"
	"Show what the pools do, of all processes that one may look into (all, for root).\n"
	"The key q ends it.\n\n"
	"  -i, --interval SECONDS  time from one view to the next, 0.01 to 86400 (default 1)\n"
	"  -n, --count COUNT       end after so many views\n"
	"  -j, --json              print a line of JSON for each view\n";

/* Seconds until the first view on a terminal, where somebody looks already. */
#define FIRST_INTERVAL 0.2

/* All pools, by number, at one time; of each only the first descriptor. */
struct sample {
	struct handle *pools;
	int count;
	double time;
};

struct top {
	struct common common;
	double interval;
	uint64_t views;
	struct sample before;
	struct sample now;
};

static int take_sample(struct sample *sample)
{
	int count, i;

	count = pools_find(&sample->pools);
	if (count < 0)
		return EXIT_FAILED;
	sample->time = now();
	sample->count = 0;
	for (i = 0; i < count; i += pools_same(&sample->pools[i], count - i))
		sample->pools[sample->count++] = sample->pools[i];
	return EXIT_OK;
}

/* As it was one view ago; a pool that was not there has done all since then. */
static struct handle find_before(const struct sample *before, uint64_t pool)
{
	int i;

	for (i = 0; i < before->count; i++)
		if (before->pools[i].pool == pool)
			return before->pools[i];
	return (struct handle){ 0 };
}

static void print_pool(const struct handle *pool, const struct handle *before, double seconds)
{
	char stride[32];

	printf("%6" PRIu64 " %7d %-15s %7" PRIu64 " %9s %7" PRIu64 " %9" PRIu64 " %7" PRIu64
	       " %7" PRIu64 " %9.1f %9.1f %9.1f\n",
	       pool->pool, pool->pid, pool->command, pool->count,
	       format_size(pool->stride, stride, sizeof(stride)), pool->owned_total,
	       pool->in_flight, pool->overdue, pool->unowned - pool->in_flight,
	       (pool->gets - before->gets) / seconds, (pool->puts - before->puts) / seconds,
	       (pool->landed - before->landed) / seconds);
}

static void print_pool_json(const struct handle *pool, const struct handle *before, double seconds)
{
	json_begin(NULL);
	json_number("pool", pool->pool);
	json_number("pid", pool->pid);
	json_string("command", pool->command);
	json_number("count", pool->count);
	json_number("stride", pool->stride);
	json_number("owned_total", pool->owned_total);
	json_number("in_flight", pool->in_flight);
	json_number("overdue", pool->overdue);
	json_number("free", pool->unowned - pool->in_flight);
	json_real("gets_per_second", (pool->gets - before->gets) / seconds);
	json_real("puts_per_second", (pool->puts - before->puts) / seconds);
	json_real("landed_per_second", (pool->landed - before->landed) / seconds);
	json_real("interval", seconds);
	json_end();
}

static void print_head(const struct sample *sample, double seconds)
{
	time_t wall = time(NULL);
	char clock[16];

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&wall));
	printf("%s  %d pool%s, rates over %.2f s\n", clock, sample->count,
	       sample->count == 1 ? "" : "s", seconds);
	printf("%6s %7s %-15s %7s %9s %7s %9s %7s %7s %9s %9s %9s\n", "POOL", "PID", "COMMAND",
	       "BUFFERS", "STRIDE", "OWNED", "IN FLIGHT", "OVERDUE", "FREE", "GET/s", "PUT/s",
	       "LANDED/s");
}

/* As many pools as there is room for, below the head and above the cursor. */
static int shown_pools(const struct sample *sample)
{
	int lines = screen_lines();

	if (!lines || sample->count <= lines - 3)
		return sample->count;
	return lines > 4 ? lines - 4 : 0;
}

static void show(const struct top *top)
{
	const struct sample *sample = &top->now;
	double seconds = sample->time - top->before.time;
	int shown = sample->count, i;

	if (top->common.json) {
		json_array_begin(NULL);
	} else {
		screen_clear();
		print_head(sample, seconds);
		shown = shown_pools(sample);
	}
	for (i = 0; i < shown; i++) {
		struct handle before = find_before(&top->before, sample->pools[i].pool);

		if (top->common.json)
			print_pool_json(&sample->pools[i], &before, seconds);
		else
			print_pool(&sample->pools[i], &before, seconds);
	}
	if (top->common.json)
		json_array_end();
	else if (shown < sample->count)
		printf("%6s and %d more\n", "", sample->count - shown);
	else if (!screen_is_terminal())
		putchar('\n');
	fflush(stdout);
}

static int watch(struct top *top)
{
	double interval = top->interval, next = now();
	uint64_t views = 0;

	if (screen_is_terminal() && interval > FIRST_INTERVAL)
		interval = FIRST_INTERVAL;
	if (take_sample(&top->before))
		return EXIT_FAILED;
	while (!top->views || views < top->views) {
		/* Late ones are left out. */
		next = next + interval > now() ? next + interval : now() + interval;
		if (screen_wait(next))
			break;
		if (take_sample(&top->now))
			return EXIT_FAILED;
		show(top);
		views++;
		if (ferror(stdout))
			break;
		free(top->before.pools);
		top->before = top->now;
		top->now.pools = NULL;
		interval = top->interval;
	}
	return EXIT_OK;
}

int top_command(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_HELP,
		OPTION_JSON,
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'n' },
		{},
	};
	struct top top = { .interval = 1 };
	int letter, status;

	while ((letter = getopt_long(argc, argv, "hji:n:", options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		} else if (letter == 'i') {
			if (!parse_seconds(optarg, &top.interval))
				return fail_usage(usage, "--interval '%s' is not 0.01 to 86400",
						  optarg);
		} else if (letter == 'n') {
			if (!parse_count(optarg, &top.views) || !top.views)
				return fail_usage(usage, "--count '%s' is not 1 or more", optarg);
		} else if (!parse_common(&top.common, letter)) {
			return fail_usage(usage, "see the options below");
		}
	}
	if (optind < argc)
		return fail_usage(usage, "unexpected argument '%s'", argv[optind]);
	if (access(ZCPOOL_DEVICE, F_OK))
		return fail_open(-errno);
	if (!screen_begin(!top.common.json))
		return fail(EXIT_FAILED, "no descriptor for signals: %s", strerror(errno));
	status = watch(&top);
	screen_end();
	free(top.before.pools);
	free(top.now.pools);
	return status;
}
