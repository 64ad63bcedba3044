// SPDX-License-Identifier: GPL-2.0-only
/* What it costs to make a pool, beside the zeroing of its memory. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

#define SECTION "create"
#define SIZE (1024UL << 20)
#define ZEROING "zeroing alone"
/* Zeroed several times instead: more than caches hold, less than a small machine has. */
#define PART (256UL << 20)

static const uint64_t buffer_sizes[] = { 2 << 20, 64 << 10, 8 << 10 };

/* By the instruction that the kernel does it by where there is one. */
static void zero(void *memory, size_t size)
{
#ifdef __x86_64__
	size_t words = size / 8;

	__asm__ volatile("rep stosq" : "+D"(memory), "+c"(words) : "a"(0UL) : "memory");
#else
	memset(memory, 0, size);
#endif
}

static void zeroing(void)
{
	struct stopwatch watch;
	size_t done;
	void *part;

	if (result_left_out(SECTION, ZEROING, SIZE))
		return;
	part = mmap(NULL, PART, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		    -1, 0);
	if (part == MAP_FAILED) {
		result_leave_out(SECTION, ZEROING, SIZE, strerror(errno));
		return;
	}
	stopwatch_start(&watch);
	for (done = 0; done < SIZE; done += PART)
		zero(part, PART);
	result_note(SECTION, ZEROING, SIZE, stopwatch_stop(&watch, 1));
	munmap(part, PART);
}

static void create(uint64_t buffer_size)
{
	struct stopwatch watch;
	struct zcpool *pool;
	struct cost cost;
	char method[64];
	int error;

	snprintf(method, sizeof(method), "pool of %u KiB buffers",
		 (unsigned int)(buffer_size >> 10));
	if (result_left_out(SECTION, method, SIZE))
		return;
	stopwatch_start(&watch);
	error = make_pool(buffer_size, (uint32_t)(SIZE / buffer_size), &pool);
	cost = stopwatch_stop(&watch, 1);
	if (error) {
		result_leave_out(SECTION, method, SIZE, strerror(-error));
		return;
	}
	result_note(SECTION, method, SIZE, cost);
	zcpool_close(pool);
}

void bench_create(void)
{
	unsigned int repeat;
	size_t i;

	for (repeat = 0; repeat < bench_options.repeats; repeat++) {
		bench_progress("create: repeat %u of %u", repeat + 1, bench_options.repeats);
		for (i = 0; i < sizeof(buffer_sizes) / sizeof(buffer_sizes[0]); i++)
			create(buffer_sizes[i]);
		zeroing();
	}
}
