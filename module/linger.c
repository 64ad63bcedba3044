// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pools that have ended while sockets or pins still hold part of their memory.
 *
 * Nobody can reach such a pool, but what is held was charged to its creator, and
 * a program that could shed the charge by closing the pool could take all of the
 * machine's memory, a byte of each folio in some socket.  So the pool lingers,
 * charged, until the last folio is free.  Of that nobody tells, so a work looks,
 * ever less often; it does not run while no pool lingers.
 */
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "slice.h"

/* First delay of the work, and the longest that doubling it leads to. */
#define ZCPOOL_LINGER_MIN (HZ / 50)
#define ZCPOOL_LINGER_MAX HZ

static void zcpool_linger_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(zcpool_linger_again, zcpool_linger_work);

/* Protects the list, the pools on it, and the delay. */
static DEFINE_MUTEX(zcpool_linger_lock);
static LIST_HEAD(zcpool_lingering);
static unsigned long zcpool_linger_delay;

/*
 * Memory that failed is not given back: the page allocator looks for failed pages
 * when it refills a processor's list, not when it takes from it what was just freed.
 */
static bool zcpool_folio_failed(const struct zcpool_memory *memory, struct folio *folio)
{
	const struct zcpool_chunk all = {
		.folio = folio,
		.length = PAGE_SIZE << memory->order,
	};

	return zcpool_chunk_failed(&all);
}

/*
 * Give back, and uncharge, what nobody holds; @all: what is held as well, whose
 * last holder then frees it.  Nobody new can come: there is no way to the pool.
 * Frees the pool and returns true if that was all.
 */
static bool zcpool_linger_drain(struct zcpool_pool *pool, bool all)
{
	struct zcpool_memory *memory = &pool->memory;
	unsigned long nr = memory->nr;
	unsigned long i;

	memory->nr = 0;
	for (i = 0; i < nr; i++) {
		struct folio *folio = memory->folios[i];

		if (!all && folio_ref_count(folio) != 1)
			memory->folios[memory->nr++] = folio;
		else if (!zcpool_folio_failed(memory, folio))
			folio_put(folio);
		cond_resched();
	}
	zcpool_uncharge(&pool->charge, (u64)(nr - memory->nr) << (PAGE_SHIFT + memory->order));
	if (memory->nr)
		return false;
	kvfree(memory->folios);
	kfree(pool);
	return true;
}

static void zcpool_linger_drain_each(bool all)
{
	struct zcpool_pool *pool, *next;

	list_for_each_entry_safe(pool, next, &zcpool_lingering, lingering) {
		list_del(&pool->lingering);
		if (!zcpool_linger_drain(pool, all))
			list_add(&pool->lingering, &zcpool_lingering);
	}
}

static void zcpool_linger_work(struct work_struct *work)
{
	mutex_lock(&zcpool_linger_lock);
	zcpool_linger_drain_each(false);
	if (!list_empty(&zcpool_lingering)) {
		zcpool_skb_defer_kick();
		zcpool_linger_delay =
			min_t(unsigned long, zcpool_linger_delay * 2, ZCPOOL_LINGER_MAX);
		queue_delayed_work(zcpool_unbound_wq, &zcpool_linger_again, zcpool_linger_delay);
	}
	mutex_unlock(&zcpool_linger_lock);
}

/**
 * zcpool_linger() - free a pool that has ended, as soon as nobody holds its memory
 * @pool: pool without file, buffers and timer; freed now or later
 *
 * Context: process.
 */
void zcpool_linger(struct zcpool_pool *pool)
{
	if (zcpool_linger_drain(pool, false))
		return;
	mutex_lock(&zcpool_linger_lock);
	/* A work that is queued is not put off by who comes later. */
	if (list_empty(&zcpool_lingering))
		zcpool_linger_delay = ZCPOOL_LINGER_MIN;
	list_add(&pool->lingering, &zcpool_lingering);
	queue_delayed_work(zcpool_unbound_wq, &zcpool_linger_again, zcpool_linger_delay);
	mutex_unlock(&zcpool_linger_lock);
}

/**
 * zcpool_linger_end() - leave what is still held to its holders
 *
 * Called when the module goes, and with it the charges.
 */
void zcpool_linger_end(void)
{
	cancel_delayed_work_sync(&zcpool_linger_again);
	zcpool_linger_drain_each(true);
}
