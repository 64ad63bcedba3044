// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Magazines: per thread and handle, a few buffers that GET handed out in one
 * call and that nobody has used yet, and a few that are yet to be put.
 *
 * Only the kernel can tell that a buffer is free, so what is put never becomes
 * what is got inside a magazine: it goes to the kernel first.  A magazine saves
 * system calls, nothing else.
 *
 * It must not starve another thread either.  A thread that finds nothing free
 * in the kernel empties every magazine of the handle, and while a thread waits
 * in the kernel, nobody's puts stay in a magazine:
 *
 *  waiter                            another thread
 *    waiters++                         lock its magazine
 *    for each magazine:                get: GET one if waiters, else many
 *      lock, put all, unlock           put: append; put all if waiters
 *    GET, sleeping                     unlock
 *
 * Whichever locks the magazine second sees what the other did.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "internal.h"

/*
 * lock protects the two stacks; the thread's own lock is hardly ever contended.
 * The links are protected by the registry lock, which is taken first.
 */
struct magazine {
	atomic_flag lock;
	struct zcpool *pool;
	uint32_t nr_free;
	uint32_t nr_put;
	uint32_t free[MAGAZINE_MAX];
	uint32_t put[MAGAZINE_MAX];
	struct magazine *next_of_pool;
	struct magazine *next_of_thread;
	struct magazine **head_of_thread;
	struct magazine *next;
};

/* All magazines: a fork empties them. */
static struct magazine *registry;
static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t exit_key;
static int init_error;

/* This thread's magazines, and the one used last with its handle's id. */
static _Thread_local struct magazine *own;
static _Thread_local struct magazine *last;
static _Thread_local uint64_t last_pool;

static void lock(struct magazine *magazine)
{
	while (atomic_flag_test_and_set_explicit(&magazine->lock, memory_order_acquire))
		sched_yield();
}

static void unlock(struct magazine *magazine)
{
	atomic_flag_clear_explicit(&magazine->lock, memory_order_release);
}

/* Put a stack of buffers; one that cannot be put does not keep the others. */
static int put_all(struct zcpool *pool, const uint32_t *indices, uint32_t *nr)
{
	uint32_t at = 0, put;
	int first = 0;

	while (at < *nr) {
		int error = zcpool_put_batch(pool, indices + at, *nr - at, &put);

		at += put;
		if (!error)
			break;
		first = first ? first : error;
		if (error != -EPERM && error != -ERANGE)
			break;
		at++;
	}
	*nr = 0;
	return first;
}

static int empty(struct magazine *magazine)
{
	int error = put_all(magazine->pool, magazine->put, &magazine->nr_put);
	int error_free = put_all(magazine->pool, magazine->free, &magazine->nr_free);

	return error ? error : error_free;
}

static void unlink_from(struct magazine **head, struct magazine *magazine, size_t next)
{
	while (*head != magazine)
		head = (struct magazine **)((char *)*head + next);
	*head = *(struct magazine **)((char *)magazine + next);
}

/* Registry lock held. */
static void destroy(struct magazine *magazine)
{
	unlink_from(&registry, magazine, offsetof(struct magazine, next));
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
	last_pool = 0;
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
	while (registry) {
		atomic_store(&registry->pool->waiters, 0);
		destroy(registry);
	}
	last_pool = 0;
	pthread_mutex_unlock(&registry_lock);
}

static void init(void)
{
	init_error = -pthread_key_create(&exit_key, thread_exit);
	if (!init_error)
		init_error = -pthread_atfork(fork_prepare, fork_parent, fork_child);
}

int zcpool_magazines_init(void)
{
	pthread_once(&once, init);
	return init_error;
}

void zcpool_magazines_close(struct zcpool *pool)
{
	pthread_mutex_lock(&registry_lock);
	while (pool->magazines) {
		empty(pool->magazines);
		destroy(pool->magazines);
	}
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
	atomic_flag_clear(&magazine->lock);
	magazine->pool = pool;
	magazine->head_of_thread = &own;

	pthread_mutex_lock(&registry_lock);
	magazine->next = registry;
	registry = magazine;
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
		last = magazine;
		last_pool = pool->id;
	}
	return magazine;
}

/* The calling thread's magazine for a handle. */
static inline struct magazine *find(struct zcpool *pool, bool make)
{
	return last_pool == pool->id ? last : find_slow(pool, make);
}

/*
 * How many buffers of a kind a magazine may hold: half a thread's share, and
 * none while a thread waits.  Called under the magazine's lock.
 */
static uint32_t capacity(const struct zcpool *pool)
{
	uint32_t threads = atomic_load_explicit(&pool->nr_magazines, memory_order_relaxed);
	uint32_t share = pool->count / 2 / threads;

	if (!share || atomic_load_explicit(&pool->waiters, memory_order_relaxed))
		return 1;
	return share > MAGAZINE_MAX ? MAGAZINE_MAX : share;
}

/* Put all that the magazines of a handle hold. */
static void reclaim(struct zcpool *pool)
{
	struct magazine *magazine;

	pthread_mutex_lock(&registry_lock);
	for (magazine = pool->magazines; magazine; magazine = magazine->next_of_pool) {
		lock(magazine);
		empty(magazine);
		unlock(magazine);
	}
	pthread_mutex_unlock(&registry_lock);
}

static int get_slow(struct zcpool *pool, struct magazine *magazine, uint32_t *index,
		    int64_t timeout_ns)
{
	int got;

	lock(magazine);
	got = zcpool_get_some(pool, magazine->free, capacity(pool), 0);
	if (got > 0) {
		/* The kernel gives the warmest first: keep it for now. */
		*index = magazine->free[0];
		magazine->free[0] = magazine->free[got - 1];
		magazine->nr_free = got - 1;
	}
	unlock(magazine);
	if (got > 0)
		return 0;
	if (got != -EAGAIN)
		return got;

	atomic_fetch_add(&pool->waiters, 1);
	reclaim(pool);
	got = zcpool_get_some(pool, index, 1, timeout_ns);
	atomic_fetch_sub(&pool->waiters, 1);
	return got < 0 ? got : 0;
}

ZCPOOL_API int zcpool_get(struct zcpool *pool, uint32_t *index, int64_t timeout_ns)
{
	struct magazine *magazine;

	if (!zcpool_count(pool))
		return -ENXIO;
	magazine = find(pool, true);
	if (!magazine)
		return -ENOMEM;

	lock(magazine);
	if (magazine->nr_free) {
		*index = magazine->free[--magazine->nr_free];
		unlock(magazine);
		return 0;
	}
	unlock(magazine);
	return get_slow(pool, magazine, index, timeout_ns);
}

ZCPOOL_API int zcpool_put(struct zcpool *pool, uint32_t index)
{
	struct magazine *magazine;
	int error = 0;

	if (!zcpool_count(pool))
		return -ENXIO;
	if (index >= pool->count)
		return -ERANGE;
	magazine = find(pool, true);
	if (!magazine)
		return zcpool_put_batch(pool, &index, 1, NULL);

	lock(magazine);
	magazine->put[magazine->nr_put++] = index;
	if (magazine->nr_put >= capacity(pool))
		error = put_all(pool, magazine->put, &magazine->nr_put);
	unlock(magazine);
	return error;
}

ZCPOOL_API int zcpool_flush(struct zcpool *pool)
{
	struct magazine *magazine = find(pool, false);
	int error;

	if (!magazine)
		return 0;
	lock(magazine);
	error = empty(magazine);
	unlock(magazine);
	return error;
}
