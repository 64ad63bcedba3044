// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to the edu device: their order, their completions, how they are cancelled, and
 * what is wrong with some.
 */
#include <pthread.h>

#include "edu.h"

#include "harness.h"

/* As long as a request may be: more than 25 s. */
#define SIZE MIB

FIXTURE(edu)
{
	struct edu edu;
	struct zcpool_edu_query query;
};

FIXTURE_SETUP(edu)
{
	ASSERT_TRUE(edu_begin(&self->edu, SIZE, 1));
	memset(&self->query, 0, sizeof(self->query));
	ASSERT_EQ(0, zcpool_edu_query(self->edu.fd, &self->query));
}

FIXTURE_TEARDOWN(edu)
{
	edu_end(&self->edu);
}

TEST_F(edu, limits)
{
	ASSERT_EQ(ZCPOOL_EDU_ABI_VERSION, self->query.abi_version);
	ASSERT_EQ(0, self->query.flags);
	ASSERT_EQ(4095, self->query.memory_size);
	ASSERT_EQ(edu_bits(), self->query.dma_bits);
	ASSERT_EQ(MIB, self->query.max_length);
	ASSERT_EQ(64, self->query.queue_limit);
	ASSERT_EQ(64, self->query.max_imports);
	ASSERT_EQ(1, self->query.imports);
	ASSERT_EQ(0, self->query.queued);
	ASSERT_EQ(0, self->query.completed);
	ASSERT_EQ(10000, self->query.timeout_ms);
}

TEST_F(edu, query_counts)
{
	struct zcpool_edu_query query = { 0 };

	ASSERT_EQ(0, edu_occupy(&self->edu, 1, 0));
	ASSERT_EQ(0, submit_now(&self->edu, 2, 1));
	ASSERT_EQ(1, zcpool_edu_cancel(self->edu.fd, 2, 0));
	ASSERT_EQ(0, zcpool_edu_query(self->edu.fd, &query));
	EXPECT_EQ(1, query.queued);
	EXPECT_EQ(1, query.completed);
	ASSERT_EQ(2, edu_wait(&self->edu).cookie);
}

TEST_F(edu, in_order)
{
	struct zcpool_edu_completion completions[10];
	uint64_t cookie;
	int taken = 0;

	for (cookie = 0; cookie < 10; cookie++)
		ASSERT_EQ(0, submit_now(&self->edu, cookie, 1 + cookie));
	while (taken < 10) {
		int more = zcpool_edu_complete(self->edu.fd, completions + taken, 10 - taken, -1);

		ASSERT_GT(more, 0);
		taken += more;
	}
	for (cookie = 0; cookie < 10; cookie++) {
		EXPECT_EQ(cookie, completions[cookie].cookie);
		EXPECT_EQ(1 + cookie, completions[cookie].done);
		EXPECT_EQ(0, completions[cookie].result);
		EXPECT_EQ(0, completions[cookie].reserved);
	}
}

/* One file writes to the device, then another, then the first one reads. */
TEST_F(edu, in_order_of_all_files)
{
	struct edu other;

	ASSERT_TRUE(edu_begin(&other, SIZE, 1));
	edu_fill(self->edu.map, 1000, 1);
	edu_fill(other.map, 500, 2);
	ASSERT_EQ(0, edu_submit(&self->edu, 1, 0, 1000, 0, 0));
	ASSERT_EQ(0, edu_submit(&other, 1, 0, 500, 0, 0));
	ASSERT_EQ(0, edu_submit(&self->edu, 2, 2000, 1000, 0, FROM_DEVICE));
	ASSERT_EQ(1, edu_wait(&self->edu).cookie);
	ASSERT_EQ(2, edu_wait(&self->edu).cookie);
	ASSERT_EQ(1, edu_wait(&other).cookie);
	EXPECT_EQ(500, edu_same(self->edu.map + 2000, 500, 2));
	EXPECT_EQ(0, memcmp(self->edu.map + 500, self->edu.map + 2500, 500));
	/* Completions are the file's own. */
	ASSERT_EQ(-EAGAIN, take_now(&other, &(struct zcpool_edu_completion){ 0 }, 1));
	edu_end(&other);
}

/* A memory that is released while a request has it; then the pool has it back. */
TEST_F(edu, released_while_in_use)
{
	ASSERT_EQ(0, edu_occupy(&self->edu, 1, 0));
	ASSERT_EQ(0, submit_now(&self->edu, 2, 100));
	ASSERT_EQ(0, zcpool_edu_release(self->edu.fd, self->edu.memory));
	close(self->edu.dmabuf);
	ASSERT_EQ(-ENOENT, submit_now(&self->edu, 3, 100));
	ASSERT_EQ(-ENOENT, zcpool_edu_release(self->edu.fd, self->edu.memory));
	EXPECT_EQ(1, holder_of(self->edu.pool, 0).exports);
	ASSERT_EQ(-EAGAIN, get_now(self->edu.pool));
	ASSERT_EQ(1, zcpool_edu_cancel(self->edu.fd, 1, 0));
	ASSERT_EQ(1, edu_wait(&self->edu).cookie);
	ASSERT_EQ(0, edu_wait(&self->edu).result);
	ASSERT_TRUE(edu_let_go(&self->edu));
	ASSERT_EQ(0, get_now(self->edu.pool));
}

TEST_F(edu, many_memories)
{
	struct zcpool_edu_query query = { 0 };
	uint32_t i;

	for (i = 1; i < self->query.max_imports; i++)
		ASSERT_EQ(i, zcpool_edu_import(self->edu.fd, self->edu.dmabuf));
	ASSERT_EQ(-EMFILE, zcpool_edu_import(self->edu.fd, self->edu.dmabuf));
	ASSERT_EQ(0, zcpool_edu_release(self->edu.fd, 17));
	ASSERT_EQ(17, zcpool_edu_import(self->edu.fd, self->edu.dmabuf));
	ASSERT_EQ(0, zcpool_edu_query(self->edu.fd, &query));
	EXPECT_EQ(self->query.max_imports, query.imports);
	self->edu.memory = self->query.max_imports - 1;
	EXPECT_EQ(0, edu_move(&self->edu, 0, 1, 0, 0));
}

TEST_F(edu, import_errors)
{
	struct zcpool_edu_import import = { .fd = self->edu.dmabuf, .flags = 1 };
	struct zcpool_edu_release release = { .flags = 1 };
	struct zcpool_edu_query query = { .flags = 1 };

	ASSERT_EQ(-EBADF, zcpool_edu_import(self->edu.fd, -1));
	ASSERT_EQ(-EBADF, zcpool_edu_import(self->edu.fd, 1000));
	ASSERT_EQ(-EINVAL, zcpool_edu_import(self->edu.fd, self->edu.pool));
	ASSERT_EQ(-1, ioctl(self->edu.fd, ZCPOOL_EDU_IOC_IMPORT, &import));
	ASSERT_EQ(EINVAL, errno);
	import.flags = 0;
	import.reserved = 1;
	ASSERT_EQ(-1, ioctl(self->edu.fd, ZCPOOL_EDU_IOC_IMPORT, &import));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-ENOENT, zcpool_edu_release(self->edu.fd, 1));
	ASSERT_EQ(-ENOENT, zcpool_edu_release(self->edu.fd, self->query.max_imports));
	ASSERT_EQ(-ENOENT, zcpool_edu_release(self->edu.fd, UINT32_MAX));
	ASSERT_EQ(-1, ioctl(self->edu.fd, ZCPOOL_EDU_IOC_RELEASE, &release));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-EINVAL, zcpool_edu_query(self->edu.fd, &query));
}

TEST_F(edu, import_tells_the_size)
{
	struct zcpool_edu_import import = { .fd = self->edu.dmabuf };

	ASSERT_EQ(0, ioctl(self->edu.fd, ZCPOOL_EDU_IOC_IMPORT, &import));
	ASSERT_EQ(SIZE, import.size);
	ASSERT_EQ(1, import.memory);
}

TEST_F(edu, submit_errors)
{
	const uint32_t size = self->query.memory_size;
	const struct edu *edu = &self->edu;
	struct edu other = *edu;
	struct zcpool_edu_submit submit = { .length = 1, .reserved = 1 };

	ASSERT_EQ(-EINVAL, edu_submit(edu, 1, 0, 0, 0, 0));
	ASSERT_EQ(-EINVAL, edu_submit(edu, 1, 0, 1, 0, 4));
	ASSERT_EQ(-EINVAL, zcpool_edu_submit(edu->fd, &submit));
	ASSERT_EQ(-EMSGSIZE, edu_submit(edu, 1, 0, self->query.max_length + 1, 0, 0));
	ASSERT_EQ(-EMSGSIZE, edu_submit(edu, 1, 0, UINT64_MAX, 0, 0));
	/* Not a byte of these is moved, nor may QEMU end with an error. */
	ASSERT_EQ(-ERANGE, edu_submit(edu, 1, 0, 1, size, 0));
	ASSERT_EQ(-ERANGE, edu_submit(edu, 1, 0, 1, 4096, 0));
	ASSERT_EQ(-ERANGE, edu_submit(edu, 1, 0, 1, UINT32_MAX, 0));
	ASSERT_EQ(-ERANGE, edu_submit(edu, 1, SIZE, 1, 0, 0));
	ASSERT_EQ(-ERANGE, edu_submit(edu, 1, SIZE - 1, 2, 0, 0));
	ASSERT_EQ(-ERANGE, edu_submit(edu, 1, 1, SIZE, 0, 0));
	ASSERT_EQ(-ERANGE, edu_submit(edu, 1, UINT64_MAX, 1, 0, 0));
	ASSERT_EQ(-ERANGE, edu_submit(edu, 1, UINT64_MAX - 99, 100, 0, FROM_DEVICE));
	other.memory = 1;
	ASSERT_EQ(-ENOENT, edu_submit(&other, 1, 0, 1, 0, 0));
	other.memory = self->query.max_imports;
	ASSERT_EQ(-ENOENT, edu_submit(&other, 1, 0, 1, 0, 0));
	other.memory = -1;
	ASSERT_EQ(-ENOENT, edu_submit(&other, 1, 0, 1, 0, 0));
	/* Nothing was queued, and the room that they took is there again. */
	ASSERT_EQ(-ENOENT, cancel_all(edu));
	ASSERT_EQ(0, zcpool_edu_query(edu->fd, &self->query));
	ASSERT_EQ(0, self->query.queued + self->query.completed);
}

TEST_F(edu, complete_errors)
{
	struct zcpool_edu_completion completion;
	struct zcpool_edu_complete good = {
		.completions = (uintptr_t)&completion,
		.count = 1,
		.flags = ZCPOOL_EDU_COMPLETE_F_NONBLOCK,
		.entry_size = sizeof(completion),
	};
	struct zcpool_edu_complete arg;

#define EXPECT_INVALID(change) \
	do { \
		arg = good; \
		arg.change; \
		EXPECT_EQ(-1, ioctl(self->edu.fd, ZCPOOL_EDU_IOC_COMPLETE, &arg)); \
		EXPECT_EQ(EINVAL, errno); \
	} while (0)
	EXPECT_INVALID(count = 0);
	EXPECT_INVALID(flags = 2);
	EXPECT_INVALID(reserved = 1);
	EXPECT_INVALID(entry_size = sizeof(completion) - 1);
	EXPECT_INVALID(entry_size = 4097);
	ASSERT_EQ(-1, ioctl(self->edu.fd, ZCPOOL_EDU_IOC_COMPLETE, &good));
	ASSERT_EQ(EAGAIN, errno);
}

/* Entries of another size than the kernel's. */
TEST_F(edu, larger_completions)
{
	struct {
		struct zcpool_edu_completion completion;
		uint64_t more[2];
	} entries[2];
	struct zcpool_edu_complete arg = {
		.completions = (uintptr_t)entries,
		.count = 2,
		.entry_size = sizeof(entries[0]),
	};

	memset(entries, 0xff, sizeof(entries));
	ASSERT_EQ(0, edu_occupy(&self->edu, 1, 0));
	ASSERT_EQ(0, submit_now(&self->edu, 2, 1));
	ASSERT_EQ(0, submit_now(&self->edu, 3, 1));
	ASSERT_EQ(1, zcpool_edu_cancel(self->edu.fd, 2, 0));
	ASSERT_EQ(1, zcpool_edu_cancel(self->edu.fd, 3, 0));
	ASSERT_EQ(0, ioctl(self->edu.fd, ZCPOOL_EDU_IOC_COMPLETE, &arg));
	ASSERT_EQ(2, arg.count);
	EXPECT_EQ(2, entries[0].completion.cookie);
	EXPECT_EQ(3, entries[1].completion.cookie);
	EXPECT_EQ(0, entries[0].more[0] | entries[0].more[1]);
	EXPECT_EQ(0, entries[1].more[0] | entries[1].more[1]);
}

/* What cannot be told is not lost. */
TEST_F(edu, completions_that_cannot_be_written)
{
	struct zcpool_edu_completion *entries;
	char *pages =
		mmap(NULL, 8 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct zcpool_edu_complete *arg = (void *)pages;
	uint64_t cookie;

	for (cookie = 0; cookie < 4; cookie++)
		ASSERT_EQ(0, submit_now(&self->edu, cookie, 1));
	while (self->query.completed < 4) {
		usleep(10000);
		ASSERT_EQ(0, zcpool_edu_query(self->edu.fd, &self->query));
	}
	ASSERT_EQ(-EFAULT, take_now(&self->edu, nowhere, 4));
	/* The third entry is beyond the end. */
	ASSERT_EQ(0, munmap(pages + 4 * KIB, 4 * KIB));
	entries = (void *)(pages + 4 * KIB - 2 * sizeof(*entries));
	ASSERT_EQ(-EFAULT, take_now(&self->edu, entries, 4));
	/* The entries can be written, but not how many they are. */
	*arg = (struct zcpool_edu_complete){
		.completions = (uintptr_t)&self->query,
		.count = 1,
		.entry_size = sizeof(*entries),
	};
	ASSERT_EQ(0, mprotect(pages, 4 * KIB, PROT_READ));
	ASSERT_EQ(-1, ioctl(self->edu.fd, ZCPOOL_EDU_IOC_COMPLETE, arg));
	ASSERT_EQ(EFAULT, errno);
	for (cookie = 0; cookie < 4; cookie++)
		ASSERT_EQ(cookie, edu_wait(&self->edu).cookie);
	ASSERT_EQ(-EAGAIN, take_now(&self->edu, &(struct zcpool_edu_completion){ 0 }, 1));
}

TEST_F(edu, cancel_what_has_not_begun)
{
	struct zcpool_edu_completion completion;
	uint64_t done[2], cookie;
	struct edu other;

	ASSERT_TRUE(edu_begin(&other, 8 * KIB, 1));
	edu_fill(other.map, 100, 1);
	ASSERT_EQ(0, edu_move(&other, 0, 100, 0, 0));
	/* The first one only looks; each of the others would change the device. */
	ASSERT_EQ(0, edu_occupy(&self->edu, 0, FROM_DEVICE));
	for (cookie = 1; cookie <= 20; cookie++)
		ASSERT_EQ(0, edu_submit(&self->edu, cookie % 20, 1000, 100, 0, 0));
	for (cookie = 19; cookie > 0; cookie--) {
		ASSERT_EQ(1, zcpool_edu_cancel(self->edu.fd, cookie, 0));
		completion = edu_wait(&self->edu);
		EXPECT_EQ(cookie, completion.cookie);
		EXPECT_EQ(0, completion.done);
		EXPECT_EQ(-ECANCELED, completion.result);
	}
	/* Two have one cookie: one of them runs, and ends with its transfer, maybe at once. */
	ASSERT_EQ(2, zcpool_edu_cancel(self->edu.fd, 0, 0));
	done[0] = edu_wait(&self->edu).done;
	done[1] = edu_wait(&self->edu).done;
	EXPECT_TRUE(!done[0] != !done[1]);
	ASSERT_EQ(0, edu_move(&other, 200, 100, 0, FROM_DEVICE));
	EXPECT_EQ(100, edu_same(other.map + 200, 100, 1));
	edu_end(&other);
}

TEST_F(edu, cancel_what_has_begun)
{
	struct zcpool_edu_completion completion;

	ASSERT_EQ(0, edu_occupy(&self->edu, 1, 0));
	ASSERT_EQ(1, zcpool_edu_cancel(self->edu.fd, 1, 0));
	completion = edu_wait(&self->edu);
	EXPECT_EQ(-ECANCELED, completion.result);
	EXPECT_LT(0, completion.done);
	EXPECT_GT(SIZE, completion.done);
	/* Whole transfers, all of the device's memory. */
	EXPECT_EQ(0, completion.done % self->query.memory_size);
	EXPECT_EQ(-ENOENT, zcpool_edu_cancel(self->edu.fd, 1, 0));
}

TEST_F(edu, cancel_everything)
{
	struct zcpool_edu_completion completion;
	uint64_t seen = 0;
	uint32_t i;

	ASSERT_EQ(self->query.queue_limit, fill_queue(&self->edu));
	ASSERT_EQ(self->query.queue_limit, cancel_all(&self->edu));
	/* The one that runs is told again, until it is over. */
	EXPECT_GE(1, cancel_all(&self->edu));
	/* It may be over before the first of the others is told. */
	for (i = 0; i < self->query.queue_limit; i++) {
		completion = edu_wait(&self->edu);
		ASSERT_GT(64, completion.cookie);
		EXPECT_EQ(-ECANCELED, completion.result);
		EXPECT_EQ(!completion.cookie, !!completion.done);
		seen |= 1ULL << completion.cookie;
	}
	EXPECT_EQ(UINT64_MAX, seen);
}

TEST_F(edu, cancel_the_last_transfer)
{
	struct zcpool_edu_completion completion;

	ASSERT_EQ(0, edu_start(&self->edu, 2, 10, 0));
	/* Also if it is over by now, on a slow machine. */
	zcpool_edu_cancel(self->edu.fd, 2, 0);
	completion = edu_wait(&self->edu);
	EXPECT_EQ(0, completion.result);
	EXPECT_EQ(10, completion.done);
}

TEST_F(edu, cancel_errors)
{
	struct zcpool_edu_cancel cancel = { .count = 1 };
	struct edu other;

	ASSERT_EQ(-ENOENT, zcpool_edu_cancel(self->edu.fd, 1, 0));
	ASSERT_EQ(-ENOENT, cancel_all(&self->edu));
	ASSERT_EQ(-EINVAL, zcpool_edu_cancel(self->edu.fd, 0, 2));
	ASSERT_EQ(-EINVAL, zcpool_edu_cancel(self->edu.fd, 1, ZCPOOL_EDU_CANCEL_F_ALL));
	ASSERT_EQ(-1, ioctl(self->edu.fd, ZCPOOL_EDU_IOC_CANCEL, &cancel));
	ASSERT_EQ(EINVAL, errno);
	/* The requests of another file are out of reach. */
	ASSERT_TRUE(edu_begin(&other, SIZE, 1));
	ASSERT_EQ(0, submit_now(&self->edu, 1, 1));
	ASSERT_EQ(0, submit_now(&self->edu, 2, 1));
	ASSERT_EQ(-ENOENT, cancel_all(&other));
	ASSERT_EQ(-ENOENT, zcpool_edu_cancel(other.fd, 2, 0));
	EXPECT_EQ(0, edu_wait(&self->edu).result);
	EXPECT_EQ(0, edu_wait(&self->edu).result);
	edu_end(&other);
}

/* Threads that share a file: each request has one completion, whoever takes it. */
#define THREADS 4
#define ROUNDS 8
#define REQUESTS (THREADS * ROUNDS)

struct thread {
	pthread_t thread;
	struct edu *edu;
	int number;
	int taken;
	int error;
	uint64_t seen;
};

static void *run_thread(void *arg)
{
	struct thread *thread = arg;
	int i;

	for (i = 0; i < ROUNDS && !thread->error; i++) {
		int bit = thread->number * ROUNDS + i;
		struct zcpool_edu_completion completion;

		thread->error = edu_submit(thread->edu, bit, bit * KIB, 1, bit, i % 2);
		if (i % 3 == 2)
			zcpool_edu_cancel(thread->edu->fd, bit, 0);
		completion = edu_wait(thread->edu);
		if (completion.cookie >= 64 || (thread->seen & (1ULL << completion.cookie)))
			thread->error = -EPROTO;
		else
			thread->seen |= 1ULL << completion.cookie;
	}
	return NULL;
}

TEST_F_TIMEOUT(edu, threads, EDU_SECONDS(REQUESTS))
{
	struct thread threads[THREADS];
	uint64_t seen = 0;
	int i;

	for (i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){ .edu = &self->edu, .number = i };
		ASSERT_EQ(0, pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]));
	}
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i].thread, NULL));
		EXPECT_EQ(0, threads[i].error);
		EXPECT_EQ(0, seen & threads[i].seen);
		seen |= threads[i].seen;
	}
	EXPECT_EQ((1ULL << REQUESTS) - 1, seen);
}

TEST_HARNESS_MAIN
