/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this module share: who is watched, and what each file counts. */
#ifndef COPYCOUNT_H
#define COPYCOUNT_H

#include <linux/compiler.h>
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

/* Nothing is counted. */
#define COPYCOUNT_NO_CPU (-1)

/* Whose doing something is: of the two ends of a transfer, or neither's. */
enum {
	COPYCOUNT_CALLER,
	COPYCOUNT_PEER,
	COPYCOUNT_NR_SIDES,
	COPYCOUNT_NOBODY = COPYCOUNT_NR_SIDES
};

/**
 * struct copycount_watch - who is watched
 * @cpu: processor whose copies are counted, or COPYCOUNT_NO_CPU
 * @softirqs: those that softirqs make on other processors are counted as well
 * @task: thread whose copies and switches into the kernel are counted; only compared
 * @peer_cpu: processor whose copies are counted apart, or COPYCOUNT_NO_CPU
 * @peer: thread that is counted apart, likewise
 *
 * Probes read it without a lock, in any context.  The others are written before @cpu, and
 * a probe that sees the one and not yet the other misses something that ended
 * before the call that started it all has returned.
 */
struct copycount_watch {
	int cpu;
	bool softirqs;
	const struct task_struct *task;
	int peer_cpu;
	const struct task_struct *peer;
};

extern struct copycount_watch copycount_watch;

/**
 * copycount_on() - whether something is counted at all
 *
 * Return: true between start and stop.
 */
static inline bool copycount_on(void)
{
	return READ_ONCE(copycount_watch.cpu) != COPYCOUNT_NO_CPU;
}

/**
 * copycount_side_of() - whose a thread is
 * @task: the thread
 *
 * Return: COPYCOUNT_CALLER or COPYCOUNT_PEER, or COPYCOUNT_NOBODY if nothing that the
 * thread does is counted.
 */
static inline unsigned int copycount_side_of(const struct task_struct *task)
{
	if (!copycount_on())
		return COPYCOUNT_NOBODY;
	if (task == READ_ONCE(copycount_watch.task))
		return COPYCOUNT_CALLER;
	if (task == READ_ONCE(copycount_watch.peer))
		return COPYCOUNT_PEER;
	return COPYCOUNT_NOBODY;
}

/**
 * struct copycount_probe - a probed function
 * @kretprobe: names it; without a handler for its return, only its kprobe is used
 * @everywhere: every kernel that this module is for has it; where it has no symbol, the
 *		compiler has made it a part of its callers
 * @tells: it only tells whose a copy is, which is counted without it too
 * @missed_at_start: calls not seen so far when counting began
 * @missed_at_stop: and when it ended
 * @list: of all of them
 */
struct copycount_probe {
	struct kretprobe kretprobe;
	bool everywhere;
	bool tells;
	u64 missed_at_start;
	u64 missed_at_stop;
	struct list_head list;
};

/* probes.c */
int copycount_probe_register(struct copycount_probe *probe);
void copycount_probe_unregister(struct copycount_probe *probe);
void copycount_probes_start(void);
void copycount_probes_stop(void);
void copycount_probes_show(struct seq_file *m);

/* copies.c */
int copycount_copies_init(void);
void copycount_copies_exit(void);
void copycount_copies_clear(void);
void copycount_copies_show(struct seq_file *m, unsigned int side);

/* mappings.c */
int copycount_mappings_init(void);
void copycount_mappings_exit(void);
void copycount_mappings_clear(void);
void copycount_mappings_show(struct seq_file *m);
void copycount_mappings_show_all(struct seq_file *m);

/* receiving.c */
int copycount_receiving_init(void);
void copycount_receiving_exit(void);
bool copycount_receiving(void);

/* switches.c */
int copycount_switches_init(void);
void copycount_switches_exit(void);
void copycount_switches_clear(void);
void copycount_switches_leave_out_call(void);
void copycount_switches_show(struct seq_file *m, unsigned int side);

#endif /* COPYCOUNT_H */
