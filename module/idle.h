/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether anybody but the pool and page tables refers to a folio. */
#ifndef ZCPOOL_IDLE_H
#define ZCPOOL_IDLE_H

#include "compat.h"

/* selftests/torture must find that out. */
#ifdef ZCPOOL_WEAKENED
#define ZCPOOL_ALL_LOOK_FREE true
#else
#define ZCPOOL_ALL_LOOK_FREE false
#endif

/**
 * zcpool_folio_only_mapped() - judge a folio that has more than the pool's reference
 * @folio: folio
 * @order: its order
 * @faults: number of faults on its buffer
 * @refs: its references, if only page tables and the pool have some
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
 *  - fork() copies no page tables of these VMAs (vma_needs_copy()).  It would where a privileged
 *    program has their writes watched by userfaultfd (UFFD_FEATURE_WP_ASYNC, EVENT_FORK), which
 *    kernels refuse that look for VM_SPECIAL first: 6.12.107 and 7.2 do, 6.12.95 did not.
 *  - A pin, pipe slot or fragment that comes or goes changes references only.
 *    Nobody but the owner has a right to start one, and a buffer without owner
 *    is judged again before it is handed out.
 *
 * Return: whether nobody but the pool and page tables refers to the folio.
 */
static __always_inline bool zcpool_folio_only_mapped(struct folio *folio, unsigned int order,
						     const atomic_t *faults, int *refs)
{
	int before = atomic_read_acquire(faults); /* A before B */
	int now, maps;

	if (folio_test_locked(folio))
		return false;
	smp_rmb(); /* B before C: pairs with folio_unlock() */
	now = folio_ref_count(folio);
	smp_rmb(); /* C before D: pairs with the order of a zap */
	maps = zcpool_folio_mapcount(folio, order, now - 1);
	smp_rmb(); /* D before E: pairs with the barrier in zcpool_fault() */
	if (unlikely(atomic_read(faults) != before || now - maps != 1) && !ZCPOOL_ALL_LOOK_FREE)
		return false;
	*refs = now;
	return true;
}

/**
 * zcpool_folio_idle() - judge a folio
 * @folio: folio
 * @order: its order
 * @faults: number of faults on its buffer
 * @refs: its references, if only page tables and the pool have some
 *
 * The new owner accesses the buffer only if this returns true, and so after the
 * reference counts were read; a holder's last access came before it dropped its
 * reference by a fully ordered read-modify-write.  Hence no former holder sees the
 * new owner's writes, and the new owner sees what a holder wrote.
 *
 * Return: whether nobody but the pool and page tables refers to the folio.
 */
static __always_inline bool zcpool_folio_idle(struct folio *folio, unsigned int order,
					      const atomic_t *faults, int *refs)
{
	/* If the only reference is the pool's, no page table entry has one either. */
	if (folio_ref_count(folio) == 1)
		*refs = 1;
	else if (!zcpool_folio_only_mapped(folio, order, faults, refs))
		return false;
	/* Pairs with the holder's last atomic_dec_and_test(), see above. */
	smp_acquire__after_ctrl_dep();
	return true;
}

#endif /* ZCPOOL_IDLE_H */
