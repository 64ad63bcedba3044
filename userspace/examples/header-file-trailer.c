// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A header, a file and a trailer in one call, as TransmitPackets and sendfilev have it:
 * the file goes from disk to network by DMA, only header and trailer are copied.
 *
 *	nc -l 9000 &	header-file-trailer picture.png 127.0.0.1 9000
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcpool.h>

/* A multiple of what O_DIRECT wants of sizes, addresses and offsets. */
#define BUFFER_SIZE (2 * 1024 * 1024)
#define BOUNDARY "zcpool"

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

/* A socket that takes but part of a vector gets the rest with the next call. */
static void send_all(struct zcpool *pool, int socket_fd, struct zcpool_element *elements,
		     uint32_t count)
{
	struct zcpool_sent sent;

	while (count) {
		check(zcpool_send(pool, socket_fd, elements, count, 0, &sent), "send");
		while (count && sent.bytes >= elements->length) {
			sent.bytes -= elements->length;
			elements++;
			count--;
		}
		if (count) {
			elements->base += sent.bytes;
			elements->length -= sent.bytes;
		}
	}
}

int main(int argc, char **argv)
{
	static const char trailer[] = "\r\n--" BOUNDARY "--\r\n";
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct zcpool_create create = { .buffer_size = BUFFER_SIZE };
	struct zcpool_element elements[3];
	int file, socket_fd, length;
	uint32_t count = 0;
	struct zcpool *pool;
	struct stat status;
	char header[256];
	void *map;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
		printf("Usage: %s FILE ADDRESS PORT\n", argv[0]);
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	file = open(argv[1], O_RDONLY | O_DIRECT);
	if (file < 0 || fstat(file, &status))
		fail(argv[1]);
	to.sin_port = htons(atoi(argv[3]));
	socket_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(socket_fd, (struct sockaddr *)&to, sizeof(to)))
		fail(argv[2]);

	/* All buffers of a new pool follow each other in its byte space: one slice. */
	create.count = (uint32_t)(status.st_size / BUFFER_SIZE + 1);
	check(zcpool_open(0, &pool), "open /dev/zcpool");
	check(zcpool_create(pool, &create), "create a pool");
	check(zcpool_map(pool, PROT_READ | PROT_WRITE, &map), "map");
	for (uint32_t i = 0; i < create.count; i++) {
		uint32_t index;

		check(zcpool_get(pool, &index, -1), "get a buffer");
	}
	if (pread(file, map, create.size, 0) != status.st_size)
		fail("read");

	length = snprintf(header, sizeof(header),
			  "--" BOUNDARY "\r\nContent-Type: application/octet-stream\r\n"
			  "Content-Length: %lld\r\n\r\n",
			  (long long)status.st_size);
	elements[count++] = zcpool_element_bytes(header, length);
	if (status.st_size)
		elements[count++] = zcpool_element_slice(0, status.st_size);
	elements[count++] = zcpool_element_bytes(trailer, strlen(trailer));
	send_all(pool, socket_fd, elements, count);
	zcpool_close(pool);
	return 0;
}
