// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handing a message to another process, which reads it: by pipe, socket, shared memory
 * and TRANSFER.
 *
 * Both ends are one thread's, so no method pays for a change of process.  The producer
 * has the message in its memory; the pool's gets a buffer for it, and the consumer puts
 * it.  The consumer reads a byte of each page: what cannot be read before it is mapped,
 * or copied, has not arrived.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "bench.h"

/* Messages of a round, handed over one by one or as many at once as a method can. */
#define ROUNDS 8
#define PAGE 4096UL
/* For the largest message. */
#define ROOM (8 << 20)

static size_t size;
static char *source, *target;
static int memory_fds[BATCH];
static int ends[2];
static struct zcpool *producer, *consumer;
static uint64_t sum;

static void read_pages(const char *message)
{
	size_t page;

	for (page = 0; page < size; page += PAGE)
		sum += *(const volatile unsigned char *)(message + page);
}

static char *map_memory(size_t bytes)
{
	char *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(memory == MAP_FAILED ? -1 : 0);
	memset(memory, 1, bytes);
	return memory;
}

static int open_memory(void)
{
	source = map_memory(BATCH * size);
	target = map_memory(BATCH * size);
	return 0;
}

static void close_memory(void)
{
	munmap(source, BATCH * size);
	munmap(target, BATCH * size);
	close(ends[0]);
	close(ends[1]);
}

static int open_pipe(void)
{
	MUST(pipe2(ends, O_CLOEXEC));
	MUST(fcntl(ends[1], F_SETPIPE_SZ, size < 65536 ? 65536 : (int)size));
	return open_memory();
}

static void take(int i)
{
	size_t done;

	for (done = 0; done < size;)
		done += MUST(read(ends[0], target + i * size + done, size - done));
	read_pages(target + i * size);
}

static void by_pipe(void)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		MUST(write(ends[1], source + i * size, size) == (long)size ? 0 : -1);
		take(i);
	}
}

static void by_vmsplice(void)
{
	int i;

	for (i = 0; i < BATCH; i++) {
		struct iovec iov = { source + i * size, size };

		MUST(vmsplice(ends[1], &iov, 1, 0) == (long)size ? 0 : -1);
		take(i);
	}
}

/* With room for a message, beyond the system's limit if it must be, which only root may. */
static int open_socket_for(size_t message)
{
	const int wanted = ROOM;
	socklen_t length = sizeof(int);
	int room;

	MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	if (setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted)))
		MUST(setsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted)));
	MUST(getsockopt(ends[1], SOL_SOCKET, SO_SNDBUF, &room, &length));
	if ((size_t)room >= 2 * message)
		return open_memory();
	close(ends[0]);
	close(ends[1]);
	return -ENOBUFS;
}

static int open_socket(void)
{
	return open_socket_for(size);
}

/* Where a message is, the consumer learns by the pipe. */
static void by_readv(void)
{
	struct iovec from, to;
	int i;

	for (i = 0; i < BATCH; i++) {
		from = (struct iovec){ source + i * size, size };
		MUST(write(ends[1], &from, sizeof(from)));
		MUST(read(ends[0], &from, sizeof(from)));
		to = (struct iovec){ target + i * size, size };
		MUST(process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (long)size ? 0 : -1);
		read_pages(to.iov_base);
	}
}

static void by_readv_of_all(void)
{
	struct iovec from[BATCH], to[BATCH];
	int i;

	for (i = 0; i < BATCH; i++) {
		from[i] = (struct iovec){ source + i * size, size };
		to[i] = (struct iovec){ target + i * size, size };
	}
	MUST(write(ends[1], from, sizeof(from)));
	MUST(read(ends[0], from, sizeof(from)));
	MUST(process_vm_readv(getpid(), to, BATCH, from, BATCH, 0) == (long)(BATCH * size) ? 0 :
											     -1);
	for (i = 0; i < BATCH; i++)
		read_pages(to[i].iov_base);
}

static int open_memfds(void)
{
	int error = open_socket_for(1), i;

	for (i = 0; !error && i < BATCH; i++) {
		memory_fds[i] = (int)MUST(memfd_create("bench", MFD_CLOEXEC));
		MUST(write(memory_fds[i], source, size) == (long)size ? 0 : -1);
	}
	return error;
}

static void close_memfds(void)
{
	int i;

	for (i = 0; i < BATCH; i++)
		close(memory_fds[i]);
	close_memory();
}

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(BATCH * sizeof(int))];
};

/* Pass descriptors, and have them back as new ones. */
static void pass_fds(const int *fds, int *passed, int count)
{
	union control control = { 0 };
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	MUST(header ? 0 : -1);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
	MUST(sendmsg(ends[1], &message, 0));
	MUST(recvmsg(ends[0], &message, MSG_CMSG_CLOEXEC));
	header = CMSG_FIRSTHDR(&message);
	MUST(header && header->cmsg_len == CMSG_LEN(count * sizeof(int)) ? 0 : -1);
	memcpy(passed, CMSG_DATA(header), count * sizeof(int));
}

static void read_memfd(int fd)
{
	char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	MUST(map == MAP_FAILED ? -1 : 0);
	read_pages(map);
	munmap(map, size);
	close(fd);
}

static void by_memfd(void)
{
	int i, fd;

	for (i = 0; i < BATCH; i++) {
		pass_fds(&memory_fds[i], &fd, 1);
		read_memfd(fd);
	}
}

static void by_memfds(void)
{
	int fds[BATCH], i;

	pass_fds(memory_fds, fds, BATCH);
	for (i = 0; i < BATCH; i++)
		read_memfd(fds[i]);
}

static int open_pools(void)
{
	int error = make_filled_pool(size, 2 * BATCH, 1, &producer), share;
	uint32_t index;
	void *map;

	if (error)
		return error;
	share = (int)MUST(zcpool_share(producer, 0));
	MUST(zcpool_attach(share, 0, 0, &consumer));
	close(share);
	/* A mapping lasts: its page faults are no message's. */
	MUST(zcpool_map(consumer, PROT_READ, &map));
	for (index = 0; index < zcpool_count(consumer); index++)
		read_pages(zcpool_addr(consumer, index));
	return 0;
}

static void close_pools(void)
{
	zcpool_close(consumer);
	zcpool_close(producer);
}

static void by_transfer(void)
{
	uint32_t to = zcpool_handle_number(consumer);
	struct zcpool_item item = { .tag = size };
	int i;

	for (i = 0; i < BATCH; i++) {
		MUST(zcpool_get(producer, &item.index, -1));
		MUST(zcpool_transfer(producer, to, &item, 1, NULL));
		MUST(zcpool_receive(consumer, &item, 1, -1));
		read_pages(zcpool_addr(consumer, item.index));
		MUST(zcpool_put(consumer, item.index));
	}
}

static void by_transfer_of_all(void)
{
	uint32_t to = zcpool_handle_number(consumer), indices[BATCH];
	struct zcpool_item items[BATCH];
	int i;

	MUST(zcpool_get_batch(producer, indices, BATCH, -1) == BATCH ? 0 : -1);
	for (i = 0; i < BATCH; i++)
		items[i] = (struct zcpool_item){ .index = indices[i], .tag = size };
	MUST(zcpool_transfer(producer, to, items, BATCH, NULL));
	MUST(zcpool_receive(consumer, items, BATCH, -1) == BATCH ? 0 : -1);
	for (i = 0; i < BATCH; i++) {
		read_pages(zcpool_addr(consumer, items[i].index));
		indices[i] = items[i].index;
	}
	MUST(zcpool_put_batch(consumer, indices, BATCH, NULL));
}

static const struct hand_over {
	const char *name;
	/* 0, or a negative errno with nothing open. */
	int (*open)(void);
	void (*run)(void);
	void (*close)(void);
} hand_overs[] = {
	{ "pipe", open_pipe, by_pipe, close_memory },
	{ "unix socket", open_socket, by_pipe, close_memory },
	{ "vmsplice, read", open_pipe, by_vmsplice, close_memory },
	{ "process_vm_readv", open_pipe, by_readv, close_memory },
	{ "process_vm_readv of 32", open_pipe, by_readv_of_all, close_memory },
	{ "memfd by SCM_RIGHTS", open_memfds, by_memfd, close_memfds },
	{ "memfds by SCM_RIGHTS, 32", open_memfds, by_memfds, close_memfds },
	{ "pool+TRANSFER", open_pools, by_transfer, close_pools },
	{ "pool+TRANSFER of 32", open_pools, by_transfer_of_all, close_pools },
};

static void measure(const struct hand_over *method, size_t message)
{
	struct stopwatch watch;
	int error, i;

	if (result_left_out("hand-over", method->name, message))
		return;
	size = message;
	error = method->open();
	if (error) {
		result_leave_out("hand-over", method->name, message, strerror(-error));
		return;
	}
	method->run();
	sum = 0;
	stopwatch_start(&watch);
	for (i = 0; i < ROUNDS; i++)
		method->run();
	result_note("hand-over", method->name, message, stopwatch_stop(&watch, ROUNDS * BATCH));
	/* All of it was there. */
	MUST(sum == ROUNDS * BATCH * size / PAGE ? 0 : -1);
	method->close();
}

void bench_hand_over(void)
{
	static const size_t sizes[] = { 4 << 10, 64 << 10, 1 << 20 };
	unsigned int repeat;
	size_t m, s;

	for (repeat = 0; repeat < bench_options.repeats; repeat++) {
		bench_progress("hand-over: repeat %u of %u", repeat + 1, bench_options.repeats);
		for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			for (m = 0; m < sizeof(hand_overs) / sizeof(hand_overs[0]); m++)
				measure(&hand_overs[m], sizes[s]);
	}
}
