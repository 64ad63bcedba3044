/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* A reply: a response on its way to the client, window by window. */
#ifndef REPLY_H
#define REPLY_H

#include "response.h"
#include "server.h"

/* The head, and the buffers of a window. */
#define REPLY_ELEMENTS (1 + WINDOW_BUFFERS)

struct reply {
	struct server *server;
	int socket;
	/* All is sent; or not all can be, and the connection is to end. */
	void (*done)(struct reply *reply, bool sent);

	struct response response;
	struct file *file;
	struct waiter waiter;
	/* While it waits for a window. */
	bool waiting;
	time_t deadline;

	/* What is being sent: the head, which comes once, and a window's bytes. */
	struct zcpool_composition *message;
	bool begun;
	uint64_t head_length;
	uint64_t sent;
	struct zcpool_send send;
	struct zcpool_element elements[REPLY_ELEMENTS];
	/* Sending, or waiting until the socket is writable. */
	struct operation operation;
};

void reply_init(struct reply *reply, struct server *server, int socket,
		void (*done)(struct reply *reply, bool sent));

/* These may call done() at once.  The request is needed for the call alone. */
void reply_to(struct reply *reply, const struct request *request);
/* Without request, the connection is to end. */
void reply_refuse(struct reply *reply, int status, const struct request *request);
/* If there were no buffers for too long, say so. */
void reply_tick(struct reply *reply);

#endif /* REPLY_H */
