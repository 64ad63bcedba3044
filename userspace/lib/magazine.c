// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Magazines: per thread and handle, a few buffers that GET handed out in one
 * call and that nobody has used yet, and a few that are yet to be put.
 *
 * Only the kernel can tell that a buffer is free, so what is put never becomes
 * what is got inside a magazine: it goes to the kernel first.  A magazine saves
 * system calls, nothing else.
 *
 * It must not starve another thread either, nor keep much from another process, whose
 * waiting it does not see.  A thread that finds nothing free in the kernel, or nothing to
 * receive, empties every magazine of the handle, and while a thread waits in the kernel,
 * nobody's puts stay in a magazine:
 *
 *  waiter                            another thread
 *    waiters++                         lock its magazine
 *    for each magazine:                get: GET one if waiters, else many
 *      lock, put all, unlock           put: append; put all if waiters
 *    GET or RECEIVE, sleeping          unlock
 *
 * Whichever locks the magazine second sees what the other did.
 */
#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "internal.h"

/*
 * limit is what capacity() said last, the put stack may hold one more; or 0 where the next
 * put has more to do: to tell an error, or not to keep what another thread waits for.
 * lock protects the two stacks, and the first error of a put that came to light
 * while no put was called.
 * The links are protected by the registry lock, which is taken first.
 */
struct magazine {
	atomic_uint lock;
	struct zcpool *pool;
	uint32_t nr_free;
	uint32_t nr_put;
	uint32_t limit;
	uint32_t free[MAGAZINE_MAX];
	uint32_t put[MAGAZINE_MAX + 1];
	int error;
	struct magazine *next_of_pool;
	struct magazine *next_of_thread;
	struct magazine **head_of_thread;
};

/* All handles, with their magazines: a fork empties them. */
static struct zcpool *registry;
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static int init_error;

/* This thread's magazines, and the one used last with its handle's id. */
static _Thread_local struct magazine *own;
static _Thread_local struct {
	uint64_t pool;
	struct magazine *magazine;
} last;

/*
 * 0: free, 1: taken, 2: taken, and somebody may sleep.  A mutex of four
 * instructions, for a lock that is hardly ever contended; who finds it taken
 * sleeps, so that a thread of real-time priority does not keep its holder from
 * running.
 */
static bool try_lock(struct magazine *magazine)
{
	unsigned int state = 0;

	return atomic_compare_exchange_strong_explicit(&magazine->lock, &state, 1,
						       memory_order_acquire, memory_order_relaxed);
}

static void lock(struct magazine *magazine)
{
	if (try_lock(magazine))
		return;
	while (atomic_exchange_explicit(&magazine->lock, 2, memory_order_acquire))
		syscall(SYS_futex, &magazine->lock, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
}

static __attribute__((noinline)) int wake(struct magazine *magazine)
{
	syscall(SYS_futex, &magazine->lock, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return 0;
}

/* Returns 0, so that it can end a function that succeeds. */
static inline int unlock(struct magazine *magazine)
{
	if (atomic_exchange_explicit(&magazine->lock, 0, memory_order_release) == 2)
		return wake(magazine);
	return 0;
}

/* Put a stack of buffers; one that cannot be put does not keep the others. */
static void put_all(struct magazine *magazine, const uint32_t *indices, uint32_t nr)
{
	uint32_t at = 0, put;

	while (at < nr) {
		int error = zcpool_put_batch(magazine->pool, indices + at, nr - at, &put);

		if (!error)
			break;
		if (!magazine->error)
			magazine->error = error;
		magazine->limit = 0;
		/* Over the one that the owner had put before. */
		at += put + 1;
	}
}

static void empty_put(struct magazine *magazine)
{
	put_all(magazine, magazine->put, magazine->nr_put);
	magazine->nr_put = 0;
}

static void empty(struct magazine *magazine)
{
	empty_put(magazine);
	put_all(magazine, magazine->free, magazine->nr_free);
	magazine->nr_free = 0;
	/* So that the next put looks whether somebody waits. */
	magazine->limit = 0;
}

static int take_error(struct magazine *magazine)
{
	int error = magazine->error;

	magazine->error = 0;
	return error;
}

/* Take an element out of a list, next being where an element's link is. */
static void unlink_from(void *head, void *element, size_t next)
{
	void **link = head;

	while (*link != element)
		link = (void **)((char *)*link + next);
	*link = *(void **)((char *)element + next);
}

/* Registry lock held. */
static void destroy(struct magazine *magazine)
{
	unlink_from(&magazine->pool->magazines, magazine, offsetof(struct magazine, next_of_pool));
	unlink_from(magazine->head_of_thread, magazine, offsetof(struct magazine, next_of_thread));
	atomic_fetch_sub(&magazine->pool->nr_magazines, 1);
	free(magazine);
}

static void thread_exit(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&registry_lock);
	while (own) {
		empty(own);
		destroy(own);
	}
	last.pool = 0;
	pthread_mutex_unlock(&registry_lock);
}

static void fork_prepare(void)
{
	pthread_mutex_lock(&registry_lock);
}

static void fork_parent(void)
{
	pthread_mutex_unlock(&registry_lock);
}

/* The parent's magazines hold the parent's buffers: forget them, put nothing. */
static void fork_child(void)
{
	struct zcpool *pool;

	for (pool = registry; pool; pool = pool->next) {
		atomic_store(&pool->waiters, 0);
		while (pool->magazines)
			destroy(pool->magazines);
	}
	last.pool = 0;
	pthread_mutex_unlock(&registry_lock);
}

static void init(void)
{
	init_error = -pthread_key_create(&exit_key, thread_exit);
	if (!init_error)
		init_error = -pthread_atfork(fork_prepare, fork_parent, fork_child);
}

int zcpool_magazines_open(struct zcpool *pool)
{
	pthread_once(&once, init);
	if (init_error)
		return init_error;
	pthread_mutex_lock(&registry_lock);
	pool->next = registry;
	registry = pool;
	pthread_mutex_unlock(&registry_lock);
	return 0;
}

void zcpool_magazines_close(struct zcpool *pool)
{
	pthread_mutex_lock(&registry_lock);
	while (pool->magazines) {
		empty(pool->magazines);
		destroy(pool->magazines);
	}
	unlink_from(&registry, pool, offsetof(struct zcpool, next));
	pthread_mutex_unlock(&registry_lock);
}

static struct magazine *create(struct zcpool *pool)
{
	struct magazine *magazine = calloc(1, sizeof(*magazine));

	/* Any value but NULL makes the key's destructor run. */
	if (!magazine || pthread_setspecific(exit_key, magazine)) {
		free(magazine);
		return NULL;
	}
	magazine->pool = pool;
	magazine->head_of_thread = &own;

	pthread_mutex_lock(&registry_lock);
	magazine->next_of_pool = pool->magazines;
	pool->magazines = magazine;
	magazine->next_of_thread = own;
	own = magazine;
	atomic_fetch_add(&pool->nr_magazines, 1);
	pthread_mutex_unlock(&registry_lock);
	return magazine;
}

static struct magazine *find_slow(struct zcpool *pool, bool make)
{
	struct magazine *magazine;

	pthread_mutex_lock(&registry_lock);
	for (magazine = own; magazine; magazine = magazine->next_of_thread)
		if (magazine->pool == pool)
			break;
	pthread_mutex_unlock(&registry_lock);
	if (!magazine && make)
		magazine = create(pool);
	if (magazine) {
		last.magazine = magazine;
		last.pool = pool->id;
	}
	return magazine;
}

/* Lock the calling thread's magazine for a handle, if it was the last one used. */
static inline bool try_lock_last(const struct zcpool *pool)
{
	return last.pool == pool->id && try_lock(last.magazine);
}

/*
 * How many buffers of a kind a magazine may hold: a thread's share of the pool, up to what
 * makes a batch worth it, or more where that is but a small part of the share; and none to
 * spare while a thread waits.  Called under the magazine's lock.
 */
static uint32_t capacity(const struct zcpool *pool)
{
	uint32_t threads = atomic_load_explicit(&pool->nr_magazines, memory_order_relaxed);
	uint32_t share = pool->count / threads;

	if (atomic_load_explicit(&pool->waiters, memory_order_relaxed))
		return 0;
	if (share >= MAGAZINE_PART * MAGAZINE_MAX)
		return MAGAZINE_MAX;
	return share < MAGAZINE_FEW ? share : MAGAZINE_FEW;
}

static void visit_magazines(struct zcpool *pool, void (*act)(struct magazine *magazine))
{
	struct magazine *magazine;

	pthread_mutex_lock(&registry_lock);
	for (magazine = pool->magazines; magazine; magazine = magazine->next_of_pool) {
		lock(magazine);
		act(magazine);
		unlock(magazine);
	}
	pthread_mutex_unlock(&registry_lock);
}

/* Put all that the magazines of a handle hold. */
static void reclaim(struct zcpool *pool)
{
	visit_magazines(pool, empty);
}

void zcpool_put_deferred(struct zcpool *pool)
{
	/* A magazine that is yet to come holds nothing that the caller has put. */
	if (atomic_load_explicit(&pool->nr_magazines, memory_order_relaxed))
		visit_magazines(pool, empty_put);
}

void zcpool_wait_begin(struct zcpool *pool)
{
	atomic_fetch_add(&pool->waiters, 1);
	reclaim(pool);
}

void zcpool_wait_end(struct zcpool *pool)
{
	atomic_fetch_sub(&pool->waiters, 1);
}

int zcpool_wait_batch(struct zcpool *pool, uint32_t *indices, uint32_t count, int64_t timeout_ns)
{
	uint32_t none = 0;
	int got;

	zcpool_wait_begin(pool);
	got = zcpool_exchange(pool, NULL, &none, indices, count, timeout_ns);
	zcpool_wait_end(pool);
	return got;
}

/* Put what is to be put and get a new stack, by one call. */
static int refill(struct zcpool *pool, struct magazine *magazine)
{
	uint32_t put = magazine->nr_put;
	uint32_t want;
	int got;

	want = capacity(pool);
	magazine->limit = magazine->error ? 0 : want;
	want = want ? want : 1;
	got = zcpool_exchange(pool, magazine->put, &put, magazine->free, want, 0);
	if (put < magazine->nr_put) {
		/* Some buffer was not ours to put; the others still are. */
		put_all(magazine, magazine->put + put, magazine->nr_put - put);
		put = 0;
		got = zcpool_exchange(pool, NULL, &put, magazine->free, want, 0);
	}
	magazine->nr_put = 0;
	if (got > 0)
		magazine->nr_free = got;
	return got;
}

static __attribute__((noinline)) int get_slow(struct zcpool *pool, uint32_t *index,
					      int64_t timeout_ns)
{
	struct magazine *magazine;
	int got;

	if (!zcpool_count(pool))
		return -ENXIO;
	magazine = find_slow(pool, true);
	if (!magazine) {
		got = zcpool_get_batch(pool, index, 1, timeout_ns);
		return got < 0 ? got : 0;
	}

	lock(magazine);
	got = magazine->nr_free ? (int)magazine->nr_free : refill(pool, magazine);
	if (got > 0)
		*index = magazine->free[--magazine->nr_free];
	unlock(magazine);
	if (got == -EAGAIN)
		got = zcpool_wait_batch(pool, index, 1, timeout_ns);
	return got < 0 ? got : 0;
}

static __attribute__((noinline)) int put_slow(struct zcpool *pool, uint32_t index)
{
	struct magazine *magazine;
	int error;

	if (!zcpool_count(pool))
		return -ENXIO;
	if (index >= pool->count)
		return -ERANGE;
	magazine = find_slow(pool, true);
	if (!magazine)
		return zcpool_put_batch(pool, &index, 1, NULL);

	lock(magazine);
	magazine->put[magazine->nr_put++] = index;
	magazine->limit = capacity(pool);
	if (magazine->nr_put > magazine->limit) {
		put_all(magazine, magazine->put, magazine->nr_put);
		magazine->nr_put = 0;
	}
	error = take_error(magazine);
	unlock(magazine);
	return error;
}

/*
 * The common case of both is short, and calls nothing; whatever else there is, the
 * slow one does.
 */

static __attribute__((noinline)) int get_unlocked(struct magazine *magazine, uint32_t *index,
						  int64_t timeout_ns)
{
	unlock(magazine);
	return get_slow(magazine->pool, index, timeout_ns);
}

ZCPOOL_API int zcpool_get(struct zcpool *pool, uint32_t *index, int64_t timeout_ns)
{
	struct magazine *magazine;

	if (!try_lock_last(pool))
		return get_slow(pool, index, timeout_ns);
	magazine = last.magazine;
	if (!magazine->nr_free)
		return get_unlocked(magazine, index, timeout_ns);
	*index = magazine->free[--magazine->nr_free];
	return unlock(magazine);
}

static __attribute__((noinline)) int put_unlocked(struct magazine *magazine, uint32_t index)
{
	unlock(magazine);
	return put_slow(magazine->pool, index);
}

ZCPOOL_API int zcpool_put(struct zcpool *pool, uint32_t index)
{
	struct magazine *magazine;

	if (index >= atomic_load_explicit(&pool->count, memory_order_relaxed) ||
	    !try_lock_last(pool))
		return put_slow(pool, index);
	magazine = last.magazine;
	/* One more than a stack: who gets as often as he puts saves the call. */
	if (magazine->nr_put >= magazine->limit)
		return put_unlocked(magazine, index);
	magazine->put[magazine->nr_put++] = index;
	return unlock(magazine);
}

ZCPOOL_API int zcpool_flush(struct zcpool *pool)
{
	struct magazine *magazine;
	int error;

	reclaim(pool);
	magazine = find_slow(pool, false);
	if (!magazine)
		return 0;
	lock(magazine);
	error = take_error(magazine);
	unlock(magazine);
	return error;
}
