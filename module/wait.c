// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for a free buffer.
 *
 * PUT wakes waiters at once.  A buffer in flight becomes free when some socket or
 * device drops a page reference, and of that nobody tells: so a timer looks
 * again, but only while somebody waits, in GET or for an event that is owed, and
 * nothing is free.  Whoever finds nothing starts it, and whoever leaves while others
 * wait starts it for them.
 *
 * Sleeping GETs have a queue of their own, since a wake-up that is meant for one of
 * them must not end in an exclusive poller.
 */
#include <linux/sched/signal.h>

#include "zcpool.h"

/*
 * First delay of the timer; the longest that doubling it leads to while transfers
 * are likely to end; and the longest of all, when nothing has happened for a second.
 */
#define ZCPOOL_RESCAN_MIN_NS (100 * NSEC_PER_USEC)
#define ZCPOOL_RESCAN_BUSY_NS (1200 * NSEC_PER_USEC)
#define ZCPOOL_RESCAN_MAX_NS (8 * NSEC_PER_MSEC)
#define ZCPOOL_RESCAN_BUSY HZ

/* Whether somebody waits who was told that nothing is free, and something may be. */
static bool zcpool_awaited(struct zcpool_pool *pool)
{
	if (zcpool_buffers_failed(pool))
		return false;
	/* Whoever comes after this look starts the timer himself. */
	if (waitqueue_active(&pool->sleepers))
		return true;
	return READ_ONCE(pool->event_owed) && zcpool_events_wanted(pool);
}

static void zcpool_rescan_start(struct zcpool_pool *pool, u64 delay)
{
	WRITE_ONCE(pool->rescan_delay, delay);
	hrtimer_start(&pool->rescan_timer, ns_to_ktime(delay), HRTIMER_MODE_REL);
}

static void zcpool_rescan_soon(struct zcpool_pool *pool)
{
	WRITE_ONCE(pool->rescan_begin, jiffies);
	zcpool_rescan_start(pool, ZCPOOL_RESCAN_MIN_NS);
}

static void zcpool_rescan_later(struct zcpool_pool *pool)
{
	u64 delay = READ_ONCE(pool->rescan_delay) * 2;
	u64 longest = ZCPOOL_RESCAN_MAX_NS;

	if (time_before(jiffies, READ_ONCE(pool->rescan_begin) + ZCPOOL_RESCAN_BUSY))
		longest = ZCPOOL_RESCAN_BUSY_NS;
	zcpool_rescan_start(pool, min(delay, longest));
}

static enum hrtimer_restart zcpool_rescan_timer(struct hrtimer *timer)
{
	struct zcpool_pool *pool = container_of(timer, struct zcpool_pool, rescan_timer);

	queue_work(system_highpri_wq, &pool->rescan_work);
	return HRTIMER_NORESTART;
}

static void zcpool_rescan_work(struct work_struct *work)
{
	struct zcpool_pool *pool = container_of(work, struct zcpool_pool, rescan_work);
	u32 idle;

	if (!zcpool_awaited(pool)) {
		/* Who asks again looks for himself. */
		zcpool_skb_defer_kick();
		return;
	}
	idle = zcpool_buffers_rescan(pool);
	if (idle) {
		zcpool_wake(pool, idle);
		return;
	}
	zcpool_skb_defer_kick();
	if (zcpool_awaited(pool) && zcpool_buffers_unowned(pool))
		zcpool_rescan_later(pool);
}

/**
 * zcpool_wait_init() - prepare a pool for waiters
 * @pool: new pool
 */
void zcpool_wait_init(struct zcpool_pool *pool)
{
	init_waitqueue_head(&pool->sleepers);
	zcpool_hrtimer_init(&pool->rescan_timer, zcpool_rescan_timer);
	INIT_WORK(&pool->rescan_work, zcpool_rescan_work);
	pool->rescan_asked = jiffies - 1;
}

/**
 * zcpool_wait_destroy() - stop the timer of a pool
 * @pool: pool without handles, hence without waiters
 */
void zcpool_wait_destroy(struct zcpool_pool *pool)
{
	/*
	 * A work that saw the last waiter may start the timer while it is waited
	 * for, and that timer may queue the work; but the work then sees nobody.
	 */
	hrtimer_cancel(&pool->rescan_timer);
	cancel_work_sync(&pool->rescan_work);
	hrtimer_cancel(&pool->rescan_timer);
	cancel_work_sync(&pool->rescan_work);
}

/**
 * zcpool_wake() - tell waiters that buffers were put or became free
 * @pool: pool
 * @count: how many: as many sleeping GETs are woken
 *
 * The caller held the pool's lock while it changed the queues.  A waiter joins
 * his wait queue before he takes that lock to look, so he either sees the
 * buffers or is seen here.
 */
void zcpool_wake(struct zcpool_pool *pool, u32 count)
{
	bool deferred = false;

	/* See above for why no barrier is needed. */
	if (waitqueue_active(&pool->sleepers))
		__wake_up(&pool->sleepers, TASK_NORMAL, count, &deferred);
	/* A command goes on when its task does: until then the buffer is anybody's. */
	if (deferred)
		zcpool_wake_later(pool);
	zcpool_events_pay(pool);
}

/**
 * zcpool_wake_later() - have the timer look for those who wait
 * @pool: pool
 *
 * Called by who found nothing, and when buffers were put that are in flight.
 */
void zcpool_wake_later(struct zcpool_pool *pool)
{
	if (!zcpool_awaited(pool) || !zcpool_buffers_unowned(pool))
		return;
	/*
	 * A timer that is seen here to be queued fires later, and its work sees
	 * the caller: queue_work() is a full barrier.
	 */
	smp_mb();
	if (!hrtimer_is_queued(&pool->rescan_timer))
		zcpool_rescan_soon(pool);
}

/**
 * zcpool_look_later() - somebody who may not wait was told that nothing is free
 * @pool: pool
 *
 * Has the timer look, as zcpool_wake_later(), if anybody is to be told.  Whoever asks again
 * and again looks by that, but references that rest where nobody drops them must not stay
 * there: once a tick the work has them dropped.
 */
void zcpool_look_later(struct zcpool_pool *pool)
{
	if (zcpool_awaited(pool)) {
		zcpool_wake_later(pool);
		return;
	}
	if (!time_after(jiffies, READ_ONCE(pool->rescan_asked)) || !zcpool_buffers_unowned(pool))
		return;
	/* Who comes at the same time may pass, too: the work is queued once. */
	WRITE_ONCE(pool->rescan_asked, jiffies);
	queue_work(system_highpri_wq, &pool->rescan_work);
}

/**
 * zcpool_wake_hint() - a holder may be gone: look soon, if anybody waits
 * @pool: pool
 *
 * A hint that is lost, for it came just before a waiter, costs one delay of the
 * timer.
 */
void zcpool_wake_hint(struct zcpool_pool *pool)
{
	if (!zcpool_awaited(pool))
		return;
	/* A timer about to fire is left alone, lest many hints put it off for ever. */
	if (hrtimer_is_queued(&pool->rescan_timer) &&
	    READ_ONCE(pool->rescan_delay) == ZCPOOL_RESCAN_MIN_NS)
		return;
	zcpool_rescan_soon(pool);
}

/**
 * zcpool_wait_take() - zcpool_buffers_take(), waiting for the first buffer
 * @pool: pool
 * @handle: new owner, bound to @pool
 * @indices: filled with the buffers' indices
 * @count: most buffers wanted
 * @timeout_ns: longest wait in nanoseconds, 0 for no limit
 *
 * Context: process; sleeps.
 *
 * Return: number of buffers, or -ETIMEDOUT, -EINTR, -ERESTARTSYS, or -EDEADLK if none
 * will ever be free.
 */
int zcpool_wait_take(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 *indices,
		     u32 count, u64 timeout_ns)
{
	struct wait_queue_entry entry;
	ktime_t expiry = ktime_add_safe(ktime_get(), min_t(u64, timeout_ns, KTIME_MAX));
	bool hopeless;
	long signal;
	u32 taken;

	/* Exclusive: a buffer put wakes one sleeper, not all. */
	init_wait_entry(&entry, WQ_FLAG_EXCLUSIVE);
	for (;;) {
		/* On a signal this also leaves the queue, so that no wake is lost. */
		signal = prepare_to_wait_event(&pool->sleepers, &entry, TASK_INTERRUPTIBLE);
		taken = zcpool_buffers_take(pool, handle, indices, count);
		hopeless = zcpool_buffers_hopeless(pool);
		if (taken || signal || hopeless)
			break;
		zcpool_wake_later(pool);
		if (schedule_hrtimeout_range(timeout_ns ? &expiry : NULL, current->timer_slack_ns,
					     HRTIMER_MODE_ABS))
			continue;
		/* Out of the queue before the last look, for the same reason. */
		finish_wait(&pool->sleepers, &entry);
		taken = zcpool_buffers_take(pool, handle, indices, count);
		break;
	}
	finish_wait(&pool->sleepers, &entry);

	/*
	 * The wake-up that ended the wait may have been all that the others were to get, also if
	 * the buffer was somebody else's by then, or not free after all.
	 */
	zcpool_wake_later(pool);
	if (taken)
		return taken;
	if (hopeless)
		return -EDEADLK;
	if (signal)
		/* A restarted call would wait its whole time again. */
		return timeout_ns ? -EINTR : signal;
	return -ETIMEDOUT;
}
