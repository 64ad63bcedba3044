// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many small messages: one by one, by those calls that take several, and by SEND.
 *
 * The receiver reads them, or has the kernel discard them: with the peer on another
 * machine, as it mostly is, its copy is not the sender's cost.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"

#define MESSAGES 64
#define MESSAGE (4UL << 10)
#define SIZE (MESSAGES * MESSAGE)
#define ROUNDS 32
/* All of them before any is received. */
#define ROOM (2 * SIZE)

/* The messages: in memory, in a memfd, in a pool of a buffer for each, or in one buffer. */
static char *memory;
static int memory_fd;
static struct zcpool *pool;
static struct zcpool *log_pool;

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
	int i;

	for (i = 0; i < MESSAGES; i++)
		uring_send(socket, memory + i * MESSAGE, MESSAGE);
	uring_wait(MESSAGES, MESSAGE);
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
	struct stopwatch watch;
	int pair[2];

	if (result_left_out(section, vector->name, MESSAGES))
		return;
	connect_pair(pair, AF_INET);
	if (connection_room(pair) < ROOM) {
		result_leave_out(section, vector->name, MESSAGES,
				 "needs a connection's buffers of 2 MiB: be root, or raise "
				 "net.core.wmem_max and net.core.rmem_max");
		close_pair(pair);
		return;
	}
	run(vector, pair, receive_flags);
	stopwatch_start(&watch);
	run(vector, pair, receive_flags);
	result_note(section, vector->name, MESSAGES, stopwatch_stop(&watch, ROUNDS * SIZE));
	close_pair(pair);
}

static void leave_out(const char *name, const char *why)
{
	result_leave_out("vector", name, MESSAGES, why);
	result_leave_out("vector, discarded", name, MESSAGES, why);
}

/* What there is none of is left out. */
static bool open_all(void)
{
	int error;
	size_t i;

	error = make_filled_pool(MESSAGE, 2 * MESSAGES, 'v', &pool);
	if (!error)
		error = make_filled_pool(SIZE, 1, 'v', &log_pool);
	for (i = 0; error && i < sizeof(vectors) / sizeof(vectors[0]); i++)
		if (!strncmp(vectors[i].name, "pool", 4))
			leave_out(vectors[i].name, strerror(-error));
	error = uring_open(MESSAGES);
	if (error)
		leave_out("io_uring send", strerror(-error));
	return !error;
}

void bench_vector(void)
{
	bool have_uring;
	unsigned int repeat;
	size_t i;

	memory_fd = (int)MUST(memfd_create("bench", MFD_CLOEXEC));
	MUST(ftruncate(memory_fd, SIZE));
	memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	MUST(memory == MAP_FAILED ? -1 : 0);
	memset(memory, 'v', SIZE);
	have_uring = open_all();
	for (repeat = 0; repeat < bench_options.repeats; repeat++) {
		bench_progress("vectors: repeat %u of %u", repeat + 1, bench_options.repeats);
		for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
			measure(&vectors[i], "vector", 0);
			measure(&vectors[i], "vector, discarded", MSG_TRUNC);
		}
	}
	if (have_uring)
		uring_close();
	zcpool_close(log_pool);
	zcpool_close(pool);
	munmap(memory, SIZE);
	close(memory_fd);
}
