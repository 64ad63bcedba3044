// SPDX-License-Identifier: GPL-2.0-only
/*
 * Switches of the watched thread from user to kernel mode: tracepoints of system
 * calls, of page faults, and of interrupts by devices and the timer that came while
 * the program itself ran.  Interrupts that processors send each other are not seen.
 */
#include <linux/atomic.h>
#include <linux/interrupt.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <asm/irq_regs.h>

#include "copycount.h"

enum {
	SYSTEM_CALL,
	PAGE_FAULT,
	INTERRUPT,
	NR_SWITCHES
};

static const char *const names[NR_SWITCHES] = {
	[SYSTEM_CALL] = "system_call",
	[PAGE_FAULT] = "page_fault",
	[INTERRUPT] = "interrupt",
};

static atomic64_t counts[NR_SWITCHES];

static bool watched(void)
{
	return copycount_on() && current == READ_ONCE(copycount_watch.task);
}

static void count_system_call(void *unused, struct pt_regs *regs, long number)
{
	if (watched())
		atomic64_inc(&counts[SYSTEM_CALL]);
}

/* The tracepoint is of those from user mode alone. */
static void count_page_fault(void *unused, unsigned long address, struct pt_regs *regs,
			     unsigned long code)
{
	if (watched())
		atomic64_inc(&counts[PAGE_FAULT]);
}

static void count_interrupt(void)
{
	struct pt_regs *regs = get_irq_regs();

	if (watched() && regs && user_mode(regs))
		atomic64_inc(&counts[INTERRUPT]);
}

static void count_irq(void *unused, int irq, struct irqaction *action)
{
	count_interrupt();
}

static void count_timer(void *unused, int vector)
{
	count_interrupt();
}

/**
 * struct point - a tracepoint
 * @name: its name
 * @function: what it calls, of its own type
 * @tracepoint: found by name, NULL: not there, or not registered
 */
struct point {
	const char *name;
	void *function;
	struct tracepoint *tracepoint;
};

static struct point points[] = {
	{ .name = "sys_enter", .function = count_system_call },
	{ .name = "page_fault_user", .function = count_page_fault },
	{ .name = "irq_handler_entry", .function = count_irq },
	{ .name = "local_timer_entry", .function = count_timer },
};

static void find(struct tracepoint *tracepoint, void *point_)
{
	struct point *point = point_;

	if (!strcmp(tracepoint->name, point->name))
		point->tracepoint = tracepoint;
}

void copycount_switches_clear(void)
{
	unsigned int i;

	for (i = 0; i < NR_SWITCHES; i++)
		atomic64_set(&counts[i], 0);
}

/* The one by which counting is stopped. */
void copycount_switches_leave_out_call(void)
{
	if (watched())
		atomic64_dec(&counts[SYSTEM_CALL]);
}

void copycount_switches_show(struct seq_file *m)
{
	unsigned int i;

	for (i = 0; i < NR_SWITCHES; i++)
		seq_printf(m, "switch %s 0 %lld\n", names[i], atomic64_read(&counts[i]));
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
			copycount_switches_exit();
			return error;
		}
	}
	return 0;
}
