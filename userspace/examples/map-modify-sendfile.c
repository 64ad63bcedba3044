// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Put text into a buffer through the mapping, change it in place, and send the
 * buffer's pages over TCP:
 *
 *	nc -l 9000 &		map-modify-sendfile 127.0.0.1 9000
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zcpool.h>

/* The library returns negative errno values and prints nothing. */
static void check(int error, const char *what)
{
	if (!error)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	exit(1);
}

static int connect_to(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror(address);
		exit(1);
	}
	return fd;
}

int main(int argc, char **argv)
{
	struct zcpool_create create = { .buffer_size = 1 << 16, .count = 4 };
	struct zcpool_slice *slice;
	struct zcpool *pool;
	uint64_t done = 0;
	uint32_t index;
	void *map;
	char *text;
	int fd;

	if (argc != 3) {
		printf("Usage: %s ADDRESS PORT\n", argv[0]);
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	fd = connect_to(argv[1], argv[2]);

	check(zcpool_open(0, &pool), "open /dev/zcpool");
	check(zcpool_create(pool, &create), "create a pool");
	check(zcpool_map(pool, PROT_READ | PROT_WRITE, &map), "map");

	/* The buffer is ours from here until the slice is released. */
	check(zcpool_get(pool, &index, -1), "get a buffer");
	text = zcpool_addr(pool, index);
	strcpy(text, "hello from a buffer that nobody copies\n");
	text[0] = toupper(text[0]);

	check(zcpool_slice_create(pool, index, 0, strlen(text), &slice), "slice");
	check(zcpool_slice_sendfile(slice, fd, &done), "send");

	/*
	 * The socket still refers to these pages.  Releasing them is right all
	 * the same: zcpool_get() will not return this buffer before the last
	 * byte is out of the receiver's queue.
	 */
	check(zcpool_slice_release(slice), "release");
	close(fd);
	zcpool_close(pool);
	return 0;
}
