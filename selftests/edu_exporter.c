// SPDX-License-Identifier: GPL-2.0-only
/*
 * The companion driver trusts no exporter: what cannot be attached, mapped or reached is
 * told as an errno, and no transfer is begun.
 */
#include "edu_bus.h"
#include "exporter/exporter.h"
#include "modules.h"

#include "harness.h"

static int load_exporter(void)
{
	return insert_module("ZCPOOL_EXPORTER");
}

static int unload_exporter(void)
{
	return remove_module(EXPORTER_NAME);
}

WITH_MODULES(load_exporter, unload_exporter)

FIXTURE(exporter)
{
	struct edu edu;
	int fd;
};

FIXTURE_SETUP(exporter)
{
	self->fd = open("/dev/" EXPORTER_NAME, O_RDWR);
	ASSERT_GE(self->fd, 0);
	self->edu.fd = zcpool_edu_open(0, 0);
	ASSERT_GE(self->edu.fd, 0);
}

FIXTURE_TEARDOWN(exporter)
{
	close(self->edu.fd);
	close(self->fd);
}

/* A dma-buf with a fault, as a memory: its number, or what IMPORT says. */
static int import(int exporter, int edu, unsigned long fault)
{
	int dmabuf = ioctl(exporter, EXPORTER_EXPORT, fault);
	int memory = zcpool_edu_import(edu, dmabuf);

	close(dmabuf);
	return memory;
}

/* Neither a failing nor a good one leaves anything. */
static int imports(int edu)
{
	struct zcpool_edu_query query = { 0 };

	return zcpool_edu_query(edu, &query) ? -1 : query.imports;
}

TEST_F(exporter, good)
{
	struct edu *edu = &self->edu;

	edu->memory = import(self->fd, edu->fd, EXPORTER_GOOD);
	ASSERT_GE(edu->memory, 0);
	/* With an IOMMU the addresses lead nowhere, and it would say so. */
	if (!has_iommu()) {
		EXPECT_EQ(0, edu_move(edu, 0, EXPORTER_SIZE, 0, 0));
		EXPECT_EQ(0, edu_move(edu, 0, EXPORTER_SIZE, 0, FROM_DEVICE));
	}
}

/* The device is not troubled with transfers of no bytes, with which QEMU's would end. */
TEST_F(exporter, mapped_with_empty_segments)
{
	struct edu *edu = &self->edu;
	int64_t start = now_ns();

	edu->memory = import(self->fd, edu->fd, EXPORTER_GAPS);
	ASSERT_GE(edu->memory, 0);
	/* As above. */
	if (!has_iommu()) {
		EXPECT_EQ(0, edu_move(edu, 1000, EXPORTER_SIZE - 1000, 0, 0));
		EXPECT_EQ(0, edu_move(edu, 0, EXPORTER_SIZE, 0, FROM_DEVICE));
	}
	EXPECT_GT(EXPORTER_GAP * 100 * NS_PER_MS, now_ns() - start);
}

TEST_F(exporter, one_attachment)
{
	ASSERT_EQ(-EXDEV, import(self->fd, self->edu.fd, EXPORTER_ONE_ATTACHMENT));
	ASSERT_EQ(0, imports(self->edu.fd));
}

/* What SUBMIT says of a memory, of its first byte, its last, and all of it. */
static void expect_submit(struct __test_metadata *_metadata, struct edu *edu, int first, int last)
{
	const uint32_t flags[] = { 0, FROM_DEVICE };
	int i;

	ASSERT_GE(edu->memory, 0);
	for (i = 0; i < 2; i++) {
		if (first) {
			EXPECT_EQ(first, edu_submit(edu, 1, 0, 1, 0, flags[i]));
		}
		EXPECT_EQ(last, edu_submit(edu, 1, EXPORTER_SIZE - 1, 1, 0, flags[i]));
		EXPECT_EQ(last, edu_submit(edu, 1, EXPORTER_SIZE / 2 - 1, EXPORTER_SIZE / 2 + 1, 0,
					   flags[i]));
		EXPECT_EQ(last, edu_submit(edu, 1, 0, EXPORTER_SIZE, 0, flags[i]));
	}
	/* Nothing is under way. */
	EXPECT_EQ(-ENOENT, zcpool_edu_cancel(edu->fd, 0, ZCPOOL_EDU_CANCEL_F_ALL));
}

TEST_F(exporter, not_to_be_mapped)
{
	self->edu.memory = import(self->fd, self->edu.fd, EXPORTER_UNMAPPABLE);
	expect_submit(_metadata, &self->edu, -EDOM, -EDOM);
}

TEST_F(exporter, mapped_in_part)
{
	self->edu.memory = import(self->fd, self->edu.fd, EXPORTER_SHORT);
	expect_submit(_metadata, &self->edu, 0, -EIO);
}

TEST_F(exporter, mapped_out_of_reach)
{
	self->edu.memory = import(self->fd, self->edu.fd, EXPORTER_FAR);
	expect_submit(_metadata, &self->edu, 0, -EIO);
}

TEST_F(exporter, not_mapped_at_all)
{
	self->edu.memory = import(self->fd, self->edu.fd, EXPORTER_EMPTY);
	expect_submit(_metadata, &self->edu, -EIO, -EIO);
}

TEST_HARNESS_MAIN
