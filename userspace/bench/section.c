// SPDX-License-Identifier: GPL-2.0-only
/* The benchmarks by name, in the order in which they run. */
#include <string.h>

#include "bench.h"

const struct section sections[] = {
	{ "send", "a byte sent over TCP loopback, by message size and method", true, bench_send,
	  report_send },
	{ "segments", "the same by TCP segments of 512 KiB, in a network of its own", true,
	  bench_segments, report_segments },
	{ "vector", "many small messages, one by one and in one call", true, bench_vector,
	  report_vector },
	{ "get-put", "a buffer got and put back", true, bench_get_put, report_get_put },
	{ "create", "a pool of 1 GiB made", true, bench_create, report_create },
	{ "touch", "memory made and touched for the first time", true, bench_touch, report_touch },
	{ "free", "to know when a buffer is free, and how soon", true, bench_free, report_free },
	{ "hand-over", "a message handed over to another process", true, bench_hand_over,
	  report_hand_over },
	{ "sizes", "a byte sent, of messages of 64 B to 16 MiB", false, bench_sizes, report_sizes },
	{ "pools", "GET, PUT and sendfile() in pools of 16 to 1,000,000 buffers", false,
	  bench_pools, report_pools },
	{ "in-flight", "a buffer while 1 to 256 are in flight", false, bench_in_flight,
	  report_in_flight },
	{ "processes", "a buffer while 1 to 64 processes use the pool", false, bench_processes,
	  report_processes },
};

const size_t nr_sections = sizeof(sections) / sizeof(sections[0]);

const struct section *section_find(const char *name)
{
	size_t i;

	for (i = 0; i < nr_sections; i++)
		if (!strcmp(name, sections[i].name))
			return &sections[i];
	return NULL;
}
