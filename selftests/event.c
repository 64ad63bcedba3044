// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whoever was told that nothing is free, and does not sleep in GET, is told when
 * something is: by eventfd, by signal, by io_uring's poll.
 */
#include <liburing.h>
#include <linux/aio_abi.h>
#include <sys/eventfd.h>

#include "util.h"

#include "harness.h"

static int set_eventfd(int fd, int event)
{
	struct zcpool_eventfd arg = { .fd = event };

	return ioctl(fd, ZCPOOL_IOC_EVENTFD, &arg) ? -errno : 0;
}

/* What has been added to an eventfd since the last time, 0 if nothing. */
static uint64_t events(int event)
{
	uint64_t count = 0;

	return read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

/* A pool of two buffers, both owned; the first is in a pipe. */
FIXTURE(owned)
{
	int fd;
	int event;
	int pipe[2];
};

FIXTURE_SETUP(owned)
{
	loff_t offset = 0;

	self->fd = new_pool(8 * KIB, 2);
	ASSERT_EQ(1, get_now(self->fd) + get_now(self->fd));
	self->event = eventfd(0, EFD_NONBLOCK);
	ASSERT_GE(self->event, 0);
	ASSERT_EQ(0, pipe(self->pipe));
	ASSERT_EQ(1, splice(self->fd, &offset, self->pipe[1], NULL, 1, 0));
}

FIXTURE_TEARDOWN(owned)
{
	close(self->fd);
	close(self->event);
	close(self->pipe[0]);
	close(self->pipe[1]);
}

TEST(eventfd_errors)
{
	struct zcpool_eventfd arg = { .fd = -1, .flags = 1 };
	int fd = open(DEVICE, O_RDWR);

	ASSERT_EQ(-ENXIO, set_eventfd(fd, -1));
	ASSERT_EQ(0, create(fd, 8 * KIB, 1));
	ASSERT_EQ(-EINVAL, set_eventfd(fd, fd));
	ASSERT_EQ(-EBADF, set_eventfd(fd, 1000));
	ASSERT_EQ(-EBADF, set_eventfd(fd, -2));
	ASSERT_EQ(-1, ioctl(fd, ZCPOOL_IOC_EVENTFD, &arg));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(0, set_eventfd(fd, -1));
}

TEST(eventfd_tells_at_once_of_what_is_free)
{
	int fd = new_pool(8 * KIB, 1), event = eventfd(0, EFD_NONBLOCK);

	ASSERT_EQ(0, set_eventfd(fd, event));
	ASSERT_EQ(1, events(event));
	/* And then no more to who lacks nothing. */
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(0, put_one(fd, 0));
	ASSERT_EQ(0, events(event));
}

TEST_F(owned, eventfd_tells_of_a_put)
{
	ASSERT_EQ(0, set_eventfd(self->fd, self->event));
	ASSERT_EQ(0, events(self->event));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(1, events(self->event));
	/* Once, until somebody lacks a buffer again. */
	ASSERT_EQ(1, get_now(self->fd));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(0, events(self->event));
	ASSERT_EQ(1, get_now(self->fd));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(1, events(self->event));
}

TEST_F(owned, eventfd_tells_when_the_last_holder_ends)
{
	struct pollfd poll_fd = { .fd = self->event, .events = POLLIN };
	char byte;

	ASSERT_EQ(0, set_eventfd(self->fd, self->event));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(0, poll(&poll_fd, 1, 20));
	ASSERT_EQ(1, read(self->pipe[0], &byte, 1));
	ASSERT_EQ(1, poll(&poll_fd, 1, -1));
	ASSERT_EQ(1, events(self->event));
	ASSERT_EQ(0, get_now(self->fd));
}

TEST_F(owned, eventfd_is_replaced_and_removed)
{
	int other = eventfd(0, EFD_NONBLOCK);

	ASSERT_EQ(0, set_eventfd(self->fd, self->event));
	ASSERT_EQ(0, set_eventfd(self->fd, other));
	/* The device has a reference of its own. */
	close(self->event);
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(1, events(other));
	ASSERT_EQ(1, get_now(self->fd));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0, set_eventfd(self->fd, -1));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(0, events(other));
	close(other);
}

TEST_F(owned, SIGIO_tells)
{
	sigset_t set;
	siginfo_t info;
	struct timespec soon = { .tv_sec = 60 }, now = { 0 };
	char byte;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ASSERT_EQ(0, fcntl(self->fd, F_SETOWN, getpid()));
	ASSERT_EQ(0, fcntl(self->fd, F_SETSIG, SIGRTMIN));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_ASYNC));
	ASSERT_EQ(-1, sigtimedwait(&set, &info, &now));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(-1, sigtimedwait(&set, &info, &now));
	ASSERT_EQ(1, read(self->pipe[0], &byte, 1));
	ASSERT_EQ(SIGRTMIN, sigtimedwait(&set, &info, &soon));
	EXPECT_EQ(self->fd, info.si_fd);
	EXPECT_EQ(POLL_OUT, info.si_code);
	ASSERT_EQ(0, get_now(self->fd));
	/* The handle may end while signals are wanted. */
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
}

TEST(SIGIO_without_a_pool_is_ENXIO)
{
	int fd = open(DEVICE, O_RDWR);

	ASSERT_EQ(-1, fcntl(fd, F_SETFL, O_ASYNC));
	ASSERT_EQ(ENXIO, errno);
}

TEST_F(owned, io_uring_poll_tells)
{
	struct __kernel_timespec soon = { .tv_sec = 60 };
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	char byte;

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	io_uring_prep_poll_add(io_uring_get_sqe(&ring), self->fd, POLLOUT);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(-EAGAIN, io_uring_peek_cqe(&ring, &cqe));
	ASSERT_EQ(1, read(self->pipe[0], &byte, 1));
	ASSERT_EQ(0, io_uring_wait_cqe_timeout(&ring, &cqe, &soon));
	EXPECT_EQ(POLLOUT, cqe->res);
	io_uring_queue_exit(&ring);
	ASSERT_EQ(0, get_now(self->fd));
}

/* Linux AIO's poll: the events, or -ETIME if there are none within a while. */
static int64_t aio_poll(int fd, short events)
{
	struct iocb block = {
		.aio_fildes = fd,
		.aio_lio_opcode = IOCB_CMD_POLL,
		.aio_buf = events,
	};
	struct timespec limit = { .tv_nsec = 100 * NS_PER_MS };
	struct iocb *blocks[] = { &block };
	aio_context_t context = 0;
	struct io_event event;
	int64_t ret;

	if (syscall(SYS_io_setup, 1, &context))
		return -errno;
	ret = syscall(SYS_io_submit, context, 1, blocks);
	if (ret == 1)
		ret = syscall(SYS_io_getevents, context, 1, 1, &event, &limit);
	if (ret < 0)
		ret = -errno;
	else
		ret = ret == 1 ? event.res : -ETIME;
	syscall(SYS_io_destroy, context);
	return ret;
}

/* It tells what is ready, and waits for no file that has two things to wait for. */
TEST_F(owned, aio_poll_does_not_wait)
{
	int empty = open(DEVICE, O_RDWR | O_CLOEXEC);

	EXPECT_EQ(-EINVAL, aio_poll(self->fd, POLLOUT));
	EXPECT_EQ(-EINVAL, aio_poll(self->fd, POLLIN));
	ASSERT_EQ(0, put_one(self->fd, 1));
	EXPECT_EQ(POLLOUT, aio_poll(self->fd, POLLIN | POLLOUT));
	EXPECT_EQ(-EINVAL, aio_poll(self->fd, POLLIN));
	EXPECT_EQ(POLLERR, aio_poll(empty, POLLOUT));
	close(empty);
}

TEST_F(owned, every_way_at_once)
{
	struct pollfd poll_fd = { .fd = self->fd, .events = POLLOUT };
	pid_t pid;

	ASSERT_EQ(0, set_eventfd(self->fd, self->event));
	pid = fork();
	if (!pid)
		_exit(poll(&poll_fd, 1, -1) == 1 ? 0 : 1);
	usleep(20000);
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(0, wait_status(pid));
	ASSERT_EQ(1, events(self->event));
}

TEST_HARNESS_MAIN
