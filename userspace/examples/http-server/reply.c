// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <poll.h>

#include "deadline.h"
#include "reply.h"

static void send_next(struct reply *reply);
static void submit(struct reply *reply);

static void release_message(struct reply *reply)
{
	if (reply->message)
		zcpool_composition_release(reply->message);
	reply->message = NULL;
	if (reply->waiter.window)
		window_release(&reply->waiter);
	reply->waiter.window = NULL;
	reply->waiting = false;
}

static void release(struct reply *reply)
{
	release_message(reply);
	if (reply->file)
		file_release(reply->file);
	reply->file = NULL;
}

static void finish(struct reply *reply, bool sent)
{
	release(reply);
	reply->done(reply, sent);
}

static int status_of(int error)
{
	switch (error) {
	case 0:
		return 0;
	case -EACCES:
	case -EPERM:
		return 403;
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -ENAMETOOLONG:
	case -EXDEV: /* out of the directory */
		return 404;
	case -EIO:
		return 500;
	default:
		/* Short of something, or the file is being written. */
		return 503;
	}
}

/* The file's bytes are not to be had: say so, if nothing else was said yet. */
static void fail(struct reply *reply, int error)
{
	if (reply->begun) {
		finish(reply, false);
		return;
	}
	release(reply);
	reply_refuse(reply, status_of(error), NULL);
}

static void count(const struct reply *reply, uint64_t bytes)
{
	struct statistics *statistics = &reply->server->statistics;
	uint64_t head = reply->sent < reply->head_length ? reply->head_length - reply->sent : 0;

	statistics->sends++;
	statistics->sent += bytes;
	statistics->copied += reply->send.copied;
	if (bytes > head)
		statistics->referenced += bytes - head - reply->send.copied;
}

static void writable(struct operation *operation, int result)
{
	/* If the connection is broken, SEND will tell. */
	(void)result;
	submit(part_of(operation, struct reply, operation));
}

static void wait_writable(struct reply *reply)
{
	reply->operation.done = writable;
	ring_poll(&reply->server->ring, &reply->operation, reply->socket, POLLOUT);
}

static void message_sent(struct reply *reply)
{
	const struct range *body = &reply->response.body;

	release_message(reply);
	if (body->first < body->end)
		send_next(reply);
	else
		finish(reply, true);
}

static void submitted(struct operation *operation, int result)
{
	struct reply *reply = part_of(operation, struct reply, operation);

	if (result < 0 && result != -EAGAIN) {
		finish(reply, false);
		return;
	}
	if (result > 0) {
		count(reply, result);
		reply->sent += result;
	}
	if (reply->sent < zcpool_composition_length(reply->message))
		wait_writable(reply);
	else
		message_sent(reply);
}

/*
 * A full socket is waited for by poll, which takes no thread of io_uring's.  More may
 * follow, but not before there are buffers for it: told to expect more, the socket
 * would hold some of these back.
 */
static void submit(struct reply *reply)
{
	reply->send = (struct zcpool_send){
		.elements = (uintptr_t)reply->elements,
		.count = zcpool_composition_elements(reply->message, reply->sent, reply->elements,
						     REPLY_ELEMENTS),
		.fd = reply->socket,
		.flags = ZCPOOL_SEND_F_DONTWAIT | ZCPOOL_SEND_F_NOSIGNAL,
	};
	reply->operation.done = submitted;
	ring_send(&reply->server->ring, &reply->operation, reply->server->pool, &reply->send);
}

/* Append what the window has of the body. */
static int add_body(struct reply *reply, const struct window *window)
{
	struct range *body = &reply->response.body;
	uint64_t offset = body->first - window->offset;
	uint64_t length = window->length - offset;
	struct zcpool_composition *part;
	int error;

	if (length > body->end - body->first)
		length = body->end - body->first;
	error = zcpool_composition_sub(window->content, offset, length, &part);
	if (error)
		return error;
	error = zcpool_composition_add(reply->message, part);
	zcpool_composition_release(part);
	body->first += length;
	return error;
}

static int compose(struct reply *reply)
{
	int error = zcpool_compose(reply->server->pool, &reply->message);

	reply->sent = 0;
	reply->head_length = reply->begun ? 0 : reply->response.length;
	if (!error)
		error = zcpool_composition_add_bytes(reply->message, reply->response.head,
						     reply->head_length);
	if (!error && reply->waiter.window)
		error = add_body(reply, reply->waiter.window);
	return error;
}

static void send_message(struct reply *reply)
{
	if (compose(reply)) {
		finish(reply, false);
		return;
	}
	reply->begun = true;
	submit(reply);
}

static void window_ready(struct waiter *waiter)
{
	struct reply *reply = part_of(waiter, struct reply, waiter);

	reply->waiting = false;
	if (waiter->window->state == WINDOW_READY)
		send_message(reply);
	else
		fail(reply, waiter->window->error);
}

/* The head, with the first window if there is a body; or the next window. */
static void send_next(struct reply *reply)
{
	const struct range *body = &reply->response.body;
	int error;

	if (body->first == body->end) {
		send_message(reply);
		return;
	}
	reply->waiting = true;
	reply->deadline = deadline_in(reply->server->timeout);
	error = window_use(&reply->server->windows, reply->file, body->first, &reply->waiter);
	if (error)
		fail(reply, error);
}

void reply_init(struct reply *reply, struct server *server, int socket,
		void (*done)(struct reply *reply, bool sent))
{
	reply->server = server;
	reply->socket = socket;
	reply->done = done;
	reply->waiter.ready = window_ready;
}

void reply_to(struct reply *reply, const struct request *request)
{
	int error = file_open(&reply->server->files, request->path, &reply->file);

	reply->begun = false;
	if (error)
		response_refuse(&reply->response, status_of(error), request);
	else
		response_serve(&reply->response, request, reply->file);
	send_next(reply);
}

void reply_refuse(struct reply *reply, int status, const struct request *request)
{
	reply->begun = false;
	response_refuse(&reply->response, status, request);
	send_next(reply);
}

void reply_tick(struct reply *reply)
{
	if (reply->waiting && deadline_is_over(reply->deadline))
		fail(reply, -ETIMEDOUT);
}
