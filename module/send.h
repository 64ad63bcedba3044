/* SPDX-License-Identifier: GPL-2.0-only */
/* SEND under way: shared by the files that send. */
#ifndef ZCPOOL_SEND_H
#define ZCPOOL_SEND_H

#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/socket.h>

#include "zcpool.h"

/**
 * struct zcpool_sending - a SEND under way
 * @pool: pool of the slices
 * @handle: who sends
 * @socket: where to
 * @elements: copy of the caller's vector, checked
 * @count: its length
 * @flags: MSG_* of the whole
 * @next: element that comes next, for streams
 * @done: bytes of it that are done
 * @sent: bytes that the socket took
 * @copied: bytes of slices that were copied
 * @whole: a stream took all of it
 */
struct zcpool_sending {
	struct zcpool_pool *pool;
	struct zcpool_handle *handle;
	struct socket *socket;
	const struct zcpool_element *elements;
	u32 count;
	int flags;
	u32 next;
	u64 done;
	u64 sent;
	u64 copied;
	bool whole;
};

/**
 * struct zcpool_refer - a message on its way into TCP's or UDP's queue
 * @msg: as sendmsg() takes it
 * @ubuf: makes the protocol ask for pages, and is nothing else.  Whoever has
 *        SKBFL_ZEROCOPY_ENABLE calls back when an skb ends, and has loopback copy the
 *        pages.  Without it, as here, frags are plain references, and the ubuf_info,
 *        which is gone by then, is never looked at.
 * @referred: bytes that the queue refers to
 */
struct zcpool_refer {
	struct msghdr msg;
	struct ubuf_info ubuf;
	u64 referred;
};

static inline bool zcpool_element_is_inline(const struct zcpool_element *element)
{
	return element->flags & ZCPOOL_ELEMENT_F_INLINE;
}

/**
 * struct zcpool_sealing - buffers that a SEND has sealed, or found so
 * @buffers: their indices
 * @few: @buffers if there is room
 * @nr: how many
 */
struct zcpool_sealing {
	u32 *buffers;
	u32 few[8];
	u32 nr;
};

/* send_seal.c */
int zcpool_sealing_begin(struct zcpool_sealing *sealing, const struct zcpool_sending *sending);
void zcpool_sealing_end(struct zcpool_sealing *sealing, const struct zcpool_sending *sending);

/* send_refer.c */
void zcpool_refer_init(struct zcpool_refer *refer, int flags, const struct bio_vec *pieces, u32 nr,
		       u64 length);

/* send_stream.c */
ssize_t zcpool_send_stream(struct zcpool_sending *sending, bool *done);

/* send_message.c */
ssize_t zcpool_send_message(struct zcpool_sending *sending);

#endif /* ZCPOOL_SEND_H */
