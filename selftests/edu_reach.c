// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which memory the edu device reaches: with an IOMMU any, without one what lies below
 * its limit, and none where the kernel has all DMA bounced.  What it does not reach is
 * refused when it is imported.
 *
 * ZCPOOL_MEMORY_BITS: there is memory beyond 2^this (default 28).
 * ZCPOOL_BOUNCE: the kernel was told to bounce (swiotlb=force).
 */
#include "edu_bus.h"

#include "kselftest_harness.h"

#define BUFFER (2 * MIB)
/* More than there is below the device's limit of 256 MiB. */
#define COUNT 160

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

/* A pool that is everywhere, mapped, touched; and its buffer that is highest. */
static int pool_anywhere(unsigned char **map, int *highest)
{
	int pool = new_pool(BUFFER, COUNT), i;

	*map = (unsigned char *)map_pool(pool, BUFFER * COUNT);
	for (i = *highest = 0; i < COUNT; i++) {
		(*map)[i * BUFFER] = 0;
		if (page_address(*map + i * BUFFER) > page_address(*map + *highest * BUFFER))
			*highest = i;
	}
	return pool;
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
	ASSERT_LE(1ULL << (bits ? atoi(bits) : EDU_BITS), page_address(map + offset));
	EXPECT_EQ(expected, there_and_back(self->fd, pool, map + offset, offset));
	close(pool);
}

/* With an IOMMU, too, the device has addresses for 256 MiB only. */
TEST_F(edu, more_memory_than_addresses)
{
	unsigned char *map;
	int highest, pool = pool_anywhere(&map, &highest);
	int dmabuf = export(pool, 0, COUNT * BUFFER, 0);
	struct edu edu = { .fd = self->fd, .memory = zcpool_edu_import(self->fd, dmabuf) };

	if (!self->reaches_all) {
		EXPECT_EQ(-EBUSY, edu.memory);
	} else {
		ASSERT_GE(edu.memory, 0);
		EXPECT_EQ(-ENOMEM, edu_submit(&edu, 1, 0, 1, 0, 0));
	}
	close(dmabuf);
	close(pool);
}

TEST_F(edu, memory_below_the_limit)
{
	const int expected = self->bounces && !self->reaches_all ? -EBUSY : 0;
	int pool = reachable_pool(BUFFER, 4);
	unsigned char *map = (unsigned char *)map_pool(pool, BUFFER * 4);

	ASSERT_GE(pool, 0);
	EXPECT_EQ(expected, there_and_back(self->fd, pool, map, 0));
	EXPECT_EQ(expected, there_and_back(self->fd, pool, map + 3 * BUFFER, 3 * BUFFER));
	close(pool);
}

/* One byte beyond is too much. */
TEST_F(edu, memory_at_the_limit)
{
	int wrong = 0, below = 0, highest, i;
	unsigned char *map;
	int pool = pool_anywhere(&map, &highest);

	for (i = 0; i < COUNT; i++) {
		bool reaches = page_address(map + i * BUFFER) + BUFFER <= 1ULL << EDU_BITS;
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
