// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"

static void accept_done(struct operation *operation, int result);

static void accept_next(struct server *server)
{
	if (server->accepting || server->stopping || server->connected == server->connections_max)
		return;
	server->accepting = true;
	server->accept.done = accept_done;
	ring_accept(&server->ring, &server->accept, server->listener);
}

static void connected(struct server *server, int socket)
{
	struct connection *connection = connection_open(server, socket);

	if (!connection) {
		close(socket);
		return;
	}
	server->statistics.connections++;
	server->connected++;
	TAILQ_INSERT_TAIL(&server->connections, connection, link);
	if (server->stopping)
		connection_stop(connection);
}

static void accept_done(struct operation *operation, int result)
{
	struct server *server = part_of(operation, struct server, accept);

	server->accepting = false;
	if (result >= 0)
		connected(server, result);
	/* Short of descriptors or memory: again at the next tick. */
	if (result != -EMFILE && result != -ENFILE && result != -ENOMEM && result != -ENOBUFS)
		accept_next(server);
}

static int set_option(int socket, int level, int option, int value)
{
	return setsockopt(socket, level, option, &value, sizeof(value));
}

/* What accepted sockets inherit. */
static int set_options(const struct server *server, int socket)
{
	/* A message goes whole; parts of it are not to wait for what was sent before. */
	if (set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1))
		return -errno;
	/* A client that reads nothing loses its connection, and gives its buffers back. */
	if (set_option(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, server->timeout * 1000))
		return -errno;
	/* Of what it does not read, no client has more than a window in the socket. */
	if (set_option(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, (int)server->windows.window_size))
		return -errno;
	return 0;
}

static int listen_at(struct server *server, const struct addrinfo *address)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), error;

	if (fd < 0)
		return -errno;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	error = set_options(server, fd);
	if (!error && (bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, SOMAXCONN)))
		error = -errno;
	if (error) {
		close(fd);
		return error;
	}
	server->listener = fd;
	return 0;
}

int server_listen(struct server *server, const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *found;
	int error;

	if (getaddrinfo(address, port, &hints, &found))
		return -EADDRNOTAVAIL;
	error = listen_at(server, found);
	freeaddrinfo(found);
	if (!error)
		accept_next(server);
	return error;
}

uint16_t server_port(const struct server *server)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	getsockname(server->listener, (struct sockaddr *)&address, &length);
	/* At the same place in both. */
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

void server_tick(struct server *server)
{
	struct connection *connection = TAILQ_FIRST(&server->connections), *next;

	for (; connection; connection = next) {
		next = TAILQ_NEXT(connection, link);
		connection_tick(connection);
	}
	windows_tick(&server->windows);
	accept_next(server);
}

void server_stop(struct server *server)
{
	struct connection *connection;

	server->stopping = true;
	shutdown(server->listener, SHUT_RDWR);
	TAILQ_FOREACH(connection, &server->connections, link)
	connection_stop(connection);
}

void server_disconnected(struct server *server, struct connection *connection)
{
	TAILQ_REMOVE(&server->connections, connection, link);
	server->connected--;
	accept_next(server);
}
