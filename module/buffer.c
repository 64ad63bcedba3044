// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life cycle of buffers: idle -> owned -> in flight or idle.
 *
 * An unowned buffer is on one of two lists.  Those on zcpool_pool.idle are
 * presumed free, those on zcpool_pool.in_flight were seen to be held.  Neither
 * list is proof: whoever can map the pool can also pin or send an unowned
 * buffer.  So GET judges every buffer in the moment it hands it out, and PUT,
 * which cannot know how long a transfer takes, only sorts.
 */
#include <linux/nospec.h>
#include <linux/pagemap.h>
#include <linux/sched.h>

#include "trace.h"
#include "zcpool.h"

/* Most buffers in flight that one call looks at. */
#define ZCPOOL_SCAN_MAX 1024U

/*
 * Whether nobody but the pool and page tables refers to a folio.
 *
 * Every page table entry, pipe slot, socket fragment and pin has a reference,
 * and page table entries are also counted in the mapcount.  So a folio is held
 * by somebody else exactly if its references exceed its mapcount plus the
 * pool's own one.  The two counts cannot be read at once:
 *
 *  - A fault takes a reference, then raises the mapcount.  It does both under
 *    the folio lock (zcpool_fault() returns VM_FAULT_LOCKED), which is held here.
 *  - A zap lowers the mapcount, then drops the reference (page_remove_rmap()
 *    ahead of the mmu gather).  Reading the references first, a zap in between
 *    makes the mapcount too small: held.
 *  - fork() copies no page tables of these VMAs (vma_needs_copy()).
 *  - A pin, pipe slot or fragment that comes or goes changes references only.
 *    Nobody but the owner has a right to start one, and a buffer without owner
 *    is judged again before it is handed out.
 *
 * If the only reference is the pool's, no page table entry has one either.
 *
 * The new owner writes to the folio only if this returns true, and so after the
 * reference count was read; the holder's last access came before it dropped its
 * reference by a fully ordered read-modify-write.  Hence no write is seen by a
 * former holder.
 */
static bool zcpool_folio_idle(struct folio *folio)
{
	int refs, maps;

	if (folio_ref_count(folio) == 1)
		return true;
	/* A fault or truncated reader has it: look again later. */
	if (!folio_trylock(folio))
		return false;
	refs = folio_ref_count(folio);
	smp_rmb(); /* pairs with the order in which a zap takes both down */
	maps = zcpool_folio_mapcount(folio);
	folio_unlock(folio);
	return refs - maps == 1;
}

static struct folio **zcpool_buffer_folios(const struct zcpool_pool *pool,
					   const struct zcpool_buffer *buffer)
{
	return &pool->memory.folios[(u64)zcpool_buffer_index(pool, buffer) *
				    pool->folios_per_buffer];
}

static bool zcpool_buffer_idle(const struct zcpool_pool *pool, const struct zcpool_buffer *buffer)
{
	struct folio **folios = zcpool_buffer_folios(pool, buffer);
	unsigned int i;

	for (i = 0; i < pool->folios_per_buffer; i++)
		if (!zcpool_folio_idle(folios[i]))
			return false;
	return true;
}

static int zcpool_buffer_refs(const struct zcpool_pool *pool, const struct zcpool_buffer *buffer)
{
	struct folio **folios = zcpool_buffer_folios(pool, buffer);
	unsigned int i;
	int refs = 0;

	for (i = 0; i < pool->folios_per_buffer; i++)
		refs += folio_ref_count(folios[i]);
	return refs;
}

static void zcpool_buffer_set_in_flight(struct zcpool_pool *pool, struct zcpool_buffer *buffer)
{
	list_move_tail(&buffer->node, &pool->in_flight);
	pool->nr_in_flight++;
}

static void zcpool_buffer_set_free(struct zcpool_pool *pool, struct zcpool_buffer *buffer)
{
	list_move(&buffer->node, &pool->idle);
	pool->nr_in_flight--;
	trace_zcpool_free(pool, zcpool_buffer_index(pool, buffer));
}

/*
 * The buffer in flight that was put longest ago, if it is free by now.  If it
 * is not, it is stepped over: the next call looks at the next one.
 */
static struct zcpool_buffer *zcpool_buffer_landed(struct zcpool_pool *pool)
{
	struct zcpool_buffer *buffer;

	buffer = list_first_entry(&pool->in_flight, struct zcpool_buffer, node);
	if (zcpool_buffer_idle(pool, buffer)) {
		zcpool_buffer_set_free(pool, buffer);
		return buffer;
	}
	list_move_tail(&buffer->node, &pool->in_flight);
	return NULL;
}

/*
 * Find a free buffer and leave it first in the idle list.  Takes at most *@scan
 * looks at buffers in flight, and counts it down.  May drop the pool's lock for
 * a moment, but not between its last look and its return.
 */
static struct zcpool_buffer *zcpool_buffer_find(struct zcpool_pool *pool, u32 *scan)
{
	struct zcpool_buffer *buffer;

	lockdep_assert_held(&pool->lock);
	while (!list_empty(&pool->idle)) {
		buffer = list_first_entry(&pool->idle, struct zcpool_buffer, node);
		if (zcpool_buffer_idle(pool, buffer))
			return buffer;
		zcpool_buffer_set_in_flight(pool, buffer);
		cond_resched_lock(&pool->lock);
	}
	while (*scan && !list_empty(&pool->in_flight)) {
		--*scan;
		buffer = zcpool_buffer_landed(pool);
		if (buffer)
			return buffer;
		cond_resched_lock(&pool->lock);
	}
	return NULL;
}

static u32 zcpool_scan_budget(const struct zcpool_pool *pool)
{
	return min(pool->nr_in_flight, ZCPOOL_SCAN_MAX);
}

/**
 * zcpool_buffers_init() - make all buffers of a new pool idle
 * @pool: pool with its memory and zeroed buffers
 */
void zcpool_buffers_init(struct zcpool_pool *pool)
{
	u32 i;

	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->idle);
	INIT_LIST_HEAD(&pool->in_flight);
	for (i = 0; i < pool->geometry.count; i++)
		list_add_tail(&pool->buffers[i].node, &pool->idle);
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
	u32 scan, taken;

	spin_lock(&pool->lock);
	scan = zcpool_scan_budget(pool);
	for (taken = 0; taken < count; taken++) {
		struct zcpool_buffer *buffer = zcpool_buffer_find(pool, &scan);

		if (!buffer)
			break;
		buffer->owner = handle;
		buffer->refs = zcpool_buffer_refs(pool, buffer);
		list_move(&buffer->node, &handle->owned);
		indices[taken] = zcpool_buffer_index(pool, buffer);
		trace_zcpool_get(pool, indices[taken]);
	}
	handle->nr_owned += taken;
	pool->nr_owned += taken;
	spin_unlock(&pool->lock);
	return taken;
}

/* Sort a buffer that is given up. */
static void zcpool_buffer_disown(struct zcpool_pool *pool, struct zcpool_buffer *buffer)
{
	bool in_flight;

	/*
	 * No more references than in idle times: most likely idle again, and the
	 * last touched is the first to be handed out, warm in the cache.
	 * Otherwise somebody holds it, or more of it is mapped now.
	 */
	in_flight = zcpool_buffer_refs(pool, buffer) > buffer->refs &&
		    !zcpool_buffer_idle(pool, buffer);
	buffer->owner->nr_owned--;
	pool->nr_owned--;
	buffer->owner = NULL;
	if (in_flight)
		zcpool_buffer_set_in_flight(pool, buffer);
	else
		list_move(&buffer->node, &pool->idle);
	trace_zcpool_put(pool, zcpool_buffer_index(pool, buffer), in_flight);
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
	u32 put;

	*error = 0;
	spin_lock(&pool->lock);
	for (put = 0; put < count; put++) {
		struct zcpool_buffer *buffer;

		if (indices[put] >= pool->geometry.count) {
			*error = -ERANGE;
			break;
		}
		buffer = &pool->buffers[array_index_nospec(indices[put], pool->geometry.count)];
		if (buffer->owner != handle) {
			*error = -EPERM;
			break;
		}
		zcpool_buffer_disown(pool, buffer);
	}
	spin_unlock(&pool->lock);

	if (put)
		zcpool_wake(pool, put);
	return put;
}

/**
 * zcpool_buffers_disown() - put all buffers of a handle that goes away
 * @pool: pool
 * @handle: handle that nobody uses any more
 */
void zcpool_buffers_disown(struct zcpool_pool *pool, struct zcpool_handle *handle)
{
	u32 put = 0;

	spin_lock(&pool->lock);
	while (!list_empty(&handle->owned)) {
		zcpool_buffer_disown(pool, list_first_entry(&handle->owned, struct zcpool_buffer,
							    node));
		put++;
		cond_resched_lock(&pool->lock);
	}
	spin_unlock(&pool->lock);

	if (put)
		zcpool_wake(pool, put);
}

/**
 * zcpool_buffers_rescan() - look for buffers in flight that have become free
 * @pool: pool
 *
 * Looks at a bounded number of them, those first that were not looked at for
 * the longest time.
 *
 * Return: how many were found.
 */
u32 zcpool_buffers_rescan(struct zcpool_pool *pool)
{
	u32 found = 0;
	u32 scan;

	spin_lock(&pool->lock);
	for (scan = zcpool_scan_budget(pool); scan && !list_empty(&pool->in_flight); scan--) {
		if (zcpool_buffer_landed(pool))
			found++;
		cond_resched_lock(&pool->lock);
	}
	spin_unlock(&pool->lock);
	return found;
}

/**
 * zcpool_buffers_available() - whether GET would hand out a buffer now
 * @pool: pool
 */
bool zcpool_buffers_available(struct zcpool_pool *pool)
{
	bool available;
	u32 scan;

	spin_lock(&pool->lock);
	scan = zcpool_scan_budget(pool);
	available = zcpool_buffer_find(pool, &scan);
	spin_unlock(&pool->lock);
	return available;
}
