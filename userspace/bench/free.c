// SPDX-License-Identifier: GPL-2.0-only
/* What it costs to know when a buffer is free, and how soon one learns it. */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define BUFFER (8 << 10)
#define ROUNDS 64
#define IN_FLIGHT 1024
/* Messages of a byte that any socket has room for, whatever the kernel counts for each. */
#define MESSAGES_MAX 64
#define DEAD (IN_FLIGHT / MESSAGES_MAX)
#define RELEASES 100

/* Both ends of a pipe that a batch fits into. */
static int pipes[2];

/* A byte of each buffer, in the pipe and out again. */
static void splice_each(struct zcpool *pool, const uint32_t *indices)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		loff_t offset = zcpool_offset(pool, indices[i]);

		MUST(splice(zcpool_fd(pool), &offset, pipes[1], NULL, 1, 0));
	}
}

static void empty_pipe(void)
{
	char bytes[BATCH];

	MUST(read(pipes[0], bytes, BATCH) == BATCH ? 0 : -1);
}

/* The transfers alone, of buffers that stay owned. */
static void transfer_only(struct zcpool *pool)
{
	uint32_t indices[BATCH];
	int i;

	MUST(zcpool_get_batch(pool, indices, BATCH, 0));
	for (i = 0; i < ROUNDS; i++) {
		splice_each(pool, indices);
		empty_pipe();
	}
	MUST(zcpool_put_batch(pool, indices, BATCH, NULL));
}

/* Each buffer is put while it is in the pipe, and got again when it is out. */
static void put_in_flight(struct zcpool *pool)
{
	uint32_t indices[BATCH];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		MUST(zcpool_get_batch(pool, indices, BATCH, 0) == BATCH ? 0 : -1);
		splice_each(pool, indices);
		MUST(zcpool_put_batch(pool, indices, BATCH, NULL));
		empty_pipe();
	}
}

static struct cost cost_of(void (*run)(struct zcpool *pool), struct zcpool *pool)
{
	struct stopwatch watch;

	run(pool);
	stopwatch_start(&watch);
	run(pool);
	return stopwatch_stop(&watch, BATCH * ROUNDS);
}

static void measure_cost(void)
{
	static const char section[] = "free event";
	static const char method[] = "get, put, and landing between";
	struct cost transfer, all;
	struct zcpool *pool;
	int error;

	if (result_left_out(section, method, BATCH))
		return;
	error = make_pool(BUFFER, BATCH, &pool);
	if (error) {
		result_leave_out(section, method, BATCH, strerror(-error));
		return;
	}
	MUST(pipe2(pipes, O_CLOEXEC));
	MUST(fcntl(pipes[1], F_SETPIPE_SZ, BATCH * 4096));
	all = cost_of(put_in_flight, pool);
	transfer = cost_of(transfer_only, pool);
	result_note(section, method, BATCH,
		    (struct cost){ all.wall - transfer.wall, all.cpu - transfer.cpu });
	close(pipes[0]);
	close(pipes[1]);
	zcpool_close(pool);
}

/* Lets go of one buffer after the other, and notes when. */
static void __attribute__((noreturn)) release_each(int socket, int go, volatile uint64_t *released)
{
	unsigned int state = 1;
	char byte;

	while (read(go, &byte, 1) == 1) {
		state = state * 1103515245 + 12345;
		usleep(2000 + (state >> 16) % 30000);
		/* Nobody waits for a moment yet to come. */
		*released = clock_ns();
		if (read(socket, &byte, 1) != 1)
			exit(1);
	}
	exit(0);
}

/* Send a byte of a buffer that is put at once. */
static void put_in_socket(struct zcpool *pool, int socket)
{
	uint32_t index;
	off_t offset;

	MUST(zcpool_get_batch(pool, &index, 1, 0));
	offset = (off_t)zcpool_offset(pool, index);
	MUST(sendfile(socket, zcpool_fd(pool), &offset, 1));
	MUST(zcpool_put_batch(pool, &index, 1, NULL));
}

/* How long after the last holder's end does poll() return, with so many in flight? */
static void measure_latency(const char *method, uint32_t others)
{
	volatile uint64_t *released;
	struct pollfd poll_fd = { .events = POLLOUT };
	int dead[DEAD][2], live[2], go[2], error, i;
	struct zcpool *pool;
	uint32_t last;
	pid_t child;

	error = make_pool(BUFFER, others + 1, &pool);
	if (error) {
		result_leave_out("free latency", method, others + 1, strerror(-error));
		return;
	}
	released = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(released == MAP_FAILED ? -1 : 0);
	for (i = 0; i < DEAD; i++)
		MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, dead[i]));
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, live));
	MUST(pipe(go));
	child = (pid_t)MUST(fork());
	if (!child) {
		close(go[1]);
		release_each(live[1], go[0], released);
	}
	for (last = 0; last < others; last++)
		put_in_socket(pool, dead[last / MESSAGES_MAX][0]);
	poll_fd.fd = zcpool_fd(pool);
	for (i = 0; i < RELEASES; i++) {
		put_in_socket(pool, live[0]);
		MUST(write(go[1], "", 1));
		MUST(poll(&poll_fd, 1, 10000) == 1 ? 0 : -1);
		result_cost("free latency", method, others + 1, (double)(clock_ns() - *released));
	}
	close(go[1]);
	waitpid(child, NULL, 0);
	zcpool_close(pool);
	for (i = 0; i < DEAD; i++) {
		close(dead[i][0]);
		close(dead[i][1]);
	}
	close(live[0]);
	close(live[1]);
	close(go[0]);
	munmap((void *)(uintptr_t)released, 4096);
}

void bench_free(void)
{
	unsigned int i;

	bench_progress("free events");
	for (i = 0; i < bench_options.repeats; i++)
		measure_cost();
	measure_latency("poll, 1 in flight", 0);
	measure_latency("poll, 1024 in flight", IN_FLIGHT - 1);
}
