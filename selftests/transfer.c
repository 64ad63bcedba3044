// SPDX-License-Identifier: GPL-2.0-only
/*
 * TRANSFER and RECEIVE: buffers change owners in order, once, and are never lost,
 * whoever ends and when.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "share.h"

#include "harness.h"

#define STRIDE (16 * KIB)
#define COUNT 100U

FIXTURE(pair)
{
	int from, to;
	uint32_t from_number, number;
};

/* Two handles of a pool, all of which the first one owns. */
FIXTURE_SETUP(pair)
{
	uint32_t indices[COUNT];

	self->from = new_pool(STRIDE, COUNT);
	ASSERT_GE(self->from, 0);
	self->to = attach_another(self->from, 0);
	ASSERT_GE(self->to, 0);
	self->from_number = number_of(self->from);
	self->number = number_of(self->to);
	ASSERT_EQ(COUNT, get_many(self->from, indices, COUNT, 0, 0));
}

FIXTURE_TEARDOWN(pair)
{
	struct zcpool_query q;
	int fd = self->from;

	/* Whatever a test did, nothing is lost. */
	if (self->to >= 0)
		close(self->to);
	ASSERT_EQ(0, query(fd, &q));
	EXPECT_EQ(q.owned, q.owned_total);
	EXPECT_EQ(COUNT, q.owned_total + q.unowned);
	close(fd);
}

TEST_F(pair, numbers_differ)
{
	EXPECT_GT(self->from_number, 0);
	EXPECT_GT(self->number, 0);
	EXPECT_NE(self->from_number, self->number);
}

TEST_F(pair, in_order_with_tags)
{
	struct zcpool_item items[COUNT], back[COUNT];
	uint32_t done, i;

	for (i = 0; i < COUNT; i++)
		items[i] = (struct zcpool_item){ .index = COUNT - 1 - i, .tag = 1ULL << 40 | i };
	ASSERT_EQ(0, transfer(self->from, self->number, items, 60, &done));
	ASSERT_EQ(60, done);
	ASSERT_EQ(0, transfer(self->from, self->number, items + 60, 40, &done));
	ASSERT_EQ(40, done);
	ASSERT_EQ(1, receive_now(self->to, back, 1));
	ASSERT_EQ(COUNT - 1, receive_now(self->to, back + 1, COUNT + 5));
	ASSERT_EQ(0, memcmp(items, back, sizeof(items)));
	ASSERT_EQ(-EAGAIN, receive_now(self->to, back, 1));
}

TEST_F(pair, owners)
{
	struct zcpool_item item = { .index = 7 }, back;
	struct zcpool_query q;

	ASSERT_EQ(0, transfer(self->from, self->number, &item, 1, NULL));
	/* On its way it is nobody's to put or to pass on. */
	EXPECT_EQ(ZCPOOL_STATE_TRANSFERRED, holder_of(self->from, 7).state);
	EXPECT_EQ(ZCPOOL_STATE_TRANSFERRED, holder_of(self->to, 7).state);
	ASSERT_EQ(-EPERM, put_one(self->from, 7));
	ASSERT_EQ(-EPERM, put_one(self->to, 7));
	ASSERT_EQ(-EPERM, transfer(self->from, self->number, &item, 1, NULL));
	ASSERT_EQ(-EPERM, transfer(self->to, self->number, &item, 1, NULL));
	ASSERT_EQ(-EAGAIN, get_now(self->to));
	ASSERT_EQ(0, query(self->to, &q));
	EXPECT_EQ(0, q.owned);
	EXPECT_EQ(COUNT, q.owned_total);

	ASSERT_EQ(1, receive_now(self->to, &back, 1));
	EXPECT_EQ(ZCPOOL_STATE_OWNED, holder_of(self->to, 7).state);
	EXPECT_EQ(ZCPOOL_STATE_OWNED_ELSEWHERE, holder_of(self->from, 7).state);
	ASSERT_EQ(0, query(self->to, &q));
	EXPECT_EQ(1, q.owned);
	ASSERT_EQ(-EPERM, put_one(self->from, 7));
	ASSERT_EQ(0, put_one(self->to, 7));
	ASSERT_EQ(7, get_now(self->from));
}

/* The same memory, and no zeroing: what is in it is the point. */
TEST_F(pair, content_and_holders_stay)
{
	char *map = map_pool(self->to, COUNT * STRIDE), bytes[8] = "";
	struct zcpool_item item = { .index = 3, .tag = 8 }, back;
	loff_t offset = 3 * STRIDE;
	int pipes[2];

	ASSERT_EQ(8, pwrite(self->from, "contents", 8, offset));
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(8, splice(self->from, &offset, pipes[1], NULL, 8, 0));
	ASSERT_EQ(0, transfer(self->from, self->number, &item, 1, NULL));
	ASSERT_EQ(1, receive_now(self->to, &back, 1));
	EXPECT_EQ(0, memcmp(map + 3 * STRIDE, "contents", 8));
	/* A transfer under way goes on, and the next PUT waits for it. */
	ASSERT_EQ(0, put_one(self->to, 3));
	EXPECT_EQ(ZCPOOL_STATE_IN_FLIGHT, holder_of(self->to, 3).state);
	ASSERT_EQ(8, read(pipes[0], bytes, 8));
	EXPECT_EQ(0, memcmp(bytes, "contents", 8));
	ASSERT_EQ(3, get_wait(self->to));
	munmap(map, COUNT * STRIDE);
}

TEST_F(pair, an_error_ends_the_array)
{
	struct zcpool_item items[] = { { .index = 0 }, { .index = 1 }, { .index = COUNT } };
	uint32_t done = 99;

	ASSERT_EQ(-ERANGE, transfer(self->from, self->number, items, 3, &done));
	ASSERT_EQ(2, done);
	ASSERT_EQ(-EPERM, transfer(self->from, self->number, items, 1, &done));
	ASSERT_EQ(0, done);
	items[0] = (struct zcpool_item){ .index = 2, .reserved = 1 };
	ASSERT_EQ(-EINVAL, transfer(self->from, self->number, items, 1, &done));
	ASSERT_EQ(0, done);
	ASSERT_EQ(2, receive_now(self->to, items, 3));
	ASSERT_EQ(0, items[0].index);
	ASSERT_EQ(1, items[1].index);
}

TEST_F(pair, errors_of_transfer)
{
	struct zcpool_item item = { .index = 0 };
	struct zcpool_transfer arg = {
		.items = (uintptr_t)&item,
		.count = 1,
		.to = self->number,
	}, bad;

	ASSERT_EQ(-ESRCH, transfer(self->from, 0, &item, 1, NULL));
	ASSERT_EQ(-ESRCH, transfer(self->from, self->number + 1000, &item, 1, NULL));
	ASSERT_EQ(-EFAULT, transfer(self->from, self->number, (void *)16, 1, NULL));
	ASSERT_EQ(-EINVAL, transfer(self->from, self->number, &item, 0, NULL));
	bad = arg;
	bad.flags = 1;
	ASSERT_EQ(-1, ioctl(self->from, ZCPOOL_IOC_TRANSFER, &bad));
	ASSERT_EQ(EINVAL, errno);
	bad = arg;
	bad.reserved = 1;
	ASSERT_EQ(-1, ioctl(self->from, ZCPOOL_IOC_TRANSFER, &bad));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-EAGAIN, receive_now(self->to, &item, 1));
}

TEST_F(pair, errors_of_receive)
{
	struct zcpool_item items[2] = { { .index = 5, .tag = 1 }, { .index = 6, .tag = 2 } };
	struct zcpool_receive arg = { .items = (uintptr_t)items, .count = 1, .flags = 2 };

	ASSERT_EQ(-1, ioctl(self->to, ZCPOOL_IOC_RECEIVE, &arg));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-EINVAL, receive_now(self->to, items, 0));
	ASSERT_EQ(-ETIMEDOUT, receive_wait(self->to, items, 1, 1000000));
	ASSERT_EQ(0, transfer(self->from, self->number, items, 2, NULL));
	ASSERT_EQ(-EFAULT, receive_now(self->to, (void *)16, 2));
	/* They are there as before. */
	ASSERT_EQ(2, receive_now(self->to, items, 2));
	ASSERT_EQ(5, items[0].index);
	ASSERT_EQ(6, items[1].index);
	ASSERT_EQ(2, items[1].tag);
}

/* More than goes at once, into memory that ends. */
TEST_F(pair, memory_that_ends)
{
	struct zcpool_item items[COUNT], back[COUNT];
	const size_t room = 40 * sizeof(items[0]);
	char *page =
		mmap(NULL, 8 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t i;
	int got;

	ASSERT_EQ(0, munmap(page + 4 * KIB, 4 * KIB));
	for (i = 0; i < COUNT; i++)
		items[i] = (struct zcpool_item){ .index = i };
	ASSERT_EQ(0, transfer(self->from, self->number, items, COUNT, NULL));
	got = receive_now(self->to, (void *)(page + 4 * KIB - room), COUNT);
	ASSERT_GT(got, 0);
	ASSERT_LE(got, 40);
	ASSERT_EQ(COUNT - got, receive_now(self->to, back, COUNT));
	for (i = got; i < COUNT; i++)
		ASSERT_EQ(i, back[i - got].index);
}

TEST_F(pair, to_itself)
{
	struct zcpool_item item = { .index = 4, .tag = 9 };

	ASSERT_EQ(0, transfer(self->from, self->from_number, &item, 1, NULL));
	ASSERT_EQ(-EPERM, put_one(self->from, 4));
	ASSERT_EQ(1, receive_now(self->from, &item, 1));
	ASSERT_EQ(9, item.tag);
	ASSERT_EQ(0, put_one(self->from, 4));
}

TEST_F(pair, queue_limit)
{
	struct zcpool_item items[] = { { .index = 0 }, { .index = 1 }, { .index = 2 } };
	int third = attach_another(self->from, 2);
	uint32_t done;

	ASSERT_GE(third, 0);
	ASSERT_EQ(-EAGAIN, transfer(self->from, number_of(third), items, 3, &done));
	ASSERT_EQ(2, done);
	ASSERT_EQ(1, receive_now(third, items, 1));
	ASSERT_EQ(0, transfer(self->from, number_of(third), items + 2, 1, NULL));
	close(third);
}

TEST_F(pair, poll)
{
	struct pollfd poll_fd = { .fd = self->to, .events = POLLIN };
	struct zcpool_item item = { .index = 0 };

	ASSERT_EQ(0, poll(&poll_fd, 1, 0));
	ASSERT_EQ(0, transfer(self->from, self->number, &item, 1, NULL));
	ASSERT_EQ(1, poll(&poll_fd, 1, 0));
	ASSERT_EQ(POLLIN, poll_fd.revents);
	/* To nobody else. */
	poll_fd.fd = self->from;
	ASSERT_EQ(0, poll(&poll_fd, 1, 0));
	ASSERT_EQ(1, receive_now(self->to, &item, 1));
	poll_fd.fd = self->to;
	ASSERT_EQ(0, poll(&poll_fd, 1, 0));
}

TEST_F(pair, wakes_who_polls)
{
	struct pollfd poll_fd = { .fd = self->to, .events = POLLIN };
	struct zcpool_item item = { .index = 0 };
	pid_t child = fork();

	if (!child)
		_exit(poll(&poll_fd, 1, -1) == 1 && poll_fd.revents == POLLIN ? 0 : 1);
	ASSERT_TRUE(wait_asleep(child));
	ASSERT_EQ(0, transfer(self->from, self->number, &item, 1, NULL));
	ASSERT_EQ(0, wait_status(child));
}

TEST_F(pair, wakes_who_receives)
{
	struct zcpool_item item = { .index = 33 };
	pid_t child = fork();

	if (!child)
		_exit(receive_wait(self->to, &item, 1, 0) == 1 ? item.index : 99);
	ASSERT_TRUE(wait_asleep(child));
	ASSERT_EQ(0, transfer(self->from, self->number, &item, 1, NULL));
	ASSERT_EQ(33, wait_status(child));
}

/* Each of several gets one. */
TEST_F(pair, several_who_receive)
{
	struct zcpool_item items[8], item;
	pid_t children[8];
	int i, sum = 0;

	for (i = 0; i < 8; i++) {
		items[i] = (struct zcpool_item){ .index = i };
		children[i] = fork();
		if (!children[i])
			_exit(receive_wait(self->to, &item, 1, 0) == 1 ? item.index : 99);
	}
	for (i = 0; i < 8; i++)
		ASSERT_TRUE(wait_asleep(children[i]));
	ASSERT_EQ(0, transfer(self->from, self->number, items, 8, NULL));
	for (i = 0; i < 8; i++)
		sum += wait_status(children[i]);
	ASSERT_EQ(28, sum);
}

static void nothing(int signal)
{
}

TEST_F(pair, a_signal_interrupts)
{
	struct zcpool_item item;
	struct sigaction action = { .sa_handler = nothing };
	pid_t child;

	sigaction(SIGUSR1, &action, NULL);
	child = fork();
	if (!child) {
		if (receive_wait(self->to, &item, 1, 0) != -EINTR)
			_exit(1);
		_exit(receive_wait(self->to, &item, 1, 60000000000) == -EINTR ? 0 : 2);
	}
	ASSERT_TRUE(wait_asleep(child));
	kill(child, SIGUSR1);
	usleep(10000);
	ASSERT_TRUE(wait_asleep(child));
	kill(child, SIGUSR1);
	ASSERT_EQ(0, wait_status(child));
}

TEST_F(pair, what_was_on_its_way_comes_back)
{
	struct zcpool_item items[] = { { .index = 10 }, { .index = 11 }, { .index = 12 } };
	uint32_t dead = self->number;
	struct zcpool_query q;

	ASSERT_EQ(0, transfer(self->from, self->number, items, 3, NULL));
	ASSERT_EQ(1, receive_now(self->to, items, 1));
	close(self->to);
	self->to = -1;
	ASSERT_EQ(0, query(self->from, &q));
	EXPECT_EQ(3, q.unowned);
	EXPECT_EQ(-ESRCH, transfer(self->from, dead, items, 1, NULL));
	ASSERT_GE(get_now(self->from), 10);
	ASSERT_GE(get_now(self->from), 10);
	ASSERT_GE(get_now(self->from), 10);
	ASSERT_EQ(-EAGAIN, get_now(self->from));
}

/* The sender's end takes nothing back that it gave. */
TEST_F(pair, the_sender_ends)
{
	struct zcpool_item items[] = { { .index = 10, .tag = 1 }, { .index = 11, .tag = 2 } };
	struct zcpool_query q;
	int last;

	ASSERT_EQ(0, transfer(self->from, self->number, items, 2, NULL));
	close(self->from);
	ASSERT_EQ(0, query(self->to, &q));
	ASSERT_EQ(COUNT - 2, q.unowned);
	ASSERT_EQ(2, receive_now(self->to, items, 2));
	ASSERT_EQ(11, items[1].index);
	/* For the end of the test. */
	last = attach_another(self->to, 0);
	ASSERT_GE(last, 0);
	self->from = last;
}

/* Number of the handle that was attached last, 0: let no more come. */
static atomic_uint attached;

/* Handles come and go. */
static void *attach_thread(void *arg)
{
	int share_fd = *(int *)arg;

	while (attached) {
		struct zcpool_attach last = { .fd = share_fd };
		int fd = open(DEVICE, O_RDWR);
		uint32_t before = attached;

		if (ioctl(fd, ZCPOOL_IOC_ATTACH, &last))
			abort();
		if (before && atomic_compare_exchange_strong(&attached, &before, last.handle))
			sched_yield();
		close(fd);
	}
	return NULL;
}

TEST_F(pair, receivers_that_end)
{
	int share_fd = share(self->from, 0), rounds, hits = 0, i;
	pthread_t threads[2];

	attached = UINT32_MAX;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, attach_thread, &share_fd));
	/* All is owned in the beginning; what is lost with a handle is got again. */
	for (rounds = 0; rounds < 5000 || hits < 100; rounds++) {
		struct zcpool_item item = { .index = rounds % COUNT };
		int error = transfer(self->from, attached, &item, 1, NULL);

		hits += !error;
		ASSERT_TRUE(!error || error == -ESRCH || error == -EPERM);
		get_now(self->from);
		sched_yield();
	}
	attached = 0;
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	close(share_fd);
}

/* Received in another process, killed at any moment. */
TEST_F(pair, killed_while_receiving)
{
	struct zcpool_item items[COUNT];
	struct zcpool_query q;
	uint32_t i, round;

	for (i = 0; i < COUNT; i++)
		items[i] = (struct zcpool_item){ .index = i };
	close(self->to);
	self->to = -1;
	for (round = 0; round < 30; round++) {
		int share_fd = share(self->from, 0), ready[2];
		uint32_t number = 0, done;
		pid_t child;

		ASSERT_EQ(0, pipe(ready));
		child = fork();
		if (!child) {
			int fd = attach_by(share_fd, 0);
			struct zcpool_item item;

			number = number_of(fd);
			close(self->from);
			write(ready[1], &number, sizeof(number));
			while (receive_wait(fd, &item, 1, 0) == 1)
				if (item.index % 2)
					put_one(fd, item.index);
			_exit(1);
		}
		ASSERT_EQ(sizeof(number), read(ready[0], &number, sizeof(number)));
		transfer(self->from, number, items, COUNT, &done);
		usleep(round * 50);
		kill(child, SIGKILL);
		wait_status(child);
		close(share_fd);
		close(ready[0]);
		close(ready[1]);
		ASSERT_EQ(0, query(self->from, &q));
		ASSERT_EQ(q.owned, q.owned_total);
		ASSERT_EQ(COUNT, q.owned + q.unowned);
		for (i = 0; i < COUNT; i++)
			if (holder_of(self->from, i).state == ZCPOOL_STATE_FREE)
				ASSERT_GE(get_now(self->from), 0);
	}
}

TEST(without_a_pool_is_ENXIO)
{
	struct zcpool_item item = { 0 };
	int fd = open(DEVICE, O_RDWR);

	ASSERT_EQ(-ENXIO, transfer(fd, 1, &item, 1, NULL));
	ASSERT_EQ(-ENXIO, receive_now(fd, &item, 1));
	close(fd);
}

TEST_HARNESS_MAIN
