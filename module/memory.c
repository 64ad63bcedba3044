// SPDX-License-Identifier: GPL-2.0-only
/* The memory of a pool: folios that every user of pages on Linux accepts. */
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "zcpool.h"

/*
 * Allocations below an address, which take memory for a while that is charged to
 * nobody: one at a time.
 */
static DEFINE_MUTEX(zcpool_reach_lock);

/*
 * Compound, so that a pipe slot or socket fragment may span pages; zeroed once,
 * here; charged to the memory cgroup; neither movable nor CMA, so that it can
 * be pinned for long.  RETRY_MAYFAIL: no pool is worth an OOM kill, be it the
 * machine's or the cgroup's (try_charge_memcg() kills for small orders).
 */
#define ZCPOOL_GFP \
	(GFP_KERNEL_ACCOUNT | __GFP_COMP | __GFP_ZERO | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

/**
 * struct zcpool_reach - allocation below a physical address
 * @zone: zone flag now in use
 * @last: highest address in reach
 * @aside: folios out of reach, kept until the end lest they come again
 * @aside_bytes: how much more may be kept aside in this zone
 * @budget: @aside_bytes at the start of a zone
 */
struct zcpool_reach {
	gfp_t zone;
	u64 last;
	struct list_head aside;
	u64 aside_bytes;
	u64 budget;
};

static void zcpool_reach_init(struct zcpool_reach *reach, const struct zcpool_geometry *geometry)
{
	u32 bits = geometry->dma_bits ?: 64;

	reach->last = DMA_BIT_MASK(bits);
	if (bits > 32)
		reach->zone = 0;
	else if (bits > ZCPOOL_DMA_BITS_MIN)
		reach->zone = GFP_DMA32;
	else
		reach->zone = GFP_DMA;

	INIT_LIST_HEAD(&reach->aside);
	/* Memory aside is memory that others lack: no more than the pool's own. */
	reach->budget = max_t(u64, geometry->size, SZ_16M);
	reach->aside_bytes = reach->budget;
}

static bool zcpool_reach_narrow(struct zcpool_reach *reach)
{
	if (reach->zone == GFP_DMA)
		return false;
	reach->zone = reach->zone ? GFP_DMA : GFP_DMA32;
	reach->aside_bytes = reach->budget;
	return true;
}

static void zcpool_reach_end(struct zcpool_reach *reach)
{
	struct folio *folio, *next;

	list_for_each_entry_safe(folio, next, &reach->aside, lru) {
		list_del(&folio->lru);
		folio_put(folio);
	}
}

static struct folio *zcpool_folio_alloc(gfp_t zone, int node, unsigned int order)
{
	struct page *page;

	if (node == NUMA_NO_NODE)
		page = alloc_pages(ZCPOOL_GFP | zone, order);
	else
		page = alloc_pages_node(node, ZCPOOL_GFP | __GFP_THISNODE | zone, order);
	return page ? page_folio(page) : NULL;
}

/*
 * No zone fits a limit exactly: take what the widest zone offers, keep what is
 * out of reach aside, and go on in a narrower zone when that becomes too much.
 */
static struct folio *zcpool_folio_alloc_in_reach(struct zcpool_reach *reach, int node,
						 unsigned int order)
{
	u64 size = PAGE_SIZE << order;

	for (;;) {
		struct folio *folio = zcpool_folio_alloc(reach->zone, node, order);

		if (folio && page_to_phys(folio_page(folio, 0)) + size - 1 <= reach->last)
			return folio;
		if (folio)
			list_add(&folio->lru, &reach->aside);
		if (fatal_signal_pending(current))
			return NULL;
		if (folio && reach->aside_bytes >= size) {
			reach->aside_bytes -= size;
			continue;
		}
		/* No memory at all is no reason to try parts of it, no limit neither. */
		if (reach->last == U64_MAX || !zcpool_reach_narrow(reach))
			return NULL;
	}
}

/**
 * zcpool_array_alloc() - allocate an array with an element for each buffer or folio of a pool
 * @nr: elements
 * @size: bytes of each
 *
 * As kvcalloc(), which however takes a power of two of pages wherever there is one, and so
 * up to twice the memory.
 *
 * Context: process; may sleep for long.  Charged to the current task's memory cgroup.
 *
 * Return: the array, zeroed, for kvfree(); NULL without memory.
 */
void *zcpool_array_alloc(size_t nr, size_t size)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL | __GFP_ZERO;
	size_t bytes = array_size(nr, size);

	return bytes > PAGE_SIZE ? __vmalloc(bytes, gfp) : kmalloc(bytes, gfp);
}

/**
 * zcpool_memory_alloc() - allocate and zero the memory of a pool
 * @memory: filled in; zcpool_memory_free() takes it back
 * @geometry: size, folio order, node and limit
 *
 * Context: process; may sleep for long.
 *
 * Return: 0, -ENOMEM, or -EINTR if the task is being killed.
 */
int zcpool_memory_alloc(struct zcpool_memory *memory, const struct zcpool_geometry *geometry)
{
	unsigned int shift = PAGE_SHIFT + geometry->order;
	unsigned long nr = geometry->size >> shift;
	struct zcpool_reach reach;
	bool limited = geometry->dma_bits && geometry->dma_bits < 64;
	int error = 0;

	memory->nr = 0;
	memory->order = geometry->order;
	memory->folios = zcpool_array_alloc(nr, sizeof(*memory->folios));
	if (!memory->folios)
		return -ENOMEM;

	if (limited && mutex_lock_killable(&zcpool_reach_lock)) {
		kvfree(memory->folios);
		return -EINTR;
	}
	zcpool_reach_init(&reach, geometry);
	while (memory->nr < nr) {
		struct folio *folio;

		folio = zcpool_folio_alloc_in_reach(&reach, geometry->node, geometry->order);
		if (!folio) {
			error = fatal_signal_pending(current) ? -EINTR : -ENOMEM;
			break;
		}
		/*
		 * do_set_pmd() looks here for the folio's place in its file.
		 * The folio's mapping stays NULL: it is no page cache, and its
		 * private field is its owner's.
		 */
		folio->index = memory->nr << geometry->order;
		folio->private = (void *)(memory->nr / geometry->folios_per_buffer);
		memory->folios[memory->nr++] = folio;
		cond_resched();
		if (fatal_signal_pending(current)) {
			error = -EINTR;
			break;
		}
	}
	zcpool_reach_end(&reach);
	if (limited)
		mutex_unlock(&zcpool_reach_lock);
	if (error)
		zcpool_memory_free(memory);
	return error;
}

/**
 * zcpool_memory_free() - give memory back that was never in a pool
 * @memory: memory
 */
void zcpool_memory_free(struct zcpool_memory *memory)
{
	unsigned long i;

	for (i = 0; i < memory->nr; i++) {
		folio_put(memory->folios[i]);
		cond_resched();
	}
	kvfree(memory->folios);
}
