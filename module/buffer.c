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

/* The references of all folios of a buffer, which may have several, or 0; if nothing stands. */
static noinline int zcpool_folios_idle_refs(const struct zcpool_pool *pool,
					    struct zcpool_buffer *buffer, u32 index)
{
	struct folio **folio = &pool->memory.folios[(u64)index * pool->geometry.folios_per_buffer];
	struct folio **end = folio + pool->geometry.folios_per_buffer;
	unsigned int order = pool->memory.order;
	int sum = 0;

	if (zcpool_buffer_stands(buffer))
		return 0;
	for (; folio < end; folio++) {
		int refs = zcpool_folio_idle_refs(*folio, order, &buffer->faults);

		if (!refs)
			return 0;
		sum += refs;
	}
	return sum;
}

/*
 * Whether a buffer is free; if so, its references are noted for PUT to compare.
 *
 * The new owner accesses the buffer only if this returns true, and so after the
 * reference counts were read; a holder's last access came before it dropped its
 * reference by a fully ordered read-modify-write.  Hence no former holder sees the
 * new owner's writes, and the new owner sees what a holder wrote.
 */
static __always_inline bool zcpool_buffer_idle(const struct zcpool_pool *pool, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	int refs;

	if (likely(pool->plain))
		refs = zcpool_folio_idle_refs(pool->memory.folios[index], pool->memory.order,
					      &buffer->faults);
	else
		refs = zcpool_folios_idle_refs(pool, buffer, index);
	buffer->refs = refs;
	/* Pairs with the holder's last atomic_dec_and_test(), see above. */
	smp_acquire__after_ctrl_dep();
	return refs;
}

static __always_inline int zcpool_buffer_refs(const struct zcpool_pool *pool, u32 index)
{
	struct folio **folio, **end;
	int refs = 0;

	if (likely(pool->geometry.folios_per_buffer == 1))
		return folio_ref_count(pool->memory.folios[index]);

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
 * Out of line: zcpool_buffer_disown() does well without most of the time.
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
	index = zcpool_queue_pop(pool, queue);
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
	zcpool_queue_add_last(pool, queue, index);
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
	zcpool_queue_add_last(pool, &pool->in_flight, index);
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
		*index = zcpool_queue_pop(pool, &pool->idle);
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
		zcpool_queue_add_last(pool, &pool->idle, i);
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
	for (; next < end && zcpool_buffer_find(pool, &scan, &index); next++) {
		struct zcpool_buffer *buffer = &pool->buffers[index];

		WRITE_ONCE(buffer->owner, owner);
		buffer->since = now;
		*next = index;
		trace_zcpool_get(pool, index);
	}
	handle->nr_owned += next - indices;
	pool->nr_gets += next - indices;
	if (unlikely(pool->nr_sealed))
		zcpool_buffers_unseal(pool, indices, next - indices);
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

/* Give up and sort a buffer; whether it is presumed free. */
static __always_inline bool zcpool_buffer_disown(struct zcpool_pool *pool, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	bool in_flight;

	/*
	 * No more references than when it was free: most likely free again, and
	 * the last touched is the first to be handed out, warm in the cache.
	 * Otherwise somebody holds it, or more of it is mapped now.
	 */
	in_flight = zcpool_buffer_refs(pool, index) > buffer->refs &&
		    zcpool_buffer_held(pool, index);
	WRITE_ONCE(buffer->owner, NULL);
	if (in_flight)
		zcpool_buffer_add_in_flight(pool, index);
	else
		zcpool_queue_add_first(pool, &pool->idle, index);
	trace_zcpool_put(pool, index, in_flight);
	return !in_flight;
}

/* Tell waiters that buffers were put, of which so many are presumed free. */
static void zcpool_buffers_wake(struct zcpool_pool *pool, u32 idle)
{
	if (idle)
		zcpool_wake(pool, idle);
	else
		zcpool_wake_later(pool);
}

static __always_inline u32 zcpool_buffers_put_all(struct zcpool_pool *pool,
						  struct zcpool_handle *handle, const u32 *indices,
						  u32 count, bool isolated, int *error)
{
	const u32 *end = indices + count;
	const u32 *next = indices;
	u32 idle = 0;
	u32 put;

	*error = 0;
	spin_lock(&pool->lock);
	for (; next < end; next++) {
		u32 index = *next;
		int wrong = zcpool_buffer_check(pool, handle, &index);

		if (unlikely(wrong)) {
			*error = wrong;
			break;
		}
		if (isolated)
			zcpool_isolated_withdraw(pool, handle, NULL, index);
		idle += zcpool_buffer_disown(pool, index);
	}
	put = next - indices;
	handle->nr_owned -= put;
	pool->nr_puts += put;
	spin_unlock(&pool->lock);

	zcpool_buffers_wake(pool, idle);
	return put;
}

static noinline u32 zcpool_buffers_put_isolated(struct zcpool_pool *pool,
						struct zcpool_handle *handle, const u32 *indices,
						u32 count, int *error)
{
	return zcpool_buffers_put_all(pool, handle, indices, count, true, error);
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
	if (unlikely(pool->geometry.isolated))
		return zcpool_buffers_put_isolated(pool, handle, indices, count, error);
	return zcpool_buffers_put_all(pool, handle, indices, count, false, error);
}

/* Put what was on its way to a handle. */
static u32 zcpool_buffers_disown_incoming(struct zcpool_pool *pool, struct zcpool_handle *handle)
{
	u32 idle = 0;
	u32 index;

	while ((index = zcpool_queue_pop(pool, &handle->incoming)) != ZCPOOL_NO_BUFFER) {
		/* It has the sender's bytes, and was perhaps received once: see RECEIVE. */
		if (pool->geometry.isolated)
			zcpool_isolated_withdraw(pool, NULL, NULL, index);
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
				zcpool_isolated_withdraw(pool, handle, NULL, i);
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
			zcpool_queue_add_first(pool, &pool->idle, index);
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
		zcpool_queue_add_first(pool, &pool->idle, index);
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
