/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What the server asks of io_uring, one call per kind of request. */
#ifndef RING_H
#define RING_H

#include <liburing.h>

#include <zcpool.h>

/* Part of whoever asks, who may have one request under way by each of these. */
struct operation {
	/* result: as the system call's, errors as negative errno. */
	void (*done)(struct operation *operation, int result);
};

static inline void *at_offset_before(void *part, size_t offset)
{
	return (char *)part - offset;
}

/* The struct of which an operation, or what else it has embedded, is a part. */
#define part_of(pointer, type, member) ((type *)at_offset_before(pointer, offsetof(type, member)))

/* What is passed by pointer must stay until done() is called. */
void ring_accept(struct io_uring *ring, struct operation *operation, int listener);
void ring_receive(struct io_uring *ring, struct operation *operation, int socket, void *to,
		  size_t size);
void ring_read(struct io_uring *ring, struct operation *operation, int file, const struct iovec *to,
	       unsigned int count, uint64_t offset);
void ring_send(struct io_uring *ring, struct operation *operation, struct zcpool *pool,
	       struct zcpool_send *send);
void ring_poll(struct io_uring *ring, struct operation *operation, int fd, short events);
void ring_sleep(struct io_uring *ring, struct operation *operation,
		struct __kernel_timespec *duration);

/* Submit, wait for something to be done, and tell all to whom that happened. */
int ring_run(struct io_uring *ring);

#endif /* RING_H */
