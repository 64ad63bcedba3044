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
#include <stdio.h>

#include <zcpool.h>

#include "must.h"

#define REPEATS_MAX 1000
#define LARGE_POOL_MAX 1000000

/* bench.c: what was asked for. */
struct bench_options {
	unsigned int repeats;
	/* Most buffers of a pool that is large; 0: none is. */
	uint32_t large_pool;
	/* Nanoseconds are instructions. */
	bool icount;
	bool quiet;
};
extern struct bench_options bench_options;

const char *bench_unit(void);
/* A line on stderr, for who waits. */
void bench_progress(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* stopwatch.c */
struct stopwatch {
	uint64_t wall, cpu;
};
/* Of one operation: time or instructions, and the processor's time, which can be more. */
struct cost {
	double wall, cpu;
};
uint64_t clock_ns(void);
void stopwatch_start(struct stopwatch *watch);
struct cost stopwatch_stop(const struct stopwatch *watch, double operations);

/* result.c: what was done how, its cost each time, or why it has none. */
struct result {
	struct result *next;
	char *section;
	char *method;
	uint64_t size;
	double *costs;
	unsigned int nr;
	char *left_out;
};
/* The first; and so on by next. */
struct result *result_first(void);
struct result *result_find(const char *section, const char *method, uint64_t size);
void result_cost(const char *section, const char *method, uint64_t size, double cost);
/* The processor's time is a section of its own, but where instructions are counted. */
void result_note(const char *section, const char *method, uint64_t size, struct cost cost);
void result_leave_out(const char *section, const char *method, uint64_t size, const char *why);
bool result_left_out(const char *section, const char *method, uint64_t size);
double result_median(const struct result *result);
double result_worst(const struct result *result);

/* record.c: all results for machines */
void record_csv(FILE *file);
void record_json(FILE *file);
/* machine.c: what they were measured on, as members of an object */
void machine_json(void);

/* section.c: the benchmarks by name */
struct section {
	const char *name;
	const char *what;
	/* Without names and --all. */
	bool usual;
	void (*run)(void);
	void (*report)(void);
};
extern const struct section sections[];
extern const size_t nr_sections;
const struct section *section_find(const char *name);

/* pool.c: a pool, or a message why there is none, its errno, and NULL. */
int make_pool(uint64_t buffer_size, uint32_t count, struct zcpool **pool);
/* As it is mapped, too, and filled with a byte. */
int make_filled_pool(uint64_t buffer_size, uint32_t count, char byte, struct zcpool **pool);

/*
 * pairs.c: GET and PUT, PAIRS times, of a pool with nothing in flight: batch buffers a call,
 * BATCH at most; 0: by the library, which holds some back from calls.
 */
#define PAIRS 4096
#define BATCH 32
void get_put(struct zcpool *pool, uint32_t batch);

/*
 * connection.c: buffers at both ends that no method fills, for who may have them;
 * connection_room() tells what surely fits.  drain() returns the bytes taken by recv()
 * with flags.
 */
void connect_pair(int pair[2], int family);
size_t connection_room(const int pair[2]);
void close_pair(const int pair[2]);
size_t drain(int socket, int flags);

/* network.c: a network with large segments of TCP over IPv6; 0 or a negative errno. */
int network_enter(void);
void network_leave(void);

/* uring.c: messages by io_uring; 0 or a negative errno. */
int uring_open(unsigned int entries);
void uring_send(int socket, const void *message, uint32_t length);
/* Submit them all, and have all be sent. */
void uring_wait(unsigned int messages, int32_t length);
void uring_close(void);

/* One file each */
void bench_send(void);
void bench_segments(void);
void bench_vector(void);
void bench_get_put(void);
void bench_create(void);
void bench_touch(void);
void bench_free(void);
void bench_hand_over(void);
void bench_sizes(void);
void bench_pools(void);
void bench_in_flight(void);
void bench_processes(void);

/* report.c: tables, a function for each of these */
void report_send(void);
void report_segments(void);
void report_vector(void);
void report_get_put(void);
void report_create(void);
void report_touch(void);
void report_free(void);
void report_hand_over(void);
void report_sizes(void);
void report_pools(void);
void report_in_flight(void);
void report_processes(void);

/* method.c: ways to send a message of size bytes that lies in memory. */
struct method {
	const char *name;
	/* 0, or a negative errno with nothing open. */
	int (*open)(size_t size);
	/* Hand over the message from byte done on; bytes, or -1 with errno. */
	long (*send)(int socket, size_t done, size_t size);
	/* The message has been sent and received. */
	void (*finish)(int socket);
	void (*close)(void);
};

extern const struct method methods[];
extern const size_t nr_methods;
/* How many messages of a size the methods cycle through. */
unsigned int method_slots(size_t size);

/* send.c: what a byte costs, of messages of a size. */
struct sending {
	const char *section;
	/* Of the connection, AF_*. */
	int family;
	/* How the receiver takes what comes, MSG_*. */
	int receive;
};
void measure_send(const struct sending *sending, const struct method *method, uint64_t size);

#endif /* ZCPOOL_BENCH_H */
