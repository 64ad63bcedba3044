// SPDX-License-Identifier: GPL-2.0-only
/* HOLDERS: what holds each buffer, for people who look for it. */
#include <linux/nospec.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "ioctl.h"

/* Most buffers that one call looks at. */
#define ZCPOOL_HOLDERS_SCAN 65536U

/* Who is giving it up has not done so yet. */
static unsigned long zcpool_holder_owner(const struct zcpool_buffer *buffer)
{
	return (unsigned long)buffer->owner & ~ZCPOOL_OWNER_LEAVING;
}

static u32 zcpool_holder_state(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			       u32 index)
{
	const struct zcpool_buffer *buffer = &pool->buffers[index];
	unsigned long owner = zcpool_holder_owner(buffer);

	if (buffer->retired)
		return ZCPOOL_STATE_RETIRED;
	if (owner & ZCPOOL_OWNER_TO_BE)
		return ZCPOOL_STATE_TRANSFERRED;
	if (owner)
		return owner == (unsigned long)handle ? ZCPOOL_STATE_OWNED :
							ZCPOOL_STATE_OWNED_ELSEWHERE;
	return zcpool_buffer_held(pool, index) ? ZCPOOL_STATE_IN_FLIGHT : ZCPOOL_STATE_FREE;
}

/* Counts that change while they are read: what they say is of no moment in time. */
static void zcpool_holder_count(const struct zcpool_pool *pool, u32 index,
				struct zcpool_holder *holder)
{
	struct folio **folio = &pool->memory.folios[(u64)index * pool->geometry.folios_per_buffer];
	struct folio **end = folio + pool->geometry.folios_per_buffer;
	unsigned int order = pool->memory.order;
	int refs = 0, maps = 0, pins = 0;
	int slots = atomic_read(&pool->buffers[index].slots);
	const struct zcpool_buffer *buffer = &pool->buffers[index];

	for (; folio < end; folio++) {
		/* Without the pool's own. */
		refs += folio_ref_count(*folio) - 1;
		maps += zcpool_folio_mapcount(*folio, order, INT_MAX);
		pins += zcpool_folio_pincount(*folio);
	}
	refs -= maps + slots + pins + buffer->exports + buffer->views + buffer->retired;
	holder->mappings = max(maps, 0);
	holder->slots = max(slots, 0);
	holder->pins = max(pins, 0);
	holder->references = max(refs, 0);
	holder->exports = buffer->exports;
	holder->views = buffer->views;
	holder->flags = buffer->seal & ZCPOOL_SEALED ? ZCPOOL_HOLDER_F_SEALED : 0;
}

/* @now: when the call began, so that ages of one call compare, in nanoseconds */
static bool zcpool_holder_get(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			      u32 index, u32 flags, u64 now, struct zcpool_holder *holder)
{
	u64 age;

	spin_lock(&pool->lock);
	holder->index = index;
	holder->state = zcpool_holder_state(pool, handle, index);
	/* Others may have got or put it since. */
	age = max_t(s64, now - pool->buffers[index].since, 0);
	/* What others do with theirs is not told. */
	if (pool->geometry.isolated &&
	    zcpool_holder_owner(&pool->buffers[index]) != (unsigned long)handle)
		age = 0;
	else if (holder->state != ZCPOOL_STATE_FREE || !(flags & ZCPOOL_HOLDERS_F_HELD))
		zcpool_holder_count(pool, index, holder);
	spin_unlock(&pool->lock);

	holder->age_ns = holder->state == ZCPOOL_STATE_FREE ? 0 : age;
	return holder->state != ZCPOOL_STATE_FREE || !(flags & ZCPOOL_HOLDERS_F_HELD);
}

/**
 * zcpool_holders_get() - tell of the holders of some buffers
 * @pool: pool
 * @handle: who asks
 * @holders: what is asked, checked by the caller; .first and .count are advanced
 *
 * Return: 0, -EFAULT, or -EINTR if the task is being killed.
 */
static int zcpool_holders_get(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			      struct zcpool_holders *holders)
{
	void __user *entry = u64_to_user_ptr(holders->entries);
	size_t size = sizeof(struct zcpool_holder);
	u32 wanted = holders->count;
	u32 end = pool->geometry.count;
	u32 index = holders->first;
	u64 now = ktime_get_mono_fast_ns();

	end = min(end, index + min(ZCPOOL_HOLDERS_SCAN, end - index));
	for (holders->count = 0; index < end && holders->count < wanted; index++) {
		struct zcpool_holder holder = {};

		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		if (!zcpool_holder_get(pool, handle, array_index_nospec(index, end), holders->flags,
				       now, &holder))
			continue;
		if (copy_to_user(entry, &holder, min_t(size_t, size, holders->entry_size)))
			return -EFAULT;
		if (holders->entry_size > size &&
		    clear_user(entry + size, holders->entry_size - size))
			return -EFAULT;
		entry += holders->entry_size;
		holders->count++;
	}
	holders->first = index;
	return 0;
}

/** zcpool_ioctl_holders() - ZCPOOL_IOC_HOLDERS */
long zcpool_ioctl_holders(const struct zcpool_call *call, void *arg)
{
	struct zcpool_pool *pool = call->pool;
	struct zcpool_holders *holders = arg;
	int error;

	if (!holders->count || (holders->flags & ~ZCPOOL_HOLDERS_F_HELD) ||
	    holders->entry_size < ZCPOOL_HOLDER_SIZE_VER0 || holders->entry_size > PAGE_SIZE)
		return -EINVAL;
	if (holders->first > pool->geometry.count)
		return -ERANGE;

	error = zcpool_holders_get(pool, call->handle, holders);
	return error ?: zcpool_call_return(call, holders, sizeof(*holders));
}
