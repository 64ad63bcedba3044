// SPDX-License-Identifier: GPL-2.0-only
/* The commands of <linux/zcpool.h> that io_uring can carry: SEND and GET. */
#include <linux/uaccess.h>

#include "zcpool.h"

/*
 * Without waiting first, as io_uring has it; a program that would wait gets another
 * try, for which *may_wait is set, in a thread of io_uring's.
 */
static int zcpool_uring_send(struct file *file, struct zcpool_send __user *user_send,
			     unsigned int issue_flags, bool *may_wait)
{
	struct zcpool_pool *pool = zcpool_file_bind(file);
	struct zcpool_send send;
	u32 flags;
	int error;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (copy_from_user(&send, user_send, sizeof(send)))
		return -EFAULT;
	error = zcpool_send_check(&send);
	if (error)
		return error;

	/* What cannot be told afterwards is not begun. */
	send.sent = 0;
	send.copied = 0;
	if (copy_to_user(user_send, &send, sizeof(send)))
		return -EFAULT;
	flags = send.flags;
	*may_wait = (issue_flags & IO_URING_F_NONBLOCK) && !(flags & ZCPOOL_SEND_F_DONTWAIT);
	if (*may_wait)
		send.flags |= ZCPOOL_SEND_F_DONTWAIT;
	error = zcpool_send(pool, file->private_data, &send);
	if (error)
		return error;
	send.flags = flags;
	return copy_to_user(user_send, &send, sizeof(send)) ? -EFAULT : (int)send.sent;
}

/** zcpool_uring_cmd() - file_operations.uring_cmd of a handle */
int zcpool_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags)
{
	bool may_wait = false;
	void __user *user;
	int ret;

	if (zcpool_uring_is_cancel(issue_flags)) {
		zcpool_uring_get_cancel(cmd, issue_flags);
		return 0;
	}
	/* The program may write to the queue's memory at any time. */
	user = u64_to_user_ptr(READ_ONCE(*(const u64 *)zcpool_uring_payload(cmd)));
	switch (cmd->cmd_op) {
	case ZCPOOL_IOC_SEND:
		ret = zcpool_uring_send(cmd->file, user, issue_flags, &may_wait);
		if (ret == -EAGAIN && may_wait)
			return ret;
		break;
	case ZCPOOL_IOC_GET:
		ret = zcpool_uring_get(cmd, user, issue_flags);
		if (ret == -EIOCBQUEUED)
			return ret;
		break;
	default:
		return -ENOTTY;
	}
	/* Cancelled.  There is no system call that could be restarted. */
	if (ret == -ERESTARTSYS)
		ret = -EINTR;
	/* Linux 6.1 never completes a request whose thread returns a number > 0. */
	zcpool_uring_done(cmd, ret, issue_flags);
	return -EIOCBQUEUED;
}
