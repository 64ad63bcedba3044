// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Send a file over TCP without a copy: the disk writes it into buffers by DMA
 * (O_DIRECT), and the network card reads it from there.
 *
 *	nc -l 9000 >copy &	disk-to-network file 127.0.0.1 9000
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zcpool.h>

/* A multiple of what O_DIRECT wants of sizes, addresses and offsets. */
#define BUFFER_SIZE (1024 * 1024)

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

int main(int argc, char **argv)
{
	struct zcpool_create create = { .buffer_size = BUFFER_SIZE, .count = 4 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct zcpool *pool;
	off_t position = 0;
	int file, socket_fd;
	uint32_t index;
	ssize_t got;
	void *map;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
		printf("Usage: %s FILE ADDRESS PORT\n", argv[0]);
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	file = open(argv[1], O_RDONLY | O_DIRECT);
	if (file < 0)
		fail(argv[1]);
	to.sin_port = htons(atoi(argv[3]));
	socket_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(socket_fd, (struct sockaddr *)&to, sizeof(to)))
		fail(argv[2]);

	check(zcpool_open(0, &pool), "open /dev/zcpool");
	check(zcpool_create(pool, &create), "create a pool");
	check(zcpool_map(pool, PROT_READ | PROT_WRITE, &map), "map");

	/* A whole buffer is asked for; at the end of the file less comes. */
	for (;; position += got) {
		off_t offset;
		ssize_t sent;

		check(zcpool_get(pool, &index, -1), "get a buffer");
		got = pread(file, zcpool_addr(pool, index), BUFFER_SIZE, position);
		if (got <= 0)
			break;
		offset = zcpool_offset(pool, index);
		for (ssize_t left = got; left; left -= sent) {
			sent = sendfile(socket_fd, zcpool_fd(pool), &offset, left);
			if (sent <= 0)
				fail("sendfile");
		}
		check(zcpool_put(pool, index), "put the buffer");
	}
	if (got < 0)
		fail("read");
	zcpool_close(pool);
	return 0;
}
