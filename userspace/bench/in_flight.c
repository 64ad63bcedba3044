// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a buffer costs while 1 to 256 are in flight: in the queue of a reader who is that
 * far behind, or held by one who never reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define SECTION "in flight"
#define BUFFER (8 << 10)
#define MOST 256
/* Of those that only a pipe holds, and of messages, which take longer. */
#define TURNS 8192
#define MESSAGES 2048
/* Beside those in flight, as many as magazines may hold. */
#define SPARE 128

static struct zcpool *pool;
static int pipes[2], stuck[2], pair[2];

static void open_pipe(int ends[2])
{
	MUST(pipe2(ends, O_CLOEXEC));
	MUST(fcntl(ends[1], F_SETPIPE_SZ, MOST * 4096));
}

static void close_pipe(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

/* A slot of the pipe holds the buffer, of which a byte is enough. */
static void splice_into(int pipe_end, uint32_t index)
{
	loff_t offset = (loff_t)zcpool_offset(pool, index);

	MUST(splice(zcpool_fd(pool), &offset, pipe_end, NULL, 1, 0) == 1 ? 0 : -1);
}

static void read_oldest(void)
{
	char byte;

	MUST(read(pipes[0], &byte, 1) == 1 ? 0 : -1);
}

static void put_into(int pipe_end)
{
	uint32_t index;

	MUST(zcpool_get(pool, &index, -1));
	splice_into(pipe_end, index);
	MUST(zcpool_put(pool, index));
}

/* The transfers alone, of buffers that stay owned, and so many are in the pipe. */
static struct cost transfer_only(unsigned int queued)
{
	struct stopwatch watch;
	uint32_t indices[MOST];
	struct cost cost;
	unsigned int i;

	for (i = 0; i < queued; i++) {
		MUST(zcpool_get(pool, &indices[i], -1));
		splice_into(pipes[1], indices[i]);
	}
	stopwatch_start(&watch);
	for (i = 0; i < TURNS; i++) {
		read_oldest();
		splice_into(pipes[1], indices[i % queued]);
	}
	cost = stopwatch_stop(&watch, TURNS);
	for (i = 0; i < queued; i++) {
		read_oldest();
		MUST(zcpool_put(pool, indices[i]));
	}
	zcpool_flush(pool);
	return cost;
}

/* Each buffer is put in flight, and got again when it is out. */
static struct cost put_in_flight(unsigned int queued)
{
	struct stopwatch watch;
	struct cost cost;
	unsigned int i;

	for (i = 0; i < queued; i++)
		put_into(pipes[1]);
	/* Once through the pool, so that none is left that was never in flight. */
	for (i = 0; i < zcpool_count(pool); i++) {
		read_oldest();
		put_into(pipes[1]);
	}
	stopwatch_start(&watch);
	for (i = 0; i < TURNS; i++) {
		read_oldest();
		put_into(pipes[1]);
	}
	cost = stopwatch_stop(&watch, TURNS);
	for (i = 0; i < queued; i++)
		read_oldest();
	zcpool_flush(pool);
	return cost;
}

static void note_difference(const char *method, unsigned int size, struct cost all,
			    struct cost transfer)
{
	result_note(SECTION, method, size,
		    (struct cost){ all.wall - transfer.wall, all.cpu - transfer.cpu });
}

static void measure_queue(unsigned int in_flight)
{
	struct cost all = put_in_flight(in_flight);

	note_difference("queued in a pipe", in_flight, all, transfer_only(in_flight));
}

/* One goes in and out, while the others are held and stay so. */
static void measure_beside(unsigned int in_flight)
{
	struct cost all, transfer;
	char bytes[MOST];
	unsigned int i;

	for (i = 0; i + 1 < in_flight; i++)
		put_into(stuck[1]);
	all = put_in_flight(1);
	transfer = transfer_only(1);
	note_difference("beside held ones", in_flight, all, transfer);
	if (in_flight > 1)
		MUST(read(stuck[0], bytes, in_flight - 1) == (ssize_t)in_flight - 1 ? 0 : -1);
}

static void receive_oldest(void)
{
	static char message[BUFFER];
	size_t received = 0;
	ssize_t got;

	while (received < BUFFER) {
		got = recv(pair[1], message, BUFFER - received, 0);
		if (got < 0 && errno != EAGAIN)
			MUST(got);
		received += got > 0 ? (size_t)got : 0;
	}
}

static void send_one(void)
{
	uint32_t index;
	off_t offset;

	MUST(zcpool_get(pool, &index, -1));
	offset = (off_t)zcpool_offset(pool, index);
	MUST(sendfile(pair[0], zcpool_fd(pool), &offset, BUFFER) == BUFFER ? 0 : -1);
	MUST(zcpool_put(pool, index));
}

/* All of it: got, sent, put, and another received. */
static void measure_socket(unsigned int in_flight)
{
	static const char method[] = "sendfile of 8 KiB";
	const int one = 1;
	struct stopwatch watch;
	unsigned int i;

	connect_pair(pair, AF_INET);
	/* Each goes at once, whatever the reader has acknowledged. */
	MUST(setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)));
	if (connection_room(pair) < (size_t)in_flight * BUFFER) {
		result_leave_out(SECTION, method, in_flight,
				 "needs larger buffers of a connection: be root, or raise "
				 "net.core.wmem_max and net.core.rmem_max");
		close_pair(pair);
		return;
	}
	for (i = 0; i < in_flight; i++)
		send_one();
	for (i = 0; i < MESSAGES; i++) {
		receive_oldest();
		send_one();
	}
	stopwatch_start(&watch);
	for (i = 0; i < MESSAGES; i++) {
		receive_oldest();
		send_one();
	}
	result_note(SECTION, method, in_flight, stopwatch_stop(&watch, MESSAGES));
	close_pair(pair);
	zcpool_flush(pool);
}

static const struct {
	const char *name;
	void (*measure)(unsigned int in_flight);
} ways[] = {
	{ "queued in a pipe", measure_queue },
	{ "beside held ones", measure_beside },
	{ "sendfile of 8 KiB", measure_socket },
};

#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

static void measure(unsigned int in_flight)
{
	int error;
	size_t w;

	/* One pool for each way, for what one left in flight is not the next one's to find. */
	for (w = 0; w < NR_WAYS; w++) {
		if (result_left_out(SECTION, ways[w].name, in_flight))
			continue;
		error = make_pool(BUFFER, in_flight + SPARE, &pool);
		if (error) {
			result_leave_out(SECTION, ways[w].name, in_flight, strerror(-error));
			continue;
		}
		open_pipe(pipes);
		open_pipe(stuck);
		ways[w].measure(in_flight);
		close_pipe(stuck);
		close_pipe(pipes);
		zcpool_close(pool);
	}
}

void bench_in_flight(void)
{
	unsigned int repeat, in_flight;

	for (repeat = 0; repeat < bench_options.repeats; repeat++) {
		bench_progress("in flight: repeat %u of %u", repeat + 1, bench_options.repeats);
		for (in_flight = 1; in_flight <= MOST; in_flight *= 4)
			measure(in_flight);
	}
}
