// SPDX-License-Identifier: GPL-2.0-only
/*
 * Isolated pools while owners change: no access that begins in time is to end in another
 * owner's bytes, nor any process's death in the loss of more than its own buffers.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "isolated.h"
#include "send.h"

#include "harness.h"

#define STRIDE (16 * KIB)
#define COUNT 2
#define ROUNDS 30
/* What an owner writes, and what it writes before it gives a buffer up. */
#define OURS 'o'
#define CLEAN 0

/* An owner at work, and another handle's thread that looks for its bytes. */
struct stage {
	int owner, other;
	char *owner_map, *other_map;
	atomic_bool stop;
	atomic_long rounds, seen, tries;
};

FIXTURE(pool)
{
	struct stage stage;
};

FIXTURE_SETUP(pool)
{
	struct stage *stage = &self->stage;

	stage->owner = new_isolated_pool(STRIDE, COUNT);
	ASSERT_GE(stage->owner, 0);
	stage->other = attach_another(stage->owner, 0);
	ASSERT_GE(stage->other, 0);
	stage->owner_map = map_pool(stage->owner, COUNT * STRIDE);
	stage->other_map = map_pool(stage->other, COUNT * STRIDE);
	atomic_store(&stage->stop, false);
	atomic_store(&stage->rounds, 0);
	atomic_store(&stage->seen, 0);
	atomic_store(&stage->tries, 0);
}

FIXTURE_TEARDOWN(pool)
{
	munmap(self->stage.owner_map, COUNT * STRIDE);
	munmap(self->stage.other_map, COUNT * STRIDE);
	close(self->stage.owner);
	close(self->stage.other);
}

/* Own a buffer, with bytes that nobody else is to see, and give it up without them. */
static void *own(void *arg)
{
	struct stage *stage = arg;

	while (!atomic_load(&stage->stop)) {
		int index = get_now(stage->owner);

		if (index < 0)
			continue;
		memset(stage->owner_map + index * STRIDE, OURS, STRIDE);
		atomic_fetch_add(&stage->rounds, 1);
		memset(stage->owner_map + index * STRIDE, CLEAN, STRIDE);
		put_one(stage->owner, index);
	}
	return NULL;
}

/* Give up at once what one owns, so that it is another's a moment later. */
static void *own_briefly(void *arg)
{
	struct stage *stage = arg;

	while (!atomic_load(&stage->stop)) {
		int index = get_now(stage->other);

		if (index < 0)
			continue;
		can_write(stage->other_map + index * STRIDE, 'b');
		atomic_fetch_add(&stage->tries, 1);
		put_one(stage->other, index);
	}
	return NULL;
}

static bool has_ours(const char *bytes, ssize_t size)
{
	return size > 0 && memchr(bytes, OURS, size);
}

static void look_by_mapping(struct stage *stage)
{
	int i;

	for (i = 0; i < COUNT; i++)
		atomic_fetch_add(&stage->seen, byte_at(stage->other_map + i * STRIDE + 64) == OURS);
}

static void look_by_read(struct stage *stage)
{
	static __thread char bytes[STRIDE];
	int i;

	for (i = 0; i < COUNT; i++) {
		ssize_t size = pread(stage->other, bytes, STRIDE, i * STRIDE);

		atomic_fetch_add(&stage->seen, has_ours(bytes, size));
	}
}

static void look_by_splice(struct stage *stage)
{
	static __thread char bytes[STRIDE];
	int i, pipes[2];

	if (pipe(pipes))
		return;
	for (i = 0; i < COUNT; i++) {
		loff_t offset = i * STRIDE;

		if (splice(stage->other, &offset, pipes[1], NULL, STRIDE, SPLICE_F_NONBLOCK) <= 0)
			continue;
		/* Time for the buffer to change owners, if it could. */
		sched_yield();
		atomic_fetch_add(&stage->seen, has_ours(bytes, read(pipes[0], bytes, STRIDE)));
	}
	close(pipes[0]);
	close(pipes[1]);
}

static void look_by_send(struct stage *stage)
{
	static __thread char bytes[STRIDE];
	int i, pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return;
	for (i = 0; i < COUNT; i++) {
		struct zcpool_element element = slice(i * STRIDE, STRIDE);

		if (send_vector(stage->other, pair[0], &element, 1, ZCPOOL_SEND_F_DONTWAIT, NULL) <=
		    0)
			continue;
		sched_yield();
		atomic_fetch_add(&stage->seen,
				 has_ours(bytes, recv(pair[1], bytes, STRIDE, MSG_DONTWAIT)));
	}
	close(pair[0]);
	close(pair[1]);
}

/* A write is to land in one's own buffer: the owner would find its bytes changed. */
static void look_by_vmsplice(struct stage *stage)
{
	static __thread char bytes[STRIDE];
	int i, pipes[2];

	if (pipe(pipes))
		return;
	for (i = 0; i < COUNT; i++) {
		struct iovec iov = {
			.iov_base = stage->other_map + i * STRIDE,
			.iov_len = STRIDE,
		};

		if (vmsplice(pipes[1], &iov, 1, SPLICE_F_NONBLOCK) <= 0)
			continue;
		sched_yield();
		atomic_fetch_add(&stage->seen, has_ours(bytes, read(pipes[0], bytes, STRIDE)));
	}
	close(pipes[0]);
	close(pipes[1]);
}

typedef void (*look_function)(struct stage *stage);

FIXTURE_VARIANT(pool)
{
	look_function look;
};

VARIANT(pool, mapping, .look = look_by_mapping);
VARIANT(pool, read, .look = look_by_read);
VARIANT(pool, splice, .look = look_by_splice);
VARIANT(pool, send, .look = look_by_send);
VARIANT(pool, vmsplice, .look = look_by_vmsplice);

TEST_F(pool, never_shows_anothers_bytes)
{
	int64_t end = now_ns() + rounds(1000) * NS_PER_MS;
	struct stage *stage = &self->stage;
	pthread_t owner, brief;

	ASSERT_EQ(0, pthread_create(&owner, NULL, own, stage));
	ASSERT_EQ(0, pthread_create(&brief, NULL, own_briefly, stage));
	/* A busy machine takes its time for buffers to change owners at all. */
	while (now_ns() < end || stage->rounds < ROUNDS || stage->tries < ROUNDS)
		variant->look(stage);
	atomic_store(&stage->stop, true);
	pthread_join(owner, NULL);
	pthread_join(brief, NULL);
	ASSERT_EQ(0, stage->seen);
}

/* Before what another user left is cleared, nobody sees it, by no thread's haste. */
TEST(cleared_before_it_can_be_seen)
{
	/* Large, so that clearing takes its time: a slow kernel takes as long for less. */
	const size_t stride = slowness() > 1 ? 16 * MIB : 64 * MIB;
	int fd = new_isolated_pool(stride, 1), share_fd = share(fd, 0), unbound, i;
	char *map = map_pool(fd, stride);
	int looking[2];

	ASSERT_EQ(0, pipe(looking));
	unbound = open(DEVICE, O_RDWR);
	for (i = 0; i < 5; i++) {
		pid_t child;
		char byte;

		ASSERT_EQ(0, get_wait(fd));
		memset(map, OURS, stride);
		child = fork();
		if (!child) {
			int number;
			volatile char *seen;

			close(fd);
			MUST(!become_nobody());
			MUST(!attach(unbound, share_fd, 0));
			seen = map_pool(unbound, stride);
			/* The same handle's other process gets what this one looks at. */
			if (!fork()) {
				get_wait(unbound);
				_exit(0);
			}
			number = byte_at(seen + stride - 1);
			MUST(write(looking[1], "", 1) == 1);
			while (number == -1)
				number = byte_at(seen + stride - 1);
			_exit(number == 0 ? 0 : 1);
		}
		ASSERT_EQ(1, read(looking[0], &byte, 1));
		ASSERT_EQ(0, put_one(fd, 0));
		ASSERT_EQ(0, wait_status(child));
		close(unbound);
		unbound = open(DEVICE, O_RDWR);
	}
	close(unbound);
	close(share_fd);
	munmap(map, stride);
	close(fd);
}

#define PARCELS 64

static void *transfer_all(void *arg)
{
	const int *fds = arg;
	struct zcpool_item items[PARCELS];
	uint32_t to = number_of(fds[1]), i;

	for (i = 0; i < PARCELS; i++)
		items[i] = (struct zcpool_item){ .index = i };
	transfer(fds[0], to, items, PARCELS, NULL);
	return NULL;
}

/* Nothing is lost on its way to who goes away. */
TEST(a_receiver_that_goes_meanwhile)
{
	int fd = new_isolated_pool(STRIDE, PARCELS), round, i;
	char *map = map_pool(fd, PARCELS * STRIDE);
	uint32_t indices[PARCELS];
	struct zcpool_query q;

	for (round = 0; round < rounds(100); round++) {
		int fds[2] = { fd, attach_another(fd, 0) };
		pthread_t thread;

		ASSERT_GE(fds[1], 0);
		for (i = 0; i < PARCELS; i++)
			ASSERT_GE(get_wait(fd), 0);
		/* What is mapped takes longer. */
		for (i = 0; i < PARCELS; i++)
			map[i * STRIDE] = 1;
		ASSERT_EQ(0, pthread_create(&thread, NULL, transfer_all, fds));
		usleep(round * slowness() * 20);
		close(fds[1]);
		pthread_join(thread, NULL);
		for (i = 0; i < PARCELS; i++)
			put_one(fd, i);
		ASSERT_EQ(0, query(fd, &q));
		ASSERT_EQ(PARCELS, q.unowned);
	}
	ASSERT_EQ(PARCELS, get_many(fd, indices, PARCELS, 0, 0));
	munmap(map, PARCELS * STRIDE);
	close(fd);
}

/* One call of each kind after the other, until killed in one of them. */
static void work_until_killed(int fd, uint32_t peer)
{
	struct zcpool_item items[8];
	struct zcpool_element element;
	char *map = map_pool(fd, 8 * STRIDE), bytes[64];
	int pipes[2], pair[2], index;
	loff_t offset;

	MUST(!pipe(pipes) && !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	for (;;) {
		index = get_now(fd);
		if (index >= 0) {
			map[index * STRIDE] = 1;
			pwrite(fd, bytes, sizeof(bytes), index * STRIDE);
			pread(fd, bytes, sizeof(bytes), index * STRIDE);
			offset = index * STRIDE;
			splice(fd, &offset, pipes[1], NULL, STRIDE, SPLICE_F_NONBLOCK);
			element = slice(index * STRIDE, STRIDE);
			send_vector(fd, pair[0], &element, 1, ZCPOOL_SEND_F_DONTWAIT, NULL);
			items[0] = (struct zcpool_item){ .index = index };
			while (read(pipes[0], bytes, sizeof(bytes)) == sizeof(bytes))
				if (recv(pair[1], bytes, sizeof(bytes), MSG_DONTWAIT) < 0)
					break;
			if (transfer(fd, peer, items, 1, NULL))
				put_one(fd, index);
		}
		index = receive_now(fd, items, 8);
		while (index > 0)
			put_one(fd, items[--index].index);
	}
}

/*
 * A process with a handle of its own, killed at any moment, loses its own buffers to the
 * pool, and nobody else's; those others go on meanwhile.
 */
TEST(killed_anywhere)
{
	int fd = new_isolated_pool(STRIDE, 8), share_fd = share(fd, 0), round, i;
	uint32_t ours[2], freed[8];
	struct zcpool_query q;
	struct zcpool_item item;
	char *map = map_pool(fd, 8 * STRIDE);

	ASSERT_EQ(2, get_many(fd, ours, 2, 0, 0));
	for (round = 0; round < rounds(100); round++) {
		pid_t child = fork();
		int64_t end;

		if (!child) {
			int own_fd = attach_by(share_fd, 0);

			if (round % 2)
				MUST(!become_nobody());
			close(fd);
			work_until_killed(own_fd, 1);
		}
		memset(map + ours[0] * STRIDE, round, STRIDE);
		end = now_ns() + 5 * NS_PER_MS + round * slowness() * 300000;
		while (now_ns() < end) {
			if (receive_now(fd, &item, 1) == 1)
				ASSERT_EQ(0, put_one(fd, item.index));
			i = get_now(fd);
			if (i >= 0)
				ASSERT_EQ(0, put_one(fd, i));
		}
		kill(child, SIGKILL);
		wait_status(child);
		while (receive_now(fd, &item, 1) == 1)
			ASSERT_EQ(0, put_one(fd, item.index));
		ASSERT_EQ(0, query(fd, &q));
		ASSERT_EQ(2, q.owned);
		ASSERT_EQ(2, q.owned_total);
		ASSERT_EQ(round & 0xff, byte_at(map + ours[0] * STRIDE + STRIDE - 1));
	}
	/* All of them are there still, and free. */
	for (i = 0; i < 6; i++) {
		int index = get_wait(fd);

		ASSERT_GE(index, 0);
		freed[i] = index;
	}
	ASSERT_EQ(0, put_many(fd, freed, 6, NULL));
	ASSERT_EQ(0, put_many(fd, ours, 2, NULL));
	munmap(map, 8 * STRIDE);
	close(share_fd);
	close(fd);
}

TEST_HARNESS_MAIN
