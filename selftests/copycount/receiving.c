// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose a softirq's copies are: over loopback one softirq ends what the sender sent and
 * begins what the receiver receives.  What TCP puts together in the receiver's queue or
 * backlog, to save memory, is the receiver's; kretprobes on the functions that do that tell.
 */
#include <linux/kprobes.h>
#include <linux/percpu.h>
#include <linux/preempt.h>

#include "copycount.h"

/* Calls under way at a time, on all processors. */
#define NR_CALLS 64

/* How deep this processor's softirq is in such functions. */
static DEFINE_PER_CPU(unsigned int, depth);

/* In process context it is plain whose the copies are, and the processor might change. */
static int enter(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (!in_serving_softirq())
		return 1;
	this_cpu_inc(depth);
	return 0;
}

static int leave(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	this_cpu_dec(depth);
	return 0;
}

#define PROBE(name) \
	{ \
		.kretprobe = { .kp.symbol_name = #name, \
			       .entry_handler = enter, \
			       .handler = leave, \
			       .maxactive = NR_CALLS }, \
		.everywhere = true, .tells = true, \
	}

static struct copycount_probe probes[] = {
	PROBE(skb_try_coalesce),
	PROBE(skb_condense),
	PROBE(tcp_collapse),
};

/**
 * copycount_receiving() - whether the receiver's queue is being put together
 *
 * Return: true if this softirq does, and not in a kernel in which it cannot be told.
 */
bool copycount_receiving(void)
{
	return this_cpu_read(depth);
}

void copycount_receiving_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		copycount_probe_unregister(&probes[i]);
}

int __init copycount_receiving_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		int error = copycount_probe_register(&probes[i]);

		if (error) {
			copycount_receiving_exit();
			return error;
		}
	}
	return 0;
}
