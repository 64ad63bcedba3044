// SPDX-License-Identifier: GPL-2.0-only
/* Both ends of a TCP connection, for one thread. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* So that no method waits for the other end, whatever the message. */
#define SOCKET_BUFFER (8 << 20)
#define RECEIVE_BUFFER (256 << 10)

/* Beyond the system's limit if that is allowed, else up to it. */
static void set_buffer(int socket, int force, int limited)
{
	const int size = SOCKET_BUFFER;

	if (setsockopt(socket, SOL_SOCKET, force, &size, sizeof(size)))
		MUST(setsockopt(socket, SOL_SOCKET, limited, &size, sizeof(size)));
}

void connect_pair(int pair[2], int family)
{
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
	} address = { .ipv6 = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback } };
	socklen_t length = sizeof(address.ipv6);
	int listener;

	if (family == AF_INET) {
		address.ipv4 = (struct sockaddr_in){
			.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		length = sizeof(address.ipv4);
	}
	listener = (int)MUST(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	set_buffer(listener, SO_RCVBUFFORCE, SO_RCVBUF);
	MUST(bind(listener, &address.any, length));
	MUST(listen(listener, 1));
	MUST(getsockname(listener, &address.any, &length));
	pair[0] = (int)MUST(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	set_buffer(pair[0], SO_SNDBUFFORCE, SO_SNDBUF);
	MUST(connect(pair[0], &address.any, length));
	pair[1] = (int)MUST(accept(listener, NULL, NULL));
	close(listener);
	MUST(fcntl(pair[0], F_SETFL, O_NONBLOCK));
	MUST(fcntl(pair[1], F_SETFL, O_NONBLOCK));
}

/* The kernel doubles what is asked for, to have room for what it keeps of each piece. */
size_t connection_room(const int pair[2])
{
	socklen_t length = sizeof(int);
	int send, receive;

	MUST(getsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &send, &length));
	MUST(getsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &receive, &length));
	return (size_t)(send < receive ? send : receive) / 4;
}

void close_pair(const int pair[2])
{
	close(pair[0]);
	close(pair[1]);
}

size_t drain(int socket, int flags)
{
	static char buffer[RECEIVE_BUFFER];
	size_t total = 0;
	ssize_t got;

	while ((got = recv(socket, buffer, sizeof(buffer), flags)) > 0)
		total += (size_t)got;
	if (got < 0 && errno != EAGAIN)
		MUST(got);
	return total;
}
