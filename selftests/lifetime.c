// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handles, mappings and pipe slots end in any order; the last of them ends the
 * pool, and lets the module go.
 */
#include "reload.h"

#include "harness.h"

TEST(unload_without_users)
{
	EXPECT_UNLOAD();
}

/* Within 100 ms, as promised; where others want the processor, not each time. */
TEST(the_module_goes_soon)
{
	int64_t start, goes;
	int try, ret;

	for (try = 0; try < 20; try++) {
		int fd = new_pool(2 * MIB, 2), pipes[2];
		loff_t offset = 0;

		ASSERT_EQ(0, pipe(pipes));
		ASSERT_EQ(8, splice(fd, &offset, pipes[1], NULL, 8, 0));
		close(fd);
		EXPECT_BUSY();
		close(pipes[0]);
		start = now_ns();
		close(pipes[1]);
		do {
			goes = now_ns();
			ret = unload();
		} while (ret == -EAGAIN && !usleep(1000));
		ASSERT_EQ(0, ret);
		ASSERT_EQ(0, load());
		if (goes - start <= 100 * NS_PER_MS)
			return;
	}
	ASSERT_LE(goes - start, 100 * NS_PER_MS);
}

TEST(a_handle_keeps_the_module)
{
	int fd = open(DEVICE, O_RDWR), copy = dup(fd);

	EXPECT_BUSY();
	ASSERT_EQ(0, create(fd, 8 * KIB, 4));
	close(fd);
	EXPECT_BUSY();
	ASSERT_EQ(0, get_now(copy));
	close(copy);
	EXPECT_UNLOAD();
}

TEST(a_mapping_keeps_the_module)
{
	int fd = new_pool(2 * MIB, 2);
	char *map = map_pool(fd, 4 * MIB);

	map[0] = 1;
	close(fd);
	EXPECT_BUSY();
	map[2 * MIB] = 1;
	ASSERT_EQ(0, munmap(map, 2 * MIB));
	EXPECT_BUSY();
	ASSERT_EQ(0, munmap(map + 2 * MIB, 2 * MIB));
	EXPECT_UNLOAD();
}

TEST(a_pipe_slot_keeps_the_module)
{
	int fd = new_pool(8 * KIB, 2), first[2], second[2];
	loff_t offset = 0;
	char byte;

	ASSERT_EQ(0, pipe(first));
	ASSERT_EQ(0, pipe(second));
	ASSERT_EQ(8, pwrite(fd, "contents", 8, 0));
	ASSERT_EQ(8, splice(fd, &offset, first[1], NULL, 8, 0));
	close(fd);
	EXPECT_BUSY();
	ASSERT_EQ(8, tee(first[0], second[1], 8, 0));
	close(first[0]);
	close(first[1]);
	EXPECT_BUSY();
	ASSERT_EQ(1, read(second[0], &byte, 1));
	ASSERT_EQ('c', byte);
	close(second[0]);
	close(second[1]);
	EXPECT_UNLOAD();
}

/* A socket holds pages, which outlive pool and module. */
TEST(a_socket_keeps_its_data_beyond_the_module)
{
	int fd = new_pool(64 * KIB, 2), pair[2];
	char *map = map_pool(fd, 128 * KIB), *back = malloc(64 * KIB);
	off_t offset = 0;

	ASSERT_EQ(0, tcp_pair(pair));
	memset(map, 'd', 128 * KIB);
	ASSERT_EQ(64 * KIB, sendfile(pair[0], fd, &offset, 64 * KIB));
	munmap(map, 128 * KIB);
	close(fd);
	ASSERT_EQ(0, unload_soon());
	ASSERT_EQ(64 * KIB, read_full(pair[1], back, 64 * KIB));
	ASSERT_EQ('d', back[0]);
	ASSERT_EQ(0, memcmp(back, back + 1, 64 * KIB - 1));
	ASSERT_EQ(0, load());
	close(pair[0]);
	close(pair[1]);
	free(back);
}

TEST(a_sleeper_keeps_the_module)
{
	int fd = new_pool(8 * KIB, 1);
	pid_t pid;

	ASSERT_EQ(0, get_now(fd));
	pid = fork();
	if (!pid)
		_exit(get_wait(fd));
	ASSERT_TRUE(wait_asleep(pid));
	close(fd);
	EXPECT_BUSY();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_UNLOAD();
}

/* One open file description is one owner, however many descriptors it has. */
TEST(fork_and_dup_are_one_owner)
{
	int fd = new_pool(8 * KIB, 2), copy, status;

	ASSERT_EQ(0, get_now(fd));
	if (!fork()) {
		if (put_one(fd, 0) || get_now(fd) != 0 || get_now(fd) != 1)
			_exit(1);
		_exit(0);
	}
	wait(&status);
	ASSERT_EQ(0, status);
	/* The child's death gave nothing back: the description lives. */
	ASSERT_EQ(-EAGAIN, get_now(fd));
	copy = dup(fd);
	close(fd);
	ASSERT_EQ(-EAGAIN, get_now(copy));
	ASSERT_EQ(0, put_one(copy, 1));
	ASSERT_EQ(1, get_now(copy));
	close(copy);
}

/* In the queue of a socket, and that socket in its own queue's turn. */
TEST(passed_and_never_received)
{
	int fd = new_pool(8 * KIB, 2), pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(0, pass(pair[0], fd));
	close(fd);
	EXPECT_BUSY();
	close(pair[0]);
	close(pair[1]);
	EXPECT_UNLOAD();
}

/* Whatever a killed process owned, mapped and had in flight comes back. */
TEST(killed_process_loses_everything)
{
	int pipes[2], ready[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	if (!pid) {
		int fd = new_pool(64 * KIB, 4);
		char *map = map_pool(fd, 256 * KIB);
		loff_t offset = 0;

		memset(map, 'k', 256 * KIB);
		if (get_now(fd) != 0 || get_now(fd) != 1 ||
		    splice(fd, &offset, pipes[1], NULL, 1000, 0) != 1000 ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_BUSY();
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	ASSERT_EQ('k', byte);
	close(pipes[0]);
	close(pipes[1]);
	EXPECT_UNLOAD();
}

TEST(reload_many_times)
{
	int round;

	for (round = 0; round < rounds(20); round++) {
		int fd = new_pool(8 * KIB, 8);
		uint32_t indices[8];

		ASSERT_GE(fd, 0);
		ASSERT_EQ(8, get_many(fd, indices, 8, 0, 0));
		close(fd);
		EXPECT_UNLOAD();
	}
}

TEST_HARNESS_MAIN
