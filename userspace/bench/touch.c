// SPDX-License-Identifier: GPL-2.0-only
/* What it costs to get memory and touch every page of it for the first time. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define SIZE (256UL << 20)
#define HUGE_PAGE (2UL << 20)
#define HUGE_PAGES (SIZE / HUGE_PAGE)
/* Huge pages that stay, and those that may come when they are wanted. */
#define SET_ASIDE "/proc/sys/vm/nr_hugepages"
#define OVERCOMMIT "/proc/sys/vm/nr_overcommit_hugepages"

#define SECTION "first touch"

static void touch(void *map)
{
	volatile char *at = map;
	size_t i;

	for (i = 0; i < SIZE; i += 4096)
		at[i] = 1;
}

static void touch_pool(void)
{
	struct stopwatch watch;
	struct zcpool *pool;
	void *map;
	int error;

	if (result_left_out(SECTION, "pool", SIZE))
		return;
	stopwatch_start(&watch);
	error = make_pool(HUGE_PAGE, HUGE_PAGES, &pool);
	if (error) {
		result_leave_out(SECTION, "pool", SIZE, strerror(-error));
		return;
	}
	MUST(zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	touch(map);
	result_note(SECTION, "pool", SIZE, stopwatch_stop(&watch, 1));
	zcpool_close(pool);
}

static bool read_number(const char *path, unsigned long *number)
{
	FILE *file = fopen(path, "re");
	bool ok = file && fscanf(file, "%lu", number) == 1;

	if (file)
		fclose(file);
	return ok;
}

static bool write_number(const char *path, unsigned long number)
{
	FILE *file = fopen(path, "we");
	bool ok = file && fprintf(file, "%lu", number) > 0;

	/* What is refused is so when it is written, at the latest by that. */
	if (file && fclose(file))
		ok = false;
	return ok;
}

static void touch_hugetlb(const char *method)
{
	struct stopwatch watch;
	void *map;

	stopwatch_start(&watch);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1,
		   0);
	if (map == MAP_FAILED) {
		result_leave_out(SECTION, method, SIZE, "no 128 huge pages of 2 MiB");
		return;
	}
	touch(map);
	result_note(SECTION, method, SIZE, stopwatch_stop(&watch, 1));
	munmap(map, SIZE);
}

/* With so many more of them, which only root may ask for, as long as it takes. */
static void with_huge_pages(const char *method, const char *path)
{
	unsigned long before, now;

	if (result_left_out(SECTION, method, SIZE))
		return;
	if (!read_number(path, &before) || !write_number(path, before + HUGE_PAGES)) {
		result_leave_out(SECTION, method, SIZE,
				 "the number of huge pages is root's to change");
		return;
	}
	if (read_number(path, &now) && now == before + HUGE_PAGES)
		touch_hugetlb(method);
	else
		result_leave_out(SECTION, method, SIZE, "no memory for 128 huge pages of 2 MiB");
	write_number(path, before);
}

/* Pages that mmap() takes from the page allocator, as CREATE does. */
static void touch_hugetlb_fresh(void)
{
	unsigned long set_aside;

	if (read_number(SET_ASIDE, &set_aside) && set_aside)
		result_leave_out(SECTION, "hugetlb, fresh pages", SIZE,
				 "the system has some set aside");
	else
		with_huge_pages("hugetlb, fresh pages", OVERCOMMIT);
}

/* Pages that were allocated, and zeroed a first time, before the clock ran. */
static void touch_hugetlb_set_aside(void)
{
	with_huge_pages("hugetlb, pages set aside", SET_ASIDE);
}

static void touch_memfd(void)
{
	struct stopwatch watch;
	void *map;
	int fd;

	stopwatch_start(&watch);
	fd = (int)MUST(memfd_create("bench", MFD_CLOEXEC));
	MUST(ftruncate(fd, SIZE));
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(map == MAP_FAILED ? -1 : 0);
	touch(map);
	result_note(SECTION, "memfd", SIZE, stopwatch_stop(&watch, 1));
	munmap(map, SIZE);
	close(fd);
}

void bench_touch(void)
{
	unsigned int repeat;

	for (repeat = 0; repeat < bench_options.repeats; repeat++) {
		bench_progress("first touch: repeat %u of %u", repeat + 1, bench_options.repeats);
		touch_pool();
		touch_hugetlb_fresh();
		touch_hugetlb_set_aside();
		touch_memfd();
	}
}
