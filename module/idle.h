/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether anybody but the pool and page tables refers to a folio. */
#ifndef ZCPOOL_IDLE_H
#define ZCPOOL_IDLE_H

#include "compat.h"

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
static __always_inline int zcpool_folio_mapped_refs(struct folio *folio, unsigned int order,
						    const atomic_t *faults)
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
 * zcpool_folio_idle_refs() - judge a folio
 * @folio: folio
 * @order: its order
 * @faults: number of faults on its buffer
 *
 * Return: as zcpool_folio_mapped_refs().
 */
static __always_inline int zcpool_folio_idle_refs(struct folio *folio, unsigned int order,
						  const atomic_t *faults)
{
	int refs = folio_ref_count(folio);

	/* If the only reference is the pool's, no page table entry has one either. */
	if (refs == 1)
		return refs;
	return zcpool_folio_mapped_refs(folio, order, faults);
}

#endif /* ZCPOOL_IDLE_H */
