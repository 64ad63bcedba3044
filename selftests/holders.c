// SPDX-License-Identifier: GPL-2.0-only
/*
 * GET never hands out a buffer that a pipe, a socket or a pin still holds, and
 * hands it out when the last of them is gone.  Mappings hold nothing.
 */
#include <sys/uio.h>

#include "util.h"

#include "harness.h"

FIXTURE(held)
{
	int fd;
	char *map;
	size_t size;
	int pipe[2];
	int pair[2];
	loff_t offset;
	char back[128 * KIB];
};

FIXTURE_VARIANT(held)
{
	uint64_t buffer;
	bool mapped;
};

VARIANT(held, small_unmapped, .buffer = 8 * KIB, .mapped = false);
VARIANT(held, medium_mapped, .buffer = 64 * KIB, .mapped = true);
VARIANT(held, huge_mapped, .buffer = 2 * MIB, .mapped = true);
VARIANT(held, several_folios, .buffer = 4 * MIB, .mapped = true);

/* A pool of one buffer, owned. */
FIXTURE_SETUP(held)
{
	self->fd = new_pool(variant->buffer, 1);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, variant->buffer);
	ASSERT_NE(MAP_FAILED, self->map);
	if (variant->mapped)
		memset(self->map, 'a', variant->buffer);
	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(0, pipe(self->pipe));
	ASSERT_EQ(0, tcp_pair(self->pair));
	/* In the last folio, at an odd place. */
	self->offset = variant->buffer - 5001;
}

FIXTURE_TEARDOWN(held)
{
	munmap(self->map, variant->buffer);
	close(self->fd);
}

#define EXPECT_HELD() ASSERT_EQ(-EAGAIN, get_now(self->fd))
#define EXPECT_FREE() ASSERT_EQ(0, get_wait(self->fd))

TEST_F(held, by_nobody)
{
	ASSERT_EQ(0, put_one(self->fd, 0));
	EXPECT_FREE();
}

TEST_F(held, by_a_pipe_slot)
{
	ASSERT_EQ(5000, splice(self->fd, &self->offset, self->pipe[1], NULL, 5000, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	EXPECT_HELD();
	ASSERT_EQ(4999, read_full(self->pipe[0], self->back, 4999));
	EXPECT_HELD();
	ASSERT_EQ(1, read_full(self->pipe[0], self->back, 1));
	EXPECT_FREE();
}

TEST_F(held, by_a_second_pipe_after_tee)
{
	int second[2];

	ASSERT_EQ(0, pipe(second));
	ASSERT_EQ(5000, splice(self->fd, &self->offset, self->pipe[1], NULL, 5000, 0));
	ASSERT_EQ(5000, tee(self->pipe[0], second[1], 5000, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(5000, read_full(self->pipe[0], self->back, 5000));
	EXPECT_HELD();
	close(second[0]);
	close(second[1]);
	EXPECT_FREE();
}

TEST_F(held, by_an_unread_tcp_peer)
{
	off_t offset = self->offset;

	ASSERT_EQ(5000, sendfile(self->pair[0], self->fd, &offset, 5000));
	ASSERT_EQ(0, put_one(self->fd, 0));
	EXPECT_HELD();
	/* Acknowledged, and the sender gone: the reader still reads these pages. */
	close(self->pair[0]);
	EXPECT_HELD();
	ASSERT_EQ(5000, read_full(self->pair[1], self->back, 5000));
	EXPECT_FREE();
}

TEST_F(held, by_an_unread_unix_peer)
{
	off_t offset = self->offset;
	int pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(5000, sendfile(pair[0], self->fd, &offset, 5000));
	ASSERT_EQ(0, put_one(self->fd, 0));
	EXPECT_HELD();
	close(pair[0]);
	EXPECT_HELD();
	close(pair[1]);
	EXPECT_FREE();
}

TEST_F(held, by_a_peer_that_dies)
{
	off_t offset = self->offset;

	ASSERT_EQ(5000, sendfile(self->pair[0], self->fd, &offset, 5000));
	ASSERT_EQ(0, put_one(self->fd, 0));
	EXPECT_HELD();
	close(self->pair[1]);
	close(self->pair[0]);
	EXPECT_FREE();
}

/* The receiver splices the very pages into a pipe that is not the pool's. */
TEST_F(held, by_a_foreign_pipe)
{
	off_t offset = self->offset;

	ASSERT_EQ(5000, sendfile(self->pair[0], self->fd, &offset, 5000));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(5000, splice(self->pair[1], NULL, self->pipe[1], NULL, 5000, 0));
	close(self->pair[0]);
	close(self->pair[1]);
	EXPECT_HELD();
	ASSERT_EQ(5000, read_full(self->pipe[0], self->back, 5000));
	EXPECT_FREE();
}

/* And tee() makes a second reference of that slot, of which the pool is not told. */
TEST_F(held, by_a_tee_of_a_foreign_pipe)
{
	off_t offset = self->offset;
	int second[2];

	ASSERT_EQ(0, pipe(second));
	ASSERT_EQ(5000, sendfile(self->pair[0], self->fd, &offset, 5000));
	ASSERT_EQ(5000, splice(self->pair[1], NULL, self->pipe[1], NULL, 5000, 0));
	ASSERT_EQ(5000, tee(self->pipe[0], second[1], 5000, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(5000, read_full(self->pipe[0], self->back, 5000));
	EXPECT_HELD();
	ASSERT_EQ(5000, read_full(second[0], self->back + 5000, 5000));
	ASSERT_EQ(0, memcmp(self->back, self->back + 5000, 5000));
	EXPECT_FREE();
}

/* vmsplice() pins user pages like direct I/O does. */
TEST_F(held, by_a_pin)
{
	struct iovec iov = { self->map + variant->buffer - 5001, 5000 };

	ASSERT_EQ(5000, vmsplice(self->pipe[1], &iov, 1, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	EXPECT_HELD();
	ASSERT_EQ(0, munmap(self->map, variant->buffer));
	EXPECT_HELD();
	ASSERT_EQ(5000, read_full(self->pipe[0], self->back, 5000));
	EXPECT_FREE();
}

/* Started while nobody owns the buffer: GET looks all the same. */
TEST_F(held, by_a_pin_on_an_idle_buffer)
{
	struct iovec iov = { self->map, 100 };

	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(100, vmsplice(self->pipe[1], &iov, 1, 0));
	EXPECT_HELD();
	ASSERT_EQ(100, read_full(self->pipe[0], self->back, 100));
	EXPECT_FREE();
}

TEST_F(held, not_by_mappings_of_any_process)
{
	int go[2], ready[2], status;
	char *again = map_pool(self->fd, variant->buffer), byte;

	memset(again, 'b', variant->buffer);
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(ready));
	if (!fork()) {
		memset(self->map, 'c', variant->buffer);
		if (write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	ASSERT_EQ(0, put_one(self->fd, 0));
	EXPECT_FREE();
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(0, munmap(again, variant->buffer));
	EXPECT_FREE();
	ASSERT_EQ(1, write(go[1], "", 1));
	wait(&status);
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, put_one(self->fd, 0));
	EXPECT_FREE();
}

/*
 * A sender that reuses its three buffers as fast as GET allows, a reader that
 * takes odd pieces late: every byte must be that of its message.
 */
TEST(reader_never_sees_a_reused_buffer)
{
	enum {
		MESSAGES = 200,
		BUFFER = 16 * KIB,
	};
	int fd = new_pool(BUFFER, 3), pair[2], message;
	char *map = map_pool(fd, 3 * BUFFER);
	int status;

	ASSERT_EQ(0, tcp_pair(pair));
	if (!fork()) {
		static uint32_t data[BUFFER / 4];
		size_t i;

		close(pair[0]);
		for (message = 0; message < MESSAGES; message++) {
			if (message % 16 == 3)
				usleep(3000);
			if (read_full(pair[1], data, BUFFER) != BUFFER)
				_exit(1);
			for (i = 0; i < BUFFER / 4; i++)
				if (data[i] != (uint32_t)message * 65536 + i) {
					printf("# message %d word %zu: %x\n", message, i, data[i]);
					fflush(stdout);
					_exit(2);
				}
		}
		_exit(0);
	}
	/* A reader that gives up lets the sender fail. */
	close(pair[1]);
	signal(SIGPIPE, SIG_IGN);
	for (message = 0; message < MESSAGES; message++) {
		int index = get_wait(fd);
		uint32_t *words = (void *)(map + index * BUFFER);
		off_t offset = (off_t)index * BUFFER;
		size_t i;

		ASSERT_GE(index, 0);
		for (i = 0; i < BUFFER / 4; i++)
			words[i] = (uint32_t)message * 65536 + i;
		ASSERT_EQ(BUFFER, sendfile(pair[0], fd, &offset, BUFFER));
		ASSERT_EQ(0, put_one(fd, index));
	}
	wait(&status);
	ASSERT_EQ(0, status);
}

/* Buffers that a dead peer holds are stepped over. */
TEST(free_buffers_are_found_behind_held_ones)
{
	int fd = new_pool(8 * KIB, 300), pipes[2], i;
	uint32_t indices[300];
	loff_t offset = 0;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(MIB, fcntl(pipes[1], F_SETPIPE_SZ, MIB));
	for (i = 0; i < 300;)
		i += get_many(fd, indices + i, 300 - i, 0, 0);
	for (i = 0; i < 250; i++) {
		offset = i * 8 * KIB;
		ASSERT_EQ(1, splice(fd, &offset, pipes[1], NULL, 1, 0));
	}
	ASSERT_EQ(0, put_many(fd, indices, 300, NULL));
	for (i = 0; i < 50; i++)
		ASSERT_GE(get_now(fd), 250);
	ASSERT_EQ(-EAGAIN, get_now(fd));
	/* The first of the held ones lands. */
	ASSERT_EQ(1, read(pipes[0], &(char){ 0 }, 1));
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(-EAGAIN, get_now(fd));
}

TEST_HARNESS_MAIN
