// SPDX-License-Identifier: GPL-2.0-only
/*
 * TRANSFER and RECEIVE: buffers change owners, in order, at a cost that does not depend
 * on their size.
 *
 * A buffer on its way is in its receiver's queue, and its owner is neither: see
 * zcpool_receiver_mark().
 */
#include <linux/uaccess.h>

#include "ioctl.h"
#include "queue.h"
#include "seal.h"

/* Items on stack, and handled under one hold of the pool's lock. */
#define ZCPOOL_ITEMS 32U

/*
 * The owner of a buffer that is on its way to a handle: it compares equal to no handle,
 * so that nobody can put it, transfer it, or take it for its own.
 */
static struct zcpool_handle *zcpool_receiver_mark(const struct zcpool_handle *receiver)
{
	return (void *)((unsigned long)receiver | ZCPOOL_OWNER_TO_BE);
}

/* After the queue was changed: who waits either sees that, or is seen here. */
static void zcpool_receivers_wake(struct zcpool_handle *receiver)
{
	wake_up_interruptible_poll(&receiver->receivers, EPOLLIN | EPOLLRDNORM);
}

/*
 * In an isolated pool, have @handle reach the buffer no more, by mapping or by a transfer
 * under way.  Drops the pool's lock for a while, so all but that is to be checked again.
 */
static int zcpool_transfer_isolate(struct zcpool_pool *pool, const struct zcpool_handle *handle,
				   const struct zcpool_handle *receiver, u32 index)
{
	zcpool_isolated_withdraw(pool, handle, index);
	if (xa_load(&pool->handles, receiver->number) != receiver)
		return -ESRCH;
	if (receiver->incoming.nr >= receiver->incoming_max)
		return -EAGAIN;
	return zcpool_buffer_held(pool, index) ? -EBUSY : 0;
}

static int zcpool_transfer_one(struct zcpool_pool *pool, struct zcpool_handle *handle,
			       struct zcpool_handle *receiver, const struct zcpool_item *item)
{
	struct zcpool_buffer *buffer;
	u32 index = item->index;
	int error;

	lockdep_assert_held(&pool->lock);
	if (item->reserved)
		return -EINVAL;
	error = zcpool_buffer_check(pool->buffers, pool->geometry.count, handle, &index);
	if (error)
		return error;
	if (receiver->incoming.nr >= receiver->incoming_max)
		return -EAGAIN;
	buffer = &pool->buffers[index];
	if (unlikely(pool->geometry.isolated)) {
		error = zcpool_transfer_isolate(pool, handle, receiver, index);
		if (error) {
			WRITE_ONCE(buffer->owner, handle);
			return error;
		}
	}
	WRITE_ONCE(buffer->owner, zcpool_receiver_mark(receiver));
	if (unlikely(buffer->seal))
		zcpool_seal_pass_on(pool, buffer);
	buffer->tag = item->tag;
	handle->nr_owned--;
	zcpool_queue_add_last(pool->buffers, &receiver->incoming, index);
	return 0;
}

/* Returns how many went; *error is why not all. */
static u32 zcpool_transfer_items(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 to,
				 const struct zcpool_item *items, u32 count, int *error)
{
	struct zcpool_handle *receiver;
	u32 done = 0;

	spin_lock(&pool->lock);
	/* It stays, once found: zcpool_handle_unlist() ends with a look by this lock. */
	receiver = xa_load(&pool->handles, to);
	*error = receiver ? 0 : -ESRCH;
	if (receiver)
		zcpool_handle_get(receiver);
	while (!*error && done < count) {
		*error = zcpool_transfer_one(pool, handle, receiver, &items[done]);
		done += !*error;
	}
	spin_unlock(&pool->lock);
	if (!receiver)
		return 0;
	/* There may be any number of them: not by the lock. */
	if (done)
		zcpool_receivers_wake(receiver);
	zcpool_handle_put(receiver);
	return done;
}

/**
 * zcpool_transfer() - hand buffers to another handle of the pool
 * @pool: pool
 * @handle: their owner
 * @arg: what is asked, checked by the caller; .count is left at how many went
 *
 * Return: 0 if all went, or why one did not: -EFAULT, -EINVAL, -ERANGE, -EPERM, -ESRCH if
 * there is no such handle, -EAGAIN if its queue is full, or -EBUSY if the pool is
 * isolated and something holds a buffer's memory.
 */
static int zcpool_transfer(struct zcpool_pool *pool, struct zcpool_handle *handle,
			   struct zcpool_transfer *arg)
{
	const struct zcpool_item __user *user = u64_to_user_ptr(arg->items);
	struct zcpool_item items[ZCPOOL_ITEMS] __uninitialized;
	u32 wanted = arg->count;
	int error = 0;

	for (arg->count = 0; arg->count < wanted && !error;) {
		u32 batch = min(wanted - arg->count, ZCPOOL_ITEMS);

		if (copy_from_user(items, user + arg->count, batch * sizeof(*items)))
			return -EFAULT;
		arg->count += zcpool_transfer_items(pool, handle, arg->to, items, batch, &error);
		cond_resched();
	}
	return error;
}

static u32 zcpool_receive_items(struct zcpool_pool *pool, struct zcpool_handle *handle,
				struct zcpool_item *items, u32 count)
{
	u64 now = ktime_get_mono_fast_ns();
	u32 done;

	spin_lock(&pool->lock);
	for (done = 0; done < count; done++) {
		u32 index = zcpool_queue_pop(pool->buffers, &handle->incoming);
		struct zcpool_buffer *buffer;

		if (index == ZCPOOL_NO_BUFFER)
			break;
		buffer = &pool->buffers[index];
		WRITE_ONCE(buffer->owner, handle);
		buffer->since = now;
		handle->nr_owned++;
		items[done] = (struct zcpool_item){ .index = index, .tag = buffer->tag };
	}
	spin_unlock(&pool->lock);
	return done;
}

/*
 * Put back, in their order, what could not be told.  The handle owned it meanwhile: what
 * another thread has put or transferred since is no more to be put back.
 */
static void zcpool_receive_undo(struct zcpool_pool *pool, struct zcpool_handle *handle,
				const struct zcpool_item *items, u32 count)
{
	spin_lock(&pool->lock);
	while (count--) {
		struct zcpool_buffer *buffer = &pool->buffers[items[count].index];

		if (buffer->owner != handle)
			continue;
		WRITE_ONCE(buffer->owner, zcpool_receiver_mark(handle));
		handle->nr_owned--;
		zcpool_queue_add_first(pool->buffers, &handle->incoming, items[count].index);
	}
	spin_unlock(&pool->lock);
	/* Others may have found nothing, and sleep. */
	zcpool_receivers_wake(handle);
}

/* Returns how many were received, or -EFAULT. */
static int zcpool_receive_now(struct zcpool_pool *pool, struct zcpool_handle *handle,
			      struct zcpool_item __user *user, u32 wanted)
{
	struct zcpool_item items[ZCPOOL_ITEMS] __uninitialized;
	u32 done = 0, taken;

	do {
		taken = zcpool_receive_items(pool, handle, items, min(wanted - done, ZCPOOL_ITEMS));
		if (copy_to_user(user + done, items, taken * sizeof(*items))) {
			zcpool_receive_undo(pool, handle, items, taken);
			return done ?: -EFAULT;
		}
		done += taken;
		cond_resched();
	} while (taken == ZCPOOL_ITEMS && done < wanted && done < INT_MAX - ZCPOOL_ITEMS);
	return done;
}

static int zcpool_receive_wait(struct zcpool_handle *handle, u64 timeout_ns)
{
	ktime_t timeout = min_t(u64, timeout_ns, KTIME_MAX);
	int error;

	if (!timeout_ns)
		return wait_event_interruptible(handle->receivers, READ_ONCE(handle->incoming.nr));
	error = wait_event_interruptible_hrtimeout(handle->receivers,
						   READ_ONCE(handle->incoming.nr), timeout);
	if (error == -ETIME)
		return -ETIMEDOUT;
	/* A restarted call would wait its whole time again. */
	return error == -ERESTARTSYS ? -EINTR : error;
}

/**
 * zcpool_receive() - become the owner of buffers that were transferred to a handle
 * @pool: pool
 * @file: handle
 * @arg: what is asked, checked by the caller
 *
 * Context: process; sleeps unless told not to.
 *
 * Return: how many, or -EAGAIN, -ETIMEDOUT, -EINTR, -ERESTARTSYS or -EFAULT.
 */
static int zcpool_receive(struct zcpool_pool *pool, struct file *file,
			  const struct zcpool_receive *arg)
{
	bool nonblock = (arg->flags & ZCPOOL_RECEIVE_F_NONBLOCK) || (file->f_flags & O_NONBLOCK);
	struct zcpool_item __user *user = u64_to_user_ptr(arg->items);
	struct zcpool_handle *handle = file->private_data;
	ktime_t end = ktime_add_safe(ktime_get(), min_t(u64, arg->timeout_ns, KTIME_MAX));
	u64 left = arg->timeout_ns;
	int ret;

	while (!(ret = zcpool_receive_now(pool, handle, user, arg->count))) {
		if (nonblock)
			return -EAGAIN;
		ret = zcpool_receive_wait(handle, left);
		if (ret)
			return ret;
		/* Another thread may have been quicker: wait on, but no longer in all. */
		if (arg->timeout_ns)
			left = max_t(s64, ktime_to_ns(ktime_sub(end, ktime_get())), 1);
	}
	return ret;
}

/** zcpool_ioctl_transfer() - ZCPOOL_IOC_TRANSFER */
long zcpool_ioctl_transfer(const struct zcpool_call *call, void *arg)
{
	struct zcpool_pool *pool = call->pool;
	struct zcpool_transfer *transfer = arg;
	int error;

	if (!transfer->count || transfer->flags || transfer->reserved)
		return -EINVAL;
	/* What cannot be told afterwards is not begun. */
	if (zcpool_call_return(call, transfer, sizeof(*transfer)))
		return -EFAULT;
	error = zcpool_transfer(pool, call->handle, transfer);
	return zcpool_call_return(call, transfer, sizeof(*transfer)) ?: error;
}

/** zcpool_ioctl_receive() - ZCPOOL_IOC_RECEIVE */
long zcpool_ioctl_receive(const struct zcpool_call *call, void *arg)
{
	struct zcpool_receive __user *user_receive = call->user;
	struct zcpool_pool *pool = call->pool;
	struct zcpool_receive *receive = arg;
	int received;

	if (!receive->count || (receive->flags & ~ZCPOOL_RECEIVE_F_NONBLOCK))
		return -EINVAL;
	/* What cannot be told afterwards is not begun. */
	if (put_user(receive->count, &user_receive->count))
		return -EFAULT;
	received = zcpool_receive(pool, call->file, receive);
	if (received < 0)
		return received;
	return put_user(received, &user_receive->count);
}
