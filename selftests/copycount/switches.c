// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switches of the watched threads from user to kernel mode: tracepoints of system
 * calls, of page faults, and of interrupts by devices and the timer that came while
 * the program itself ran.  Interrupts that processors send each other are not seen.
 * And what else a system call costs: page faults in it, switches to other threads, and
 * flushes of the TLB.
 */
#include <linux/atomic.h>
#include <linux/interrupt.h>
#include <linux/mm_types.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <asm/irq_regs.h>

#include "copycount.h"

enum {
	SYSTEM_CALL,
	PAGE_FAULT,
	INTERRUPT,
	KERNEL_FAULT,
	VOLUNTARY,
	PREEMPTED,
	FLUSH_OWN,
	FLUSH_OTHERS,
	NR_SWITCHES
};

static atomic64_t counts[COPYCOUNT_NR_SIDES][NR_SWITCHES];

static void count_of(const struct task_struct *task, unsigned int what)
{
	unsigned int side = copycount_side_of(task);

	if (side != COPYCOUNT_NOBODY)
		atomic64_inc(&counts[side][what]);
}

static void count_system_call(void *unused, struct pt_regs *regs, long number)
{
	count_of(current, SYSTEM_CALL);
}

/* The tracepoint is of those from user mode alone. */
static void count_page_fault(void *unused, unsigned long address, struct pt_regs *regs,
			     unsigned long code)
{
	count_of(current, PAGE_FAULT);
}

/* And this one of those from kernel mode. */
static void count_kernel_fault(void *unused, unsigned long address, struct pt_regs *regs,
			       unsigned long code)
{
	count_of(current, KERNEL_FAULT);
}

static void count_interrupt(void)
{
	struct pt_regs *regs = get_irq_regs();

	if (regs && user_mode(regs))
		count_of(current, INTERRUPT);
}

static void count_irq(void *unused, int irq, struct irqaction *action)
{
	count_interrupt();
}

static void count_timer(void *unused, int vector)
{
	count_interrupt();
}

static void count_schedule(void *unused, bool preempt, struct task_struct *from,
			   struct task_struct *to, unsigned int state)
{
	count_of(from, !preempt && state ? VOLUNTARY : PREEMPTED);
}

/* Flushes that others asked for, or that come with a switch, are no doing of the thread. */
static void count_flush(void *unused, int reason, unsigned long pages)
{
	if (reason == TLB_REMOTE_SEND_IPI)
		count_of(current, FLUSH_OTHERS);
	else if (reason == TLB_LOCAL_SHOOTDOWN || reason == TLB_LOCAL_MM_SHOOTDOWN)
		count_of(current, FLUSH_OWN);
}

/**
 * struct point - a tracepoint
 * @name: its name
 * @function: what it calls, of its own type
 * @optional: the module does without it
 * @tracepoint: found by name, NULL: not there, or not registered
 */
struct point {
	const char *name;
	void *function;
	bool optional;
	struct tracepoint *tracepoint;
};

enum {
	AT_SYSTEM_CALL,
	AT_PAGE_FAULT,
	AT_IRQ,
	AT_TIMER,
	AT_KERNEL_FAULT,
	AT_SCHEDULE,
	AT_FLUSH
};

static struct point points[] = {
	[AT_SYSTEM_CALL] = { .name = "sys_enter", .function = count_system_call },
	[AT_PAGE_FAULT] = { .name = "page_fault_user", .function = count_page_fault },
	[AT_IRQ] = { .name = "irq_handler_entry", .function = count_irq },
	[AT_TIMER] = { .name = "local_timer_entry", .function = count_timer },
	[AT_KERNEL_FAULT] = { .name = "page_fault_kernel",
			      .function = count_kernel_fault,
			      .optional = true },
	[AT_SCHEDULE] = { .name = "sched_switch", .function = count_schedule, .optional = true },
	[AT_FLUSH] = { .name = "tlb_flush", .function = count_flush, .optional = true },
};

/**
 * struct line - what the reader is told of a count
 * @kind: of which it is
 * @name: within that
 * @point: tracepoint without which there is none
 */
struct line {
	const char *kind;
	const char *name;
	unsigned int point;
};

static const struct line lines[NR_SWITCHES] = {
	[SYSTEM_CALL] = { "switch", "system_call", AT_SYSTEM_CALL },
	[PAGE_FAULT] = { "switch", "page_fault", AT_PAGE_FAULT },
	[INTERRUPT] = { "switch", "interrupt", AT_IRQ },
	[KERNEL_FAULT] = { "fault", "kernel_mode", AT_KERNEL_FAULT },
	[VOLUNTARY] = { "schedule", "voluntary", AT_SCHEDULE },
	[PREEMPTED] = { "schedule", "preempted", AT_SCHEDULE },
	[FLUSH_OWN] = { "tlb_flush", "own", AT_FLUSH },
	[FLUSH_OTHERS] = { "tlb_flush", "others", AT_FLUSH },
};

static void find(struct tracepoint *tracepoint, void *point_)
{
	struct point *point = point_;

	if (!strcmp(tracepoint->name, point->name))
		point->tracepoint = tracepoint;
}

void copycount_switches_clear(void)
{
	unsigned int side, i;

	for (side = 0; side < COPYCOUNT_NR_SIDES; side++)
		for (i = 0; i < NR_SWITCHES; i++)
			atomic64_set(&counts[side][i], 0);
}

/* The one by which counting is stopped. */
void copycount_switches_leave_out_call(void)
{
	if (copycount_side_of(current) == COPYCOUNT_CALLER)
		atomic64_dec(&counts[COPYCOUNT_CALLER][SYSTEM_CALL]);
}

void copycount_switches_show(struct seq_file *m, unsigned int side)
{
	unsigned int i;

	for (i = 0; i < NR_SWITCHES; i++)
		if (points[lines[i].point].tracepoint)
			seq_printf(m, "%s %s 0 %lld\n", lines[i].kind, lines[i].name,
				   atomic64_read(&counts[side][i]));
}

void copycount_switches_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(points); i++)
		if (points[i].tracepoint)
			tracepoint_probe_unregister(points[i].tracepoint, points[i].function, NULL);
	tracepoint_synchronize_unregister();
}

int __init copycount_switches_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(points); i++) {
		int error = -ENOENT;

		for_each_kernel_tracepoint(find, &points[i]);
		if (points[i].tracepoint)
			error = tracepoint_probe_register(points[i].tracepoint, points[i].function,
							  NULL);
		if (error) {
			points[i].tracepoint = NULL;
			if (points[i].optional)
				continue;
			copycount_switches_exit();
			return error;
		}
	}
	return 0;
}
