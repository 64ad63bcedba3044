/* SPDX-License-Identifier: GPL-2.0-only */
/* SEND under way: shared by the files that send. */
#ifndef ZCPOOL_SEND_H
#define ZCPOOL_SEND_H

#include <linux/net.h>

#include "zcpool.h"

/**
 * struct zcpool_sending - a SEND under way
 * @pool: pool of the slices
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

static inline bool zcpool_element_is_inline(const struct zcpool_element *element)
{
	return element->flags & ZCPOOL_ELEMENT_F_INLINE;
}

/* send_stream.c */
ssize_t zcpool_send_stream(struct zcpool_sending *sending, bool *done);

/* send_message.c */
ssize_t zcpool_send_message(struct zcpool_sending *sending);

#endif /* ZCPOOL_SEND_H */
