// SPDX-License-Identifier: GPL-2.0-only
/* An NVMe disk writes into the pool's own pages, and reads from them. */
#include "dma.h"

#define COUNT 4

FIXTURE(disk)
{
	int fd;
	int disk;
	char *map;
	char *data;
	size_t size;
	struct pool_pages pages;
	struct pieces pieces;
};

FIXTURE_VARIANT(disk)
{
	uint64_t buffer;
};

VARIANT(disk, small, .buffer = 8 * KIB);
VARIANT(disk, medium, .buffer = 64 * KIB);
VARIANT(disk, huge, .buffer = 2 * MIB);
VARIANT(disk, of_two_folios, .buffer = 4 * MIB);

/* The disk has known bytes, the pool others. */
FIXTURE_SETUP(disk)
{
	self->size = COUNT * variant->buffer;
	ASSERT_NE(NULL, getenv("ZCPOOL_DISK"));
	ASSERT_EQ(0, bind_to(0));
	self->disk = open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC);
	ASSERT_GE(self->disk, 0);
	self->data = aligned_alloc(PAGE, self->size);
	fill(self->data, self->size, 3);
	ASSERT_EQ(self->size, pwrite(self->disk, self->data, self->size, 0));
	self->fd = new_pool(variant->buffer, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, self->size);
	ASSERT_NE(MAP_FAILED, self->map);
	ASSERT_EQ(0, find_pages(&self->pages, self->map, self->size));
}

FIXTURE_TEARDOWN(disk)
{
	close(self->disk);
	close(self->fd);
	free(self->data);
	free(self->pages.list);
	free_pieces(&self->pieces);
}

static void expect_mapped(struct __test_metadata *_metadata, FIXTURE_DATA(disk) * self,
			  const char *direction, uint64_t offset, size_t length)
{
	struct dma_report report;

	expect_recorded(_metadata, &self->pieces, &self->pages);
	report = examine(&self->pieces, getenv("ZCPOOL_DISK"), direction, &self->pages, offset,
			 length);
	expect_dma(_metadata, &report, length, 0, 0);
	expect_copied(_metadata, 0);
	free_pieces(&self->pieces);
}

/* Read from the disk's beginning to a place of the pool. */
static void expect_read(struct __test_metadata *_metadata, FIXTURE_DATA(disk) * self,
			uint64_t offset, size_t length)
{
	memset(self->map, 0, self->size);
	ASSERT_EQ(0, dma_start());
	ASSERT_EQ(length, pread(self->disk, self->map + offset, length, 0));
	ASSERT_EQ(0, dma_stop());
	/* And what counts copies is not blind. */
	if (dma_is("bounce"))
		EXPECT_LT(0, counted("payload"));
	EXPECT_EQ(0, memcmp(self->map + offset, self->data, length));
	expect_mapped(_metadata, self, "from_device", offset, length);
}

TEST_F(disk, writes_into_the_pools_own_pages)
{
	expect_read(_metadata, self, variant->buffer, variant->buffer);
	expect_read(_metadata, self, 0, 512);
	expect_read(_metadata, self, PAGE + 512, 1536);
	/* From one buffer to the next, and over all of them. */
	expect_read(_metadata, self, 2 * variant->buffer - 1024, 2048);
	expect_read(_metadata, self, 0, self->size);
}

TEST_F(disk, reads_what_the_program_has_changed_from_the_pools_own_pages)
{
	char *back = aligned_alloc(PAGE, variant->buffer);

	expect_read(_metadata, self, 0, variant->buffer);
	memset(self->map + 1000, '#', 5000);
	ASSERT_EQ(0, dma_start());
	ASSERT_EQ(variant->buffer, pwrite(self->disk, self->map, variant->buffer, MIB));
	ASSERT_EQ(0, dma_stop());
	expect_mapped(_metadata, self, "to_device", 0, variant->buffer);
	ASSERT_EQ(variant->buffer, pread(self->disk, back, variant->buffer, MIB));
	EXPECT_EQ(0, memcmp(back, self->map, variant->buffer));
	EXPECT_EQ('#', back[1000]);
	EXPECT_EQ(self->data[999], back[999]);
	free(back);
}

/* All buffers at once, the last one first. */
TEST_F(disk, writes_by_many_requests_at_once)
{
	struct io_uring_cqe *cqe;
	struct io_uring ring;
	int i;

	ASSERT_EQ(0, io_uring_queue_init(COUNT, &ring, 0));
	ASSERT_EQ(0, bind_workers(&ring));
	ASSERT_EQ(0, dma_start());
	for (i = COUNT - 1; i >= 0; i--)
		io_uring_prep_read(io_uring_get_sqe(&ring), self->disk,
				   self->map + i * variant->buffer, variant->buffer,
				   i * variant->buffer);
	ASSERT_EQ(COUNT, io_uring_submit(&ring));
	for (i = 0; i < COUNT; i++) {
		ASSERT_EQ(0, io_uring_wait_cqe(&ring, &cqe));
		ASSERT_EQ(variant->buffer, cqe->res);
		io_uring_cqe_seen(&ring, cqe);
	}
	ASSERT_EQ(0, dma_stop());
	EXPECT_EQ(0, memcmp(self->map, self->data, self->size));
	expect_mapped(_metadata, self, "from_device", 0, self->size);
	io_uring_queue_exit(&ring);
}

/* Where a run is to be about memory that 32 bits do not reach, it is. */
TEST_F(disk, memory_is_where_this_run_wants_it)
{
	const char *memory = getenv("ZCPOOL_MEMORY");
	bool high = memory && !strcmp(memory, "high");
	size_t i;

	for (i = 0; high && i < self->pages.count; i++)
		ASSERT_LE(1ULL << 32, self->pages.list[i].phys);
}

TEST_HARNESS_MAIN
