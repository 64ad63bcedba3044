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
 * @bvec: its pieces, neighbours joined
 * @nr: how many
 * @bytes: inline bytes, copied: a folio, since the socket may take it by reference
 * @slices: bytes of slices
 * @length: bytes in all
 */
struct zcpool_message {
	struct bio_vec *bvec;
	u32 nr;
	struct folio *bytes;
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

static void zcpool_message_add(struct zcpool_message *message, struct folio *folio, size_t offset,
			       size_t length)
{
	struct page *page = folio_page(folio, 0);
	struct bio_vec *last;

	message->length += length;
	if (message->nr) {
		last = &message->bvec[message->nr - 1];
		if (last->bv_page == page && last->bv_offset + last->bv_len == offset) {
			last->bv_len += length;
			return;
		}
	}
	message->bvec[message->nr++] = (struct bio_vec){
		.bv_page = page,
		.bv_offset = offset,
		.bv_len = length,
	};
}

static unsigned int zcpool_message_frags(const struct zcpool_message *message)
{
	unsigned int frags = 0;
	u32 i;

	for (i = 0; i < message->nr; i++)
		frags += PFN_UP(offset_in_page(message->bvec[i].bv_offset) +
				message->bvec[i].bv_len);
	return frags;
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
		zcpool_message_add(message, chunk.folio, chunk.offset, chunk.length);
		done += chunk.length;
	}
	message->slices += done;
	return 0;
}

static int zcpool_message_fill(struct zcpool_message *message, const struct zcpool_sending *sending)
{
	size_t bytes = 0;
	u32 i;

	for (i = 0; i < sending->count; i++) {
		const struct zcpool_element *element = &sending->elements[i];
		int error = 0;

		if (zcpool_element_is_inline(element)) {
			if (copy_from_user(folio_address(message->bytes) + bytes,
					   u64_to_user_ptr(element->base), element->length))
				return -EFAULT;
			zcpool_message_add(message, message->bytes, bytes, element->length);
			bytes += element->length;
		} else {
			error = zcpool_message_add_slice(message, sending->pool, element);
		}
		if (error)
			return error;
	}
	return 0;
}

/*
 * Without MSG_SPLICE_PAGES a socket copies.  With it, most protocols still do, and
 * none says so: only those are given it whose doing is known.
 */
static ssize_t zcpool_message_send(struct zcpool_sending *sending,
				   const struct zcpool_message *message)
{
	const struct sock *sk = sending->socket->sk;
	unsigned int frags = zcpool_message_frags(message);
	int splice = zcpool_udp_splice_flag(sk, frags, sending->flags);
	struct msghdr msg = { .msg_flags = sending->flags | splice };
	ssize_t sent;

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, message->bvec, message->nr, message->length);
	sent = sock_sendmsg(sending->socket, &msg);
	if (sent < 0)
		return sent;
	sending->sent = sent;
	if (!splice || !zcpool_udp_splice_flag(sk, frags, sending->flags))
		sending->copied = min_t(u64, sent, message->slices);
	return 0;
}

/**
 * zcpool_send_message() - send a vector by one sendmsg()
 * @sending: what and where to; sent and copied are filled in
 *
 * As a datagram must be sent, and as any socket understands it.
 *
 * Context: process; sleeps unless sending->flags has MSG_DONTWAIT.
 *
 * Return: 0, also if not all was sent, or an error if nothing was.
 */
ssize_t zcpool_send_message(struct zcpool_sending *sending)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN | __GFP_RETRY_MAYFAIL;
	u64 bytes = zcpool_inline_bytes(sending);
	struct zcpool_message message = {};
	ssize_t error;

	if (bytes > ZCPOOL_SEND_INLINE_MAX)
		return -EMSGSIZE;
	message.bvec = kvmalloc_array(zcpool_message_pieces(sending), sizeof(*message.bvec), gfp);
	if (bytes)
		message.bytes = folio_alloc(gfp, get_order(bytes));
	error = -ENOMEM;
	if (!message.bvec || (bytes && !message.bytes))
		goto out;
	error = zcpool_message_fill(&message, sending);
	if (!error)
		error = zcpool_message_send(sending, &message);
out:
	if (message.bytes)
		folio_put(message.bytes);
	kvfree(message.bvec);
	return error;
}
