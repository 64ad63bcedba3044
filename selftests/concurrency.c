// SPDX-License-Identifier: GPL-2.0-only
/* Many threads and processes at one pool: no buffer has two owners, none is lost. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "util.h"

#include "harness.h"

#define COUNT 24
#define BUFFER (8 * KIB)
#define THREADS 6
#define ROUNDS 300

static int pool_fd;
static char *pool_map;
static atomic_int owners[COUNT];
static atomic_int clashes;

static unsigned int next_random(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 16;
}

/* Get a few, mark them, do something with some, put them. */
static void *owner_thread(void *arg)
{
	unsigned int state = (uintptr_t)arg;
	int pipes[2], round;

	if (pipe(pipes))
		return (void *)1;
	for (round = 0; round < ROUNDS; round++) {
		uint32_t indices[4];
		int i, got;

		got = get_many(pool_fd, indices, 1 + next_random(&state) % 4, 0, 0);
		if (got < 1)
			return (void *)2;
		for (i = 0; i < got; i++) {
			loff_t offset = indices[i] * BUFFER + next_random(&state) % 1000;
			char sink[256];

			if (atomic_fetch_add(&owners[indices[i]], 1))
				atomic_fetch_add(&clashes, 1);
			pool_map[indices[i] * BUFFER] = round;
			if (next_random(&state) % 3 == 0) {
				if (splice(pool_fd, &offset, pipes[1], NULL, 256, 0) != 256 ||
				    read_full(pipes[0], sink, 256) != 256)
					return (void *)3;
			}
			atomic_fetch_sub(&owners[indices[i]], 1);
		}
		if (put_many(pool_fd, indices, got, NULL))
			return (void *)4;
	}
	close(pipes[0]);
	close(pipes[1]);
	return NULL;
}

/* Meanwhile page tables come and go while GET looks. */
static void *mapper_thread(void *stop)
{
	while (!atomic_load((atomic_int *)stop)) {
		char *map = map_pool(pool_fd, COUNT * BUFFER);
		int i;

		if (map == MAP_FAILED)
			return (void *)1;
		for (i = 0; i < COUNT; i++)
			if (map[i * BUFFER] == 127)
				sched_yield();
		munmap(map, COUNT * BUFFER);
	}
	return NULL;
}

TEST(threads_exclude_each_other)
{
	pthread_t threads[THREADS], mapper;
	atomic_int stop = 0;
	struct zcpool_query q;
	void *result;
	long i;

	pool_fd = new_pool(BUFFER, COUNT);
	pool_map = map_pool(pool_fd, COUNT * BUFFER);
	ASSERT_NE(MAP_FAILED, pool_map);
	ASSERT_EQ(0, pthread_create(&mapper, NULL, mapper_thread, &stop));
	for (i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, owner_thread, (void *)(i + 1)));
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &result));
		EXPECT_EQ(NULL, result);
	}
	atomic_store(&stop, 1);
	ASSERT_EQ(0, pthread_join(mapper, &result));
	EXPECT_EQ(NULL, result);
	EXPECT_EQ(0, clashes);
	ASSERT_EQ(0, query(pool_fd, &q));
	EXPECT_EQ(0, q.owned_total);
	/* None is lost. */
	for (i = 0; i < COUNT; i++)
		EXPECT_GE(get_wait(pool_fd), 0);
}

/* One message from a reader thread's point of view: all words are its number. */
static void *reader_thread(void *socket)
{
	uint64_t data[BUFFER / 8], first, i;

	while (read_full(*(int *)socket, data, BUFFER) == BUFFER) {
		first = data[0];
		for (i = 0; i < BUFFER / 8; i++)
			if (data[i] != first)
				return (void *)1;
	}
	return NULL;
}

struct sender {
	int socket;
	unsigned int seed;
};

static void *sender_thread(void *arg)
{
	struct sender *sender = arg;
	uint64_t round, i;

	for (round = 0; round < 100; round++) {
		int index = get_wait(pool_fd);
		uint64_t *words;
		off_t offset;

		if (index < 0)
			return (void *)1;
		words = (void *)(pool_map + index * BUFFER);
		for (i = 0; i < BUFFER / 8; i++)
			words[i] = round << 32 | sender->seed;
		offset = (off_t)index * BUFFER;
		if (sendfile(sender->socket, pool_fd, &offset, BUFFER) != BUFFER ||
		    put_one(pool_fd, index))
			return (void *)2;
	}
	shutdown(sender->socket, SHUT_WR);
	return NULL;
}

TEST(senders_share_a_small_pool)
{
	pthread_t senders[2], readers[2];
	int pairs[2][2], i;
	struct sender args[2];
	void *result;

	pool_fd = new_pool(BUFFER, 5);
	pool_map = map_pool(pool_fd, 5 * BUFFER);
	ASSERT_NE(MAP_FAILED, pool_map);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, tcp_pair(pairs[i]));
		args[i] = (struct sender){ pairs[i][0], i + 1 };
		ASSERT_EQ(0, pthread_create(&readers[i], NULL, reader_thread, &pairs[i][1]));
		ASSERT_EQ(0, pthread_create(&senders[i], NULL, sender_thread, &args[i]));
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(senders[i], &result));
		EXPECT_EQ(NULL, result);
		ASSERT_EQ(0, pthread_join(readers[i], &result));
		EXPECT_EQ(NULL, result);
	}
}

/* Processes that share a handle are killed at any point, again and again. */
TEST(killed_sharers_leave_a_working_pool)
{
	struct zcpool_query q;
	int round, status, try;
	uint32_t i;

	pool_fd = new_pool(BUFFER, COUNT);
	pool_map = map_pool(pool_fd, COUNT * BUFFER);
	for (round = 0; round < 15; round++) {
		pid_t pid = fork();

		if (!pid) {
			owner_thread((void *)(uintptr_t)(round + 1));
			_exit(0);
		}
		/* Its first ones, if it is seen to have any. */
		for (try = 0; try < 10000 && !query(pool_fd, &q) && !q.owned_total; try++)
			sched_yield();
		usleep(round * 200);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		/* What it owned is the handle's: put all of it. */
		for (i = 0; i < COUNT; i++)
			put_one(pool_fd, i);
		ASSERT_EQ(0, query(pool_fd, &q));
		ASSERT_EQ(0, q.owned_total);
	}
	for (i = 0; i < COUNT; i++)
		ASSERT_GE(get_wait(pool_fd), 0);
}

TEST_HARNESS_MAIN
