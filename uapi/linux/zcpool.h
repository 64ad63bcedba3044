/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/**
 * DOC: Model
 *
 * A pool of DMA-capable buffers that programs map, splice and send.
 *
 * An open file of /dev/zcpool, or of a mounted file system of type zcpool, is a
 * *handle*.  CREATE binds it to a new *pool*
 * of equal *buffers*, ATTACH to the pool of another handle; buffer I occupies the
 * bytes [I * stride, (I + 1) * stride) of the pool's linear byte space, and
 * mmap(), read(), write(), lseek(),
 * splice() and sendfile() on the handle all use the same offsets.  GET makes
 * the handle the owner of free buffers, PUT gives them up.  A buffer that was
 * PUT while a pipe, a socket, or direct I/O still holds its memory is *in
 * flight*: it becomes *free*, and GET may hand it out again, when the last of
 * these holders is gone.  User mappings are not holders.
 *
 * Every command takes one struct.  The command carries the struct's size: the
 * kernel reads as many bytes as the program's struct has, takes fields that the
 * program does not know as zero, and fails with E2BIG where the program sets
 * fields that the kernel does not know.  Structs only ever grow at their end,
 * and zero in a new field means what happened before the field existed.
 */

/**
 * DOC: Common errors
 *
 * Of every command:
 *
 * * ENOTTY: the command is unknown
 * * EFAULT: the struct, or memory it points to, cannot be read or written
 * * EINVAL: the struct is shorter than its first version, a flag is unknown, or
 *   a value is out of its documented range
 * * E2BIG: the struct is longer than the kernel's and its tail is not zero
 * * EINTR: the caller is being killed (first command on a file of the file system; the
 *   struct is as it was)
 * * ENOMEM: not enough kernel memory (likewise)
 * * ENXIO: the handle has no pool (every command but QUERY, CREATE and ATTACH;
 *   also mmap, read, write, lseek, splice and fsync; poll reports POLLERR)
 * * EBADF: the handle is of a file of the file system, open for writing alone
 */
#ifndef _UAPI_LINUX_ZCPOOL_H
#define _UAPI_LINUX_ZCPOOL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Type byte of the commands; no type in ioctl-number.rst of Linux 7.2 uses it. */
#define ZCPOOL_IOC_TYPE 0xBC

/* Version of this interface, as QUERY reports it: grows with every addition. */
#define ZCPOOL_ABI_VERSION 1

/* Bits of zcpool_query.features. */
/** The pool hands out splice and sendfile references, never copies. */
#define ZCPOOL_FEATURE_SPLICE (1ULL << 0)
/** Buffers of 2 MiB and more are mapped by huge page-table entries. */
#define ZCPOOL_FEATURE_HUGE_MAP (1ULL << 1)
/** io_uring fixed buffers over a mapping of the pool work on this kernel. */
#define ZCPOOL_FEATURE_FIXED_BUFFERS (1ULL << 2)
/** io_uring can carry GET: waits without a thread. */
#define ZCPOOL_FEATURE_URING_GET (1ULL << 3)
/** The kernel has dma-bufs: EXPORT works. */
#define ZCPOOL_FEATURE_EXPORT (1ULL << 4)
/** SEND is there. */
#define ZCPOOL_FEATURE_SEND (1ULL << 5)
/** SEAL, UNSEAL and ZCPOOL_SEND_F_SEAL are there. */
#define ZCPOOL_FEATURE_SEAL (1ULL << 6)
/** Pools can be isolated: ZCPOOL_CREATE_F_ISOLATED. */
#define ZCPOOL_FEATURE_ISOLATED (1ULL << 7)

/**
 * struct zcpool_query - argument of ZCPOOL_IOC_QUERY
 * @abi_version: out: ZCPOOL_ABI_VERSION of the running module
 * @flags: in: must be 0
 * @features: out: ZCPOOL_FEATURE_* bits that hold on the running kernel
 * @max_count: out: most buffers that one pool may have
 * @min_stride: out: smallest stride, bytes: two pages
 * @max_buffer_size: out: largest buffer, bytes
 * @max_pool_bytes: out: largest pool, bytes (module parameter max_pool_bytes)
 * @max_total_bytes: out: most bytes of all pools together (module parameter
 *                   max_total_bytes)
 * @total_bytes: out: bytes that all pools hold now, with the memory of ended pools
 *               that is still held
 * @max_batch: out: most buffers that one GET hands out; less for a pool whose
 *             buffers are larger than 2 MiB
 * @dma_bits_min: out: smallest accepted zcpool_create.dma_bits other than 0
 * @pool_id: out: number of this handle's pool, unique while the module is
 *           loaded; 0: the handle has no pool and all later fields are 0
 * @buffer_size: out: bytes per buffer as asked of CREATE
 * @stride: out: distance of two buffers, bytes
 * @chunk: out: bytes that are physically contiguous at least, counted from a
 *         multiple of this number: a power of two, at most 2 MiB
 * @size: out: size of the pool's byte space, count * stride
 * @count: out: buffers in the pool
 * @dma_bits: out: zcpool_create.dma_bits
 * @owned: out: buffers owned by this handle
 * @owned_total: out: buffers owned by any handle, or on their way to one
 * @unowned: out: buffers without owner, free or in flight
 * @handle: out: this handle's number in its pool, 1 or more, for TRANSFER
 * @pool_flags: out: ZCPOOL_CREATE_F_ISOLATED if the pool is
 * @reserved: out: 0
 *
 * Works on a handle without a pool.  Errors: the common ones.
 */
struct zcpool_query {
	__u32 abi_version;
	__u32 flags;
	__u64 features;
	__u64 max_count;
	__u64 min_stride;
	__u64 max_buffer_size;
	__u64 max_pool_bytes;
	__u64 max_total_bytes;
	__u64 total_bytes;
	__u32 max_batch;
	__u32 dma_bits_min;
	__u64 pool_id;
	__u64 buffer_size;
	__u64 stride;
	__u64 chunk;
	__u64 size;
	__u32 count;
	__u32 dma_bits;
	__u32 owned;
	__u32 owned_total;
	__u32 unowned;
	__u32 handle;
	__u32 pool_flags;
	__u32 reserved;
};
#define ZCPOOL_QUERY_SIZE_VER0 136

/* Bits of zcpool_create.flags. */
/** Allocate on NUMA node zcpool_create.numa_node, and nowhere else. */
#define ZCPOOL_CREATE_F_NUMA_NODE (1U << 0)
/** A handle reaches the buffers that it owns, and no others. */
#define ZCPOOL_CREATE_F_ISOLATED (1U << 1)

/**
 * struct zcpool_create - argument of ZCPOOL_IOC_CREATE
 * @buffer_size: in: bytes per buffer, 1 to zcpool_query.max_buffer_size
 * @count: in: buffers, 1 to zcpool_query.max_count
 * @flags: in: ZCPOOL_CREATE_F_*
 * @numa_node: in: an online node with memory if ZCPOOL_CREATE_F_NUMA_NODE is
 *             set, else 0
 * @dma_bits: in: 0, or zcpool_query.dma_bits_min to 64: every byte of the pool
 *            has a physical address below 2^dma_bits
 * @stride: out: distance of two buffers: @buffer_size rounded up to a power of
 *          two of at least zcpool_query.min_stride, beyond 2 MiB to a multiple
 *          of 2 MiB
 * @size: out: size of the pool's byte space, @count * @stride
 *
 * Allocates, zeroes and charges the pool's memory, and binds the calling handle
 * to it.  The memory is charged to the caller's memory cgroup, and to the
 * caller's user against RLIMIT_MEMLOCK (not if the caller has CAP_IPC_LOCK).
 * Both charges end with the pool, when the last handle, mapping, pipe slot and name is
 * gone; and for memory that a socket or pin still holds, up to a second after that
 * let go of it.  A call that fails leaves nothing behind, but may have written @stride and @size.
 *
 * Any handle of a pool reaches all of its memory, so only its creator's processes may
 * ATTACH.  Of a pool made with ZCPOOL_CREATE_F_ISOLATED, any user's may whom a share was
 * given to, since each handle reaches only what it owns:
 *
 * * a mapping shows those of its buffers that the handle it was made by owns; any other
 *   raises SIGBUS, and what takes its memory for a system call gets EFAULT
 * * read, write, splice, sendfile, SEND, EXPORT and VIEW of other buffers: EPERM
 * * PUT and TRANSFER take the buffers out of all mappings; what still holds their memory
 *   keeps PUT's from being free, and TRANSFER's from going (EBUSY)
 * * GET clears a buffer that another user had; RECEIVE does not
 * * ZCPOOL_EXPORT_F_UNHELD: EPERM
 * * HOLDERS tells of other buffers no more than their state
 *
 * Errors, beside the common ones:
 *
 * * EBUSY: the handle has a pool, or the file that it is an open file of
 * * EACCES: a file of the file system is not open for writing
 * * EFBIG: the pool would be larger than max_pool_bytes
 * * ENOSPC: all pools together would be larger than max_total_bytes
 * * EDQUOT: the user's RLIMIT_MEMLOCK is too small
 * * ENOMEM: not enough memory (on that node, in reach of @dma_bits), or the
 *   caller's memory cgroup is at its limit; never an OOM kill
 * * ENFILE: the system has no more open files (fs.file-max); a pool takes one
 * * EINTR: the caller is being killed
 */
struct zcpool_create {
	__u64 buffer_size;
	__u32 count;
	__u32 flags;
	__u32 numa_node;
	__u32 dma_bits;
	__u64 stride;
	__u64 size;
};
#define ZCPOOL_CREATE_SIZE_VER0 40

/* Bits of zcpool_get.flags. */
/** Fail with EAGAIN instead of waiting, as O_NONBLOCK on the handle does. */
#define ZCPOOL_GET_F_NONBLOCK (1U << 0)

/**
 * struct zcpool_get - argument of ZCPOOL_IOC_GET
 * @indices: in: user address of an array of @count __u32, filled with the
 *           indices of the buffers handed out
 * @timeout_ns: in: longest wait, nanoseconds; 0: no limit
 * @count: in: most buffers wanted, 1 or more; out: buffers handed out; one call
 *         hands out at most zcpool_query.max_batch
 * @flags: in: ZCPOOL_GET_F_*
 * @put_indices: in: user address of an array of @put_count __u32
 * @put_count: in: buffers to put first, 0 for none; out: buffers put
 * @reserved: in: must be 0
 *
 * Makes the calling handle the owner of up to @count free buffers, waiting for
 * the first of them if there is none.  Their content is what it was when they
 * were put.  A buffer whose memory anything but a user mapping still holds is
 * never handed out.
 *
 * Ahead of that, buffers are put as PUT does it: who works in batches needs one
 * call instead of two.  They are put whatever becomes of the GET, unless the call
 * is refused as a whole (ENXIO, EINVAL, E2BIG; EFAULT where the struct cannot be
 * read).  An error of PUT ends the call, and then @put_count, as written back, is
 * less than it was.
 *
 * Of buffers that were put and are still held, a call looks at 1,024 or more, and
 * the next call at others.  So with more of them, "none is free" (EAGAIN, poll) may
 * be said although one has become free in this moment.
 *
 * With ZCPOOL_FEATURE_URING_GET io_uring carries the command as well: opcode
 * IORING_OP_URING_CMD, cmd_op ZCPOOL_IOC_GET, and in the first 8 bytes of cmd the
 * address of the struct, of this size.  It waits without a thread.  The completion's
 * res is @count or a negative errno: ECANCELED if ring or program ended first.
 * io_uring's own time limits and cancellation do not reach it; @timeout_ns does.
 * Without the feature the result is ENOTTY.
 *
 * Errors, beside the common ones and PUT's; @count is not written and no buffer
 * is handed out:
 *
 * * EAGAIN: no buffer is free, and the handle is O_NONBLOCK or
 *   ZCPOOL_GET_F_NONBLOCK is set
 * * ETIMEDOUT: no buffer became free within @timeout_ns
 * * EDEADLK: it would wait for ever, or until exports and views end, since
 *   every buffer has one, or its memory failed; if the memory of all failed,
 *   also instead of EAGAIN
 * * EINTR: a signal came first (restarted under SA_RESTART if @timeout_ns and
 *   @put_count are 0)
 * * EFAULT: @indices or the struct cannot be written; the buffers went back
 */
struct zcpool_get {
	__u64 indices;
	__u64 timeout_ns;
	__u32 count;
	__u32 flags;
	__u64 put_indices;
	__u32 put_count;
	__u32 reserved;
};
#define ZCPOOL_GET_SIZE_VER0 40

/**
 * struct zcpool_put - argument of ZCPOOL_IOC_PUT
 * @indices: in: user address of an array of @count __u32, the buffers to put
 * @count: in: buffers to put, 1 or more; out: buffers put
 * @flags: in: must be 0
 *
 * Gives up ownership.  A buffer may be put at any time, also while a transfer
 * of its memory is under way: it becomes free when the transfer is over.  The
 * array is taken in order; on an error the buffers before @count (as written
 * back, also then) are put and the others are not.
 *
 * Errors, beside the common ones:
 *
 * * ERANGE: an index is not below the pool's count
 * * EPERM: a buffer is not owned by this handle
 */
struct zcpool_put {
	__u64 indices;
	__u32 count;
	__u32 flags;
};
#define ZCPOOL_PUT_SIZE_VER0 16

/**
 * struct zcpool_eventfd - argument of ZCPOOL_IOC_EVENTFD
 * @fd: in: descriptor of an eventfd, or -1 for none any more
 * @flags: in: must be 0
 *
 * Adds 1 to the eventfd when a buffer becomes free after a caller of this pool was
 * told that none is: by EAGAIN or fewer buffers than wanted from GET, by poll, or by
 * this call, which adds 1 at once if a buffer is free.  So who reads the eventfd
 * calls GET until one of these, as with edge-triggered epoll.  SIGIO (fcntl():
 * O_ASYNC, F_SETOWN, F_SETSIG) comes at the same times.  Both also come when the memory
 * of the last buffer fails, and poll reports POLLERR from then on; the eventfd also at
 * this call, if that is past.  A handle has one eventfd; a new one replaces it.
 *
 * Errors, beside the common ones:
 *
 * * EBADF: @fd is no open file
 * * EINVAL: @fd is no eventfd
 */
struct zcpool_eventfd {
	__s32 fd;
	__u32 flags;
};
#define ZCPOOL_EVENTFD_SIZE_VER0 8

/* Values of zcpool_holder.state. */
/** GET may hand the buffer out. */
#define ZCPOOL_STATE_FREE 0U
/** The handle that asks owns the buffer. */
#define ZCPOOL_STATE_OWNED 1U
/** Another handle owns the buffer. */
#define ZCPOOL_STATE_OWNED_ELSEWHERE 2U
/** Nobody owns the buffer, but something holds its memory. */
#define ZCPOOL_STATE_IN_FLIGHT 3U
/** The buffer's memory failed: it is not used any more. */
#define ZCPOOL_STATE_RETIRED 4U
/** The buffer was transferred to a handle that has not received it yet. */
#define ZCPOOL_STATE_TRANSFERRED 5U

/* Bits of zcpool_holder.flags. */
/** The buffer is sealed. */
#define ZCPOOL_HOLDER_F_SEALED (1U << 0)

/**
 * struct zcpool_holder - what holds a buffer
 * @index: the buffer
 * @state: ZCPOOL_STATE_*
 * @mappings: page table entries that map part of it; these keep no buffer from
 *            being free
 * @slots: pipe slots that splice and tee filled from the pool
 * @pins: pins of its pages: direct I/O on some kernels, io_uring fixed buffers, RDMA
 * @references: all other references: socket buffers, sent or received and not read,
 *              direct I/O on other kernels, pipes filled from a socket
 * @age_ns: how long the buffer had been owned or in flight when the call began,
 *          nanoseconds
 * @exports: dma-bufs over part of it, made without ZCPOOL_EXPORT_F_UNHELD
 * @views: views over part of it
 * @flags: ZCPOOL_HOLDER_F_*
 * @reserved: 0
 *
 * The counts are read one after the other, while transfers go on.
 */
struct zcpool_holder {
	__u32 index;
	__u32 state;
	__u32 mappings;
	__u32 slots;
	__u32 pins;
	__u32 references;
	__u64 age_ns;
	__u32 exports;
	__u32 views;
	__u32 flags;
	__u32 reserved;
};
#define ZCPOOL_HOLDER_SIZE_VER0 32

/* Bits of zcpool_holders.flags. */
/** Leave out buffers that are free. */
#define ZCPOOL_HOLDERS_F_HELD (1U << 0)

/**
 * struct zcpool_holders - argument of ZCPOOL_IOC_HOLDERS
 * @entries: in: user address of an array of @count entries of @entry_size bytes,
 *           filled with a struct zcpool_holder each
 * @first: in: buffer to begin with, at most the pool's count; out: buffer to go on
 *         with, the pool's count at the end
 * @count: in: entries in the array, 1 or more; out: entries filled
 * @flags: in: ZCPOOL_HOLDERS_F_*
 * @entry_size: in: sizeof(struct zcpool_holder) of the program
 *
 * One call looks at 65,536 buffers at most, so it may fill fewer entries than there
 * are, even none: go on until @first is the pool's count.
 *
 * Errors, beside the common ones:
 *
 * * ERANGE: @first is beyond the pool's count
 * * EINTR: the caller is being killed
 */
struct zcpool_holders {
	__u64 entries;
	__u32 first;
	__u32 count;
	__u32 flags;
	__u32 entry_size;
};
#define ZCPOOL_HOLDERS_SIZE_VER0 24

/* Bits of zcpool_element.flags. */
/** The element is bytes of the program's memory, which are copied. */
#define ZCPOOL_ELEMENT_F_INLINE (1U << 0)

/**
 * struct zcpool_element - a piece of what SEND sends
 * @base: pool offset of a slice; with ZCPOOL_ELEMENT_F_INLINE a user address
 * @length: bytes, 1 or more
 * @flags: ZCPOOL_ELEMENT_F_*
 * @reserved: must be 0
 */
struct zcpool_element {
	__u64 base;
	__u64 length;
	__u32 flags;
	__u32 reserved;
};

/** Most elements of one SEND. */
#define ZCPOOL_SEND_MAX 1024U

/* Bits of zcpool_send.flags. */
/** As MSG_MORE: more will follow, so the last bytes may wait for it. */
#define ZCPOOL_SEND_F_MORE (1U << 0)
/** As MSG_DONTWAIT: fail with EAGAIN instead of waiting, as O_NONBLOCK does. */
#define ZCPOOL_SEND_F_DONTWAIT (1U << 1)
/** As MSG_NOSIGNAL: EPIPE comes without SIGPIPE. */
#define ZCPOOL_SEND_F_NOSIGNAL (1U << 2)
/** Seal what is sent until it is free: see SEAL. */
#define ZCPOOL_SEND_F_SEAL (1U << 3)

/**
 * struct zcpool_send - argument of ZCPOOL_IOC_SEND
 * @elements: in: user address of an array of @count struct zcpool_element
 * @count: in: elements, 1 to ZCPOOL_SEND_MAX
 * @fd: in: descriptor of a connected socket
 * @flags: in: ZCPOOL_SEND_F_*
 * @reserved: in: must be 0
 * @sent: out: bytes that the socket took, from the first element on
 * @copied: out: bytes of slices among them that were copied
 *
 * Sends slices of the pool, by reference, and bytes of the program, by copy, in the
 * order of the array, as one sendmsg() would: to a stream as much as it takes, and
 * then @sent tells how much that was; to any other socket as one message, or not.
 * Buffers whose slices were sent may be put at once: they become free when the
 * socket and its peer have let go of the memory.
 *
 * Nothing is sent of a vector in which something is wrong, but for inline bytes
 * that cannot be read: these end the sending to a stream.
 *
 * With ZCPOOL_SEND_F_SEAL every buffer that a slice touches is sealed before anything is
 * sent, as by SEAL with ZCPOOL_SEAL_F_UNTIL_FREE.  What was sealed before stays as it was,
 * and may be held: so a vector that was not sent as a whole is gone on with by the same
 * flag.  If nothing is sent, what only calls that sent nothing have sealed, and not SEAL, is
 * unsealed again, unless the handle has not owned it all the time, or something holds it, to
 * which UNSEAL applies: of several such calls at the same time the last one unseals it.
 *
 * Slices go by reference to TCP and unix stream sockets, and to UDP, if the message
 * is one packet of up to 17 pieces and the device computes its checksum.  Where the
 * socket cannot do that, they are copied, and @copied says so: over a device that
 * cannot gather, and to all other sockets, TCP with a protocol in between (TLS) among
 * them.
 *
 * io_uring carries the command as well: opcode IORING_OP_URING_CMD, cmd_op
 * ZCPOOL_IOC_SEND, and in the first 8 bytes of cmd the address of the struct, of
 * this size.  The completion's res is @sent or a negative errno: EINTR if it was
 * cancelled while it waited and nothing was sent.
 *
 * Errors, beside the common ones and those of sendmsg(); nothing was sent, @sent
 * is 0:
 *
 * * EBADF: @fd is no open file
 * * ENOTSOCK: @fd is no socket
 * * ERANGE: a slice does not lie within the pool
 * * EMSGSIZE: all elements together have more than 2 GiB, or the inline ones more
 *   than 1 MiB where the vector is one message; or the message is too long
 * * EHWPOISON: the memory of a slice failed
 * * EPERM: the pool is isolated, and a slice is in a buffer that the handle does not own
 * * ENOMEM: not enough kernel memory
 * * EACCES, EPERM, EBUSY: with ZCPOOL_SEND_F_SEAL, as of SEAL
 */
struct zcpool_send {
	__u64 elements;
	__u32 count;
	__s32 fd;
	__u32 flags;
	__u32 reserved;
	__u64 sent;
	__u64 copied;
};
#define ZCPOOL_SEND_SIZE_VER0 40

/* Bits of zcpool_export.flags. */
/** Neither devices nor mappings of the dma-buf may write to the slice. */
#define ZCPOOL_EXPORT_F_READ_ONLY (1U << 0)
/** Exported buffers may be free: who exports keeps devices to buffers that it owns. */
#define ZCPOOL_EXPORT_F_UNHELD (1U << 1)

/**
 * struct zcpool_export - argument of ZCPOOL_IOC_EXPORT
 * @offset: in: pool offset of a slice, a multiple of the page size
 * @length: in: bytes, a multiple of the page size, 1 page or more
 * @flags: in: ZCPOOL_EXPORT_F_*
 * @fd: out: descriptor of the dma-buf, close-on-exec
 *
 * Makes a dma-buf over the slice, for the drivers of devices (V4L2, DRM, RDMA, one's
 * own) to import and do DMA with, and for programs to map; a program that accesses the
 * memory while a device may, does so between DMA_BUF_IOCTL_SYNC begin and end, as with
 * any dma-buf.
 *
 * While the dma-buf lives, by this or another descriptor, an attachment or a mapping,
 * it keeps the buffers that the slice touches from being free (see
 * ZCPOOL_EXPORT_F_UNHELD), and the pool from ending.
 *
 * A device works on the pool's own memory, never on a copy: attaching one that cannot
 * reach all of the slice, because of its address limit where no IOMMU helps, or because
 * the machine bounces all DMA, or that takes no whole pages, fails with EBUSY.
 * zcpool_create.dma_bits makes pools that devices with an address limit reach.  What is
 * mapped for a device is one segment for each part that is contiguous, within the
 * device's limits of size and boundary.
 *
 * A read-only dma-buf is mapped for devices with DMA_TO_DEVICE alone, else EACCES, has
 * no address for drivers that copy (vmap: EINVAL), and is a file open for reading.
 *
 * Errors, beside the common ones:
 *
 * * ENOTTY: the kernel has no dma-bufs
 * * EINVAL: also if @offset or @length is no multiple of the page size
 * * ERANGE: the slice does not lie within the pool
 * * EACCES: the handle is not open for writing, and ZCPOOL_EXPORT_F_READ_ONLY is not
 *   set
 * * EPERM: the pool is isolated, and a buffer is not owned by this handle, or
 *   ZCPOOL_EXPORT_F_UNHELD is set
 * * EHWPOISON: memory of the slice failed
 * * EBUSY: a buffer is sealed, and ZCPOOL_EXPORT_F_READ_ONLY is not set
 * * EMLINK: a buffer has 32,767 exports, or 65,535 of both kinds that can be written to
 * * EMFILE, ENFILE: too many open files
 * * ENOMEM: not enough kernel memory
 */
struct zcpool_export {
	__u64 offset;
	__u64 length;
	__u32 flags;
	__s32 fd;
};
#define ZCPOOL_EXPORT_SIZE_VER0 24

/* Bits of zcpool_share.flags. */
/** What is attached may not write to the pool. */
#define ZCPOOL_SHARE_F_READ_ONLY (1U << 0)

/**
 * struct zcpool_share - argument of ZCPOOL_IOC_SHARE
 * @flags: in: ZCPOOL_SHARE_F_*
 * @fd: out: descriptor of the share, close-on-exec
 *
 * Makes a descriptor that owns no buffer and lets its holder do nothing but ATTACH
 * handles of its own to the pool.  It is passed to other processes, by SCM_RIGHTS or
 * fork, in place of the handle, which would be one owner with them.  It keeps the pool.
 *
 * Errors, beside the common ones:
 *
 * * EACCES: the handle may not write, and ZCPOOL_SHARE_F_READ_ONLY is not set
 * * EMFILE, ENFILE: too many open files
 * * ENOMEM: not enough kernel memory
 */
struct zcpool_share {
	__u32 flags;
	__s32 fd;
};
#define ZCPOOL_SHARE_SIZE_VER0 8

/**
 * struct zcpool_attach - argument of ZCPOOL_IOC_ATTACH
 * @fd: in: descriptor of a share
 * @flags: in: must be 0
 * @queue_max: in: most buffers that may be on their way to this handle; 0: as many as
 *             the pool has
 * @handle: out: this handle's number in the pool, for TRANSFER
 *
 * Binds the calling handle, which has no pool yet, to the share's pool.  It owns no
 * buffer at first; what it comes to own goes back to the pool when it ends, and
 * nothing else does.  By a share that is read-only it maps the pool for reading alone
 * (EACCES, also of mprotect()), and cannot write (EACCES).
 *
 * A pool that is not isolated is one trust domain: every handle reaches every byte.  So
 * its handles are all of one user, its creator.
 *
 * Errors, beside the common ones:
 *
 * * EBUSY: the handle has a pool, or is of a file of the file system
 * * EBADF: @fd is no open file
 * * EINVAL: @fd is no share
 * * EPERM: the caller's effective user is not the pool's creator, and the pool is not
 *   isolated
 * * ENOMEM: not enough kernel memory
 * * EINTR: the caller is being killed
 */
struct zcpool_attach {
	__s32 fd;
	__u32 flags;
	__u32 queue_max;
	__u32 handle;
};
#define ZCPOOL_ATTACH_SIZE_VER0 16

/**
 * struct zcpool_item - a buffer that changes its owner
 * @index: the buffer
 * @reserved: must be 0
 * @tag: any number, which the receiver is told: the bytes in use, for example
 */
struct zcpool_item {
	__u32 index;
	__u32 reserved;
	__u64 tag;
};

/**
 * struct zcpool_transfer - argument of ZCPOOL_IOC_TRANSFER
 * @items: in: user address of an array of @count struct zcpool_item
 * @count: in: items, 1 or more; out: buffers transferred
 * @to: in: number of a handle of the same pool
 * @flags: in: must be 0
 * @reserved: in: must be 0
 *
 * Gives up the ownership of buffers in favour of another handle, which gets them by
 * RECEIVE, in this order.  No memory moves, and the cost does not depend on its size.
 * Transfers under way that hold a buffer's memory go on.  Until it is received a buffer
 * has no owner who could put it; if the receiver ends, it goes back to the pool.
 *
 * The array is taken in order; on an error the buffers before @count (as written back,
 * also then) are transferred and the others are not.
 *
 * Errors, beside the common ones:
 *
 * * EINVAL: also if an item's reserved field is not 0
 * * ESRCH: the pool has no handle @to (any more)
 * * EAGAIN: the receiver's queue is full; the call never waits
 * * ERANGE: an index is not below the pool's count
 * * EPERM: a buffer is not owned by this handle
 * * EBUSY: the pool is isolated, and something still holds the buffer's memory: a send
 *   under way, a pin, an export, a view
 */
struct zcpool_transfer {
	__u64 items;
	__u32 count;
	__u32 to;
	__u32 flags;
	__u32 reserved;
};
#define ZCPOOL_TRANSFER_SIZE_VER0 24

/* Bits of zcpool_receive.flags. */
/** Fail with EAGAIN instead of waiting, as O_NONBLOCK on the handle does. */
#define ZCPOOL_RECEIVE_F_NONBLOCK (1U << 0)

/**
 * struct zcpool_receive - argument of ZCPOOL_IOC_RECEIVE
 * @items: in: user address of an array of @count struct zcpool_item, filled
 * @timeout_ns: in: longest wait, nanoseconds; 0: no limit
 * @count: in: most buffers wanted, 1 or more; out: buffers received
 * @flags: in: ZCPOOL_RECEIVE_F_*
 *
 * Makes the calling handle the owner of buffers that were transferred to it, in the
 * order of their transfers, waiting for the first if there is none.  poll() reports
 * POLLIN when it need not wait.
 *
 * Errors, beside the common ones; @count is not written:
 *
 * * EAGAIN: there is no buffer, and the handle is O_NONBLOCK or
 *   ZCPOOL_RECEIVE_F_NONBLOCK is set
 * * ETIMEDOUT: no buffer came within @timeout_ns
 * * EINTR: a signal came first (restarted under SA_RESTART if @timeout_ns is 0)
 * * EFAULT: @items or the struct cannot be written; the buffers wait as before
 */
struct zcpool_receive {
	__u64 items;
	__u64 timeout_ns;
	__u32 count;
	__u32 flags;
};
#define ZCPOOL_RECEIVE_SIZE_VER0 24

/* Bits of zcpool_view.flags. */
/** The view can be written. */
#define ZCPOOL_VIEW_F_WRITABLE (1U << 0)
/** The view is to have a name in the mount of zcpool_view.mount_fd. */
#define ZCPOOL_VIEW_F_MOUNT (1U << 1)

/**
 * struct zcpool_view - argument of ZCPOOL_IOC_VIEW
 * @offset: in: pool offset of a slice; if it is to be mapped, a multiple of the page size
 * @length: in: bytes, 1 or more
 * @flags: in: ZCPOOL_VIEW_F_*
 * @mode: in: permissions for who opens it anew, through /proc or by name: 0 to 0666
 * @fd: out: descriptor of the view, close-on-exec
 * @mount_fd: in: with ZCPOOL_VIEW_F_MOUNT the descriptor of a directory or file of a
 *            mounted zcpool file system, else 0
 *
 * Makes a regular file of the slice, for programs that take nothing else: its size is
 * the slice's length, its owner the caller, it can be read, sent, spliced, mapped and
 * passed on, and it has no byte but the slice's.  Reading and sending it hand the
 * pool's own pages over, as the handle does.
 *
 * Whole pages of it can be mapped (else EINVAL), privately too: what is written there
 * is the program's own.  A view that is not writable cannot be written by anybody, by no
 * descriptor, mapping or mode.  Its size, mode and owner do not change (EPERM).
 *
 * With ZCPOOL_VIEW_F_MOUNT linkat() gives the view a name in that mount, by
 * /proc/self/fd/@fd and AT_SYMLINK_FOLLOW, or by AT_EMPTY_PATH; it needs the right to
 * write to the directory.  The view then lives, and can be opened, until it is unlinked.
 * It has one name at a time (else EPERM).  Of a pool that the caller may only read, and
 * that neither it nor its file is the caller's, no view gets a name (ENOENT).
 *
 * While the view lives, by any name, descriptor or mapping, it keeps the buffers that the slice
 * touches from being free, and the pool from ending.
 *
 * Errors, beside the common ones:
 *
 * * ERANGE: the slice does not lie within the pool
 * * EACCES: the handle may not write, and ZCPOOL_VIEW_F_WRITABLE is set
 * * EPERM: the pool is isolated, and a buffer is not owned by this handle
 * * EBADF: @mount_fd is no open file
 * * EXDEV: @mount_fd is no file of a zcpool file system
 * * EMLINK: a buffer has 65,535 views
 * * EMFILE, ENFILE: too many open files
 * * ENOMEM: not enough kernel memory
 */
struct zcpool_view {
	__u64 offset;
	__u64 length;
	__u32 flags;
	__u32 mode;
	__s32 fd;
	__s32 mount_fd;
};
#define ZCPOOL_VIEW_SIZE_VER0 32

/* Bits of zcpool_seal.flags. */
/** The seal ends when the buffer is free, not only when it is handed out again. */
#define ZCPOOL_SEAL_F_UNTIL_FREE (1U << 0)

/**
 * struct zcpool_seal - argument of ZCPOOL_IOC_SEAL
 * @indices: in: user address of an array of @count __u32, the buffers to seal
 * @count: in: buffers to seal, 1 or more; out: buffers sealed
 * @flags: in: ZCPOOL_SEAL_F_*
 *
 * Makes buffers that the handle owns immutable, for every process and by every way, so
 * that who is sent one reads what was in it at this moment.  While a buffer is sealed
 *
 * * access by a shared mapping that can be written raises SIGBUS, also access that only
 *   reads (EFAULT where the kernel accesses it)
 * * mprotect() does not make a mapping of it writable (EACCES)
 * * write(), and splice() into the pool, fail (EPERM)
 * * EXPORT without ZCPOOL_EXPORT_F_READ_ONLY fails (EBUSY)
 *
 * and it can be read by mappings for reading alone, private mappings, views and read(),
 * sent and spliced.
 *
 * Whoever might be writing to a buffer now keeps it from being sealed: anything that holds
 * it but mappings, views and exports that are read-only, for of most it cannot be told
 * what they do; a write() under way among them.  A call never waits for them to end.  It
 * may fail for the moment if other threads access the buffer by mappings: it can be tried
 * again.  What fails leaves the buffer as it was.
 *
 * The seal ends by UNSEAL, or when GET hands the buffer out again: neither PUT nor TRANSFER
 * nor the handle's end are the end of it.  With ZCPOOL_SEAL_F_UNTIL_FREE it also ends as
 * soon as the buffer is free, which is noticed by who writes.  A buffer that is sealed may
 * be sealed again, whatever holds it: that adds this flag, and never takes it away.
 *
 * The array is taken in order; on an error the buffers before @count (as written back) are
 * sealed and the others are as they were.
 *
 * Errors, beside the common ones:
 *
 * * EACCES: a buffer is not sealed yet, and the handle may not write
 * * ERANGE: an index is not below the pool's count
 * * EPERM: a buffer is not owned by this handle
 * * EBUSY: a buffer is held, or has an export that is not read-only, also one with
 *   ZCPOOL_EXPORT_F_UNHELD
 * * EINTR: the caller is being killed
 */
struct zcpool_seal {
	__u64 indices;
	__u32 count;
	__u32 flags;
};
#define ZCPOOL_SEAL_SIZE_VER0 16

/**
 * struct zcpool_unseal - argument of ZCPOOL_IOC_UNSEAL
 * @indices: in: user address of an array of @count __u32, the buffers to unseal
 * @count: in: buffers to unseal, 1 or more; out: buffers unsealed
 * @flags: in: must be 0
 *
 * Undoes SEAL for buffers that the handle owns; one that is not sealed is left so.  What
 * was sent does not change while it is under way: a buffer that anything holds but
 * mappings, views and exports is not unsealed, though it can be put at any time.
 *
 * The array is taken in order; on an error the buffers before @count (as written back) are
 * unsealed and the others are as they were.
 *
 * Errors, beside the common ones:
 *
 * * ERANGE: an index is not below the pool's count
 * * EPERM: a buffer is not owned by this handle, or not all the time
 * * EBUSY: a buffer is held; or, for a moment, other threads access it by mappings
 * * EINTR: the caller is being killed
 */
struct zcpool_unseal {
	__u64 indices;
	__u32 count;
	__u32 flags;
};
#define ZCPOOL_UNSEAL_SIZE_VER0 16

#define ZCPOOL_IOC_QUERY _IOWR(ZCPOOL_IOC_TYPE, 0x00, struct zcpool_query)
#define ZCPOOL_IOC_CREATE _IOWR(ZCPOOL_IOC_TYPE, 0x01, struct zcpool_create)
#define ZCPOOL_IOC_GET _IOWR(ZCPOOL_IOC_TYPE, 0x02, struct zcpool_get)
#define ZCPOOL_IOC_PUT _IOWR(ZCPOOL_IOC_TYPE, 0x03, struct zcpool_put)
#define ZCPOOL_IOC_EVENTFD _IOWR(ZCPOOL_IOC_TYPE, 0x04, struct zcpool_eventfd)
#define ZCPOOL_IOC_HOLDERS _IOWR(ZCPOOL_IOC_TYPE, 0x05, struct zcpool_holders)
#define ZCPOOL_IOC_SEND _IOWR(ZCPOOL_IOC_TYPE, 0x06, struct zcpool_send)
#define ZCPOOL_IOC_EXPORT _IOWR(ZCPOOL_IOC_TYPE, 0x07, struct zcpool_export)
#define ZCPOOL_IOC_SHARE _IOWR(ZCPOOL_IOC_TYPE, 0x08, struct zcpool_share)
#define ZCPOOL_IOC_ATTACH _IOWR(ZCPOOL_IOC_TYPE, 0x09, struct zcpool_attach)
#define ZCPOOL_IOC_TRANSFER _IOWR(ZCPOOL_IOC_TYPE, 0x0A, struct zcpool_transfer)
#define ZCPOOL_IOC_RECEIVE _IOWR(ZCPOOL_IOC_TYPE, 0x0B, struct zcpool_receive)
#define ZCPOOL_IOC_VIEW _IOWR(ZCPOOL_IOC_TYPE, 0x0C, struct zcpool_view)
#define ZCPOOL_IOC_SEAL _IOWR(ZCPOOL_IOC_TYPE, 0x0D, struct zcpool_seal)
#define ZCPOOL_IOC_UNSEAL _IOWR(ZCPOOL_IOC_TYPE, 0x0E, struct zcpool_unseal)

/**
 * DOC: The handle as a file
 *
 * open
 *   EINVAL with O_DIRECT, which would turn splices into copies; so has fcntl();
 *   ENOMEM
 * mmap
 *   MAP_SHARED only (EINVAL); the range must lie within the pool (EINVAL); for
 *   reading only after ATTACH by a read-only share (EACCES); SIGBUS for a buffer of an
 *   isolated pool that the handle does not own, and
 *   where the memory failed, which is an uncorrected hardware error: its buffer is
 *   never handed out again; SIGBUS where the buffer is sealed, unless for reading only;
 *   no futexes that processes share
 * poll
 *   POLLOUT: GET would hand out a buffer; POLLIN: RECEIVE would; POLLERR without a
 *   pool, and then nothing more, so that an edge-triggered interest is to be added
 *   after CREATE or ATTACH; POLLERR also when the memory of every buffer is found to
 *   have failed
 * read
 *   copies; 0 at the end of the pool; EIO if the memory failed
 * write
 *   copies; ENOSPC at the end of the pool; EIO if the memory failed; EPERM if it is
 *   sealed; EACCES after ATTACH by a read-only share
 * splice, sendfile
 *   from the handle: hands over references to the pool's memory, in pieces of up
 *   to 64 KiB, never copies; the source is not to be changed, nor reused by any
 *   way but PUT and GET, while the references live; EFAULT if there are too many
 *   of them, EHWPOISON if the memory failed; into the handle: copies once
 * lseek
 *   SEEK_SET, SEEK_CUR, SEEK_END; EINVAL beyond the end of the pool
 * fsync, fdatasync, msync
 *   succeed at once: there is nothing behind the memory
 */

/**
 * DOC: The file system
 *
 * A file that open() creates in a file system of type zcpool is empty.  The first
 * ftruncate() to another size, or fallocate(), makes a pool of it, with the errors of
 * CREATE, or CREATE does, with a geometry of the program's choice.  Each open file of it
 * is a handle of the pool.  As files they differ from other handles in this:
 *
 * size
 *   as ftruncate() said, or all of the pool; reading, writing, splicing and lseek() end
 *   there, mappings with its last page; commands go by the whole pool
 * ftruncate, O_TRUNC
 *   EPERM if the file has a pool and another size; EFBIG also if it would need more
 *   than zcpool_query.max_count buffers, and as CREATE on a file, with SIGXFSZ, beyond
 *   RLIMIT_FSIZE
 * fallocate
 *   without flags (else EOPNOTSUPP) sizes an empty file as ftruncate() does; succeeds
 *   within its size, all of whose memory is there; errors of ftruncate() beyond
 * read, splice
 *   0 while the file is empty
 * poll
 *   always ready, as any regular file, until the first command on the open file, and
 *   then as any handle; POLLRDNORM and POLLWRNORM always, and thereby select()
 * write
 *   ENOSPC also while the file is empty, and with O_APPEND
 * mmap
 *   MAP_PRIVATE without PROT_WRITE is taken, and never writable
 * fsync
 *   succeeds while the file is empty
 * link
 *   EPERM: a file has one name
 *
 * The pool lives until the file is unlinked and nothing else refers to it.
 */

#endif /* _UAPI_LINUX_ZCPOOL_H */
