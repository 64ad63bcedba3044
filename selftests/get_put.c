// SPDX-License-Identifier: GPL-2.0-only
/* GET makes a handle the owner of free buffers, PUT ends that. */
#include "util.h"

#include "harness.h"

#define COUNT 200

FIXTURE(pool)
{
	int fd;
	uint32_t indices[COUNT];
};

FIXTURE_SETUP(pool)
{
	self->fd = new_pool(8 * KIB, COUNT);
	ASSERT_GE(self->fd, 0);
	memset(self->indices, 0xFF, sizeof(self->indices));
}

FIXTURE_TEARDOWN(pool)
{
	close(self->fd);
}

TEST_F(pool, every_buffer_once)
{
	char seen[COUNT] = { 0 };
	int i;

	for (i = 0; i < COUNT; i++) {
		int index = get_now(self->fd);

		ASSERT_GE(index, 0);
		ASSERT_LT(index, COUNT);
		ASSERT_EQ(0, seen[index]);
		seen[index] = 1;
	}
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
}

TEST_F(pool, batch_is_bounded_by_max_batch_and_by_what_is_free)
{
	struct zcpool_query q;
	int got;

	ASSERT_EQ(0, query(self->fd, &q));
	got = get_many(self->fd, self->indices, COUNT, 0, 0);
	ASSERT_EQ(q.max_batch, got);
	/* Nothing beyond the count is written. */
	ASSERT_EQ(UINT32_MAX, self->indices[got]);
	ASSERT_EQ(COUNT - q.max_batch, get_many(self->fd, self->indices + got, COUNT, 0, 0));
	/* PUT takes more than a batch. */
	ASSERT_EQ(0, put_many(self->fd, self->indices, COUNT, NULL));
	ASSERT_EQ(0, query(self->fd, &q));
	ASSERT_EQ(0, q.owned);
	ASSERT_EQ(COUNT, q.unowned);
}

TEST_F(pool, content_survives)
{
	char *map = map_pool(self->fd, COUNT * 8 * KIB);
	int index = get_now(self->fd);

	ASSERT_NE(MAP_FAILED, map);
	strcpy(map + index * 8 * KIB, "still here");
	ASSERT_EQ(0, put_one(self->fd, index));
	/* Last put, first got. */
	ASSERT_EQ(index, get_now(self->fd));
	ASSERT_STREQ("still here", map + index * 8 * KIB);
}

TEST_F(pool, last_put_is_first_got)
{
	ASSERT_EQ(100, get_many(self->fd, self->indices, 100, 0, 0));
	ASSERT_EQ(0, put_one(self->fd, 40));
	ASSERT_EQ(0, put_one(self->fd, 7));
	ASSERT_EQ(7, get_now(self->fd));
	ASSERT_EQ(40, get_now(self->fd));
}

TEST_F(pool, get_bad_values_are_EINVAL)
{
	ASSERT_EQ(-EINVAL, get_many(self->fd, self->indices, 0, 0, 0));
	ASSERT_EQ(-EINVAL, get_many(self->fd, self->indices, 1, 2, 0));
	ASSERT_EQ(-EINVAL, get_many(self->fd, self->indices, 1, 0x80000000, 0));
}

TEST_F(pool, put_bad_values_are_EINVAL)
{
	struct zcpool_put put = { .indices = (uintptr_t)self->indices, .count = 1, .flags = 1 };

	ASSERT_EQ(-EINVAL, put_many(self->fd, self->indices, 0, NULL));
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_PUT, &put));
	ASSERT_EQ(EINVAL, errno);
}

TEST_F(pool, get_into_bad_memory_is_EFAULT_and_takes_nothing)
{
	struct zcpool_query q;

	ASSERT_EQ(-EFAULT, get_many(self->fd, NULL, 5, 0, 0));
	ASSERT_EQ(0, query(self->fd, &q));
	ASSERT_EQ(0, q.owned_total);
	ASSERT_EQ(COUNT, q.unowned);
}

TEST_F(pool, put_from_bad_memory_is_EFAULT)
{
	struct zcpool_query q;
	uint32_t done;
	char *pages;

	ASSERT_GE(get_many(self->fd, self->indices, COUNT, 0, 0), 128);
	ASSERT_GE(get_many(self->fd, self->indices + 128, COUNT - 128, 0, 0), COUNT - 128);
	ASSERT_EQ(-EFAULT, put_many(self->fd, NULL, 5, &done));
	ASSERT_EQ(0, done);
	/* The array ends at an unmapped page: what was read before counts. */
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(0, munmap(pages + 4096, 4096));
	memcpy(pages + 4096 - 128 * 4, self->indices, 128 * 4);
	ASSERT_EQ(-EFAULT, put_many(self->fd, (void *)(pages + 4096 - 128 * 4), COUNT, &done));
	ASSERT_EQ(128, done);
	ASSERT_EQ(0, query(self->fd, &q));
	ASSERT_EQ(COUNT - 128, q.owned);
}

TEST_F(pool, put_out_of_range_is_ERANGE)
{
	ASSERT_EQ(-ERANGE, put_one(self->fd, COUNT));
	ASSERT_EQ(-ERANGE, put_one(self->fd, UINT32_MAX));
}

TEST_F(pool, put_of_a_buffer_not_owned_is_EPERM)
{
	int index = get_now(self->fd);

	ASSERT_EQ(-EPERM, put_one(self->fd, index + 1));
	ASSERT_EQ(0, put_one(self->fd, index));
	ASSERT_EQ(-EPERM, put_one(self->fd, index));
}

TEST_F(pool, put_stops_at_the_first_error)
{
	uint32_t indices[] = { 0, 1, 150, 2 };
	struct zcpool_query q;
	uint32_t done;

	ASSERT_EQ(3, get_many(self->fd, self->indices, 3, 0, 0));
	ASSERT_EQ(-EPERM, put_many(self->fd, indices, 4, &done));
	ASSERT_EQ(2, done);
	indices[2] = COUNT;
	ASSERT_EQ(-ERANGE, put_many(self->fd, indices + 2, 2, &done));
	ASSERT_EQ(0, done);
	ASSERT_EQ(0, query(self->fd, &q));
	ASSERT_EQ(1, q.owned);
}

static int exchange(int fd, uint32_t *put, uint32_t *nr_put, uint32_t *indices, uint32_t count)
{
	struct zcpool_get get = {
		.indices = (uintptr_t)indices,
		.count = count,
		.flags = ZCPOOL_GET_F_NONBLOCK,
		.put_indices = (uintptr_t)put,
		.put_count = *nr_put,
	};
	int ret = ioctl(fd, ZCPOOL_IOC_GET, &get) ? -errno : (int)get.count;

	*nr_put = get.put_count;
	return ret;
}

/* One call puts and then gets, even where only what it puts can be got. */
TEST(exchange_puts_first)
{
	int fd = new_pool(8 * KIB, 4);
	uint32_t put[] = { 0, 1, 2, 3 }, indices[4], nr = 4;

	ASSERT_EQ(4, get_many(fd, indices, 4, 0, 0));
	ASSERT_EQ(4, exchange(fd, put, &nr, indices, 4));
	ASSERT_EQ(4, nr);
	/* Last put, first got. */
	ASSERT_EQ(3, indices[0]);
}

TEST(exchange_error_of_put_ends_it)
{
	int fd = new_pool(8 * KIB, 4);
	uint32_t put[] = { 0, 3, 1 }, indices[4], nr = 3;
	struct zcpool_query q;

	ASSERT_EQ(2, get_many(fd, indices, 2, 0, 0));
	ASSERT_EQ(-EPERM, exchange(fd, put, &nr, indices, 1));
	ASSERT_EQ(1, nr);
	put[1] = 4;
	nr = 2;
	ASSERT_EQ(-ERANGE, exchange(fd, put + 1, &nr, indices, 1));
	ASSERT_EQ(0, nr);
	nr = 1;
	ASSERT_EQ(-EFAULT, exchange(fd, NULL, &nr, indices, 1));
	ASSERT_EQ(0, nr);
	ASSERT_EQ(0, query(fd, &q));
	ASSERT_EQ(1, q.owned);
}

/* What was put stays put if nothing can be got. */
TEST(exchange_without_a_free_buffer)
{
	int fd = new_pool(8 * KIB, 1), pipes[2];
	uint32_t put = 0, index, nr = 1;
	loff_t offset = 0;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(1, splice(fd, &offset, pipes[1], NULL, 1, 0));
	ASSERT_EQ(-EAGAIN, exchange(fd, &put, &nr, &index, 1));
	ASSERT_EQ(1, nr);
	ASSERT_EQ(-EPERM, put_one(fd, 0));
}

TEST(exchange_reserved_is_EINVAL)
{
	uint32_t index;
	struct zcpool_get get = { .indices = (uintptr_t)&index, .count = 1, .reserved = 1 };
	int fd = new_pool(8 * KIB, 1);

	ASSERT_EQ(-1, ioctl(fd, ZCPOOL_IOC_GET, &get));
	ASSERT_EQ(EINVAL, errno);
}

TEST(everything_needs_a_pool)
{
	int fd = open(DEVICE, O_RDWR), pipes[2];
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN | POLLOUT };
	uint32_t index = 0;
	char byte = 0;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-ENXIO, get_now(fd));
	EXPECT_EQ(-ENXIO, put_many(fd, &index, 1, NULL));
	EXPECT_EQ(MAP_FAILED, map_pool(fd, 8 * KIB));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, write(fd, &byte, 1));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, lseek(fd, 0, SEEK_SET));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, splice(fd, NULL, pipes[1], NULL, 1, 0));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(1, write(pipes[1], &byte, 1));
	EXPECT_EQ(-1, splice(pipes[0], NULL, fd, NULL, 1, 0));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, fsync(fd));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(1, poll(&poll_fd, 1, 0));
	EXPECT_EQ(POLLERR, poll_fd.revents);
}

TEST(direct_open_is_EINVAL)
{
	int fd = open(DEVICE, O_RDWR);

	ASSERT_EQ(-1, open(DEVICE, O_RDWR | O_DIRECT));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, fcntl(fd, F_SETFL, O_DIRECT));
	ASSERT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
