// SPDX-License-Identifier: GPL-2.0-only
/* Devices and sockets reach the pool's memory through an ordinary mapping. */
#include <liburing.h>
#include <linux/errqueue.h>

#include "util.h"

#include "harness.h"

/* An empty disk of the rig: selftests/vm/run --nvme. */
#define DISK "/dev/nvme0n1"

FIXTURE(mapped)
{
	int fd;
	char *map;
	size_t size;
};

FIXTURE_VARIANT(mapped)
{
	uint64_t buffer;
};

VARIANT(mapped, medium, .buffer = 64 * KIB);
VARIANT(mapped, huge, .buffer = 2 * MIB);

FIXTURE_SETUP(mapped)
{
	self->size = 4 * variant->buffer;
	self->fd = new_pool(variant->buffer, 4);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, self->size);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN(mapped)
{
	munmap(self->map, self->size);
	close(self->fd);
}

static void fill(char *data, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size / 4; i++)
		((uint32_t *)data)[i] = i * 2654435761U + seed;
}

TEST_F(mapped, disk_writes_from_it_and_reads_into_it)
{
	int disk = open(DISK, O_RDWR | O_DIRECT);
	char *from = self->map, *to = self->map + variant->buffer;

	ASSERT_GE(disk, 0);
	fill(from, variant->buffer, 1);
	ASSERT_EQ(variant->buffer, pwrite(disk, from, variant->buffer, 4096));
	ASSERT_EQ(variant->buffer, pread(disk, to, variant->buffer, 4096));
	ASSERT_EQ(0, memcmp(from, to, variant->buffer));
	/* A part of a buffer, and across two of them. */
	ASSERT_EQ(8192, pread(disk, self->map + 2 * variant->buffer - 4096, 8192, 4096));
	ASSERT_EQ(0, memcmp(self->map + 2 * variant->buffer - 4096, from, 8192));
	close(disk);
}

/* The disk reads into pages that it has never been touched by a program. */
TEST_F(mapped, disk_reads_into_untouched_memory)
{
	int disk = open(DISK, O_RDWR | O_DIRECT);
	char *data = aligned_alloc(4096, 8192);

	fill(data, 8192, 2);
	ASSERT_EQ(8192, pwrite(disk, data, 8192, 0));
	ASSERT_EQ(8192, pread(disk, self->map + 3 * variant->buffer, 8192, 0));
	ASSERT_EQ(0, memcmp(self->map + 3 * variant->buffer, data, 8192));
	close(disk);
}

TEST_F(mapped, msg_zerocopy)
{
	struct msghdr message = { 0 };
	char control[128], *back = malloc(32 * KIB);
	struct sock_extended_err *error;
	struct pollfd poll_fd;
	int pair[2], one = 1;

	ASSERT_EQ(0, tcp_pair(pair));
	ASSERT_EQ(0, setsockopt(pair[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
	fill(self->map, 32 * KIB, 3);
	ASSERT_EQ(32 * KIB, send(pair[0], self->map, 32 * KIB, MSG_ZEROCOPY));
	ASSERT_EQ(32 * KIB, read_full(pair[1], back, 32 * KIB));
	ASSERT_EQ(0, memcmp(back, self->map, 32 * KIB));
	poll_fd = (struct pollfd){ .fd = pair[0] };
	ASSERT_EQ(1, poll(&poll_fd, 1, -1));
	message.msg_control = control;
	message.msg_controllen = sizeof(control);
	ASSERT_EQ(0, recvmsg(pair[0], &message, MSG_ERRQUEUE));
	error = (void *)CMSG_DATA(CMSG_FIRSTHDR(&message));
	ASSERT_EQ(0, error->ee_errno);
	ASSERT_EQ(SO_EE_ORIGIN_ZEROCOPY, error->ee_origin);
	close(pair[0]);
	close(pair[1]);
	free(back);
}

static int submit(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit(ring);

	if (ret != 1)
		return ret < 0 ? ret : -EIO;
	ret = io_uring_wait_cqe(ring, &cqe);
	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

/* The mapping as memory of a read from disk, the handle as the file itself. */
TEST_F(mapped, io_uring)
{
	int disk = open(DISK, O_RDWR | O_DIRECT);
	struct io_uring ring;
	char back[4096];

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	fill(self->map, 8192, 4);
	io_uring_prep_write(io_uring_get_sqe(&ring), disk, self->map, 8192, 8192);
	ASSERT_EQ(8192, submit(&ring));
	io_uring_prep_read(io_uring_get_sqe(&ring), disk, self->map + variant->buffer, 8192, 8192);
	ASSERT_EQ(8192, submit(&ring));
	ASSERT_EQ(0, memcmp(self->map, self->map + variant->buffer, 8192));

	io_uring_prep_read(io_uring_get_sqe(&ring), self->fd, back, 4096, 4096);
	ASSERT_EQ(4096, submit(&ring));
	ASSERT_EQ(0, memcmp(back, self->map + 4096, 4096));
	back[0] ^= 1;
	io_uring_prep_write(io_uring_get_sqe(&ring), self->fd, back, 4096, variant->buffer);
	ASSERT_EQ(4096, submit(&ring));
	ASSERT_EQ(0, memcmp(back, self->map + variant->buffer, 4096));
	io_uring_queue_exit(&ring);
	close(disk);
}

/* poll through io_uring, as an event loop does. */
TEST_F(mapped, io_uring_poll)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	uint32_t indices[4];

	ASSERT_EQ(4, get_many(self->fd, indices, 4, 0, 0));
	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	io_uring_prep_poll_add(io_uring_get_sqe(&ring), self->fd, POLLOUT);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(-EAGAIN, io_uring_peek_cqe(&ring, &cqe));
	ASSERT_EQ(0, put_one(self->fd, indices[0]));
	ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
	ASSERT_TRUE(cqe->res & POLLOUT);
	io_uring_queue_exit(&ring);
}

/* What the kernel at hand allows is what QUERY says. */
/* A pin of long term: the buffer is held, idle as it is, until it is unregistered. */
TEST_F(mapped, io_uring_fixed_buffers_as_announced)
{
	struct iovec iov = { self->map, variant->buffer };
	char *back = malloc(variant->buffer);
	struct zcpool_query q;
	struct io_uring ring;
	int pipes[2], index, ret;

	ASSERT_EQ(0, query(self->fd, &q));
	for (index = 0; index < 4; index++)
		ASSERT_EQ(index, get_now(self->fd));
	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	fill(self->map, variant->buffer, 8);
	ret = io_uring_register_buffers(&ring, &iov, 1);
	ASSERT_EQ(q.features & ZCPOOL_FEATURE_FIXED_BUFFERS ? 0 : -EOPNOTSUPP, ret);
	if (!ret) {
		ASSERT_EQ(0, pipe(pipes));
		ASSERT_EQ(0, put_one(self->fd, 0));
		ASSERT_EQ(-EAGAIN, get_now(self->fd));
		/* Input and output by it take no reference and leave none. */
		io_uring_prep_write_fixed(io_uring_get_sqe(&ring), pipes[1], self->map, 4096, 0, 0);
		ASSERT_EQ(1, io_uring_submit(&ring));
		ASSERT_EQ(4096, read_full(pipes[0], back, 4096));
		EXPECT_EQ(0, memcmp(back, self->map, 4096));
		ASSERT_EQ(-EAGAIN, get_now(self->fd));
		ASSERT_EQ(0, io_uring_unregister_buffers(&ring));
		ASSERT_EQ(0, get_wait(self->fd));
	}
	io_uring_queue_exit(&ring);
	free(back);
}

TEST_HARNESS_MAIN
