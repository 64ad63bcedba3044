// SPDX-License-Identifier: GPL-2.0-only
/* The commands of <linux/zcpool.h>: their table, and what they have in common. */
#include <linux/file.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "ioctl.h"

/**
 * zcpool_call_return() - copy a struct back, as much of it as the caller knows
 * @call: command
 * @arg: struct
 * @size: of it, bytes
 *
 * Return: 0 or -EFAULT.
 */
int zcpool_call_return(const struct zcpool_call *call, const void *arg, size_t size)
{
	return copy_to_user(call->user, arg, min(call->size, size)) ? -EFAULT : 0;
}

/**
 * zcpool_call_install() - give the caller a new file
 * @call: command
 * @fd: descriptor for it, reserved, and noted in the struct; taken over
 * @file: file, taken over, or an error
 * @arg: struct, to be copied back
 * @size: of it, bytes
 *
 * Return: 0, -EFAULT, or the error that @file is.
 */
int zcpool_call_install(const struct zcpool_call *call, int fd, struct file *file, const void *arg,
			size_t size)
{
	int error = PTR_ERR_OR_ZERO(file);

	if (!error) {
		error = zcpool_call_return(call, arg, size);
		if (error)
			fput(file);
	}
	if (error)
		put_unused_fd(fd);
	else
		fd_install(fd, file);
	return error;
}

/* Room for the struct of any command. */
union zcpool_arg {
	struct zcpool_query query;
	struct zcpool_create create;
	struct zcpool_get get;
	struct zcpool_put put;
	struct zcpool_eventfd eventfd;
	struct zcpool_holders holders;
	struct zcpool_send send;
	struct zcpool_export export;
	struct zcpool_share share;
	struct zcpool_attach attach;
	struct zcpool_transfer transfer;
	struct zcpool_receive receive;
	struct zcpool_view view;
	struct zcpool_seal seal;
	struct zcpool_unseal unseal;
};

/**
 * struct zcpool_command - an ioctl
 * @size: of its struct, as this kernel knows it
 * @min_size: of the struct's first version
 * @unbound: works on a handle without a pool
 * @run: does it
 */
struct zcpool_command {
	size_t size;
	size_t min_size;
	bool unbound;
	long (*run)(const struct zcpool_call *call, void *arg);
};

#define ZCPOOL_COMMAND(verb, VERB, ...) \
	[_IOC_NR(ZCPOOL_IOC_##VERB)] = { .size = sizeof(struct zcpool_##verb), \
					 .min_size = ZCPOOL_##VERB##_SIZE_VER0, \
					 .run = zcpool_ioctl_##verb, \
					 __VA_ARGS__ }

/* clang-format off */
static const struct zcpool_command zcpool_commands[] = {
	ZCPOOL_COMMAND(query, QUERY, .unbound = true),
	ZCPOOL_COMMAND(create, CREATE, .unbound = true),
	ZCPOOL_COMMAND(get, GET),
	ZCPOOL_COMMAND(put, PUT),
	ZCPOOL_COMMAND(eventfd, EVENTFD),
	ZCPOOL_COMMAND(holders, HOLDERS),
	ZCPOOL_COMMAND(send, SEND),
#ifdef CONFIG_DMA_SHARED_BUFFER
	ZCPOOL_COMMAND(export, EXPORT),
#endif
	ZCPOOL_COMMAND(share, SHARE),
	ZCPOOL_COMMAND(attach, ATTACH, .unbound = true),
	ZCPOOL_COMMAND(transfer, TRANSFER),
	ZCPOOL_COMMAND(receive, RECEIVE),
	ZCPOOL_COMMAND(view, VIEW),
	ZCPOOL_COMMAND(seal, SEAL),
	ZCPOOL_COMMAND(unseal, UNSEAL),
};

/* clang-format on */

/** zcpool_ioctl() - file_operations.unlocked_ioctl of a handle */
long zcpool_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct zcpool_call call = {
		.file = file,
		.handle = file->private_data,
		.user = (void __user *)arg,
		.size = _IOC_SIZE(cmd),
	};
	const struct zcpool_command *command;
	union zcpool_arg buffer __uninitialized;
	unsigned int nr = _IOC_NR(cmd);
	int error;

	if (_IOC_TYPE(cmd) != ZCPOOL_IOC_TYPE || _IOC_DIR(cmd) != (_IOC_READ | _IOC_WRITE) ||
	    nr >= ARRAY_SIZE(zcpool_commands))
		return -ENOTTY;
	command = &zcpool_commands[array_index_nospec(nr, ARRAY_SIZE(zcpool_commands))];
	if (!command->run)
		return -ENOTTY;
	if (call.size < command->min_size)
		return -EINVAL;

	error = copy_struct_from_user(&buffer, command->size, call.user, call.size);
	if (error)
		return error;
	call.pool = zcpool_handle_pool(call.handle);
	if (unlikely(!call.pool)) {
		call.pool = zcpool_file_bind(file);
		if (PTR_ERR_OR_ZERO(call.pool) == -ENXIO && command->unbound)
			call.pool = NULL;
		if (IS_ERR(call.pool))
			return PTR_ERR(call.pool);
	}
	return command->run(&call, &buffer);
}
