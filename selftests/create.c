// SPDX-License-Identifier: GPL-2.0-only
/* CREATE rounds buffers to folios, zeroes them, and refuses what it cannot do. */
#include <pthread.h>

#include "util.h"

#include "harness.h"

FIXTURE(size)
{
	int fd;
};

FIXTURE_VARIANT(size)
{
	uint64_t asked;
	uint64_t stride;
	uint64_t chunk;
};

VARIANT(size, byte, .asked = 1, .stride = 8 * KIB, .chunk = 8 * KIB);
VARIANT(size, smallest, .asked = 8 * KIB, .stride = 8 * KIB, .chunk = 8 * KIB);
VARIANT(size, just_above_a_power, .asked = 8 * KIB + 1, .stride = 16 * KIB, .chunk = 16 * KIB);
VARIANT(size, just_below_huge, .asked = 2 * MIB - 1, .stride = 2 * MIB, .chunk = 2 * MIB);
VARIANT(size, just_above_huge, .asked = 2 * MIB + 1, .stride = 4 * MIB, .chunk = 2 * MIB);
VARIANT(size, five_mib, .asked = 5 * MIB, .stride = 6 * MIB, .chunk = 2 * MIB);
VARIANT(size, large, .asked = 16 * MIB, .stride = 16 * MIB, .chunk = 2 * MIB);

FIXTURE_SETUP(size)
{
	self->fd = open(DEVICE, O_RDWR);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(size)
{
	close(self->fd);
}

TEST_F(size, is_rounded_to_folios)
{
	struct zcpool_create arg = { .buffer_size = variant->asked, .count = 2 };
	struct zcpool_query q;

	ASSERT_EQ(0, ioctl(self->fd, ZCPOOL_IOC_CREATE, &arg));
	EXPECT_EQ(variant->asked, arg.buffer_size);
	EXPECT_EQ(variant->stride, arg.stride);
	EXPECT_EQ(variant->stride * 2, arg.size);
	ASSERT_EQ(0, query(self->fd, &q));
	EXPECT_EQ(variant->chunk, q.chunk);
	EXPECT_EQ(variant->stride * 2, q.total_bytes);
}

TEST_F(size, is_one_buffer_to_get_and_put)
{
	int first, second;

	ASSERT_EQ(0, create(self->fd, variant->asked, 2));
	first = get_now(self->fd);
	second = get_now(self->fd);
	ASSERT_EQ(1, first + second);
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(0, get_now(self->fd));
}

/* What a pool leaves behind, the next one must not show. */
TEST(memory_is_zero)
{
	const size_t size = 4 * MIB;
	int round;

	for (round = 0; round < 2; round++) {
		int fd = new_pool(64 * KIB, 64);
		uint64_t *map = (void *)map_pool(fd, size);
		size_t i;

		ASSERT_NE(MAP_FAILED, (void *)map);
		for (i = 0; i < size / 8; i += 64)
			ASSERT_EQ(0, map[i]);
		memset(map, 0xA5, size);
		munmap(map, size);
		close(fd);
	}
}

FIXTURE(bad)
{
	int fd;
	struct zcpool_create arg;
};

FIXTURE_SETUP(bad)
{
	self->fd = open(DEVICE, O_RDWR);
	ASSERT_GE(self->fd, 0);
	self->arg = (struct zcpool_create){ .buffer_size = 8 * KIB, .count = 1 };
}

/* Whatever failed left nothing behind, and the handle is as good as new. */
FIXTURE_TEARDOWN(bad)
{
	struct zcpool_query q;

	ASSERT_EQ(0, query(self->fd, &q));
	EXPECT_EQ(0, q.total_bytes);
	EXPECT_EQ(0, q.pool_id);
	EXPECT_EQ(0, create(self->fd, 8 * KIB, 1));
	close(self->fd);
}

static int create_errno(int fd, struct zcpool_create *arg)
{
	return ioctl(fd, ZCPOOL_IOC_CREATE, arg) ? errno : 0;
}

TEST_F(bad, values_are_EINVAL)
{
	struct zcpool_create bad[] = {
		{ .buffer_size = 0, .count = 1 },
		{ .buffer_size = (1ULL << 30) + 1, .count = 1 },
		{ .buffer_size = UINT64_MAX, .count = 1 },
		{ .buffer_size = 1, .count = 0 },
		{ .buffer_size = 1, .count = 1000001 },
		{ .buffer_size = 1, .count = UINT32_MAX },
		{ .buffer_size = 1, .count = 1, .flags = 4 },
		{ .buffer_size = 1, .count = 1, .numa_node = 1 },
		{ .buffer_size = 1, .count = 1, .flags = 1, .numa_node = 63 },
		{ .buffer_size = 1, .count = 1, .flags = 1, .numa_node = UINT32_MAX },
		{ .buffer_size = 1, .count = 1, .dma_bits = 23 },
		{ .buffer_size = 1, .count = 1, .dma_bits = 65 },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		EXPECT_EQ(EINVAL, create_errno(self->fd, &bad[i])) TH_LOG("case %zu", i);
}

TEST_F(bad, larger_than_max_pool_bytes_is_EFBIG)
{
	self->arg.count = 9;
	ASSERT_EQ(0, write_text("/sys/module/zcpool/parameters/max_pool_bytes", "65536"));
	EXPECT_EQ(EFBIG, create_errno(self->fd, &self->arg));
	ASSERT_EQ(0, write_text("/sys/module/zcpool/parameters/max_pool_bytes", "0"));
}

TEST_F(bad, more_than_max_total_bytes_is_ENOSPC)
{
	int other = new_pool(8 * KIB, 8);

	ASSERT_GE(other, 0);
	self->arg.count = 8;
	ASSERT_EQ(0, write_text("/sys/module/zcpool/parameters/max_total_bytes", "131071"));
	EXPECT_EQ(ENOSPC, create_errno(self->fd, &self->arg));
	ASSERT_EQ(0, write_text("/sys/module/zcpool/parameters/max_total_bytes", "0"));
	close(other);
}

/* 16 MiB is all that a 24-bit limit leaves: 64 MiB cannot be. */
TEST_F(bad, out_of_reach_is_ENOMEM)
{
	self->arg = (struct zcpool_create){ .buffer_size = MIB, .count = 64, .dma_bits = 24 };
	EXPECT_EQ(ENOMEM, create_errno(self->fd, &self->arg));
}

TEST(second_pool_is_EBUSY)
{
	int fd = new_pool(8 * KIB, 1);
	struct zcpool_query q;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(-EBUSY, create(fd, 8 * KIB, 1));
	ASSERT_EQ(0, query(fd, &q));
	ASSERT_EQ(8 * KIB, q.total_bytes);
}

static void *create_thread(void *fd)
{
	return (void *)(long)create(*(int *)fd, 64 * KIB, 16);
}

TEST(one_of_many_threads_wins)
{
	int round;

	for (round = 0; round < 8; round++) {
		int fd = open(DEVICE, O_RDWR), won = 0, i;
		struct zcpool_query q;
		pthread_t threads[4];
		void *result;

		for (i = 0; i < 4; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, create_thread, &fd));
		for (i = 0; i < 4; i++) {
			pthread_join(threads[i], &result);
			won += !result;
			if (result) {
				ASSERT_EQ(-EBUSY, (long)result);
			}
		}
		ASSERT_EQ(1, won);
		ASSERT_EQ(0, query(fd, &q));
		ASSERT_EQ(MIB, q.total_bytes);
		close(fd);
	}
}

TEST(node_is_accepted)
{
	struct zcpool_create arg = {
		.buffer_size = 8 * KIB,
		.count = 1,
		.flags = ZCPOOL_CREATE_F_NUMA_NODE,
	};
	int fd = open(DEVICE, O_RDWR);

	ASSERT_EQ(0, ioctl(fd, ZCPOOL_IOC_CREATE, &arg));
}

/* pagemap tells root the page frame number: bits 0 to 54. */
TEST(physical_addresses_are_in_reach)
{
	static const uint32_t bits[] = { 24, 28, 32 };
	size_t i, at;

	for (i = 0; i < 3; i++) {
		struct zcpool_create arg = {
			.buffer_size = 64 * KIB,
			.count = 16,
			.dma_bits = bits[i],
		};
		int fd = open(DEVICE, O_RDWR);
		int pagemap = open("/proc/self/pagemap", O_RDONLY);
		char *map;

		ASSERT_EQ(0, ioctl(fd, ZCPOOL_IOC_CREATE, &arg)) TH_LOG("%u bits", bits[i]);
		map = map_pool(fd, arg.size);
		ASSERT_NE(MAP_FAILED, map);
		for (at = 0; at < arg.size; at += 4096) {
			uint64_t entry;

			map[at] = 1;
			ASSERT_EQ(8, pread(pagemap, &entry, 8, (uintptr_t)(map + at) / 4096 * 8));
			entry &= (1ULL << 55) - 1;
			ASSERT_NE(0, entry);
			ASSERT_LT(entry << 12, 1ULL << bits[i]);
		}
		munmap(map, arg.size);
		close(pagemap);
		close(fd);
	}
}

TEST_HARNESS_MAIN
