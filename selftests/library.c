// SPDX-License-Identifier: GPL-2.0-only
/* libzcpool does what its header says, one process, many threads, and forks. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "library.h"

#include "harness.h"

TEST(handle_and_geometry)
{
	struct zcpool_create arg = { .buffer_size = 12 * KIB, .count = 3 };
	struct zcpool *pool, *adopted;
	void *map;

	ASSERT_EQ(-EINVAL, zcpool_open(O_APPEND, &pool));
	ASSERT_EQ(0, zcpool_open(O_NONBLOCK, &pool));
	EXPECT_EQ(O_RDWR | O_NONBLOCK, fcntl(zcpool_fd(pool), F_GETFL) & (O_ACCMODE | O_NONBLOCK));
	EXPECT_EQ(FD_CLOEXEC, fcntl(zcpool_fd(pool), F_GETFD));
	EXPECT_EQ(0, zcpool_count(pool));
	EXPECT_EQ(0, zcpool_size(pool));
	EXPECT_EQ(-ENXIO, zcpool_map(pool, PROT_READ, &map));
	EXPECT_EQ(-ENXIO, zcpool_get(pool, &(uint32_t){ 0 }, 0));
	EXPECT_EQ(-ENXIO, zcpool_put(pool, 0));
	ASSERT_EQ(0, zcpool_create(pool, &arg));
	EXPECT_EQ(-EBUSY, zcpool_create(pool, &arg));
	EXPECT_EQ(3, zcpool_count(pool));
	EXPECT_EQ(16 * KIB, zcpool_stride(pool));
	EXPECT_EQ(48 * KIB, zcpool_size(pool));
	EXPECT_EQ(32 * KIB, zcpool_offset(pool, 2));
	EXPECT_EQ(NULL, zcpool_addr(pool, 0));
	ASSERT_EQ(0, zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	EXPECT_EQ((char *)map + 16 * KIB, (char *)zcpool_addr(pool, 1));

	ASSERT_EQ(-ENOTTY, zcpool_adopt(open("/dev/null", O_RDWR), &adopted));
	ASSERT_EQ(-EBADF, zcpool_adopt(-1, &adopted));
	ASSERT_EQ(0, zcpool_adopt(dup(zcpool_fd(pool)), &adopted));
	EXPECT_EQ(3, zcpool_count(adopted));
	EXPECT_EQ(16 * KIB, zcpool_stride(adopted));
	zcpool_close(adopted);
	zcpool_close(pool);
	zcpool_close(NULL);
}

/* Whoever has the handle may make its pool. */
TEST(geometry_is_learned)
{
	struct zcpool_create arg = { .buffer_size = 8 * KIB, .count = 3 };
	struct zcpool_slice *slice;
	struct zcpool *pool, *copy;
	uint32_t index;
	void *map;

	ASSERT_EQ(0, zcpool_open(0, &pool));
	ASSERT_EQ(0, zcpool_adopt(dup(zcpool_fd(pool)), &copy));
	ASSERT_EQ(-ENXIO, zcpool_slice_create(pool, 0, 0, 1, &slice));
	if (!fork())
		_exit(-zcpool_create(copy, &arg));
	ASSERT_EQ(0, wait_status(-1));
	ASSERT_EQ(-EBUSY, zcpool_create(pool, &arg));
	ASSERT_EQ(0, zcpool_get(pool, &index, 0));
	ASSERT_EQ(0, zcpool_put(copy, index));
	EXPECT_EQ(3, zcpool_count(pool));
	EXPECT_EQ(24 * KIB, zcpool_size(copy));
	EXPECT_EQ(0, zcpool_map(copy, PROT_READ, &map));
	zcpool_close(copy);
	zcpool_close(pool);
}

TEST(eventfd_and_holders)
{
	struct zcpool *pool = library_pool(8 * KIB, 4);
	struct zcpool_holder holders[4];
	uint32_t indices[2], first = 0;
	int event = eventfd(0, EFD_NONBLOCK);
	uint64_t value;

	ASSERT_EQ(-EINVAL, zcpool_eventfd(pool, zcpool_fd(pool)));
	ASSERT_EQ(0, zcpool_eventfd(pool, event));
	ASSERT_EQ(8, read(event, &value, 8));
	ASSERT_EQ(0, zcpool_eventfd(pool, -1));
	close(event);
	ASSERT_EQ(2, zcpool_get_batch(pool, indices, 2, 0));
	ASSERT_EQ(2, zcpool_holders(pool, holders, 4, ZCPOOL_HOLDERS_F_HELD, &first));
	EXPECT_EQ(indices[1], holders[1].index);
	ASSERT_EQ(4, first);
	ASSERT_EQ(-EINVAL, zcpool_holders(pool, holders, 4, 8, &first));
	first = 5;
	ASSERT_EQ(-ERANGE, zcpool_holders(pool, holders, 4, 0, &first));
	zcpool_close(pool);
}

TEST(batches)
{
	struct zcpool *pool = library_pool(8 * KIB, 10);
	uint32_t indices[12], put;

	ASSERT_NE(NULL, pool);
	ASSERT_EQ(10, zcpool_get_batch(pool, indices, 12, 0));
	ASSERT_EQ(-EAGAIN, zcpool_get_batch(pool, indices + 10, 1, 0));
	ASSERT_EQ(-ETIMEDOUT, zcpool_get_batch(pool, indices + 10, 1, NS_PER_MS));
	ASSERT_EQ(-EINVAL, zcpool_get_batch(pool, indices, 0, 0));
	indices[5] = 10;
	ASSERT_EQ(-ERANGE, zcpool_put_batch(pool, indices, 10, &put));
	ASSERT_EQ(5, put);
	ASSERT_EQ(-EPERM, zcpool_put_batch(pool, indices, 1, &put));
	ASSERT_EQ(0, put);
	ASSERT_EQ(-EINVAL, zcpool_put_batch(pool, indices, 0, &put));
	ASSERT_EQ(0, put);
	ASSERT_EQ(0, zcpool_put_batch(pool, indices + 6, 4, NULL));
	zcpool_close(pool);
}

TEST(every_buffer_of_any_pool)
{
	static const uint32_t counts[] = { 1, 2, 3, 16, 100, 1000 };
	size_t c;

	for (c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		struct zcpool *pool = library_pool(8 * KIB, counts[c]);
		char seen[1000] = { 0 };
		uint32_t i, index;

		ASSERT_NE(NULL, pool);
		for (i = 0; i < counts[c]; i++) {
			ASSERT_EQ(0, zcpool_get(pool, &index, 0));
			ASSERT_EQ(0, seen[index]++);
		}
		ASSERT_EQ(-EAGAIN, zcpool_get(pool, &index, 0));
		ASSERT_EQ(-ETIMEDOUT, zcpool_get(pool, &index, NS_PER_MS));
		for (i = 0; i < counts[c]; i++)
			ASSERT_EQ(0, zcpool_put(pool, i));
		/* What was just put comes back, by way of the kernel. */
		for (i = 0; i < counts[c]; i++)
			ASSERT_EQ(0, zcpool_get(pool, &index, 0));
		for (i = 0; i < counts[c]; i++)
			ASSERT_EQ(0, zcpool_put(pool, i));
		ASSERT_EQ(0, zcpool_flush(pool));
		ASSERT_EQ(0, kernel_owned(pool));
		zcpool_close(pool);
	}
}

TEST(put_errors)
{
	struct zcpool *pool = library_pool(8 * KIB, 2);
	uint32_t index;

	ASSERT_EQ(-ERANGE, zcpool_put(pool, 2));
	ASSERT_EQ(0, zcpool_get(pool, &index, 0));
	/* Put twice: the kernel says so, at the latest when it hears of it. */
	ASSERT_EQ(0, zcpool_put(pool, index));
	ASSERT_TRUE(zcpool_put(pool, index) == -EPERM || zcpool_flush(pool) == -EPERM);
	ASSERT_EQ(0, zcpool_get(pool, &index, 0));
	zcpool_close(pool);
}

/* A magazine saves calls, and never hands out what the kernel has not judged. */
TEST(a_put_buffer_in_flight_is_not_handed_out)
{
	struct zcpool *pool = library_pool(8 * KIB, 64);
	int pipes[2], i;
	uint32_t index, held;
	loff_t offset;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, zcpool_get(pool, &held, 0));
	offset = zcpool_offset(pool, held);
	ASSERT_EQ(1, splice(zcpool_fd(pool), &offset, pipes[1], NULL, 1, 0));
	ASSERT_EQ(0, zcpool_put(pool, held));
	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, zcpool_get(pool, &index, 0));
		ASSERT_NE(held, index);
		ASSERT_EQ(0, zcpool_put(pool, index));
	}
	zcpool_close(pool);
}

#define THREADS 8

static struct zcpool *shared;
static atomic_int *owners;
static atomic_int failures;

static void *stress_thread(void *arg)
{
	unsigned int state = (uintptr_t)arg;
	uint32_t index;
	int round;

	for (round = 0; round < 400; round++) {
		if (zcpool_get(shared, &index, -1) || atomic_fetch_add(&owners[index], 1))
			atomic_fetch_add(&failures, 1);
		state = state * 1103515245 + 12345;
		if (state >> 29 == 0)
			sched_yield();
		atomic_fetch_sub(&owners[index], 1);
		if (zcpool_put(shared, index))
			atomic_fetch_add(&failures, 1);
	}
	return NULL;
}

TEST(threads_share_without_starving)
{
	static const uint32_t counts[] = { 1, 2, 5, 16, 200 };
	pthread_t threads[THREADS];
	size_t c;
	long i;

	for (c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		shared = library_pool(8 * KIB, counts[c]);
		owners = calloc(counts[c], sizeof(*owners));
		for (i = 0; i < THREADS; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, stress_thread,
						    (void *)(i + 1)));
		for (i = 0; i < THREADS; i++)
			ASSERT_EQ(0, pthread_join(threads[i], NULL));
		ASSERT_EQ(0, failures);
		/* Exited threads left nothing in their magazines. */
		ASSERT_EQ(0, kernel_owned(shared));
		zcpool_close(shared);
		free(owners);
	}
}

#define GETTER "getter"

static void *get_one_thread(void *pool)
{
	uint32_t index;

	prctl(PR_SET_NAME, GETTER);
	return (void *)(long)zcpool_get(pool, &index, -1);
}

/* Free buffers in an idle thread's magazine are another thread's for the asking. */
TEST(magazines_are_emptied_for_a_waiter)
{
	struct zcpool *pool = library_pool(8 * KIB, 8);
	uint32_t indices[8], i;
	pthread_t thread;
	void *result;

	/* This thread's magazine holds some of all 8, got or put. */
	for (i = 0; i < 8; i++)
		ASSERT_EQ(0, zcpool_get(pool, &indices[i], 0));
	ASSERT_EQ(0, zcpool_put(pool, indices[0]));
	ASSERT_EQ(0, pthread_create(&thread, NULL, get_one_thread, pool));
	ASSERT_EQ(0, pthread_join(thread, &result));
	ASSERT_EQ(NULL, result);
	/* And what is put while another waits goes to the kernel at once. */
	ASSERT_EQ(-EAGAIN, zcpool_get(pool, &indices[0], 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, get_one_thread, pool));
	wait_threads_asleep(getpid(), GETTER, 1);
	ASSERT_EQ(0, zcpool_put(pool, indices[1]));
	ASSERT_EQ(0, pthread_join(thread, &result));
	ASSERT_EQ(NULL, result);
	zcpool_close(pool);
}

static void *get_batch_thread(void *pool)
{
	uint32_t indices[2];

	prctl(PR_SET_NAME, GETTER);
	return (void *)(long)zcpool_get_batch(pool, indices, 2, -1);
}

TEST(magazines_are_emptied_for_a_waiting_batch)
{
	struct zcpool *pool = library_pool(8 * KIB, 8);
	pthread_t thread;
	uint32_t index;
	void *result;

	/* Seven more are in this thread's magazine. */
	ASSERT_EQ(0, zcpool_get(pool, &index, 0));
	ASSERT_EQ(8, kernel_owned(pool));
	ASSERT_EQ(0, pthread_create(&thread, NULL, get_batch_thread, pool));
	ASSERT_EQ(0, pthread_join(thread, &result));
	ASSERT_EQ(2, (long)result);
	zcpool_close(pool);
}

/* A fork forgets who waits: the child's magazines work. */
TEST(fork_while_a_thread_waits)
{
	struct zcpool *pool = library_pool(8 * KIB, 8);
	uint32_t indices[8], index;
	pthread_t thread;
	void *result;

	ASSERT_EQ(8, zcpool_get_batch(pool, indices, 8, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, get_batch_thread, pool));
	wait_threads_asleep(getpid(), GETTER, 1);
	if (!fork()) {
		/* Kept in the child's magazine: the waiter is not the child's. */
		_exit(zcpool_put(pool, indices[0]) || kernel_owned(pool) != 8 ||
		      zcpool_flush(pool));
	}
	ASSERT_EQ(0, wait_status(-1));
	ASSERT_EQ(0, pthread_join(thread, &result));
	ASSERT_EQ(1, (long)result);
	ASSERT_EQ(0, zcpool_put_batch(pool, indices, 8, NULL));
	ASSERT_EQ(0, zcpool_get(pool, &index, 0));
	zcpool_close(pool);
}

/* The child has the handle, but none of what the parent's magazines hold. */
TEST(fork_empties_the_childs_magazines)
{
	struct zcpool *pool = library_pool(8 * KIB, 64);
	uint32_t first, index, before;
	int status, i;

	ASSERT_EQ(0, zcpool_get(pool, &first, 0));
	before = kernel_owned(pool);
	ASSERT_GT(before, 1);
	if (!fork()) {
		/* All that is left in the kernel, and not one more. */
		for (i = 0; zcpool_get(pool, &index, 0) == 0; i++)
			;
		_exit(i == 64 - (int)before ? 0 : 1);
	}
	wait(&status);
	ASSERT_EQ(0, status);
	/* The parent's magazine is as it was. */
	for (i = 1; i < (int)before; i++)
		ASSERT_EQ(0, zcpool_get(pool, &index, 0));
	ASSERT_EQ(-EAGAIN, zcpool_get(pool, &index, 0));
	zcpool_close(pool);
}

TEST(slices)
{
	struct zcpool *pool = library_pool(64 * KIB, 2);
	struct zcpool_slice *slice, *sub, *bad;
	uint32_t index;
	uint64_t done = 0;
	char back[4096];
	int pair[2];
	void *map;

	ASSERT_EQ(0, zcpool_get(pool, &index, 0));
	ASSERT_EQ(-ERANGE, zcpool_slice_create(pool, 2, 0, 1, &bad));
	ASSERT_EQ(-EINVAL, zcpool_slice_create(pool, index, 0, 64 * KIB + 1, &bad));
	ASSERT_EQ(-EINVAL, zcpool_slice_create(pool, index, 64 * KIB + 1, 1, &bad));
	ASSERT_EQ(-EINVAL, zcpool_slice_create(pool, index, UINT64_MAX, 2, &bad));
	ASSERT_EQ(-EINVAL, zcpool_slice_create(pool, index, 0, 0, &bad));
	ASSERT_EQ(0, zcpool_slice_create(pool, index, 1000, 8000, &slice));
	EXPECT_EQ(NULL, zcpool_slice_addr(slice));
	ASSERT_EQ(0, zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	EXPECT_EQ((char *)zcpool_addr(pool, index) + 1000, (char *)zcpool_slice_addr(slice));
	EXPECT_EQ(zcpool_offset(pool, index) + 1000, zcpool_slice_offset(slice));
	EXPECT_EQ(8000, zcpool_slice_length(slice));
	ASSERT_EQ(-EINVAL, zcpool_slice_sub(slice, 8000, 1, &bad));
	ASSERT_EQ(-EINVAL, zcpool_slice_sub(slice, 1, 8000, &bad));
	ASSERT_EQ(0, zcpool_slice_sub(slice, 500, 4096, &sub));
	EXPECT_EQ(zcpool_slice_offset(slice) + 500, zcpool_slice_offset(sub));

	/* The buffer is put by the last of its slices. */
	zcpool_slice_retain(slice);
	ASSERT_EQ(0, zcpool_slice_release(slice));
	ASSERT_EQ(0, zcpool_slice_release(slice));
	ASSERT_EQ(0, tcp_pair(pair));
	strcpy(zcpool_slice_addr(sub), "a slice");
	ASSERT_EQ(0, zcpool_slice_sendfile(sub, pair[0], &done));
	EXPECT_EQ(4096, done);
	ASSERT_EQ(4096, read_full(pair[1], back, 4096));
	EXPECT_STREQ("a slice", back);
	signal(SIGPIPE, SIG_IGN);
	done = 0;
	ASSERT_EQ(-EBADF, zcpool_slice_sendfile(sub, -1, &done));
	ASSERT_EQ(0, zcpool_flush(pool));
	ASSERT_EQ(1, kernel_owned(pool));
	ASSERT_EQ(0, zcpool_slice_release(sub));
	ASSERT_EQ(0, zcpool_flush(pool));
	ASSERT_EQ(0, kernel_owned(pool));
	zcpool_close(pool);
}

TEST(send_elements)
{
	struct zcpool *pool = library_pool(64 * KIB, 1);
	struct zcpool_element elements[] = {
		zcpool_element_bytes("header", 6),
		zcpool_element_slice(100, 1000),
	};
	struct zcpool_sent sent = { 99, 99 };
	long total = 0, before;
	char back[1100];
	int pair[2];
	void *map;

	ASSERT_EQ(0, zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	memset((char *)map + 100, 'b', 1000);
	ASSERT_EQ(0, tcp_pair(pair));
	ASSERT_EQ(0, zcpool_send(pool, pair[0], elements, 2, 0, &sent));
	EXPECT_EQ(1006, sent.bytes);
	EXPECT_EQ(0, sent.copied);
	ASSERT_EQ(1006, read_full(pair[1], back, 1006));
	EXPECT_EQ(0, memcmp(back, "header", 6));
	EXPECT_EQ(0, memcmp(back + 6, (char *)map + 100, 1000));
	ASSERT_EQ(0, zcpool_send(pool, pair[0], elements, 1, 0, NULL));
	ASSERT_EQ(6, recv(pair[1], back, sizeof(back), 0));

	sent.bytes = 99;
	EXPECT_EQ(-EINVAL, zcpool_send(pool, pair[0], elements, 0, 0, &sent));
	EXPECT_EQ(0, sent.bytes);
	EXPECT_EQ(-EBADF, zcpool_send(pool, -1, elements, 2, 0, NULL));
	EXPECT_EQ(-EINVAL, zcpool_send(pool, pair[0], elements, 2, 1U << 31, NULL));
	/* A part is a success. */
	elements[1] = zcpool_element_slice(0, 64 * KIB);
	do {
		before = total;
		while (!zcpool_send(pool, pair[0], elements, 2, ZCPOOL_SEND_F_DONTWAIT, &sent))
			total += sent.bytes;
		EXPECT_EQ(0, sent.bytes);
		while (!settled(pair[0]))
			usleep(1000);
	} while (total > before);
	EXPECT_EQ(-EAGAIN, zcpool_send(pool, pair[0], elements, 2, ZCPOOL_SEND_F_DONTWAIT, NULL));
	EXPECT_NE(0, total % (64 * KIB + 6));
	zcpool_close(pool);
}

/* Each allocation fails in its turn; nothing is lost. */
TEST(without_memory)
{
	struct zcpool *pool = library_pool(8 * KIB, 2), *other;
	struct zcpool_slice *slice, *sub;
	uint32_t index;

	allocations_left = 0;
	ASSERT_EQ(-ENOMEM, zcpool_open(0, &other));
	/* No magazine: one call each. */
	allocations_left = 0;
	ASSERT_EQ(0, zcpool_get(pool, &index, 0));
	ASSERT_EQ(1, kernel_owned(pool));
	allocations_left = 0;
	ASSERT_EQ(-ENOMEM, zcpool_slice_create(pool, index, 0, 10, &slice));
	allocations_left = 1;
	ASSERT_EQ(-ENOMEM, zcpool_slice_create(pool, index, 0, 10, &slice));
	ASSERT_EQ(0, zcpool_slice_create(pool, index, 0, 10, &slice));
	allocations_left = 0;
	ASSERT_EQ(-ENOMEM, zcpool_slice_sub(slice, 0, 1, &sub));
	allocations_left = 0;
	ASSERT_EQ(0, zcpool_slice_release(slice));
	ASSERT_EQ(-1, allocations_left);
	ASSERT_EQ(0, kernel_owned(pool));
	zcpool_close(pool);
}

TEST_HARNESS_MAIN
