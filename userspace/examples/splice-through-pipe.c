// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Read stdin into buffers and hand each, by way of a pipe, to a TCP socket:
 *
 *	nc -l 9000 >copy &	splice-through-pipe 127.0.0.1 9000 <file
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zcpool.h>

#define BUFFER_SIZE (256 * 1024)

static void check(int error, const char *what)
{
	if (!error)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	exit(1);
}

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Both halves move references: pool to pipe, pipe to socket. */
static void splice_all(int pool_fd, off_t offset, size_t size, const int pipe[2], int socket)
{
	while (size) {
		ssize_t in = splice(pool_fd, &offset, pipe[1], NULL, size, 0);

		if (in <= 0)
			fail("splice to the pipe");
		size -= in;
		while (in) {
			ssize_t out =
				splice(pipe[0], NULL, socket, NULL, in, size ? SPLICE_F_MORE : 0);

			if (out <= 0)
				fail("splice to the socket");
			in -= out;
		}
	}
}

int main(int argc, char **argv)
{
	struct zcpool_create create = { .buffer_size = BUFFER_SIZE, .count = 8 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct zcpool *pool;
	int socket_fd, pipes[2];
	uint32_t index;
	ssize_t got;
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
	if (pipe(pipes))
		fail("pipe");

	for (;;) {
		check(zcpool_get(pool, &index, -1), "get a buffer");
		got = read(STDIN_FILENO, zcpool_addr(pool, index), BUFFER_SIZE);
		if (got <= 0)
			break;
		splice_all(zcpool_fd(pool), zcpool_offset(pool, index), got, pipes, socket_fd);
		/* In flight, perhaps: then it comes back when the receiver has it. */
		check(zcpool_put(pool, index), "put the buffer");
	}
	if (got < 0)
		fail("read");
	zcpool_close(pool);
	return 0;
}
