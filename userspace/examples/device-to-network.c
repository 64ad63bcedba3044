// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * From a device to the network without a copy: the device writes into a buffer by DMA,
 * the program changes it in place, and the network card reads it from there.  The device
 * is QEMU's edu device; it has nothing to say of itself, so it is first given the bytes
 * of a file.
 *
 *	nc -l 9000 >copy &	device-to-network file 127.0.0.1 9000
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
#include <zcpool_edu.h>

#define BUFFER_SIZE 8192

static int check(int result, const char *what)
{
	if (result >= 0)
		return result;
	fprintf(stderr, "%s: %s\n", what, strerror(-result));
	exit(1);
}

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Have the device move the first bytes of a buffer, and wait until it has. */
static void transfer(int device, struct zcpool_edu_submit *submit)
{
	struct zcpool_edu_completion completion;

	check(zcpool_edu_submit(device, submit), "submit");
	check(zcpool_edu_complete(device, &completion, 1, -1), "complete");
	check(completion.result, "transfer");
}

static void send_all(struct zcpool *pool, int socket, uint64_t offset, uint64_t length)
{
	struct zcpool_sent sent;

	for (; length; offset += sent.bytes, length -= sent.bytes) {
		struct zcpool_element element = zcpool_element_slice(offset, length);

		check(zcpool_send(pool, socket, &element, 1, 0, &sent), "send");
	}
}

int main(int argc, char **argv)
{
	struct zcpool_create create = { .buffer_size = BUFFER_SIZE, .count = 8 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct zcpool_edu_query limits = { 0 };
	struct zcpool_edu_submit submit = { 0 };
	int file, socket_fd, device, dmabuf;
	struct zcpool *pool;
	uint32_t index;
	ssize_t got;
	void *map;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
		printf("Usage: %s FILE ADDRESS PORT\n", argv[0]);
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	file = open(argv[1], O_RDONLY);
	if (file < 0)
		fail(argv[1]);
	to.sin_port = htons(atoi(argv[3]));
	socket_fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(socket_fd, (struct sockaddr *)&to, sizeof(to)))
		fail(argv[2]);

	/* A pool in the device's reach, all of it imported once and for all. */
	device = check(zcpool_edu_open(0, 0), "open /dev/zcpool-edu0");
	check(zcpool_edu_query(device, &limits), "query");
	check(zcpool_open(0, &pool), "open /dev/zcpool");
	create.dma_bits = limits.dma_bits;
	check(zcpool_create(pool, &create), "create a pool");
	check(zcpool_map(pool, PROT_READ | PROT_WRITE, &map), "map");
	/* The device only gets buffers that are ours: the export need not hold them. */
	dmabuf = check(zcpool_export(pool, 0, zcpool_size(pool), ZCPOOL_EXPORT_F_UNHELD), "export");
	submit.memory = check(zcpool_edu_import(device, dmabuf), "import");
	close(dmabuf);

	for (;;) {
		check(zcpool_get(pool, &index, -1), "get a buffer");
		got = read(file, zcpool_addr(pool, index), limits.memory_size);
		if (got <= 0)
			break;
		submit.offset = zcpool_offset(pool, index);
		submit.length = got;
		submit.flags = 0;
		transfer(device, &submit);
		memset(zcpool_addr(pool, index), 0, got);

		submit.flags = ZCPOOL_EDU_SUBMIT_F_FROM_DEVICE;
		transfer(device, &submit);
		*(char *)zcpool_addr(pool, index) = '#';
		send_all(pool, socket_fd, submit.offset, got);
		check(zcpool_put(pool, index), "put the buffer");
	}
	if (got < 0)
		fail("read");
	close(device);
	zcpool_close(pool);
	return 0;
}
