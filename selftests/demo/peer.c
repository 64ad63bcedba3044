// SPDX-License-Identifier: GPL-2.0-only
/*
 * The peer: receives, and checks every byte.  It runs on another processor than the
 * sender, and is not counted.  So it is the peer that draws the progress.
 */
#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

#define BAR 30
#define DRAW_NS 200000000LL

static bool progress;

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* For a terminal: each time over what was there, and in the end nothing is left. */
static void draw(const struct greeting *greeting, uint64_t done)
{
	static int64_t next;
	unsigned int i;

	if (!progress || (done && done < greeting->size && now() < next))
		return;
	next = now() + DRAW_NS;
	fprintf(stderr, "\r\033[K");
	if (done >= greeting->size)
		return;
	fprintf(stderr, "%-24s [", greeting->method);
	for (i = 0; i < BAR; i++)
		fputc(i * greeting->size < done * BAR ? '#' : '.', stderr);
	fprintf(stderr, "] %3u %%", (unsigned int)(done * 100 / greeting->size));
}

static void receive(int socket)
{
	char *data = malloc(PIECE), *expected = malloc(PIECE);
	struct answer answer = { 0 };
	struct greeting greeting;

	if (recv(socket, &greeting, sizeof(greeting), MSG_WAITALL) != sizeof(greeting))
		fail("the sender said nothing");
	draw(&greeting, 0);
	while (answer.received < greeting.size) {
		size_t size = 0;

		content_fill(expected, answer.received, PIECE);
		if (greeting.changed)
			content_change(expected, PIECE);
		while (size < PIECE) {
			ssize_t got = recv(socket, data + size, PIECE - size, 0);

			if (got <= 0)
				fail("the sender left after %llu bytes",
				     (unsigned long long)(answer.received + size));
			size += got;
			draw(&greeting, answer.received + size);
		}
		answer.wrong += content_wrong(data, expected, PIECE);
		answer.received += PIECE;
	}
	MUST(send(socket, &answer, sizeof(answer), MSG_NOSIGNAL));
	free(expected);
	free(data);
}

int peer_command(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	const int one = 1;
	int listener;

	progress = argc > 1 && !strcmp(argv[1], "--progress");
	argc -= progress;
	argv += progress;
	if (argc != 3 || inet_pton(AF_INET, argv[1], &address.sin_addr) != 1)
		fail("peer wants an address and a port");
	address.sin_port = htons(atoi(argv[2]));
	listener = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	MUST(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)));
	MUST(bind(listener, (struct sockaddr *)&address, sizeof(address)));
	MUST(listen(listener, 1));
	for (;;) {
		int socket = MUST(accept4(listener, NULL, NULL, SOCK_CLOEXEC));

		receive(socket);
		close(socket);
	}
}
