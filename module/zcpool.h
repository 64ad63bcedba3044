/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's types, and who holds and locks what.
 *
 * Life times.  The *pool file* is an open file that no descriptor table ever
 * shows.  Its ->release() frees the pool, so whatever needs the pool holds a
 * reference to that file: every bound handle, every mapping (vm_file), every
 * pipe slot, export, view and share, and the inode of a file that was made a
 * pool.  It also pins the module: its file_operations name their owner, and the
 * file system that its inode lives on is pinned per pool, names and all.  A
 * name holds its inode until it is removed.  What ends up in a socket holds only the pages.
 * These outlive the pool, which *lingers* until they are free, since it was
 * charged for them; and they outlive the module, and then go back to the page
 * allocator by themselves.
 *
 * Locks, outermost first:
 *   zcpool_handle.bind_lock   mutex; binding a pool to the handle; never taken in
 *                             ->mmap(), as ATTACH accesses user memory under it
 *   inode lock                the kernel's; of a file of the file system: making it a
 *                             pool
 *   zcpool_reach_lock         mutex; one allocation below an address at a time
 *   zcpool_linger_lock        mutex; the list of lingering pools, and these
 *   folio lock                taken by .fault until the page table entry is made, and
 *                             by who takes such entries away, PUT and mprotect() of isolated
 *                             pools and SEAL, within which the kernel's i_mmap_rwsem is; of
 *                             a buffer's the first folio's ahead of another one's;
 *                             zcpool_folio_only_mapped() only looks at it
 *   zcpool_exported.lock      mutex; the mappings of an export; within the dma-buf's
 *                             dma_resv lock, where its importer takes that
 *   zcpool_pool.lock          spinlock; ownership and the queues; never taken in
 *                             interrupt context, and nothing sleeps under it
 *   zcpool_pool.eventfd_lock  spinlock; eventfds are signalled under it
 *   zcpool_pool.sleepers.lock, .pollers.lock  the wait queues' own
 *   zcpool_pool.handles, zcpool_handle.receivers.lock  the kernel's own
 * No lock is held while user memory is accessed, but for bind_lock by ATTACH, when it tells
 * what it made: nobody but who has the handle waits for that.
 */
#ifndef ZCPOOL_H
#define ZCPOOL_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/sched/user.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <linux/zcpool.h>

/* Most buffers of one pool. */
#define ZCPOOL_COUNT_MAX 1000000U
/* Largest buffer, bytes: 512 folios to look at when one is judged. */
#define ZCPOOL_BUFFER_SIZE_MAX SZ_1G
/*
 * Most buffers one GET hands out, and PUT takes at a time: indices on stack.  And
 * most folios, if a buffer has not more: each may have to be looked at.
 */
#define ZCPOOL_BATCH_MAX 128U
/* Most bytes that SEND copies from the program for one message. */
#define ZCPOOL_SEND_INLINE_MAX SZ_1M
/*
 * Smallest folio: an order-0 page without mapping falls off the fast path of
 * get_user_pages() under CONFIG_SECRETMEM, and TCP_ZEROCOPY_RECEIVE would map
 * it into other processes.
 */
#define ZCPOOL_FOLIO_SIZE_MIN (PAGE_SIZE * 2)
/* Largest folio: do_set_pmd() maps folios of exactly this size by huge entry. */
#define ZCPOOL_FOLIO_SIZE_MAX SZ_2M
/* Narrowest DMA limit: what ZONE_DMA guarantees where it exists (16 MiB). */
#define ZCPOOL_DMA_BITS_MIN 24U

struct seq_file;
struct zcpool_chunk;
struct zcpool_handle;
struct zcpool_slice;

/**
 * struct zcpool_buffer - the unit of ownership and of reuse
 * @owner: handle that owns it, NULL if none; with ZCPOOL_OWNER_TO_BE the handle that it
 *         was transferred to, with ZCPOOL_OWNER_LEAVING one whose page table entries are
 *         being taken away
 * @next: of a buffer that is unowned or transferred, the next one in its queue
 * @refs: references to its folios when it was last found free
 * @faults: page faults on its folios, each counted under the folio lock
 * @since: when it was got or, in flight, put; CLOCK_MONOTONIC, nanoseconds
 * @slots: pipe slots that refer to it, those that splices to sockets made left out
 * @exports: exports of it
 * @retired: part of its memory failed
 * @views: views of it
 * @writers: exports of it that can be written to, those that do not hold it among them
 * @seal: 0, or ZCPOOL_SEALED and what else of ZCPOOL_SEAL_* holds; also read without lock
 * @tag: of a transferred buffer, what came along with it from who transferred it; of an
 *       unowned one of an isolated pool, whose bytes it has (isolated.c)
 *
 * All fields but @faults and @slots are protected by zcpool_pool.lock.
 */
struct zcpool_buffer {
	struct zcpool_handle *owner;
	u32 next;
	int refs;
	atomic_t faults;
	atomic_t slots;
	u32 exports : 15;
	u32 retired : 1;
	u32 views : 16;
	u16 writers;
	u8 seal;
	u64 tag;
	u64 since;
};

/* There may be a million. */
static_assert(sizeof(struct zcpool_buffer) <= 48);

/* Values of zcpool_buffer.seal: content must not change, ... */
#define ZCPOOL_SEALED 1U
/* ... until it is free, ... */
#define ZCPOOL_SEAL_UNTIL_FREE 2U
/* ... which is not settled yet: who holds its first folio's lock decides. */
#define ZCPOOL_SEAL_UNDECIDED 4U
/* Who holds that lock is about to unseal it, and it has had no other owner since. */
#define ZCPOOL_SEAL_ENDING 8U
/* By SENDs alone, none of which has sent anything yet: the last one to fail ends it. */
#define ZCPOOL_SEAL_REVOCABLE 16U

/* Most that zcpool_buffer counts. */
#define ZCPOOL_EXPORTS_MAX 0x7fffU
#define ZCPOOL_VIEWS_MAX 0xffffU
#define ZCPOOL_WRITERS_MAX 0xffffU

/* In zcpool_buffer.owner, whose alignment leaves them clear. */
#define ZCPOOL_OWNER_TO_BE 1UL
#define ZCPOOL_OWNER_LEAVING 2UL
#define ZCPOOL_OWNER_MARKS (ZCPOOL_OWNER_TO_BE | ZCPOOL_OWNER_LEAVING)

/** zcpool_buffer_stands() - whether something keeps a buffer from being free until it ends */
static inline bool zcpool_buffer_stands(const struct zcpool_buffer *buffer)
{
	return buffer->exports || buffer->retired || buffer->views;
}

/* The end of a queue, and the first and last buffer of an empty one. */
#define ZCPOOL_NO_BUFFER U32_MAX

/**
 * struct zcpool_queue - buffers, linked by zcpool_buffer.next
 * @first: index of the first buffer
 * @last: index of the last buffer
 * @nr: length
 *
 * Buffers leave at the front only, so one link is enough: a pool may have a
 * million buffers, and GET and PUT are made of little else than queue handling.
 */
struct zcpool_queue {
	u32 first;
	u32 last;
	u32 nr;
};

/**
 * struct zcpool_charge - what a pool's memory is charged to
 * @user: user whose locked_vm holds the charge, NULL if it is exempt
 * @bytes: what is charged
 *
 * The memory cgroup is not here: pages charged by __GFP_ACCOUNT know theirs.
 */
struct zcpool_charge {
	struct user_struct *user;
	u64 bytes;
};

/**
 * struct zcpool_memory - the folios of a pool
 * @folios: all folios in the order of the pool's byte space
 * @nr: number of folios
 * @order: of each folio
 */
struct zcpool_memory {
	struct folio **folios;
	unsigned long nr;
	unsigned int order;
};

/**
 * struct zcpool_geometry - what CREATE asked for, checked and rounded
 * @buffer_size: bytes per buffer as asked for
 * @stride: distance of two buffers, bytes; a multiple of the folio size
 * @size: bytes of the pool, @count * @stride
 * @count: buffers
 * @order: of each folio
 * @folios_per_buffer: 1 for buffers of up to 2 MiB
 * @node: NUMA node or NUMA_NO_NODE
 * @dma_bits: limit of physical addresses, 0 for none
 * @isolated: handles reach only the buffers that they own
 */
struct zcpool_geometry {
	u64 buffer_size;
	u64 stride;
	u64 size;
	u32 count;
	unsigned int order;
	unsigned int folios_per_buffer;
	int node;
	u32 dma_bits;
	bool isolated;
};

/**
 * struct zcpool_pool - buffers and their memory
 * @id: unique while the module is loaded
 * @file: the pool file; not a reference, it owns the pool
 * @geometry: constant
 * @memory: constant
 * @charge: constant
 * @creator: uid that created the pool, for fdinfo
 * @batch: most buffers to get or put under the lock in one go; constant
 * @buffers: one per buffer
 * @lock: protects queues and numbers, every buffer's fields, and what handles count
 * @idle: unowned buffers found or presumed free; the last put is first
 * @in_flight: unowned buffers found to be held
 * @overdue: those held for long, maybe for ever
 * @nr_gets: buffers handed out so far
 * @nr_puts: buffers put so far
 * @nr_landed: buffers in flight that were found free so far
 * @nr_standing: buffers whose memory failed, or that exports or views have
 * @nr_retired: those of them whose memory failed
 * @nr_sealed: buffers that are sealed, or about to be
 * @plain: no buffer is one of @nr_standing, and each is one folio
 * @sleepers: GETs that sleep, each exclusive
 * @pollers: whoever polls
 * @fasync: handles for which SIGIO is wanted
 * @eventfds: handles with an eventfd
 * @eventfd_lock: protects @eventfds
 * @event_owed: somebody who does not sleep was told that nothing is free
 * @rescan_timer: looks at buffers in flight again while somebody waits
 * @rescan_work: does so, in process context
 * @rescan_delay: last delay of @rescan_timer, nanoseconds
 * @rescan_begin: jiffies when something last happened
 * @rescan_asked: jiffies when who does not wait last had it done
 * @handles: by their number; entries go by zcpool_handle_unlist()
 * @next_handle: number to try first
 * @lingering: link of ended pools whose memory is still held
 */
struct zcpool_pool {
	u64 id;
	struct file *file;
	struct zcpool_geometry geometry;
	struct zcpool_memory memory;
	struct zcpool_charge charge;
	kuid_t creator;
	u32 batch;
	struct zcpool_buffer *buffers;

	spinlock_t lock;
	struct zcpool_queue idle;
	struct zcpool_queue in_flight;
	struct zcpool_queue overdue;
	u64 nr_gets;
	u64 nr_puts;
	u64 nr_landed;
	u32 nr_standing;
	u32 nr_retired;
	u32 nr_sealed;
	bool plain;

	wait_queue_head_t sleepers;
	wait_queue_head_t pollers;
	struct fasync_struct *fasync;
	struct list_head eventfds;
	spinlock_t eventfd_lock;
	bool event_owed;
	struct hrtimer rescan_timer;
	struct work_struct rescan_work;
	u64 rescan_delay;
	unsigned long rescan_begin;
	unsigned long rescan_asked;

	struct xarray handles;
	u32 next_handle;

	struct list_head lingering;
};

/**
 * struct zcpool_handle - an open file of /dev/zcpool or of the file system
 * @pool: NULL until bound, then constant; written under @bind_lock
 * @bind_lock: makes sure that one pool at most is bound
 * @nr_owned: buffers this handle owns; protected by the pool's lock
 * @eventfd: told of free buffers, NULL for none; protected by the pool's
 *           eventfd_lock
 * @eventfds: link of handles with an eventfd
 * @number: in zcpool_pool.handles; constant once bound
 * @user: whose it is: the effective user that bound it, and of a file with a name has
 *        opened it as well, else invalid; constant once bound
 * @named: of a file of the file system, whose pool it is bound to; constant
 * @writes: may write to the pool: opened for that, and not attached by a share that is
 *          read-only; constant once bound
 * @incoming: buffers transferred to it; protected by the pool's lock
 * @incoming_max: longest that @incoming may be; constant once bound
 * @receivers: whoever waits for @incoming
 * @refs: one of the open file, one of each who wakes @receivers, and in an isolated pool
 *        one of each mapping made by it
 */
struct zcpool_handle {
	struct zcpool_pool *pool;
	struct mutex bind_lock;
	u32 nr_owned;
	struct eventfd_ctx *eventfd;
	struct list_head eventfds;
	u32 number;
	kuid_t user;
	bool named;
	bool writes;
	struct zcpool_queue incoming;
	u32 incoming_max;
	wait_queue_head_t receivers;
	refcount_t refs;
};

/**
 * zcpool_handle_pool() - the pool of a handle
 * @handle: handle
 *
 * Return: the pool, NULL while the handle has none.  It lives as long as the
 * handle does.
 */
static inline struct zcpool_pool *zcpool_handle_pool(struct zcpool_handle *handle)
{
	/* Pairs with smp_store_release() in zcpool_handle_bind(). */
	return smp_load_acquire(&handle->pool);
}

/**
 * zcpool_named_pool() - the pool of a file of the file system
 * @inode: its inode
 *
 * Return: the pool, NULL while the file is empty.  It lives as long as the inode does.
 */
static inline struct zcpool_pool *zcpool_named_pool(const struct inode *inode)
{
	/* Pairs with smp_store_release() in zcpool_named_publish(). */
	return smp_load_acquire(&inode->i_private);
}

/**
 * zcpool_file_pool() - the pool of an open file
 * @file: a handle, maybe not bound to its file's pool yet: see zcpool_file_bind()
 *
 * Return: the pool, or ERR_PTR(-ENXIO) while there is none.
 */
static inline struct zcpool_pool *zcpool_file_pool(struct file *file)
{
	struct zcpool_handle *handle = file->private_data;
	struct zcpool_pool *pool = zcpool_handle_pool(handle);

	if (!pool && handle->named)
		pool = zcpool_named_pool(file_inode(file));
	return pool ?: ERR_PTR(-ENXIO);
}

/**
 * zcpool_pool_get() - take a reference to a pool
 * @pool: pool, alive by another reference
 */
static inline void zcpool_pool_get(struct zcpool_pool *pool)
{
	get_file(pool->file);
}

/* What keeps a slice's buffers from being free until it ends. */
enum zcpool_standing {
	ZCPOOL_STANDING_EXPORT,
	ZCPOOL_STANDING_VIEW,
};

/**
 * struct zcpool_stat - numbers of a pool at one moment
 * @owned: buffers owned by the handle that asks
 * @incoming: buffers on their way to the handle that asks
 * @owned_total: buffers owned by any handle, or on their way to one
 * @idle: buffers presumed free
 * @in_flight: buffers in flight, overdue ones included
 * @overdue: buffers in flight for more than a second
 * @sealed: buffers that are sealed
 * @gets: buffers handed out so far
 * @puts: buffers put so far
 * @landed: buffers in flight that were found free so far
 */
struct zcpool_stat {
	u32 owned;
	u32 incoming;
	u32 owned_total;
	u32 idle;
	u32 in_flight;
	u32 overdue;
	u32 sealed;
	u64 gets;
	u64 puts;
	u64 landed;
};

/* handle.c */
extern const struct file_operations zcpool_handle_fops;
int zcpool_handle_list(struct file *file, struct zcpool_pool *pool, u32 incoming_max);
void zcpool_handle_unlist(struct zcpool_handle *handle, struct zcpool_pool *pool);
void zcpool_handle_get(struct zcpool_handle *handle);
void zcpool_handle_put(struct zcpool_handle *handle);
void zcpool_handle_bind(struct zcpool_handle *handle, struct zcpool_pool *pool);
struct zcpool_pool *zcpool_file_bind(struct file *file);
int zcpool_handle_open(struct inode *inode, struct file *file);
int zcpool_handle_release(struct inode *inode, struct file *file);
void zcpool_handle_show_fdinfo(struct seq_file *m, struct file *file);

/* create.c */
int zcpool_geometry_init(struct zcpool_geometry *geometry, const struct zcpool_create *create);

/* named.c */
void zcpool_named_publish(struct inode *inode, struct zcpool_pool *pool, u64 size);

/* ioctl.c */
long zcpool_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* pool.c */
struct zcpool_pool *zcpool_pool_create(const struct zcpool_geometry *geometry);
void zcpool_pool_put(struct zcpool_pool *pool);

/* charge.c */
u64 zcpool_max_pool_bytes(void);
u64 zcpool_max_total_bytes(void);
u64 zcpool_total_bytes(void);
int zcpool_charge(struct zcpool_charge *charge, u64 bytes);
void zcpool_uncharge(struct zcpool_charge *charge, u64 bytes);

/* memory.c */
void *zcpool_array_alloc(size_t nr, size_t size);
int zcpool_memory_alloc(struct zcpool_memory *memory, const struct zcpool_geometry *geometry);
void zcpool_memory_free(struct zcpool_memory *memory);

/* folio.c */
bool zcpool_folio_split_failed(struct folio *folio, unsigned int order);
bool zcpool_chunk_failed(const struct zcpool_chunk *chunk);

/* isolated.c */
extern const struct vm_operations_struct zcpool_isolated_vm_ops;
void zcpool_isolated_init(struct zcpool_pool *pool);
void zcpool_isolated_vma_init(struct vm_area_struct *vma, struct zcpool_handle *handle);
bool zcpool_isolated_vma_reaches(const struct vm_area_struct *vma, const struct zcpool_pool *pool,
				 u32 index);
void zcpool_isolated_withdraw(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			      u32 index);
void zcpool_isolated_settle(struct zcpool_pool *pool, struct zcpool_handle *handle,
			    const u32 *indices, u32 count);
int zcpool_chunk_borrow(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			const struct zcpool_chunk *chunk);
int zcpool_slice_borrow(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			const struct zcpool_slice *slice);
void zcpool_slice_return(struct zcpool_pool *pool, const struct zcpool_slice *slice);

/* batch.c */
int zcpool_get_begin(struct zcpool_pool *pool, struct file *file, const struct zcpool_get *get,
		     struct zcpool_get __user *user_get, u32 *indices);
void zcpool_get_undo(struct zcpool_pool *pool, struct zcpool_handle *handle, const u32 *indices,
		     u32 taken);
int zcpool_get_end(struct zcpool_pool *pool, struct zcpool_handle *handle,
		   const struct zcpool_get *get, struct zcpool_get __user *user_get,
		   const u32 *indices, u32 taken);

/* linger.c */
void zcpool_linger(struct zcpool_pool *pool);
void zcpool_linger_end(void);

/* buffer.c */
void zcpool_buffers_init(struct zcpool_pool *pool);
u32 zcpool_buffers_take(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 *indices,
			u32 count);
u32 zcpool_buffers_put(struct zcpool_pool *pool, struct zcpool_handle *handle, const u32 *indices,
		       u32 count, int *error);
void zcpool_buffers_disown(struct zcpool_pool *pool, struct zcpool_handle *handle);
u32 zcpool_buffers_rescan(struct zcpool_pool *pool);
void zcpool_buffers_stat(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			 struct zcpool_stat *stat);
bool zcpool_buffer_held(const struct zcpool_pool *pool, u32 index);
bool zcpool_buffers_unowned(struct zcpool_pool *pool);
bool zcpool_buffers_available(struct zcpool_pool *pool);

/* standing.c */
bool zcpool_buffers_hopeless(const struct zcpool_pool *pool);
bool zcpool_buffers_failed(const struct zcpool_pool *pool);
void zcpool_buffers_unretire(struct zcpool_pool *pool);
void zcpool_buffer_retire(struct zcpool_pool *pool, u32 index);
int zcpool_slice_hold(struct zcpool_pool *pool, const struct zcpool_handle *handle,
		      const struct zcpool_slice *slice, enum zcpool_standing kind);
void zcpool_slice_unhold(struct zcpool_pool *pool, const struct zcpool_slice *slice,
			 enum zcpool_standing kind);

/* wait.c */
void zcpool_wait_init(struct zcpool_pool *pool);
void zcpool_wait_destroy(struct zcpool_pool *pool);
int zcpool_wait_take(struct zcpool_pool *pool, struct zcpool_handle *handle, u32 *indices,
		     u32 count, u64 timeout_ns);
void zcpool_wake(struct zcpool_pool *pool, u32 count);
void zcpool_wake_later(struct zcpool_pool *pool);
void zcpool_look_later(struct zcpool_pool *pool);
void zcpool_wake_hint(struct zcpool_pool *pool);

/* event.c */
void zcpool_events_init(struct zcpool_pool *pool);
bool zcpool_events_wanted(struct zcpool_pool *pool);
void zcpool_events_pay(struct zcpool_pool *pool);
void zcpool_events_owe(struct zcpool_pool *pool);
void zcpool_events_fail(struct zcpool_pool *pool);
__poll_t zcpool_poll(struct file *file, poll_table *wait);
int zcpool_fasync(int fd, struct file *file, int on);
void zcpool_eventfd_release(struct zcpool_pool *pool, struct zcpool_handle *handle);

/* mmap.c */
vm_fault_t zcpool_fault(struct vm_fault *vmf);
int zcpool_mprotect(struct vm_area_struct *vma, unsigned long start, unsigned long end,
		    unsigned long flags);
void zcpool_vma_init(struct vm_area_struct *vma, struct zcpool_pool *pool,
		     const struct vm_operations_struct *ops);
int zcpool_mmap_pool(struct zcpool_pool *pool, struct vm_area_struct *vma,
		     const struct vm_operations_struct *ops);
int zcpool_mmap(struct file *file, struct vm_area_struct *vma);
void zcpool_folio_unmap(struct zcpool_pool *pool, struct folio *folio);

/* rw.c */
ssize_t zcpool_slice_read(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			  const struct zcpool_slice *slice, struct kiocb *iocb,
			  struct iov_iter *to);
ssize_t zcpool_slice_write(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			   const struct zcpool_slice *slice, struct kiocb *iocb,
			   struct iov_iter *from);
ssize_t zcpool_read_iter(struct kiocb *iocb, struct iov_iter *to);
ssize_t zcpool_write_iter(struct kiocb *iocb, struct iov_iter *from);
loff_t zcpool_llseek(struct file *file, loff_t offset, int whence);

/* splice.c */
ssize_t zcpool_slice_splice(struct zcpool_pool *pool, const struct zcpool_handle *handle,
			    const struct zcpool_slice *slice, loff_t *ppos,
			    struct pipe_inode_info *pipe, size_t len);
ssize_t zcpool_splice_read(struct file *file, loff_t *ppos, struct pipe_inode_info *pipe,
			   size_t len, unsigned int flags);

/* send.c */
int zcpool_send_check(const struct zcpool_send *send);
int zcpool_send(struct zcpool_pool *pool, struct zcpool_handle *handle, struct zcpool_send *send);

/* uring.c */
int zcpool_uring_cmd(struct io_uring_cmd *cmd, unsigned int issue_flags);

/* uring_get.c */
int zcpool_uring_get(struct io_uring_cmd *cmd, struct zcpool_get __user *user_get,
		     unsigned int issue_flags);
void zcpool_uring_get_cancel(struct io_uring_cmd *cmd, unsigned int issue_flags);

#endif /* ZCPOOL_H */
