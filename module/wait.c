// SPDX-License-Identifier: GPL-2.0-only
/*
 * Waiting for a free buffer.
 *
 * PUT wakes waiters at once.  A buffer in flight becomes free when some socket
 * or device drops a page reference, and of that nobody tells: so a timer looks
 * again, but only while somebody waits and no buffer was found.  Whoever finds
 * nothing and goes to sleep starts it, and whoever leaves with a buffer while
 * others wait starts it for them.
 */
#include <linux/sched/signal.h>

#include "zcpool.h"

/* First delay of the timer, and the longest that doubling it leads to. */
#define ZCPOOL_RESCAN_MIN_NS (100 * NSEC_PER_USEC)
#define ZCPOOL_RESCAN_MAX_NS (10 * NSEC_PER_MSEC)

static void zcpool_rescan_start(struct zcpool_pool *pool, u64 delay)
{
	WRITE_ONCE(pool->rescan_delay, delay);
	hrtimer_start(&pool->rescan_timer, ns_to_ktime(delay), HRTIMER_MODE_REL);
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
	u32 found = zcpool_buffers_rescan(pool);

	if (found) {
		zcpool_wake(pool, found);
		return;
	}
	/* Who comes after this look starts the timer himself. */
	if (!waitqueue_active(&pool->wait) || !READ_ONCE(pool->in_flight.nr))
		return;
	zcpool_skb_defer_kick();
	zcpool_rescan_start(pool,
			    min_t(u64, READ_ONCE(pool->rescan_delay) * 2, ZCPOOL_RESCAN_MAX_NS));
}

/* Somebody who found nothing is on the wait queue: look again soon. */
static void zcpool_rescan_want(struct zcpool_pool *pool)
{
	if (READ_ONCE(pool->in_flight.nr) && !hrtimer_active(&pool->rescan_timer))
		zcpool_rescan_start(pool, ZCPOOL_RESCAN_MIN_NS);
}

/**
 * zcpool_wait_init() - prepare a pool for waiters
 * @pool: new pool
 */
void zcpool_wait_init(struct zcpool_pool *pool)
{
	init_waitqueue_head(&pool->wait);
	zcpool_hrtimer_init(&pool->rescan_timer, zcpool_rescan_timer);
	INIT_WORK(&pool->rescan_work, zcpool_rescan_work);
}

/**
 * zcpool_wait_destroy() - stop the timer of a pool
 * @pool: pool without handles, hence without waiters
 */
void zcpool_wait_destroy(struct zcpool_pool *pool)
{
	/* Without waiters the work does not start the timer again. */
	hrtimer_cancel(&pool->rescan_timer);
	cancel_work_sync(&pool->rescan_work);
}

/**
 * zcpool_wake() - tell waiters that buffers were put or became free
 * @pool: pool
 * @count: how many: as many sleeping GETs are woken, and all pollers
 *
 * The caller held the pool's lock while it changed the queues.  A waiter joins
 * the wait queue before it takes that lock to look, so it either sees the
 * buffers or is seen here.
 */
void zcpool_wake(struct zcpool_pool *pool, u32 count)
{
	/* See above for why no barrier is needed. */
	if (!waitqueue_active(&pool->wait))
		return;
	__wake_up(&pool->wait, TASK_NORMAL, count, poll_to_key(EPOLLOUT | EPOLLWRNORM));
	zcpool_rescan_want(pool);
}

/**
 * zcpool_wake_hint() - a holder may be gone, or a waiter in need of the timer
 * @pool: pool
 *
 * A hint that is lost, for it came just before a waiter, costs one delay of the
 * timer.
 */
void zcpool_wake_hint(struct zcpool_pool *pool)
{
	/* A look without barrier: only a hint. */
	if (!waitqueue_active(&pool->wait) || !READ_ONCE(pool->in_flight.nr))
		return;
	/* A timer about to fire is left alone, lest many hints put it off for ever. */
	if (hrtimer_active(&pool->rescan_timer) &&
	    READ_ONCE(pool->rescan_delay) == ZCPOOL_RESCAN_MIN_NS)
		return;
	zcpool_rescan_start(pool, ZCPOOL_RESCAN_MIN_NS);
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
 * Return: number of buffers, or -ETIMEDOUT, -EINTR or -ERESTARTSYS.
 */
int zcpool_wait_take(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 *indices,
		     u32 count, u64 timeout_ns)
{
	struct wait_queue_entry entry;
	ktime_t expiry = ktime_add_safe(ktime_get(), min_t(u64, timeout_ns, KTIME_MAX));
	bool expired = false;
	long signal;
	u32 taken;

	/* Exclusive: a buffer put wakes one sleeper, not all. */
	init_wait_entry(&entry, WQ_FLAG_EXCLUSIVE);
	for (;;) {
		/* On a signal this also leaves the queue, so that no wake is lost. */
		signal = prepare_to_wait_event(&pool->wait, &entry, TASK_INTERRUPTIBLE);
		taken = zcpool_buffers_take(pool, handle, indices, count);
		if (taken || signal || expired)
			break;
		zcpool_rescan_want(pool);
		expired = !schedule_hrtimeout_range(timeout_ns ? &expiry : NULL,
						    current->timer_slack_ns, HRTIMER_MODE_ABS);
	}
	finish_wait(&pool->wait, &entry);

	if (taken) {
		zcpool_wake_hint(pool);
		return taken;
	}
	if (signal)
		/* A restarted call would wait its whole time again. */
		return timeout_ns ? -EINTR : signal;
	return -ETIMEDOUT;
}

/** zcpool_poll() - file_operations.poll of a handle */
__poll_t zcpool_poll(struct file *file, poll_table *wait)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);

	if (IS_ERR(pool))
		return EPOLLERR;

	poll_wait(file, &pool->wait, wait);
	if (zcpool_buffers_available(pool))
		return EPOLLOUT | EPOLLWRNORM;
	zcpool_wake_hint(pool);
	return 0;
}
