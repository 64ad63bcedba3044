// SPDX-License-Identifier: GPL-2.0-only
/* Batches of buffers by their indices, from and to user memory: GET and PUT. */
#include <linux/uaccess.h>

#include "ioctl.h"

/*
 * Copy indices by words, two at a time where that may be: for the few that there
 * are, the checks ahead of copy_from_user() and copy_to_user() would cost more than
 * the copy.
 */
#define ZCPOOL_BY_TWOS IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS)

static int zcpool_indices_from_user(u32 *indices, const u32 __user *user, u32 count)
{
	u32 i = 0;

	if (!user_read_access_begin(user, count * sizeof(*user)))
		return -EFAULT;
	for (; ZCPOOL_BY_TWOS && i + 1 < count; i += 2)
		unsafe_get_user(*(u64 *)&indices[i], (const u64 __user *)&user[i], fault);
	for (; i < count; i++)
		unsafe_get_user(indices[i], &user[i], fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

static int zcpool_indices_to_user(u32 __user *user, const u32 *indices, u32 count)
{
	u32 i = 0;

	if (!user_write_access_begin(user, count * sizeof(*user)))
		return -EFAULT;
	for (; ZCPOOL_BY_TWOS && i + 1 < count; i += 2)
		unsafe_put_user(*(const u64 *)&indices[i], (u64 __user *)&user[i], fault);
	for (; i < count; i++)
		unsafe_put_user(indices[i], &user[i], fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/**
 * zcpool_put_array() - put buffers of a caller's array
 * @pool: pool
 * @handle: their owner
 * @user_indices: array of indices
 * @count: its length
 * @put: counts those that were put, also on an error
 *
 * Context: process; sleeps.
 *
 * Return: 0, -EFAULT, or the error of the first buffer that was not put.
 */
static int zcpool_put_array(struct zcpool_pool *pool, struct zcpool_handle *handle,
			    const u32 __user *user_indices, u32 count, u32 *put)
{
	u32 indices[ZCPOOL_BATCH_MAX] __uninitialized;
	int error = 0;

	*put = 0;
	while (*put < count && !error) {
		u32 batch = min(count - *put, pool->batch);

		error = zcpool_indices_from_user(indices, user_indices + *put, batch);
		if (error)
			return error;
		*put += zcpool_buffers_put(pool, handle, indices, batch, &error);
		cond_resched();
	}
	return error;
}

/**
 * zcpool_get_begin() - check a GET, put what it puts, and take what is free
 * @pool: pool
 * @file: handle
 * @get: what is asked for
 * @user_get: where it came from
 * @indices: filled with the buffers' indices, room for ZCPOOL_BATCH_MAX
 *
 * Context: process; sleeps, but not for buffers.
 *
 * Return: number of buffers, 0 if the caller is to wait for some, or an error.
 */
int zcpool_get_begin(struct zcpool_pool *pool, struct file *file, const struct zcpool_get *get,
		     struct zcpool_get __user *user_get, u32 *indices)
{
	struct zcpool_handle *handle = file->private_data;
	u32 count = min(get->count, pool->batch);
	int error;
	u32 taken, put;

	if (!get->count || (get->flags & ~ZCPOOL_GET_F_NONBLOCK) || get->reserved)
		return -EINVAL;
	if (get->put_count) {
		error = zcpool_put_array(pool, handle, u64_to_user_ptr(get->put_indices),
					 get->put_count, &put);
		/* Most often it says already what is to be said. */
		if (put != get->put_count && put_user(put, &user_get->put_count))
			return -EFAULT;
		if (error)
			return error;
	}

	taken = zcpool_buffers_take(pool, handle, indices, count);
	if (taken == count)
		return taken;
	if (!taken && !(get->flags & ZCPOOL_GET_F_NONBLOCK) && !(file->f_flags & O_NONBLOCK))
		return 0;
	if (!taken && zcpool_buffers_failed(pool))
		return -EDEADLK;
	/* To who polls for edges, less than wanted says that nothing is left. */
	zcpool_events_owe(pool);
	return taken ?: -EAGAIN;
}

/**
 * zcpool_get_undo() - put buffers that were taken and cannot be handed to the caller
 * @pool: pool
 * @handle: their owner, but of those that another thread has put or passed on meanwhile
 * @indices: the buffers
 * @taken: how many
 */
void zcpool_get_undo(struct zcpool_pool *pool, struct zcpool_handle *handle, const u32 *indices,
		     u32 taken)
{
	u32 put, done;
	int error;

	for (done = 0; done < taken; done += put + !!error)
		put = zcpool_buffers_put(pool, handle, indices + done, taken - done, &error);
}

/**
 * zcpool_get_end() - hand buffers that were taken to the caller
 * @pool: pool
 * @handle: their owner
 * @get: what was asked for
 * @user_get: where it came from
 * @indices: the buffers
 * @taken: how many
 *
 * Return: @taken, or -EFAULT after they were put again.
 */
int zcpool_get_end(struct zcpool_pool *pool, struct zcpool_handle *handle,
		   const struct zcpool_get *get, struct zcpool_get __user *user_get,
		   const u32 *indices, u32 taken)
{
	if (!zcpool_indices_to_user(u64_to_user_ptr(get->indices), indices, taken) &&
	    !put_user(taken, &user_get->count))
		return taken;
	zcpool_get_undo(pool, handle, indices, taken);
	return -EFAULT;
}

/** zcpool_ioctl_get() - ZCPOOL_IOC_GET */
long zcpool_ioctl_get(const struct zcpool_call *call, void *arg)
{
	struct zcpool_pool *pool = call->pool;
	u32 indices[ZCPOOL_BATCH_MAX] __uninitialized;
	struct zcpool_get *get = arg;
	int taken;

	taken = zcpool_get_begin(pool, call->file, get, call->user, indices);
	if (!taken)
		taken = zcpool_wait_take(pool, call->handle, indices, min(get->count, pool->batch),
					 get->timeout_ns);
	if (taken == -ERESTARTSYS && get->put_count)
		/* Restarted, the call would put once more what it has put. */
		return -EINTR;
	if (taken > 0)
		taken = zcpool_get_end(pool, call->handle, get, call->user, indices, taken);
	return min(taken, 0);
}

/** zcpool_ioctl_put() - ZCPOOL_IOC_PUT */
long zcpool_ioctl_put(const struct zcpool_call *call, void *arg)
{
	struct zcpool_pool *pool = call->pool;
	struct zcpool_put __user *user_put = call->user;
	struct zcpool_put *put = arg;
	int error;
	u32 done;

	if (!put->count || put->flags)
		return -EINVAL;

	error = zcpool_put_array(pool, call->handle, u64_to_user_ptr(put->indices), put->count,
				 &done);
	/* How far it came matters most when it came not far. */
	return put_user(done, &user_put->count) ? -EFAULT : error;
}
