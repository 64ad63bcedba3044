// SPDX-License-Identifier: GPL-2.0-only
/* Sockets, and what goes by them. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/errqueue.h>

#include "probe.h"

void tcp_pair(int pair[2])
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(address);

	pair[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || pair[0] < 0 || bind(listener, (void *)&address, length) ||
	    listen(listener, 1) || getsockname(listener, (void *)&address, &length) ||
	    connect(pair[0], (void *)&address, length)) {
		perror("probe: TCP over loopback");
		_exit(1);
	}
	pair[1] = accept(listener, NULL, NULL);
	if (pair[1] < 0) {
		perror("probe: accept");
		_exit(1);
	}
	close(listener);
}

size_t read_full(int fd, void *data, size_t size)
{
	size_t done = 0;
	ssize_t got;

	while (done < size && (got = read(fd, (char *)data + done, size - done)) > 0)
		done += got;
	return done;
}

int zerocopy_done(int socket, bool *copied)
{
	struct sock_extended_err *error;
	char control[128];
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };

	if (recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (!CMSG_FIRSTHDR(&message))
		return -EPROTO;
	error = (void *)CMSG_DATA(CMSG_FIRSTHDR(&message));
	if (error->ee_origin != SO_EE_ORIGIN_ZEROCOPY)
		return -EPROTO;
	*copied = error->ee_code & SO_EE_CODE_ZEROCOPY_COPIED;
	return 1;
}

/* Room for one descriptor, aligned. */
union control {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int send_descriptor(int socket, int fd)
{
	union control control = { .bytes = { 0 } };
	struct iovec byte = { .iov_base = &(char){ 0 }, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

int receive_descriptor(int socket)
{
	union control control;
	char content;
	struct iovec byte = { .iov_base = &content, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1)
		return -EPIPE;
	if (!CMSG_FIRSTHDR(&message) || control.header.cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
	return fd;
}
