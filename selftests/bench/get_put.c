// SPDX-License-Identifier: GPL-2.0-only
/* What it costs to get a buffer and put it back. */
#include <stdio.h>
#include <sys/mman.h>

#include <zcpool.h>

#include "bench.h"

#define PAIRS 4096
#define BATCH 32
/* Of a large pool as many buffers are touched as GET may come by here. */
#define TOUCHED_MAX 1024

static void by_library(struct zcpool *pool)
{
	uint32_t index;
	int i;

	for (i = 0; i < PAIRS; i++) {
		MUST(zcpool_get(pool, &index, -1));
		MUST(zcpool_put(pool, index));
	}
}

static void by_ioctl(struct zcpool *pool, uint32_t batch)
{
	uint32_t indices[BATCH];
	int i, got;

	for (i = 0; i < PAIRS; i += got) {
		got = MUST(zcpool_get_batch(pool, indices, batch, -1));
		MUST(zcpool_put_batch(pool, indices, got, NULL));
	}
}

static void by_single_ioctl(struct zcpool *pool)
{
	by_ioctl(pool, 1);
}

static void by_batch_ioctl(struct zcpool *pool)
{
	by_ioctl(pool, BATCH);
}

static void measure(struct zcpool *pool, const char *method, void (*run)(struct zcpool *pool))
{
	struct result *result = result_add("get+put", method, zcpool_count(pool));
	uint64_t start;

	run(pool);
	start = clock_ns();
	run(pool);
	result_cost(result, (double)(clock_ns() - start) / PAIRS);
	/* What the magazine holds is not the next method's to miss. */
	zcpool_flush(pool);
}

static void measure_pool(uint64_t buffer_size, uint32_t count, bool touch, unsigned int repeats)
{
	struct zcpool_create create = { .buffer_size = buffer_size, .count = count };
	static char names[3][4][64];
	static unsigned int row;
	char(*name)[64] = names[row++ % 3];
	struct zcpool *pool;
	unsigned int i;
	void *map;

	snprintf(name[0], 64, "library, %3llu KiB, %s", (unsigned long long)buffer_size >> 10,
		 touch ? "mapped" : "not mapped");
	snprintf(name[1], 64, "ioctl, %3llu KiB, %s", (unsigned long long)buffer_size >> 10,
		 touch ? "mapped" : "not mapped");
	snprintf(name[2], 64, "ioctl of %u, %3llu KiB, %s", BATCH,
		 (unsigned long long)buffer_size >> 10, touch ? "mapped" : "not mapped");

	fprintf(stderr, "get+put: pool of %u buffers of %llu KiB\n", count,
		(unsigned long long)buffer_size >> 10);
	MUST(zcpool_open(0, &pool));
	MUST(zcpool_create(pool, &create));
	MUST(zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	for (i = 0; touch && i < count && i < TOUCHED_MAX; i++) {
		volatile char *at = zcpool_addr(pool, i);
		uint64_t page;

		for (page = 0; page < buffer_size; page += 4096)
			at[page] = 1;
	}
	for (i = 0; i < repeats; i++) {
		measure(pool, name[0], by_library);
		measure(pool, name[1], by_single_ioctl);
		measure(pool, name[2], by_batch_ioctl);
	}
	zcpool_close(pool);
}

void bench_get_put(const struct bench_options *options)
{
	measure_pool(8 << 10, 16, true, options->repeats);
	measure_pool(64 << 10, 16, true, options->repeats);
	if (options->large_pool)
		measure_pool(8 << 10, options->large_pool, true, options->repeats);
}
