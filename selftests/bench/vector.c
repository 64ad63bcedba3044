// SPDX-License-Identifier: GPL-2.0-only
/* Many small messages: one by one, by those calls that take several, and by SEND. */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <zcpool.h>

#include "bench.h"

#define MESSAGES 64
#define MESSAGE (4UL << 10)
#define SIZE (MESSAGES * MESSAGE)
#define ROUNDS 32

/* The messages: in memory, in a memfd, or in a pool of a buffer for each. */
static char *memory;
static int memory_fd;
static struct zcpool *pool;
static struct io_uring ring;

static void by_write(int socket)
{
	int i;

	for (i = 0; i < MESSAGES; i++)
		MUST(write(socket, memory + i * MESSAGE, MESSAGE));
}

static void by_writev(int socket)
{
	struct iovec iov[MESSAGES];
	int i;

	for (i = 0; i < MESSAGES; i++)
		iov[i] = (struct iovec){ memory + i * MESSAGE, MESSAGE };
	MUST(writev(socket, iov, MESSAGES));
}

static void by_sendfile(int socket)
{
	int on = 1, off = 0, i;

	MUST(setsockopt(socket, IPPROTO_TCP, TCP_CORK, &on, sizeof(on)));
	for (i = 0; i < MESSAGES; i++) {
		off_t offset = i * MESSAGE;

		MUST(sendfile(socket, memory_fd, &offset, MESSAGE));
	}
	MUST(setsockopt(socket, IPPROTO_TCP, TCP_CORK, &off, sizeof(off)));
}

static void by_uring(int socket)
{
	struct io_uring_cqe *cqe;
	int i;

	for (i = 0; i < MESSAGES; i++)
		io_uring_prep_send(io_uring_get_sqe(&ring), socket, memory + i * MESSAGE, MESSAGE,
				   MSG_WAITALL);
	MUST(io_uring_submit_and_wait(&ring, MESSAGES));
	for (i = 0; i < MESSAGES; i++) {
		MUST(io_uring_wait_cqe(&ring, &cqe));
		MUST(cqe->res == MESSAGE ? 0 : -1);
		io_uring_cqe_seen(&ring, cqe);
	}
}

/* Each message in a buffer of its own. */
static void by_send(int socket)
{
	struct zcpool_element elements[MESSAGES];
	struct zcpool_sent sent;
	int i;

	for (i = 0; i < MESSAGES; i++)
		elements[i] = zcpool_element_slice(zcpool_offset(pool, i), MESSAGE);
	MUST(zcpool_send(pool, socket, elements, MESSAGES, 0, &sent));
	MUST(sent.bytes == SIZE && !sent.copied ? 0 : -1);
}

/* The buffers are got before and put afterwards. */
static void by_send_of_fresh_buffers(int socket)
{
	struct zcpool_element elements[MESSAGES];
	uint32_t indices[MESSAGES];
	struct zcpool_sent sent;
	int i;

	for (i = 0; i < MESSAGES; i++) {
		MUST(zcpool_get(pool, &indices[i], 0));
		elements[i] = zcpool_element_slice(zcpool_offset(pool, indices[i]), MESSAGE);
	}
	MUST(zcpool_send(pool, socket, elements, MESSAGES, 0, &sent));
	MUST(sent.bytes == SIZE && !sent.copied ? 0 : -1);
	for (i = 0; i < MESSAGES; i++)
		MUST(zcpool_put(pool, indices[i]));
}

static const struct {
	const char *name;
	void (*send)(int socket);
} vectors[] = {
	{ "write", by_write },
	{ "writev", by_writev },
	{ "sendfile with TCP_CORK", by_sendfile },
	{ "io_uring send", by_uring },
	{ "pool+SEND", by_send },
	{ "pool+SEND, with GET and PUT", by_send_of_fresh_buffers },
};

static void run(void (*send)(int socket), int pair[2], int rounds)
{
	size_t received;

	while (rounds--) {
		send(pair[0]);
		for (received = 0; received < SIZE;)
			received += drain(pair[1]);
	}
}

static void measure(size_t vector)
{
	struct result *result = result_add("vector", vectors[vector].name, MESSAGES);
	uint64_t start;
	int pair[2];

	connect_pair(pair);
	run(vectors[vector].send, pair, ROUNDS);
	start = clock_ns();
	run(vectors[vector].send, pair, ROUNDS);
	result_cost(result, (double)(clock_ns() - start) / (ROUNDS * SIZE));
	close(pair[0]);
	close(pair[1]);
}

void bench_vector(const struct bench_options *options)
{
	struct zcpool_create create = { .buffer_size = MESSAGE, .count = 2 * MESSAGES };
	unsigned int repeat;
	size_t i;
	void *map;

	fprintf(stderr, "vectors\n");
	memory_fd = MUST(memfd_create("bench", 0));
	MUST(ftruncate(memory_fd, SIZE));
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	MUST(memory == MAP_FAILED ? -1 : 0);
	memset(memory, 'v', SIZE);
	MUST(zcpool_open(0, &pool));
	MUST(zcpool_create(pool, &create));
	MUST(zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	memset(map, 'v', zcpool_size(pool));
	MUST(io_uring_queue_init(MESSAGES, &ring, 0));
	for (repeat = 0; repeat < options->repeats; repeat++)
		for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
			measure(i);
	io_uring_queue_exit(&ring);
	zcpool_close(pool);
	munmap(memory, SIZE);
	close(memory_fd);
}
