// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET by io_uring: waits for a free buffer without a thread.
 *
 * A command that finds nothing queues with the sleeping GETs.  Whoever takes it from
 * that queue, who wakes it, its timer, or io_uring when ring or program end, is the
 * only one to go on with it: by work in the program's task, where user memory can be
 * written.  There it looks for buffers again, and if others were quicker, waits again.
 */
#include <linux/hrtimer.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "zcpool.h"

#if ZCPOOL_KERNEL_URING_WAIT

/**
 * struct zcpool_uring_wait - a GET that waits
 * @cmd: its command, which holds the handle
 * @pool: pool
 * @refs: one of the command, one of who queues it
 * @entry: in pool->sleepers while @waiting
 * @timer: of get.timeout_ns
 * @get: what is asked for
 * @user_get: where it came from
 * @waiting: may be taken from the queue; this and what follows by the queue's lock
 * @cancelled: is to end without a buffer
 * @expired: is to end after one more look
 */
struct zcpool_uring_wait {
	struct io_uring_cmd *cmd;
	struct zcpool_pool *pool;
	refcount_t refs;
	struct wait_queue_entry entry;
	struct hrtimer timer;
	struct zcpool_get get;
	struct zcpool_get __user *user_get;
	bool waiting;
	bool cancelled;
	bool expired;
};

static struct zcpool_uring_wait **zcpool_uring_wait_of(struct io_uring_cmd *cmd)
{
	return (struct zcpool_uring_wait **)cmd->pdu;
}

static void zcpool_uring_wait_put(struct zcpool_uring_wait *wait)
{
	if (refcount_dec_and_test(&wait->refs))
		kfree(wait);
}

/* Take it from the queue, by whose lock.  Returns false if somebody else has. */
static bool zcpool_uring_wait_claim(struct zcpool_uring_wait *wait)
{
	bool waiting = wait->waiting;

	lockdep_assert_held(&wait->pool->sleepers.lock);
	if (waiting)
		list_del_init(&wait->entry.entry);
	wait->waiting = false;
	return waiting;
}

static void zcpool_uring_wait_work(struct io_uring_cmd *cmd, unsigned int issue_flags, bool dead);
ZCPOOL_URING_TASK_WORK(zcpool_uring_wait_in_task, zcpool_uring_wait_work)

/*
 * Called by __wake_up(), under the queue's lock, for an entry that is in the queue.
 * The key of zcpool_wake() is told, since the task may take its time.
 */
static int zcpool_uring_wait_wake(struct wait_queue_entry *entry, unsigned int mode, int sync,
				  void *key)
{
	struct zcpool_uring_wait *wait = container_of(entry, struct zcpool_uring_wait, entry);
	bool *deferred = key;

	zcpool_uring_wait_claim(wait);
	io_uring_cmd_complete_in_task(wait->cmd, zcpool_uring_wait_in_task);
	if (deferred)
		*deferred = true;
	return 1;
}

static enum hrtimer_restart zcpool_uring_wait_expire(struct hrtimer *timer)
{
	struct zcpool_uring_wait *wait = container_of(timer, struct zcpool_uring_wait, timer);
	struct wait_queue_head *queue = &wait->pool->sleepers;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	wait->expired = true;
	if (zcpool_uring_wait_claim(wait))
		io_uring_cmd_complete_in_task(wait->cmd, zcpool_uring_wait_in_task);
	spin_unlock_irqrestore(&queue->lock, flags);
	return HRTIMER_NORESTART;
}

/* Returns 0 if it waits now, or why it must not. */
static int zcpool_uring_wait_queue(struct zcpool_uring_wait *wait)
{
	struct wait_queue_head *queue = &wait->pool->sleepers;
	int error = 0;

	spin_lock_irq(&queue->lock);
	if (wait->cancelled) {
		error = -ECANCELED;
	} else if (wait->expired) {
		error = -ETIMEDOUT;
	} else {
		/* Exclusive: a buffer put wakes one who waits, not all. */
		wait->waiting = true;
		__add_wait_queue_entry_tail_exclusive(queue, &wait->entry);
	}
	spin_unlock_irq(&queue->lock);
	return error;
}

static bool zcpool_uring_wait_unqueue(struct zcpool_uring_wait *wait)
{
	struct wait_queue_head *queue = &wait->pool->sleepers;
	bool claimed;

	spin_lock_irq(&queue->lock);
	claimed = zcpool_uring_wait_claim(wait);
	spin_unlock_irq(&queue->lock);
	return claimed;
}

/*
 * Look for buffers, from within the queue if it may wait, so that none is missed.
 *
 * Return: number of buffers or an error, the command then being the caller's to
 * complete; or -EIOCBQUEUED if it waits, or if somebody else goes on with it.
 */
static int zcpool_uring_wait_look(struct zcpool_uring_wait *wait, struct zcpool_handle *handle,
				  u32 *indices)
{
	struct zcpool_pool *pool = wait->pool;
	int error = zcpool_uring_wait_queue(wait);
	u32 taken;

	if (error == -ECANCELED) {
		/* It may have been woken, in vain: have the timer wake another. */
		zcpool_wake_later(pool);
		return error;
	}
	taken = zcpool_buffers_take(pool, handle, indices, min(wait->get.count, pool->batch));
	if (!error && !taken && !zcpool_buffers_hopeless(pool)) {
		zcpool_wake_later(pool);
		return -EIOCBQUEUED;
	}
	if (!error && !zcpool_uring_wait_unqueue(wait)) {
		if (taken)
			zcpool_get_undo(pool, handle, indices, taken);
		return -EIOCBQUEUED;
	}
	if (taken) {
		/* For others who wait. */
		zcpool_wake_later(pool);
		return taken;
	}
	return error ?: -EDEADLK;
}

/*
 * Complete a command that is the caller's.  Who cancels looks at it until
 * io_uring_cmd_done() has taken it from io_uring's list, by the lock under which that
 * is done; only then may it go.
 */
static void zcpool_uring_wait_end(struct zcpool_uring_wait *wait, int ret, unsigned int issue_flags)
{
	hrtimer_cancel(&wait->timer);
	zcpool_uring_done(wait->cmd, ret, issue_flags);
	zcpool_uring_wait_put(wait);
}

/* Go on with a command that is not in the queue. */
static void zcpool_uring_wait_go_on(struct zcpool_uring_wait *wait, unsigned int issue_flags)
{
	struct zcpool_handle *handle = wait->cmd->file->private_data;
	u32 indices[ZCPOOL_BATCH_MAX] __uninitialized;
	int ret;

	refcount_inc(&wait->refs);
	ret = zcpool_uring_wait_look(wait, handle, indices);
	if (ret > 0)
		ret = zcpool_get_end(wait->pool, handle, &wait->get, wait->user_get, indices, ret);
	if (ret != -EIOCBQUEUED)
		zcpool_uring_wait_end(wait, ret, issue_flags);
	zcpool_uring_wait_put(wait);
}

static void zcpool_uring_wait_work(struct io_uring_cmd *cmd, unsigned int issue_flags, bool dead)
{
	struct zcpool_uring_wait *wait = *zcpool_uring_wait_of(cmd);

	if (dead) {
		zcpool_wake_later(wait->pool);
		zcpool_uring_wait_end(wait, -ECANCELED, issue_flags);
	} else {
		zcpool_uring_wait_go_on(wait, issue_flags);
	}
}

static int zcpool_uring_wait(struct io_uring_cmd *cmd, struct zcpool_pool *pool,
			     const struct zcpool_get *get, struct zcpool_get __user *user_get,
			     unsigned int issue_flags)
{
	struct zcpool_uring_wait *wait = kzalloc(sizeof(*wait), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);

	if (!wait)
		return -ENOMEM;
	wait->cmd = cmd;
	wait->pool = pool;
	wait->get = *get;
	wait->user_get = user_get;
	refcount_set(&wait->refs, 1);
	init_waitqueue_func_entry(&wait->entry, zcpool_uring_wait_wake);
	INIT_LIST_HEAD(&wait->entry.entry);
	zcpool_hrtimer_init(&wait->timer, zcpool_uring_wait_expire);
	*zcpool_uring_wait_of(cmd) = wait;
	io_uring_cmd_mark_cancelable(cmd, issue_flags);
	if (get->timeout_ns)
		hrtimer_start(&wait->timer, min_t(u64, get->timeout_ns, KTIME_MAX),
			      HRTIMER_MODE_REL);
	zcpool_uring_wait_go_on(wait, issue_flags);
	return -EIOCBQUEUED;
}

/**
 * zcpool_uring_get() - GET by io_uring
 * @cmd: command
 * @user_get: the caller's struct
 * @issue_flags: as the command was issued with
 *
 * Return: number of buffers or an error, for the caller to complete the command
 * with; or -EIOCBQUEUED if that is seen to here.
 */
int zcpool_uring_get(struct io_uring_cmd *cmd, struct zcpool_get __user *user_get,
		     unsigned int issue_flags)
{
	struct zcpool_pool *pool = zcpool_file_bind(cmd->file);
	u32 indices[ZCPOOL_BATCH_MAX] __uninitialized;
	struct zcpool_get get;
	int taken;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (copy_from_user(&get, user_get, sizeof(get)))
		return -EFAULT;
	taken = zcpool_get_begin(pool, cmd->file, &get, user_get, indices);
	if (taken < 0)
		return taken;
	if (!taken)
		return zcpool_uring_wait(cmd, pool, &get, user_get, issue_flags);
	return zcpool_get_end(pool, cmd->file->private_data, &get, user_get, indices, taken);
}

/**
 * zcpool_uring_get_cancel() - end a GET that waits, for ring or program end
 * @cmd: command
 * @issue_flags: to complete it with
 *
 * One that somebody goes on with at this moment will not wait again.
 */
void zcpool_uring_get_cancel(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	struct zcpool_uring_wait *wait = *zcpool_uring_wait_of(cmd);
	struct wait_queue_head *queue = &wait->pool->sleepers;
	bool claimed;

	spin_lock_irq(&queue->lock);
	wait->cancelled = true;
	claimed = zcpool_uring_wait_claim(wait);
	spin_unlock_irq(&queue->lock);
	if (claimed)
		zcpool_uring_wait_end(wait, -ECANCELED, issue_flags);
}

#else

int zcpool_uring_get(struct io_uring_cmd *cmd, struct zcpool_get __user *user_get,
		     unsigned int issue_flags)
{
	return -ENOTTY;
}

void zcpool_uring_get_cancel(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
}

#endif
