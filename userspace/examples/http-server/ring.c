// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <string.h>

#include "ring.h"

/* The queue of requests may be full: then the kernel takes them. */
static struct io_uring_sqe *next(struct io_uring *ring)
{
	struct io_uring_sqe *sqe;

	while (!(sqe = io_uring_get_sqe(ring)))
		io_uring_submit(ring);
	return sqe;
}

void ring_accept(struct io_uring *ring, struct operation *operation, int listener)
{
	struct io_uring_sqe *sqe = next(ring);

	io_uring_prep_accept(sqe, listener, NULL, NULL, SOCK_CLOEXEC);
	io_uring_sqe_set_data(sqe, operation);
}

void ring_receive(struct io_uring *ring, struct operation *operation, int socket, void *to,
		  size_t size)
{
	struct io_uring_sqe *sqe = next(ring);

	io_uring_prep_recv(sqe, socket, to, size, 0);
	io_uring_sqe_set_data(sqe, operation);
}

void ring_read(struct io_uring *ring, struct operation *operation, int file, const struct iovec *to,
	       unsigned int count, uint64_t offset)
{
	struct io_uring_sqe *sqe = next(ring);

	io_uring_prep_readv(sqe, file, to, count, offset);
	io_uring_sqe_set_data(sqe, operation);
}

/* SEND as an io_uring command: the ioctl's number, and the address of its struct. */
void ring_send(struct io_uring *ring, struct operation *operation, struct zcpool *pool,
	       struct zcpool_send *send)
{
	const uint64_t address = (uintptr_t)send;
	struct io_uring_sqe *sqe = next(ring);

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, zcpool_fd(pool), NULL, 0, 0);
	sqe->cmd_op = ZCPOOL_IOC_SEND;
	memcpy(sqe->cmd, &address, sizeof(address));
	io_uring_sqe_set_data(sqe, operation);
}

void ring_poll(struct io_uring *ring, struct operation *operation, int fd, short events)
{
	struct io_uring_sqe *sqe = next(ring);

	io_uring_prep_poll_add(sqe, fd, events);
	io_uring_sqe_set_data(sqe, operation);
}

void ring_sleep(struct io_uring *ring, struct operation *operation,
		struct __kernel_timespec *duration)
{
	struct io_uring_sqe *sqe = next(ring);

	io_uring_prep_timeout(sqe, duration, 0, 0);
	io_uring_sqe_set_data(sqe, operation);
}

int ring_run(struct io_uring *ring)
{
	int error = io_uring_submit_and_wait(ring, 1);
	struct io_uring_cqe *cqe;

	if (error < 0 && error != -EINTR)
		return error;
	while (!io_uring_peek_cqe(ring, &cqe)) {
		struct operation *operation = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		/* First, since done() may ask for more. */
		io_uring_cqe_seen(ring, cqe);
		operation->done(operation, result);
	}
	return 0;
}
