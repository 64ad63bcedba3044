// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probed functions: which of them this kernel has, and the calls that no probe saw.  A
 * call is missed if the processor is in another probe's handler just then, as an interrupt
 * may find it, or if as many calls as there is room for are under way.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/printk.h>

#include "copycount.h"

/* Changed only while the module is inserted and removed. */
static LIST_HEAD(probes);

static u64 missed_ever(const struct copycount_probe *probe)
{
	return (u64)probe->kretprobe.kp.nmissed + probe->kretprobe.nmissed;
}

static bool is_placed(const struct copycount_probe *probe)
{
	return probe->kretprobe.kp.addr;
}

static int place(struct kretprobe *kretprobe)
{
	int error;

	error = kretprobe->handler ? register_kretprobe(kretprobe) :
				     register_kprobe(&kretprobe->kp);
	if (error)
		kretprobe->kp.addr = NULL;
	return error;
}

/*
 * No probe may be where the kernel itself changes code: a function that begins with a static
 * branch, of 2 or 5 bytes on x86, is probed behind it.  The arguments are the same there;
 * calls that take the branch are not seen, but these are for rare machines.
 */
static int place_behind_branch(struct kretprobe *kretprobe)
{
	int error;

	kretprobe->kp.offset = 2;
	error = place(kretprobe);
	if (!error)
		return 0;
	kretprobe->kp.offset = 5;
	return place(kretprobe);
}

/**
 * copycount_probe_register() - probe a function, if this kernel has it
 * @probe: which one, and how; static, zero but for what the caller sets
 *
 * Return: 0, also if there is no function of that name; or what registering a kprobe
 * failed with, which is logged.
 */
int copycount_probe_register(struct copycount_probe *probe)
{
	struct kretprobe *kretprobe = &probe->kretprobe;
	int error;

	error = place(kretprobe);
	if (error == -EINVAL && !kretprobe->handler)
		error = place_behind_branch(kretprobe);
	if (error && error != -ENOENT) {
		pr_err("no probe of %s: error %d\n", kretprobe->kp.symbol_name, error);
		return error;
	}
	list_add_tail(&probe->list, &probes);
	return 0;
}

/**
 * copycount_probe_unregister() - probe it no more
 * @probe: registered, or never tried to be
 */
void copycount_probe_unregister(struct copycount_probe *probe)
{
	if (!probe->list.next)
		return;
	if (is_placed(probe) && probe->kretprobe.handler)
		unregister_kretprobe(&probe->kretprobe);
	else if (is_placed(probe))
		unregister_kprobe(&probe->kretprobe.kp);
	list_del(&probe->list);
	probe->list.next = NULL;
}

/* Since counting began, until it ended. */
static u64 missed(const struct copycount_probe *probe)
{
	return (copycount_on() ? missed_ever(probe) : probe->missed_at_stop) -
	       probe->missed_at_start;
}

void copycount_probes_start(void)
{
	struct copycount_probe *probe;

	list_for_each_entry(probe, &probes, list) {
		probe->missed_at_start = missed_ever(probe);
		probe->missed_at_stop = probe->missed_at_start;
	}
}

void copycount_probes_stop(void)
{
	struct copycount_probe *probe;

	list_for_each_entry(probe, &probes, list)
		probe->missed_at_stop = missed_ever(probe);
}

/* Without a symbol, what every kernel has is a part of its callers. */
static const char *state(const struct copycount_probe *probe)
{
	if (is_placed(probe))
		return "missed";
	if (!probe->everywhere)
		return "absent";
	return probe->tells ? "untold" : "inlined";
}

void copycount_probes_show(struct seq_file *m)
{
	struct copycount_probe *probe;

	list_for_each_entry(probe, &probes, list)
		seq_printf(m, "%s %s 0 %llu\n", state(probe), probe->kretprobe.kp.symbol_name,
			   missed(probe));
}
