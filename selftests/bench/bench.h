/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The benchmarks' common ground.
 *
 * The clock is CLOCK_MONOTONIC.  Under QEMU's "-icount shift=0" it advances one
 * nanosecond per guest instruction, so the very same program counts instructions
 * there and measures time elsewhere.  Idle time would count as well: so one
 * thread does everything, both ends of a connection included, and never waits.
 */
#ifndef ZCPOOL_BENCH_H
#define ZCPOOL_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most repeats of a measurement. */
#define REPEATS_MAX 100

struct bench_options {
	unsigned int repeats;
	/* Buffers of the large pool, 0 to leave it out. */
	uint32_t large_pool;
	const char *unit;
};

/* A measurement: what was done how, and its cost each time. */
struct result {
	const char *section;
	const char *method;
	uint64_t size;
	double cost[REPEATS_MAX];
	unsigned int nr;
};

uint64_t clock_ns(void);
/* Ends the program with the failed call and its errno; ret is returned if >= 0. */
void must_fail(long ret, const char *what) __attribute__((noreturn));
static inline long must(long ret, const char *what)
{
	if (__builtin_expect(ret < 0, 0))
		must_fail(ret, what);
	return ret;
}

#define MUST(call) must((long)(call), #call)

/* report.c */
struct result *result_add(const char *section, const char *method, uint64_t size);
struct result *result_find(const char *section, const char *method, uint64_t size);
void result_cost(struct result *result, double cost);
double result_median(const struct result *result);
double result_worst(const struct result *result);
void report_send(const struct bench_options *options);
void report_hand_over(const struct bench_options *options);
void report_list(const struct bench_options *options, const char *section, const char *title);
void report_latency(void);
void report_csv(const char *path, const struct bench_options *options);
bool report_targets(const struct bench_options *options);

/*
 * connection.c: buffers at both ends that no method fills.  drain() returns the
 * bytes taken by recv() with flags.
 */
void connect_pair(int pair[2]);
size_t drain(int socket, int flags);

/* One file each */
void bench_vector(const struct bench_options *options);
void bench_send(const struct bench_options *options);
void bench_get_put(const struct bench_options *options);
void bench_touch(const struct bench_options *options);
void bench_free(const struct bench_options *options);
void bench_hand_over(const struct bench_options *options);

/* method.c: ways to send a message of size bytes that lies in memory. */
struct method {
	const char *name;
	void (*open)(size_t size);
	/* Hand over the message from byte done on; bytes, or -1 with EAGAIN. */
	long (*send)(int socket, size_t done, size_t size);
	/* The message has been sent and received. */
	void (*finish)(int socket);
	void (*close)(void);
};

extern const struct method methods[];
extern const size_t nr_methods;

/* hand_over.c: ways to hand a batch of messages to another process. */
struct hand_over {
	const char *name;
	bool copies;
	void (*open)(void);
	void (*run)(void);
	void (*close)(void);
};

extern const struct hand_over hand_overs[];
extern const size_t nr_hand_overs;

#endif /* ZCPOOL_BENCH_H */
