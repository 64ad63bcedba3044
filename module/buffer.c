// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life cycle of buffers: idle -> owned -> in flight or idle.
 *
 * An unowned buffer is in one of three queues.  Those in zcpool_pool.idle are
 * presumed free, those in zcpool_pool.in_flight were seen to be held, and those
 * in zcpool_pool.overdue are held so long that it may be for ever.  No queue is
 * proof: whoever can map the pool can also pin or send an unowned buffer.  So GET
 * judges every buffer in the moment it hands it out, and PUT, which cannot know
 * how long a transfer takes, only sorts.
 */
#include <linux/sched.h>
#include <linux/timekeeping.h>

#include "trace.h"
#include "idle.h"
#include "queue.h"
#include "seal.h"

/* Most buffers in flight that one call looks at... */
#define ZCPOOL_SCAN_MAX 1024U
/* ... and how many overdue ones at least, if there are. */
#define ZCPOOL_SCAN_OVERDUE 64U
/* When a buffer in flight is overdue, nanoseconds after it was put. */
#define ZCPOOL_OVERDUE_NS NSEC_PER_SEC

/* All folios of a buffer, of which it may have several; if nothing stands. */
static noinline bool zcpool_folios_idle(const struct zcpool_pool *pool, u32 index)
{
	struct folio **folio = &pool->memory.folios[(u64)index * pool->geometry.folios_per_buffer];
	struct folio **end = folio + pool->geometry.folios_per_buffer;
	struct zcpool_buffer *buffer = &pool->buffers[index];
	unsigned int order = pool->memory.order;
	int sum = 0;
	int refs;

	if (zcpool_buffer_stands(buffer))
		return false;
	for (; folio < end; folio++) {
		if (!zcpool_folio_idle(*folio, order, &buffer->faults, &refs))
			return false;
		sum += refs;
	}
	buffer->refs = sum;
	return true;
}

/* Whether a buffer is free; if so, its references are noted for PUT to compare. */
static __always_inline bool zcpool_buffer_idle(const struct zcpool_pool *pool, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];

	if (unlikely(!pool->plain))
		return zcpool_folios_idle(pool, index);
	return zcpool_folio_idle(pool->memory.folios[index], pool->memory.order, &buffer->faults,
				 &buffer->refs);
}

static noinline int zcpool_folios_refs(const struct zcpool_pool *pool, u32 index)
{
	struct folio **folio, **end;
	int refs = 0;

	folio = &pool->memory.folios[(u64)index * pool->geometry.folios_per_buffer];
	end = folio + pool->geometry.folios_per_buffer;
	for (; folio < end; folio++)
		refs += folio_ref_count(*folio);
	return refs;
}

/**
 * zcpool_buffer_held() - whether anything but mappings holds a buffer now
 * @pool: pool, its lock held
 * @index: buffer, not owned or about to be put
 *
 * Out of line: zcpool_buffer_sort() does well without most of the time.
 */
noinline bool zcpool_buffer_held(const struct zcpool_pool *pool, u32 index)
{
	return !zcpool_buffer_idle(pool, index);
}

/**
 * struct zcpool_scan - how many buffers in flight a call may still look at
 * @in_flight: of zcpool_pool.in_flight
 * @overdue: of zcpool_pool.overdue
 * @now: when it began, as zcpool_buffer.since
 */
struct zcpool_scan {
	u32 in_flight;
	u32 overdue;
	u64 now;
};

/*
 * Those that will soon be free come first, and what a dead peer holds for ever
 * does not keep them waiting; but each is looked at in its turn.
 */
static struct zcpool_scan zcpool_scan_begin(const struct zcpool_pool *pool)
{
	struct zcpool_scan scan;

	scan.in_flight = min(pool->in_flight.nr, ZCPOOL_SCAN_MAX);
	scan.overdue =
		min(pool->overdue.nr, max(ZCPOOL_SCAN_MAX - scan.in_flight, ZCPOOL_SCAN_OVERDUE));
	scan.now = ktime_get_mono_fast_ns();
	return scan;
}

/*
 * Look at the next buffer in flight, and take it out of its queue if it is free by
 * now.  If it is not, it is stepped over: the next call looks at another.
 */
static noinline u32 zcpool_buffer_landed(struct zcpool_pool *pool, struct zcpool_scan *scan)
{
	struct zcpool_queue *queue = &pool->in_flight;
	u64 age;
	u32 index;

	if (scan->in_flight) {
		scan->in_flight--;
	} else {
		scan->overdue--;
		queue = &pool->overdue;
	}
	index = zcpool_queue_pop(pool->buffers, queue);
	if (index == ZCPOOL_NO_BUFFER)
		return index;
	age = scan->now - pool->buffers[index].since;
	if (zcpool_buffer_idle(pool, index)) {
		pool->nr_landed++;
		trace_zcpool_free(pool, index, age);
		return index;
	}
	/* One that was put after the scan began has a negative age. */
	if ((s64)age > ZCPOOL_OVERDUE_NS)
		queue = &pool->overdue;
	zcpool_queue_add_last(pool->buffers, queue, index);
	return ZCPOOL_NO_BUFFER;
}

/* Take a free buffer from those in flight: see zcpool_buffer_find(). */
static noinline u32 zcpool_buffer_find_in_flight(struct zcpool_pool *pool, struct zcpool_scan *scan)
{
	while (scan->in_flight || scan->overdue) {
		u32 index = zcpool_buffer_landed(pool, scan);

		if (index != ZCPOOL_NO_BUFFER)
			return index;
		cond_resched_lock(&pool->lock);
	}
	return ZCPOOL_NO_BUFFER;
}

static void zcpool_buffer_add_in_flight(struct zcpool_pool *pool, u32 index)
{
	pool->buffers[index].since = ktime_get_mono_fast_ns();
	zcpool_queue_add_last(pool->buffers, &pool->in_flight, index);
}

/*
 * Take a free buffer out of its queue; whether one is found.  Looks at as many buffers in
 * flight as @scan allows.  May drop the pool's lock for a moment, but not between its last
 * look and its return.
 */
static __always_inline bool zcpool_buffer_find(struct zcpool_pool *pool, struct zcpool_scan *scan,
					       u32 *index)
{
	lockdep_assert_held(&pool->lock);
	for (;;) {
		*index = zcpool_queue_pop(pool->buffers, &pool->idle);
		if (unlikely(*index == ZCPOOL_NO_BUFFER)) {
			*index = zcpool_buffer_find_in_flight(pool, scan);
			return *index != ZCPOOL_NO_BUFFER;
		}
		if (likely(zcpool_buffer_idle(pool, *index)))
			return true;
		zcpool_buffer_add_in_flight(pool, *index);
		cond_resched_lock(&pool->lock);
	}
}

/**
 * zcpool_buffers_init() - make all buffers of a new pool idle
 * @pool: pool with its memory and zeroed buffers
 */
void zcpool_buffers_init(struct zcpool_pool *pool)
{
	u32 i;

	spin_lock_init(&pool->lock);
	pool->plain = pool->geometry.folios_per_buffer == 1;
	zcpool_queue_init(&pool->idle);
	zcpool_queue_init(&pool->in_flight);
	zcpool_queue_init(&pool->overdue);
	for (i = 0; i < pool->geometry.count; i++)
		zcpool_queue_add_last(pool->buffers, &pool->idle, i);
}

static __always_inline void zcpool_buffer_own(struct zcpool_pool *pool,
					      struct zcpool_buffer *buffer, u32 index,
					      struct zcpool_handle *owner, u64 now)
{
	WRITE_ONCE(buffer->owner, owner);
	buffer->since = now;
	trace_zcpool_get(pool, index);
}

/*
 * Take idle buffers up to the first that is held, which zcpool_buffer_find() will sort.
 * Nearly all buffers come by here, so what is the same for all stands in variables.
 */
static __always_inline u32 *zcpool_buffers_find_idle(struct zcpool_pool *pool,
						     struct zcpool_handle *owner, u32 *indices,
						     const u32 *end, u64 now)
{
	struct folio *const *folios = pool->memory.folios;
	struct zcpool_buffer *buffers = pool->buffers;
	unsigned int order = pool->memory.order;
	u32 first = pool->idle.first;
	u32 *next = indices;

	while (next < end && first != ZCPOOL_NO_BUFFER) {
		struct zcpool_buffer *buffer = &buffers[first];

		if (unlikely(!zcpool_folio_idle(folios[first], order, &buffer->faults,
						&buffer->refs)))
			break;
		*next++ = first;
		zcpool_buffer_own(pool, buffer, first, owner, now);
		first = buffer->next;
	}
	zcpool_queue_advance(&pool->idle, first, next - indices);
	return next;
}

/* What isolated pools need besides is kept out of the way of others: many calls a second. */
static __always_inline u32 zcpool_buffers_find(struct zcpool_pool *pool,
					       struct zcpool_handle *handle,
					       struct zcpool_handle *owner, u32 *indices, u32 count)
{
	const u32 *end = indices + count;
	struct zcpool_scan scan;
	u32 *next = indices;
	u32 index;
	u64 now;

	spin_lock(&pool->lock);
	scan = zcpool_scan_begin(pool);
	now = scan.now;
	if (likely(pool->plain))
		next = zcpool_buffers_find_idle(pool, owner, next, end, now);
	/* Before the lock is dropped: the owner may seal what he guesses to be his. */
	if (unlikely(pool->nr_sealed))
		zcpool_buffers_unseal(pool, indices, next - indices);
	for (; next < end && zcpool_buffer_find(pool, &scan, &index); next++) {
		*next = index;
		zcpool_buffer_own(pool, &pool->buffers[index], index, owner, now);
		if (unlikely(pool->nr_sealed))
			zcpool_buffers_unseal(pool, next, 1);
	}
	handle->nr_owned += next - indices;
	pool->nr_gets += next - indices;
	spin_unlock(&pool->lock);
	return next - indices;
}

/* They are nobody's, until nothing of another user's is left in them. */
static noinline u32 zcpool_buffers_take_isolated(struct zcpool_pool *pool,
						 struct zcpool_handle *handle, u32 *indices,
						 u32 count)
{
	u32 taken = zcpool_buffers_find(pool, handle, NULL, indices, count);

	zcpool_isolated_settle(pool, handle, indices, taken);
	return taken;
}

/**
 * zcpool_buffers_take() - make a handle the owner of free buffers
 * @pool: pool
 * @handle: new owner, bound to @pool
 * @indices: filled with the buffers' indices
 * @count: most buffers wanted
 *
 * Looks at a bounded number of buffers in flight.
 *
 * Return: number of buffers, 0 if none was found free.
 */
u32 zcpool_buffers_take(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 *indices,
			u32 count)
{
	if (unlikely(pool->geometry.isolated))
		return zcpool_buffers_take_isolated(pool, handle, indices, count);
	return zcpool_buffers_find(pool, handle, handle, indices, count);
}

/* Give up and sort a buffer; whether it is presumed free, and so the first in @idle. */
static __always_inline bool zcpool_buffer_sort(struct zcpool_pool *pool,
					       struct zcpool_buffer *buffers, u32 index, int refs,
					       struct zcpool_queue *idle)
{
	struct zcpool_buffer *buffer = &buffers[index];

	/*
	 * No more references than when it was free: most likely free again, and
	 * the last touched is the first to be handed out, warm in the cache.
	 * Otherwise somebody holds it, or more of it is mapped now.
	 */
	if (unlikely(refs > buffer->refs) && zcpool_buffer_held(pool, index)) {
		WRITE_ONCE(buffer->owner, NULL);
		zcpool_buffer_add_in_flight(pool, index);
		trace_zcpool_put(pool, index, true);
		return false;
	}
	WRITE_ONCE(buffer->owner, NULL);
	zcpool_queue_add_first(buffers, idle, index);
	trace_zcpool_put(pool, index, false);
	return true;
}

/* Give up a buffer; whether it is presumed free. */
static bool zcpool_buffer_disown(struct zcpool_pool *pool, u32 index)
{
	return zcpool_buffer_sort(pool, pool->buffers, index, zcpool_folios_refs(pool, index),
				  &pool->idle);
}

/* Tell waiters that buffers were put, of which so many are presumed free. */
static void zcpool_buffers_wake(struct zcpool_pool *pool, u32 idle)
{
	if (idle)
		zcpool_wake(pool, idle);
	else
		zcpool_wake_later(pool);
}

/*
 * Of a common pool, open to all its handles and of one folio a buffer: nearly all buffers go
 * by here, so what is the same for all stands in variables.  So does the queue, which nobody
 * else can see meanwhile: the lock is kept.
 */
static __always_inline u32 zcpool_buffers_put_common(struct zcpool_pool *pool,
						     struct zcpool_handle *handle,
						     const u32 *indices, u32 count, u32 *freed,
						     int *error)
{
	struct folio *const *folios = pool->memory.folios;
	struct zcpool_buffer *buffers = pool->buffers;
	u32 nr_buffers = pool->geometry.count;
	struct zcpool_queue idle = pool->idle;
	const u32 *end = indices + count;
	const u32 *next;
	int wrong = 0;

	for (next = indices; next < end; next++) {
		u32 index = *next;

		wrong = zcpool_buffer_check(buffers, nr_buffers, handle, &index);
		if (unlikely(wrong))
			break;
		zcpool_buffer_sort(pool, buffers, index, folio_ref_count(folios[index]), &idle);
	}
	*freed = idle.nr - pool->idle.nr;
	pool->idle = idle;
	*error = wrong;
	return next - indices;
}

/* Of any pool; of an isolated one its lock is dropped for each. */
static noinline u32 zcpool_buffers_put_uncommon(struct zcpool_pool *pool,
						struct zcpool_handle *handle, const u32 *indices,
						u32 count, u32 *freed, int *error)
{
	const u32 *end = indices + count;
	const u32 *next;

	*freed = 0;
	for (next = indices; next < end; next++) {
		u32 index = *next;

		*error = zcpool_buffer_check(pool->buffers, pool->geometry.count, handle, &index);
		if (*error)
			break;
		if (pool->geometry.isolated)
			zcpool_isolated_withdraw(pool, handle, index);
		*freed += zcpool_buffer_disown(pool, index);
	}
	return next - indices;
}

/**
 * zcpool_buffers_put() - give up the ownership of buffers
 * @pool: pool
 * @handle: their owner
 * @indices: the buffers
 * @count: how many
 * @error: 0, -ERANGE if an index is out of range, -EPERM if @handle does not
 *         own the buffer
 *
 * Return: how many buffers were put: @count, or the number ahead of the one
 * that made @error.
 */
u32 zcpool_buffers_put(struct zcpool_pool *pool, struct zcpool_handle *handle, const u32 *indices,
		       u32 count, int *error)
{
	u32 freed, put;

	*error = 0;
	spin_lock(&pool->lock);
	if (likely(!pool->geometry.isolated && pool->geometry.folios_per_buffer == 1))
		put = zcpool_buffers_put_common(pool, handle, indices, count, &freed, error);
	else
		put = zcpool_buffers_put_uncommon(pool, handle, indices, count, &freed, error);
	handle->nr_owned -= put;
	pool->nr_puts += put;
	spin_unlock(&pool->lock);

	zcpool_buffers_wake(pool, freed);
	return put;
}

/* Put what was on its way to a handle. */
static u32 zcpool_buffers_disown_incoming(struct zcpool_pool *pool, struct zcpool_handle *handle)
{
	u32 idle = 0;
	u32 index;

	while ((index = zcpool_queue_pop(pool->buffers, &handle->incoming)) != ZCPOOL_NO_BUFFER) {
		/* It has the sender's bytes, and was perhaps received once: see RECEIVE. */
		if (pool->geometry.isolated)
			zcpool_isolated_withdraw(pool, NULL, index);
		idle += zcpool_buffer_disown(pool, index);
		pool->nr_puts++;
		cond_resched_lock(&pool->lock);
	}
	return idle;
}

/**
 * zcpool_buffers_disown() - put all buffers of a handle that goes away
 * @pool: pool
 * @handle: handle that nobody uses any more, nor finds in zcpool_pool.handles
 *
 * The one walk over all buffers of a pool, if the handle left any.
 */
void zcpool_buffers_disown(struct zcpool_pool *pool, struct zcpool_handle *handle)
{
	u32 idle;
	u32 i;

	spin_lock(&pool->lock);
	idle = zcpool_buffers_disown_incoming(pool, handle);
	for (i = 0; handle->nr_owned; i++) {
		if (pool->buffers[i].owner == handle) {
			if (pool->geometry.isolated)
				zcpool_isolated_withdraw(pool, handle, i);
			idle += zcpool_buffer_disown(pool, i);
			handle->nr_owned--;
			pool->nr_puts++;
		}
		cond_resched_lock(&pool->lock);
	}
	spin_unlock(&pool->lock);

	zcpool_buffers_wake(pool, idle);
}

/**
 * zcpool_buffers_rescan() - look for buffers in flight that have become free
 * @pool: pool
 *
 * Looks at a bounded number of them, those first that were not looked at for
 * the longest time.
 *
 * Return: how many buffers are presumed free now, for whoever waits: those found,
 * and others that a poll has found before and left.
 */
u32 zcpool_buffers_rescan(struct zcpool_pool *pool)
{
	struct zcpool_scan scan;
	u32 idle;

	spin_lock(&pool->lock);
	scan = zcpool_scan_begin(pool);
	while (scan.in_flight || scan.overdue) {
		u32 index = zcpool_buffer_landed(pool, &scan);

		if (index != ZCPOOL_NO_BUFFER)
			zcpool_queue_add_first(pool->buffers, &pool->idle, index);
		cond_resched_lock(&pool->lock);
	}
	idle = pool->idle.nr;
	spin_unlock(&pool->lock);
	return idle;
}

/**
 * zcpool_buffers_available() - whether GET would hand out a buffer now
 * @pool: pool
 */
bool zcpool_buffers_available(struct zcpool_pool *pool)
{
	struct zcpool_scan scan;
	bool found;
	u32 index;

	spin_lock(&pool->lock);
	scan = zcpool_scan_begin(pool);
	found = zcpool_buffer_find(pool, &scan, &index);
	if (found)
		zcpool_queue_add_first(pool->buffers, &pool->idle, index);
	spin_unlock(&pool->lock);
	return found;
}

/**
 * zcpool_buffers_stat() - count buffers and what became of them
 * @pool: pool
 * @handle: a handle of it
 * @stat: out
 */
void zcpool_buffers_stat(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			 struct zcpool_stat *stat)
{
	spin_lock(&pool->lock);
	stat->owned = handle->nr_owned;
	stat->incoming = handle->incoming.nr;
	stat->idle = pool->idle.nr;
	stat->overdue = pool->overdue.nr;
	stat->in_flight = pool->in_flight.nr + pool->overdue.nr;
	stat->sealed = pool->nr_sealed;
	stat->gets = pool->nr_gets;
	stat->puts = pool->nr_puts;
	stat->landed = pool->nr_landed;
	spin_unlock(&pool->lock);
	stat->owned_total = pool->geometry.count - stat->idle - stat->in_flight;
}

/**
 * zcpool_buffers_unowned() - whether looking again may find a free buffer
 * @pool: pool
 *
 * One that is presumed free may have been found by a poll, which wakes nobody.
 */
bool zcpool_buffers_unowned(struct zcpool_pool *pool)
{
	bool ret;

	spin_lock(&pool->lock);
	ret = pool->in_flight.nr || pool->overdue.nr || pool->idle.nr;
	spin_unlock(&pool->lock);
	return ret;
}
