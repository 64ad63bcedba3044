// SPDX-License-Identifier: GPL-2.0-only
/* What it costs to get memory and touch every page of it for the first time. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zcpool.h>

#include "bench.h"

#define SIZE (256UL << 20)
#define HUGE_PAGE (2UL << 20)

static void touch(void *map)
{
	volatile char *at = map;
	size_t i;

	MUST(map == MAP_FAILED ? -1 : 0);
	for (i = 0; i < SIZE; i += 4096)
		at[i] = 1;
}

static void touch_pool(void)
{
	struct zcpool_create create = { .buffer_size = HUGE_PAGE, .count = SIZE / HUGE_PAGE };
	struct zcpool *pool;
	uint64_t start;
	void *map;

	start = clock_ns();
	MUST(zcpool_open(0, &pool));
	MUST(zcpool_create(pool, &create));
	MUST(zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	touch(map);
	result_cost(result_add("first touch", "pool", SIZE), (double)(clock_ns() - start));
	zcpool_close(pool);
}

static void write_number(const char *path, unsigned long number)
{
	FILE *file = fopen(path, "w");

	MUST(file ? 0 : -1);
	MUST(fprintf(file, "%lu", number));
	MUST(fclose(file));
}

static void touch_hugetlb(const char *method)
{
	uint64_t start = clock_ns();
	void *map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	touch(map);
	result_cost(result_add("first touch", method, SIZE), (double)(clock_ns() - start));
	munmap(map, SIZE);
}

/* Pages that mmap() takes from the page allocator, as CREATE does. */
static void touch_hugetlb_fresh(void)
{
	write_number("/proc/sys/vm/nr_overcommit_hugepages", SIZE / HUGE_PAGE);
	touch_hugetlb("hugetlb, fresh pages");
	write_number("/proc/sys/vm/nr_overcommit_hugepages", 0);
}

/* Pages that were allocated, and zeroed a first time, before the clock ran. */
static void touch_hugetlb_set_aside(void)
{
	write_number("/proc/sys/vm/nr_hugepages", SIZE / HUGE_PAGE);
	touch_hugetlb("hugetlb, pages set aside");
	write_number("/proc/sys/vm/nr_hugepages", 0);
}

static void touch_memfd(void)
{
	uint64_t start = clock_ns();
	int fd = MUST(memfd_create("bench", 0));
	void *map;

	MUST(ftruncate(fd, SIZE));
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	touch(map);
	result_cost(result_add("first touch", "memfd", SIZE), (double)(clock_ns() - start));
	munmap(map, SIZE);
	close(fd);
}

void bench_touch(const struct bench_options *options)
{
	unsigned int repeat;

	for (repeat = 0; repeat < options->repeats; repeat++) {
		fprintf(stderr, "first touch: repeat %u of %u\n", repeat + 1, options->repeats);
		touch_pool();
		touch_hugetlb_fresh();
		touch_hugetlb_set_aside();
		touch_memfd();
	}
}
