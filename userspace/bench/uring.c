// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sends by io_uring, as many at once as there are: by the system calls themselves, so
 * that the tool is built without a library for them.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

/* A ring that the kernel shares: entries are taken at the head, added at the tail. */
struct ring {
	_Atomic uint32_t *head, *tail;
	uint32_t mask;
};

static int ring_fd = -1;
static struct ring submissions, completions;
static uint32_t *order;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static void *rings;
static size_t rings_size, sqes_size;

static void *map_ring(size_t size, off_t offset)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_fd,
			 offset);

	MUST(map == MAP_FAILED ? -1 : 0);
	return map;
}

static void *in_rings(uint32_t offset)
{
	return (char *)rings + offset;
}

int uring_open(unsigned int entries)
{
	struct io_uring_params params = { 0 };

	ring_fd = (int)syscall(SYS_io_uring_setup, entries, &params);
	if (ring_fd < 0)
		return -errno;
	/* Both in one mapping: Linux 5.4. */
	rings_size = params.cq_off.cqes + params.cq_entries * sizeof(*cqes);
	if (rings_size < params.sq_off.array + params.sq_entries * sizeof(*order))
		rings_size = params.sq_off.array + params.sq_entries * sizeof(*order);
	rings = map_ring(rings_size, IORING_OFF_SQ_RING);
	sqes_size = params.sq_entries * sizeof(*sqes);
	sqes = map_ring(sqes_size, IORING_OFF_SQES);
	submissions = (struct ring){ in_rings(params.sq_off.head), in_rings(params.sq_off.tail),
				     params.sq_entries - 1 };
	completions = (struct ring){ in_rings(params.cq_off.head), in_rings(params.cq_off.tail),
				     params.cq_entries - 1 };
	order = in_rings(params.sq_off.array);
	cqes = in_rings(params.cq_off.cqes);
	return 0;
}

void uring_send(int socket, const void *message, uint32_t length)
{
	uint32_t tail = atomic_load_explicit(submissions.tail, memory_order_relaxed);
	uint32_t index = tail & submissions.mask;
	struct io_uring_sqe *sqe = &sqes[index];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_SEND;
	sqe->fd = socket;
	sqe->addr = (uintptr_t)message;
	sqe->len = length;
	sqe->msg_flags = MSG_WAITALL;
	order[index] = index;
	/* Pairs with the kernel's load of the tail in io_uring_enter(). */
	atomic_store_explicit(submissions.tail, tail + 1, memory_order_release);
}

void uring_wait(unsigned int messages, int32_t length)
{
	uint32_t head = atomic_load_explicit(completions.head, memory_order_relaxed);
	unsigned int i;

	MUST(syscall(SYS_io_uring_enter, ring_fd, messages, messages, IORING_ENTER_GETEVENTS, NULL,
		     0) == (long)messages ?
		     0 :
		     -1);
	for (i = 0; i < messages; i++, head++) {
		/* Pairs with the kernel's store of the tail behind each completion. */
		MUST(atomic_load_explicit(completions.tail, memory_order_acquire) == head ? -1 : 0);
		MUST(cqes[head & completions.mask].res == length ? 0 : -1);
	}
	atomic_store_explicit(completions.head, head, memory_order_release);
}

void uring_close(void)
{
	munmap(rings, rings_size);
	munmap(sqes, sqes_size);
	close(ring_fd);
}
