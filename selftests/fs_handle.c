// SPDX-License-Identifier: GPL-2.0-only
/* Open files of a named pool as handles: each an owner, bound when it needs to be. */
#include "fs.h"
#include "seal.h"
#include "share.h"

#include "harness.h"

#define STRIDE (64 * KIB)
#define COUNT 4
#define SIZE (COUNT * STRIDE)

FIXTURE(fs)
{
	int fd;
};

FIXTURE_SETUP(fs)
{
	ASSERT_EQ(0, mount_fs());
	self->fd = open_file(FILE_A, O_RDWR | O_CREAT | O_EXCL, 0600);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(fs)
{
	close(self->fd);
	unlink(FILE_A);
	EXPECT_EQ(0, unmount_fs());
}

TEST_F(fs, create_chooses_the_geometry)
{
	struct zcpool_create arg = { .buffer_size = 5000, .count = 3, .dma_bits = 32 };
	struct zcpool_query q;

	ASSERT_EQ(0, ioctl(self->fd, ZCPOOL_IOC_CREATE, &arg));
	EXPECT_EQ(8 * KIB, arg.stride);
	EXPECT_EQ(24 * KIB, arg.size);
	EXPECT_EQ(24 * KIB, stat_of(FILE_A).st_size);
	ASSERT_EQ(0, query(self->fd, &q));
	EXPECT_EQ(5000, q.buffer_size);
	EXPECT_EQ(3, q.count);
	EXPECT_EQ(32, q.dma_bits);
	EXPECT_EQ(1, q.handle);
	/* Nobody makes another of it. */
	ASSERT_EQ(-EBUSY, create(self->fd, 5000, 3));
	ASSERT_EQ(-EPERM, size_file(self->fd, 8 * KIB));
	ASSERT_EQ(0, size_file(self->fd, 24 * KIB));
}

/* Neither when it is opened, nor by what does not concern ownership. */
TEST_F(fs, bound_when_it_needs_to_be)
{
	int early = open_file(FILE_A, O_RDWR, 0), late;
	struct zcpool_query q;
	char byte = 0;

	ASSERT_EQ(0, read(early, &byte, 1));
	ASSERT_EQ(0, query(early, &q));
	ASSERT_EQ(0, q.pool_id);
	ASSERT_EQ(0, size_file(self->fd, SIZE));
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 0));
	ASSERT_EQ(1, read(early, &byte, 1));
	EXPECT_EQ('x', byte);
	ASSERT_EQ(-EBUSY, create(early, 5000, 3));
	late = open_file(FILE_A, O_RDWR, 0);
	ASSERT_GE(late, 0);
	ASSERT_GE(get_now(early), 0);
	ASSERT_EQ(0, query(early, &q));
	ASSERT_EQ(1, q.owned);
	ASSERT_EQ(0, query(late, &q));
	ASSERT_EQ(0, q.owned);
	ASSERT_EQ(1, q.owned_total);
	ASSERT_EQ(COUNT, q.count);
	ASSERT_NE(number_of(early), number_of(late));
	close(early);
	close(late);
}

TEST_F(fs, each_open_file_is_an_owner)
{
	int other = open_file(FILE_A, O_RDWR, 0), index;
	struct zcpool_query q;

	ASSERT_EQ(0, size_file(self->fd, SIZE));
	index = get_now(other);
	ASSERT_GE(index, 0);
	ASSERT_EQ(-EPERM, put_one(self->fd, index));
	EXPECT_EQ(ZCPOOL_STATE_OWNED_ELSEWHERE, holder_of(self->fd, index).state);
	close(other);
	EXPECT_EQ(ZCPOOL_STATE_FREE, holder_of(self->fd, index).state);
	ASSERT_EQ(0, query(self->fd, &q));
	ASSERT_EQ(0, q.owned_total);
}

TEST_F(fs, transfer_between_processes)
{
	struct zcpool_item item = { .tag = 7 };
	int other, pair[2];
	uint32_t number;
	pid_t child;

	ASSERT_EQ(0, size_file(self->fd, SIZE));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	child = fork();
	if (!child) {
		other = open_file(FILE_A, O_RDWR, 0);
		number = number_of(other);
		if (write(pair[1], &number, sizeof(number)) != sizeof(number))
			_exit(1);
		_exit(receive_wait(other, &item, 1, 0) == 1 && item.tag == 7 ? 0 : 2);
	}
	ASSERT_EQ(sizeof(number), read(pair[0], &number, sizeof(number)));
	item.index = get_now(self->fd);
	ASSERT_EQ(0, transfer(self->fd, number, &item, 1, NULL));
	ASSERT_EQ(0, wait_status(child));
	close(pair[0]);
	close(pair[1]);
}

/* The pool is the file's own, and the device's handles come by a share. */
TEST_F(fs, attach)
{
	int other = new_pool(STRIDE, 1), share_fd = share(other, 0), handle;

	ASSERT_EQ(-EBUSY, attach(self->fd, share_fd, 0));
	close(share_fd);
	close(other);
	ASSERT_EQ(0, size_file(self->fd, SIZE - 1));
	handle = attach_another(self->fd, 0);
	ASSERT_GE(handle, 0);
	EXPECT_EQ(SIZE, lseek(handle, 0, SEEK_END));
	close(self->fd);
	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_GE(get_now(handle), 0);
	close(handle);
	self->fd = open_file(FILE_A, O_RDWR | O_CREAT, 0600);
}

TEST_F(fs, poll)
{
	struct pollfd poll_fd = { .fd = self->fd, .events = POLLOUT };
	uint32_t all[COUNT];

	ASSERT_EQ(0, size_file(self->fd, SIZE));
	ASSERT_EQ(1, poll(&poll_fd, 1, 0));
	EXPECT_EQ(POLLOUT, poll_fd.revents);
	ASSERT_EQ(COUNT, get_many(self->fd, all, COUNT, 0, 0));
	ASSERT_EQ(0, poll(&poll_fd, 1, 0));
}

/* What may only be read is owned, but neither exported nor shared for writing. */
TEST_F(fs, for_reading)
{
	struct zcpool_export export = { .length = STRIDE };
	struct zcpool_view view = { .length = STRIDE, .flags = ZCPOOL_VIEW_F_WRITABLE };
	int reader = open_file(FILE_A, O_RDONLY, 0), read_only;

	ASSERT_EQ(0, size_file(self->fd, SIZE));
	ASSERT_EQ(0, get_now(reader));
	ASSERT_EQ(-EACCES, seal(reader, 0, 0));
	ASSERT_EQ(-EACCES, share(reader, 0));
	ASSERT_EQ(-1, ioctl(reader, ZCPOOL_IOC_EXPORT, &export));
	ASSERT_EQ(EACCES, errno);
	ASSERT_EQ(-1, ioctl(reader, ZCPOOL_IOC_VIEW, &view));
	ASSERT_EQ(EACCES, errno);
	read_only = share(reader, ZCPOOL_SHARE_F_READ_ONLY);
	ASSERT_GE(read_only, 0);
	close(read_only);
	close(reader);
}

/* The memory of files that are a multiple of it has the size of a huge page. */
TEST_F(fs, buffer_size_by_the_size)
{
	static const struct {
		off_t size;
		uint64_t stride;
		uint32_t count;
	} sizes[] = {
		{ 1, 8 * KIB, 1 },
		{ 8 * KIB + 1, 16 * KIB, 1 },
		{ 64 * KIB, 64 * KIB, 1 },
		{ 64 * KIB + 1, 64 * KIB, 2 },
		{ 2 * MIB - 1, 64 * KIB, 32 },
		{ 2 * MIB, 2 * MIB, 1 },
		{ 4 * MIB + 1, 64 * KIB, 65 },
		{ 6 * MIB, 2 * MIB, 3 },
	};
	struct zcpool_query q;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		fd = new_file(FILE_B, sizes[i].size);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(0, query(fd, &q));
		EXPECT_EQ(sizes[i].stride, q.stride);
		EXPECT_EQ(sizes[i].count, q.count);
		EXPECT_EQ(sizes[i].size, stat_of(FILE_B).st_size);
		close(fd);
		ASSERT_EQ(0, unlink(FILE_B));
	}
}

TEST_HARNESS_MAIN
