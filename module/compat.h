/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the supported kernels.  Included ahead of every source
 * file; no other file knows one kernel from another.  ZCPOOL_HAVE_* come from
 * the probes in Kbuild.
 */
#ifndef ZCPOOL_COMPAT_H
#define ZCPOOL_COMPAT_H

#include <linux/cpu.h>
#include <linux/eventfd.h>
#include <linux/hrtimer.h>
#ifdef ZCPOOL_HAVE_URING_SQE_CMD
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#endif
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/smp.h>
#include <linux/version.h>

/*
 * io_uring took fixed buffers only from anonymous, shmem and hugetlbfs memory
 * (io_sqe_buffer_register() in 6.1).  No header shows the check, so this goes
 * by the oldest kernel whose source was read and which lacks it.
 */
#define ZCPOOL_KERNEL_FIXED_BUFFERS (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))

/**
 * zcpool_folio_mapcount() - count the page table entries that map a folio
 * @folio: a large folio without mapping (neither anonymous nor hugetlb)
 * @order: its order
 * @most: references that may be mappings: if that many are found, there are no more
 *
 * Context: any.  The caller knows that no mappings are added meanwhile; mappings
 * that go away make the result too small, never too large.
 */
static inline int zcpool_folio_mapcount(struct folio *folio, unsigned int order, int most)
{
#ifdef ZCPOOL_HAVE_LARGE_MAPCOUNT
	return folio_mapcount(folio);
#else
	/*
	 * folio_mapcount() is not exported.  A huge entry is counted once for
	 * the whole folio and once more in each page, and page_remove_rmap()
	 * takes the pages' counts down first: reading the whole folio's count
	 * ahead of the pages' makes a race come out too small.
	 */
	const int nr = 1 << order;
	const struct page *page = folio_page(folio, 0);
	const struct page *end = page + nr;
	int mapcount = nr;

	if (order == HPAGE_PMD_ORDER) {
		int entire = folio_entire_mapcount(folio);

		if (entire == most)
			return entire;
		mapcount -= entire * (nr - 1);
		smp_rmb(); /* atomic_add_negative() is the full barrier there */
	}
	/*
	 * Most of the work of a GET: by eights, or the two or four there are.
	 * Plain reads of an aligned int, since a volatile one is no operand.
	 */
#define ZCPOOL_ADD_MAPCOUNT(nr) (mapcount += data_race(page[nr]._mapcount.counter))
	if (nr < 8) {
		for (; page < end; page++)
			ZCPOOL_ADD_MAPCOUNT(0);
		return mapcount;
	}
	for (; page < end; page += 8) {
		ZCPOOL_ADD_MAPCOUNT(0);
		ZCPOOL_ADD_MAPCOUNT(1);
		ZCPOOL_ADD_MAPCOUNT(2);
		ZCPOOL_ADD_MAPCOUNT(3);
		ZCPOOL_ADD_MAPCOUNT(4);
		ZCPOOL_ADD_MAPCOUNT(5);
		ZCPOOL_ADD_MAPCOUNT(6);
		ZCPOOL_ADD_MAPCOUNT(7);
	}
#undef ZCPOOL_ADD_MAPCOUNT
	return mapcount;
#endif
}

/**
 * zcpool_folio_pincount() - count the pins of a folio (FOLL_PIN)
 * @folio: a large folio
 */
static inline int zcpool_folio_pincount(struct folio *folio)
{
#ifdef ZCPOOL_HAVE_PINCOUNT_PTR
	return atomic_read(folio_pincount_ptr(folio));
#else
	return atomic_read(&folio->_pincount);
#endif
}

/*
 * What makes sendmsg() take the pages of an ITER_BVEC by reference.  Linux 6.1 has
 * the name, from a backport, but no protocol there looks at it; it has sendpage().
 */
#ifdef ZCPOOL_HAVE_SENDPAGE
#define ZCPOOL_MSG_SPLICE 0
#else
#define ZCPOOL_MSG_SPLICE MSG_SPLICE_PAGES
#endif

/** zcpool_uring_payload() - the 16 bytes of a command's own in its queue entry */
static inline const void *zcpool_uring_payload(const struct io_uring_cmd *cmd)
{
#ifdef ZCPOOL_HAVE_URING_SQE_CMD
	return io_uring_sqe_cmd(cmd->sqe);
#else
	return cmd->cmd;
#endif
}

/**
 * zcpool_uring_done() - complete a command
 * @cmd: command
 * @ret: its result, a number or a negative errno
 * @issue_flags: as the command was issued with
 */
static inline void zcpool_uring_done(struct io_uring_cmd *cmd, int ret, unsigned int issue_flags)
{
	io_uring_cmd_done(cmd, ret, 0, issue_flags);
}

/* Spares large arrays that are written before they are read the zeroing. */
#ifndef __uninitialized
#define __uninitialized __attribute__((__uninitialized__))
#endif

#ifndef ZCPOOL_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}
#endif

/** zcpool_eventfd_signal() - add 1 to an eventfd */
static inline void zcpool_eventfd_signal(struct eventfd_ctx *eventfd)
{
#ifdef ZCPOOL_HAVE_EVENTFD_SIGNAL_COUNTS
	eventfd_signal(eventfd, 1);
#else
	eventfd_signal(eventfd);
#endif
}

/**
 * zcpool_hrtimer_init() - prepare a monotonic timer with relative expiry
 * @timer: timer
 * @function: what it calls in hard interrupt context
 */
static inline void zcpool_hrtimer_init(struct hrtimer *timer,
				       enum hrtimer_restart (*function)(struct hrtimer *))
{
#ifdef ZCPOOL_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer->function = function;
#endif
}

/**
 * zcpool_skb_defer_kick() - have processors free the socket buffers they collect
 *
 * skb_attempt_defer_free() leaves a buffer that another processor allocated in
 * that processor's list, until it receives something or the list is half full:
 * for ever, if everybody waits for the memory.  So do what it does when a list
 * is half full.
 *
 * Context: process.  The buffers are freed a little later.
 */
static inline void zcpool_skb_defer_kick(void)
{
#ifdef ZCPOOL_HAVE_SKB_DEFER_LIST
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		struct softnet_data *sd = &per_cpu(softnet_data, cpu);

		/* Pairs with WRITE_ONCE() in skb_attempt_defer_free(). */
		if (READ_ONCE(sd->defer_list) && !cmpxchg(&sd->defer_ipi_scheduled, 0, 1))
			smp_call_function_single_async(cpu, &sd->defer_csd);
	}
	cpus_read_unlock();
#endif
}

#endif /* ZCPOOL_COMPAT_H */
