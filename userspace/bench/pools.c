// SPDX-License-Identifier: GPL-2.0-only
/* What GET, PUT and sendfile() cost in pools of 16 to 1,000,000 buffers. */
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "bench.h"

#define BUFFER (8 << 10)
#define MESSAGES 512
/* Larger ones are large pools, which take much memory. */
#define SMALL_MAX 4096

static struct zcpool *pool;
static int pair[2];

/* Nothing is mapped, so that GET has nothing to look at but the buffer. */
static void by_library(void)
{
	get_put(pool, 0);
	/* What the magazine holds is not the next method's to miss. */
	zcpool_flush(pool);
}

static void by_ioctl(void)
{
	get_put(pool, BATCH);
}

/* Got, sent, received, and put. */
static void by_sendfile(void)
{
	size_t received;
	uint32_t index;
	off_t offset;
	int i;

	for (i = 0; i < MESSAGES; i++) {
		MUST(zcpool_get(pool, &index, -1));
		offset = (off_t)zcpool_offset(pool, index);
		MUST(sendfile(pair[0], zcpool_fd(pool), &offset, BUFFER) == BUFFER ? 0 : -1);
		for (received = 0; received < BUFFER;)
			received += drain(pair[1], 0);
		MUST(zcpool_put(pool, index));
	}
	zcpool_flush(pool);
}

static const struct {
	const char *name;
	void (*run)(void);
	unsigned int operations;
} ways[] = {
	{ "get+put, library", by_library, PAIRS },
	{ "get+put, ioctl of 32", by_ioctl, PAIRS },
	{ "sendfile of 8 KiB", by_sendfile, MESSAGES },
};

#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

static void measure_pool(uint32_t count)
{
	struct stopwatch watch;
	unsigned int repeat;
	int error;
	size_t w;

	bench_progress("pools: %u buffers", count);
	error = make_pool(BUFFER, count, &pool);
	for (w = 0; error && w < NR_WAYS; w++)
		result_leave_out("pools", ways[w].name, count, strerror(-error));
	if (error)
		return;
	connect_pair(pair, AF_INET);
	for (repeat = 0; repeat < bench_options.repeats; repeat++)
		for (w = 0; w < NR_WAYS; w++) {
			ways[w].run();
			stopwatch_start(&watch);
			ways[w].run();
			result_note("pools", ways[w].name, count,
				    stopwatch_stop(&watch, ways[w].operations));
		}
	close_pair(pair);
	zcpool_close(pool);
}

void bench_pools(void)
{
	static const uint32_t counts[] = { 16, 256, 4096, 65536, 1000000 };
	size_t i;

	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i] <= SMALL_MAX || counts[i] <= bench_options.large_pool)
			measure_pool(counts[i]);
}
