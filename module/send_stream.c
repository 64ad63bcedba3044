// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEND to a stream: runs of slices by reference, and inline bytes between them.
 */
#include <linux/bvec.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "send.h"
#include "slice.h"

/* Pieces of memory that go to the socket at once: two skbs' worth. */
#define ZCPOOL_RUN_MAX 32

/**
 * struct zcpool_run - slices that follow each other in a vector
 * @pieces: their memory
 * @nr: how many pieces
 * @length: bytes in all
 */
struct zcpool_run {
	struct bio_vec pieces[ZCPOOL_RUN_MAX];
	u32 nr;
	u64 length;
};

/**
 * struct zcpool_route - how a kind of socket takes the elements of a vector
 * @bytes: send a message of the caller's own bytes, which any socket copies
 * @run: send a run of slices and count in sending->copied what was copied
 */
struct zcpool_route {
	int (*bytes)(struct sock *sk, struct msghdr *msg, size_t size);
	ssize_t (*run)(struct zcpool_sending *sending, struct zcpool_run *run, int flags);
};

/*
 * Slices that follow each other are one by now, see zcpool_elements_check().  Returns false if
 * there is no room.
 */
static bool zcpool_run_add(struct zcpool_run *run, const struct zcpool_chunk *chunk)
{
	if (run->nr == ZCPOOL_RUN_MAX)
		return false;
	run->pieces[run->nr++] = (struct bio_vec){
		.bv_page = folio_page(chunk->folio, 0),
		.bv_offset = chunk->offset,
		.bv_len = chunk->length,
	};
	run->length += chunk->length;
	return true;
}

/*
 * Take slices of the vector into a run, up to inline bytes or as many as fit.
 *
 * Return: 0, or -EHWPOISON if there is none before memory that failed.
 */
static int zcpool_run_fill(struct zcpool_run *run, struct zcpool_sending *sending)
{
	run->nr = 0;
	run->length = 0;
	while (sending->next < sending->count) {
		const struct zcpool_element *element = &sending->elements[sending->next];
		struct zcpool_chunk chunk;

		if (zcpool_element_is_inline(element))
			break;
		chunk = zcpool_pool_chunk(sending->pool, element->base + sending->done,
					  element->length - sending->done);
		if (zcpool_buffer_failed(sending->pool, &chunk))
			return run->nr ? 0 : -EHWPOISON;
		if (!zcpool_run_add(run, &chunk))
			break;
		sending->done += chunk.length;
		if (sending->done == element->length) {
			sending->next++;
			sending->done = 0;
		}
	}
	return 0;
}

/* MSG_* for a part of the vector: what follows may be sent together with it. */
static int zcpool_part_flags(const struct zcpool_sending *sending)
{
	return sending->next < sending->count ? sending->flags | MSG_MORE : sending->flags;
}

static ssize_t zcpool_send_run(struct zcpool_sending *sending, const struct zcpool_route *route,
			       u64 *wanted)
{
	struct zcpool_run run __uninitialized;
	int error = zcpool_run_fill(&run, sending);

	*wanted = run.length;
	return error ?: route->run(sending, &run, zcpool_part_flags(sending));
}

static ssize_t zcpool_send_bytes(struct zcpool_sending *sending, const struct zcpool_route *route,
				 u64 *wanted)
{
	const struct zcpool_element *element = &sending->elements[sending->next++];
	struct msghdr msg = { .msg_flags = zcpool_part_flags(sending) };
	void __user *bytes = u64_to_user_ptr(element->base);

	*wanted = element->length;
	if (!access_ok(bytes, element->length))
		return -EFAULT;
	iov_iter_ubuf(&msg.msg_iter, ITER_SOURCE, bytes, element->length);
	return route->bytes(sending->socket->sk, &msg, element->length);
}

/* Until when a socket may wait, in jiffies: the parts share one limit. */
static unsigned long zcpool_send_end(const struct sock *sk)
{
	return jiffies + min(READ_ONCE(sk->sk_sndtimeo), MAX_JIFFY_OFFSET);
}

/*
 * Send one part of the vector after the other, until one does not go as a whole.
 *
 * Return: 0 or an error; sending->sent tells whether that ended what had begun.
 */
static ssize_t zcpool_send_parts(struct zcpool_sending *sending, const struct zcpool_route *route)
{
	unsigned long end = zcpool_send_end(sending->socket->sk);

	while (sending->next < sending->count) {
		ssize_t sent;
		u64 wanted;

		if (sending->sent && time_after(jiffies, end))
			sending->flags |= MSG_DONTWAIT;
		if (zcpool_element_is_inline(&sending->elements[sending->next]))
			sent = zcpool_send_bytes(sending, route, &wanted);
		else
			sent = zcpool_send_run(sending, route, &wanted);
		if (sent < 0)
			return sent;
		/* An error from here on ends the call, but is not its result. */
		sending->flags |= MSG_NOSIGNAL;
		sending->sent += sent;
		if (sent < wanted)
			return 0;
	}
	sending->whole = true;
	return 0;
}

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
 * Whether references go all the way.  A socket that segments by software refers to
 * pages also for a device that cannot gather (sk_setup_caps()), and then
 * skb_segment() copies them.
 */
static bool zcpool_tcp_gathers(struct sock *sk)
{
	const struct dst_entry *dst;
	bool gathers;

	rcu_read_lock();
	dst = __sk_dst_get(sk);
	gathers = !dst || (READ_ONCE(dst->dev)->features & NETIF_F_SG);
	rcu_read_unlock();
	return gathers;
}

static ssize_t zcpool_send_tcp_run(struct zcpool_sending *sending, struct zcpool_run *run,
				   int flags)
{
	struct zcpool_refer refer;
	/* Asked ahead: when the call returns, the peer may be gone, and the route. */
	bool gathers = zcpool_tcp_gathers(sending->socket->sk);
	ssize_t sent;

	zcpool_refer_init(&refer, flags, run->pieces, run->nr, run->length);
	sent = tcp_sendmsg_locked(sending->socket->sk, &refer.msg, run->length);
	if (sent > 0)
		sending->copied += gathers ? sent - refer.referred : sent;
	return sent;
}

static const struct zcpool_route zcpool_tcp_route = {
	.bytes = tcp_sendmsg_locked,
	.run = zcpool_send_tcp_run,
};

static bool zcpool_is_unix_stream(const struct sock *sk)
{
	return sk->sk_family == AF_UNIX && sk->sk_type == SOCK_STREAM;
}

static int zcpool_sock_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	return sock_sendmsg(sk->sk_socket, msg);
}

static ssize_t zcpool_send_unix_run(struct zcpool_sending *sending, struct zcpool_run *run,
				    int flags)
{
	return zcpool_unix_send_pieces(sending->socket, run->pieces, run->nr, run->length, flags);
}

static const struct zcpool_route zcpool_unix_route = {
	.bytes = zcpool_sock_sendmsg,
	.run = zcpool_send_unix_run,
};

/*
 * An error that a part after the first met is for the next call to tell, as it is if
 * one sendmsg() meets it; but TCP took it from the socket to report it.
 */
static void zcpool_tcp_keep_error(struct sock *sk, int error)
{
	switch (error) {
	case 0:
	case -EAGAIN:
	case -EINTR:
	case -ERESTARTSYS:
	case -EFAULT:
	case -EHWPOISON:
	case -EINVAL:
	case -ENOMEM:
	case -EPIPE:
		/* Not the socket's, or found again. */
		break;
	default:
		WRITE_ONCE(sk->sk_err, -error);
	}
}

/*
 * Have TCP send what it was given by MSG_MORE, since what was to follow does not;
 * unless the program itself wants it to wait.
 */
static void zcpool_tcp_push(struct zcpool_sending *sending, bool corked)
{
	if (sending->sent && !sending->whole && !corked && !(sending->flags & MSG_MORE))
		tcp_sock_set_cork(sending->socket->sk, false);
}

/**
 * zcpool_send_stream() - send a vector part by part, if the socket allows it
 * @sending: what and where to; sent and copied are filled in
 * @done: whether that is so; if not, nothing was sent
 *
 * Context: process; sleeps unless sending->flags has MSG_DONTWAIT.
 *
 * Return: 0, also if not all was sent, or an error if nothing was.
 */
ssize_t zcpool_send_stream(struct zcpool_sending *sending, bool *done)
{
	struct sock *sk = sending->socket->sk;
	bool corked = true;
	ssize_t error = 0;

	*done = true;
	if (zcpool_is_unix_stream(sk)) {
		error = zcpool_send_parts(sending, &zcpool_unix_route);
		return sending->sent ? 0 : error;
	}

	lock_sock(sk);
	/* Under the lock, since a ULP may come at any time. */
	*done = zcpool_is_plain_tcp(sk);
	if (*done) {
		error = zcpool_send_parts(sending, &zcpool_tcp_route);
		if (sending->sent)
			zcpool_tcp_keep_error(sk, error);
		corked = tcp_sk(sk)->nonagle & TCP_NAGLE_CORK;
	}
	release_sock(sk);
	zcpool_tcp_push(sending, corked);
	return sending->sent ? 0 : error;
}
