// SPDX-License-Identifier: GPL-2.0-only
/* GET waits until a buffer is free, for as long as asked, and poll tells. */
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "util.h"

#include "harness.h"

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
}

static void handle_alarm(int flags)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };

	sigaction(SIGALRM, &action, NULL);
}

FIXTURE(empty)
{
	int fd;
	int pipe[2];
	pid_t child;
};

/* A pool of two buffers, both owned. */
FIXTURE_SETUP(empty)
{
	self->fd = new_pool(8 * KIB, 2);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(1, get_now(self->fd) + get_now(self->fd));
	ASSERT_EQ(0, pipe(self->pipe));
}

FIXTURE_TEARDOWN(empty)
{
	close(self->fd);
}

/* Put a buffer of which a pipe slot still holds a part. */
static void put_in_flight(struct __test_metadata *_metadata, FIXTURE_DATA(empty) * self)
{
	loff_t offset = 0;

	ASSERT_EQ(100, splice(self->fd, &offset, self->pipe[1], NULL, 100, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
}

static int child_status(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(empty, nonblocking_is_EAGAIN)
{
	uint32_t index;

	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(-EAGAIN, get_many(self->fd, &index, 1, 0, 0));
}

TEST_F(empty, timeout_is_ETIMEDOUT_and_not_early)
{
	int64_t start = now_ns();
	uint32_t index;

	ASSERT_EQ(-ETIMEDOUT, get_many(self->fd, &index, 1, 0, 20 * NS_PER_MS));
	ASSERT_GE(now_ns() - start, 20 * NS_PER_MS);
}

TEST_F(empty, longest_timeout_does_not_overflow)
{
	uint32_t index;

	handle_alarm(0);
	ualarm(20000, 20000);
	ASSERT_EQ(-EINTR, get_many(self->fd, &index, 1, 0, UINT64_MAX));
}

TEST_F(empty, put_wakes)
{
	self->child = fork();
	if (!self->child)
		_exit(get_wait(self->fd) == 1 ? 0 : 1);
	ASSERT_TRUE(wait_asleep(self->child));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(0, child_status(self->child));
}

TEST_F(empty, end_of_the_last_holder_wakes)
{
	put_in_flight(_metadata, self);
	self->child = fork();
	if (!self->child) {
		close(self->pipe[0]);
		close(self->pipe[1]);
		_exit(get_wait(self->fd) == 0 ? 0 : 1);
	}
	ASSERT_TRUE(wait_asleep(self->child));
	close(self->pipe[0]);
	close(self->pipe[1]);
	ASSERT_EQ(0, child_status(self->child));
}

TEST_F(empty, signal_is_EINTR)
{
	uint32_t index;

	handle_alarm(0);
	ualarm(20000, 20000);
	ASSERT_EQ(-EINTR, get_many(self->fd, &index, 1, 0, 0));
	ualarm(20000, 20000);
	ASSERT_EQ(-EINTR, get_many(self->fd, &index, 1, 0, 10000 * NS_PER_MS));
	ASSERT_LE(2, alarms);
}

/* Restarted, the call would put twice: so it is not. */
TEST_F(empty, SA_RESTART_does_not_put_twice)
{
	uint32_t index, put = 1;
	struct zcpool_get get = {
		.indices = (uintptr_t)&index,
		.count = 1,
		.put_indices = (uintptr_t)&put,
		.put_count = 1,
	};
	loff_t offset = 8 * KIB;

	ASSERT_EQ(1, splice(self->fd, &offset, self->pipe[1], NULL, 1, 0));
	handle_alarm(SA_RESTART);
	ualarm(20000, 20000);
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_GET, &get));
	ASSERT_EQ(EINTR, errno);
	ASSERT_EQ(1, get.put_count);
}

TEST_F(empty, SA_RESTART_waits_on)
{
	self->child = fork();
	if (!self->child) {
		uint32_t index;

		handle_alarm(SA_RESTART);
		if (get_many(self->fd, &index, 1, 0, 0) != 1 || index != 1)
			_exit(1);
		_exit(alarms == 1 ? 0 : 2);
	}
	ASSERT_TRUE(wait_asleep(self->child));
	kill(self->child, SIGALRM);
	ASSERT_TRUE(wait_asleep(self->child));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(0, child_status(self->child));
}

TEST_F(empty, sleeper_can_be_killed)
{
	int status;

	self->child = fork();
	if (!self->child)
		_exit(get_wait(self->fd));
	ASSERT_TRUE(wait_asleep(self->child));
	kill(self->child, SIGKILL);
	ASSERT_EQ(self->child, waitpid(self->child, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	/* Its place in the queue went with it. */
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(1, get_now(self->fd));
}

TEST_F(empty, poll_tells)
{
	struct pollfd poll_fd = { .fd = self->fd, .events = POLLIN | POLLOUT };

	ASSERT_EQ(0, poll(&poll_fd, 1, 0));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(1, poll(&poll_fd, 1, 0));
	ASSERT_EQ(POLLOUT, poll_fd.revents);
}

TEST_F(empty, poll_wakes_when_the_last_holder_ends)
{
	struct pollfd poll_fd = { .fd = self->fd, .events = POLLOUT };

	put_in_flight(_metadata, self);
	ASSERT_EQ(0, poll(&poll_fd, 1, 20));
	self->child = fork();
	if (!self->child) {
		usleep(20000);
		_exit(0);
	}
	/* Both ends live in the child for 20 ms more. */
	close(self->pipe[0]);
	close(self->pipe[1]);
	ASSERT_EQ(1, poll(&poll_fd, 1, -1));
	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(0, child_status(self->child));
}

TEST_F(empty, epoll_edge)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int epoll = epoll_create1(0);

	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, self->fd, &event));
	ASSERT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(1, epoll_wait(epoll, &event, 1, 0));
	/* No second edge without a second event. */
	ASSERT_EQ(0, epoll_wait(epoll, &event, 1, 0));
	ASSERT_EQ(1, get_now(self->fd));
	/* A buffer in flight makes an edge when it lands. */
	put_in_flight(_metadata, self);
	ASSERT_EQ(0, epoll_wait(epoll, &event, 1, 20));
	close(self->pipe[0]);
	close(self->pipe[1]);
	ASSERT_EQ(1, epoll_wait(epoll, &event, 1, -1));
	ASSERT_EQ(0, get_now(self->fd));
	close(epoll);
}

static int stay_on(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one);
}

/* Ask for buffer 0 until it is there, without ever waiting. */
static void ask_until_it_comes(int fd, bool by_poll)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };

	while (by_poll ? poll(&poll_fd, 1, 0) != 1 : get_now(fd) != 0)
		usleep(5000);
}

/*
 * What a processor receives and another one sent is freed by the latter, when it receives
 * something itself: for that it must not have to wait.
 */
TEST_F(empty, who_only_asks_gets)
{
	char bytes[4096];
	int pair[2], by_poll;

	ASSERT_EQ(0, tcp_pair(pair));
	for (by_poll = 0; by_poll < 2; by_poll++) {
		off_t offset = 0;

		ASSERT_EQ(0, stay_on(0));
		ASSERT_EQ(sizeof(bytes), sendfile(pair[0], self->fd, &offset, sizeof(bytes)));
		ASSERT_EQ(0, put_one(self->fd, 0));
		ASSERT_EQ(0, stay_on(1));
		ASSERT_EQ(sizeof(bytes), read_full(pair[1], bytes, sizeof(bytes)));
		ASSERT_EQ(0, stay_on(0));
		ask_until_it_comes(self->fd, by_poll);
		if (by_poll)
			ASSERT_EQ(0, get_now(self->fd));
	}
}

#define WAITERS 8

#define WAITER "waiter"

static void *waiter(void *fd)
{
	prctl(PR_SET_NAME, WAITER);
	return (void *)(long)get_wait(*(int *)fd);
}

/* Buffers put one by one wake as many threads; each gets one, none is lost. */
TEST(every_sleeper_gets_its_buffer)
{
	pthread_t threads[WAITERS];
	int fd = new_pool(8 * KIB, WAITERS), i;
	uint32_t indices[WAITERS], seen = 0;
	void *result;

	ASSERT_EQ(WAITERS, get_many(fd, indices, WAITERS, 0, 0));
	for (i = 0; i < WAITERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, waiter, &fd));
	wait_threads_asleep(getpid(), WAITER, WAITERS);
	for (i = 0; i < WAITERS / 2; i++)
		ASSERT_EQ(0, put_one(fd, indices[i]));
	ASSERT_EQ(0, put_many(fd, indices + WAITERS / 2, WAITERS / 2, NULL));
	for (i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &result));
		ASSERT_GE((long)result, 0);
		seen |= 1U << (long)result;
	}
	ASSERT_EQ((1U << WAITERS) - 1, seen);
}

/* Several sleepers, several buffers in flight, all of which land at once. */
TEST(every_sleeper_gets_a_landed_buffer)
{
	pthread_t threads[WAITERS];
	int fd = new_pool(8 * KIB, WAITERS), pipes[2], i;
	uint32_t indices[WAITERS];
	loff_t offset = 0;
	void *result;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(WAITERS, get_many(fd, indices, WAITERS, 0, 0));
	ASSERT_EQ(WAITERS * 8 * KIB, splice(fd, &offset, pipes[1], NULL, WAITERS * 8 * KIB, 0));
	ASSERT_EQ(0, put_many(fd, indices, WAITERS, NULL));
	for (i = 0; i < WAITERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, waiter, &fd));
	wait_threads_asleep(getpid(), WAITER, WAITERS);
	close(pipes[0]);
	close(pipes[1]);
	for (i = 0; i < WAITERS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &result));
		ASSERT_GE((long)result, 0);
	}
	ASSERT_EQ(-EAGAIN, get_now(fd));
}

/* Put buffers, of which so many are held by a pipe for ever. */
static int new_pool_with_dead(uint32_t count, uint32_t dead)
{
	int fd = new_pool(8 * KIB, count), pipes[2] = { -1, -1 };
	uint32_t index;

	for (index = 0; index < count; index++)
		if (get_now(fd) != (int)index)
			return -1;
	for (index = 0; index < dead; index++) {
		loff_t offset = (loff_t)index * 8 * KIB;

		if (index % 16 == 0 && pipe(pipes))
			return -1;
		if (splice(fd, &offset, pipes[1], NULL, 1, 0) != 1 || put_one(fd, index))
			return -1;
	}
	return fd;
}

/* What is held for ever keeps nobody from what becomes free. */
TEST(dead_buffers_do_not_delay_others)
{
	const uint32_t dead = 3000;
	int fd = new_pool_with_dead(dead + 8, dead), pipes[2], round;
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	int64_t start;
	char byte;

	ASSERT_GE(fd, 0);
	/* They are overdue after a second, if anybody asks. */
	usleep(1100000);
	for (round = 0; round < 4; round++)
		ASSERT_EQ(-EAGAIN, get_now(fd));
	ASSERT_EQ(0, pipe(pipes));
	for (round = 0; round < 8; round++) {
		loff_t offset = (loff_t)(dead + round) * 8 * KIB;

		ASSERT_EQ(1, splice(fd, &offset, pipes[1], NULL, 1, 0));
		start = now_ns();
		ASSERT_EQ(0, put_one(fd, dead + round));
		ASSERT_EQ(0, poll(&poll_fd, 1, 0));
		ASSERT_EQ(1, read(pipes[0], &byte, 1));
		/* Found by the very first look, unless it is overdue by now itself. */
		if (poll(&poll_fd, 1, 0) == 0) {
			ASSERT_LE(900 * NS_PER_MS, now_ns() - start);
			ASSERT_EQ(1, poll(&poll_fd, 1, -1));
		}
		ASSERT_EQ((int)dead + round, get_now(fd));
	}
}

/* Expiries of the module's timer since the trace was cleared. */
static int timer_expiries(void)
{
	FILE *file = fopen("/sys/kernel/tracing/trace", "r");
	char line[512];
	int count = 0;

	while (file && fgets(line, sizeof(line), file))
		count += !!strstr(line, "zcpool_rescan_timer");
	if (file)
		fclose(file);
	return count;
}

/* A timer that was not stopped never rests. */
static bool timer_rests(void)
{
	int try;

	for (try = 0; try < 300; try++) {
		if (write_text("/sys/kernel/tracing/trace", ""))
			return false;
		usleep(100000);
		if (!timer_expiries())
			return true;
	}
	return false;
}

/* Interest in an event is no waiting: while nobody lacks a buffer, no timer runs. */
TEST(no_timer_while_nobody_lacks_a_buffer)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLIN };
	int fd = new_pool_with_dead(8, 1), epoll = epoll_create1(0), pipes[2];
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	loff_t offset = 8 * KIB;

	/*
	 * Recording command names would patch the scheduler's code, which QEMU's
	 * TCG does not always survive on two processors; never switched off again.
	 */
	ASSERT_EQ(0, write_text("/sys/kernel/tracing/options/record-cmd", "0"));
	ASSERT_EQ(0,
		  write_text("/sys/kernel/tracing/events/timer/hrtimer_expire_entry/enable", "1"));
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	/* One is free, so the timer that was started for epoll is the last. */
	ASSERT_EQ(0, put_one(fd, 2));
	ASSERT_TRUE(timer_rests());
	/* Another is in flight as well. */
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(1, splice(fd, &offset, pipes[1], NULL, 1, 0));
	ASSERT_EQ(0, put_one(fd, 1));
	EXPECT_TRUE(timer_rests());
	/* Nothing is free any more, and nobody asks. */
	ASSERT_EQ(1, epoll_wait(epoll, &event, 1, 0));
	ASSERT_EQ(2, get_now(fd));
	EXPECT_TRUE(timer_rests());
	/* Nor if one more is put that is in flight. */
	offset = 3 * 8 * KIB;
	ASSERT_EQ(1, splice(fd, &offset, pipes[1], NULL, 1, 0));
	ASSERT_EQ(0, put_one(fd, 3));
	EXPECT_TRUE(timer_rests());
	/* Now somebody does, ... */
	do {
		ASSERT_EQ(0, poll(&poll_fd, 1, 50));
	} while (timer_expiries() <= 2);
	/* ... and is gone; but epoll's event is still owed. */
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL));
	EXPECT_TRUE(timer_rests());
}

/* A poll that finds a buffer and leaves it takes it from nobody who sleeps. */
TEST(poll_does_not_swallow_a_landing)
{
	int fd = new_pool(8 * KIB, 1), pair[2], round;
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	char byte;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	for (round = 0; round < 10; round++) {
		off_t offset = 0;
		pid_t pid;

		ASSERT_EQ(0, get_wait(fd));
		ASSERT_EQ(1, sendfile(pair[0], fd, &offset, 1));
		ASSERT_EQ(0, put_one(fd, 0));
		pid = fork();
		if (!pid)
			_exit(get_wait(fd) || put_one(fd, 0));
		ASSERT_TRUE(wait_asleep(pid));
		ASSERT_EQ(1, recv(pair[1], &byte, 1, 0));
		poll(&poll_fd, 1, 0);
		ASSERT_EQ(0, wait_status(pid));
	}
}

/* Two sleepers, and two buffers that land one after the other. */
TEST(the_second_landing_wakes_the_second_sleeper)
{
	int fd = new_pool(8 * KIB, 2), first[2], second[2];
	off_t offset = 0;
	char byte;
	pid_t pids[2];
	int i;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, first));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, second));
	ASSERT_EQ(1, get_now(fd) + get_now(fd));
	ASSERT_EQ(1, sendfile(first[0], fd, &offset, 1));
	offset = 8 * KIB;
	ASSERT_EQ(1, sendfile(second[0], fd, &offset, 1));
	ASSERT_EQ(0, put_one(fd, 0) + put_one(fd, 1));
	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(get_wait(fd) < 0);
		ASSERT_TRUE(wait_asleep(pids[i]));
	}
	ASSERT_EQ(1, recv(first[1], &byte, 1, 0));
	ASSERT_EQ(0, wait_status(-1));
	ASSERT_EQ(1, recv(second[1], &byte, 1, 0));
	ASSERT_EQ(0, wait_status(-1));
}

/* An exclusive poller takes its event from no other. */
TEST(exclusive_pollers_are_all_told)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLEXCLUSIVE };
	int fd = new_pool(8 * KIB, 2), i;
	pid_t pids[2];

	ASSERT_EQ(1, get_now(fd) + get_now(fd));
	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			int epoll = epoll_create1(0);

			_exit(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ||
			      epoll_wait(epoll, &event, 1, -1) != 1 || get_now(fd) < 0);
		}
		ASSERT_TRUE(wait_asleep(pids[i]));
	}
	ASSERT_EQ(0, put_many(fd, (uint32_t[]){ 0, 1 }, 2, NULL));
	ASSERT_EQ(0, wait_status(-1));
	ASSERT_EQ(0, wait_status(-1));
}

/* Less than was asked for says that nothing is left, as a short read does. */
TEST(short_get_drains_the_edge)
{
	struct epoll_event event = { .events = EPOLLOUT | EPOLLET };
	int fd = new_pool(8 * KIB, 4), epoll = epoll_create1(0), pair[2];
	uint32_t indices[4];
	off_t offset = 0;
	char byte;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(1, sendfile(pair[0], fd, &offset, 1));
	ASSERT_EQ(0, put_one(fd, 0));
	ASSERT_EQ(0, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	ASSERT_EQ(1, epoll_wait(epoll, &event, 1, -1));
	ASSERT_EQ(3, get_many(fd, indices, 4, 0, 0));
	ASSERT_EQ(0, epoll_wait(epoll, &event, 1, 20));
	ASSERT_EQ(1, recv(pair[1], &byte, 1, 0));
	ASSERT_EQ(1, epoll_wait(epoll, &event, 1, -1));
	ASSERT_EQ(0, get_now(fd));
}

/*
 * A sleeper dies while the timer is about to be started for him.  A processor that
 * comes and goes makes the work that starts it sleep in between.
 */
TEST(killed_sleepers_leave_no_timer)
{
	static const char online[] = "/sys/devices/system/cpu/cpu1/online";
	int64_t end = now_ns() + 10000 * NS_PER_MS;
	unsigned int state = 1;
	int round, status;
	pid_t switcher;

	if (write_text(online, "1"))
		SKIP(return, "one processor");
	switcher = fork();
	while (!switcher) {
		write_text(online, "0");
		write_text(online, "1");
	}
	/* Each may have to wait for the processor. */
	for (round = 0; round < 10 || (round < 60 && now_ns() < end); round++) {
		pid_t pid = fork();

		if (!pid)
			_exit(get_wait(new_pool_with_dead(1, 1)));
		state = state * 1103515245 + 12345;
		usleep(3000 + (state >> 16) % 60000);
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	}
	kill(switcher, SIGKILL);
	waitpid(switcher, NULL, 0);
	ASSERT_EQ(0, write_text(online, "1"));
}

TEST_HARNESS_MAIN
