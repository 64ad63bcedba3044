// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways to send.  Each cycles through SLOTS messages in memory that the
 * program could have changed; the pool's get a buffer by the library and put it
 * back, as a program would, so their cost has that of knowing when to reuse.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"

#define SLOTS_MAX 16
/* Of large messages fewer, so that they fit into memory. */
#define SLOTS_BYTES (64UL << 20)

static char *memory;
static size_t memory_size;
static int memory_fd = -1;
static size_t slot_size;
static unsigned int slot, slots;
static int pipes[2];
static size_t in_pipe;
static struct zcpool *pool;
static uint32_t buffer;
static bool have_buffer;

unsigned int method_slots(size_t size)
{
	return size > SLOTS_BYTES / SLOTS_MAX ? (unsigned int)(SLOTS_BYTES / size) : SLOTS_MAX;
}

/* The memory of all slots. */
static void set_slots(size_t size)
{
	slot = 0;
	slots = method_slots(size);
	slot_size = size;
	memory_size = size * slots;
}

static void next_slot(int socket)
{
	(void)socket;
	slot = (slot + 1) % slots;
}

static int open_memory(size_t size)
{
	set_slots(size);
	memory =
		mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(memory == MAP_FAILED ? -1 : 0);
	memset(memory, 'm', memory_size);
	return 0;
}

static void close_memory(void)
{
	munmap(memory, memory_size);
	if (memory_fd >= 0)
		close(memory_fd);
	memory_fd = -1;
}

static long send_write(int socket, size_t done, size_t size)
{
	return write(socket, memory + slot * slot_size + done, size - done);
}

static int open_memfd(size_t size)
{
	set_slots(size);
	memory_fd = (int)MUST(memfd_create("bench", 0));
	MUST(ftruncate(memory_fd, memory_size));
	memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_SHARED, memory_fd, 0);
	MUST(memory == MAP_FAILED ? -1 : 0);
	memset(memory, 'f', memory_size);
	return 0;
}

static long send_memfd_sendfile(int socket, size_t done, size_t size)
{
	off_t offset = slot * slot_size + done;

	return sendfile(socket, memory_fd, &offset, size - done);
}

static void open_pipe(void)
{
	MUST(pipe2(pipes, O_NONBLOCK));
	MUST(fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20));
	in_pipe = 0;
}

static void close_pipe(void)
{
	close(pipes[0]);
	close(pipes[1]);
}

/* From a file to the pipe, what is not yet in it, and on to the socket. */
static long send_by_pipe(int fd, off_t start, int socket, size_t done, size_t size)
{
	off_t offset = start + done + in_pipe;
	long moved;

	if (done + in_pipe < size)
		in_pipe += MUST(splice(fd, &offset, pipes[1], NULL, size - done - in_pipe, 0));
	moved = splice(pipes[0], NULL, socket, NULL, in_pipe, 0);
	if (moved > 0)
		in_pipe -= moved;
	return moved;
}

static int open_memfd_splice(size_t size)
{
	open_pipe();
	return open_memfd(size);
}

static void close_splice(void)
{
	close_pipe();
	close_memory();
}

static long send_memfd_splice(int socket, size_t done, size_t size)
{
	return send_by_pipe(memory_fd, slot * slot_size, socket, done, size);
}

static int open_vmsplice(size_t size)
{
	open_pipe();
	return open_memory(size);
}

static long send_vmsplice(int socket, size_t done, size_t size)
{
	struct iovec iov = {
		.iov_base = memory + slot * slot_size + done + in_pipe,
		.iov_len = size - done - in_pipe,
	};
	long moved;

	if (iov.iov_len)
		in_pipe += MUST(vmsplice(pipes[1], &iov, 1, 0));
	moved = splice(pipes[0], NULL, socket, NULL, in_pipe, 0);
	if (moved > 0)
		in_pipe -= moved;
	return moved;
}

static unsigned int zerocopy_calls;

static long send_zerocopy(int socket, size_t done, size_t size)
{
	long sent;

	if (!zerocopy_calls) {
		const int one = 1;

		MUST(setsockopt(socket, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
	}
	sent = send(socket, memory + slot * slot_size + done, size - done, MSG_ZEROCOPY);
	if (sent > 0)
		zerocopy_calls++;
	return sent;
}

/* The notification tells that the memory may be reused. */
static void finish_zerocopy(int socket)
{
	char control[128];
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };

	while (recvmsg(socket, &message, MSG_ERRQUEUE) >= 0)
		message.msg_controllen = sizeof(control);
	next_slot(socket);
}

static int open_zerocopy(size_t size)
{
	zerocopy_calls = 0;
	return open_memory(size);
}

static int open_pool(size_t size)
{
	have_buffer = false;
	return make_filled_pool(size, method_slots(size), 'p', &pool);
}

static void close_pool(void)
{
	zcpool_close(pool);
}

static uint64_t pool_offset(void)
{
	if (!have_buffer)
		MUST(zcpool_get(pool, &buffer, -1));
	have_buffer = true;
	return zcpool_offset(pool, buffer);
}

static void finish_pool(int socket)
{
	(void)socket;
	MUST(zcpool_put(pool, buffer));
	have_buffer = false;
}

static long send_pool_sendfile(int socket, size_t done, size_t size)
{
	off_t offset = pool_offset() + done;

	return sendfile(socket, zcpool_fd(pool), &offset, size - done);
}

static int open_pool_splice(size_t size)
{
	int error = open_pool(size);

	if (!error)
		open_pipe();
	return error;
}

static void close_pool_splice(void)
{
	close_pipe();
	close_pool();
}

static long send_pool_splice(int socket, size_t done, size_t size)
{
	return send_by_pipe(zcpool_fd(pool), pool_offset(), socket, done, size);
}

static long send_pool_send(int socket, size_t done, size_t size)
{
	struct zcpool_element element = zcpool_element_slice(pool_offset() + done, size - done);
	struct zcpool_sent sent;
	int error = zcpool_send(pool, socket, &element, 1, 0, &sent);

	errno = -error;
	return error ? -1 : (long)sent.bytes;
}

const struct method methods[] = {
	{ "write", open_memory, send_write, next_slot, close_memory },
	{ "memfd+sendfile", open_memfd, send_memfd_sendfile, next_slot, close_memory },
	{ "memfd+splice", open_memfd_splice, send_memfd_splice, next_slot, close_splice },
	{ "vmsplice", open_vmsplice, send_vmsplice, next_slot, close_splice },
	{ "MSG_ZEROCOPY", open_zerocopy, send_zerocopy, finish_zerocopy, close_memory },
	{ "pool+sendfile", open_pool, send_pool_sendfile, finish_pool, close_pool },
	{ "pool+splice", open_pool_splice, send_pool_splice, finish_pool, close_pool_splice },
	{ "pool+SEND", open_pool, send_pool_send, finish_pool, close_pool },
};

const size_t nr_methods = sizeof(methods) / sizeof(methods[0]);
