// SPDX-License-Identifier: GPL-2.0-only
/* Memory with a hardware error is used no more, by nobody; the rest goes on. */
#include <sys/eventfd.h>

#include "attach.h"
#include "send.h"

#include "harness.h"

#define BUFFER (64 * KIB)
#define SIZE (8 * BUFFER)

WITH_MODULES(load_importer, unload_importer)

/* Memory that fails is a signal or an error for who touches it, and retires. */
TEST(failed_memory_is_no_more_used)
{
	int fd = new_pool(BUFFER, 8);
	char *map = map_pool(fd, SIZE);
	int pipes[2], status;
	char *other, back[8];
	loff_t offset;
	int index;

	map[4096] = 1;
	/* The kernel, which knows no owner of the page, can but mark it. */
	ASSERT_EQ(-1, madvise(map + 4096, 4096, 100 /* MADV_HWPOISON */));
	ASSERT_TRUE(errno == EIO || errno == EBUSY || errno == EHWPOISON);
	other = map_pool(fd, SIZE);
	/* Its neighbour first: kernels that map as much as they can do not bring it along. */
	if (!fork()) {
		other[8192] = 1;
		other[4096] = 2;
		_exit(0);
	}
	wait(&status);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	EXPECT_EQ(1, other[8192]);
	ASSERT_EQ(0, pipe(pipes));
	offset = 4096;
	EXPECT_EQ(-1, splice(fd, &offset, pipes[1], NULL, 8, 0));
	EXPECT_EQ(EHWPOISON, errno);
	EXPECT_EQ(-1, pread(fd, back, 8, 4096));
	EXPECT_EQ(EIO, errno);
	/* The rest of the pool goes on. */
	EXPECT_EQ(8, pread(fd, back, 8, BUFFER));
	for (index = 1; index < 8; index++)
		EXPECT_GT(get_now(fd), 0);
	EXPECT_EQ(-EAGAIN, get_now(fd));
	munmap(other, SIZE);
}

/* Neither is its memory handed to others, nor is the sound part of it lost. */
TEST(failed_memory_of_a_large_buffer)
{
	int fd = new_pool(4 * MIB, 1), other = open(DEVICE, O_RDWR), status, tries;
	char *map = map_pool(fd, 4 * MIB), *second, address[32];
	struct zcpool_query before, after;

	ASSERT_EQ(0, query(other, &before));
	map[3 * MIB] = 1;
	snprintf(address, sizeof(address), "0x%llx",
		 (unsigned long long)physical_address(map + 3 * MIB));
	/* Marked in any case, then -EIO up to 6.9, -EHWPOISON since: it has no owner. */
	ASSERT_NE(-ENOENT, write_text("/sys/devices/system/memory/hard_offline_page", address));
	/* A neighbour of the page first: it must not bring the failed one with it. */
	second = map_pool(fd, 4 * MIB);
	if (!fork()) {
		second[3 * MIB + 4096] = 1;
		second[3 * MIB] = 2;
		_exit(0);
	}
	wait(&status);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	munmap(map, 4 * MIB);
	munmap(second, 4 * MIB);
	close(fd);
	/* Nobody is charged for what failed, and the rest is given back. */
	for (tries = 0; tries < 3000; tries++) {
		ASSERT_EQ(0, query(other, &after));
		if (after.total_bytes == before.total_bytes - 4 * MIB)
			break;
		usleep(10000);
	}
	EXPECT_EQ(before.total_bytes - 4 * MIB, after.total_bytes);
}

/* Neither exports nor devices meet it; those that have it keep it, and the rest. */
TEST(failed_memory_meets_no_device)
{
	int fd = new_pool(BUFFER, 8), device = new_device(64, 0, 0), late = new_device(64, 0, 0);
	int dmabuf = export(fd, 0, SIZE, 0), other;
	char *map = map_pool(fd, SIZE);

	ASSERT_EQ(0, attach(device, dmabuf));
	ASSERT_EQ(0, attach(late, dmabuf));
	ASSERT_EQ(0, map_for(device, IMPORTER_TO_DEVICE));
	map[BUFFER + 4096] = 1;
	ASSERT_EQ(-1, madvise(map + BUFFER + 4096, 4096, 100 /* MADV_HWPOISON */));
	EXPECT_EQ(-EHWPOISON, map_for(late, IMPORTER_TO_DEVICE));
	EXPECT_EQ(0, unmap(device));
	EXPECT_EQ(-EHWPOISON, map_for(device, IMPORTER_TO_DEVICE));
	EXPECT_EQ(-EHWPOISON, export(fd, 0, SIZE, 0));
	EXPECT_EQ(-EHWPOISON, export(fd, BUFFER + 4096, 4096, ZCPOOL_EXPORT_F_UNHELD));
	EXPECT_EQ(ZCPOOL_STATE_RETIRED, holder_of(fd, 1).state);
	EXPECT_EQ(1, holder_of(fd, 1).exports);
	other = export(fd, 2 * BUFFER, 6 * BUFFER, 0);
	ASSERT_GE(other, 0);
	ASSERT_EQ(0, detach(late));
	ASSERT_EQ(0, attach(late, other));
	EXPECT_EQ(0, map_for(late, IMPORTER_TO_DEVICE));
	close(other);
	close(late);
	close(device);
	close(dmabuf);
	EXPECT_EQ(0, holder_of(fd, 1).exports);
	munmap(map, SIZE);
	close(fd);
}

/* A message is one whole or none; a stream goes as far as the memory is sound. */
TEST(failed_memory_is_not_sent)
{
	const struct zcpool_element failed[] = { slice(BUFFER, 100), slice(0, 2 * KIB),
						 bytes("after", 5) };
	int fd = new_pool(4 * KIB, 2 * BUFFER / (4 * KIB)), stream[2], message[2];
	char *map = map_pool(fd, 2 * BUFFER), back[100];

	ASSERT_EQ(0, tcp_pair(stream));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, message));
	map[0] = 1;
	strcpy(map + BUFFER, "sound");
	ASSERT_EQ(-1, madvise(map, 4 * KIB, 100 /* MADV_HWPOISON */));
	EXPECT_EQ(-EHWPOISON, send_vector(fd, message[0], failed, 3, 0, NULL));
	EXPECT_EQ(-EHWPOISON, send_vector(fd, stream[0], failed + 1, 2, 0, NULL));
	EXPECT_EQ(100, send_vector(fd, stream[0], failed, 3, 0, NULL));
	EXPECT_EQ(100, read_full(stream[1], back, 100));
	EXPECT_STREQ("sound", back);
	EXPECT_EQ(-1, recv(message[1], back, 100, MSG_DONTWAIT));
	EXPECT_EQ(-1, recv(stream[1], back, 100, MSG_DONTWAIT));
	munmap(map, 2 * BUFFER);
	close(fd);
}

/* Who would wait for a buffer of a pool that has no sound one left is told so. */
TEST(no_sound_buffer_is_left)
{
	int fd = new_pool(8 * KIB, 2), index, gone = 0;
	char *map = map_pool(fd, 16 * KIB), back;
	pid_t pid;

	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(1, get_now(fd));
	pid = fork();
	if (!pid)
		_exit(-get_wait(fd));
	ASSERT_TRUE(wait_asleep(pid));
	for (index = 0; index < 2; index++) {
		map[index * 8 * KIB] = 1;
		ASSERT_EQ(-1, madvise(map + index * 8 * KIB, 4096, 100 /* MADV_HWPOISON */));
		gone += pread(fd, &back, 1, index * 8 * KIB) < 0;
	}
	ASSERT_EQ(2, gone);
	/* Asleep before, or late. */
	EXPECT_EQ(EDEADLK, wait_status(pid));
	ASSERT_EQ(0, put_one(fd, 0));
	EXPECT_EQ(-EDEADLK, get_wait(fd));
	EXPECT_EQ(-EDEADLK, get_now(fd));
}

/* Fails the memory of a buffer, and has the device find out. */
static bool fail_buffer(int fd, char *map, uint64_t buffer_size, uint32_t index)
{
	char back;

	map[index * buffer_size] = 1;
	return madvise(map + index * buffer_size, 4096, 100 /* MADV_HWPOISON */) &&
	       pread(fd, &back, 1, index * buffer_size) < 0;
}

static int poll_events(int fd, short wanted, int timeout)
{
	struct pollfd poll_fd = { .fd = fd, .events = wanted };
	int ret = poll(&poll_fd, 1, timeout);

	return ret < 0 ? -errno : poll_fd.revents;
}

/* So is who polls, by any descriptor of events, and who comes later. */
TEST(pollers_are_told_that_none_is_left)
{
	const uint64_t buffer = 8 * KIB;
	int fd = new_pool(buffer, 2), dmabuf, event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct zcpool_eventfd arg = { .fd = event };
	short wanted[] = { POLLOUT, POLLIN, 0 };
	char *map = map_pool(fd, 2 * buffer);
	pid_t pids[3];
	uint64_t told;
	size_t i;

	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(1, get_now(fd));
	ASSERT_EQ(0, ioctl(fd, ZCPOOL_IOC_EVENTFD, &arg));
	for (i = 0; i < 3; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(poll_events(fd, wanted[i], -1));
		ASSERT_TRUE(wait_asleep(pids[i]));
	}
	ASSERT_TRUE(fail_buffer(fd, map, buffer, 0));
	/* An export ends, and who polls may be who ends it. */
	dmabuf = export(fd, buffer, buffer, 0);
	ASSERT_GE(dmabuf, 0);
	EXPECT_EQ(-EDEADLK, get_wait(fd));
	EXPECT_EQ(0, poll_events(fd, POLLIN | POLLOUT, 20));
	EXPECT_EQ(-1, read(event, &told, sizeof(told)));
	close(dmabuf);
	ASSERT_TRUE(fail_buffer(fd, map, buffer, 1));
	for (i = 0; i < 3; i++)
		EXPECT_EQ(POLLERR, wait_status(pids[i]));
	EXPECT_EQ(sizeof(told), read(event, &told, sizeof(told)));
	EXPECT_EQ(-1, read(event, &told, sizeof(told)));
	EXPECT_EQ(POLLERR, poll_events(fd, POLLIN | POLLOUT, -1));
	ASSERT_EQ(0, ioctl(fd, ZCPOOL_IOC_EVENTFD, &arg));
	EXPECT_EQ(sizeof(told), read(event, &told, sizeof(told)));
	ASSERT_EQ(0, put_one(fd, 0));
	EXPECT_EQ(POLLERR, poll_events(fd, POLLIN | POLLOUT, -1));
	EXPECT_EQ(-EDEADLK, get_wait(fd));
	munmap(map, 2 * buffer);
	close(event);
	close(fd);
}

TEST_HARNESS_MAIN
