// SPDX-License-Identifier: GPL-2.0-only
/* Open files: their room in the queue, their completions, and their end. */
#include <linux/poll.h>
#include <linux/slab.h>

#include "edu.h"

static int edu_open(struct inode *inode, struct file *vfs_file)
{
	/* misc_open() and misc_deregister() exclude each other: the device is there. */
	struct edu_device *edu = container_of(vfs_file->private_data, struct edu_device, misc);
	struct edu_file *file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);

	if (!file)
		return -ENOMEM;
	kref_get(&edu->refs);
	file->edu = edu;
	INIT_LIST_HEAD(&file->completions);
	init_waitqueue_head(&file->wait);
	spin_lock(&edu->lock);
	list_add(&file->link, &edu->files);
	spin_unlock(&edu->lock);

	vfs_file->private_data = file;
	return nonseekable_open(inode, vfs_file);
}

/* With edu->presence held, for memory is unmapped and detached. */
static void edu_file_end(struct edu_file *file)
{
	struct edu_memory *memory;
	u32 number;

	edu_requests_cancel(file, NULL);
	/* The transfer under way ends, or the device is stopped. */
	wait_event(file->wait, !READ_ONCE(file->nr_queued));
	for (number = 0; number < EDU_IMPORTS_MAX; number++) {
		memory = edu_memory_take(file, number);
		if (!IS_ERR(memory))
			edu_memory_put(memory);
	}
}

static int edu_release(struct inode *inode, struct file *vfs_file)
{
	struct edu_file *file = vfs_file->private_data;
	struct edu_device *edu = file->edu;
	struct edu_request *request, *next;

	down_read(&edu->presence);
	edu_file_end(file);
	up_read(&edu->presence);

	/* Whoever ended the last request still has the lock, maybe. */
	spin_lock(&edu->lock);
	list_del(&file->link);
	spin_unlock(&edu->lock);
	list_for_each_entry_safe(request, next, &file->completions, link)
		kfree(request);
	kfree(file);
	edu_device_put(edu);
	return 0;
}

/*
 * 1 if there is room for a request, 0 if that has to be waited for, or why there will
 * be none; under the device's lock.
 */
static int edu_file_room(const struct edu_file *file)
{
	if (file->edu->error)
		return file->edu->error;
	if (file->nr_completions >= EDU_QUEUE_LIMIT)
		return -EBUSY;
	return file->nr_queued < EDU_QUEUE_LIMIT;
}

static int edu_file_try_claim(struct edu_file *file)
{
	int room;

	spin_lock(&file->edu->lock);
	room = edu_file_room(file);
	if (room > 0)
		file->nr_queued++;
	spin_unlock(&file->edu->lock);
	return room;
}

/**
 * edu_file_claim() - take room for a request
 * @file: open file
 * @wait: for room, as long as there is none
 *
 * Return: 0, -EAGAIN, -EBUSY, -ERESTARTSYS, or the device's error.
 */
int edu_file_claim(struct edu_file *file, bool wait)
{
	int room = edu_file_try_claim(file);
	int signal = 0;

	if (!room && !wait)
		return -EAGAIN;
	if (!room)
		signal = wait_event_interruptible(file->wait, (room = edu_file_try_claim(file)));
	return room ? min(room, 0) : signal;
}

/**
 * edu_file_unclaim() - give back what edu_file_claim() took
 * @file: open file
 */
void edu_file_unclaim(struct edu_file *file)
{
	spin_lock(&file->edu->lock);
	file->nr_queued--;
	wake_up_all(&file->wait);
	spin_unlock(&file->edu->lock);
}

/**
 * edu_file_complete() - let a request's completion be taken
 * @request: pending request that holds nothing any more
 *
 * Both who waits for the file's requests and who waits for the device's may free what
 * they wait on as soon as they have seen the numbers and had the lock.
 */
void edu_file_complete(struct edu_request *request)
{
	struct edu_file *file = request->file;
	struct edu_device *edu = file->edu;

	spin_lock(&edu->lock);
	list_add_tail(&request->link, &file->completions);
	file->nr_completions++;
	WRITE_ONCE(file->nr_queued, file->nr_queued - 1);
	wake_up_all(&file->wait);
	WRITE_ONCE(edu->pending, edu->pending - 1);
	if (!edu->pending)
		wake_up_all(&edu->idle);
	spin_unlock(&edu->lock);
}

/*
 * Take completions: how many, 0 if they have to be waited for, or why there will be
 * none.
 */
static int edu_file_try_take(struct edu_file *file, struct list_head *completions, u32 count)
{
	int taken = 0;

	spin_lock(&file->edu->lock);
	while (file->nr_completions && taken < count) {
		list_move_tail(file->completions.next, completions);
		file->nr_completions--;
		taken++;
	}
	if (taken)
		/* There may be room again. */
		wake_up_all(&file->wait);
	else if (!file->nr_queued)
		taken = file->edu->error;
	spin_unlock(&file->edu->lock);
	return taken;
}

/**
 * edu_file_take() - take completions
 * @file: open file
 * @completions: empty list, for the requests that have ended
 * @count: most completions wanted
 * @wait: for the first, as long as there is none
 * @timeout_ns: longest wait, nanoseconds, 0 for no limit
 *
 * Return: how many, or -EAGAIN, -ETIMEDOUT, -EINTR, -ERESTARTSYS, or the device's
 * error.
 */
int edu_file_take(struct edu_file *file, struct list_head *completions, u32 count, bool wait,
		  u64 timeout_ns)
{
	ktime_t timeout = timeout_ns ? min_t(u64, timeout_ns, KTIME_MAX) : KTIME_MAX;
	wait_queue_head_t *queue = &file->wait;
	int taken, error;

#define edu_take() (taken = edu_file_try_take(file, completions, count))
	if (edu_take())
		return taken;
	if (!wait)
		return -EAGAIN;
	error = wait_event_interruptible_hrtimeout(*queue, edu_take(), timeout);
#undef edu_take
	if (taken)
		return taken;
	if (error == -ETIME)
		return -ETIMEDOUT;
	/* A restarted call would wait its whole time again. */
	return timeout_ns ? -EINTR : -ERESTARTSYS;
}

/**
 * edu_file_untake() - give back what edu_file_take() took
 * @file: open file
 * @completions: the list; empty afterwards
 */
void edu_file_untake(struct edu_file *file, struct list_head *completions)
{
	struct list_head *completion;

	spin_lock(&file->edu->lock);
	list_for_each(completion, completions)
		file->nr_completions++;
	list_splice_init(completions, &file->completions);
	wake_up_all(&file->wait);
	spin_unlock(&file->edu->lock);
}

static __poll_t edu_poll(struct file *vfs_file, poll_table *wait)
{
	struct edu_file *file = vfs_file->private_data;
	__poll_t events = 0;

	poll_wait(vfs_file, &file->wait, wait);
	spin_lock(&file->edu->lock);
	if (file->nr_completions)
		events |= EPOLLIN | EPOLLRDNORM;
	if (edu_file_room(file) > 0)
		events |= EPOLLOUT | EPOLLWRNORM;
	if (file->edu->error)
		events |= EPOLLERR;
	if (file->edu->error == -ENODEV)
		events |= EPOLLHUP;
	spin_unlock(&file->edu->lock);
	return events;
}

const struct file_operations edu_file_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_release,
	.unlocked_ioctl = edu_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = edu_poll,
};
