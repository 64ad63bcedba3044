// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that something keeps from being free until it ends, not for a transfer:
 * failed memory, exports and views.
 *
 * Each takes a reference to the buffer's memory, so that PUT takes it for held; and
 * GET, which must not be fooled by fork() of a private mapping of a view, looks for
 * them before it counts, in a pool that has any.
 */
#include <linux/mm.h>

#include "slice.h"

/**
 * zcpool_buffers_hopeless() - whether no buffer will be free before something ends
 * that stands
 * @pool: pool
 *
 * Pins that last are not told from others.
 */
bool zcpool_buffers_hopeless(const struct zcpool_pool *pool)
{
	/* Pairs with zcpool_buffers_tell(), which wakes who came too early to see it. */
	return READ_ONCE(pool->nr_standing) == pool->geometry.count;
}

/**
 * zcpool_buffers_failed() - whether the memory of every buffer failed
 * @pool: pool
 *
 * Unlike exports and views that does not end, so that it is an error to who polls.
 */
bool zcpool_buffers_failed(const struct zcpool_pool *pool)
{
	return READ_ONCE(pool->nr_retired) == pool->geometry.count;
}

/* Tell those who wait for buffers if there will be none. */
static void zcpool_buffers_tell(struct zcpool_pool *pool)
{
	if (zcpool_buffers_hopeless(pool))
		wake_up_all(&pool->sleepers);
}

/*
 * Note that a buffer has one thing more or less that stands, and take or drop the
 * reference for it; by the pool's lock.
 */
static void zcpool_buffer_note(struct zcpool_pool *pool, u32 index, bool stood, bool more)
{
	bool stands = zcpool_buffer_stands(&pool->buffers[index]);

	lockdep_assert_held(&pool->lock);
	WRITE_ONCE(pool->nr_standing, pool->nr_standing + stands - stood);
	pool->plain = !pool->nr_standing && pool->geometry.folios_per_buffer == 1;
	if (more)
		folio_get(zcpool_buffer_folio(pool, index));
	else
		folio_put(zcpool_buffer_folio(pool, index));
}

/**
 * zcpool_buffer_retire() - never hand out a buffer again, since some of its memory failed
 * @pool: pool
 * @index: buffer of it, maybe one that was retired before
 */
void zcpool_buffer_retire(struct zcpool_pool *pool, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	bool stood, last = false;

	spin_lock(&pool->lock);
	if (!buffer->retired) {
		stood = zcpool_buffer_stands(buffer);
		buffer->retired = true;
		zcpool_buffer_note(pool, index, stood, true);
		WRITE_ONCE(pool->nr_retired, pool->nr_retired + 1);
		last = zcpool_buffers_failed(pool);
		pr_warn("zcpool: pool %llu: memory of buffer %u failed, it is used no more\n",
			pool->id, index);
	}
	spin_unlock(&pool->lock);
	zcpool_buffers_tell(pool);
	if (last)
		zcpool_events_fail(pool);
}

/**
 * zcpool_buffers_unretire() - let go of failed memory at a pool's end
 * @pool: pool that nobody uses any more, nor its exports and views
 */
void zcpool_buffers_unretire(struct zcpool_pool *pool)
{
	u32 i;

	for (i = 0; pool->nr_standing; i++) {
		if (!pool->buffers[i].retired)
			continue;
		folio_put(zcpool_buffer_folio(pool, i));
		pool->nr_standing--;
	}
}

static int zcpool_buffer_hold(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			      u32 index, enum zcpool_standing kind)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	bool stood = zcpool_buffer_stands(buffer);

	if (pool->geometry.isolated && buffer->owner != handle)
		return -EPERM;
	if (kind == ZCPOOL_STANDING_EXPORT ? buffer->exports == ZCPOOL_EXPORTS_MAX :
					     buffer->views == ZCPOOL_VIEWS_MAX)
		return -EMLINK;
	if (kind == ZCPOOL_STANDING_EXPORT)
		buffer->exports++;
	else
		buffer->views++;
	zcpool_buffer_note(pool, index, stood, true);
	return 0;
}

static void zcpool_buffer_unhold(struct zcpool_pool *pool, u32 index, enum zcpool_standing kind)
{
	if (kind == ZCPOOL_STANDING_EXPORT)
		pool->buffers[index].exports--;
	else
		pool->buffers[index].views--;
	zcpool_buffer_note(pool, index, true, false);
}

static void zcpool_span_unhold(struct zcpool_pool *pool, struct zcpool_span span,
			       enum zcpool_standing kind)
{
	lockdep_assert_held(&pool->lock);
	for (; span.first < span.end; span.first++) {
		zcpool_buffer_unhold(pool, span.first, kind);
		cond_resched_lock(&pool->lock);
	}
}

/**
 * zcpool_slice_hold() - keep a slice's buffers from being free
 * @pool: pool
 * @handle: for whom
 * @slice: slice of it
 * @kind: by what
 *
 * Context: process; may take a while.
 *
 * Return: 0, -EMLINK if a buffer has as many of that kind as can be counted, or -EPERM if
 * the pool is isolated and @handle does not own all of the slice.
 */
int zcpool_slice_hold(struct zcpool_pool *pool, const struct zcpool_handle *handle,
		      const struct zcpool_slice *slice, enum zcpool_standing kind)
{
	struct zcpool_span span = zcpool_slice_span(pool, slice);
	struct zcpool_span done = span;
	int error = 0;

	spin_lock(&pool->lock);
	for (done.end = span.first; done.end < span.end; done.end++) {
		error = zcpool_buffer_hold(pool, handle, done.end, kind);
		if (error) {
			zcpool_span_unhold(pool, done, kind);
			break;
		}
		cond_resched_lock(&pool->lock);
	}
	spin_unlock(&pool->lock);
	zcpool_buffers_tell(pool);
	return error;
}

/**
 * zcpool_slice_unhold() - undo zcpool_slice_hold()
 * @pool: pool
 * @slice: slice of it
 * @kind: by what
 */
void zcpool_slice_unhold(struct zcpool_pool *pool, const struct zcpool_slice *slice,
			 enum zcpool_standing kind)
{
	spin_lock(&pool->lock);
	zcpool_span_unhold(pool, zcpool_slice_span(pool, slice), kind);
	spin_unlock(&pool->lock);
	zcpool_wake_hint(pool);
}
