/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* A connection: one client, whose requests are answered one after the other. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "reply.h"
#include "request.h"

enum connection_state {
	CONNECTION_RECEIVING, /* a head */
	CONNECTION_REPLYING,
	CONNECTION_DRAINING, /* until the client has closed, too */
};

struct connection {
	struct server *server;
	TAILQ_ENTRY(connection) link;
	int socket;
	enum connection_state state;
	/* To receive. */
	struct operation operation;
	time_t deadline;

	char input[HEAD_MAX];
	size_t received;
	/* Of these, what the request takes that is being replied to. */
	size_t used;
	struct reply reply;
};

/* Takes over the socket.  Returns NULL without memory. */
struct connection *connection_open(struct server *server, int socket);
/* Have one that is over time go on, or end. */
void connection_tick(struct connection *connection);
/* The server stops: expect no request. */
void connection_stop(struct connection *connection);

#endif /* CONNECTION_H */
