// SPDX-License-Identifier: GPL-2.0-only
/* The commands of <linux/zcpool_edu.h>. */
#include <linux/dma-buf.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "edu.h"

/**
 * struct edu_argument - the struct of a command
 * @user: where the program has it
 * @size: its size, at least that of the first version
 * @nonblocking: the file is O_NONBLOCK
 */
struct edu_argument {
	void __user *user;
	size_t size;
	bool nonblocking;
};

/* Copy a struct back, as much of it as the program knows. */
static int edu_copy_out(const struct edu_argument *argument, const void *kernel, size_t size)
{
	return copy_to_user(argument->user, kernel, min(argument->size, size)) ? -EFAULT : 0;
}

static int edu_ioctl_query(struct edu_file *file, void *arg, const struct edu_argument *argument)
{
	struct zcpool_edu_query *query = arg;
	int error;

	if (query->flags)
		return -EINVAL;
	*query = (struct zcpool_edu_query){
		.abi_version = ZCPOOL_EDU_ABI_VERSION,
		.memory_size = EDU_MEMORY_SIZE,
		.dma_bits = edu_dma_bits(),
		.max_length = EDU_LENGTH_MAX,
		.queue_limit = EDU_QUEUE_LIMIT,
		.max_imports = EDU_IMPORTS_MAX,
		.timeout_ms = edu_timeout_ms(),
	};
	spin_lock(&file->edu->lock);
	error = file->edu->error;
	query->imports = file->nr_memories;
	query->queued = file->nr_queued;
	query->completed = file->nr_completions;
	spin_unlock(&file->edu->lock);
	if (error == -ENODEV)
		return error;
	return edu_copy_out(argument, query, sizeof(*query));
}

/* Free a number, and let go of the memory. */
static int edu_unimport(struct edu_file *file, u32 number)
{
	struct edu_memory *memory = ERR_PTR(-ENODEV);

	down_read(&file->edu->presence);
	if (READ_ONCE(file->edu->error) != -ENODEV)
		memory = edu_memory_take(file, number);
	if (!IS_ERR(memory))
		edu_memory_put(memory);
	up_read(&file->edu->presence);
	return PTR_ERR_OR_ZERO(memory);
}

/* Attach a dma-buf and give it a number. */
static int edu_import(struct edu_file *file, struct zcpool_edu_import *import)
{
	struct edu_memory *memory = ERR_PTR(-ENODEV);
	int number;

	down_read(&file->edu->presence);
	if (READ_ONCE(file->edu->error) != -ENODEV)
		memory = edu_memory_import(file->edu, import->fd);
	number = PTR_ERR_OR_ZERO(memory);
	if (!number) {
		import->size = memory->dmabuf->size;
		number = edu_memory_number(file, memory);
		if (number < 0)
			edu_memory_put(memory);
	}
	up_read(&file->edu->presence);
	return number;
}

static int edu_ioctl_import(struct edu_file *file, void *arg, const struct edu_argument *argument)
{
	struct zcpool_edu_import *import = arg;
	int number;

	if (import->flags || import->reserved)
		return -EINVAL;
	number = edu_import(file, import);
	if (number < 0)
		return number;
	import->memory = number;
	/* Not under the lock of edu_import(): the program decides how long this takes. */
	if (!edu_copy_out(argument, import, sizeof(*import)))
		return 0;
	edu_unimport(file, number);
	return -EFAULT;
}

static int edu_ioctl_release(struct edu_file *file, void *arg, const struct edu_argument *argument)
{
	const struct zcpool_edu_release *release = arg;

	if (release->flags)
		return -EINVAL;
	return edu_unimport(file, release->memory);
}

static int edu_ioctl_submit(struct edu_file *file, void *arg, const struct edu_argument *argument)
{
	const struct zcpool_edu_submit *submit = arg;
	bool wait = !argument->nonblocking && !(submit->flags & ZCPOOL_EDU_SUBMIT_F_NONBLOCK);

	return edu_request_submit(file, submit, wait);
}

/* Tell of requests that have ended, and of how many. */
static int edu_copy_completions(struct zcpool_edu_complete *complete,
				const struct list_head *completions,
				const struct edu_argument *argument)
{
	void __user *entry = u64_to_user_ptr(complete->completions);
	const struct edu_request *request;

	complete->count = 0;
	list_for_each_entry(request, completions, link) {
		const struct zcpool_edu_completion completion = {
			.cookie = request->cookie,
			.done = request->done,
			.result = request->result,
		};
		size_t size = min_t(size_t, sizeof(completion), complete->entry_size);

		if (copy_to_user(entry, &completion, size) ||
		    clear_user(entry + size, complete->entry_size - size))
			return -EFAULT;
		entry += complete->entry_size;
		complete->count++;
	}
	return edu_copy_out(argument, complete, sizeof(*complete));
}

static int edu_ioctl_complete(struct edu_file *file, void *arg, const struct edu_argument *argument)
{
	struct zcpool_edu_complete *complete = arg;
	bool wait = !argument->nonblocking && !(complete->flags & ZCPOOL_EDU_COMPLETE_F_NONBLOCK);
	struct edu_request *request, *next;
	LIST_HEAD(completions);
	int taken, error;

	if ((complete->flags & ~ZCPOOL_EDU_COMPLETE_F_NONBLOCK) || complete->reserved ||
	    !complete->count || complete->entry_size < ZCPOOL_EDU_COMPLETION_SIZE_VER0 ||
	    complete->entry_size > PAGE_SIZE)
		return -EINVAL;
	taken = edu_file_take(file, &completions, complete->count, wait, complete->timeout_ns);
	if (taken < 0)
		return taken;
	error = edu_copy_completions(complete, &completions, argument);
	if (error)
		edu_file_untake(file, &completions);
	list_for_each_entry_safe(request, next, &completions, link)
		kfree(request);
	return error;
}

static int edu_ioctl_cancel(struct edu_file *file, void *arg, const struct edu_argument *argument)
{
	struct zcpool_edu_cancel *cancel = arg;
	bool all = cancel->flags & ZCPOOL_EDU_CANCEL_F_ALL;
	int error;

	if ((cancel->flags & ~ZCPOOL_EDU_CANCEL_F_ALL) || cancel->count || (all && cancel->cookie))
		return -EINVAL;
	down_read(&file->edu->presence);
	error = READ_ONCE(file->edu->error);
	if (error != -ENODEV)
		cancel->count = edu_requests_cancel(file, all ? NULL : &cancel->cookie);
	up_read(&file->edu->presence);
	if (error == -ENODEV)
		return error;
	return cancel->count ? edu_copy_out(argument, cancel, sizeof(*cancel)) : -ENOENT;
}

/* Room for the struct of any command. */
union edu_struct {
	struct zcpool_edu_query query;
	struct zcpool_edu_import import;
	struct zcpool_edu_release release;
	struct zcpool_edu_submit submit;
	struct zcpool_edu_complete complete;
	struct zcpool_edu_cancel cancel;
};

/**
 * struct edu_command - an ioctl
 * @size: of its struct, as this module knows it
 * @min_size: of the struct's first version
 * @run: does it; the struct is read, and copied back by @run
 */
struct edu_command {
	size_t size;
	size_t min_size;
	int (*run)(struct edu_file *file, void *arg, const struct edu_argument *argument);
};

/* The first number: those below are zcpool's. */
#define EDU_COMMAND_FIRST _IOC_NR(ZCPOOL_EDU_IOC_QUERY)

#define EDU_COMMAND(verb, VERB) \
	[_IOC_NR(ZCPOOL_EDU_IOC_##VERB) - EDU_COMMAND_FIRST] = { \
		.size = sizeof(struct zcpool_edu_##verb), \
		.min_size = ZCPOOL_EDU_##VERB##_SIZE_VER0, \
		.run = edu_ioctl_##verb, \
	}

/* clang-format off */
static const struct edu_command edu_commands[] = {
	EDU_COMMAND(query, QUERY),
	EDU_COMMAND(import, IMPORT),
	EDU_COMMAND(release, RELEASE),
	EDU_COMMAND(submit, SUBMIT),
	EDU_COMMAND(complete, COMPLETE),
	EDU_COMMAND(cancel, CANCEL),
};

/* clang-format on */

/** edu_ioctl() - file_operations.unlocked_ioctl */
long edu_ioctl(struct file *vfs_file, unsigned int cmd, unsigned long arg)
{
	struct edu_argument argument = {
		.user = (void __user *)arg,
		.size = _IOC_SIZE(cmd),
		.nonblocking = vfs_file->f_flags & O_NONBLOCK,
	};
	unsigned int nr = _IOC_NR(cmd) - EDU_COMMAND_FIRST;
	const struct edu_command *command;
	union edu_struct buffer;
	int error;

	if (_IOC_TYPE(cmd) != ZCPOOL_EDU_IOC_TYPE || _IOC_DIR(cmd) != (_IOC_READ | _IOC_WRITE) ||
	    nr >= ARRAY_SIZE(edu_commands))
		return -ENOTTY;
	command = &edu_commands[array_index_nospec(nr, ARRAY_SIZE(edu_commands))];
	if (argument.size < command->min_size)
		return -EINVAL;

	error = copy_struct_from_user(&buffer, command->size, argument.user, argument.size);
	if (error)
		return error;
	return command->run(vfs_file->private_data, &buffer, &argument);
}
