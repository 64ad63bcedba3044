// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEND: a vector of slices and inline bytes to a socket, slices by reference.
 *
 * The socket is held for the call alone: what it has queued holds pages, never the
 * pool, so that no cycle of references keeps a dead program's connection open.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uaccess.h>

#include "ioctl.h"
#include "send.h"
#include "trace.h"
#include "slice.h"

/* Elements that need no allocation: a header, a body, a trailer, and one more. */
#define ZCPOOL_SEND_FEW 4
#define ZCPOOL_SEND_FLAGS \
	(ZCPOOL_SEND_F_MORE | ZCPOOL_SEND_F_DONTWAIT | ZCPOOL_SEND_F_NOSIGNAL | ZCPOOL_SEND_F_SEAL)

static struct zcpool_slice zcpool_element_slice(const struct zcpool_element *element)
{
	return (struct zcpool_slice){ .offset = element->base, .length = element->length };
}

/* In an isolated pool, what a queue may take at any time during the call is borrowed. */
static void zcpool_sending_return(const struct zcpool_sending *sending, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		struct zcpool_slice slice = zcpool_element_slice(&sending->elements[i]);

		if (!zcpool_element_is_inline(&sending->elements[i]))
			zcpool_slice_return(sending->pool, &slice);
	}
}

static int zcpool_sending_borrow(const struct zcpool_sending *sending)
{
	u32 i;

	for (i = 0; i < sending->count; i++) {
		struct zcpool_slice slice = zcpool_element_slice(&sending->elements[i]);
		int error;

		if (zcpool_element_is_inline(&sending->elements[i]))
			continue;
		error = zcpool_slice_borrow(sending->pool, sending->handle, &slice);
		if (error) {
			zcpool_sending_return(sending, i);
			return error;
		}
	}
	return 0;
}

static ssize_t zcpool_send_now(struct zcpool_sending *sending)
{
	ssize_t error;
	bool done;

	error = zcpool_send_stream(sending, &done);
	return done ? error : zcpool_send_message(sending);
}

static ssize_t zcpool_send_vector(struct zcpool_sending *sending)
{
	ssize_t error;

	if (likely(!sending->pool->geometry.isolated))
		return zcpool_send_now(sending);
	error = zcpool_sending_borrow(sending);
	if (error)
		return error;
	error = zcpool_send_now(sending);
	zcpool_sending_return(sending, sending->count);
	return error;
}

static ssize_t zcpool_send_sealed(struct zcpool_sending *sending)
{
	struct zcpool_sealing sealing __uninitialized;
	ssize_t error;

	error = zcpool_sealing_begin(&sealing, sending);
	if (error)
		return error;
	error = zcpool_send_vector(sending);
	zcpool_sealing_end(&sealing, sending);
	return error;
}

static int zcpool_element_check(const struct zcpool_pool *pool,
				const struct zcpool_element *element)
{
	if ((element->flags & ~ZCPOOL_ELEMENT_F_INLINE) || element->reserved || !element->length)
		return -EINVAL;
	if (zcpool_element_is_inline(element))
		return 0;
	if (element->base > pool->geometry.size ||
	    element->length > pool->geometry.size - element->base)
		return -ERANGE;
	return 0;
}

static bool zcpool_slice_follows(const struct zcpool_element *element,
				 const struct zcpool_element *before)
{
	return before->base + before->length == element->base &&
	       !zcpool_element_is_inline(before) && !zcpool_element_is_inline(element);
}

/*
 * Check a vector as a whole, so that nothing is sent of one that is wrong, and make
 * slices that follow each other in the pool, as messages in a log do, one.
 *
 * Return: the vector's new length, or an error.
 */
static int zcpool_elements_check(const struct zcpool_pool *pool, struct zcpool_element *elements,
				 u32 count)
{
	struct zcpool_element *last = elements;
	u64 total = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		const struct zcpool_element *element = &elements[i];
		int error;

		/* sendmsg() takes no more at once, and counts in an int. */
		if (element->length > MAX_RW_COUNT - total)
			return -EMSGSIZE;
		total += element->length;
		error = zcpool_element_check(pool, element);
		if (error)
			return error;
		if (i && zcpool_slice_follows(element, last))
			last->length += element->length;
		else if (i)
			*++last = *element;
	}
	return last - elements + 1;
}

static int zcpool_msg_flags(u32 flags)
{
	int msg_flags = 0;

	if (flags & ZCPOOL_SEND_F_MORE)
		msg_flags |= MSG_MORE;
	if (flags & ZCPOOL_SEND_F_DONTWAIT)
		msg_flags |= MSG_DONTWAIT;
	if (flags & ZCPOOL_SEND_F_NOSIGNAL)
		msg_flags |= MSG_NOSIGNAL;
	return msg_flags;
}

static ssize_t zcpool_send_elements(struct zcpool_pool *pool, struct zcpool_handle *handle,
				    struct file *file, const struct zcpool_element *elements,
				    u32 count, struct zcpool_send *send)
{
	struct zcpool_sending sending = {
		.pool = pool,
		.handle = handle,
		.socket = sock_from_file(file),
		.elements = elements,
		.count = count,
		.flags = zcpool_msg_flags(send->flags),
	};
	ssize_t error;

	if (!sending.socket)
		return -ENOTSOCK;
	/* As for sendfile(): what the security modules ask of who writes to it. */
	error = rw_verify_area(WRITE, file, NULL, 0);
	if (error)
		return error;
	if (file->f_flags & O_NONBLOCK)
		sending.flags |= MSG_DONTWAIT;
	if (send->flags & ZCPOOL_SEND_F_SEAL)
		error = zcpool_send_sealed(&sending);
	else
		error = zcpool_send_vector(&sending);
	send->sent = sending.sent;
	send->copied = sending.copied;
	if (sending.sent)
		trace_zcpool_send(pool, send->count, sending.sent, sending.copied);
	return error;
}

/**
 * zcpool_send_check() - check what SEND is asked for, but the vector
 * @send: the caller's struct
 *
 * Return: 0 or -EINVAL.
 */
int zcpool_send_check(const struct zcpool_send *send)
{
	if (!send->count || send->count > ZCPOOL_SEND_MAX || send->reserved ||
	    (send->flags & ~ZCPOOL_SEND_FLAGS))
		return -EINVAL;
	return 0;
}

/**
 * zcpool_send() - send a vector of slices and inline bytes to a socket
 * @pool: pool of the slices
 * @handle: handle that sends
 * @send: what is to be sent, its fields but the vector checked; .sent and .copied,
 *        which are 0, are filled in
 *
 * Context: process; sleeps unless told not to.
 *
 * Return: 0, also if not all was sent, or an error if nothing was.
 */
int zcpool_send(struct zcpool_pool *pool, struct zcpool_handle *handle, struct zcpool_send *send)
{
	size_t size = array_size(send->count, sizeof(struct zcpool_element));
	struct zcpool_element few[ZCPOOL_SEND_FEW] __uninitialized;
	struct zcpool_element *elements = few;
	struct file *file;
	int count, error;

	if (send->count > ZCPOOL_SEND_FEW) {
		elements = kmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!elements)
			return -ENOMEM;
	}
	error = -EFAULT;
	if (copy_from_user(elements, u64_to_user_ptr(send->elements), size))
		goto out;
	count = zcpool_elements_check(pool, elements, send->count);
	error = count;
	if (count < 0)
		goto out;

	error = -EBADF;
	file = fget(send->fd);
	if (!file)
		goto out;
	error = zcpool_send_elements(pool, handle, file, elements, count, send);
	fput(file);
out:
	if (elements != few)
		kfree(elements);
	return error;
}

/** zcpool_ioctl_send() - ZCPOOL_IOC_SEND */
long zcpool_ioctl_send(const struct zcpool_call *call, void *arg)
{
	struct zcpool_pool *pool = call->pool;
	struct zcpool_send *send = arg;
	int error;

	error = zcpool_send_check(send);
	if (error)
		return error;
	/* What cannot be told afterwards is not begun. */
	send->sent = 0;
	send->copied = 0;
	if (zcpool_call_return(call, send, sizeof(*send)))
		return -EFAULT;
	error = zcpool_send(pool, call->handle, send);
	return zcpool_call_return(call, send, sizeof(*send)) ?: error;
}
