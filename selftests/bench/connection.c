// SPDX-License-Identifier: GPL-2.0-only
/* Both ends of a TCP connection, for one thread. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* So that the largest message fits, and no method ever waits for the other end. */
#define SOCKET_BUFFER (8 << 20)
#define RECEIVE_BUFFER (256 << 10)

void connect_pair(int pair[2])
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int buffer = SOCKET_BUFFER;
	socklen_t length = sizeof(address);
	int listener = MUST(socket(AF_INET, SOCK_STREAM, 0));

	MUST(setsockopt(listener, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)));
	MUST(bind(listener, (struct sockaddr *)&address, length));
	MUST(listen(listener, 1));
	MUST(getsockname(listener, (struct sockaddr *)&address, &length));
	pair[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)));
	MUST(connect(pair[0], (struct sockaddr *)&address, length));
	pair[1] = MUST(accept(listener, NULL, NULL));
	close(listener);
	MUST(fcntl(pair[0], F_SETFL, O_NONBLOCK));
	MUST(fcntl(pair[1], F_SETFL, O_NONBLOCK));
}

size_t drain(int socket, int flags)
{
	static char buffer[RECEIVE_BUFFER];
	size_t total = 0;
	ssize_t got;

	while ((got = recv(socket, buffer, sizeof(buffer), flags)) > 0)
		total += got;
	if (got < 0 && errno != EAGAIN)
		MUST(got);
	return total;
}
