/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * libzcpool: a thin wrapper of /dev/zcpool.
 *
 * A call that fails returns a negative errno value and has printed nothing.
 * What the kernel promises, and every errno, is in <linux/zcpool.h>.
 *
 * Threads: every function may be called from any thread at any time, except
 * that zcpool_close() must be the last call on its pool, that a slice or
 * composition must not be used after the reference held by its user has been
 * released, and that a composition is added to while no other thread uses it.
 */
#ifndef ZCPOOL_H
#define ZCPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/zcpool.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The device, opened by zcpool_open(). */
#define ZCPOOL_DEVICE "/dev/zcpool"

/** A handle: an open file of the device, with the mapping of its pool. */
struct zcpool;

/* Handles */

/* Open the device; flags: 0 or O_NONBLOCK, O_CLOEXEC is always set. */
int zcpool_open(int flags, struct zcpool **pool);
/*
 * Open a file of the file system zcpool, flags and mode as open(): O_RDONLY or O_RDWR, with
 * O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK.  An empty one gets its pool by zcpool_create().
 */
int zcpool_open_file(const char *path, int flags, mode_t mode, struct zcpool **pool);
/* Take over a descriptor that came by fork, exec or SCM_RIGHTS. */
int zcpool_adopt(int fd, struct zcpool **pool);
/* Put what this process's magazines hold, unmap, close. */
void zcpool_close(struct zcpool *pool);
/* The descriptor, owned by the handle: poll, splice and sendfile on it. */
int zcpool_fd(const struct zcpool *pool);

/* One ioctl each */

int zcpool_query(struct zcpool *pool, struct zcpool_query *query);
int zcpool_create(struct zcpool *pool, struct zcpool_create *create);
/*
 * Returns how many of the count wanted buffers were handed out, at least 1.
 * timeout_ns: < 0 waits without limit, 0 does not wait.
 */
int zcpool_get_batch(struct zcpool *pool, uint32_t *indices, uint32_t count, int64_t timeout_ns);
/* Returns 0, or the error of the first buffer not put; *put: buffers put. */
int zcpool_put_batch(struct zcpool *pool, const uint32_t *indices, uint32_t count, uint32_t *put);

/* Have an eventfd told of free buffers; fd -1: none any more. */
int zcpool_eventfd(struct zcpool *pool, int fd);
/*
 * Who holds the buffers from *first on, flags as ZCPOOL_HOLDERS_F_*: returns how
 * many entries were filled, and *first to go on with, zcpool_count() at the end.
 */
int zcpool_holders(struct zcpool *pool, struct zcpool_holder *holders, uint32_t count,
		   uint32_t flags, uint32_t *first);

/* Buffers one by one, through the calling thread's magazine */

/* timeout_ns as above.  Returns 0 and the index. */
int zcpool_get(struct zcpool *pool, uint32_t *index, int64_t timeout_ns);
/* An error may be that of a buffer which this thread put earlier. */
int zcpool_put(struct zcpool *pool, uint32_t index);
/* Give all that this process's magazines hold back to the kernel. */
int zcpool_flush(struct zcpool *pool);

/* Geometry; constant once the pool is there, 0 before */

uint32_t zcpool_count(const struct zcpool *pool);
uint64_t zcpool_stride(const struct zcpool *pool);
uint64_t zcpool_size(const struct zcpool *pool);
/* Offset of a buffer in the pool's byte space: index * stride. */
uint64_t zcpool_offset(const struct zcpool *pool, uint32_t index);

/* Memory */

/*
 * Map the whole pool, once: later calls return the same address.  prot as for
 * mmap().  The mapping lives until zcpool_close().
 */
int zcpool_map(struct zcpool *pool, int prot, void **addr);
/* Address of a buffer in that mapping, NULL before zcpool_map(). */
void *zcpool_addr(const struct zcpool *pool, uint32_t index);

/* Sending */

/* What of a vector was sent, bytes, and how many of its slices' bytes by copy. */
struct zcpool_sent {
	uint64_t bytes;
	uint64_t copied;
};

/* A slice, by pool offset, as an element to send. */
static inline struct zcpool_element zcpool_element_slice(uint64_t offset, uint64_t length)
{
	struct zcpool_element element = { offset, length, 0, 0 };

	return element;
}

/* Bytes of the program as an element to send. */
static inline struct zcpool_element zcpool_element_bytes(const void *bytes, uint64_t length)
{
	struct zcpool_element element = { (uintptr_t)bytes, length, ZCPOOL_ELEMENT_F_INLINE, 0 };

	return element;
}

/*
 * Send elements to a socket in one call; flags as ZCPOOL_SEND_F_*.  Returns 0, also
 * if a stream took but part of them, or an error if nothing was sent; sent may be
 * NULL.
 */
int zcpool_send(struct zcpool *pool, int socket, const struct zcpool_element *elements,
		uint32_t count, uint32_t flags, struct zcpool_sent *sent);

/*
 * Make owned buffers immutable, so that who is sent one reads what is in it now; flags as
 * ZCPOOL_SEAL_F_*.  A buffer that anything holds but mappings, views and read-only exports
 * is -EBUSY.  Returns 0, or the error of the first buffer not sealed; *done: those that
 * were.
 */
int zcpool_seal(struct zcpool *pool, const uint32_t *indices, uint32_t count, uint32_t flags,
		uint32_t *done);
/* Undo that, once nothing holds the buffers that they could have been sent to. */
int zcpool_unseal(struct zcpool *pool, const uint32_t *indices, uint32_t count, uint32_t *done);

/*
 * A dma-buf over a slice, for drivers to import; offset and length are multiples of the
 * page size, flags as ZCPOOL_EXPORT_F_*.  Returns a descriptor, to be closed, or an
 * error.
 */
int zcpool_export(struct zcpool *pool, uint64_t offset, uint64_t length, uint32_t flags);

/*
 * A regular file with the bytes of a slice; flags as ZCPOOL_VIEW_F_*, mode 0 to 0666.
 * Returns a descriptor, to be closed, or an error.
 */
int zcpool_view(struct zcpool *pool, uint64_t offset, uint64_t length, uint32_t flags, mode_t mode);

/* Sharing between processes */

/*
 * A descriptor to pass to other processes, by fork or SCM_RIGHTS, good for
 * zcpool_attach() alone; flags as ZCPOOL_SHARE_F_*.  Returns it, to be closed, or an
 * error.
 */
int zcpool_share(struct zcpool *pool, uint32_t flags);
/*
 * Open the device, open_flags as zcpool_open(), with a handle of its own to the pool of
 * a share, which stays the caller's.  queue_max: most buffers on their way to it, 0 for
 * as many as the pool has.
 */
int zcpool_attach(int share_fd, int open_flags, uint32_t queue_max, struct zcpool **pool);
/* The handle's number in its pool, which others transfer to; 0 without a pool. */
uint32_t zcpool_handle_number(const struct zcpool *pool);
/*
 * Hand buffers over to the handle of a number, each with a tag.  Returns 0, or the error
 * of the first buffer not handed over; *done: those that were.
 */
int zcpool_transfer(struct zcpool *pool, uint32_t to, const struct zcpool_item *items,
		    uint32_t count, uint32_t *done);
/* Returns how many of the count wanted buffers were received; timeout_ns as above. */
int zcpool_receive(struct zcpool *pool, struct zcpool_item *items, uint32_t count,
		   int64_t timeout_ns);

/* Slices: reference-counted parts of one owned buffer */

struct zcpool_slice;

/* The first slice of a buffer takes over its ownership from the caller. */
int zcpool_slice_create(struct zcpool *pool, uint32_t index, uint64_t offset, uint64_t length,
			struct zcpool_slice **slice);
/* A part of a slice, with a reference of its own to the buffer. */
int zcpool_slice_sub(struct zcpool_slice *slice, uint64_t offset, uint64_t length,
		     struct zcpool_slice **sub);
void zcpool_slice_retain(struct zcpool_slice *slice);
/* The last reference to a buffer's last slice puts the buffer. */
int zcpool_slice_release(struct zcpool_slice *slice);
void *zcpool_slice_addr(const struct zcpool_slice *slice);
uint64_t zcpool_slice_length(const struct zcpool_slice *slice);
/* Offset in the pool's byte space, as sendfile() and splice() take it. */
uint64_t zcpool_slice_offset(const struct zcpool_slice *slice);
/*
 * sendfile() of the slice to out_fd from byte *done of it on, advancing *done.
 * Returns 0 when all went, else a negative errno with *done telling how far.
 */
int zcpool_slice_sendfile(struct zcpool_slice *slice, int out_fd, uint64_t *done);

/*
 * Compositions: reference-counted sequences of slices and bytes, sent as one
 * message.  Adding fails with all as it was, or succeeds; what was added does not
 * change.
 */

struct zcpool_composition;

/* An empty one, of slices of this handle. */
int zcpool_compose(struct zcpool *pool, struct zcpool_composition **composition);
/* Append a slice, taking a reference to it: the caller's stays the caller's. */
int zcpool_composition_add_slice(struct zcpool_composition *composition,
				 struct zcpool_slice *slice);
/* Append a copy of bytes. */
int zcpool_composition_add_bytes(struct zcpool_composition *composition, const void *bytes,
				 uint64_t length);
/* Append what is in another composition now, or in this one, sharing the parts. */
int zcpool_composition_add(struct zcpool_composition *composition,
			   struct zcpool_composition *other);
/* Part of a composition as a new one, sharing the parts. */
int zcpool_composition_sub(struct zcpool_composition *composition, uint64_t offset, uint64_t length,
			   struct zcpool_composition **sub);
void zcpool_composition_retain(struct zcpool_composition *composition);
/* The last reference releases all slices; the first error of a put. */
int zcpool_composition_release(struct zcpool_composition *composition);
uint64_t zcpool_composition_length(const struct zcpool_composition *composition);
/*
 * Fill elements for SEND from byte offset of the composition on, and return how many.
 * They are good while the composition has a reference.
 */
uint32_t zcpool_composition_elements(const struct zcpool_composition *composition, uint64_t offset,
				     struct zcpool_element *elements, uint32_t count);
/*
 * zcpool_send() of the composition from byte *done of it on, advancing *done, by as
 * many calls as it takes; copied, which may be NULL: what of it was copied.  Returns
 * 0 when all went, else a negative errno with *done telling how far; -EMSGSIZE if it
 * takes several calls and the socket is no stream.
 */
int zcpool_send_composition(struct zcpool_composition *composition, int socket, uint64_t *done,
			    uint32_t flags, uint64_t *copied);

#ifdef __cplusplus
}
#endif

#endif /* ZCPOOL_H */
