// SPDX-License-Identifier: GPL-2.0-only
/*
 * splice, tee and sendfile from the pool hand over references: a change made
 * through the mapping afterwards is seen by whoever reads the pipe or socket.
 */
#include "util.h"

#include "harness.h"

#define BUFFER (64 * KIB)
#define COUNT 32
#define SIZE (COUNT * BUFFER)

FIXTURE(pool)
{
	int fd;
	char *map;
	int pipe[2];
	loff_t offset;
	char back[2 * BUFFER];
};

FIXTURE_SETUP(pool)
{
	self->fd = new_pool(BUFFER, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, SIZE);
	ASSERT_NE(MAP_FAILED, self->map);
	memset(self->map, 'a', SIZE);
	ASSERT_EQ(0, pipe(self->pipe));
}

FIXTURE_TEARDOWN(pool)
{
	close(self->pipe[0]);
	close(self->pipe[1]);
	munmap(self->map, SIZE);
	close(self->fd);
}

TEST_F(pool, pipe_reader_sees_later_change)
{
	self->offset = BUFFER;
	ASSERT_EQ(10, splice(self->fd, &self->offset, self->pipe[1], NULL, 10, 0));
	ASSERT_EQ(BUFFER + 10, self->offset);
	self->map[BUFFER + 3] = 'X';
	ASSERT_EQ(10, read(self->pipe[0], self->back, 100));
	ASSERT_EQ(0, memcmp("aaaXaaaaaa", self->back, 10));
}

TEST_F(pool, file_position_is_used_and_moved)
{
	self->map[5] = 'P';
	ASSERT_EQ(5, lseek(self->fd, 5, SEEK_SET));
	ASSERT_EQ(10, splice(self->fd, NULL, self->pipe[1], NULL, 10, 0));
	ASSERT_EQ(15, lseek(self->fd, 0, SEEK_CUR));
	ASSERT_EQ(10, read(self->pipe[0], self->back, 100));
	ASSERT_EQ('P', self->back[0]);
}

/* A slot covers up to 64 KiB: 16 slots of a page each could not take 1 MiB. */
TEST_F(pool, slots_are_large)
{
	size_t total = 0;
	ssize_t ret;

	ASSERT_EQ(MIB, fcntl(self->pipe[1], F_SETPIPE_SZ, MIB));
	while ((ret = splice(self->fd, &self->offset, self->pipe[1], NULL, MIB,
			     SPLICE_F_NONBLOCK)) > 0)
		total += ret;
	/* All of the pool, 2 MiB, in a pipe that is said to hold 1 MiB. */
	ASSERT_EQ(0, ret);
	ASSERT_EQ(SIZE, total);
}

TEST_F(pool, full_pipe_is_EAGAIN)
{
	int slots = 0;

	while (splice(self->fd, &self->offset, self->pipe[1], NULL, 1, SPLICE_F_NONBLOCK) == 1)
		slots++;
	ASSERT_EQ(EAGAIN, errno);
	ASSERT_EQ(16, slots);
}

TEST_F(pool, no_reader_is_EPIPE)
{
	signal(SIGPIPE, SIG_IGN);
	close(self->pipe[0]);
	ASSERT_EQ(-1, splice(self->fd, &self->offset, self->pipe[1], NULL, 1, 0));
	ASSERT_EQ(EPIPE, errno);
	self->pipe[0] = -1;
}

TEST_F(pool, end_of_the_pool)
{
	self->offset = SIZE - 7;
	ASSERT_EQ(7, splice(self->fd, &self->offset, self->pipe[1], NULL, 100, 0));
	ASSERT_EQ(0, splice(self->fd, &self->offset, self->pipe[1], NULL, 100, 0));
	self->offset = 1LL << 50;
	ASSERT_EQ(0, splice(self->fd, &self->offset, self->pipe[1], NULL, 100, 0));
	self->offset = -1;
	ASSERT_EQ(-1, splice(self->fd, &self->offset, self->pipe[1], NULL, 100, 0));
	ASSERT_EQ(EINVAL, errno);
}

/* Two slots, one for each buffer, at offsets beyond a page. */
TEST_F(pool, odd_offsets_across_buffers)
{
	size_t i;

	for (i = 0; i < 2 * BUFFER; i++)
		self->map[i] = i * 13 + i / 256;
	self->offset = BUFFER - 5001;
	ASSERT_EQ(10007, splice(self->fd, &self->offset, self->pipe[1], NULL, 10007, 0));
	ASSERT_EQ(10007, read_full(self->pipe[0], self->back, 10007));
	ASSERT_EQ(0, memcmp(self->back, self->map + BUFFER - 5001, 10007));
}

TEST_F(pool, tee_shares)
{
	int second[2];

	ASSERT_EQ(0, pipe(second));
	ASSERT_EQ(100, splice(self->fd, &self->offset, self->pipe[1], NULL, 100, 0));
	ASSERT_EQ(100, tee(self->pipe[0], second[1], 100, 0));
	self->map[50] = 'T';
	ASSERT_EQ(100, read(self->pipe[0], self->back, 100));
	ASSERT_EQ('T', self->back[50]);
	ASSERT_EQ(100, read(second[0], self->back, 100));
	ASSERT_EQ('T', self->back[50]);
	close(second[0]);
	close(second[1]);
}

TEST_F(pool, pipe_to_pipe_in_parts)
{
	int second[2];

	ASSERT_EQ(0, pipe(second));
	self->map[9001] = 'S';
	ASSERT_EQ(20000, splice(self->fd, &self->offset, self->pipe[1], NULL, 20000, 0));
	ASSERT_EQ(9000, splice(self->pipe[0], NULL, second[1], NULL, 9000, 0));
	ASSERT_EQ(11000, splice(self->pipe[0], NULL, second[1], NULL, 20000, 0));
	ASSERT_EQ(20000, read_full(second[0], self->back, 20000));
	ASSERT_EQ('S', self->back[9001]);
	close(second[0]);
	close(second[1]);
}

TEST_F(pool, vmsplice_reads_it_out)
{
	struct iovec iov = { self->back, 5000 };

	self->map[4999] = 'V';
	ASSERT_EQ(5000, splice(self->fd, &self->offset, self->pipe[1], NULL, 5000, 0));
	ASSERT_EQ(5000, vmsplice(self->pipe[0], &iov, 1, 0));
	ASSERT_EQ('V', self->back[4999]);
}

/* A file takes a copy, whatever SPLICE_F_MOVE asks: pool pages stay the pool's. */
TEST_F(pool, a_file_cannot_steal)
{
	int file = memfd_create("file", 0);
	loff_t to = 0;

	ASSERT_EQ(BUFFER, splice(self->fd, &self->offset, self->pipe[1], NULL, BUFFER, 0));
	ASSERT_EQ(BUFFER, splice(self->pipe[0], NULL, file, &to, BUFFER, SPLICE_F_MOVE));
	self->map[0] = 'X';
	ASSERT_EQ(1, pread(file, self->back, 1, 0));
	ASSERT_EQ('a', self->back[0]);
	close(file);
}

TEST_F(pool, splice_into_the_pool_copies)
{
	self->offset = BUFFER - 2;
	ASSERT_EQ(6, write(self->pipe[1], "copied", 6));
	ASSERT_EQ(6, splice(self->pipe[0], NULL, self->fd, &self->offset, 6, 0));
	ASSERT_EQ(0, memcmp(self->map + BUFFER - 2, "copied", 6));
	ASSERT_EQ(1, write(self->pipe[1], "x", 1));
	self->offset = SIZE;
	ASSERT_EQ(-1, splice(self->pipe[0], NULL, self->fd, &self->offset, 1, 0));
	ASSERT_EQ(ENOSPC, errno);
}

FIXTURE(socket)
{
	int fd;
	char *map;
	int pair[2];
	off_t offset;
	char back[2 * BUFFER];
};

FIXTURE_VARIANT(socket)
{
	int domain;
};

VARIANT(socket, tcp, .domain = AF_INET);
VARIANT(socket, unix_stream, .domain = AF_UNIX);

FIXTURE_SETUP(socket)
{
	self->fd = new_pool(BUFFER, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, SIZE);
	ASSERT_NE(MAP_FAILED, self->map);
	memset(self->map, 'a', SIZE);
	if (variant->domain == AF_INET) {
		ASSERT_EQ(0, tcp_pair(self->pair));
	} else {
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->pair));
	}
}

FIXTURE_TEARDOWN(socket)
{
	close(self->pair[0]);
	close(self->pair[1]);
	munmap(self->map, SIZE);
	close(self->fd);
}

TEST_F(socket, reader_sees_later_change)
{
	self->offset = 3 * BUFFER + 17;
	ASSERT_EQ(BUFFER, sendfile(self->pair[0], self->fd, &self->offset, BUFFER));
	ASSERT_EQ(4 * BUFFER + 17, self->offset);
	self->map[3 * BUFFER + 17 + 40000] = 'X';
	ASSERT_EQ(BUFFER, read_full(self->pair[1], self->back, BUFFER));
	ASSERT_EQ('X', self->back[40000]);
	ASSERT_EQ('a', self->back[39999]);
}

TEST_F(socket, much_data_arrives_in_order)
{
	size_t i, at;

	for (i = 0; i < SIZE / 8; i++)
		((uint64_t *)self->map)[i] = i * 0x9E3779B97F4A7C15;
	if (!fork()) {
		size_t left = SIZE;
		ssize_t ret;

		while (left && (ret = sendfile(self->pair[0], self->fd, &self->offset, left)) > 0)
			left -= ret;
		_exit(left != 0);
	}
	for (at = 0; at < SIZE; at += BUFFER) {
		ASSERT_EQ(BUFFER, read_full(self->pair[1], self->back, BUFFER));
		ASSERT_EQ(0, memcmp(self->back, self->map + at, BUFFER));
	}
	ASSERT_GT(wait(NULL), 0);
}

/* TCP_MAXSEG-sized or any other pieces: the receiver splices them on. */
TEST_F(socket, through_a_pipe_at_both_ends)
{
	int pipes[2];
	loff_t offset = 100;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(5000, splice(self->fd, &offset, pipes[1], NULL, 5000, 0));
	ASSERT_EQ(5000, splice(pipes[0], NULL, self->pair[0], NULL, 5000, 0));
	self->map[100 + 4000] = 'R';
	ASSERT_EQ(5000, splice(self->pair[1], NULL, pipes[1], NULL, 5000, 0));
	ASSERT_EQ(5000, read_full(pipes[0], self->back, 5000));
	ASSERT_EQ('R', self->back[4000]);
	close(pipes[0]);
	close(pipes[1]);
}

TEST(sendfile_into_the_pool_copies)
{
	int fd = new_pool(8 * KIB, 4), file = memfd_create("file", 0);
	char *map = map_pool(fd, 32 * KIB);

	ASSERT_EQ(9, pwrite(file, "from file", 9, 0));
	ASSERT_EQ(9, sendfile(fd, file, NULL, 100));
	ASSERT_STREQ("from file", map);
	ASSERT_EQ(9, lseek(fd, 0, SEEK_CUR));
}

TEST_HARNESS_MAIN
