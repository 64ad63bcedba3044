/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR MIT */
/**
 * DOC: Model of the edu device
 *
 * Transfers between the memory of QEMU's edu device and dma-bufs, as those of
 * zcpool's EXPORT.
 *
 * An open file of /dev/zcpool-edu0 has *memories*, dma-bufs that it imported, each
 * by a number, and *requests*.  SUBMIT queues a request to move bytes between the
 * device and a memory; the device works off the requests of all files in the order
 * in which they were submitted, by DMA, one at a time; and COMPLETE tells what became
 * of each request of this file, in the order in which they ended.  From SUBMIT on,
 * until its completion can be taken, a request has its memory mapped for DMA: it is
 * the device's, and is not to be changed, nor looked at if the device writes it.
 *
 * The device has one memory, of zcpool_edu_query.memory_size bytes, and whoever
 * opens the device reaches all of it, and finds what others left there.  A request
 * may be longer: behind the last byte it goes on at byte 0.
 *
 * The commands have the struct conventions of <linux/zcpool.h>: each carries its
 * struct's size, zero in a new field is what was before the field, and a tail that
 * the kernel does not know must be zero.
 */

/**
 * DOC: Common errors of the edu device
 *
 * Of every command:
 *
 * * ENOTTY: the command is unknown
 * * EFAULT: the struct, or memory it points to, cannot be read or written
 * * EINVAL: the struct is shorter than its first version, a flag is unknown, or
 *   a value is out of its documented range
 * * E2BIG: the struct is longer than the kernel's and its tail is not zero
 * * ENODEV: the device was unbound from its driver: nothing works on this file any
 *   more, but COMPLETE until the last completion is taken
 *
 * And of SUBMIT and COMPLETE:
 *
 * * EIO: the device did not end a transfer in time, and was stopped: requests fail
 *   until it is bound to its driver anew
 */
#ifndef _UAPI_LINUX_ZCPOOL_EDU_H
#define _UAPI_LINUX_ZCPOOL_EDU_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Type byte of the commands: zcpool's, of which these take the numbers from 0x80. */
#define ZCPOOL_EDU_IOC_TYPE 0xBC

/* Version of this interface, as QUERY reports it: grows with every addition. */
#define ZCPOOL_EDU_ABI_VERSION 1

/**
 * struct zcpool_edu_query - argument of ZCPOOL_EDU_IOC_QUERY
 * @abi_version: out: ZCPOOL_EDU_ABI_VERSION of the running module
 * @flags: in: must be 0
 * @memory_size: out: bytes of the device's memory
 * @dma_bits: out: the device reaches addresses below 2^dma_bits, and imports only
 *            memory that it reaches (module parameter dma_bits)
 * @max_length: out: longest request, bytes
 * @queue_limit: out: most requests of a file that are queued or under way; SUBMIT fails
 *               while as many completions wait for COMPLETE
 * @max_imports: out: most memories of a file
 * @imports: out: memories that this file has
 * @queued: out: requests of this file that are queued or under way
 * @completed: out: completions of this file that wait for COMPLETE
 * @timeout_ms: out: longest time of one transfer, milliseconds (module parameter
 *              timeout_ms)
 *
 * Errors: the common ones.
 */
struct zcpool_edu_query {
	__u32 abi_version;
	__u32 flags;
	__u32 memory_size;
	__u32 dma_bits;
	__u64 max_length;
	__u32 queue_limit;
	__u32 max_imports;
	__u32 imports;
	__u32 queued;
	__u32 completed;
	__u32 timeout_ms;
};
#define ZCPOOL_EDU_QUERY_SIZE_VER0 48

/**
 * struct zcpool_edu_import - argument of ZCPOOL_EDU_IOC_IMPORT
 * @fd: in: descriptor of a dma-buf, as zcpool's EXPORT returns it; may be closed
 *      afterwards
 * @flags: in: must be 0
 * @size: out: bytes of the dma-buf
 * @memory: out: number of the memory on this file, for SUBMIT and RELEASE
 * @reserved: in: must be 0
 *
 * The memory is held until RELEASE, the end of the file, or the unbinding of the
 * device.
 *
 * Errors, beside the common ones and those of the exporter:
 *
 * * EBADF: @fd is no open file
 * * EINVAL: @fd is no dma-buf
 * * EBUSY: of zcpool: the device cannot reach the memory (see
 *   zcpool_edu_query.dma_bits and zcpool_create.dma_bits)
 * * EMFILE: the file has zcpool_edu_query.max_imports memories
 * * ENOMEM: not enough kernel memory
 */
struct zcpool_edu_import {
	__s32 fd;
	__u32 flags;
	__u64 size;
	__u32 memory;
	__u32 reserved;
};
#define ZCPOOL_EDU_IMPORT_SIZE_VER0 24

/**
 * struct zcpool_edu_release - argument of ZCPOOL_EDU_IOC_RELEASE
 * @memory: in: number of a memory, from IMPORT
 * @flags: in: must be 0
 *
 * The number is free at once; the memory itself is held until the last request on it
 * has ended, and a moment longer.
 *
 * Errors, beside the common ones:
 *
 * * ENOENT: there is no such memory on this file
 */
struct zcpool_edu_release {
	__u32 memory;
	__u32 flags;
};
#define ZCPOOL_EDU_RELEASE_SIZE_VER0 8

/* Bits of zcpool_edu_submit.flags. */
/** From the device into the memory, instead of from the memory into the device. */
#define ZCPOOL_EDU_SUBMIT_F_FROM_DEVICE (1U << 0)
/** Fail with EAGAIN instead of waiting for room, as O_NONBLOCK on the file does. */
#define ZCPOOL_EDU_SUBMIT_F_NONBLOCK (1U << 1)

/**
 * struct zcpool_edu_submit - argument of ZCPOOL_EDU_IOC_SUBMIT
 * @cookie: in: any number, by which the completion tells which request it is of
 * @offset: in: first byte in the memory
 * @length: in: bytes, 1 to zcpool_edu_query.max_length
 * @position: in: first byte in the device's memory, below
 *            zcpool_edu_query.memory_size
 * @memory: in: number of a memory, from IMPORT
 * @flags: in: ZCPOOL_EDU_SUBMIT_F_*
 * @reserved: in: must be 0
 *
 * Offset, length and position need no alignment.  Waits for room in the queue if
 * there is none; for the transfer it does not wait.
 *
 * Errors, beside the common ones and those of the exporter; nothing is queued:
 *
 * * ENOENT: there is no such memory on this file
 * * ERANGE: @offset and @length leave the memory, or @position leaves the device's
 * * EMSGSIZE: @length is beyond zcpool_edu_query.max_length
 * * EACCES: of zcpool: the device would write a read-only export
 * * EAGAIN: no room in the queue, and the file is O_NONBLOCK or
 *   ZCPOOL_EDU_SUBMIT_F_NONBLOCK is set
 * * EBUSY: zcpool_edu_query.queue_limit completions wait: COMPLETE first
 * * EINTR: a signal came first (restarted under SA_RESTART)
 * * EIO: also: the exporter has mapped less than the dma-buf's size, or addresses out
 *   of the device's reach
 * * ENOMEM: not enough kernel memory, or the IOMMU has not enough addresses within the
 *   device's limit for the whole dma-buf
 */
struct zcpool_edu_submit {
	__u64 cookie;
	__u64 offset;
	__u64 length;
	__u32 position;
	__u32 memory;
	__u32 flags;
	__u32 reserved;
};
#define ZCPOOL_EDU_SUBMIT_SIZE_VER0 40

/**
 * struct zcpool_edu_completion - what became of a request
 * @cookie: zcpool_edu_submit.cookie
 * @done: bytes that were moved, the first of the request
 * @result: 0 if that were all, or a negative errno: ECANCELED, ENODEV (the device was
 *          unbound), or EIO (the device was stopped, and then what the transfer under
 *          way has moved is unknown, and not in @done)
 * @reserved: 0
 */
struct zcpool_edu_completion {
	__u64 cookie;
	__u64 done;
	__s32 result;
	__u32 reserved;
};
#define ZCPOOL_EDU_COMPLETION_SIZE_VER0 24

/* Bits of zcpool_edu_complete.flags. */
/** Fail with EAGAIN instead of waiting, as O_NONBLOCK on the file does. */
#define ZCPOOL_EDU_COMPLETE_F_NONBLOCK (1U << 0)

/**
 * struct zcpool_edu_complete - argument of ZCPOOL_EDU_IOC_COMPLETE
 * @completions: in: user address of an array of @count entries of @entry_size bytes,
 *               filled with a struct zcpool_edu_completion each
 * @timeout_ns: in: longest wait, nanoseconds; 0: no limit
 * @count: in: entries in the array, 1 or more; out: entries filled
 * @flags: in: ZCPOOL_EDU_COMPLETE_F_*
 * @entry_size: in: sizeof(struct zcpool_edu_completion) of the program
 * @reserved: in: must be 0
 *
 * Takes completions of this file, waiting for the first if there is none.
 *
 * Errors, beside the common ones; no completion is taken:
 *
 * * EAGAIN: there is none, and the file is O_NONBLOCK or
 *   ZCPOOL_EDU_COMPLETE_F_NONBLOCK is set
 * * ETIMEDOUT: there was none within @timeout_ns
 * * EINTR: a signal came first (restarted under SA_RESTART if @timeout_ns is 0)
 * * ENODEV, EIO: there is none and none will come, see the common errors
 */
struct zcpool_edu_complete {
	__u64 completions;
	__u64 timeout_ns;
	__u32 count;
	__u32 flags;
	__u32 entry_size;
	__u32 reserved;
};
#define ZCPOOL_EDU_COMPLETE_SIZE_VER0 32

/* Bits of zcpool_edu_cancel.flags. */
/** All requests of this file, whatever their cookie. */
#define ZCPOOL_EDU_CANCEL_F_ALL (1U << 0)

/**
 * struct zcpool_edu_cancel - argument of ZCPOOL_EDU_IOC_CANCEL
 * @cookie: in: of the requests to cancel; 0 with ZCPOOL_EDU_CANCEL_F_ALL
 * @flags: in: ZCPOOL_EDU_CANCEL_F_*
 * @count: out: how many requests that are
 *
 * Each still has its completion.  Queued requests complete at once, with ECANCELED.
 * The hardware cannot stop a transfer: the request under way ends when that is over,
 * with ECANCELED, or with 0 if it was the last of the request.
 *
 * Errors, beside the common ones:
 *
 * * ENOENT: no such request is queued or under way
 */
struct zcpool_edu_cancel {
	__u64 cookie;
	__u32 flags;
	__u32 count;
};
#define ZCPOOL_EDU_CANCEL_SIZE_VER0 16

#define ZCPOOL_EDU_IOC_QUERY _IOWR(ZCPOOL_EDU_IOC_TYPE, 0x80, struct zcpool_edu_query)
#define ZCPOOL_EDU_IOC_IMPORT _IOWR(ZCPOOL_EDU_IOC_TYPE, 0x81, struct zcpool_edu_import)
#define ZCPOOL_EDU_IOC_RELEASE _IOWR(ZCPOOL_EDU_IOC_TYPE, 0x82, struct zcpool_edu_release)
#define ZCPOOL_EDU_IOC_SUBMIT _IOWR(ZCPOOL_EDU_IOC_TYPE, 0x83, struct zcpool_edu_submit)
#define ZCPOOL_EDU_IOC_COMPLETE _IOWR(ZCPOOL_EDU_IOC_TYPE, 0x84, struct zcpool_edu_complete)
#define ZCPOOL_EDU_IOC_CANCEL _IOWR(ZCPOOL_EDU_IOC_TYPE, 0x85, struct zcpool_edu_cancel)

/**
 * DOC: The file of the edu device
 *
 * open
 *   ENOMEM
 * poll
 *   POLLIN: there are completions; POLLOUT: SUBMIT would neither wait nor fail for want
 *   of room; POLLERR: the device was stopped; POLLERR and POLLHUP: it was unbound
 * close
 *   cancels all requests of the file and waits until the transfer under way is over,
 *   or the device is stopped; the memories are released
 */

#endif /* _UAPI_LINUX_ZCPOOL_EDU_H */
