// SPDX-License-Identifier: GPL-2.0-only
/* MSG_ZEROCOPY, by a program that wants to know when its memory is free. */
#include <time.h>

#include <linux/errqueue.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "ways.h"

static int socket_fd;
static char *buffers;
static size_t buffer_size;
/* Calls made, and completed; and of each buffer, the calls made when it was sent. */
static uint32_t made, done, until[BUFFERS];

void zerocopy_open(int socket, char *memory, size_t piece)
{
	const int one = 1;

	socket_fd = socket;
	buffers = memory;
	buffer_size = piece;
	made = 0;
	done = 0;
	memset(until, 0, sizeof(until));
	MUST(setsockopt(socket, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
}

/* Until so many calls were completed; TCP does it in order. */
static void wait_calls(uint32_t calls)
{
	while (done < calls) {
		struct pollfd poll_fd = { .fd = socket_fd };
		struct sock_extended_err *error;
		char control[128];
		struct msghdr message = {
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};

		MUST(poll(&poll_fd, 1, -1));
		MUST(recvmsg(socket_fd, &message, MSG_ERRQUEUE));
		error = (void *)CMSG_DATA(CMSG_FIRSTHDR(&message));
		done = error->ee_data + 1;
	}
}

void zerocopy_send(int file, uint64_t offset, size_t size)
{
	unsigned int buffer = offset / buffer_size % BUFFERS;
	char *data = buffers + buffer * buffer_size;

	wait_calls(until[buffer]);
	read_full(file, data, offset, size);
	content_change(data, size);
	while (size) {
		long sent = send(socket_fd, data, size, MSG_ZEROCOPY);

		/* There is room for so many messages that tell of completions, and no more. */
		if (sent < 0 && errno == ENOBUFS && done < made) {
			wait_calls(done + 1);
			continue;
		}
		MUST(sent);
		made++;
		data += sent;
		size -= sent;
	}
	until[buffer] = made;
}

void zerocopy_wait(void)
{
	wait_calls(made);
}
