/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of SEND share: its elements, the call, and the call by io_uring. */
#ifndef ZCPOOL_SELFTEST_SEND_H
#define ZCPOOL_SELFTEST_SEND_H

#include <liburing.h>

#include "util.h"

static inline struct zcpool_element slice(uint64_t offset, uint64_t length)
{
	return (struct zcpool_element){ .base = offset, .length = length };
}

static inline struct zcpool_element bytes(const void *address, uint64_t length)
{
	return (struct zcpool_element){
		.base = (uintptr_t)address,
		.length = length,
		.flags = ZCPOOL_ELEMENT_F_INLINE,
	};
}

/* Returns bytes sent, or a negative errno; *copied as SEND has it. */
static inline long send_vector(int fd, int socket, const struct zcpool_element *elements,
			       uint32_t count, uint32_t flags, uint64_t *copied)
{
	struct zcpool_send arg = {
		.elements = (uintptr_t)elements,
		.count = count,
		.fd = socket,
		.flags = flags,
		.sent = ~0ULL,
	};
	int ret = ioctl(fd, ZCPOOL_IOC_SEND, &arg) ? -errno : 0;

	if (copied)
		*copied = arg.copied;
	/* An error has sent nothing, and says so where it can. */
	if (ret && ret != -EFAULT && ret != -EINVAL && ret != -ENXIO && arg.sent)
		return -1000;
	return ret ? ret : (long)arg.sent;
}

/* Send the pool's beginning until the socket is full, and stays so; bytes sent. */
static inline long fill_socket(int fd, int socket, uint64_t size)
{
	const struct zcpool_element element = slice(0, size);
	long ret, sum = 0, before;

	do {
		before = sum;
		while ((ret = send_vector(fd, socket, &element, 1, ZCPOOL_SEND_F_DONTWAIT, NULL)) >
		       0)
			sum += ret;
		while (!settled(socket))
			usleep(1000);
	} while (sum > before && ret == -EAGAIN);
	return ret == -EAGAIN ? sum : ret;
}

static inline void prepare_send(struct io_uring *ring, int fd, uint32_t op, struct zcpool_send *arg)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	const uint64_t address = (uintptr_t)arg;

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = op;
	memcpy(sqe->cmd, &address, sizeof(address));
}

static inline int result_of(struct io_uring *ring)
{
	struct __kernel_timespec soon = { .tv_sec = 60 };
	struct io_uring_cqe *cqe;
	int ret = io_uring_wait_cqe_timeout(ring, &cqe, &soon);

	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

#endif /* ZCPOOL_SELFTEST_SEND_H */
