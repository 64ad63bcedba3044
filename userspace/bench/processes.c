// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a buffer costs while 1 to 64 processes use the same pool, each by a handle of its
 * own.
 *
 * They begin together, and the clock runs from the first one's beginning to the last one's
 * end: so the cost is what all of them took, by the operations of all.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define SECTION "processes"
#define BUFFER (8 << 10)
#define MOST 64
/* Twice as many as the library's magazines keep of so many processes, 64 of each. */
#define COUNT (MOST * 4 * BATCH)
/* Of all processes. */
#define OPERATIONS (64 << 10)

/* What the processes share. */
struct meeting {
	pthread_barrier_t barrier;
	/* Of each: its handle, when it began and ended, and the processor's time between. */
	uint32_t numbers[MOST];
	uint64_t begin[MOST], end[MOST];
	double cpu[MOST];
};

static struct meeting *meeting;
static unsigned int nr_processes;

static void get_and_put(struct zcpool *pool, unsigned int self)
{
	uint32_t index;
	unsigned int i;

	(void)self;
	for (i = 0; i < OPERATIONS / nr_processes; i++) {
		MUST(zcpool_get(pool, &index, -1));
		MUST(zcpool_put(pool, index));
	}
}

static void get_all(struct zcpool *pool, uint32_t *indices)
{
	uint32_t got;

	for (got = 0; got < BATCH;)
		got += (uint32_t)MUST(zcpool_get_batch(pool, indices + got, BATCH - got, -1));
}

static void receive_all(struct zcpool *pool, struct zcpool_item *items)
{
	uint32_t got;

	for (got = 0; got < BATCH;)
		got += (uint32_t)MUST(zcpool_receive(pool, items + got, BATCH - got, -1));
}

static void hand_on(struct zcpool *pool, uint32_t to)
{
	struct zcpool_item items[BATCH];
	uint32_t indices[BATCH];
	int i;

	get_all(pool, indices);
	for (i = 0; i < BATCH; i++)
		items[i] = (struct zcpool_item){ .index = indices[i] };
	MUST(zcpool_transfer(pool, to, items, BATCH, NULL));
}

static void take_in(struct zcpool *pool)
{
	struct zcpool_item items[BATCH];
	uint32_t indices[BATCH];
	int i;

	receive_all(pool, items);
	for (i = 0; i < BATCH; i++)
		indices[i] = items[i].index;
	MUST(zcpool_put_batch(pool, indices, BATCH, NULL));
}

/*
 * Two by two they hand batches over to each other, one alone to itself.  Either waits for
 * the other each time, so that it is no matter who runs when.
 */
static void hand_over(struct zcpool *pool, unsigned int self)
{
	uint32_t other = meeting->numbers[nr_processes > 1 ? self ^ 1 : self];
	unsigned int round;

	for (round = 0; round < OPERATIONS / BATCH / nr_processes; round++) {
		if (self & 1)
			take_in(pool);
		hand_on(pool, other);
		if (!(self & 1))
			take_in(pool);
	}
}

static const struct way {
	const char *name;
	void (*run)(struct zcpool *pool, unsigned int self);
} ways[] = {
	{ "get+put, library", get_and_put },
	{ "TRANSFER of 32", hand_over },
};

#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

static void meet(void)
{
	int error = pthread_barrier_wait(&meeting->barrier);

	MUST(error == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : -error);
}

static void __attribute__((noreturn)) take_part(const struct way *way, int share, unsigned int self)
{
	struct stopwatch watch;
	struct zcpool *pool;

	MUST(prctl(PR_SET_PDEATHSIG, SIGKILL));
	MUST(zcpool_attach(share, 0, 0, &pool));
	meeting->numbers[self] = zcpool_handle_number(pool);
	meet();
	way->run(pool, self);
	meet();
	stopwatch_start(&watch);
	way->run(pool, self);
	meeting->cpu[self] = stopwatch_stop(&watch, 1).cpu;
	meeting->begin[self] = watch.wall;
	meeting->end[self] = clock_ns();
	/* Nobody's handle ends while others transfer to it. */
	meet();
	zcpool_close(pool);
	_exit(0);
}

static void note_cost(const struct way *way)
{
	uint64_t begin = meeting->begin[0], end = meeting->end[0];
	double cpu = 0;
	unsigned int i;

	for (i = 0; i < nr_processes; i++) {
		begin = meeting->begin[i] < begin ? meeting->begin[i] : begin;
		end = meeting->end[i] > end ? meeting->end[i] : end;
		cpu += meeting->cpu[i];
	}
	result_note(SECTION, way->name, nr_processes,
		    (struct cost){ (double)(end - begin) / OPERATIONS, cpu / OPERATIONS });
}

/* Whether all went well; of one that did not, the others would wait for ever. */
static bool wait_for_all(const pid_t *children)
{
	unsigned int left, i;
	bool ok = true;
	int status;

	for (left = nr_processes; left; left--) {
		MUST(wait(&status));
		if (!status || !ok)
			continue;
		ok = false;
		for (i = 0; i < nr_processes; i++)
			kill(children[i], SIGKILL);
	}
	return ok;
}

static void measure(const struct way *way, int share)
{
	pthread_barrierattr_t attributes;
	pid_t children[MOST];
	unsigned int i;

	pthread_barrierattr_init(&attributes);
	pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	MUST(-pthread_barrier_init(&meeting->barrier, &attributes, nr_processes));
	for (i = 0; i < nr_processes; i++) {
		children[i] = (pid_t)MUST(fork());
		if (!children[i])
			take_part(way, share, i);
	}
	if (!wait_for_all(children)) {
		errno = ECHILD;
		must_fail(-1, "one of several processes");
	}
	note_cost(way);
	pthread_barrier_destroy(&meeting->barrier);
	pthread_barrierattr_destroy(&attributes);
}

static void leave_out(const char *why)
{
	unsigned int number;
	size_t w;

	for (number = 1; number <= MOST; number *= 4)
		for (w = 0; w < NR_WAYS; w++)
			result_leave_out(SECTION, ways[w].name, number, why);
}

void bench_processes(void)
{
	struct zcpool *pool;
	unsigned int repeat;
	int error, share;
	size_t w;

	error = make_pool(BUFFER, COUNT, &pool);
	if (error) {
		leave_out(strerror(-error));
		return;
	}
	share = (int)MUST(zcpool_share(pool, 0));
	meeting = mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	MUST(meeting == MAP_FAILED ? -1 : 0);
	for (repeat = 0; repeat < bench_options.repeats; repeat++) {
		bench_progress("processes: repeat %u of %u", repeat + 1, bench_options.repeats);
		for (nr_processes = 1; nr_processes <= MOST; nr_processes *= 4)
			for (w = 0; w < NR_WAYS; w++)
				measure(&ways[w], share);
	}
	munmap(meeting, sizeof(*meeting));
	close(share);
	zcpool_close(pool);
}
