// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Two processes and no copy between them: a producer reads its standard input into
 * buffers and hands them over, each with its length as tag; a consumer, which has a
 * handle of its own to the same pool, sends them over TCP, and puts them.
 *
 *	nc -l 9000 >copy &	hand-over 127.0.0.1 9000 <file
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zcpool.h>

#define BUFFER_SIZE (64 * 1024)
#define BATCH 8

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	exit(1);
}

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void send_buffer(struct zcpool *pool, const struct zcpool_item *item, int socket_fd)
{
	off_t offset = zcpool_offset(pool, item->index);
	size_t left = item->tag;
	ssize_t sent;

	for (; left; left -= sent) {
		sent = sendfile(socket_fd, zcpool_fd(pool), &offset, left);
		if (sent <= 0)
			fail("sendfile");
	}
}

/* The channel tells the producer our number, and us, by its end, that all has been sent. */
static void consume(int share, int channel, int socket_fd)
{
	struct zcpool_item items[BATCH];
	struct zcpool *pool;
	uint32_t number;
	int got, i;

	check(zcpool_attach(share, 0, 0, &pool), "attach");
	number = zcpool_handle_number(pool);
	if (write(channel, &number, sizeof(number)) != sizeof(number))
		fail("channel");
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = zcpool_fd(pool), .events = POLLIN },
			{ .fd = channel, .events = POLLIN },
		};

		/* The producer waits for buffers that we have put: have the kernel know. */
		check(zcpool_flush(pool), "put");
		if (poll(fds, 2, -1) < 0)
			fail("poll");
		got = zcpool_receive(pool, items, BATCH, 0);
		/* What was handed over before the channel's end is there by then. */
		if (got == -EAGAIN && fds[1].revents)
			break;
		if (got == -EAGAIN)
			continue;
		check(got, "receive");
		for (i = 0; i < got; i++) {
			send_buffer(pool, &items[i], socket_fd);
			check(zcpool_put(pool, items[i].index), "put");
		}
	}
	zcpool_close(pool);
}

static void produce(struct zcpool *pool, int channel)
{
	struct zcpool_item item;
	uint32_t to;
	ssize_t got;

	if (read(channel, &to, sizeof(to)) != sizeof(to))
		exit(1);
	for (;;) {
		check(zcpool_get(pool, &item.index, -1), "get a buffer");
		got = read(STDIN_FILENO, zcpool_addr(pool, item.index), BUFFER_SIZE);
		if (got <= 0)
			break;
		item = (struct zcpool_item){ .index = item.index, .tag = got };
		/* ESRCH: the consumer is gone. */
		check(zcpool_transfer(pool, to, &item, 1, NULL), "hand over");
	}
	if (got < 0)
		fail("standard input");
}

int main(int argc, char **argv)
{
	struct zcpool_create create = { .buffer_size = BUFFER_SIZE, .count = 16 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	int socket_fd, share, channel[2], status;
	struct zcpool *pool;
	void *map;

	if (argc != 3 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		printf("Usage: %s ADDRESS PORT <FILE\n", argv[0]);
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	to.sin_port = htons(atoi(argv[2]));
	socket_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(socket_fd, (struct sockaddr *)&to, sizeof(to)))
		fail(argv[1]);

	check(zcpool_open(0, &pool), "open /dev/zcpool");
	check(zcpool_create(pool, &create), "create a pool");
	check(zcpool_map(pool, PROT_READ | PROT_WRITE, &map), "map");
	share = zcpool_share(pool, ZCPOOL_SHARE_F_READ_ONLY);
	check(share, "share");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, channel))
		fail("socketpair");

	if (!fork()) {
		/* The parent's handle is not for us: what the parent owns ends with it. */
		zcpool_close(pool);
		close(channel[0]);
		consume(share, channel[1], socket_fd);
		return 0;
	}
	close(channel[1]);
	close(share);
	close(socket_fd);
	produce(pool, channel[0]);
	close(channel[0]);
	wait(&status);
	zcpool_close(pool);
	return status ? 1 : 0;
}
