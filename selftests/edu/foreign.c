// SPDX-License-Identifier: GPL-2.0-only
/*
 * The companion driver takes the dma-bufs of any exporter: here of udmabuf, which makes
 * them of a program's memory, page by page.
 */
#include <linux/udmabuf.h>

#include "../edu.h"

#include "../harness.h"

#define SIZE (32 * KIB)

TEST(udmabuf)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = SIZE };
	struct edu edu = { .fd = zcpool_edu_open(0, 0) };
	int fd = open("/dev/udmabuf", O_RDWR);

	create.memfd = memfd_create("udmabuf", MFD_ALLOW_SEALING);
	ASSERT_EQ(0, ftruncate(create.memfd, SIZE));
	ASSERT_EQ(0, fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	edu.map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, create.memfd, 0);
	ASSERT_NE(MAP_FAILED, (void *)edu.map);
	edu.dmabuf = ioctl(fd, UDMABUF_CREATE, &create);
	ASSERT_GE(edu.dmabuf, 0);
	edu.memory = zcpool_edu_import(edu.fd, edu.dmabuf);
	ASSERT_GE(edu.memory, 0);
	edu_fill(edu.map, 10000, 1);
	ASSERT_EQ(0, edu_move(&edu, 3000, 4000, 0, 0));
	ASSERT_EQ(0, edu_move(&edu, 20000, 4000, 0, FROM_DEVICE));
	EXPECT_EQ(0, memcmp(edu.map + 3000, edu.map + 20000, 4000));
	EXPECT_EQ(0, edu.map[19999] + edu.map[24000]);
	EXPECT_EQ(-ERANGE, edu_submit(&edu, 1, SIZE - 10, 11, 0, 0));
	close(edu.fd);
}

TEST_HARNESS_MAIN
