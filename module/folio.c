// SPDX-License-Identifier: GPL-2.0-only
/* Folios: who refers to one, and whether its memory is sound. */
#include <linux/pagemap.h>

#include "slice.h"

/**
 * zcpool_folio_mapped_refs() - judge a folio that has more than the pool's reference
 * @folio: folio
 * @order: its order
 * @faults: number of faults on its buffer
 *
 * Every page table entry, pipe slot, socket fragment and pin has a reference,
 * and page table entries are also counted in the mapcount.  So a folio is held
 * by somebody else exactly if its references exceed its mapcount plus the
 * pool's own one.  The two counts cannot be read at once, and what happens in
 * between must not make a held folio look free:
 *
 *  - A zap lowers the mapcount, then drops the reference (page_remove_rmap()
 *    ahead of the mmu gather).  As the references are read first, a zap in
 *    between makes the mapcount too small: held.
 *  - A fault takes a reference, then raises the mapcount.  In between, that would
 *    hide one holder.  But zcpool_fault() takes the folio lock, which the kernel
 *    keeps until the entry is made (VM_FAULT_LOCKED), and counts itself before
 *    it takes the reference.  So a fault is either seen by its lock before the
 *    counts are read, or by its number after:
 *
 *      zcpool_fault()                  here
 *        lock                            A  read the number of faults
 *        full barrier
 *        number++                        B  if locked: held
 *        full barrier                    C  read references
 *        references++                    D  read mapcount
 *        (kernel) mapcount++             E  if the number has changed: held
 *        (kernel) unlock
 *
 *    If D sees mapcount++, then either the number++ comes before A, and B sees
 *    the lock or else the unlock, thus C the reference too; or E sees it.
 *  - fork() copies no page tables of these VMAs (vma_needs_copy()).
 *  - A pin, pipe slot or fragment that comes or goes changes references only.
 *    Nobody but the owner has a right to start one, and a buffer without owner
 *    is judged again before it is handed out.
 *
 * Return: the references if nobody but the pool and page tables has any, 0 if
 * the folio is held.
 */
int zcpool_folio_mapped_refs(struct folio *folio, unsigned int order, const atomic_t *faults)
{
	int before = atomic_read_acquire(faults); /* A before B */
	int refs, maps;

	if (folio_test_locked(folio))
		return 0;
	smp_rmb(); /* B before C: pairs with folio_unlock() */
	refs = folio_ref_count(folio);
	smp_rmb(); /* C before D: pairs with the order of a zap */
	maps = zcpool_folio_mapcount(folio, order, refs - 1);
	smp_rmb(); /* D before E: pairs with the barrier in zcpool_fault() */
#ifdef ZCPOOL_WEAKENED
	/* All look free: selftests/torture must find that out. */
	return refs;
#endif
	return atomic_read(faults) == before && refs - maps == 1 ? refs : 0;
}

/**
 * zcpool_folio_split_failed() - have a folio with failed memory mapped page by page
 * @folio: folio about to be mapped
 * @order: its order
 *
 * A huge entry would map the failed page with the others, and nobody would be told.
 * So would a kernel that makes all entries of a folio at once.
 *
 * Return: whether some of it failed and the kernel would map it with the rest.
 */
bool zcpool_folio_split_failed(struct folio *folio, unsigned int order)
{
#ifdef CONFIG_MEMORY_FAILURE
	const struct zcpool_chunk all = {
		.folio = folio,
		.length = PAGE_SIZE << order,
	};

	if (order != ZCPOOL_HUGE_ORDER && (!order || !ZCPOOL_KERNEL_MAPS_FOLIOS))
		return false;
	if (likely(!zcpool_chunk_failed(&all)))
		return false;
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
	if (order == ZCPOOL_HUGE_ORDER)
		folio_set_has_hwpoisoned(folio);
#endif
	return ZCPOOL_KERNEL_MAPS_FOLIOS;
#else
	return false;
#endif
}

/**
 * zcpool_chunk_failed() - whether memory has an uncorrected hardware error
 * @chunk: part of a pool
 */
bool zcpool_chunk_failed(const struct zcpool_chunk *chunk)
{
#ifdef CONFIG_MEMORY_FAILURE
	const struct page *page = folio_page(chunk->folio, chunk->offset >> PAGE_SHIFT);
	const struct page *end =
		folio_page(chunk->folio, (chunk->offset + chunk->length - 1) >> PAGE_SHIFT) + 1;
	unsigned long flags = 0;

	/* All together, for there may be 512, and hardly ever is there one. */
#pragma GCC unroll 8
	for (; page < end; page++)
		flags |= zcpool_page_flags(page);
	return flags & BIT(PG_hwpoison);
#else
	return false;
#endif
}
