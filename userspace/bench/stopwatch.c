// SPDX-License-Identifier: GPL-2.0-only
/* What has passed: time, or instructions; and the processor's time. */
#include <time.h>

#include "bench.h"

static uint64_t read_clock(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t clock_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* Of instructions, the second clock would cost some and tell nothing. */
static uint64_t cpu_ns(void)
{
	return bench_options.icount ? 0 : read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

void stopwatch_start(struct stopwatch *watch)
{
	watch->cpu = cpu_ns();
	watch->wall = clock_ns();
}

struct cost stopwatch_stop(const struct stopwatch *watch, double operations)
{
	uint64_t wall = clock_ns() - watch->wall;
	uint64_t cpu = cpu_ns() - watch->cpu;

	return (struct cost){ (double)wall / operations, (double)cpu / operations };
}
