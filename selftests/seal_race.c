// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEAL while everybody faults, writes, changes mappings, forks and makes views: from the
 * moment that it succeeds nothing changes until UNSEAL.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>

#include "export.h"
#include "seal.h"
#include "share.h"
#include "view.h"

#include "harness.h"

#define COUNT 2
#define DURATION_MS 3000
/*
 * On a slow kernel it is this that counts.  On a machine that is busy it takes longer; the
 * harness ends it if it takes for ever.
 */
#define SEALS_MIN 20UL

FIXTURE(raced)
{
	int fd;
};

FIXTURE_VARIANT(raced)
{
	uint64_t buffer;
};

VARIANT(raced, small, .buffer = 16 * KIB);
VARIANT(raced, huge, .buffer = 2 * MIB);
VARIANT(raced, two_folios, .buffer = 4 * MIB);

/* Of the threads, who are told that it is over. */
static int pool_fd;
static size_t buffer_size;
static atomic_bool over;
static atomic_ulong stores;

static bool goes_on(void)
{
	return !atomic_load(&over);
}

/* Some places in a pool: the first and the last pages of its buffers, and what is between. */
static size_t place(unsigned int *state)
{
	static const unsigned int parts = 8;

	*state = *state * 1103515245 + 12345;
	return (*state >> 16) % (COUNT * parts) * (buffer_size / parts) + (*state >> 20) % 64;
}

static void store_some(char *map, unsigned int *state, int times)
{
	while (times--)
		if (!store_byte(map + place(state), *state >> 24))
			atomic_fetch_add(&stores, 1);
}

static void *store_thread(void *unused)
{
	char *map = map_pool(pool_fd, COUNT * buffer_size);
	unsigned int state = 1;

	if (map == MAP_FAILED)
		return (void *)1;
	while (goes_on())
		store_some(map, &state, 100);
	munmap(map, COUNT * buffer_size);
	return NULL;
}

static void *write_thread(void *unused)
{
	unsigned int state = 2;

	while (goes_on()) {
		if (pwrite(pool_fd, &state, sizeof(state), place(&state)) > 0)
			atomic_fetch_add(&stores, 1);
		else if (errno != EPERM)
			return (void *)1;
	}
	return NULL;
}

/* A mapping for reading alone that becomes writable whenever it may, and back. */
static void *mprotect_thread(void *unused)
{
	size_t size = COUNT * buffer_size;
	char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, pool_fd, 0);
	unsigned int state = 3;

	if (map == MAP_FAILED)
		return (void *)1;
	while (goes_on()) {
		load_byte(map + place(&state));
		load_byte(map + place(&state));
		if (!mprotect(map, size, PROT_READ | PROT_WRITE))
			store_some(map, &state, 3);
		else if (errno != EACCES)
			return (void *)2;
		if (mprotect(map, size, PROT_READ))
			return (void *)3;
	}
	munmap(map, size);
	return NULL;
}

/* Private mappings, which fork() copies, and shared ones of views that come and go. */
static void *view_thread(void *unused)
{
	size_t size = COUNT * buffer_size;
	unsigned int state = 4;

	while (goes_on()) {
		int file = view(pool_fd, 0, size, ZCPOOL_VIEW_F_WRITABLE, 0600);
		char *own = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
		char *map = map_pool(file, size);
		pid_t pid;

		if (own == MAP_FAILED || map == MAP_FAILED)
			return (void *)1;
		close(file);
		load_byte(own + place(&state));
		store_byte(own + place(&state), 1);
		store_some(map, &state, 3);
		pid = fork();
		if (pid < 0)
			return (void *)2;
		if (!pid) {
			load_byte(own + place(&state));
			store_some(map, &state, 3);
			_exit(0);
		}
		store_some(map, &state, 3);
		load_byte(own + place(&state));
		if (wait_status(pid))
			return (void *)3;
		munmap(own, size);
		munmap(map, size);
	}
	return NULL;
}

/* Moves its mapping about: the entries go along. */
static void *mremap_thread(void *unused)
{
	size_t size = COUNT * buffer_size;
	char *map = map_pool(pool_fd, size);
	unsigned int state = 5;

	while (goes_on()) {
		/* Now below, now above. */
		char *free_place = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		store_some(map, &state, 4);
		map = mremap(map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, free_place);
		if (map == MAP_FAILED)
			return (void *)1;
		store_some(map, &state, 4);
	}
	munmap(map, size);
	return NULL;
}

/* How many bytes differ, or -1. */
static int changed(char *was, char *is, uint32_t index)
{
	if (pread(pool_fd, is, buffer_size, index * buffer_size) != (ssize_t)buffer_size)
		return -1;
	return memcmp(was, is, buffer_size) ? 1 : 0;
}

FIXTURE_SETUP(raced)
{
	uint32_t indices[COUNT];

	catch_sigbus();
	buffer_size = variant->buffer;
	self->fd = new_pool(buffer_size, COUNT);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(COUNT, get_many(self->fd, indices, COUNT, 0, 0));
	pool_fd = self->fd;
	atomic_store(&over, false);
	atomic_store(&stores, 0);
}

FIXTURE_TEARDOWN(raced)
{
	close(self->fd);
}

TEST_F(raced, what_is_sealed_does_not_change)
{
	void *(*const threads[])(void *) = { store_thread, write_thread,  mprotect_thread,
					     view_thread,  mremap_thread, store_thread };
	const int nr = sizeof(threads) / sizeof(*threads);
	int64_t end = now_ns() + rounds(DURATION_MS) * NS_PER_MS;
	/* Shared, so that fork() leaves them be. */
	char *was = mmap(NULL, 2 * buffer_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	char *is = was + buffer_size;
	unsigned long sealed = 0, busy = 0, unseal_busy = 0, before;
	pthread_t ids[16];
	uint32_t index = 0;
	void *ret;
	int i, error;

	ASSERT_NE(MAP_FAILED, (void *)was);
	for (i = 0; i < nr; i++)
		ASSERT_EQ(0, pthread_create(&ids[i], NULL, threads[i], NULL));
	/* Ahead of all who disturb it, but for its sleep. */
	ASSERT_EQ(0, setpriority(PRIO_PROCESS, gettid(), -15));
	while (now_ns() < end || sealed < SEALS_MIN) {
		index = (index + 1) % COUNT;
		error = seal(self->fd, index, 0);
		if (error) {
			ASSERT_EQ(-EBUSY, error);
			busy++;
			usleep(100);
			continue;
		}
		sealed++;
		ASSERT_EQ(buffer_size, pread(self->fd, was, buffer_size, index * buffer_size));
		for (i = 0; i < 3; i++) {
			usleep(1000);
			ASSERT_EQ(0, changed(was, is, index));
		}
		while ((error = unseal(self->fd, index)) == -EBUSY) {
			unseal_busy++;
			usleep(100);
		}
		ASSERT_EQ(0, error);
		before = atomic_load(&stores);
		while (atomic_load(&stores) == before)
			usleep(100);
	}
	atomic_store(&over, true);
	for (i = 0; i < nr; i++) {
		pthread_join(ids[i], &ret);
		EXPECT_EQ(NULL, ret);
	}
	ASSERT_EQ(0, setpriority(PRIO_PROCESS, gettid(), 0));
	TH_LOG("sealed %lu times, busy %lu and %lu times, %lu stores", sealed, busy, unseal_busy,
	       atomic_load(&stores));
	/* Nothing is left over: nobody but the owner has it. */
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_GE(get_wait(self->fd), 0);
	ASSERT_GE(get_wait(self->fd), 0);
	munmap(was, 2 * buffer_size);
}

/* Stores, each by a page fault; returns whether it could not. */
static void *fault_thread(void *unused)
{
	char *map = map_pool(pool_fd, buffer_size);
	char byte = 0;

	if (map == MAP_FAILED)
		return (void *)1;
	while (goes_on()) {
		if (!store_byte(map, ++byte))
			atomic_fetch_add(&stores, 1);
		if (madvise(map, 1, MADV_DONTNEED))
			return (void *)2;
	}
	munmap(map, buffer_size);
	return NULL;
}

/* Faults that begin before a seal, and end behind it. */
TEST(a_fault_looks_again)
{
	unsigned long sealed = 0, busy = 0;
	pthread_t threads[2];
	int64_t end;
	void *ret;
	int i;

	catch_sigbus();
	buffer_size = 16 * KIB;
	pool_fd = new_pool(buffer_size, 1);
	ASSERT_GE(pool_fd, 0);
	ASSERT_EQ(0, get_now(pool_fd));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, fault_thread, NULL));
	end = now_ns() + rounds(DURATION_MS) * NS_PER_MS;
	/* One in seventy meets one. */
	while (now_ns() < end || sealed < 500) {
		char was, is;
		int error = seal(pool_fd, 0, 0);

		if (error) {
			ASSERT_EQ(-EBUSY, error);
			busy++;
			continue;
		}
		sealed++;
		ASSERT_EQ(1, pread(pool_fd, &was, 1, 0));
		sched_yield();
		ASSERT_EQ(1, pread(pool_fd, &is, 1, 0));
		ASSERT_EQ(was, is);
		while ((error = unseal(pool_fd, 0)) == -EBUSY)
			sched_yield();
		ASSERT_EQ(0, error);
	}
	atomic_store(&over, true);
	for (i = 0; i < 2; i++) {
		pthread_join(threads[i], &ret);
		EXPECT_EQ(NULL, ret);
	}
	TH_LOG("sealed %lu times, busy %lu times, %lu stores", sealed, busy, atomic_load(&stores));
	close(pool_fd);
}

static atomic_ulong unseals;

/* What a socket holds; returns how often it was unsealed all the same. */
static void *unseal_thread(void *unused)
{
	unsigned long unsealed = 0;

	while (goes_on()) {
		unsealed += !unseal(pool_fd, 0);
		atomic_fetch_add(&unseals, 1);
	}
	return (void *)unsealed;
}

TEST(what_is_received_meanwhile_is_not_unsealed)
{
	int64_t end = now_ns() + rounds(DURATION_MS) * NS_PER_MS;
	unsigned long passed = 0;
	struct zcpool_item item;
	int sockets[2];
	loff_t offset = 0;
	pthread_t thread;
	void *unsealed;

	pool_fd = new_pool(16 * KIB, 1);
	ASSERT_GE(pool_fd, 0);
	ASSERT_EQ(0, get_now(pool_fd));
	ASSERT_EQ(0, seal(pool_fd, 0, 0));
	ASSERT_EQ(0, tcp_pair(sockets));
	ASSERT_EQ(100, sendfile(sockets[0], pool_fd, &offset, 100));
	ASSERT_EQ(-EBUSY, unseal(pool_fd, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, unseal_thread, NULL));
	while (now_ns() < end || passed < 1000 || atomic_load(&unseals) < 1000) {
		item = (struct zcpool_item){ .index = 0 };
		ASSERT_EQ(0, transfer(pool_fd, number_of(pool_fd), &item, 1, NULL));
		ASSERT_EQ(1, receive_now(pool_fd, &item, 1));
		passed++;
	}
	atomic_store(&over, true);
	pthread_join(thread, &unsealed);
	TH_LOG("passed on %lu times, %lu times to be unsealed", passed, atomic_load(&unseals));
	ASSERT_EQ(NULL, unsealed);
	ASSERT_TRUE(is_sealed(pool_fd, 0));
	close(sockets[0]);
	close(sockets[1]);
	close(pool_fd);
}

/* Hand the only buffer over, and take it. */
static bool pass_on(int from, int to)
{
	struct zcpool_item item = { .index = 0 };

	return !transfer(from, number_of(to), &item, 1, NULL) && receive_now(to, &item, 1) == 1;
}

/*
 * Its owner unseals it, and passes it on meanwhile; the other finds it sealed, sends of it, and
 * gives it back.  Of many folios, so that UNSEAL is still looking at the last when the first is
 * sent.
 */
TEST(what_another_has_sent_is_not_unsealed)
{
	unsigned long sent = 0, tries = 0;
	int other, sockets[2];
	pthread_t thread;
	char bytes[100];
	loff_t offset;
	int64_t end;

	buffer_size = 64 * MIB;
	pool_fd = new_pool(buffer_size, 1);
	ASSERT_GE(pool_fd, 0);
	other = attach_another(pool_fd, 0);
	ASSERT_GE(other, 0);
	ASSERT_EQ(0, get_now(pool_fd));
	ASSERT_EQ(0, tcp_pair(sockets));
	atomic_store(&over, false);
	ASSERT_EQ(0, pthread_create(&thread, NULL, unseal_thread, NULL));
	end = now_ns() + rounds(DURATION_MS) * NS_PER_MS;
	while (now_ns() < end || !sent) {
		ASSERT_EQ(0, seal(pool_fd, 0, 0));
		usleep(tries++ % 100);
		ASSERT_TRUE(pass_on(pool_fd, other));
		if (is_sealed(other, 0)) {
			offset = 0;
			ASSERT_EQ(100, sendfile(sockets[0], other, &offset, 100));
			ASSERT_TRUE(pass_on(other, pool_fd));
			usleep(1000);
			ASSERT_TRUE(is_sealed(pool_fd, 0));
			ASSERT_EQ(100, read_full(sockets[1], bytes, 100));
			sent++;
		} else {
			ASSERT_TRUE(pass_on(other, pool_fd));
		}
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	TH_LOG("sent %lu times of %lu", sent, tries);
	close(sockets[0]);
	close(sockets[1]);
	close(other);
	close(pool_fd);
}

#define HELD 1100

static atomic_bool has_sealed;

/* Seals a buffer as soon as it is owned, and then waits for who looks. */
static void *seal_at_once_thread(void *unused)
{
	while (goes_on()) {
		if (atomic_load(&has_sealed))
			sched_yield();
		else if (!seal(pool_fd, 0, 0))
			atomic_store(&has_sealed, true);
	}
	return NULL;
}

/*
 * GET that has taken one buffer, and looks for more at many that are held: its owner may
 * seal it before he is told of it.
 */
TEST(get_ends_no_seal_of_its_owner)
{
	unsigned long sealed = 0;
	uint32_t indices[HELD];
	pthread_t thread;
	int64_t end;
	int held, i;

	pool_fd = new_pool(8 * KIB, HELD);
	ASSERT_GE(pool_fd, 0);
	for (i = 0; i < HELD; i += 100)
		ASSERT_EQ(100, get_many(pool_fd, indices + i, 100, 0, 0));
	held = export(pool_fd, 8 * KIB, (HELD - 1) * 8 * KIB, 0);
	ASSERT_GE(held, 0);
	ASSERT_EQ(0, put_many(pool_fd, indices, HELD, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, seal_at_once_thread, NULL));
	end = now_ns() + rounds(DURATION_MS) * NS_PER_MS;
	for (; now_ns() < end || !sealed; sealed++) {
		ASSERT_EQ(1, get_many(pool_fd, indices, 2, 0, 0));
		ASSERT_EQ(0, indices[0]);
		while (!atomic_load(&has_sealed))
			sched_yield();
		ASSERT_TRUE(is_sealed(pool_fd, 0));
		ASSERT_EQ(0, put_one(pool_fd, 0));
		atomic_store(&has_sealed, false);
	}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	TH_LOG("sealed %lu times", sealed);
	close(held);
	close(pool_fd);
}

TEST_HARNESS_MAIN
