// SPDX-License-Identifier: GPL-2.0-only
/*
 * Count what it takes to move data: the bytes that a processor copies, the bytes
 * that devices move by DMA, and a thread's switches into the kernel.
 *
 * Tracing does some of this, but kprobe events refuse functions that are built
 * without the function tracer's hooks, and all of lib/ is: just where the copies
 * are.  Plain kprobes work there.
 *
 * In the directory copycount of debugfs:
 *
 * control	Writing "start" clears all and counts from then on what is copied on the
 *		processor that the caller is bound to (EINVAL if it may run on several):
 *		by the caller, by interrupts and by kernel threads, but not by other
 *		programs; how the caller switches into the kernel; and what any device
 *		maps for DMA.
 *		"start softirqs" counts what softirqs copy on other processors, too: over
 *		loopback TCP sends where its acknowledgments come.  "stop" ends that, and
 *		leaves itself out.
 *		"peer", before that, has the caller, at another processor that it is bound
 *		to, counted apart until "stop": the other end of what is started.  Of what
 *		"softirqs" adds it then has what TCP puts together in its receive queue.
 * counts	A line for each thing that counts: kind, name, bytes, times.
 *
 *		kind		what is counted
 *		payload		a routine that copies data, by name
 *		arguments	one that copies what system calls take and fill
 *		to_device	DMA that a device, by name, reads
 *		from_device	DMA that it writes
 *		both_ways	DMA that may be either
 *		switch		system_call, page_fault or interrupt: a change from
 *				user to kernel mode, of no bytes
 *		fault		page faults in kernel mode, of no bytes
 *		schedule	the thread gave its processor up, voluntary, or was
 *				preempted, of no bytes
 *		tlb_flush	what the thread did that flushed its own processor's
 *				TLB, or others', of no bytes
 *
 *		A routine or tracepoint that this kernel does not have has no line.
 * peer		The same of the peer, but without DMA, which is nobody's.
 * probes	A line of that form for each function that is probed, all of 0 bytes:
 *
 *		missed		it is; times: calls since "start" that no probe saw
 *		absent		this kernel has no function of that name
 *		inlined		the compiler has made it a part of others: what it copies
 *				or maps is not counted
 *		untold		likewise, but what it copies is counted; it is not told
 *				which end's it is
 *
 * mappings	A line for each piece that was mapped for DMA, the first 65536 of them:
 *		device, kind, physical address, DMA address, bytes; in hexadecimal.
 *		Last of all "lost" and how many there were beyond.
 */
#include <linux/cpumask.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "copycount.h"

struct copycount_watch copycount_watch = {
	.cpu = COPYCOUNT_NO_CPU,
	.peer_cpu = COPYCOUNT_NO_CPU,
};

static int counts_show(struct seq_file *m, void *unused)
{
	copycount_copies_show(m, COPYCOUNT_CALLER);
	copycount_mappings_show(m);
	copycount_switches_show(m, COPYCOUNT_CALLER);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(counts);

static int peer_show(struct seq_file *m, void *unused)
{
	copycount_copies_show(m, COPYCOUNT_PEER);
	copycount_switches_show(m, COPYCOUNT_PEER);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(peer);

static int probes_show(struct seq_file *m, void *unused)
{
	copycount_probes_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(probes);

static int mappings_show(struct seq_file *m, void *unused)
{
	copycount_mappings_show_all(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mappings);

static void stop(void)
{
	if (copycount_on())
		copycount_probes_stop();
	WRITE_ONCE(copycount_watch.cpu, COPYCOUNT_NO_CPU);
}

static int start(bool softirqs)
{
	stop();
	if (cpumask_weight(current->cpus_ptr) != 1)
		return -EINVAL;
	copycount_copies_clear();
	copycount_mappings_clear();
	copycount_switches_clear();
	copycount_probes_start();
	WRITE_ONCE(copycount_watch.softirqs, softirqs);
	WRITE_ONCE(copycount_watch.task, current);
	/* Pairs with nothing: a probe that is early or late counts less. */
	WRITE_ONCE(copycount_watch.cpu, cpumask_first(current->cpus_ptr));
	return 0;
}

static int become_peer(void)
{
	if (cpumask_weight(current->cpus_ptr) != 1)
		return -EINVAL;
	WRITE_ONCE(copycount_watch.peer, current);
	WRITE_ONCE(copycount_watch.peer_cpu, cpumask_first(current->cpus_ptr));
	return 0;
}

static void forget_peer(void)
{
	WRITE_ONCE(copycount_watch.peer_cpu, COPYCOUNT_NO_CPU);
	WRITE_ONCE(copycount_watch.peer, NULL);
}

static ssize_t control_write(struct file *file, const char __user *text, size_t size,
			     loff_t *offset)
{
	char word[16];
	ssize_t length;
	int error = 0;

	length = strncpy_from_user(word, text, min(size, sizeof(word) - 1));
	if (length < 0)
		return length;
	word[min_t(size_t, length, sizeof(word) - 1)] = 0;
	if (!strcmp(strim(word), "start")) {
		error = start(false);
	} else if (!strcmp(strim(word), "start softirqs")) {
		error = start(true);
	} else if (!strcmp(strim(word), "peer")) {
		error = become_peer();
	} else if (!strcmp(strim(word), "stop")) {
		if (copycount_on())
			copycount_switches_leave_out_call();
		stop();
		forget_peer();
	} else {
		error = -EINVAL;
	}
	return error ?: size;
}

static const struct file_operations control_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = control_write,
	.llseek = noop_llseek,
};

static struct dentry *directory;

static int __init copycount_init(void)
{
	int error;

	error = copycount_copies_init();
	if (error)
		return error;
	error = copycount_mappings_init();
	if (error)
		goto exit_copies;
	error = copycount_receiving_init();
	if (error)
		goto exit_mappings;
	error = copycount_switches_init();
	if (error)
		goto exit_receiving;
	directory = debugfs_create_dir("copycount", NULL);
	debugfs_create_file("control", 0200, directory, NULL, &control_fops);
	debugfs_create_file("counts", 0400, directory, NULL, &counts_fops);
	debugfs_create_file("peer", 0400, directory, NULL, &peer_fops);
	debugfs_create_file("probes", 0400, directory, NULL, &probes_fops);
	debugfs_create_file("mappings", 0400, directory, NULL, &mappings_fops);
	return 0;

exit_receiving:
	copycount_receiving_exit();
exit_mappings:
	copycount_mappings_exit();
exit_copies:
	copycount_copies_exit();
	return error;
}
module_init(copycount_init);

static void __exit copycount_exit(void)
{
	debugfs_remove(directory);
	stop();
	copycount_switches_exit();
	copycount_receiving_exit();
	copycount_mappings_exit();
	copycount_copies_exit();
}
module_exit(copycount_exit);

MODULE_DESCRIPTION("Bytes that are copied and moved by DMA, and switches into the kernel");
MODULE_LICENSE("GPL");
