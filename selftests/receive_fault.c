// SPDX-License-Identifier: GPL-2.0-only
/*
 * RECEIVE into memory that stands still while it is written, and then is not there:
 * whatever others do meanwhile, no buffer is in two places, and nobody waits in vain.
 */
#include <poll.h>
#include <pthread.h>

#include "isolated.h"
#include "seal.h"
#include "userfault.h"

#include "harness.h"

#define STRIDE (16 * KIB)
#define COUNT 8U

/* items: memory whose first fault is noticed and left alone. */
struct stuck {
	int from, to, fault_fd;
	uint32_t number;
	struct zcpool_item *items;
	pthread_t thread;
};

FIXTURE(stuck)
{
	struct stuck all;
};

FIXTURE_VARIANT(stuck)
{
	bool isolated;
};

VARIANT(stuck, common);
VARIANT(stuck, isolated, .isolated = true);

static void *receive_thread(void *arg)
{
	struct stuck *self = arg;

	return (void *)(long)receive_now(self->to, self->items, COUNT);
}

/*
 * One handle owns all buffers but 2, which is sealed, and 3, with which the other's RECEIVE is
 * stuck.
 */
FIXTURE_SETUP(stuck)
{
	struct zcpool_item items[] = { { .index = 2, .tag = 20 }, { .index = 3, .tag = 30 } };
	uint32_t indices[COUNT];

	self->all.from = variant->isolated ? new_isolated_pool(STRIDE, COUNT) :
					     new_pool(STRIDE, COUNT);
	ASSERT_GE(self->all.from, 0);
	self->all.to = attach_another(self->all.from, 0);
	ASSERT_GE(self->all.to, 0);
	self->all.number = number_of(self->all.to);
	ASSERT_EQ(COUNT, get_many(self->all.from, indices, COUNT, 0, 0));
	ASSERT_EQ(0, seal(self->all.from, 2, 0));
	self->all.items =
		mmap(NULL, 4 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	self->all.fault_fd = watch_faults(self->all.items, 4 * KIB);
	ASSERT_GE(self->all.fault_fd, 0);
	ASSERT_EQ(0, transfer(self->all.from, self->all.number, items, 2, NULL));
	ASSERT_EQ(0, pthread_create(&self->all.thread, NULL, receive_thread, &self->all));
	ASSERT_TRUE(wait_fault(self->all.fault_fd));
}

/* The memory is gone, and RECEIVE goes on: what it returns. */
static long end_fault(struct stuck *self)
{
	void *result;

	munmap(self->items, 4 * KIB);
	close(self->fault_fd);
	pthread_join(self->thread, &result);
	return (long)result;
}

FIXTURE_TEARDOWN(stuck)
{
	struct zcpool_query q;

	ASSERT_EQ(0, query(self->all.to, &q));
	EXPECT_LE(q.owned, COUNT);
	EXPECT_EQ(COUNT, q.owned_total + q.unowned);
	close(self->all.to);
	ASSERT_EQ(0, query(self->all.from, &q));
	EXPECT_EQ(q.owned, q.owned_total);
	EXPECT_EQ(COUNT, q.owned + q.unowned);
	close(self->all.from);
}

TEST_F(stuck, the_buffers_wait_as_before)
{
	struct zcpool_item items[2];

	ASSERT_EQ(-EFAULT, end_fault(&self->all));
	ASSERT_EQ(2, receive_now(self->all.to, items, 2));
	EXPECT_EQ(2, items[0].index);
	EXPECT_EQ(30, items[1].tag);
}

/* Who puts a buffer that he was not told of has put it. */
TEST_F(stuck, put_meanwhile)
{
	struct zcpool_item items[2];
	struct zcpool_query q;

	ASSERT_EQ(0, put_one(self->all.to, 3));
	ASSERT_EQ(-EFAULT, end_fault(&self->all));
	ASSERT_EQ(0, query(self->all.to, &q));
	EXPECT_EQ(0, q.owned);
	EXPECT_EQ(1, q.unowned);
	ASSERT_EQ(1, receive_now(self->all.to, items, 2));
	EXPECT_EQ(2, items[0].index);
	ASSERT_EQ(3, get_now(self->all.from));
	ASSERT_EQ(-EAGAIN, get_now(self->all.from));
}

TEST_F(stuck, transferred_meanwhile)
{
	struct zcpool_item item = { .index = 2, .tag = 5 }, items[3];

	ASSERT_EQ(0, transfer(self->all.to, number_of(self->all.from), &item, 1, NULL));
	ASSERT_EQ(-EFAULT, end_fault(&self->all));
	ASSERT_EQ(1, receive_now(self->all.to, items, 3));
	EXPECT_EQ(3, items[0].index);
	ASSERT_EQ(1, receive_now(self->all.from, items, 3));
	EXPECT_EQ(2, items[0].index);
	EXPECT_EQ(5, items[0].tag);
}

/* Nor does mprotect() make a page of it writable that was seen while it was the receiver's. */
TEST_F(stuck, what_is_sealed_stays_so)
{
	size_t size = COUNT * STRIDE;
	char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, self->all.to, 0);
	struct zcpool_item items[2];
	int error;

	catch_sigbus();
	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, byte_at(map + 2 * STRIDE));
	ASSERT_EQ(-EFAULT, end_fault(&self->all));
	error = mprotect(map, size, PROT_READ | PROT_WRITE) ? errno : 0;
	ASSERT_EQ(variant->isolated ? 0 : EACCES, error);
	ASSERT_EQ(2, receive_now(self->all.to, items, 2));
	ASSERT_TRUE(is_sealed(self->all.to, 2));
	if (variant->isolated) {
		ASSERT_FALSE(can_write(map + 2 * STRIDE, 'x'));
		ASSERT_TRUE(can_write(map + 3 * STRIDE, 'x'));
	}
	munmap(map, size);
}

/* What went back is for whoever has found nothing and sleeps. */
TEST_F(stuck, wakes_who_receives)
{
	struct zcpool_item item;
	pid_t child = fork();

	if (!child) {
		close(self->all.fault_fd);
		_exit(receive_wait(self->all.to, &item, 1, 0) == 1 ? item.index : 99);
	}
	ASSERT_TRUE(wait_asleep(child));
	ASSERT_EQ(-EFAULT, end_fault(&self->all));
	ASSERT_EQ(2, wait_status(child));
}

TEST_F(stuck, wakes_who_polls)
{
	struct pollfd poll_fd = { .fd = self->all.to, .events = POLLIN };
	pid_t child = fork();

	if (!child) {
		close(self->all.fault_fd);
		_exit(poll(&poll_fd, 1, -1) == 1 && poll_fd.revents == POLLIN ? 0 : 1);
	}
	ASSERT_TRUE(wait_asleep(child));
	ASSERT_EQ(-EFAULT, end_fault(&self->all));
	ASSERT_EQ(0, wait_status(child));
}

static void *get_thread(void *arg)
{
	struct stuck *self = arg;

	return (void *)(long)get_many(self->to, (uint32_t *)self->items, COUNT, 0, 0);
}

/* GET of the same kind: what it could not tell of goes back, but what was put meanwhile. */
TEST(get_puts_back_what_is_left)
{
	struct stuck stuck = { .to = new_pool(STRIDE, COUNT) };
	struct zcpool_query q;

	ASSERT_GE(stuck.to, 0);
	stuck.items =
		mmap(NULL, 4 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stuck.fault_fd = watch_faults(stuck.items, 4 * KIB);
	ASSERT_GE(stuck.fault_fd, 0);
	ASSERT_EQ(0, pthread_create(&stuck.thread, NULL, get_thread, &stuck));
	ASSERT_TRUE(wait_fault(stuck.fault_fd));
	ASSERT_EQ(0, query(stuck.to, &q));
	ASSERT_EQ(COUNT, q.owned);
	ASSERT_EQ(0, put_one(stuck.to, 3));
	ASSERT_EQ(-EFAULT, end_fault(&stuck));
	ASSERT_EQ(0, query(stuck.to, &q));
	ASSERT_EQ(0, q.owned);
	ASSERT_EQ(COUNT, q.unowned);
	close(stuck.to);
}

TEST_HARNESS_MAIN
