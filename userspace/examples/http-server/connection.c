// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connection.h"
#include "deadline.h"

static void enter(struct connection *connection, enum connection_state state)
{
	connection->state = state;
	connection->deadline = deadline_in(connection->server->timeout);
}

/* Nothing that the connection asked of io_uring is under way. */
static void disconnect(struct connection *connection)
{
	close(connection->socket);
	server_disconnected(connection->server, connection);
	free(connection);
}

static void receive(struct connection *connection)
{
	ring_receive(&connection->server->ring, &connection->operation, connection->socket,
		     connection->input + connection->received, HEAD_MAX - connection->received);
}

/*
 * A socket that is closed with something unread resets the connection, and the
 * client may lose what was sent: so let it close first.
 */
static void drain(struct connection *connection)
{
	shutdown(connection->socket, SHUT_WR);
	connection->received = 0;
	enter(connection, CONNECTION_DRAINING);
	receive(connection);
}

static void drained(struct connection *connection, int result)
{
	if (result > 0 && !deadline_is_over(connection->deadline))
		receive(connection);
	else
		disconnect(connection);
}

static void reply(struct connection *connection, size_t length)
{
	struct request request;
	int status = request_parse(&request, connection->input, length);

	connection->server->statistics.requests++;
	if (connection->server->stopping)
		request.keep_alive = false;
	connection->used = length;
	enter(connection, CONNECTION_REPLYING);
	if (status)
		reply_refuse(&connection->reply, status, &request);
	else
		reply_to(&connection->reply, &request);
}

static void refuse(struct connection *connection, int status)
{
	connection->used = connection->received;
	enter(connection, CONNECTION_REPLYING);
	reply_refuse(&connection->reply, status, NULL);
}

/* Also the empty line that some clients send after a request. */
static void forget_used(struct connection *connection)
{
	size_t used = connection->used;

	while (used < connection->received && strchr("\r\n", connection->input[used] ?: 'x'))
		used++;
	connection->received -= used;
	connection->used = 0;
	memmove(connection->input, connection->input + used, connection->received);
}

/* The next request, which may have come ahead of its time. */
static void next_request(struct connection *connection)
{
	size_t length;

	forget_used(connection);
	length = request_length(connection->input, connection->received);
	if (length)
		reply(connection, length);
	else if (connection->received == HEAD_MAX)
		refuse(connection, 431);
	else if (connection->server->stopping)
		disconnect(connection);
	else
		receive(connection);
}

static void replied(struct reply *reply, bool sent)
{
	struct connection *connection = part_of(reply, struct connection, reply);

	if (!sent) {
		disconnect(connection);
	} else if (reply->response.keep_alive) {
		enter(connection, CONNECTION_RECEIVING);
		next_request(connection);
	} else {
		drain(connection);
	}
}

static void received(struct operation *operation, int result)
{
	struct connection *connection = part_of(operation, struct connection, operation);

	if (connection->state == CONNECTION_DRAINING) {
		drained(connection, result);
	} else if (result > 0) {
		/* From here on it may take its time for the head, once. */
		if (!connection->received)
			enter(connection, CONNECTION_RECEIVING);
		connection->received += result;
		next_request(connection);
	} else if (!result && connection->received && deadline_is_over(connection->deadline)) {
		refuse(connection, 408);
	} else {
		disconnect(connection);
	}
}

struct connection *connection_open(struct server *server, int socket)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->server = server;
	connection->socket = socket;
	connection->operation.done = received;
	reply_init(&connection->reply, server, socket, replied);
	enter(connection, CONNECTION_RECEIVING);
	receive(connection);
	return connection;
}

/* received() is told the end, as if the client had closed. */
static void receive_no_more(struct connection *connection)
{
	shutdown(connection->socket, SHUT_RD);
}

void connection_tick(struct connection *connection)
{
	/* TCP_USER_TIMEOUT ends the connection if it is the client who does not read. */
	if (connection->state == CONNECTION_REPLYING)
		reply_tick(&connection->reply);
	else if (deadline_is_over(connection->deadline))
		receive_no_more(connection);
}

void connection_stop(struct connection *connection)
{
	if (connection->state != CONNECTION_REPLYING)
		receive_no_more(connection);
}
