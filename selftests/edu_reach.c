// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which memory the edu device reaches: with an IOMMU any, without one what lies below
 * its limit, and none where the kernel has all DMA bounced.  What it does not reach is
 * refused when it is imported.
 *
 * ZCPOOL_MEMORY_BITS: there is memory beyond 2^this (default: as the device's limit).
 * ZCPOOL_BOUNCE: the kernel was told to bounce (swiotlb=force).
 */
#include "edu_bus.h"

#include "harness.h"

#define BUFFER (2 * MIB)
/* More than there is below a limit of 28 bits, 256 MiB. */
#define COUNT 160

/* A pool that is everywhere, for whichever test: it takes its time to have so much memory. */
static int anywhere;

static void __attribute__((constructor)) make_pool(void)
{
	anywhere = new_pool(BUFFER, COUNT);
}

FIXTURE(edu)
{
	int fd;
	bool reaches_all;
	bool bounces;
};

FIXTURE_SETUP(edu)
{
	self->fd = zcpool_edu_open(0, 0);
	ASSERT_GE(self->fd, 0);
	self->reaches_all = has_iommu();
	self->bounces = getenv("ZCPOOL_BOUNCE");
}

FIXTURE_TEARDOWN(edu)
{
	close(self->fd);
}

/* Which of a pool's buffers is highest; all are touched. */
static int highest_of(unsigned char *map, int count)
{
	int i, highest = 0;

	for (i = 0; i < count; i++) {
		map[i * BUFFER] = 0;
		if (page_address(map + i * BUFFER) > page_address(map + highest * BUFFER))
			highest = i;
	}
	return highest;
}

/* The pool that is everywhere, mapped, touched; and its buffer that is highest. */
static int pool_anywhere(unsigned char **map, int *highest)
{
	*map = (unsigned char *)map_pool(anywhere, BUFFER * COUNT);
	*highest = highest_of(*map, COUNT);
	return anywhere;
}

/* Bytes go to the device and come back, in a buffer.  What went wrong. */
static int there_and_back(int fd, int pool, unsigned char *buffer, uint64_t offset)
{
	int dmabuf = export(pool, offset, BUFFER, 0);
	struct edu edu = { .fd = fd, .memory = zcpool_edu_import(fd, dmabuf) };
	int error = edu.memory;

	close(dmabuf);
	if (error < 0)
		return error;
	edu_fill(buffer, 4000, offset);
	error = edu_move(&edu, 0, 4000, 0, 0);
	if (!error)
		error = edu_move(&edu, 12345, 4000, 0, FROM_DEVICE);
	if (!error && edu_same(buffer + 12345, 4000, offset) != 4000)
		error = -EPROTO;
	zcpool_edu_release(fd, edu.memory);
	return error;
}

TEST_F(edu, memory_anywhere)
{
	const char *bits = getenv("ZCPOOL_MEMORY_BITS");
	const int expected = self->reaches_all ? 0 : -EBUSY;
	unsigned char *map;
	int highest, pool = pool_anywhere(&map, &highest);
	uint64_t offset = highest * BUFFER;

	ASSERT_GE(pool, 0);
	ASSERT_LE(1ULL << (bits ? atoi(bits) : edu_bits()), page_address(map + offset));
	EXPECT_EQ(expected, there_and_back(self->fd, pool, map + offset, offset));
	close(pool);
}

/* With an IOMMU, too, the device of 28 bits has addresses for 256 MiB only. */
TEST_F(edu, more_memory_than_addresses)
{
	const int expected = COUNT * BUFFER > 1ULL << edu_bits() ? -ENOMEM : 0;
	unsigned char *map;
	int highest, pool = pool_anywhere(&map, &highest);
	int dmabuf = export(pool, 0, COUNT * BUFFER, 0);
	struct edu edu = { .fd = self->fd, .memory = zcpool_edu_import(self->fd, dmabuf) };

	if (!self->reaches_all) {
		EXPECT_EQ(-EBUSY, edu.memory);
	} else {
		ASSERT_GE(edu.memory, 0);
		EXPECT_EQ(expected, edu_move(&edu, COUNT * BUFFER - 1, 1, 0, 0));
	}
	close(dmabuf);
	close(pool);
}

TEST_F(edu, memory_below_the_limit)
{
	const int expected = self->bounces && !self->reaches_all ? -EBUSY : 0;
	/* So many that all bits of a larger limit are of use. */
	const int count = edu_bits() > 28 ? COUNT : 4;
	int pool = reachable_pool(BUFFER, count), highest;
	unsigned char *map = (unsigned char *)map_pool(pool, BUFFER * count);
	uint64_t end;

	ASSERT_GE(pool, 0);
	highest = highest_of(map, count);
	end = page_address(map + highest * BUFFER) + BUFFER;
	EXPECT_GE(1ULL << edu_bits(), end);
	if (edu_bits() > 28)
		EXPECT_LT(1ULL << 28, end);
	EXPECT_EQ(expected, there_and_back(self->fd, pool, map, 0));
	EXPECT_EQ(expected,
		  there_and_back(self->fd, pool, map + highest * BUFFER, highest * BUFFER));
	close(pool);
}

/* What cannot lie below the limit is refused, and nothing of it is left. */
TEST_F(edu, more_memory_than_is_below_the_limit)
{
	/* Of a machine that has memory beyond 32 bits, 2 GiB are below. */
	const uint64_t below = edu_bits() < 31 ? 1ULL << edu_bits() : 1ULL << 31;
	struct zcpool_create create = {
		.buffer_size = BUFFER,
		.count = below / BUFFER + 1,
		.dma_bits = edu_bits(),
	};
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC), ret;
	struct zcpool_query query = { 0 };

	ASSERT_GE(fd, 0);
	ASSERT_TRUE(wait_total_bytes(BUFFER * COUNT));
	ret = ioctl(fd, ZCPOOL_IOC_CREATE, &create);
	EXPECT_EQ(-1, ret);
	EXPECT_EQ(ENOMEM, errno);
	ASSERT_EQ(0, ioctl(fd, ZCPOOL_IOC_QUERY, &query));
	EXPECT_EQ(BUFFER * COUNT, query.total_bytes);
	EXPECT_EQ(0, query.pool_id);
	close(fd);
}

/* One byte beyond is too much. */
TEST_F(edu, memory_at_the_limit)
{
	int wrong = 0, below = 0, highest, i;
	unsigned char *map;
	int pool = pool_anywhere(&map, &highest);

	for (i = 0; i < COUNT; i++) {
		bool reaches = page_address(map + i * BUFFER) + BUFFER <= 1ULL << edu_bits();
		int dmabuf = export(pool, i * BUFFER, BUFFER, 0);
		int memory = zcpool_edu_import(self->fd, dmabuf);

		below += reaches;
		reaches = self->reaches_all || (reaches && !self->bounces);
		wrong += memory != (reaches ? 0 : -EBUSY);
		zcpool_edu_release(self->fd, 0);
		close(dmabuf);
	}
	EXPECT_EQ(0, wrong);
	EXPECT_GT(COUNT, below);
	close(pool);
}

TEST_HARNESS_MAIN
