// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEAL: buffers whose content does not change.
 *
 * First a buffer is marked.  From then on whoever would begin to write to it meets the
 * mark: page faults of mappings that can be written, mprotect(), copies into the pool,
 * exports.  Then its page table entries are taken away, and only then its references are
 * counted: what remains of them may be a writer's, for a pin does not tell what for it
 * was made.  If there is one too many the mark goes again.
 *
 * Why no writer is missed:
 *
 *  - Page faults hold the folio lock from before they look at the mark until their entry
 *    is made (VM_FAULT_LOCKED), and the sealer holds it over zap and count.  So a fault
 *    comes ahead, and its entry is zapped, or behind, and sees the mark.
 *  - mprotect() makes the entries of a shared mapping writable without a fault.  Who asks
 *    zcpool_mprotect() too early to see the mark holds mmap_lock for writing until it has
 *    done so, which keeps out every fault of that process (vmf_can_call_fault(), as we
 *    have no ->map_pages: none goes by the lock of the mapping alone).  So what it changes
 *    are entries from before the mark, which the zap takes, ahead of it or behind it.
 *  - mremap() moves entries, and fork() copies those of private mappings, but the walk of
 *    unmap_mapping_range() misses none: move_page_tables() keeps it out, by
 *    need_rmap_locks, if the new place comes ahead of the old one in the tree, and
 *    dup_mmap() puts the child's mapping into the tree right behind the parent's before it
 *    copies.  So after the zap no entry of the folio is left anywhere.
 *  - Pins are made from entries.  get_user_pages_fast() takes its reference and then looks
 *    whether the entry is still there (gup_fast_pte_range()): either the count sees
 *    the reference, or it sees that the entry is gone.  The slow path does both under the
 *    page table's lock, which the zap takes.
 *  - A copy into the pool is a holder while it lasts: zcpool_write_begin().
 *  - Exports that can be written to are counted under the pool's lock, ahead of their
 *    existence.
 *
 * The lock of the buffer's first folio is that of the decision: it is held from the mark
 * until it is clear whether it stays.  A folio lock ahead of i_mmap_rwsem is the
 * kernel's own order (mm/rmap.c; unmap_mapping_folio() is called so).
 */
#include <linux/nospec.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "ioctl.h"
#include "seal.h"
#include "slice.h"

/*
 * How often to look for references to go: who loses a race of faults unlocks the folio
 * first and drops its reference then (do_shared_fault()).
 */
#define ZCPOOL_SEAL_LOOKS 64

static void zcpool_seal_set(struct zcpool_pool *pool, struct zcpool_buffer *buffer, u8 seal)
{
	lockdep_assert_held(&pool->lock);
	WRITE_ONCE(pool->nr_sealed, pool->nr_sealed + !!seal - !!buffer->seal);
	/* Pairs with READ_ONCE() of those who would write: see above. */
	WRITE_ONCE(buffer->seal, seal);
}

/* Whether nothing refers to a folio but the pool, and what stands and does not write. */
static bool zcpool_folio_quiet(struct zcpool_pool *pool, u32 index, struct folio *folio)
{
	const struct zcpool_buffer *buffer = &pool->buffers[index];
	int refs = 1;
	bool quiet;

	/* What stands has its references at the first folio, and takes them by this lock. */
	spin_lock(&pool->lock);
	if (folio == zcpool_buffer_folio(pool, index))
		refs += buffer->exports + buffer->views + buffer->retired;
	quiet = folio_ref_count(folio) == refs;
	spin_unlock(&pool->lock);
	return quiet;
}

/* The same, once no page table entry has a reference; the folio is locked. */
static bool zcpool_folio_settle(struct zcpool_pool *pool, u32 index, struct folio *folio)
{
	int look;

	zcpool_folio_unmap(pool, folio);
	for (look = 0; look < ZCPOOL_SEAL_LOOKS; look++) {
		if (zcpool_folio_quiet(pool, index, folio))
			return true;
		cpu_relax();
	}
	return false;
}

/* The same for a buffer, whose first folio is locked. */
static bool zcpool_buffer_settle(struct zcpool_pool *pool, u32 index)
{
	struct folio **first = &pool->memory.folios[(u64)index * pool->geometry.folios_per_buffer];
	struct folio **end = first + pool->geometry.folios_per_buffer;
	struct folio **folio;
	bool quiet;

	/* The mark ahead of the counts: pairs with the barrier in zcpool_write_begin(). */
	smp_mb();
	quiet = zcpool_folio_settle(pool, index, *first);
	for (folio = first + 1; quiet && folio < end; folio++) {
		folio_lock(*folio);
		quiet = zcpool_folio_settle(pool, index, *folio);
		folio_unlock(*folio);
		cond_resched();
	}
	return quiet;
}

/*
 * Mark a buffer.  Returns 1 if it is sealed already: that it was decided is known by the
 * folio lock.  If a SEND has begun it that may end it again, it stays if SEAL asks.
 */
static int zcpool_seal_mark(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 index,
			    u8 seal, bool hold)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	int ret = 0;

	spin_lock(&pool->lock);
	if (buffer->owner != handle)
		ret = -EPERM;
	else if (buffer->seal)
		ret = 1;
	else if (!handle->writes)
		ret = -EACCES; /* it would keep those from writing who may */
	else if (buffer->writers)
		ret = -EBUSY;
	else
		zcpool_seal_set(pool, buffer, seal | ZCPOOL_SEAL_UNDECIDED);
	if (ret > 0 && hold)
		folio_get(zcpool_buffer_folio(pool, index));
	else if (ret > 0)
		zcpool_seal_set(pool, buffer, buffer->seal & ~ZCPOOL_SEAL_REVOCABLE);
	spin_unlock(&pool->lock);
	return ret;
}

static int zcpool_seal_decide(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			      u32 index, u8 seal, bool hold)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	bool quiet = zcpool_buffer_settle(pool, index);
	int error = quiet ? 0 : -EBUSY;

	spin_lock(&pool->lock);
	/* Another thread may have put it, and GET handed it out, which ends a seal. */
	if (!buffer->seal || (hold && buffer->owner != handle))
		error = -EPERM;
	zcpool_seal_set(pool, buffer, error ? 0 : seal);
	if (!error && hold)
		folio_get(zcpool_buffer_folio(pool, index));
	spin_unlock(&pool->lock);
	return error;
}

/**
 * zcpool_buffer_seal() - seal a buffer
 * @pool: pool
 * @handle: its owner
 * @index: buffer of the pool
 * @seal: ZCPOOL_SEALED, maybe with ZCPOOL_SEAL_UNTIL_FREE and ZCPOOL_SEAL_REVOCABLE
 * @hold: for a SEND: take a reference to the buffer's first folio, so that it stays sealed
 *
 * Context: process; waits for page faults on the buffer.
 *
 * Return: 0 if it was sealed now, 1 if it was before, -EPERM if @handle does not own it,
 * -EACCES if @handle may not write, or -EBUSY if anything holds it but mappings and what stands
 * and cannot write.
 */
int zcpool_buffer_seal(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 index, u8 seal,
		       bool hold)
{
	struct folio *first = zcpool_buffer_folio(pool, index);
	int ret;

	folio_lock(first);
	ret = zcpool_seal_mark(pool, handle, index, seal, hold);
	if (!ret)
		ret = zcpool_seal_decide(pool, handle, index, seal, hold);
	folio_unlock(first);
	return ret;
}

/**
 * zcpool_buffer_stay_sealed() - have no SEND take back a buffer's seal
 * @pool: pool
 * @index: buffer of it that is sealed, and held by a reference, so that it stays so
 */
void zcpool_buffer_stay_sealed(struct zcpool_pool *pool, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];

	spin_lock(&pool->lock);
	zcpool_seal_set(pool, buffer, buffer->seal & ~ZCPOOL_SEAL_REVOCABLE);
	spin_unlock(&pool->lock);
}

static int zcpool_unseal_mark(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 index,
			      u8 seal)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	int error = 0;

	spin_lock(&pool->lock);
	if (buffer->owner != handle || (buffer->seal && !(buffer->seal & seal)))
		error = -EPERM;
	else if (buffer->seal)
		zcpool_seal_set(pool, buffer, buffer->seal | ZCPOOL_SEAL_ENDING);
	spin_unlock(&pool->lock);
	return error;
}

/*
 * An owner that it had meanwhile may have given it to a holder behind the count, so the seal
 * stays even if he has given it back.
 */
static int zcpool_unseal_decide(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	int error = 0;

	/* By the zap, since fork() of private mappings deceives who counts entries. */
	if (READ_ONCE(buffer->seal) && !zcpool_buffer_settle(pool, index))
		error = -EBUSY;
	spin_lock(&pool->lock);
	if (buffer->owner != handle || (buffer->seal && !(buffer->seal & ZCPOOL_SEAL_ENDING)))
		error = -EPERM;
	zcpool_seal_set(pool, buffer, error ? buffer->seal & ~ZCPOOL_SEAL_ENDING : 0);
	spin_unlock(&pool->lock);
	return error;
}

/**
 * zcpool_buffer_unseal() - undo zcpool_buffer_seal()
 * @pool: pool
 * @handle: the buffer's owner
 * @index: buffer of the pool, sealed or not
 * @seal: which seals to end: ZCPOOL_SEALED for any, or ZCPOOL_SEAL_REVOCABLE
 *
 * Context: process; waits for page faults on the buffer.
 *
 * Return: 0, -EPERM if @handle does not own it all the time or the seal is another, or -EBUSY
 * if something holds it for which it was sealed.
 */
int zcpool_buffer_unseal(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 index, u8 seal)
{
	struct folio *first = zcpool_buffer_folio(pool, index);
	int error;

	folio_lock(first);
	error = zcpool_unseal_mark(pool, handle, index, seal);
	if (!error)
		error = zcpool_unseal_decide(pool, handle, index);
	folio_unlock(first);
	return error;
}

/**
 * zcpool_seal_pass_on() - a sealed buffer gets another owner
 * @pool: pool, its lock held
 * @buffer: buffer of it
 */
void zcpool_seal_pass_on(struct zcpool_pool *pool, struct zcpool_buffer *buffer)
{
	zcpool_seal_set(pool, buffer, buffer->seal & ~ZCPOOL_SEAL_ENDING);
}

/**
 * zcpool_buffers_unseal() - unseal buffers that are handed out
 * @pool: pool, its lock held
 * @indices: the buffers, free until now
 * @count: how many
 */
void zcpool_buffers_unseal(struct zcpool_pool *pool, const u32 *indices, u32 count)
{
	while (count--)
		zcpool_seal_set(pool, &pool->buffers[indices[count]], 0);
}

/**
 * zcpool_buffer_stays_sealed() - look at a seal, and end it if it has served
 * @pool: pool
 * @index: buffer of the pool
 *
 * A buffer that was sealed until it is free is unsealed by the first who would write to
 * it when it is: nobody has to watch for that moment.
 *
 * Context: process, no folio locked; waits for who is about to seal it.
 *
 * Return: whether it is sealed.
 */
bool zcpool_buffer_stays_sealed(struct zcpool_pool *pool, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	struct folio *first = zcpool_buffer_folio(pool, index);
	bool sealed;

	while (READ_ONCE(buffer->seal) & ZCPOOL_SEAL_UNDECIDED) {
		folio_lock(first);
		folio_unlock(first);
	}
	spin_lock(&pool->lock);
	if ((buffer->seal & ZCPOOL_SEAL_UNTIL_FREE) && !buffer->owner &&
	    !(buffer->seal & ZCPOOL_SEAL_UNDECIDED) && !zcpool_buffer_held(pool, index))
		zcpool_seal_set(pool, buffer, 0);
	sealed = buffer->seal;
	spin_unlock(&pool->lock);
	return sealed;
}

/**
 * zcpool_slice_sealed() - whether a buffer that a slice touches is sealed
 * @pool: pool
 * @slice: slice of it
 *
 * Context: process.
 */
bool zcpool_slice_sealed(struct zcpool_pool *pool, const struct zcpool_slice *slice)
{
	struct zcpool_span span = zcpool_slice_span(pool, slice);

	if (!READ_ONCE(pool->nr_sealed))
		return false;
	for (; span.first < span.end; span.first++) {
		if (zcpool_buffer_sealed(pool, span.first))
			return true;
		cond_resched();
	}
	return false;
}

/**
 * zcpool_write_begin() - ask to copy into a chunk
 * @pool: pool
 * @chunk: part of it
 *
 * As the copy is a holder, SEAL either counts it or is seen here, and nobody gets the
 * buffer before the copy ends.
 *
 * Return: 0, and then zcpool_write_end() is to be called, or -EPERM if it is sealed.
 */
int zcpool_write_begin(struct zcpool_pool *pool, const struct zcpool_chunk *chunk)
{
	u32 index = zcpool_folio_buffer(chunk->folio);

	do {
		folio_get(chunk->folio);
		smp_mb__after_atomic(); /* pairs with smp_mb() in zcpool_buffer_settle() */
		if (likely(!READ_ONCE(pool->buffers[index].seal)))
			return 0;
		/* It would keep the buffer from being free. */
		folio_put(chunk->folio);
	} while (!zcpool_buffer_stays_sealed(pool, index));
	return -EPERM;
}

/**
 * zcpool_write_end() - a copy has ended
 * @chunk: as for zcpool_write_begin()
 */
void zcpool_write_end(const struct zcpool_chunk *chunk)
{
	folio_put(chunk->folio);
}

static int zcpool_buffer_add_writer(struct zcpool_pool *pool, u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];
	int error = 0;

	if (zcpool_buffer_sealed(pool, index))
		return -EBUSY;
	spin_lock(&pool->lock);
	if (buffer->seal)
		error = -EBUSY;
	else if (buffer->writers == ZCPOOL_WRITERS_MAX)
		error = -EMLINK;
	else
		buffer->writers++;
	spin_unlock(&pool->lock);
	return error;
}

static void zcpool_span_drop_writer(struct zcpool_pool *pool, struct zcpool_span span)
{
	spin_lock(&pool->lock);
	for (; span.first < span.end; span.first++) {
		pool->buffers[span.first].writers--;
		cond_resched_lock(&pool->lock);
	}
	spin_unlock(&pool->lock);
}

/**
 * zcpool_slice_add_writer() - keep a slice's buffers from being sealed
 * @pool: pool
 * @slice: slice of it, which somebody is going to write to in a way that nothing tells
 *
 * Context: process; may take a while.
 *
 * Return: 0, -EBUSY if a buffer is sealed, or -EMLINK if one has as many writers as can
 * be counted.
 */
int zcpool_slice_add_writer(struct zcpool_pool *pool, const struct zcpool_slice *slice)
{
	struct zcpool_span span = zcpool_slice_span(pool, slice);
	struct zcpool_span done = span;

	for (done.end = span.first; done.end < span.end; done.end++) {
		int error = zcpool_buffer_add_writer(pool, done.end);

		if (error) {
			zcpool_span_drop_writer(pool, done);
			return error;
		}
		cond_resched();
	}
	return 0;
}

/**
 * zcpool_slice_drop_writer() - undo zcpool_slice_add_writer()
 * @pool: pool
 * @slice: slice of it
 */
void zcpool_slice_drop_writer(struct zcpool_pool *pool, const struct zcpool_slice *slice)
{
	zcpool_span_drop_writer(pool, zcpool_slice_span(pool, slice));
}

/* Have a seal end with the next moment in which its buffer is free. */
static void zcpool_seal_until_free(struct zcpool_pool *pool, struct zcpool_handle *handle,
				   u32 index)
{
	struct zcpool_buffer *buffer = &pool->buffers[index];

	spin_lock(&pool->lock);
	if (buffer->owner == handle && buffer->seal)
		zcpool_seal_set(pool, buffer, buffer->seal | ZCPOOL_SEAL_UNTIL_FREE);
	spin_unlock(&pool->lock);
}

static int zcpool_seal_one(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 index,
			   u32 flags)
{
	bool until_free = flags & ZCPOOL_SEAL_F_UNTIL_FREE;
	int ret = zcpool_buffer_seal(pool, handle, index,
				     ZCPOOL_SEALED | (until_free ? ZCPOOL_SEAL_UNTIL_FREE : 0),
				     false);

	if (ret > 0 && until_free)
		zcpool_seal_until_free(pool, handle, index);
	return min(ret, 0);
}

static int zcpool_unseal_one(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 index,
			     u32 flags)
{
	return zcpool_buffer_unseal(pool, handle, index, ZCPOOL_SEALED);
}

/* Seal or unseal the buffers of a caller's array; *done counts, also on an error. */
static int zcpool_seal_array(const struct zcpool_call *call, u64 array, u32 count, u32 flags,
			     u32 *done,
			     int (*one)(struct zcpool_pool *pool, struct zcpool_handle *handle,
					u32 index, u32 flags))
{
	const u32 __user *indices = u64_to_user_ptr(array);
	struct zcpool_pool *pool = call->pool;
	int error;
	u32 index;

	for (*done = 0; *done < count; ++*done) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (get_user(index, &indices[*done]))
			return -EFAULT;
		if (index >= pool->geometry.count)
			return -ERANGE;
		index = array_index_nospec(index, pool->geometry.count);
		error = one(pool, call->handle, index, flags);
		if (error)
			return error;
		cond_resched();
	}
	return 0;
}

/** zcpool_ioctl_seal() - ZCPOOL_IOC_SEAL */
long zcpool_ioctl_seal(const struct zcpool_call *call, void *arg)
{
	struct zcpool_seal __user *user_seal = call->user;
	struct zcpool_seal *seal = arg;
	int error;
	u32 done;

	if (!seal->count || (seal->flags & ~ZCPOOL_SEAL_F_UNTIL_FREE))
		return -EINVAL;
	/* What cannot be told afterwards is not begun. */
	if (put_user(seal->count, &user_seal->count))
		return -EFAULT;
	error = zcpool_seal_array(call, seal->indices, seal->count, seal->flags, &done,
				  zcpool_seal_one);
	return put_user(done, &user_seal->count) ? -EFAULT : error;
}

/** zcpool_ioctl_unseal() - ZCPOOL_IOC_UNSEAL */
long zcpool_ioctl_unseal(const struct zcpool_call *call, void *arg)
{
	struct zcpool_unseal __user *user_unseal = call->user;
	struct zcpool_unseal *unseal = arg;
	int error;
	u32 done;

	if (!unseal->count || unseal->flags)
		return -EINVAL;
	/* What cannot be told afterwards is not begun. */
	if (put_user(unseal->count, &user_unseal->count))
		return -EFAULT;
	error = zcpool_seal_array(call, unseal->indices, unseal->count, 0, &done,
				  zcpool_unseal_one);
	return put_user(done, &user_unseal->count) ? -EFAULT : error;
}
