// SPDX-License-Identifier: GPL-2.0-only
/*
 * SHARE and ATTACH: a share is good for attaching and nothing else, a handle of one's
 * own is an owner of its own, and neither goes beyond its rights.
 */
#include <grp.h>

#include "export.h"
#include "reload.h"
#include "seal.h"
#include "send.h"
#include "share.h"

#include "harness.h"

#define STRIDE (16 * KIB)
#define COUNT 4

FIXTURE(pool)
{
	int fd, share;
};

FIXTURE_SETUP(pool)
{
	self->fd = new_pool(STRIDE, COUNT);
	ASSERT_GE(self->fd, 0);
	self->share = share(self->fd, 0);
	ASSERT_GE(self->share, 0);
}

FIXTURE_TEARDOWN(pool)
{
	close(self->share);
	close(self->fd);
}

TEST_F(pool, is_the_same_pool)
{
	int other = attach_by(self->share, 0);
	struct zcpool_query ours, theirs;
	char *map, *seen;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, query(self->fd, &ours));
	ASSERT_EQ(0, query(other, &theirs));
	EXPECT_EQ(ours.pool_id, theirs.pool_id);
	EXPECT_EQ(ours.size, theirs.size);
	map = map_pool(self->fd, COUNT * STRIDE);
	seen = map_pool(other, COUNT * STRIDE);
	strcpy(map, "seen");
	EXPECT_STREQ("seen", seen);
	munmap(map, COUNT * STRIDE);
	munmap(seen, COUNT * STRIDE);
	close(other);
}

TEST_F(pool, a_share_does_nothing_else)
{
	struct zcpool_query q = { 0 };
	char byte;

	EXPECT_TRUE(fcntl(self->share, F_GETFD) & FD_CLOEXEC);
	ASSERT_EQ(-1, ioctl(self->share, ZCPOOL_IOC_QUERY, &q));
	ASSERT_EQ(ENOTTY, errno);
	ASSERT_EQ(-1, read(self->share, &byte, 1));
	ASSERT_EQ(-1, write(self->share, &byte, 1));
	ASSERT_EQ(MAP_FAILED, mmap(NULL, 4 * KIB, PROT_READ, MAP_SHARED, self->share, 0));
}

/* Who dies loses what is his, and nobody else loses anything. */
TEST_F(pool, each_handle_is_an_owner)
{
	int other = attach_by(self->share, 0), copy;
	struct zcpool_query q;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(1, get_now(other));
	ASSERT_EQ(-EPERM, put_one(self->fd, 1));
	ASSERT_EQ(-EPERM, put_one(other, 0));
	/* Descriptors of one handle are one owner: it ends with the last. */
	copy = dup(other);
	close(other);
	ASSERT_EQ(ZCPOOL_STATE_OWNED_ELSEWHERE, holder_of(self->fd, 1).state);
	ASSERT_EQ(0, put_one(copy, 1));
	ASSERT_GT(get_now(copy), 0);
	close(copy);
	ASSERT_EQ(0, query(self->fd, &q));
	ASSERT_EQ(1, q.owned);
	ASSERT_EQ(1, q.owned_total);
}

TEST_F(pool, killed_anywhere)
{
	struct zcpool_query q;
	int round;

	ASSERT_EQ(0, get_now(self->fd));
	for (round = 0; round < 50; round++) {
		bool told = false;
		int begun[2];
		pid_t child;
		char byte;

		ASSERT_EQ(0, pipe(begun));
		child = fork();
		if (!child) {
			close(self->fd);
			for (;;) {
				int fd = attach_by(self->share, 0), index = get_now(fd);
				char *map = map_pool(fd, COUNT * STRIDE);

				if (index >= 0)
					map[index * STRIDE] = 1;
				if (round % 2)
					put_one(fd, index);
				close(fd);
				munmap(map, COUNT * STRIDE);
				told = told || write(begun[1], "", 1) == 1;
			}
		}
		ASSERT_EQ(1, read(begun[0], &byte, 1));
		close(begun[0]);
		close(begun[1]);
		usleep(round * 100);
		kill(child, SIGKILL);
		wait_status(child);
		ASSERT_EQ(0, query(self->fd, &q));
		ASSERT_EQ(1, q.owned_total);
		ASSERT_EQ(COUNT - 1, q.unowned);
	}
	ASSERT_EQ(0, put_one(self->fd, 0));
}

TEST_F(pool, errors_of_attach)
{
	struct zcpool_attach arg = { .fd = self->share, .flags = 1 };
	int fd = open(DEVICE, O_RDWR), null = open("/dev/null", O_RDWR);

	ASSERT_EQ(-1, ioctl(fd, ZCPOOL_IOC_ATTACH, &arg));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-EBADF, attach(fd, -1, 0));
	ASSERT_EQ(-EINVAL, attach(fd, null, 0));
	/* A handle is no share. */
	ASSERT_EQ(-EINVAL, attach(fd, self->fd, 0));
	ASSERT_EQ(-EBUSY, attach(self->fd, self->share, 0));
	ASSERT_EQ(0, attach(fd, self->share, 0));
	ASSERT_EQ(-EBUSY, attach(fd, self->share, 0));
	ASSERT_EQ(-EBUSY, create(fd, STRIDE, 1));
	close(fd);
	close(null);
}

/* What cannot be told its number has none, and no pool; nor is it read-only. */
TEST_F(pool, a_number_that_cannot_be_told)
{
	struct zcpool_attach arg = { .fd = share(self->fd, ZCPOOL_SHARE_F_READ_ONLY) }, *fixed;
	int fd = open(DEVICE, O_RDWR), other = open(DEVICE, O_RDWR);
	struct zcpool_item item;
	uint32_t number;
	char *map;

	item = (struct zcpool_item){ .index = get_now(self->fd) };
	fixed = mmap(NULL, 4 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*fixed = arg;
	ASSERT_EQ(0, mprotect(fixed, 4 * KIB, PROT_READ));
	ASSERT_EQ(-1, ioctl(fd, ZCPOOL_IOC_ATTACH, fixed));
	ASSERT_EQ(EFAULT, errno);
	for (number = number_of(self->fd) + 1; number < 10; number++)
		ASSERT_EQ(-ESRCH, transfer(self->fd, number, &item, 1, NULL));
	ASSERT_EQ(-ENXIO, put_one(fd, 0));
	ASSERT_EQ(0, create(fd, STRIDE, 1));
	map = map_pool(fd, STRIDE);
	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, attach(other, self->share, 0));
	ASSERT_EQ(0, transfer(self->fd, number_of(other), &item, 1, NULL));
	munmap(map, STRIDE);
	munmap(fixed, 4 * KIB);
	close(arg.fd);
	close(other);
	close(fd);
}

TEST_F(pool, no_descriptor_is_left)
{
	const rlim_t files = limit_files(0);

	EXPECT_EQ(-EMFILE, share(self->fd, 0));
	limit_files(files);
	/* It left nothing. */
	EXPECT_EQ(0, get_now(self->fd));
}

TEST_F(pool, errors_of_share)
{
	int fd = open(DEVICE, O_RDWR);

	ASSERT_EQ(-ENXIO, share(fd, 0));
	ASSERT_EQ(-EINVAL, share(self->fd, 2));
	close(fd);
	fd = open(DEVICE, O_RDONLY);
	ASSERT_EQ(0, create(fd, STRIDE, 1));
	ASSERT_EQ(-EACCES, share(fd, 0));
	ASSERT_GE(share(fd, ZCPOOL_SHARE_F_READ_ONLY), 0);
	close(fd);
}

/* A pool's users trust each other with every byte: they are one user's. */
TEST_F(pool, another_user_is_EPERM)
{
	int fd = open(DEVICE, O_RDWR);
	pid_t child = fork();

	if (!child) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(99);
		_exit(attach(fd, self->share, 0) == -EPERM ? 0 : 1);
	}
	ASSERT_EQ(0, wait_status(child));
	ASSERT_EQ(0, attach(fd, self->share, 0));
	close(fd);
}

/* Who may not write keeps nobody else from it, though he owns the buffer. */
TEST_F(pool, read_only_begins_no_seal)
{
	int share_fd = share(self->fd, ZCPOOL_SHARE_F_READ_ONLY), fd = attach_by(share_fd, 0);
	const struct zcpool_element element = slice(0, 10);
	struct zcpool_send arg = {
		.elements = (uintptr_t)&element,
		.count = 1,
		.flags = ZCPOOL_SEND_F_SEAL,
	};
	struct zcpool_item item = {};
	struct io_uring ring;
	int index, pair[2];

	ASSERT_EQ(0, tcp_pair(pair));
	index = get_now(fd);
	ASSERT_GE(index, 0);
	ASSERT_EQ(-EACCES, seal(fd, index, 0));
	ASSERT_EQ(-EACCES, send_vector(fd, pair[0], &element, 1, ZCPOOL_SEND_F_SEAL, NULL));
	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	arg.fd = pair[0];
	prepare_send(&ring, fd, ZCPOOL_IOC_SEND, &arg);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(-EACCES, result_of(&ring));
	io_uring_queue_exit(&ring);
	ASSERT_FALSE(is_sealed(self->fd, index));
	/* Who may has sealed it: it can be sent on. */
	ASSERT_EQ(0, put_one(fd, index));
	ASSERT_EQ(index, get_now(self->fd));
	ASSERT_EQ(0, seal(self->fd, index, 0));
	item.index = index;
	ASSERT_EQ(0, transfer(self->fd, number_of(fd), &item, 1, NULL));
	ASSERT_EQ(1, receive_now(fd, &item, 1));
	ASSERT_EQ(0, seal(fd, index, 0));
	ASSERT_EQ(10, send_vector(fd, pair[0], &element, 1, ZCPOOL_SEND_F_SEAL, NULL));
	ASSERT_TRUE(is_sealed(self->fd, index));
	close(pair[0]);
	close(pair[1]);
	close(fd);
	close(share_fd);
}

TEST_F(pool, read_only)
{
	int share_fd = share(self->fd, ZCPOOL_SHARE_F_READ_ONLY), fd, pipes[2], again;
	char *map, *seen, bytes[8];
	loff_t offset = 0;

	fd = attach_by(share_fd, 0);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(-EACCES, pwrite(fd, "x", 1, 0) < 0 ? -errno : 0);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(1, write(pipes[1], "x", 1));
	ASSERT_EQ(-EACCES, splice(pipes[0], NULL, fd, &offset, 1, 0) < 0 ? -errno : 0);
	ASSERT_EQ(MAP_FAILED, (void *)map_pool(fd, STRIDE));
	ASSERT_EQ(EACCES, errno);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, STRIDE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-EACCES, export(fd, 0, STRIDE, 0));
	again = export(fd, 0, STRIDE, ZCPOOL_EXPORT_F_READ_ONLY);
	ASSERT_GE(again, 0);
	close(again);
	ASSERT_EQ(-EACCES, share(fd, 0));
	again = share(fd, ZCPOOL_SHARE_F_READ_ONLY);
	ASSERT_GE(again, 0);
	close(again);

	seen = mmap(NULL, STRIDE, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)seen);
	ASSERT_EQ(-1, mprotect(seen, STRIDE, PROT_READ | PROT_WRITE));
	ASSERT_EQ(EACCES, errno);
	/* Writes by way of the process's memory ask for more than ptrace may give. */
	again = open("/proc/self/mem", O_RDWR);
	ASSERT_EQ(-1, pwrite(again, "x", 1, (uintptr_t)seen));
	close(again);

	/* What it may: be an owner, and read. */
	map = map_pool(self->fd, STRIDE);
	strcpy(map, "content");
	EXPECT_STREQ("content", seen);
	ASSERT_EQ(8, pread(fd, bytes, 8, 0));
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(0, put_one(fd, 0));
	munmap(map, STRIDE);
	munmap(seen, STRIDE);
	close(fd);
	close(share_fd);
}

TEST(keeps_pool_and_module)
{
	int fd = new_pool(STRIDE, COUNT), share_fd = share(fd, 0), other;
	char bytes[9] = "";

	ASSERT_EQ(8, pwrite(fd, "contents", 8, 0));
	close(fd);
	EXPECT_BUSY();
	other = attach_by(share_fd, 0);
	ASSERT_GE(other, 0);
	close(share_fd);
	ASSERT_EQ(8, pread(other, bytes, 8, 0));
	EXPECT_STREQ("contents", bytes);
	EXPECT_BUSY();
	close(other);
	EXPECT_UNLOAD();
}

/* By SCM_RIGHTS, unread in a socket that goes: nothing is left. */
TEST(in_a_socket)
{
	int fd = new_pool(STRIDE, COUNT), share_fd = share(fd, 0), pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, pass(pair[0], share_fd));
	close(share_fd);
	close(fd);
	EXPECT_BUSY();
	close(pair[0]);
	close(pair[1]);
	EXPECT_UNLOAD();
}

TEST_HARNESS_MAIN
