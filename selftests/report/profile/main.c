// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is to be profiled: each case some operations between two markers.  Prints a line for
 * each, in the order of the plugin's numbers: "OPERATIONS BYTES NAME", bytes those of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zcpool.h>

#include "bench.h"
#include "marker.h"

#define WARM_UP 40
#define MESSAGES 64
/* So that the library takes batches as large as it ever does. */
#define POOL_COUNT 1024
#define BUFFER (8 << 10)

void must_fail(long ret, const char *what)
{
	fprintf(stderr, "profile: %s: %s\n", what, strerror(ret < -1 ? (int)-ret : errno));
	exit(1);
}

static void tell(unsigned int operations, size_t bytes, const char *name)
{
	printf("%u %zu %s\n", operations, bytes, name);
	fflush(stdout);
}

static void send_messages(const struct method *method, int pair[2], size_t size, int messages)
{
	for (; messages; messages--) {
		size_t sent = 0, received = 0;

		while (received < size) {
			long ret = sent < size ? method->send(pair[0], sent, size) : 0;

			if (ret < 0 && errno != EAGAIN)
				must_fail(ret, method->name);
			sent += ret > 0 ? ret : 0;
			/* What the receiver's copy costs is known, and not asked for. */
			received += drain(pair[1], MSG_TRUNC);
		}
		method->finish(pair[0]);
	}
}

static void profile_send(const struct method *method, size_t size)
{
	int pair[2];

	connect_pair(pair, AF_INET);
	MUST(method->open(size));
	send_messages(method, pair, size, WARM_UP);
	MARK(MARKER_BEGIN);
	send_messages(method, pair, size, MESSAGES);
	MARK(MARKER_END);
	tell(MESSAGES, size, method->name);
	method->close();
	close_pair(pair);
}

static struct zcpool *mapped_pool(void)
{
	struct zcpool *pool;

	MUST(make_filled_pool(BUFFER, POOL_COUNT, 'p', &pool));
	return pool;
}

static void profile_pairs(const char *name, uint32_t batch)
{
	struct zcpool *pool = mapped_pool();

	get_put(pool, batch);
	MARK(MARKER_BEGIN);
	get_put(pool, batch);
	MARK(MARKER_END);
	tell(PAIRS, BUFFER, name);
	zcpool_close(pool);
}

/* From one process to another, as it were: GET, TRANSFER, RECEIVE, PUT. */
static void hand_over(struct zcpool *producer, struct zcpool *consumer, int rounds)
{
	uint32_t to = zcpool_handle_number(consumer), indices[BATCH];
	struct zcpool_item items[BATCH] = { 0 };
	int i;

	for (; rounds; rounds--) {
		MUST(zcpool_get_batch(producer, indices, BATCH, -1) == BATCH ? 0 : -1);
		for (i = 0; i < BATCH; i++)
			items[i].index = indices[i];
		MUST(zcpool_transfer(producer, to, items, BATCH, NULL));
		MUST(zcpool_receive(consumer, items, BATCH, -1) == BATCH ? 0 : -1);
		for (i = 0; i < BATCH; i++)
			indices[i] = items[i].index;
		MUST(zcpool_put_batch(consumer, indices, BATCH, NULL));
	}
}

static void profile_hand_over(void)
{
	struct zcpool *producer = mapped_pool(), *consumer;
	int share = MUST(zcpool_share(producer, 0));

	MUST(zcpool_attach(share, 0, 0, &consumer));
	hand_over(producer, consumer, WARM_UP);
	MARK(MARKER_BEGIN);
	hand_over(producer, consumer, PAIRS / BATCH);
	MARK(MARKER_END);
	tell(PAIRS, BUFFER, "pool, TRANSFER of 32");
	close(share);
	zcpool_close(consumer);
	zcpool_close(producer);
}

/* A buffer that is put while a pipe has it, and found free later: 32 at a time. */
static void in_flight(struct zcpool *pool, const int pipes[2], int rounds)
{
	uint32_t indices[BATCH];
	char bytes[BATCH];
	int i;

	for (; rounds; rounds--) {
		MUST(zcpool_get_batch(pool, indices, BATCH, -1) == BATCH ? 0 : -1);
		for (i = 0; i < BATCH; i++) {
			loff_t offset = zcpool_offset(pool, indices[i]);

			MUST(splice(zcpool_fd(pool), &offset, pipes[1], NULL, 1, 0));
		}
		MUST(zcpool_put_batch(pool, indices, BATCH, NULL));
		MUST(read(pipes[0], bytes, BATCH) == BATCH ? 0 : -1);
	}
}

static void profile_in_flight(void)
{
	struct zcpool *pool = mapped_pool();
	int pipes[2];

	MUST(pipe(pipes));
	MUST(fcntl(pipes[1], F_SETPIPE_SZ, BATCH * 4096));
	in_flight(pool, pipes, WARM_UP);
	MARK(MARKER_BEGIN);
	in_flight(pool, pipes, PAIRS / BATCH);
	MARK(MARKER_END);
	tell(PAIRS, BUFFER, "pool, splice, PUT in flight, free event");
	zcpool_close(pool);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	static const size_t sizes[] = { 64 << 10, 1 << 20 };
	size_t m, s;

	for (m = 0; m < nr_methods; m++)
		for (s = 0; s < 2; s++)
			profile_send(&methods[m], sizes[s]);
	profile_pairs("pool, GET+PUT by library", 0);
	profile_pairs("pool, GET+PUT of 32", BATCH);
	profile_pairs("pool, GET+PUT", 1);
	profile_hand_over();
	profile_in_flight();
	return 0;
}
