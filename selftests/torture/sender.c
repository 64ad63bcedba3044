// SPDX-License-Identifier: GPL-2.0-only
/* Senders: get buffers, stamp them, let them go by any exit, put them. */
#include <liburing.h>
#include <time.h>

#include "torture.h"

#define LINKS 6
/* Receivers of closed links that still read what is left. */
#define DRAINING 16

/* One per process. */
static struct link links[LINKS];
static pid_t draining[DRAINING];
static unsigned int me;
static bool shares;
static int pool;
static char *map;
static uint64_t generation;

static void reap(pid_t *pid, bool now)
{
	if (*pid && now)
		kill(*pid, SIGKILL);
	if (*pid && waitpid(*pid, NULL, now ? 0 : WNOHANG) == *pid)
		*pid = 0;
}

static void drain_later(pid_t pid)
{
	unsigned int slot = chance(DRAINING), i;

	for (i = 0; i < DRAINING; i++)
		reap(&draining[i], false);
	for (i = 0; i < DRAINING && draining[slot]; i++)
		slot = (slot + 1) % DRAINING;
	reap(&draining[slot], true);
	draining[slot] = pid;
}

/* In order, so that all arrives; or with the receiver killed at any point. */
static void link_close(struct link *link, bool in_order)
{
	if (!link->exit)
		return;
	if (in_order && link->exit->finish)
		link->exit->finish(link);
	if (link->ring) {
		io_uring_queue_exit(link->ring);
		free(link->ring);
	}
	if (!in_order)
		reap(&link->receiver, true);
	close(link->fd);
	close(link->pipe[0]);
	close(link->pipe[1]);
	if (link->receiver)
		drain_later(link->receiver);
	*link = (struct link){};
}

/* Needs a ring: SEND by io_uring, disks. */
static struct io_uring *new_ring(void)
{
	struct io_uring *ring = malloc(sizeof(*ring));

	if (ring && io_uring_queue_init(4, ring, 0)) {
		free(ring);
		ring = NULL;
	}
	return ring;
}

static bool link_open(struct link *link)
{
	unsigned int number = chance(nr_exits);
	const struct exit *exit = &exits[number];
	int pair[2];

	if (exit->open(pair))
		return false;
	*link = (struct link){
		.exit = exit,
		.tally = &shared->tally[number],
		.fd = pair[0],
		.pool = pool,
		.map = map,
		.left = 1 + chance(60),
		.pipe = { -1, -1 },
		.place = (off_t)(me * LINKS + (link - links)) * BUFFER,
		.ring = new_ring(),
	};
	if (!link->ring || pipe2(link->pipe, O_NONBLOCK | O_CLOEXEC)) {
		link_close(link, false);
		return false;
	}
	atomic_fetch_add(&link->tally->links, 1);
	if (pair[1] < 0)
		return true;
	link->receiver = fork();
	if (!link->receiver)
		receive(exit, link->tally, pair[1]);
	close(pair[1]);
	seed += 1000003;
	return true;
}

/* By whatever way there is to wait, or not; returns how many. */
static unsigned int get_some(uint32_t *indices, unsigned int wanted)
{
	struct pollfd poll_for = { .fd = pool, .events = POLLOUT };
	unsigned int i;
	int got;

	switch (chance(3)) {
	case 0:
		got = get_many(pool, indices, wanted, ZCPOOL_GET_F_NONBLOCK, 0);
		break;
	case 1:
		got = get_many(pool, indices, wanted, 0, (1 + chance(20)) * NS_PER_MS);
		break;
	default:
		poll(&poll_for, 1, chance(20));
		got = get_many(pool, indices, wanted, ZCPOOL_GET_F_NONBLOCK, 0);
		break;
	}
	for (i = 0; shares && got > 0 && i < (unsigned int)got; i++)
		atomic_store(&shared->owner[indices[i]], 1 + me);
	return got > 0 ? got : 0;
}

static void put_all(const uint32_t *indices, unsigned int count)
{
	unsigned int i;

	for (i = 0; shares && i < count; i++)
		atomic_store(&shared->owner[indices[i]], 0);
	/* One by one or together. */
	if (chance(2)) {
		put_many(pool, indices, count, NULL);
	} else {
		for (i = 0; i < count; i++)
			put_one(pool, indices[i]);
	}
}

/* Let all of a vector go; false if the link is of no use any more. */
static bool link_push(struct link *link, struct zcpool_element *elements, uint32_t count)
{
	int64_t end = now_ns() + (1 + chance(100)) * NS_PER_MS;

	while (count) {
		ssize_t sent = link->exit->send(link, elements, count);
		struct pollfd poll_for = { .fd = link->fd, .events = POLLOUT };

		if (sent == -EAGAIN && now_ns() < end) {
			poll(&poll_for, 1, 10);
			continue;
		}
		if (sent < 0)
			return false;
		while (count && (uint64_t)sent >= elements->length) {
			sent -= elements->length;
			elements++;
			count--;
		}
		if (count) {
			elements->base += sent;
			elements->length -= sent;
		}
	}
	return true;
}

static uint64_t any_length(void)
{
	return sizeof(struct record) + 8 * chance((BUFFER - sizeof(struct record)) / 8 + 1);
}

/* Stamp the buffers, and records of the program's own between them. */
static uint32_t fill(const struct link *link, const uint32_t *indices, unsigned int got,
		     struct zcpool_element *elements, char (*own)[256])
{
	uint32_t count = 0;
	unsigned int i;

	for (i = 0; i < got; i++) {
		uint64_t offset = indices[i] * BUFFER;
		/* A disk takes whole buffers. */
		uint64_t length = link->receiver ? any_length() : BUFFER;

		record_stamp(map + offset, length, ++generation);
		elements[count++] = (struct zcpool_element){ .base = offset, .length = length };
		if (link->exit->batch > 1 && chance(2)) {
			record_stamp(own[i], sizeof(own[i]), ++generation);
			elements[count++] = (struct zcpool_element){
				.base = (uintptr_t)own[i],
				.length = sizeof(own[i]),
				.flags = ZCPOOL_ELEMENT_F_INLINE,
			};
		}
	}
	return count;
}

static void step(void)
{
	struct link *link = &links[chance(LINKS)];
	struct zcpool_element elements[2 * BATCH];
	char own[BATCH][256] __attribute__((aligned(8)));
	uint32_t indices[BATCH], count;
	unsigned int got;
	bool usable;

	if (!link->exit && !link_open(link)) {
		doze(1000);
		return;
	}
	got = get_some(indices, 1 + chance(link->exit->batch));
	if (!got) {
		/* Somebody does not read: have done with one of them. */
		link_close(&links[chance(LINKS)], false);
		return;
	}
	count = fill(link, indices, got, elements, own);
	usable = link_push(link, elements, count);
	put_all(indices, got);
	atomic_fetch_add(&link->tally->sent, count);
	if (!usable || !--link->left)
		link_close(link, usable && chance(4));
}

void send_until_stopped(unsigned int number, int shared_pool)
{
	unsigned int i;

	me = number;
	seed += number * 7919;
	signal(SIGPIPE, SIG_IGN);
	shares = shared_pool >= 0;
	pool = shares ? shared_pool : new_pool(BUFFER, BUFFERS / 4);
	map = map_pool(pool, (shares ? BUFFERS : BUFFERS / 4) * BUFFER);
	if (pool < 0 || map == MAP_FAILED)
		_exit(1);
	/* Whoever is killed and started anew must not use the old numbers again. */
	generation = (uint64_t)number << 56 | (uint64_t)now_ns();
	while (!atomic_load(&shared->stop))
		step();
	for (i = 0; i < LINKS; i++)
		link_close(&links[i], true);
	while (wait(NULL) > 0)
		;
	_exit(0);
}
