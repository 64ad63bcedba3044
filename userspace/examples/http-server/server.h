/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* The server: a listening socket, its connections, and what they share. */
#ifndef SERVER_H
#define SERVER_H

#include "window.h"

struct connection;

struct statistics {
	uint64_t connections;
	uint64_t requests;
	/* SENDs that sent something; bytes that they sent, and what became of those. */
	uint64_t sends;
	uint64_t sent;
	uint64_t referenced;
	uint64_t copied;
};

struct server {
	struct io_uring ring;
	struct zcpool *pool;
	struct files files;
	struct windows windows;
	struct statistics statistics;

	int listener;
	struct operation accept;
	bool accepting;
	bool stopping;
	TAILQ_HEAD(, connection) connections;
	uint32_t connected;

	/* Most connections at a time; how long a client may stand still, seconds. */
	uint32_t connections_max;
	uint32_t timeout;
};

/* Listen where a name and a port say.  Returns 0, or a negative errno. */
int server_listen(struct server *server, const char *address, const char *port);
uint16_t server_port(const struct server *server);
/* Once a second. */
void server_tick(struct server *server);
/* Take no more requests; who is being served is served. */
void server_stop(struct server *server);

/* What connections tell. */
void server_disconnected(struct server *server, struct connection *connection);

#endif /* SERVER_H */
