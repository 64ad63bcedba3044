// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEND: a vector of slices and inline bytes to a socket, slices by reference.
 *
 * The socket is held for the call alone: what it has queued holds pages, never the
 * pool, so that no cycle of references keeps a dead program's connection open.
 */
#include <linux/bvec.h>
#include <linux/file.h>
#include <linux/net.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "trace.h"
#include "zcpool.h"

/* Elements that need no allocation: a header, a body, a trailer, and one more. */
#define ZCPOOL_SEND_FEW 4
#define ZCPOOL_SEND_FLAGS (ZCPOOL_SEND_F_MORE | ZCPOOL_SEND_F_DONTWAIT | ZCPOOL_SEND_F_NOSIGNAL)
/* Most bytes of a slice that are handed to a unix socket at a time: see splice.c. */
#define ZCPOOL_SEND_PIECE SZ_64K

/**
 * struct zcpool_sending - a SEND under way
 * @pool: pool of the slices
 * @socket: where to
 * @elements: copy of the caller's vector, checked
 * @count: its length
 * @flags: MSG_* of the whole
 * @sent: bytes that the socket took
 * @copied: bytes of slices that were copied
 * @whole: all elements went
 */
struct zcpool_sending {
	struct zcpool_pool *pool;
	struct socket *socket;
	const struct zcpool_element *elements;
	u32 count;
	int flags;
	u64 sent;
	u64 copied;
	bool whole;
};

/* MSG_* for a piece: what follows may be sent together with it. */
static int zcpool_piece_flags(const struct zcpool_sending *sending, bool more)
{
	return more ? sending->flags | MSG_MORE : sending->flags;
}

/*
 * Take note that something was sent.  An error that comes now ends the call, but it is
 * not its result, and so its signal is not raised.
 */
static void zcpool_sending_began(struct zcpool_sending *sending)
{
	sending->flags |= MSG_NOSIGNAL;
}

/* Send the caller's own bytes, which any socket copies. */
static ssize_t zcpool_send_inline(struct zcpool_sending *sending,
				  const struct zcpool_element *element, bool more,
				  int (*send)(struct sock *sk, struct msghdr *msg, size_t size))
{
	struct msghdr msg = { .msg_flags = zcpool_piece_flags(sending, more) };
	struct iovec iov;
	int error;

	error = import_single_range(ITER_SOURCE, u64_to_user_ptr(element->base), element->length,
				    &iov, &msg.msg_iter);
	return error ?: send(sending->socket->sk, &msg, element->length);
}

/*
 * Send a slice piece by piece, as far as it goes.
 *
 * Return: bytes sent, or an error if there are none.
 */
static ssize_t zcpool_send_slice(struct zcpool_sending *sending,
				 const struct zcpool_element *element, bool more, u64 longest,
				 ssize_t (*send)(struct zcpool_sending *sending,
						 const struct zcpool_chunk *chunk, int flags))
{
	u64 done = 0;

	while (done < element->length) {
		u64 left = element->length - done;
		struct zcpool_chunk chunk =
			zcpool_pool_chunk(sending->pool, element->base + done, min(left, longest));
		ssize_t sent = -EHWPOISON;

		if (!zcpool_buffer_failed(sending->pool, &chunk))
			sent = send(sending, &chunk,
				    zcpool_piece_flags(sending, more || chunk.length < left));
		if (sent < 0)
			return done ?: sent;
		zcpool_sending_began(sending);
		done += sent;
		if (sent < chunk.length)
			break;
	}
	return done;
}

#ifdef ZCPOOL_HAVE_SENDPAGE

/*
 * TCP, and nothing between it and the program (kTLS, sockmap): under one lock, so
 * that the vector is as one sendmsg().
 */
static bool zcpool_is_plain_tcp(const struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP &&
	       READ_ONCE(sk->sk_prot)->sendmsg == tcp_sendmsg;
}

/*
 * Whether a slice goes by reference all the way.  A socket that segments by software
 * refers to pages also for a device that cannot gather (sk_setup_caps()), and then
 * skb_segment() copies them.
 */
static bool zcpool_tcp_gathers(struct sock *sk)
{
	const struct dst_entry *dst;
	bool gathers;

	rcu_read_lock();
	dst = __sk_dst_get(sk);
	/* Without it tcp_sendpage_locked() copies. */
	gathers = (sk->sk_route_caps & NETIF_F_SG) &&
		  (!dst || (READ_ONCE(dst->dev)->features & NETIF_F_SG));
	rcu_read_unlock();
	return gathers;
}

static ssize_t zcpool_send_tcp_chunk(struct zcpool_sending *sending,
				     const struct zcpool_chunk *chunk, int flags)
{
	struct sock *sk = sending->socket->sk;
	/* Asked ahead: when the call returns, the peer may have it, or be gone. */
	bool gathers = zcpool_tcp_gathers(sk);
	ssize_t sent;

	/* What is the vector's will surely follow; what the program announces may not. */
	if ((flags & ~sending->flags) & MSG_MORE)
		flags |= MSG_SENDPAGE_NOTLAST;
	sent = tcp_sendpage_locked(sk, folio_page(chunk->folio, 0), chunk->offset, chunk->length,
				   flags);
	if (sent > 0 && !gathers)
		sending->copied += sent;
	return sent;
}

static ssize_t zcpool_send_tcp(struct zcpool_sending *sending, const struct zcpool_element *element,
			       bool more)
{
	if (element->flags & ZCPOOL_ELEMENT_F_INLINE)
		return zcpool_send_inline(sending, element, more, tcp_sendmsg_locked);
	return zcpool_send_slice(sending, element, more, U64_MAX, zcpool_send_tcp_chunk);
}

static bool zcpool_is_unix_stream(const struct sock *sk)
{
	return sk->sk_family == AF_UNIX && sk->sk_type == SOCK_STREAM;
}

/* unix_stream_sendpage() queues the page, or fails. */
static ssize_t zcpool_send_unix_chunk(struct zcpool_sending *sending,
				      const struct zcpool_chunk *chunk, int flags)
{
	return kernel_sendpage(sending->socket, folio_page(chunk->folio, 0), chunk->offset,
			       chunk->length, flags);
}

static int zcpool_sock_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	return sock_sendmsg(sk->sk_socket, msg);
}

static ssize_t zcpool_send_unix(struct zcpool_sending *sending,
				const struct zcpool_element *element, bool more)
{
	if (element->flags & ZCPOOL_ELEMENT_F_INLINE)
		return zcpool_send_inline(sending, element, more, zcpool_sock_sendmsg);
	return zcpool_send_slice(sending, element, more, ZCPOOL_SEND_PIECE, zcpool_send_unix_chunk);
}

/* Send one element after the other, until one does not go as a whole. */
static ssize_t zcpool_send_each(struct zcpool_sending *sending,
				ssize_t (*send)(struct zcpool_sending *sending,
						const struct zcpool_element *element, bool more))
{
	u32 i;

	for (i = 0; i < sending->count; i++) {
		const struct zcpool_element *element = &sending->elements[i];
		ssize_t sent = send(sending, element, i + 1 < sending->count);

		if (sent < 0)
			return sending->sent ? 0 : sent;
		zcpool_sending_began(sending);
		sending->sent += sent;
		if (sent < element->length)
			return 0;
	}
	sending->whole = true;
	return 0;
}

/*
 * Have TCP send what it was given, since what was to follow does not; unless the
 * program itself wants it to wait.
 */
static void zcpool_send_tcp_push(struct zcpool_sending *sending, bool corked)
{
	if (sending->sent && !sending->whole && !corked && !(sending->flags & MSG_MORE))
		tcp_sock_set_cork(sending->socket->sk, false);
}

static ssize_t zcpool_send_by_page(struct zcpool_sending *sending, bool *done)
{
	struct sock *sk = sending->socket->sk;
	bool corked = true;
	ssize_t error = 0;

	*done = true;
	if (zcpool_is_unix_stream(sk))
		return zcpool_send_each(sending, zcpool_send_unix);

	lock_sock(sk);
	/* Under the lock, since a ULP may come at any time. */
	*done = zcpool_is_plain_tcp(sk);
	if (*done) {
		error = zcpool_send_each(sending, zcpool_send_tcp);
		corked = tcp_sk(sk)->nonagle & TCP_NAGLE_CORK;
	}
	release_sock(sk);
	zcpool_send_tcp_push(sending, corked);
	return error;
}

#else

static ssize_t zcpool_send_by_page(struct zcpool_sending *sending, bool *done)
{
	*done = false;
	return 0;
}

#endif

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
		if (sending->elements[i].flags & ZCPOOL_ELEMENT_F_INLINE)
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

		if (element->flags & ZCPOOL_ELEMENT_F_INLINE) {
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

/*
 * Send by one sendmsg(), as a datagram must be, and as any socket understands it.
 * Without MSG_SPLICE_PAGES that copies.
 */
static ssize_t zcpool_send_message(struct zcpool_sending *sending)
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

static ssize_t zcpool_send_vector(struct zcpool_sending *sending)
{
	ssize_t error;
	bool done;

	error = zcpool_send_by_page(sending, &done);
	return done ? error : zcpool_send_message(sending);
}

/* Check a vector as a whole, so that nothing is sent of one that is wrong. */
static int zcpool_elements_check(const struct zcpool_pool *pool,
				 const struct zcpool_element *elements, u32 count)
{
	u64 total = 0;
	u32 i;

	for (i = 0; i < count; i++) {
		const struct zcpool_element *element = &elements[i];

		if ((element->flags & ~ZCPOOL_ELEMENT_F_INLINE) || element->reserved ||
		    !element->length)
			return -EINVAL;
		/* sendmsg() takes no more at once, and counts in an int. */
		if (element->length > MAX_RW_COUNT - total)
			return -EMSGSIZE;
		total += element->length;
		if (element->flags & ZCPOOL_ELEMENT_F_INLINE)
			continue;
		if (element->base > pool->geometry.size ||
		    element->length > pool->geometry.size - element->base)
			return -ERANGE;
	}
	return 0;
}

static int zcpool_msg_flags(u32 flags)
{
	int msg_flags = 0;

	if (flags & ZCPOOL_SEND_F_MORE)
		msg_flags |= MSG_MORE;
	if (flags & ZCPOOL_SEND_F_DONTWAIT)
		msg_flags |= MSG_DONTWAIT;
	if (flags & ZCPOOL_SEND_F_NOSIGNAL)
		msg_flags |= MSG_NOSIGNAL;
	return msg_flags;
}

static ssize_t zcpool_send_elements(struct zcpool_pool *pool, struct file *file,
				    const struct zcpool_element *elements, struct zcpool_send *send)
{
	struct zcpool_sending sending = {
		.pool = pool,
		.socket = sock_from_file(file),
		.elements = elements,
		.count = send->count,
		.flags = zcpool_msg_flags(send->flags),
	};
	ssize_t error;

	if (!sending.socket)
		return -ENOTSOCK;
	if (file->f_flags & O_NONBLOCK)
		sending.flags |= MSG_DONTWAIT;
	error = zcpool_send_vector(&sending);
	send->sent = sending.sent;
	send->copied = sending.copied;
	if (sending.sent)
		trace_zcpool_send(pool, sending.count, sending.sent, sending.copied);
	return error;
}

/**
 * zcpool_send_check() - check what SEND is asked for, but the vector
 * @send: the caller's struct
 *
 * Return: 0 or -EINVAL.
 */
int zcpool_send_check(const struct zcpool_send *send)
{
	if (!send->count || send->count > ZCPOOL_SEND_MAX || send->reserved ||
	    (send->flags & ~ZCPOOL_SEND_FLAGS))
		return -EINVAL;
	return 0;
}

/**
 * zcpool_send() - send a vector of slices and inline bytes to a socket
 * @pool: pool of the slices
 * @send: what is to be sent, its fields but the vector checked; .sent and .copied
 *        are filled in
 *
 * Context: process; sleeps unless told not to.
 *
 * Return: 0, also if not all was sent, or an error if nothing was.
 */
int zcpool_send(struct zcpool_pool *pool, struct zcpool_send *send)
{
	size_t size = array_size(send->count, sizeof(struct zcpool_element));
	struct zcpool_element few[ZCPOOL_SEND_FEW] __uninitialized;
	struct zcpool_element *elements = few;
	struct file *file;
	int error;

	send->sent = 0;
	send->copied = 0;
	if (send->count > ZCPOOL_SEND_FEW) {
		elements = kmalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!elements)
			return -ENOMEM;
	}
	error = -EFAULT;
	if (copy_from_user(elements, u64_to_user_ptr(send->elements), size))
		goto out;
	error = zcpool_elements_check(pool, elements, send->count);
	if (error)
		goto out;

	error = -EBADF;
	file = fget(send->fd);
	if (!file)
		goto out;
	error = zcpool_send_elements(pool, file, elements, send);
	fput(file);
out:
	if (elements != few)
		kfree(elements);
	return error;
}
