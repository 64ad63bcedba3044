// SPDX-License-Identifier: GPL-2.0-only
/*
 * Telling those who do not sleep in GET that a buffer is free: pollers, eventfds
 * and signals.
 *
 * An event is *owed* from the moment that somebody was told that nothing is free,
 * by EAGAIN or by a poll, until something is.  So nothing is signalled to a program
 * that lacks nothing, and what is signalled it need not have asked for again.
 */
#include <linux/eventfd.h>
#include <linux/file.h>

#include "ioctl.h"

/**
 * zcpool_events_init() - prepare a pool for those who want events
 * @pool: new pool
 */
void zcpool_events_init(struct zcpool_pool *pool)
{
	init_waitqueue_head(&pool->pollers);
	spin_lock_init(&pool->eventfd_lock);
	INIT_LIST_HEAD(&pool->eventfds);
}

/**
 * zcpool_events_wanted() - whether there is anybody to tell
 * @pool: pool
 */
bool zcpool_events_wanted(struct zcpool_pool *pool)
{
	/* Whoever comes after this look is owed his own event, and looks himself. */
	if (waitqueue_active(&pool->pollers))
		return true;
	return READ_ONCE(pool->fasync) || !list_empty(&pool->eventfds);
}

static void zcpool_events_signal(struct zcpool_pool *pool)
{
	struct zcpool_handle *handle;

	spin_lock(&pool->eventfd_lock);
	list_for_each_entry(handle, &pool->eventfds, eventfds)
		zcpool_eventfd_signal(handle->eventfd);
	spin_unlock(&pool->eventfd_lock);
}

static void zcpool_events_tell(struct zcpool_pool *pool, __poll_t events, int reason)
{
	/* All, exclusive ones too: the debt is one to each. */
	__wake_up(&pool->pollers, TASK_NORMAL, 0, poll_to_key(events));
	kill_fasync(&pool->fasync, SIGIO, reason);
	if (!list_empty(&pool->eventfds))
		zcpool_events_signal(pool);
}

/**
 * zcpool_events_pay() - tell everybody that a buffer is free, if it is owed
 * @pool: pool
 *
 * The caller held the pool's lock while it changed the queues: see
 * zcpool_events_owe().
 */
void zcpool_events_pay(struct zcpool_pool *pool)
{
	if (!READ_ONCE(pool->event_owed))
		return;
	WRITE_ONCE(pool->event_owed, false);
	zcpool_events_tell(pool, EPOLLOUT | EPOLLWRNORM, POLL_OUT);
}

/**
 * zcpool_events_fail() - tell everybody that no buffer will ever be free
 * @pool: pool for which zcpool_buffers_failed() has become true
 */
void zcpool_events_fail(struct zcpool_pool *pool)
{
	zcpool_events_tell(pool, EPOLLERR, POLL_ERR);
}

/**
 * zcpool_events_owe() - a caller who does not sleep was told that nothing is free
 * @pool: pool
 *
 * The debt is noted under the pool's lock.  So a PUT of which that caller did not
 * know either comes later and sees the debt, or has come before and is seen here.
 */
void zcpool_events_owe(struct zcpool_pool *pool)
{
	bool idle;

	spin_lock(&pool->lock);
	WRITE_ONCE(pool->event_owed, true);
	idle = pool->idle.nr;
	spin_unlock(&pool->lock);

	/* Whoever comes after zcpool_events_fail() is told here. */
	if (zcpool_buffers_failed(pool))
		zcpool_events_fail(pool);
	else if (idle)
		zcpool_events_pay(pool);
	else
		zcpool_look_later(pool);
}

/**
 * zcpool_poll() - file_operations.poll of a handle
 * @file: handle
 * @wait: who asks
 *
 * An open file with a name is ready, as any regular file, until the first command makes
 * it an owner: who knows files only may poll before read() and write().  So does
 * io_uring for a read or write that is short, and it asks for the bits that are left to
 * it here: programs that wait for buffers ask for EPOLLIN and EPOLLOUT.
 */
__poll_t zcpool_poll(struct file *file, poll_table *wait)
{
	struct zcpool_handle *handle = file->private_data;
	struct zcpool_pool *pool = zcpool_file_pool(file);
	__poll_t events = handle->named ? EPOLLRDNORM | EPOLLWRNORM : 0;

	if (IS_ERR(pool))
		return handle->named ? DEFAULT_POLLMASK : EPOLLERR;

	poll_wait(file, &pool->pollers, wait);
	poll_wait(file, &handle->receivers, wait);
	if (handle->named && !zcpool_handle_pool(handle))
		return DEFAULT_POLLMASK;
	/* Whoever adds to the queue wakes receivers after that. */
	if (READ_ONCE(handle->incoming.nr))
		events |= EPOLLIN | EPOLLRDNORM;
	/* Pairs with the queue's lock in zcpool_events_fail(), which wakes who came too early. */
	if (zcpool_buffers_failed(pool))
		events |= EPOLLERR;
	else if (zcpool_buffers_available(pool))
		events |= EPOLLOUT | EPOLLWRNORM;
	else if (poll_requested_events(wait) & (EPOLLOUT | EPOLLWRNORM))
		zcpool_events_owe(pool);
	return events;
}

/** zcpool_fasync() - file_operations.fasync of a handle, for SIGIO */
int zcpool_fasync(int fd, struct file *file, int on)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	return fasync_helper(fd, file, on, &pool->fasync);
}

static void zcpool_eventfd_set(struct zcpool_pool *pool, struct zcpool_handle *handle,
			       struct eventfd_ctx *eventfd)
{
	struct eventfd_ctx *old;

	spin_lock(&pool->eventfd_lock);
	old = handle->eventfd;
	handle->eventfd = eventfd;
	if (eventfd && !old)
		list_add(&handle->eventfds, &pool->eventfds);
	else if (!eventfd && old)
		list_del(&handle->eventfds);
	spin_unlock(&pool->eventfd_lock);
	if (old)
		eventfd_ctx_put(old);
}

/**
 * zcpool_eventfd_register() - signal an eventfd whenever an event is owed and paid
 * @pool: pool
 * @handle: handle that it is registered with, in place of an earlier one
 * @fd: descriptor of the eventfd, -1 for none
 *
 * Return: 0, -EBADF, or -EINVAL if the descriptor is no eventfd's.
 */
static int zcpool_eventfd_register(struct zcpool_pool *pool, struct zcpool_handle *handle, int fd)
{
	struct eventfd_ctx *eventfd = NULL;

	if (fd != -1) {
		eventfd = eventfd_ctx_fdget(fd);
		if (IS_ERR(eventfd))
			return PTR_ERR(eventfd);
	}
	zcpool_eventfd_set(pool, handle, eventfd);
	/* As an edge-triggered poll begins. */
	if (eventfd)
		zcpool_events_owe(pool);
	return 0;
}

/**
 * zcpool_eventfd_release() - forget the eventfd of a handle that goes away
 * @pool: pool
 * @handle: handle
 */
void zcpool_eventfd_release(struct zcpool_pool *pool, struct zcpool_handle *handle)
{
	zcpool_eventfd_set(pool, handle, NULL);
}

/** zcpool_ioctl_eventfd() - ZCPOOL_IOC_EVENTFD */
long zcpool_ioctl_eventfd(const struct zcpool_call *call, void *arg)
{
	struct zcpool_pool *pool = call->pool;
	struct zcpool_eventfd *eventfd = arg;

	if (eventfd->flags)
		return -EINVAL;
	return zcpool_eventfd_register(pool, call->handle, eventfd->fd);
}
