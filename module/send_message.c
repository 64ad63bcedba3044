// SPDX-License-Identifier: GPL-2.0-only
/* SEND to a socket that takes the vector as one message, or understands no other way. */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uaccess.h>
#include <linux/udp.h>
#include <linux/uio.h>

#include "send.h"
#include "slice.h"

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

static bool zcpool_is_udp(const struct sock *sk)
{
	return (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_type == SOCK_DGRAM && sk->sk_protocol == IPPROTO_UDP;
}

/* To a datagram that MSG_ZEROCOPY began nothing of another kind can be added. */
static bool zcpool_udp_refers(const struct sock *sk)
{
	return zcpool_is_udp(sk) && !READ_ONCE(udp_sk(sk)->pending);
}

/*
 * UDP refers to the pages if that spares a copy: if the device gathers and computes the
 * checksum, and the datagram goes as one packet (__ip_append_data(),
 * __ip6_append_data()).  More pieces than a packet has room for would be an error.
 */
static ssize_t zcpool_message_send(struct zcpool_sending *sending,
				   const struct zcpool_message *message)
{
	struct zcpool_refer refer;
	ssize_t sent;

	zcpool_refer_init(&refer, sending->flags, message->bvec, message->nr, message->length);
	if (!zcpool_udp_refers(sending->socket->sk) || message->nr > MAX_SKB_FRAGS) {
		/* What is left copies, or does not tell: MSG_SPLICE_PAGES is but a hint. */
		refer.msg.msg_flags = sending->flags;
		refer.msg.msg_ubuf = NULL;
		refer.msg.sg_from_iter = NULL;
	}
	sent = sock_sendmsg(sending->socket, &refer.msg);
	if (sent < 0)
		return sent;
	sending->sent = sent;
	sending->copied = min_t(u64, sent - refer.referred, message->slices);
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
