// SPDX-License-Identifier: GPL-2.0-only
/*
 * Count the bytes that threads copy in the kernel's copy routines.
 *
 * Tracing does this in general, but kprobe events refuse functions that are
 * built without the function tracer's hooks, and all of lib/ is: just where the
 * copies are.  Plain kprobes work there.
 *
 * Writing a thread's name to /sys/kernel/debug/copycount clears the counters and
 * counts the copies of threads of that name, softirqs on their back included: a
 * program names its thread for as long as it is to be counted.  Reading gives a
 * line for each routine: what it copies, its name, bytes, calls.
 */
#include <linux/atomic.h>
#include <linux/debugfs.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

/**
 * struct routine - a function that copies
 * @probe: names it
 * @argument: number of the argument that tells the bytes, from 0
 * @kind: "payload" or "arguments" (of system calls)
 * @bytes: copied by watched threads
 * @calls: made by watched threads
 */
struct routine {
	struct kprobe probe;
	unsigned int argument;
	const char *kind;
	atomic64_t bytes;
	atomic64_t calls;
};

static int count_copy(struct kprobe *probe, struct pt_regs *regs);

#define ROUTINE(name, nr, what) \
	{ \
		.probe = { .symbol_name = #name, .pre_handler = count_copy }, .argument = (nr), \
		.kind = (what), \
	}

/* A routine that calls another one here must not be here itself. */
static struct routine routines[] = {
	/* read(), recv(), write(), send() */
	ROUTINE(_copy_to_iter, 1, "payload"),
	ROUTINE(_copy_from_iter, 1, "payload"),
	ROUTINE(_copy_from_iter_nocache, 1, "payload"),
	ROUTINE(_copy_from_iter_flushcache, 1, "payload"),
	ROUTINE(csum_and_copy_from_iter, 1, "payload"),
	ROUTINE(csum_and_copy_to_iter, 1, "payload"),
	/* write() to a file: by page, in newer kernels by folio */
	ROUTINE(copy_page_from_iter_atomic, 2, "payload"),
	ROUTINE(copy_folio_from_iter_atomic, 2, "payload"),
	/* within the network */
	ROUTINE(skb_copy_bits, 3, "payload"),
	ROUTINE(skb_copy_and_csum_bits, 3, "payload"),
	/* DMA by way of a bounce buffer */
	ROUTINE(swiotlb_bounce, 2, "payload"),
	/* structs that system calls take and fill */
	ROUTINE(_copy_from_user, 2, "arguments"),
	ROUTINE(_copy_to_user, 2, "arguments"),
};

/* Written while nothing is counted; a torn read would count nothing either. */
static char watched[TASK_COMM_LEN];

static int count_copy(struct kprobe *probe, struct pt_regs *regs)
{
	struct routine *routine = container_of(probe, struct routine, probe);

	if (!strncmp(current->comm, watched, TASK_COMM_LEN)) {
		atomic64_add(regs_get_kernel_argument(regs, routine->argument), &routine->bytes);
		atomic64_inc(&routine->calls);
	}
	return 0;
}

static int copycount_show(struct seq_file *m, void *unused)
{
	struct routine *routine;

	for (routine = routines; routine < routines + ARRAY_SIZE(routines); routine++)
		if (routine->probe.addr)
			seq_printf(m, "%s %s %lld %lld\n", routine->kind,
				   routine->probe.symbol_name, atomic64_read(&routine->bytes),
				   atomic64_read(&routine->calls));
	return 0;
}

static int copycount_open(struct inode *inode, struct file *file)
{
	return single_open(file, copycount_show, NULL);
}

static ssize_t copycount_write(struct file *file, const char __user *text, size_t size,
			       loff_t *offset)
{
	struct routine *routine;
	char name[TASK_COMM_LEN];
	ssize_t length;

	length = strncpy_from_user(name, text, min(size, sizeof(name) - 1));
	if (length < 0)
		return length;
	name[min_t(size_t, length, sizeof(name) - 1)] = 0;
	memset(watched, 0, sizeof(watched));
	for (routine = routines; routine < routines + ARRAY_SIZE(routines); routine++) {
		atomic64_set(&routine->bytes, 0);
		atomic64_set(&routine->calls, 0);
	}
	strscpy(watched, strim(name), sizeof(watched));
	return size;
}

static const struct file_operations copycount_fops = {
	.owner = THIS_MODULE,
	.open = copycount_open,
	.read = seq_read,
	.write = copycount_write,
	.llseek = seq_lseek,
	.release = single_release,
};

static struct dentry *copycount_file;

static void unregister_all(void)
{
	struct routine *routine;

	for (routine = routines; routine < routines + ARRAY_SIZE(routines); routine++)
		if (routine->probe.addr)
			unregister_kprobe(&routine->probe);
}

static int __init copycount_init(void)
{
	struct routine *routine;

	for (routine = routines; routine < routines + ARRAY_SIZE(routines); routine++) {
		int error = register_kprobe(&routine->probe);

		/* Not every kernel has every routine; the reader sees which. */
		if (!error)
			continue;
		routine->probe.addr = NULL;
		if (error != -ENOENT) {
			unregister_all();
			return error;
		}
	}
	copycount_file = debugfs_create_file("copycount", 0600, NULL, NULL, &copycount_fops);
	return 0;
}
module_init(copycount_init);

static void __exit copycount_exit(void)
{
	debugfs_remove(copycount_file);
	unregister_all();
}
module_exit(copycount_exit);

MODULE_DESCRIPTION("Bytes that a thread copies in the kernel's copy routines");
MODULE_LICENSE("GPL");
