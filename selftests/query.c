// SPDX-License-Identifier: GPL-2.0-only
/* QUERY tells version, limits and the pool, on any handle. */
#include "util.h"

#include "harness.h"

TEST(unbound_handle)
{
	int fd = open(DEVICE, O_RDWR);
	struct zcpool_query q;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, query(fd, &q));
	EXPECT_EQ(ZCPOOL_ABI_VERSION, q.abi_version);
	EXPECT_EQ(0, q.flags);
	EXPECT_TRUE(q.features & ZCPOOL_FEATURE_SPLICE);
	EXPECT_TRUE(q.features & ZCPOOL_FEATURE_SEND);
	EXPECT_EQ(1000000, q.max_count);
	EXPECT_EQ(8 * KIB, q.min_stride);
	EXPECT_GE(q.max_buffer_size, 64 * MIB);
	EXPECT_LE(q.max_pool_bytes, q.max_total_bytes);
	EXPECT_GE(q.max_batch, 32);
	EXPECT_EQ(24, q.dma_bits_min);
	EXPECT_EQ(0, q.pool_id);
	EXPECT_EQ(0, q.count);
	EXPECT_EQ(0, q.size);
}

TEST(bound_handle)
{
	int fd = new_pool(12 * KIB, 10);
	struct zcpool_query q;
	uint32_t indices[3];

	ASSERT_GE(fd, 0);
	ASSERT_EQ(3, get_many(fd, indices, 3, 0, 0));
	ASSERT_EQ(0, query(fd, &q));
	EXPECT_NE(0, q.pool_id);
	EXPECT_EQ(12 * KIB, q.buffer_size);
	EXPECT_EQ(16 * KIB, q.stride);
	EXPECT_EQ(16 * KIB, q.chunk);
	EXPECT_EQ(160 * KIB, q.size);
	EXPECT_EQ(160 * KIB, q.total_bytes);
	EXPECT_EQ(10, q.count);
	EXPECT_EQ(0, q.dma_bits);
	EXPECT_EQ(3, q.owned);
	EXPECT_EQ(3, q.owned_total);
	EXPECT_EQ(7, q.unowned);
}

TEST(flags_are_EINVAL)
{
	struct zcpool_query q = { .flags = 1 };
	int fd = open(DEVICE, O_RDWR);

	ASSERT_EQ(-1, ioctl(fd, ZCPOOL_IOC_QUERY, &q));
	ASSERT_EQ(EINVAL, errno);
}

TEST(module_parameters_are_the_limits)
{
	int fd = open(DEVICE, O_RDWR);
	struct zcpool_query q;

	ASSERT_EQ(0, write_text("/sys/module/zcpool/parameters/max_total_bytes", "1048576"));
	ASSERT_EQ(0, write_text("/sys/module/zcpool/parameters/max_pool_bytes", "65536"));
	ASSERT_EQ(0, query(fd, &q));
	EXPECT_EQ(MIB, q.max_total_bytes);
	EXPECT_EQ(64 * KIB, q.max_pool_bytes);
	ASSERT_EQ(0, write_text("/sys/module/zcpool/parameters/max_total_bytes", "0"));
	ASSERT_EQ(0, write_text("/sys/module/zcpool/parameters/max_pool_bytes", "0"));
	ASSERT_EQ(0, query(fd, &q));
	EXPECT_EQ(q.max_total_bytes, q.max_pool_bytes);
	/* Half of a guest's memory: less than all of it, more than a quarter. */
	EXPECT_LT(q.max_total_bytes, (uint64_t)sysconf(_SC_PHYS_PAGES) * 4096);
	EXPECT_GT(q.max_total_bytes, (uint64_t)sysconf(_SC_PHYS_PAGES) * 1024);
}

TEST_HARNESS_MAIN
