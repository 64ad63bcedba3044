// SPDX-License-Identifier: GPL-2.0-only
/* SEND to a socket that takes the vector as one message, or understands no other way. */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "send.h"

/**
 * struct zcpool_message - a vector as one message
 * @bvec: its pieces
 * @nr: how many
 * @bytes: inline bytes, copied
 * @slices: bytes of slices
 * @length: bytes in all
 */
struct zcpool_message {
	struct bio_vec *bvec;
	u32 nr;
	void *bytes;
	u64 slices;
	u64 length;
};

static u64 zcpool_inline_bytes(const struct zcpool_sending *sending)
{
	u64 bytes = 0;
	u32 i;

	for (i = 0; i < sending->count; i++)
		if (zcpool_element_is_inline(&sending->elements[i]))
			bytes += sending->elements[i].length;
	return bytes;
}

/* An upper bound: a slice may begin and end within a folio. */
static u64 zcpool_message_pieces(const struct zcpool_sending *sending)
{
	unsigned int shift = PAGE_SHIFT + sending->pool->memory.order;
	u64 pieces = 0;
	u32 i;

	for (i = 0; i < sending->count; i++)
		pieces += (sending->elements[i].length >> shift) + 2;
	return pieces;
}

static void zcpool_message_add(struct zcpool_message *message, struct page *page, size_t offset,
			       size_t length)
{
	message->bvec[message->nr++] = (struct bio_vec){
		.bv_page = page,
		.bv_offset = offset,
		.bv_len = length,
	};
	message->length += length;
}

static int zcpool_message_add_slice(struct zcpool_message *message, struct zcpool_pool *pool,
				    const struct zcpool_element *element)
{
	u64 done = 0;

	while (done < element->length) {
		struct zcpool_chunk chunk =
			zcpool_pool_chunk(pool, element->base + done, element->length - done);

		if (zcpool_buffer_failed(pool, &chunk))
			return -EHWPOISON;
		zcpool_message_add(message, folio_page(chunk.folio, 0), chunk.offset, chunk.length);
		done += chunk.length;
	}
	message->slices += done;
	return 0;
}

static int zcpool_message_fill(struct zcpool_message *message, const struct zcpool_sending *sending)
{
	void *bytes = message->bytes;
	u32 i;

	for (i = 0; i < sending->count; i++) {
		const struct zcpool_element *element = &sending->elements[i];
		int error = 0;

		if (zcpool_element_is_inline(element)) {
			if (copy_from_user(bytes, u64_to_user_ptr(element->base), element->length))
				return -EFAULT;
			zcpool_message_add(message, virt_to_page(bytes), offset_in_page(bytes),
					   element->length);
			bytes += element->length;
		} else {
			error = zcpool_message_add_slice(message, sending->pool, element);
		}
		if (error)
			return error;
	}
	return 0;
}

/**
 * zcpool_send_message() - send a vector by one sendmsg()
 * @sending: what and where to; sent and copied are filled in
 *
 * As a datagram must be sent, and as any socket understands it.  Without
 * MSG_SPLICE_PAGES that copies.
 *
 * Context: process; sleeps unless sending->flags has MSG_DONTWAIT.
 *
 * Return: 0, also if not all was sent, or an error if nothing was.
 */
ssize_t zcpool_send_message(struct zcpool_sending *sending)
{
	struct msghdr msg = { .msg_flags = sending->flags | ZCPOOL_MSG_SPLICE };
	u64 bytes = zcpool_inline_bytes(sending);
	struct zcpool_message message = {};
	ssize_t sent;

	if (bytes > ZCPOOL_SEND_INLINE_MAX)
		return -EMSGSIZE;
	message.bvec = kvmalloc_array(zcpool_message_pieces(sending), sizeof(*message.bvec),
				      GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL);
	message.bytes =
		bytes ? kmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL) :
			NULL;
	sent = -ENOMEM;
	if (!message.bvec || (bytes && !message.bytes))
		goto out;
	sent = zcpool_message_fill(&message, sending);
	if (sent)
		goto out;

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, message.bvec, message.nr, message.length);
	sent = sock_sendmsg(sending->socket, &msg);
	if (sent >= 0) {
		sending->sent = sent;
		if (!ZCPOOL_MSG_SPLICE)
			sending->copied = min_t(u64, sent, message.slices);
		sent = 0;
	}
out:
	kfree(message.bytes);
	kvfree(message.bvec);
	return sent;
}
