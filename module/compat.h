/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the supported kernels.  Included ahead of every source
 * file; no other file knows one kernel from another.  ZCPOOL_HAVE_* come from
 * the probes in Kbuild.
 */
#ifndef ZCPOOL_COMPAT_H
#define ZCPOOL_COMPAT_H

#include <linux/bvec.h>
#include <linux/cpu.h>
#include <linux/dcache.h>
#include <linux/dma-mapping.h>
#include <linux/eventfd.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#ifdef ZCPOOL_HAVE_URING_SQE_CMD
#include <linux/io_uring/cmd.h>
#else
#include <linux/io_uring.h>
#endif
#include <linux/mm.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/smp.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#ifdef ZCPOOL_HAVE_SKB_DEFER_NODES
#include <net/hotdata.h>
#endif
#include <net/sock.h>

/*
 * io_uring took fixed buffers only from anonymous, shmem and hugetlbfs memory
 * (io_sqe_buffer_register() in 6.1).  No header shows the check, so this goes
 * by the oldest kernel whose source was read and which lacks it.
 */
#define ZCPOOL_KERNEL_FIXED_BUFFERS (LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0))

/*
 * Several devices may have one buffer mapped, and one device several times: who wants the
 * bytes asks by begin_cpu_access().  The kernel's debugging takes that for a fault, unless
 * it is told.
 */
#ifdef DMA_ATTR_DEBUGGING_IGNORE_CACHELINES
#define ZCPOOL_DMA_ATTRS DMA_ATTR_DEBUGGING_IGNORE_CACHELINES
#else
#define ZCPOOL_DMA_ATTRS 0
#endif

/* For work that any processor may do: its name changed, and the old one is warned of. */
#ifdef ZCPOOL_HAVE_SYSTEM_DFL_WQ
#define zcpool_unbound_wq system_dfl_wq
#else
#define zcpool_unbound_wq system_unbound_wq
#endif

/*
 * Newer kernels map the whole of a large folio by one fault, which no header shows; older
 * ones map one page, or a huge one.  By what came at about the same time and maps one.
 */
#ifdef ZCPOOL_HAVE_VMF_INSERT_PAGE_MKWRITE
#define ZCPOOL_KERNEL_MAPS_FOLIOS 1
#else
#define ZCPOOL_KERNEL_MAPS_FOLIOS 0
#endif

/**
 * zcpool_fault_map_page() - map the one page that a fault is for, and no neighbours
 * @vmf: fault whose .page is in a locked folio; not one that copies the page
 *
 * Return: VM_FAULT_NOPAGE, the entry has taken a reference, or an error.
 */
static inline vm_fault_t zcpool_fault_map_page(struct vm_fault *vmf)
{
#ifdef ZCPOOL_HAVE_VMF_INSERT_PAGE_MKWRITE
	/* Another thread may have mapped it by a huge entry, before some of it failed. */
	if (pmd_trans_huge(pmdp_get_lockless(vmf->pmd)))
		return VM_FAULT_NOPAGE;
	return vmf_insert_page_mkwrite(vmf, vmf->page, vmf->flags & FAULT_FLAG_WRITE);
#else
	return VM_FAULT_SIGBUS;
#endif
}

/*
 * io_uring writes to a regular file at once only if this is said, and else polls what can
 * be polled, again and again.  Newer kernels have the operations say it.
 */
#ifdef FOP_BUFFER_WASYNC
#define ZCPOOL_OWNER_WASYNC .owner = THIS_MODULE, .fop_flags = FOP_BUFFER_WASYNC
#define ZCPOOL_FMODE_WASYNC 0
#else
#define ZCPOOL_OWNER_WASYNC .owner = THIS_MODULE
#define ZCPOOL_FMODE_WASYNC FMODE_BUF_WASYNC
#endif

/*
 * Order of folios that huge page table entries map.  In a kernel without such entries, where
 * HPAGE_PMD_ORDER may be a build error, that of none.
 */
#ifdef CONFIG_TRANSPARENT_HUGEPAGE
#define ZCPOOL_HUGE_ORDER HPAGE_PMD_ORDER
#else
#define ZCPOOL_HUGE_ORDER UINT_MAX
#endif

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
	return folio_large_mapcount(folio);
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

	if (order == ZCPOOL_HUGE_ORDER) {
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
 * How TCP and UDP have memory put into an skb, if msg_ubuf and sg_from_iter are set.
 * Linux 6.1 leaves the accounting to the function; later __zerocopy_sg_from_iter()
 * does it.
 *
 * zcpool_refer_fill() is of send_refer.c, and changes the skb's fragments and its three
 * lengths.
 */
int zcpool_refer_fill(struct sk_buff *skb, struct iov_iter *from, size_t length);

#ifdef ZCPOOL_HAVE_UBUF_INFO_OPS
#define zcpool_refer_pages zcpool_refer_fill
#else
static inline int zcpool_refer_pages(struct sock *sk, struct sk_buff *skb, struct iov_iter *from,
				     size_t length)
{
	unsigned int truesize = skb->truesize;
	int ret = zcpool_refer_fill(skb, from, length);

	truesize = skb->truesize - truesize;
	if (sk && sk->sk_type == SOCK_STREAM) {
		sk_wmem_queued_add(sk, truesize);
		if (!skb_zcopy_pure(skb))
			sk_mem_charge(sk, truesize);
	} else {
		refcount_add(truesize, &skb->sk->sk_wmem_alloc);
	}
	return ret;
}
#endif

static inline void zcpool_ubuf_no_callback(struct sk_buff *skb, struct ubuf_info *ubuf,
					   bool success)
{
}

/**
 * zcpool_ubuf_init() - prepare a ubuf_info that is never called back
 * @ubuf: to be msg_ubuf; as long as its flags lack SKBFL_ZEROCOPY_ENABLE, no skb looks at
 *        it once it is queued (see skb_zcopy())
 * @flags: SKBFL_*, of each skb that gets it
 */
static inline void zcpool_ubuf_init(struct ubuf_info *ubuf, u8 flags)
{
#ifdef ZCPOOL_HAVE_UBUF_INFO_OPS
	static const struct ubuf_info_ops ops = { .complete = zcpool_ubuf_no_callback };

	ubuf->ops = &ops;
#else
	ubuf->callback = zcpool_ubuf_no_callback;
#endif
	refcount_set(&ubuf->refcnt, 1);
	ubuf->flags = flags;
}

/**
 * zcpool_unix_send_pieces() - have a unix stream socket queue memory by reference
 * @socket: socket
 * @pieces: parts of folios
 * @nr: how many
 * @length: bytes in all
 * @flags: MSG_* of sendmsg()
 *
 * Never copies: unix_stream_sendpage(), or skb_splice_from_iter() as
 * unix_stream_sendmsg() calls it for MSG_SPLICE_PAGES, queues the pages or fails.
 * (Linux 6.1 has that flag's name from a backport, but no protocol looks at it.)
 *
 * Return: bytes queued or an error.
 */
static inline ssize_t zcpool_unix_send_pieces(struct socket *socket, const struct bio_vec *pieces,
					      unsigned int nr, size_t length, int flags)
{
#ifdef ZCPOOL_HAVE_SENDPAGE
	size_t done = 0, done_of_piece = 0;

	while (done < length) {
		/* It checks its buffer only between calls: see splice.c. */
		size_t wanted = min_t(size_t, pieces->bv_len - done_of_piece, SZ_64K);
		ssize_t sent = kernel_sendpage(socket, pieces->bv_page,
					       pieces->bv_offset + done_of_piece, wanted, flags);

		if (sent < 0)
			return done ?: sent;
		flags |= MSG_NOSIGNAL;
		done += sent;
		done_of_piece += sent;
		if (sent < wanted)
			break;
		if (done_of_piece == pieces->bv_len) {
			done_of_piece = 0;
			pieces++;
		}
	}
	return done;
#else
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, pieces, nr, length);
	return sock_sendmsg(socket, &msg);
#endif
}

/** zcpool_uring_payload() - the 16 bytes of a command's own in its queue entry */
static inline const void *zcpool_uring_payload(const struct io_uring_cmd *cmd)
{
#if defined(ZCPOOL_HAVE_URING_SQE_CMD_TYPE)
	return io_uring_sqe_cmd(cmd->sqe, u64);
#elif defined(ZCPOOL_HAVE_URING_SQE_CMD)
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
#ifdef ZCPOOL_HAVE_URING_CMD_DONE32
	io_uring_cmd_done(cmd, ret, issue_flags);
#else
	io_uring_cmd_done(cmd, ret, 0, issue_flags);
#endif
}

/*
 * Whether commands can wait: io_uring cancels them when ring or program end, by
 * IO_URING_F_CANCEL, and tells work that it runs in a task's place if that is gone.
 *
 * ZCPOOL_URING_TASK_WORK() defines work for zcpool_uring_in_task() by a function that
 * takes the command, the flags to complete it with, and whether the task is gone.
 */
#if defined(ZCPOOL_HAVE_URING_TW_REQ)
#define ZCPOOL_KERNEL_URING_WAIT 1
#define ZCPOOL_URING_TASK_WORK(name, work) \
	static void name(struct io_tw_req request, io_tw_token_t token) \
	{ \
		work(io_uring_cmd_from_tw(request), IO_URING_CMD_TASK_WORK_ISSUE_FLAGS, \
		     token.cancel); \
	}
#elif defined(ZCPOOL_HAVE_URING_TASK_DEAD)
#define ZCPOOL_KERNEL_URING_WAIT 1
#define ZCPOOL_URING_TASK_WORK(name, work) \
	static void name(struct io_uring_cmd *cmd, unsigned int issue_flags) \
	{ \
		work(cmd, issue_flags & ~IO_URING_F_TASK_DEAD, \
		     issue_flags & IO_URING_F_TASK_DEAD); \
	}
#else
#define ZCPOOL_KERNEL_URING_WAIT 0
#endif

/** zcpool_uring_is_cancel() - whether ->uring_cmd is called to cancel a command */
static inline bool zcpool_uring_is_cancel(unsigned int issue_flags)
{
#if ZCPOOL_KERNEL_URING_WAIT
	return issue_flags & IO_URING_F_CANCEL;
#else
	return false;
#endif
}

/** zcpool_page_flags() - all flags of a page, read at once */
static inline unsigned long zcpool_page_flags(const struct page *page)
{
#ifdef ZCPOOL_HAVE_MEMDESC_FLAGS
	return data_race(page->flags.f); /* an aligned word */
#else
	return data_race(page->flags); /* an aligned word */
#endif
}

/* Spares variables that are written before they are read the zeroing. */
#ifndef __uninitialized
#define __uninitialized __attribute__((__uninitialized__))
#endif

/* What inode_operations.setattr gets first. */
#ifdef ZCPOOL_HAVE_MNT_IDMAP
#define zcpool_idmap struct mnt_idmap
#define zcpool_nop_idmap nop_mnt_idmap
#else
#define zcpool_idmap struct user_namespace
#define zcpool_nop_idmap init_user_ns
#endif

/* What inode_operations.mkdir returns. */
#ifdef ZCPOOL_HAVE_MKDIR_DENTRY
#define zcpool_mkdir_ret struct dentry *
#define ZCPOOL_MKDIR_RET(error) ERR_PTR(error)
#else
#define zcpool_mkdir_ret int
#define ZCPOOL_MKDIR_RET(error) (error)
#endif

/**
 * zcpool_dentry_keep() - give an inode a name that lasts until it is removed
 * @dentry: the name
 * @inode: inode
 */
static inline void zcpool_dentry_keep(struct dentry *dentry, struct inode *inode)
{
#ifdef ZCPOOL_HAVE_MAKE_PERSISTENT
	d_make_persistent(dentry, inode);
#else
	d_instantiate(dentry, inode);
	dget(dentry);
#endif
}

/** zcpool_kill_litter_super() - end a super block whose names zcpool_dentry_keep() keeps */
static inline void zcpool_kill_litter_super(struct super_block *sb)
{
#ifdef ZCPOOL_HAVE_MAKE_PERSISTENT
	kill_anon_super(sb);
#else
	kill_litter_super(sb);
#endif
}

/** zcpool_inode_linkable() - let linkat() give a name to a new inode that has none */
static inline void zcpool_inode_linkable(struct inode *inode)
{
	spin_lock(&inode->i_lock);
#ifdef ZCPOOL_HAVE_INODE_STATE_SET
	inode_state_set(inode, I_LINKABLE);
#else
	inode->i_state |= I_LINKABLE;
#endif
	spin_unlock(&inode->i_lock);
}

/** zcpool_inode_touch() - date an inode whose names or size have changed */
static inline void zcpool_inode_touch(struct inode *inode)
{
#ifdef ZCPOOL_HAVE_INODE_SET_MTIME
	inode_set_mtime_to_ts(inode, inode_set_ctime_current(inode));
#else
	inode->i_ctime = current_time(inode);
	inode->i_mtime = inode->i_ctime;
#endif
}

/** zcpool_inode_init_times() - date a new inode */
static inline void zcpool_inode_init_times(struct inode *inode)
{
#ifdef ZCPOOL_HAVE_SIMPLE_INODE_INIT_TS
	simple_inode_init_ts(inode);
#else
	inode->i_ctime = current_time(inode);
	inode->i_mtime = inode->i_ctime;
	inode->i_atime = inode->i_ctime;
#endif
}

/* Symbols of a name space are to be had. */
#ifdef ZCPOOL_HAVE_IMPORT_NS_STRING
#define ZCPOOL_IMPORT_NS(name) MODULE_IMPORT_NS(#name)
#else
#define ZCPOOL_IMPORT_NS(name) MODULE_IMPORT_NS(name)
#endif

#ifndef ZCPOOL_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
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

/* Whether a processor has collected socket buffers to free. */
static inline bool zcpool_skb_deferred(int cpu)
{
#ifdef ZCPOOL_HAVE_SKB_DEFER_NODES
	const struct skb_defer_node *node = per_cpu_ptr(net_hotdata.skb_defer_nodes, cpu);
	int i;

	/* skb_attempt_defer_free() has one list for each node that frees. */
	for (i = 0; i < nr_node_ids; i++)
		if (!llist_empty(&node[i].defer_list))
			return true;
	return false;
#else
	/* Pairs with WRITE_ONCE() in skb_attempt_defer_free(). */
	return READ_ONCE(per_cpu(softnet_data, cpu).defer_list);
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
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		struct softnet_data *sd = &per_cpu(softnet_data, cpu);

		if (zcpool_skb_deferred(cpu) && !cmpxchg(&sd->defer_ipi_scheduled, 0, 1))
			smp_call_function_single_async(cpu, &sd->defer_csd);
	}
	cpus_read_unlock();
}

#endif /* ZCPOOL_COMPAT_H */
