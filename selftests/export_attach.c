// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices attached to exports: each is given the pool's own memory, in segments as it
 * likes them and with no more rights than the export has; and while one is attached,
 * however it is used, the buffers are not free, and the pool and the module stay.
 */
#include "attach.h"
#include "reload.h"

#include "harness.h"

#define STRIDE (16 * KIB)
#define COUNT 8
#define SIZE (COUNT * STRIDE)

WITH_MODULES(load_importer, unload_importer)

FIXTURE(pool)
{
	int fd;
	char *map;
};

FIXTURE_SETUP(pool)
{
	self->fd = new_pool(STRIDE, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, SIZE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	memset(self->map, 0, SIZE);
}

FIXTURE_TEARDOWN(pool)
{
	munmap(self->map, SIZE);
	close(self->fd);
}

/* A dma-buf over the first buffer, of which only this attached device knows. */
static int attach_only(int fd, int device)
{
	int dmabuf = export(fd, 0, STRIDE, 0);
	int ret = attach(device, dmabuf);

	close(dmabuf);
	return ret;
}

/* Have all buffers but the first in hand. */
static int take_others(int fd)
{
	uint32_t indices[COUNT];

	return get_many(fd, indices, COUNT, 0, 0);
}

FIXTURE(limits)
{
	int fd;
	char *map;
	int device;
};

FIXTURE_VARIANT(limits)
{
	uint64_t buffer;
	uint32_t max_segment;
	uint64_t boundary;
};

#define LIMITS_SIZE (4 * MIB)

VARIANT(limits, none, .buffer = 16 * KIB);
VARIANT(limits, none_of_large_buffers, .buffer = 4 * MIB);
VARIANT(limits, no_size, .buffer = 16 * KIB, .max_segment = -1);
VARIANT(limits, no_size_of_large_buffers, .buffer = 4 * MIB, .max_segment = -1);
VARIANT(limits, size_of_a_page, .buffer = 16 * KIB, .max_segment = 4 * KIB);
VARIANT(limits, size_of_three_pages, .buffer = 16 * KIB, .max_segment = 12 * KIB);
VARIANT(limits, odd_size, .buffer = 64 * KIB, .max_segment = 40 * KIB - 1);
VARIANT(limits, boundary, .buffer = 64 * KIB, .max_segment = -1, .boundary = 32 * KIB - 1);
VARIANT(limits, boundary_of_a_page, .buffer = 64 * KIB, .boundary = 4 * KIB - 1);
VARIANT(limits, size_and_boundary, .buffer = 2 * MIB, .max_segment = 100 * KIB,
	.boundary = 256 * KIB - 1);
VARIANT(limits, size_and_wide_boundary, .buffer = 2 * MIB, .max_segment = 256 * KIB,
	.boundary = 4ULL * 1024 * MIB - 1);

FIXTURE_SETUP(limits)
{
	self->fd = new_pool(variant->buffer, LIMITS_SIZE / variant->buffer);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, LIMITS_SIZE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	memset(self->map, 0, LIMITS_SIZE);
	self->device = new_device(64, variant->max_segment, variant->boundary);
	ASSERT_GE(self->device, 0);
}

FIXTURE_TEARDOWN(limits)
{
	close(self->device);
	munmap(self->map, LIMITS_SIZE);
	close(self->fd);
}

TEST_F(limits, segments_are_the_slice)
{
	static const struct {
		uint64_t offset;
		uint64_t length;
	} slices[] = {
		{ 0, LIMITS_SIZE },
		{ 4 * KIB, LIMITS_SIZE - 8 * KIB },
		{ MIB + 12 * KIB, MIB },
		{ 2 * MIB - 4 * KIB, 4 * KIB },
	};
	unsigned int i;

	for (i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
		int dmabuf = export(self->fd, slices[i].offset, slices[i].length, 0);

		ASSERT_GE(dmabuf, 0);
		ASSERT_EQ(0, attach(self->device, dmabuf));
		ASSERT_EQ(0, map_for(self->device, IMPORTER_BIDIRECTIONAL));
		ASSERT_STREQ("right", segments_are(self->device, self->map + slices[i].offset,
						   slices[i].length, variant->max_segment,
						   variant->boundary));
		ASSERT_EQ(0, detach(self->device));
		close(dmabuf);
	}
}

/* dma-buf promises importers whole pages. */
TEST_F(pool, segments_smaller_than_pages_are_refused)
{
	int dmabuf = export(self->fd, 0, STRIDE, 0);
	int device = new_device(64, 4 * KIB - 1, 0);

	EXPECT_EQ(-EBUSY, attach(device, dmabuf));
	ASSERT_EQ(0, set_device(device, "", 64, 0, 2 * KIB - 1));
	EXPECT_EQ(-EBUSY, attach(device, dmabuf));
	ASSERT_EQ(0, set_device(device, "", 64, 4 * KIB, 4 * KIB - 1));
	EXPECT_EQ(0, attach(device, dmabuf));
	close(device);
	close(dmabuf);
}

TEST_F(pool, several_devices_at_once)
{
	int devices[3] = { new_device(64, 0, 0), new_device(40, 4 * KIB, 0),
			   new_device(64, -1, 8 * KIB - 1) };
	const uint32_t sizes[3] = { 0, 4 * KIB, -1 };
	const uint64_t boundaries[3] = { 0, 0, 8 * KIB - 1 };
	int dmabuf = export(self->fd, STRIDE, 4 * STRIDE, 0), i;
	struct importer_syncs syncs;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, attach(devices[i], dmabuf));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, map_for(devices[i], i));
	for (i = 0; i < 3; i++) {
		ASSERT_STREQ("right", segments_are(devices[i], self->map + STRIDE, 4 * STRIDE,
						   sizes[i], boundaries[i]));
		ASSERT_EQ(0, device_write(devices[i], i * STRIDE + 4, 100 + i));
		EXPECT_EQ(100 + i, ((uint32_t *)(self->map + (i + 1) * STRIDE))[1]);
	}

	/* Each of them is synchronised, as long as it is there. */
	ASSERT_EQ(0, sync_access(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW));
	for (i = 0; i < 3; i++) {
		syncs = syncs_of(devices[i]);
		EXPECT_EQ(1, syncs.for_cpu);
		EXPECT_EQ(0, syncs.for_device);
	}
	ASSERT_EQ(0, unmap(devices[1]));
	ASSERT_EQ(0, sync_access(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW));
	for (i = 0; i < 3; i++) {
		syncs = syncs_of(devices[i]);
		EXPECT_EQ(1, syncs.for_cpu);
		EXPECT_EQ(i != 1, syncs.for_device);
	}
	for (i = 0; i < 3; i++)
		close(devices[i]);
	close(dmabuf);
}

/* A driver that copies sees the slice as one, wherever its pages are. */
TEST_F(pool, vmap_is_the_slice)
{
	int device = new_device(64, 0, 0), other = new_device(64, 0, 0);
	int dmabuf = export(self->fd, 4 * KIB, SIZE - 8 * KIB, 0);
	uint32_t value, i;

	ASSERT_EQ(0, attach(device, dmabuf));
	ASSERT_EQ(0, vmap(device));
	for (i = 0; i < SIZE - 8 * KIB; i += 4 * KIB) {
		value = i + 1;
		ASSERT_EQ(0, vmap_access(device, i, &value, true));
		ASSERT_EQ(i + 1, *(uint32_t *)(self->map + 4 * KIB + i));
		*(uint32_t *)(self->map + 4 * KIB + i + 4092) = i + 2;
		ASSERT_EQ(0, vmap_access(device, i + 4092, &value, false));
		ASSERT_EQ(i + 2, value);
	}
	/* There is one address, for all who ask. */
	ASSERT_EQ(0, attach(other, dmabuf));
	ASSERT_EQ(0, vmap(other));
	ASSERT_EQ(0, vunmap(device));
	value = 77;
	ASSERT_EQ(0, vmap_access(other, 0, &value, true));
	EXPECT_EQ(77, *(uint32_t *)(self->map + 4 * KIB));
	close(other);
	close(device);
	close(dmabuf);
}

TEST_F(pool, read_only)
{
	int device = new_device(64, 0, 0);
	int dmabuf = export(self->fd, 0, STRIDE, ZCPOOL_EXPORT_F_READ_ONLY);

	ASSERT_EQ(0, attach(device, dmabuf));
	EXPECT_EQ(-EACCES, map_for(device, IMPORTER_BIDIRECTIONAL));
	EXPECT_EQ(-EACCES, map_for(device, IMPORTER_FROM_DEVICE));
	ASSERT_EQ(0, map_for(device, IMPORTER_TO_DEVICE));
	EXPECT_STREQ("right", segments_are(device, self->map, STRIDE, 0, 0));
	EXPECT_EQ(-EINVAL, vmap(device));
	close(device);
	close(dmabuf);
}

/* What a driver shows to programs is the export, and that can be no more than it is. */
TEST_F(pool, mapping_of_the_importers)
{
	int device = new_device(64, 0, 0), dmabuf = export(self->fd, STRIDE, STRIDE, 0);
	char *shown;

	ASSERT_EQ(0, attach(device, dmabuf));
	shown = map_pool(device, STRIDE);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	strcpy(shown, "by the driver");
	EXPECT_STREQ("by the driver", self->map + STRIDE);
	ASSERT_EQ(MAP_FAILED, (void *)map_pool(device, 2 * STRIDE));
	/* It holds the buffer as the dma-buf's own does. */
	close(dmabuf);
	close(device);
	EXPECT_EQ(1, holder_of(self->fd, 1).exports);
	munmap(shown, STRIDE);
	EXPECT_EQ(0, get_wait(self->fd));
	EXPECT_EQ(1, get_wait(self->fd));
}

TEST_F(pool, read_only_mapping_of_the_importers)
{
	int device = new_device(64, 0, 0);
	int dmabuf = export(self->fd, 0, STRIDE, ZCPOOL_EXPORT_F_READ_ONLY);
	char *shown;

	ASSERT_EQ(0, attach(device, dmabuf));
	ASSERT_EQ(MAP_FAILED, (void *)map_pool(device, STRIDE));
	ASSERT_EQ(EACCES, errno);
	shown = mmap(NULL, STRIDE, PROT_READ, MAP_SHARED, device, 0);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	strcpy(self->map, "seen");
	EXPECT_STREQ("seen", shown);
	ASSERT_EQ(-1, mprotect(shown, STRIDE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap(shown, STRIDE);
	close(device);
	close(dmabuf);
}

/* By whatever is left of it, last of all the attachment; whose end wakes. */
TEST_F(pool, not_free_while_attached)
{
	int device = new_device(64, 0, 0);
	pid_t child;

	ASSERT_EQ(0, attach_only(self->fd, device));
	ASSERT_EQ(0, map_for(device, IMPORTER_FROM_DEVICE));
	ASSERT_EQ(0, vmap(device));
	ASSERT_EQ(COUNT - 1, take_others(self->fd));
	child = fork();
	if (!child) {
		close(device);
		_exit(get_wait(self->fd));
	}
	ASSERT_TRUE(wait_asleep(child));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0, unmap(device));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0, vunmap(device));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	EXPECT_EQ(ZCPOOL_STATE_IN_FLIGHT, holder_of(self->fd, 0).state);
	EXPECT_EQ(1, holder_of(self->fd, 0).exports);
	EXPECT_EQ(0, holder_of(self->fd, 0).references);
	ASSERT_TRUE(wait_asleep(child));
	ASSERT_EQ(0, detach(device));
	ASSERT_EQ(0, wait_status(child));
	close(device);
}

TEST_F(pool, a_poll_sees_the_last_detach)
{
	int device = new_device(64, 0, 0);
	struct pollfd poller = { .fd = self->fd, .events = POLLOUT };
	pid_t child;

	ASSERT_EQ(0, attach_only(self->fd, device));
	ASSERT_EQ(COUNT - 1, take_others(self->fd));
	ASSERT_EQ(0, poll(&poller, 1, 0));
	child = fork();
	if (!child) {
		close(device);
		_exit(poll(&poller, 1, -1) != 1);
	}
	ASSERT_TRUE(wait_asleep(child));
	ASSERT_EQ(0, detach(device));
	ASSERT_EQ(0, wait_status(child));
	close(device);
}

TEST_F(pool, killed_while_attached)
{
	int pipes[2];
	char byte;
	pid_t child;

	ASSERT_EQ(0, pipe(pipes));
	child = fork();
	if (!child) {
		int device = new_device(64, 0, 0);

		byte = attach_only(self->fd, device) || vmap(device) ||
		       map_for(device, IMPORTER_BIDIRECTIONAL);
		if (write(pipes[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	ASSERT_EQ(0, byte);
	ASSERT_EQ(COUNT - 1, take_others(self->fd));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	kill(child, SIGKILL);
	ASSERT_EQ(-1, wait_status(child));
	EXPECT_EQ(0, get_wait(self->fd));
}

TEST(keeps_pool_and_module)
{
	int fd = new_pool(STRIDE, 1), device = new_device(64, 0, 0);
	char *map = map_pool(fd, STRIDE);
	uint32_t value = 0;

	strcpy(map, "pool");
	ASSERT_EQ(0, attach_only(fd, device));
	munmap(map, STRIDE);
	close(fd);
	EXPECT_BUSY();
	/* The memory is still the pool's. */
	ASSERT_EQ(0, map_for(device, IMPORTER_BIDIRECTIONAL));
	ASSERT_EQ(0, device_write(device, 4, 1));
	ASSERT_EQ(0, vmap(device));
	ASSERT_EQ(0, vmap_access(device, 0, &value, false));
	EXPECT_EQ(0, memcmp(&value, "pool", 4));
	EXPECT_BUSY();
	close(device);
	EXPECT_UNLOAD();
}

/* Kernel memory that is charged to this program's control group, bytes. */
static long long charged(void)
{
	char line[256], path[512] = "";
	long long bytes = -1;
	FILE *file = fopen("/proc/self/cgroup", "r");

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "0::", 3))
			snprintf(path, sizeof(path), "/sys/fs/cgroup%.*s/memory.stat",
				 (int)strcspn(line + 3, "\n"), line + 3);
	if (file)
		fclose(file);
	file = fopen(path, "r");
	while (file && bytes < 0 && fgets(line, sizeof(line), file))
		sscanf(line, "kernel %lld", &bytes);
	if (file)
		fclose(file);
	return bytes;
}

/* Whether so much is charged.  Linux 6.1 may tell what was two seconds ago. */
static bool is_charged(long long bytes)
{
	int try;

	for (try = 0; try < 2000; try++) {
		if (charged() >= bytes)
			return true;
		usleep(10000);
	}
	return false;
}

/* They may be had many times over of the same memory. */
TEST(segments_are_charged)
{
	int fd = new_pool(64 * KIB, 256), devices[16], i;
	int dmabuf = export(fd, 0, 16 * MIB, 0);
	long long before;

	ASSERT_TRUE(is_charged(16 * MIB));
	before = charged();
	for (i = 0; i < 16; i++) {
		devices[i] = new_device(64, 4 * KIB, 0);
		ASSERT_EQ(0, attach(devices[i], dmabuf));
		ASSERT_EQ(0, map_for(devices[i], IMPORTER_TO_DEVICE));
	}
	/* 4096 segments each. */
	EXPECT_TRUE(is_charged(before + MIB));
	for (i = 0; i < 16; i++)
		close(devices[i]);
	close(dmabuf);
	close(fd);
}

/* With several in the way of each other, and whoever waits for what they hold. */
TEST_F(pool, many_attach_and_detach)
{
	int dmabuf = export(self->fd, 0, 4 * STRIDE, 0), child, round, status = 0;

	for (child = 0; child < 4; child++) {
		if (fork())
			continue;
		for (round = 0; round < rounds(200) && !status; round++) {
			int device = new_device(64, child ? 4 * KIB : 0, 0);

			status = attach(device, dmabuf) || map_for(device, child % 3) ||
				 sync_access(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW) ||
				 vmap(device) ||
				 sync_access(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW) ||
				 (round % 2 && (unmap(device) || detach(device)));
			close(device);
		}
		_exit(status);
	}
	for (child = 0; child < 4; child++)
		ASSERT_EQ(0, wait_status(-1));
	EXPECT_EQ(1, holder_of(self->fd, 0).exports);
	close(dmabuf);
	EXPECT_EQ(0, get_wait(self->fd));
}

TEST_HARNESS_MAIN
