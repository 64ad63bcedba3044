// SPDX-License-Identifier: GPL-2.0-only
/* Copies: kprobes on the kernel's routines that copy. */
#include <linux/atomic.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/ptrace.h>
#include <linux/skbuff.h>
#include <linux/smp.h>

#include "copycount.h"

/**
 * struct routine - a function that copies
 * @probe: names it
 * @argument: number of the argument that tells the bytes, from 0
 * @bytes_of: tells the bytes instead, of the argument; NULL: it is them
 * @kind: "payload" or "arguments" (of system calls)
 * @bytes: copied by each watched processor
 * @calls: made by it
 */
struct routine {
	struct copycount_probe probe;
	unsigned int argument;
	u64 (*bytes_of)(unsigned long argument);
	const char *kind;
	atomic64_t bytes[COPYCOUNT_NR_SIDES];
	atomic64_t calls[COPYCOUNT_NR_SIDES];
};

static int count_copy(struct kprobe *probe, struct pt_regs *regs);

#define ROUTINE_OF(name, nr, what, in_all, function) \
	{ \
		.probe = { .kretprobe.kp = { .symbol_name = #name, .pre_handler = count_copy }, \
			   .everywhere = (in_all) }, \
		.argument = (nr), .kind = (what), .bytes_of = (function), \
	}
/* What every kernel has, and what some have. */
#define ROUTINE(name, nr, what) ROUTINE_OF(name, nr, what, true, NULL)
#define SOMETIMES(name, nr, what) ROUTINE_OF(name, nr, what, false, NULL)

static u64 whole_page(unsigned long unused)
{
	return PAGE_SIZE;
}

/* All but the linear part, which is headers. */
static u64 fragments_size(unsigned long skb)
{
	return ((const struct sk_buff *)skb)->data_len;
}

/* A routine that calls another one here must not be here itself. */
static struct routine routines[] = {
	/* read(), recv(), write(), send() */
	ROUTINE(_copy_to_iter, 1, "payload"),
	ROUTINE(_copy_from_iter, 1, "payload"),
	SOMETIMES(_copy_from_iter_nocache, 1, "payload"),
	SOMETIMES(_copy_from_iter_flushcache, 1, "payload"),
	SOMETIMES(csum_and_copy_from_iter, 1, "payload"),
	/* in newer kernels, where the one before is a part of it */
	SOMETIMES(csum_and_copy_from_iter_full, 1, "payload"),
	SOMETIMES(csum_and_copy_to_iter, 1, "payload"),
	/* write() to a file: by page, in newer kernels by folio */
	SOMETIMES(copy_page_from_iter_atomic, 2, "payload"),
	SOMETIMES(copy_folio_from_iter_atomic, 2, "payload"),
	/* a page of a private mapping that the program writes to */
	SOMETIMES(copy_mc_to_kernel, 2, "payload"),
	ROUTINE_OF(copy_page, 0, "payload", true, whole_page),
	/* within the network; MSG_ZEROCOPY where somebody might keep the pages */
	ROUTINE(skb_copy_bits, 3, "payload"),
	ROUTINE(skb_copy_and_csum_bits, 3, "payload"),
	ROUTINE_OF(skb_copy_ubufs, 0, "payload", true, fragments_size),
	/* DMA by way of a bounce buffer */
	ROUTINE(swiotlb_bounce, 2, "payload"),
	/* structs that system calls take and fill */
	ROUTINE(_copy_from_user, 2, "arguments"),
	ROUTINE(_copy_to_user, 2, "arguments"),
};

/* What a processor does by this thread, or by no program's own. */
static bool acts_for(const struct task_struct *task)
{
	return current == task || in_serving_softirq() || in_hardirq() ||
	       current->flags & (PF_KTHREAD | PF_IO_WORKER);
}

/* A probe's handler is not preempted. */
static unsigned int side(void)
{
	int cpu = READ_ONCE(copycount_watch.cpu), here = smp_processor_id();

	if (cpu == COPYCOUNT_NO_CPU)
		return COPYCOUNT_NOBODY;
	if (READ_ONCE(copycount_watch.softirqs) && in_serving_softirq()) {
		bool peers = copycount_receiving() &&
			     READ_ONCE(copycount_watch.peer_cpu) != COPYCOUNT_NO_CPU;

		return peers ? COPYCOUNT_PEER : COPYCOUNT_CALLER;
	}
	if (cpu == here && acts_for(READ_ONCE(copycount_watch.task)))
		return COPYCOUNT_CALLER;
	if (READ_ONCE(copycount_watch.peer_cpu) == here &&
	    acts_for(READ_ONCE(copycount_watch.peer)))
		return COPYCOUNT_PEER;
	return COPYCOUNT_NOBODY;
}

static int count_copy(struct kprobe *probe, struct pt_regs *regs)
{
	struct routine *routine = container_of(probe, struct routine, probe.kretprobe.kp);
	unsigned int whose = side();
	unsigned long argument;

	if (whose == COPYCOUNT_NOBODY)
		return 0;
	argument = regs_get_kernel_argument(regs, routine->argument);
	atomic64_add(routine->bytes_of ? routine->bytes_of(argument) : argument,
		     &routine->bytes[whose]);
	atomic64_inc(&routine->calls[whose]);
	return 0;
}

void copycount_copies_clear(void)
{
	struct routine *routine;
	unsigned int i;

	for (routine = routines; routine < routines + ARRAY_SIZE(routines); routine++)
		for (i = 0; i < COPYCOUNT_NR_SIDES; i++) {
			atomic64_set(&routine->bytes[i], 0);
			atomic64_set(&routine->calls[i], 0);
		}
}

void copycount_copies_show(struct seq_file *m, unsigned int side)
{
	struct routine *routine;

	for (routine = routines; routine < routines + ARRAY_SIZE(routines); routine++)
		if (routine->probe.kretprobe.kp.addr)
			seq_printf(m, "%s %s %lld %lld\n", routine->kind,
				   routine->probe.kretprobe.kp.symbol_name,
				   atomic64_read(&routine->bytes[side]),
				   atomic64_read(&routine->calls[side]));
}

void copycount_copies_exit(void)
{
	struct routine *routine;

	for (routine = routines; routine < routines + ARRAY_SIZE(routines); routine++)
		copycount_probe_unregister(&routine->probe);
}

int __init copycount_copies_init(void)
{
	struct routine *routine;

	for (routine = routines; routine < routines + ARRAY_SIZE(routines); routine++) {
		int error = copycount_probe_register(&routine->probe);

		if (error) {
			copycount_copies_exit();
			return error;
		}
	}
	return 0;
}
