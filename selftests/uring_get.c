// SPDX-License-Identifier: GPL-2.0-only
/* GET by io_uring waits without a thread, where the kernel can cancel commands. */
#include <limits.h>
#include <liburing.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "share.h"
#include "userfault.h"

#include "harness.h"

#define COUNT 4
#define SIZE (COUNT * 8 * KIB)

FIXTURE(ring)
{
	int fd;
	bool can;
	struct io_uring ring;
	uint32_t indices[8][COUNT];
	struct zcpool_get get[8];
};

FIXTURE_VARIANT(ring)
{
	unsigned int ring_flags;
	unsigned int sqe_flags;
};

VARIANT(ring, plain);
/* Issued by a thread of io_uring's, beside which the rest of its life goes on. */
VARIANT(ring, async, .sqe_flags = IOSQE_ASYNC);
VARIANT(ring, sqpoll, .ring_flags = IORING_SETUP_SQPOLL);
VARIANT(ring, deferred, .ring_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);

FIXTURE_SETUP(ring)
{
	struct zcpool_query q;
	int index;

	self->fd = new_pool(8 * KIB, COUNT);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, query(self->fd, &q));
	self->can = q.features & ZCPOOL_FEATURE_URING_GET;
	ASSERT_EQ(0, io_uring_queue_init(16, &self->ring, variant->ring_flags));
	for (index = 0; index < COUNT; index++)
		ASSERT_EQ(index, get_now(self->fd));
}

FIXTURE_TEARDOWN(ring)
{
	if (self->ring.ring_fd >= 0)
		io_uring_queue_exit(&self->ring);
	close(self->fd);
}

/* Submit the GET of a slot; its completion has that number. */
static void submit(struct io_uring *ring, int fd, struct zcpool_get *gets,
		   uint32_t (*indices)[COUNT], unsigned int flags, uint64_t slot)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	struct zcpool_get *get = &gets[slot];
	const uint64_t address = (uintptr_t)get;

	if (!get->indices)
		get->indices = (uintptr_t)indices[slot];
	if (!get->count)
		get->count = COUNT;
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = ZCPOOL_IOC_GET;
	sqe->user_data = slot;
	sqe->flags = flags;
	memcpy(sqe->cmd, &address, sizeof(address));
	io_uring_submit(ring);
}

#define SUBMIT(slot) \
	submit(&self->ring, self->fd, self->get, self->indices, variant->sqe_flags, slot)

/* The next completion's result, waited for without limit. */
static int next(struct io_uring *ring, uint64_t *slot)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_wait_cqe(ring, &cqe);

	if (ret)
		return -1000;
	ret = cqe->res;
	if (slot)
		*slot = cqe->user_data;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

static bool nothing_yet(struct io_uring *ring)
{
	struct __kernel_timespec soon = { .tv_nsec = 20 * NS_PER_MS };
	struct io_uring_cqe *cqe;

	return io_uring_wait_cqe_timeout(ring, &cqe, &soon) == -ETIME;
}

/* Where commands cannot be cancelled, none may wait. */
static bool can_wait(struct __test_metadata *_metadata, FIXTURE_DATA(ring) * self)
{
	if (!self->can) {
		submit(&self->ring, self->fd, self->get, self->indices, 0, 0);
		EXPECT_EQ(-ENOTTY, next(&self->ring, NULL));
	}
	return self->can;
}

TEST_F(ring, what_is_free_comes_at_once)
{
	if (!can_wait(_metadata, self))
		return;
	ASSERT_EQ(0, put_one(self->fd, 2));
	ASSERT_EQ(0, put_one(self->fd, 3));
	SUBMIT(0);
	ASSERT_EQ(2, next(&self->ring, NULL));
	EXPECT_EQ(2, self->get[0].count);
	EXPECT_EQ(5, self->indices[0][0] + self->indices[0][1]);
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
}

TEST_F(ring, waits_for_a_put)
{
	if (!can_wait(_metadata, self))
		return;
	SUBMIT(0);
	ASSERT_TRUE(nothing_yet(&self->ring));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(1, next(&self->ring, NULL));
	EXPECT_EQ(1, self->indices[0][0]);
	EXPECT_EQ(1, self->get[0].count);
}

/* Nobody tells of a pipe that is drained: the timer looks. */
TEST_F(ring, waits_for_a_holder)
{
	int pipes[2];
	loff_t offset = 0;
	char back[4096];

	if (!can_wait(_metadata, self))
		return;
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(4096, splice(self->fd, &offset, pipes[1], NULL, 4096, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	SUBMIT(0);
	ASSERT_TRUE(nothing_yet(&self->ring));
	ASSERT_EQ(4096, read(pipes[0], back, 4096));
	ASSERT_EQ(1, next(&self->ring, NULL));
	EXPECT_EQ(0, self->indices[0][0]);
}

/* Whether a command completes; or false, if a child ends first. */
static bool completes_before_end(struct io_uring *ring, pid_t pid)
{
	siginfo_t info;

	while (nothing_yet(ring)) {
		info.si_pid = 0;
		if (!waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid)
			return false;
	}
	return true;
}

/*
 * One buffer serves one of many, beside a thread that sleeps: in any order, for that
 * depends on when io_uring's own threads have come to them.
 */
TEST_F(ring, each_buffer_serves_one)
{
	unsigned int served = 0, i;
	uint64_t slot;
	pid_t pid;

	if (!can_wait(_metadata, self))
		return;
	for (i = 0; i < 8; i++) {
		self->get[i].count = 1;
		SUBMIT(i);
	}
	pid = fork();
	if (!pid)
		_exit(get_wait(self->fd) == 2 ? 0 : 1);
	ASSERT_TRUE(wait_asleep(pid));
	for (i = 0; i < 9; i++) {
		ASSERT_EQ(0, put_one(self->fd, 2));
		if (pid && !completes_before_end(&self->ring, pid)) {
			ASSERT_EQ(0, wait_status(pid));
			pid = 0;
			continue;
		}
		ASSERT_EQ(1, next(&self->ring, &slot));
		ASSERT_EQ(0, served & 1U << slot);
		served |= 1U << slot;
		EXPECT_EQ(2, self->indices[slot][0]);
	}
	ASSERT_EQ(0, pid);
}

/* What it puts first is what it gets. */
TEST_F(ring, exchange)
{
	const uint32_t mine[] = { 3, 1 };

	if (!can_wait(_metadata, self))
		return;
	self->get[0].put_indices = (uintptr_t)mine;
	self->get[0].put_count = 2;
	SUBMIT(0);
	ASSERT_EQ(2, next(&self->ring, NULL));
	EXPECT_EQ(4, self->indices[0][0] + self->indices[0][1]);
	/* An owner's mistake is the result. */
	self->get[1].put_indices = (uintptr_t)mine;
	self->get[1].put_count = 1;
	ASSERT_EQ(0, put_one(self->fd, 3));
	SUBMIT(1);
	ASSERT_EQ(-EPERM, next(&self->ring, NULL));
	EXPECT_EQ(0, self->get[1].put_count);
}

TEST_F(ring, time_limit)
{
	int64_t start = now_ns();

	if (!can_wait(_metadata, self))
		return;
	self->get[0].timeout_ns = 30 * NS_PER_MS;
	SUBMIT(0);
	ASSERT_EQ(-ETIMEDOUT, next(&self->ring, NULL));
	EXPECT_GE(now_ns() - start, 30 * NS_PER_MS);
	/* Shorter than the way to the queue. */
	self->get[1].timeout_ns = 1;
	SUBMIT(1);
	ASSERT_EQ(-ETIMEDOUT, next(&self->ring, NULL));
	/* A limit that is not reached, and one that never is. */
	self->get[2].timeout_ns = 1000000 * NS_PER_MS;
	SUBMIT(2);
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(1, next(&self->ring, NULL));
	self->get[3].timeout_ns = UINT64_MAX;
	SUBMIT(3);
	ASSERT_TRUE(nothing_yet(&self->ring));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(1, next(&self->ring, NULL));
}

TEST_F(ring, errors)
{
	int unbound = open(DEVICE, O_RDWR);

	if (!can_wait(_metadata, self))
		return;
	self->get[0].flags = ZCPOOL_GET_F_NONBLOCK;
	SUBMIT(0);
	ASSERT_EQ(-EAGAIN, next(&self->ring, NULL));
	self->get[0].flags = 1 << 7;
	SUBMIT(0);
	ASSERT_EQ(-EINVAL, next(&self->ring, NULL));
	submit(&self->ring, unbound, self->get, self->indices, 0, 1);
	ASSERT_EQ(-ENXIO, next(&self->ring, NULL));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, O_NONBLOCK));
	SUBMIT(2);
	ASSERT_EQ(-EAGAIN, next(&self->ring, NULL));
	ASSERT_EQ(0, fcntl(self->fd, F_SETFL, 0));
	/* Nowhere to write to, found out when a buffer comes: it goes back. */
	self->get[3].indices = (uintptr_t)nowhere;
	SUBMIT(3);
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(-EFAULT, next(&self->ring, NULL));
	ASSERT_EQ(1, get_wait(self->fd));
}

/* A ring's end ends what waits, and takes no buffer along. */
TEST_F(ring, ring_ends)
{
	struct zcpool_query q;
	int i;

	if (!can_wait(_metadata, self))
		return;
	for (i = 0; i < 8; i++) {
		self->get[i].timeout_ns = i & 1 ? 1000000 * NS_PER_MS : 0;
		SUBMIT(i);
	}
	io_uring_queue_exit(&self->ring);
	self->ring.ring_fd = -1;
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(1, get_wait(self->fd));
	ASSERT_EQ(0, query(self->fd, &q));
	ASSERT_EQ(COUNT, q.owned_total);
}

/* A program that dies while buffers come and go, at any moment. */
TEST_F(ring, program_is_killed)
{
	int round, index;

	if (!can_wait(_metadata, self))
		return;
	for (round = 0; round < 30; round++) {
		pid_t pid = fork();

		if (!pid) {
			struct io_uring ring;

			io_uring_queue_init(16, &ring, variant->ring_flags);
			for (;;) {
				struct zcpool_get get = { .count = 1, .timeout_ns = 500000 };
				uint32_t mine[1][COUNT];

				submit(&ring, self->fd, &get, mine, variant->sqe_flags, 0);
				if (next(&ring, NULL) == 1)
					put_one(self->fd, mine[0][0]);
			}
		}
		for (index = 0; index < 20; index++) {
			put_one(self->fd, 1);
			usleep(round * 20);
			/* Whose it is now: the child's, dead or not, or nobody's. */
			get_now(self->fd);
		}
		kill(pid, SIGKILL);
		wait_status(pid);
		for (index = 0; index < COUNT; index++)
			put_one(self->fd, index);
		for (index = 0; index < COUNT; index++)
			ASSERT_GE(get_wait(self->fd), 0);
	}
}

/* Memory of a program that execve() waits for, and the buffer that is put meanwhile. */
struct argument {
	char *text;
	int fault_fd, fd;
};

static void *put_in_execve(void *arg)
{
	const struct argument *argument = arg;

	if (!wait_fault(argument->fault_fd) || put_one(argument->fd, 1) ||
	    !end_fault_with_zeroes(argument->fault_fd, argument->text))
		_exit(1);
	return NULL;
}

/* Waits in GET by a ring of its own, and executes another program when told. */
static void execute_another(int fd, unsigned int ring_flags, unsigned int sqe_flags, int told,
			    int tells)
{
	struct argument argument = { .fd = fd };
	struct zcpool_get get = { .count = 1 };
	uint32_t mine[1][COUNT];
	struct io_uring ring;
	pthread_t thread;
	char byte;

	argument.text =
		mmap(NULL, 4 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	argument.fault_fd = watch_faults(argument.text, 4 * KIB);
	if (argument.fault_fd < 0 || io_uring_queue_init(16, &ring, ring_flags))
		_exit(1);
	submit(&ring, fd, &get, mine, sqe_flags, 0);
	if (write(tells, "", 1) != 1 || read(told, &byte, 1) != 1 ||
	    pthread_create(&thread, NULL, put_in_execve, &argument))
		_exit(1);
	execlp("true", "true", argument.text, NULL);
	_exit(1);
}

/* Who is woken within execve(), which then cancels its GET, leaves the buffer to others. */
TEST_F(ring, program_executes_another)
{
	int to[2], from[2], round, other;
	char byte;

	if (!can_wait(_metadata, self))
		return;
	other = attach_another(self->fd, 0);
	ASSERT_GE(other, 0);
	for (round = 0; round < 3; round++) {
		pid_t child;

		ASSERT_EQ(0, pipe2(to, O_CLOEXEC));
		ASSERT_EQ(0, pipe2(from, O_CLOEXEC));
		child = fork();
		if (!child)
			execute_another(self->fd, variant->ring_flags, variant->sqe_flags, to[0],
					from[1]);
		/* If it cannot, it is not waited for. */
		close(from[1]);
		ASSERT_EQ(1, read(from[0], &byte, 1));
		ASSERT_EQ(1, write(to[1], "", 1));
		ASSERT_EQ(0, wait_status(child));
		/* It is not this handle's, unless a thread of the ring's has got it before. */
		if (variant->ring_flags || variant->sqe_flags)
			put_one(self->fd, 1);
		else
			ASSERT_EQ(-EPERM, put_one(self->fd, 1));
		ASSERT_EQ(1, get_wait(other));
		ASSERT_EQ(0, put_one(other, 1));
		ASSERT_EQ(1, get_wait(self->fd));
		close(to[0]);
		close(to[1]);
		close(from[0]);
	}
	close(other);
}

/* Of a thread that puts a buffer some time after it is told, until it is told to stop. */
#define PUTTER_STOPS ULONG_MAX

static int putter_fd;
static atomic_ulong putter_told, putter_delay_ns;

static void *put_later(void *unused)
{
	unsigned long told, seen;

	for (seen = 1;; seen++) {
		int64_t end;

		while ((told = atomic_load(&putter_told)) < seen)
			sched_yield();
		if (told == PUTTER_STOPS)
			return NULL;
		end = now_ns() + atomic_load(&putter_delay_ns);
		while (now_ns() < end)
			;
		if (put_one(putter_fd, 1))
			return (void *)seen;
	}
}

/*
 * A buffer that is put at any moment of the way that GET takes into the queue, and out again:
 * for as long as a busy machine needs for a part of the rounds.
 */
TEST_F(ring, put_at_the_same_time)
{
	int64_t took = 0, begin = now_ns(), start, now = begin;
	unsigned long times = rounds(5000), i;
	pthread_t thread;
	void *failed;

	if (!can_wait(_metadata, self))
		return;
	putter_fd = self->fd;
	self->get[0].count = 1;
	ASSERT_EQ(0, pthread_create(&thread, NULL, put_later, NULL));
	/* The first measure how long it takes. */
	for (i = 1; i <= 200 || (i <= times && now - begin < 8000 * NS_PER_MS); i++) {
		/* From before it to behind it. */
		atomic_store(&putter_delay_ns, took ? i * 997 % (2 * took) : 0);
		start = now_ns();
		atomic_store(&putter_told, i);
		SUBMIT(0);
		ASSERT_EQ(1, next(&self->ring, NULL));
		now = now_ns();
		/* At its quickest, with a buffer that is there. */
		if (i <= 100 && (!took || now - start < took))
			took = now - start;
		ASSERT_EQ(1, self->indices[0][0]);
	}
	atomic_store(&putter_told, PUTTER_STOPS);
	pthread_join(thread, &failed);
	ASSERT_EQ(NULL, failed);
	TH_LOG("%lu rounds", i - 1);
}

/* Its task may take its time to go on with it: others need not wait for that. */
TEST_F(ring, task_that_lingers)
{
	pid_t pid;

	if (!can_wait(_metadata, self) || !(variant->ring_flags & IORING_SETUP_DEFER_TASKRUN))
		return;
	SUBMIT(0);
	pid = fork();
	if (!pid)
		_exit(get_wait(self->fd) == 1 ? 0 : 1);
	ASSERT_TRUE(wait_asleep(pid));
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(0, wait_status(pid));
	ASSERT_TRUE(nothing_yet(&self->ring));
}

/* It holds the handle: a descriptor closed meanwhile is no end. */
TEST_F(ring, descriptor_is_closed)
{
	int copy, pipes[2];
	loff_t offset = 0;
	char back[4096];

	if (!can_wait(_metadata, self))
		return;
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(4096, splice(self->fd, &offset, pipes[1], NULL, 4096, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	SUBMIT(0);
	ASSERT_TRUE(nothing_yet(&self->ring));
	copy = self->fd;
	self->fd = -1;
	close(copy);
	ASSERT_EQ(4096, read(pipes[0], back, 4096));
	ASSERT_EQ(1, next(&self->ring, NULL));
	EXPECT_EQ(0, self->indices[0][0]);
}

TEST_HARNESS_MAIN
