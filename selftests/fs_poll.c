// SPDX-License-Identifier: GPL-2.0-only
/*
 * Named pools to who polls a file before it reads or writes: poll(), select(), and
 * io_uring where a read or write is short.
 */
#include <liburing.h>
#include <sys/select.h>

#include "fs.h"

#include "harness.h"

#define SIZE (100 * KIB + 123)

FIXTURE(fs)
{
	int fd;
	struct io_uring ring;
	char data[4 * KIB];
};

FIXTURE_SETUP(fs)
{
	ASSERT_EQ(0, mount_fs());
	self->fd = new_file(FILE_A, SIZE);
	ASSERT_GE(self->fd, 0);
	fill(self->data, sizeof(self->data));
	ASSERT_EQ(0, io_uring_queue_init(4, &self->ring, 0));
}

FIXTURE_TEARDOWN(fs)
{
	int error = -EBUSY, try = 0;

	io_uring_queue_exit(&self->ring);
	close(self->fd);
	unlink(FILE_A);
	/* A worker of the ring's may have the file yet, whose result is there. */
	while (error == -EBUSY && try++ < 20000 && !usleep(1000))
		error = unmount_fs();
	EXPECT_EQ(0, error);
}

static int ready(int fd, short events)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };

	return poll(&poll_fd, 1, 0) < 0 ? -errno : poll_fd.revents;
}

/* What the request that was prepared comes to, or -ETIME: it is not done in 60 s. */
static int result(struct io_uring *ring)
{
	struct __kernel_timespec limit = { .tv_sec = 60 };
	struct io_uring_cqe *cqe;
	int ret;

	io_uring_submit(ring);
	ret = io_uring_wait_cqe_timeout(ring, &cqe, &limit);
	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

static int uring_read(struct io_uring *ring, int fd, char *to, size_t length, off_t offset)
{
	io_uring_prep_read(io_uring_get_sqe(ring), fd, to, length, offset);
	return result(ring);
}

static int uring_write(struct io_uring *ring, int fd, const char *from, size_t length, off_t offset)
{
	io_uring_prep_write(io_uring_get_sqe(ring), fd, from, length, offset);
	return result(ring);
}

TEST_F(fs, is_always_ready)
{
	int empty = open_file(FILE_B, O_RDWR | O_CREAT, 0600);
	struct timeval none = { 0 };
	fd_set in, out;

	EXPECT_EQ(POLLIN | POLLOUT, ready(self->fd, POLLIN | POLLOUT));
	EXPECT_EQ(POLLIN | POLLOUT, ready(empty, POLLIN | POLLOUT));
	FD_ZERO(&in);
	FD_SET(self->fd, &in);
	out = in;
	EXPECT_EQ(2, select(self->fd + 1, &in, &out, NULL, &none));
	close(empty);
	unlink(FILE_B);
}

/* From then on POLLIN and POLLOUT are what they are to any handle. */
TEST_F(fs, is_a_handle_by_its_first_command)
{
	const short normal = POLLRDNORM | POLLWRNORM;
	struct timeval none = { 0 };
	fd_set in;

	ASSERT_EQ(0, get_now(self->fd));
	EXPECT_EQ(POLLOUT, ready(self->fd, POLLIN | POLLOUT));
	ASSERT_EQ(1, get_now(self->fd));
	EXPECT_EQ(0, ready(self->fd, POLLIN | POLLOUT));
	EXPECT_EQ(normal, ready(self->fd, POLLIN | POLLOUT | normal));
	FD_ZERO(&in);
	FD_SET(self->fd, &in);
	EXPECT_EQ(1, select(self->fd + 1, &in, NULL, NULL, &none));
}

TEST_F(fs, io_uring_to_its_end)
{
	char back[sizeof(self->data)];
	int owner;

	for (owner = 0; owner < 2; owner++) {
		ASSERT_EQ(sizeof(back),
			  uring_write(&self->ring, self->fd, self->data, sizeof(back), 0));
		ASSERT_EQ(sizeof(back), uring_read(&self->ring, self->fd, back, sizeof(back), 0));
		EXPECT_TRUE(is_filled(back, sizeof(back)));
		/* Where the file ends in the middle. */
		ASSERT_EQ(100, uring_write(&self->ring, self->fd, self->data, 1000, SIZE - 100));
		memset(back, 0, sizeof(back));
		ASSERT_EQ(100, uring_read(&self->ring, self->fd, back, 1000, SIZE - 100));
		EXPECT_TRUE(is_filled(back, 100));
		ASSERT_EQ(0, back[100]);
		ASSERT_EQ(0, uring_read(&self->ring, self->fd, back, 1000, SIZE));
		ASSERT_EQ(-ENOSPC, uring_write(&self->ring, self->fd, back, 1000, SIZE));
		/* The same when it waits for buffers, and all are taken. */
		ASSERT_EQ(owner ? -EAGAIN : 0, get_now(self->fd));
		ASSERT_EQ(owner ? -EAGAIN : 1, get_now(self->fd));
	}
}

TEST_HARNESS_MAIN
