// SPDX-License-Identifier: GPL-2.0-only
/* read, write and lseek copy, as on a file of fixed size. */
#include <sys/uio.h>

#include "util.h"

#include "harness.h"

#define BUFFER (8 * KIB)
#define SIZE (4 * BUFFER)

FIXTURE(pool)
{
	int fd;
	char *map;
	char data[SIZE];
};

FIXTURE_SETUP(pool)
{
	size_t i;

	self->fd = new_pool(BUFFER, 4);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, SIZE);
	ASSERT_NE(MAP_FAILED, self->map);
	for (i = 0; i < SIZE; i++)
		self->data[i] = i * 7 + i / 251;
}

FIXTURE_TEARDOWN(pool)
{
	close(self->fd);
}

TEST_F(pool, write_then_read)
{
	char back[SIZE];

	ASSERT_EQ(SIZE, write(self->fd, self->data, SIZE));
	ASSERT_EQ(0, memcmp(self->map, self->data, SIZE));
	ASSERT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	ASSERT_EQ(SIZE, read(self->fd, back, SIZE));
	ASSERT_EQ(0, memcmp(back, self->data, SIZE));
}

TEST_F(pool, across_buffers_at_odd_offsets)
{
	char back[BUFFER + 77];

	ASSERT_EQ(BUFFER + 77, pwrite(self->fd, self->data, BUFFER + 77, BUFFER - 33));
	ASSERT_EQ(0, self->map[BUFFER - 34]);
	ASSERT_EQ(0, memcmp(self->map + BUFFER - 33, self->data, BUFFER + 77));
	ASSERT_EQ(0, self->map[BUFFER - 33 + BUFFER + 77]);
	ASSERT_EQ(BUFFER + 77, pread(self->fd, back, BUFFER + 77, BUFFER - 33));
	ASSERT_EQ(0, memcmp(back, self->data, BUFFER + 77));
}

TEST_F(pool, at_the_end)
{
	char back[16];

	ASSERT_EQ(6, pwrite(self->fd, self->data, 100, SIZE - 6));
	ASSERT_EQ(6, pread(self->fd, back, 16, SIZE - 6));
	ASSERT_EQ(0, pread(self->fd, back, 16, SIZE));
	ASSERT_EQ(0, pread(self->fd, back, 16, 1LL << 50));
	ASSERT_EQ(-1, pwrite(self->fd, back, 16, SIZE));
	ASSERT_EQ(ENOSPC, errno);
	ASSERT_EQ(-1, pwrite(self->fd, back, 16, 1LL << 50));
	ASSERT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, pwrite(self->fd, back, 0, SIZE));
	ASSERT_EQ(-1, pread(self->fd, back, 16, -1));
	ASSERT_EQ(EINVAL, errno);
}

TEST_F(pool, seek)
{
	ASSERT_EQ(SIZE, lseek(self->fd, 0, SEEK_END));
	ASSERT_EQ(SIZE - 5, lseek(self->fd, -5, SEEK_CUR));
	ASSERT_EQ(3, lseek(self->fd, 3, SEEK_SET));
	ASSERT_EQ(-1, lseek(self->fd, SIZE + 1, SEEK_SET));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, lseek(self->fd, -1, SEEK_SET));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, lseek(self->fd, 0, 99));
	ASSERT_EQ(EINVAL, errno);
}

TEST_F(pool, bad_memory_is_EFAULT_or_short)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_EQ(-1, pread(self->fd, nowhere, 16, 0));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, pwrite(self->fd, nowhere, 16, 0));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(0, munmap(pages + 4096, 4096));
	ASSERT_EQ(100, pread(self->fd, pages + 4096 - 100, 200, 0));
	ASSERT_EQ(100, pwrite(self->fd, pages + 4096 - 100, 200, 0));
}

/* The user memory is the pool itself: the fault must find no lock taken. */
TEST_F(pool, into_its_own_mapping)
{
	memcpy(self->map, self->data, SIZE);
	munmap(self->map, SIZE);
	self->map = map_pool(self->fd, SIZE);
	ASSERT_EQ(BUFFER, pread(self->fd, self->map + 2 * BUFFER, BUFFER, 0));
	ASSERT_EQ(0, memcmp(self->map + 2 * BUFFER, self->data, BUFFER));
	ASSERT_EQ(BUFFER, pwrite(self->fd, self->map + 2 * BUFFER, BUFFER, 3 * BUFFER));
	ASSERT_EQ(0, memcmp(self->map + 3 * BUFFER, self->data, BUFFER));
}

TEST_F(pool, nowait_does_not_wait)
{
	struct iovec iov = { self->data, SIZE };

	ASSERT_EQ(SIZE, preadv2(self->fd, &iov, 1, 0, RWF_NOWAIT));
	ASSERT_EQ(SIZE, pwritev2(self->fd, &iov, 1, 0, RWF_NOWAIT));
}

TEST_F(pool, vectors)
{
	struct iovec iov[2] = { { self->data, 10 }, { self->data + 100, 20 } };

	ASSERT_EQ(30, pwritev(self->fd, iov, 2, BUFFER - 15));
	ASSERT_EQ(0, memcmp(self->map + BUFFER - 15, self->data, 10));
	ASSERT_EQ(0, memcmp(self->map + BUFFER - 5, self->data + 100, 20));
}

/* So that callers fall back to what works. */
TEST_F(pool, copy_file_range_is_EINVAL_or_EXDEV)
{
	int file = memfd_create("file", 0);
	loff_t from = 0, to = 0;

	ASSERT_EQ(-1, copy_file_range(self->fd, &from, file, &to, 100, 0));
	ASSERT_TRUE(errno == EINVAL || errno == EXDEV);
	ASSERT_EQ(-1, copy_file_range(file, &from, self->fd, &to, 100, 0));
	ASSERT_TRUE(errno == EINVAL || errno == EXDEV);
}

TEST_F(pool, read_only_and_write_only_handles)
{
	int fd = open(DEVICE, O_RDONLY);
	char byte = 0;

	ASSERT_EQ(0, create(fd, BUFFER, 1));
	ASSERT_EQ(-1, write(fd, &byte, 1));
	ASSERT_EQ(EBADF, errno);
	ASSERT_EQ(1, read(fd, &byte, 1));
	close(fd);
	fd = open(DEVICE, O_WRONLY);
	ASSERT_EQ(0, create(fd, BUFFER, 1));
	ASSERT_EQ(-1, read(fd, &byte, 1));
	ASSERT_EQ(EBADF, errno);
	ASSERT_EQ(1, write(fd, &byte, 1));
	ASSERT_EQ(MAP_FAILED, mmap(NULL, BUFFER, PROT_READ, MAP_SHARED, fd, 0));
	close(fd);
}

/* With O_DIRECT, splices would copy. */
TEST(direct_is_EINVAL)
{
	int fd = new_pool(8 * KIB, 1);

	ASSERT_EQ(-1, open(DEVICE, O_RDWR | O_DIRECT));
	EXPECT_EQ(EINVAL, errno);
	ASSERT_EQ(-1, fcntl(fd, F_SETFL, O_DIRECT));
	EXPECT_EQ(EINVAL, errno);
}

TEST_HARNESS_MAIN
