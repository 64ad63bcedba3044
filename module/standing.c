// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffers that something keeps from being free until it ends, not for a transfer:
 * failed memory, and exports.
 *
 * Each takes a reference to the buffer's memory, which makes it look held, at no cost
 * to GET.
 */
#include <linux/mm.h>

#include "zcpool.h"

/* Failed memory and exports are counted but once for a buffer. */
static bool zcpool_buffer_stands(const struct zcpool_buffer *buffer)
{
	return buffer->retired || buffer->exports;
}

/* The first one, whose references hold the buffer as those of any other do. */
static struct folio *zcpool_buffer_folio(const struct zcpool_pool *pool, u32 index)
{
	return pool->memory.folios[(u64)index * pool->geometry.folios_per_buffer];
}

/**
 * zcpool_buffers_hopeless() - whether no buffer will be free before something ends
 * that stands
 * @pool: pool
 *
 * Pins that last are not told from others.
 */
bool zcpool_buffers_hopeless(const struct zcpool_pool *pool)
{
	/* Pairs with zcpool_buffers_stand(), which wakes who came too early to see it. */
	return READ_ONCE(pool->nr_standing) == pool->geometry.count;
}

/* Note that a buffer begins or ends to stand, by the pool's lock. */
static void zcpool_buffer_note(struct zcpool_pool *pool, const struct zcpool_buffer *buffer,
			       bool stood)
{
	bool stands = zcpool_buffer_stands(buffer);

	lockdep_assert_held(&pool->lock);
	WRITE_ONCE(pool->nr_standing, pool->nr_standing + stands - stood);
}

/* Tell those who wait for buffers if there will be none. */
static void zcpool_buffers_stand(struct zcpool_pool *pool)
{
	if (zcpool_buffers_hopeless(pool))
		wake_up_all(&pool->sleepers);
}

static void zcpool_buffer_retire(struct zcpool_pool *pool, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	bool stood;

	spin_lock(&pool->lock);
	if (!buffer->retired) {
		stood = zcpool_buffer_stands(buffer);
		buffer->retired = true;
		zcpool_buffer_note(pool, buffer, stood);
		folio_get(zcpool_buffer_folio(pool, index));
		pr_warn("zcpool: pool %llu: memory of buffer %u failed, it is used no more\n",
			pool->id, index);
	}
	spin_unlock(&pool->lock);
	zcpool_buffers_stand(pool);
}

/**
 * zcpool_buffers_unretire() - let go of failed memory at a pool's end
 * @pool: pool that nobody uses any more, nor what it exported
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

/**
 * zcpool_buffer_failed() - whether memory has an uncorrected hardware error
 * @pool: pool
 * @chunk: part of it
 *
 * Sees to it that a buffer that failed is never handed out again.
 */
bool zcpool_buffer_failed(struct zcpool_pool *pool, const struct zcpool_chunk *chunk)
{
	if (likely(!zcpool_chunk_failed(chunk)))
		return false;
	zcpool_buffer_retire(pool, zcpool_folio_buffer(chunk->folio));
	return true;
}

static void zcpool_buffer_export(struct zcpool_pool *pool, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	bool stood = zcpool_buffer_stands(buffer);

	buffer->exports++;
	zcpool_buffer_note(pool, buffer, stood);
	folio_get(zcpool_buffer_folio(pool, index));
}

static void zcpool_buffer_unexport(struct zcpool_pool *pool, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];

	buffer->exports--;
	zcpool_buffer_note(pool, buffer, true);
	folio_put(zcpool_buffer_folio(pool, index));
}

/**
 * zcpool_buffers_export() - keep buffers from being free while an export lives
 * @pool: pool
 * @first: first of the buffers
 * @last: last of them
 *
 * Context: process; may take a while.
 */
void zcpool_buffers_export(struct zcpool_pool *pool, u32 first, u32 last)
{
	u32 index;

	spin_lock(&pool->lock);
	for (index = first; index <= last; index++) {
		zcpool_buffer_export(pool, index);
		cond_resched_lock(&pool->lock);
	}
	spin_unlock(&pool->lock);
	zcpool_buffers_stand(pool);
}

/**
 * zcpool_buffers_unexport() - undo zcpool_buffers_export()
 * @pool: pool
 * @first: first of the buffers
 * @last: last of them
 */
void zcpool_buffers_unexport(struct zcpool_pool *pool, u32 first, u32 last)
{
	u32 index;

	spin_lock(&pool->lock);
	for (index = first; index <= last; index++) {
		zcpool_buffer_unexport(pool, index);
		cond_resched_lock(&pool->lock);
	}
	spin_unlock(&pool->lock);
	zcpool_wake_hint(pool);
}
