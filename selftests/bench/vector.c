// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many small messages: one by one, by those calls that take several, and by SEND.
 *
 * The receiver reads them, or has the kernel discard them: with the peer on another
 * machine, as it mostly is, its copy is not the sender's cost.
 */
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

/* The messages: in memory, in a memfd, in a pool of a buffer for each, or in one buffer. */
static char *memory;
static int memory_fd;
static struct zcpool *pool;
static struct zcpool *log_pool;
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

static void must_send(struct zcpool *from, int socket, const struct zcpool_element *elements)
{
	struct zcpool_sent sent;

	MUST(zcpool_send(from, socket, elements, MESSAGES, 0, &sent));
	MUST(sent.bytes == SIZE && !sent.copied ? 0 : -1);
}

/* Each message in a buffer of its own. */
static void by_send(int socket)
{
	struct zcpool_element elements[MESSAGES];
	int i;

	for (i = 0; i < MESSAGES; i++)
		elements[i] = zcpool_element_slice(zcpool_offset(pool, i), MESSAGE);
	must_send(pool, socket, elements);
}

/* Side by side, as the others have them. */
static void by_send_of_neighbours(int socket)
{
	struct zcpool_element elements[MESSAGES];
	int i;

	for (i = 0; i < MESSAGES; i++)
		elements[i] = zcpool_element_slice(i * MESSAGE, MESSAGE);
	must_send(log_pool, socket, elements);
}

/* The buffers are got before and put afterwards. */
static void by_send_of_fresh_buffers(int socket)
{
	struct zcpool_element elements[MESSAGES];
	uint32_t indices[MESSAGES];
	int i;

	for (i = 0; i < MESSAGES; i++) {
		MUST(zcpool_get(pool, &indices[i], 0));
		elements[i] = zcpool_element_slice(zcpool_offset(pool, indices[i]), MESSAGE);
	}
	must_send(pool, socket, elements);
	for (i = 0; i < MESSAGES; i++)
		MUST(zcpool_put(pool, indices[i]));
}

struct vector {
	const char *name;
	void (*send)(int socket);
};

static const struct vector vectors[] = {
	{ "write", by_write },
	{ "writev", by_writev },
	{ "sendfile with TCP_CORK", by_sendfile },
	{ "io_uring send", by_uring },
	{ "pool+SEND", by_send },
	{ "pool+SEND, side by side", by_send_of_neighbours },
	{ "pool+SEND, with GET and PUT", by_send_of_fresh_buffers },
};

static void run(const struct vector *vector, int pair[2], int receive_flags)
{
	size_t received;
	int round;

	for (round = 0; round < ROUNDS; round++) {
		vector->send(pair[0]);
		for (received = 0; received < SIZE;)
			received += drain(pair[1], receive_flags);
	}
}

static void measure(const struct vector *vector, const char *section, int receive_flags)
{
	struct result *result = result_add(section, vector->name, MESSAGES);
	uint64_t start;
	int pair[2];

	connect_pair(pair);
	run(vector, pair, receive_flags);
	start = clock_ns();
	run(vector, pair, receive_flags);
	result_cost(result, (double)(clock_ns() - start) / (ROUNDS * SIZE));
	close(pair[0]);
	close(pair[1]);
}

static struct zcpool *make_pool(uint64_t buffer_size, uint32_t count)
{
	struct zcpool_create create = { .buffer_size = buffer_size, .count = count };
	struct zcpool *made;
	void *map;

	MUST(zcpool_open(0, &made));
	MUST(zcpool_create(made, &create));
	MUST(zcpool_map(made, PROT_READ | PROT_WRITE, &map));
	memset(map, 'v', zcpool_size(made));
	return made;
}

void bench_vector(const struct bench_options *options)
{
	unsigned int repeat;
	size_t i;

	fprintf(stderr, "vectors\n");
	memory_fd = MUST(memfd_create("bench", 0));
	MUST(ftruncate(memory_fd, SIZE));
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	MUST(memory == MAP_FAILED ? -1 : 0);
	memset(memory, 'v', SIZE);
	pool = make_pool(MESSAGE, 2 * MESSAGES);
	log_pool = make_pool(SIZE, 1);
	MUST(io_uring_queue_init(MESSAGES, &ring, 0));
	for (repeat = 0; repeat < options->repeats; repeat++)
		for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
			measure(&vectors[i], "vector", 0);
			measure(&vectors[i], "vector, discarded", MSG_TRUNC);
		}
	io_uring_queue_exit(&ring);
	zcpool_close(log_pool);
	zcpool_close(pool);
	munmap(memory, SIZE);
	close(memory_fd);
}
