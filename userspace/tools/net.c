// SPDX-License-Identifier: GPL-2.0-only
/* TCP sockets by name. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tool.h"

/* Try every address of a name until one works; *told: the user knows of the error. */
static int net_open(const char *host, const char *port, int flags,
		    int (*use)(int, const struct sockaddr *, socklen_t), bool *told)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = flags };
	struct addrinfo *list, *entry;
	int error, fd = -1;

	/* Of a larger number getaddrinfo() takes the low 16 bits. */
	if (strspn(port, "0123456789") == strlen(port) && strtoul(port, NULL, 10) > UINT16_MAX) {
		fail(0, "no port '%s': the largest is %d", port, UINT16_MAX);
		*told = true;
		return -EADDRNOTAVAIL;
	}
	error = getaddrinfo(host, port, &hints, &list);
	if (error) {
		fail(0, "no address '%s' port '%s': %s", host, port, gai_strerror(error));
		*told = true;
		return -EADDRNOTAVAIL;
	}
	for (entry = list; entry; entry = entry->ai_next) {
		const int one = 1;

		fd = socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0) {
			error = -errno;
			continue;
		}
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (!use(fd, entry->ai_addr, entry->ai_addrlen))
			break;
		error = -errno;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd < 0 ? error : fd;
}

int net_connect(const char *host, const char *port)
{
	bool told = false;
	int fd = net_open(host, port, 0, connect, &told);

	if (fd < 0 && !told)
		fail(0, "cannot connect to %s port %s: %s; is 'zcpoolctl recv' running there?",
		     host, port, strerror(-fd));
	return fd;
}

int net_listen(const char *host, const char *port)
{
	bool told = false;
	int fd = net_open(host, port, AI_PASSIVE, bind, &told);

	if (fd >= 0 && listen(fd, 1)) {
		int error = -errno;

		close(fd);
		fd = error;
	}
	if (fd < 0 && !told)
		fail(0, "cannot listen at %s port %s: %s; try another --listen or port, or port 0",
		     host, port, strerror(-fd));
	return fd;
}

/* The local port number. */
int net_port(int socket)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(socket, (struct sockaddr *)&address, &length))
		return -errno;
	return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port :
						     ((struct sockaddr_in *)&address)->sin_port);
}
