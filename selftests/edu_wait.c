// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for requests of the edu device, or for room for one: time limits, signals,
 * poll, and who does not wait.
 */
#include "edu.h"

#include "harness.h"

/* As long as a request may be: more than 25 s. */
#define SIZE MIB

FIXTURE(edu)
{
	struct edu edu;
	struct zcpool_edu_query query;
};

FIXTURE_SETUP(edu)
{
	ASSERT_TRUE(edu_begin(&self->edu, SIZE, 1));
	memset(&self->query, 0, sizeof(self->query));
	ASSERT_EQ(0, zcpool_edu_query(self->edu.fd, &self->query));
}

FIXTURE_TEARDOWN(edu)
{
	edu_end(&self->edu);
}

TEST_F(edu, time_limit)
{
	struct zcpool_edu_completion completion;
	int64_t start = now_ns();

	ASSERT_EQ(-ETIMEDOUT, zcpool_edu_complete(self->edu.fd, &completion, 1, 20 * NS_PER_MS));
	EXPECT_GE(now_ns() - start, 20 * NS_PER_MS);
	/* The longest there is does not overflow. */
	ASSERT_EQ(0, submit_now(&self->edu, 1, 1));
	ASSERT_EQ(1, zcpool_edu_complete(self->edu.fd, &completion, 1, INT64_MAX));
	EXPECT_EQ(1, completion.cookie);
}

TEST_F(edu, nonblocking_file)
{
	struct zcpool_edu_completion completion;

	ASSERT_EQ(0, fcntl(self->edu.fd, F_SETFL, O_NONBLOCK));
	ASSERT_EQ(-EAGAIN, zcpool_edu_complete(self->edu.fd, &completion, 1, -1));
	ASSERT_EQ(0, edu_submit(&self->edu, 1, 0, 1, 0, 0));
	ASSERT_EQ(0, fcntl(self->edu.fd, F_SETFL, 0));
	ASSERT_EQ(1, edu_wait(&self->edu).cookie);
	ASSERT_EQ(-EINVAL, zcpool_edu_open(0, O_APPEND));
	ASSERT_EQ(-ENOENT, zcpool_edu_open(1000, 0));
}

TEST_F(edu, poll_tells)
{
	struct pollfd poll_fd = { .fd = self->edu.fd, .events = POLLIN };

	ASSERT_EQ(POLLOUT, polled(&self->edu));
	ASSERT_EQ(0, poll(&poll_fd, 1, 10));
	ASSERT_EQ(0, submit_now(&self->edu, 1, 1));
	ASSERT_EQ(1, poll(&poll_fd, 1, -1));
	ASSERT_EQ(POLLIN, poll_fd.revents);
	ASSERT_EQ(POLLIN | POLLOUT, polled(&self->edu));
	ASSERT_EQ(1, edu_wait(&self->edu).cookie);
	ASSERT_EQ(POLLOUT, polled(&self->edu));
}

static void on_signal(int number)
{
}

static void handle_alarm(int flags)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };

	sigaction(SIGALRM, &action, NULL);
}

/* A child that takes a completion: the lower byte of what it got. */
static pid_t child_takes(const struct edu *edu, int64_t timeout_ns, int flags)
{
	struct zcpool_edu_completion completion;
	pid_t child = fork();

	if (!child) {
		handle_alarm(flags);
		_exit(-zcpool_edu_complete(edu->fd, &completion, 1, timeout_ns));
	}
	return child;
}

TEST_F(edu, signal_ends_the_wait)
{
	pid_t child = child_takes(&self->edu, -1, 0);

	ASSERT_TRUE(wait_asleep(child));
	kill(child, SIGALRM);
	ASSERT_EQ(EINTR, wait_status(child));
	/* With a limit the call is not restarted. */
	child = child_takes(&self->edu, 3600 * 1000 * NS_PER_MS, SA_RESTART);
	ASSERT_TRUE(wait_asleep(child));
	kill(child, SIGALRM);
	ASSERT_EQ(EINTR, wait_status(child));
	/* Without, it is, and gets what comes. */
	child = child_takes(&self->edu, -1, SA_RESTART);
	ASSERT_TRUE(wait_asleep(child));
	kill(child, SIGALRM);
	usleep(10000);
	ASSERT_TRUE(wait_asleep(child));
	ASSERT_EQ(0, submit_now(&self->edu, 1, 1));
	ASSERT_EQ((unsigned char)-1, wait_status(child));
}

/* A child that submits one request, and waits for room. */
static pid_t child_submits(const struct edu *edu)
{
	pid_t child = fork();

	if (!child) {
		handle_alarm(0);
		_exit(-edu_submit(edu, 1000, 0, 1, 0, 0));
	}
	return child;
}

TEST_F(edu, no_room)
{
	pid_t child;

	ASSERT_EQ(self->query.queue_limit, fill_queue(&self->edu));
	ASSERT_EQ(0, polled(&self->edu));
	/* A request that is cancelled makes room, for one. */
	child = child_submits(&self->edu);
	ASSERT_TRUE(wait_asleep(child));
	ASSERT_EQ(1, zcpool_edu_cancel(self->edu.fd, 30, 0));
	ASSERT_EQ(0, wait_status(child));
	ASSERT_EQ(-EAGAIN, submit_now(&self->edu, 1, 1));
	ASSERT_EQ(30, edu_wait(&self->edu).cookie);
	/* So does one that ends. */
	child = child_submits(&self->edu);
	ASSERT_TRUE(wait_asleep(child));
	ASSERT_EQ(1, zcpool_edu_cancel(self->edu.fd, 0, 0));
	ASSERT_EQ(0, wait_status(child));
	ASSERT_EQ(0, edu_wait(&self->edu).cookie);
}

TEST_F(edu, each_file_has_its_room)
{
	struct edu other;

	ASSERT_EQ(self->query.queue_limit, fill_queue(&self->edu));
	ASSERT_TRUE(edu_begin(&other, SIZE, 1));
	ASSERT_EQ(0, submit_now(&other, 1, 1));
	ASSERT_EQ(-EAGAIN, submit_now(&self->edu, 1, 1));
	ASSERT_EQ(POLLOUT, polled(&other));
	edu_end(&other);
}

TEST_F(edu, signal_ends_the_wait_for_room)
{
	pid_t child;

	ASSERT_EQ(self->query.queue_limit, fill_queue(&self->edu));
	child = child_submits(&self->edu);
	ASSERT_TRUE(wait_asleep(child));
	kill(child, SIGALRM);
	ASSERT_EQ(EINTR, wait_status(child));
}

TEST_F(edu, completions_that_nobody_takes)
{
	struct zcpool_edu_completion completions[100];
	uint32_t limit = self->query.queue_limit, queued = 0, most;
	int error;

	while (self->query.completed < limit) {
		error = submit_now(&self->edu, queued++, 1);
		/* One that was under way may have been the last that may wait. */
		ASSERT_TRUE(!error || error == -EBUSY);
		cancel_all(&self->edu);
		ASSERT_EQ(0, zcpool_edu_query(self->edu.fd, &self->query));
		if (error)
			ASSERT_EQ(limit, self->query.completed);
	}
	ASSERT_EQ(-EBUSY, submit_now(&self->edu, 1, 1));
	ASSERT_EQ(-EBUSY, edu_submit(&self->edu, 1, 0, 1, 0, 0));
	ASSERT_EQ(POLLIN, polled(&self->edu));
	/* And if one is under way yet, its completion comes on top. */
	while (self->query.queued)
		ASSERT_EQ(0, zcpool_edu_query(self->edu.fd, &self->query));
	most = self->query.completed;
	ASSERT_GE(limit + 1, most);
	ASSERT_EQ(most - limit + 1, take_now(&self->edu, completions, most - limit + 1));
	ASSERT_EQ(POLLIN | POLLOUT, polled(&self->edu));
	ASSERT_EQ(0, submit_now(&self->edu, 1, 1));
	ASSERT_LE(limit - 1, take_now(&self->edu, completions, 100));
}

TEST_HARNESS_MAIN
