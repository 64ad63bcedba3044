// SPDX-License-Identifier: GPL-2.0-only
/* What it costs to get a buffer and put it back. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

/* Of a large pool as many buffers are touched as GET may come by here. */
#define TOUCHED_MAX 1024

static void measure(struct zcpool *pool, const char *method, uint32_t batch)
{
	struct stopwatch watch;

	get_put(pool, batch);
	stopwatch_start(&watch);
	get_put(pool, batch);
	result_note("get+put", method, zcpool_count(pool), stopwatch_stop(&watch, PAIRS));
	/* What the magazine holds is not the next method's to miss. */
	zcpool_flush(pool);
}

/* All of it mapped, and of that all touched, or as much as matters. */
static void touch(struct zcpool *pool, uint64_t buffer_size)
{
	uint32_t i;
	void *map;

	MUST(zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	for (i = 0; i < zcpool_count(pool) && i < TOUCHED_MAX; i++) {
		volatile char *at = zcpool_addr(pool, i);
		uint64_t page;

		for (page = 0; page < buffer_size; page += 4096)
			at[page] = 1;
	}
}

static void measure_pool(uint64_t buffer_size, uint32_t count)
{
	unsigned int kib = (unsigned int)(buffer_size >> 10), i;
	char names[3][64];
	struct zcpool *pool;
	int error;

	bench_progress("get+put: pool of %u buffers of %u KiB", count, kib);
	snprintf(names[0], sizeof(names[0]), "library, %3u KiB, mapped", kib);
	snprintf(names[1], sizeof(names[1]), "ioctl, %3u KiB, mapped", kib);
	snprintf(names[2], sizeof(names[2]), "ioctl of %u, %3u KiB, mapped", BATCH, kib);
	error = make_pool(buffer_size, count, &pool);
	for (i = 0; error && i < 3; i++)
		result_leave_out("get+put", names[i], count, strerror(-error));
	if (error)
		return;
	touch(pool, buffer_size);
	for (i = 0; i < bench_options.repeats; i++) {
		measure(pool, names[0], 0);
		measure(pool, names[1], 1);
		measure(pool, names[2], BATCH);
	}
	zcpool_close(pool);
}

void bench_get_put(void)
{
	measure_pool(8 << 10, 16);
	measure_pool(64 << 10, 16);
	if (bench_options.large_pool)
		measure_pool(8 << 10, bench_options.large_pool);
}
