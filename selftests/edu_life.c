// SPDX-License-Identifier: GPL-2.0-only
/*
 * The end of files, programs and modules while the edu device is busy: when the driver
 * has let go of memory, no DMA comes any more.
 */
#include "edu.h"
#include "reload.h"

#include "harness.h"

/* Transfers of more than 25 s. */
#define SIZE MIB
#define GUARD 0xee

FIXTURE(edu)
{
	struct edu edu;
};

FIXTURE_SETUP(edu)
{
	ASSERT_TRUE(edu_begin(&self->edu, SIZE, 1));
	edu_fill(self->edu.map, self->edu.device_size, 1);
	ASSERT_EQ(0, edu_move(&self->edu, 0, self->edu.device_size, 0, 0));
	memset(self->edu.map, GUARD, SIZE);
}

FIXTURE_TEARDOWN(edu)
{
	edu_end(&self->edu);
}

/* Whether memory stays as it is for longer than a transfer takes. */
static bool stays(const unsigned char *map)
{
	static unsigned char before[SIZE];
	int i;

	memcpy(before, map, SIZE);
	for (i = 0; i < 30; i++) {
		if (memcmp(before, map, SIZE))
			return false;
		usleep(10000);
	}
	return true;
}

TEST_F(edu, close_while_busy)
{
	struct edu again;

	ASSERT_EQ(0, edu_occupy(&self->edu, 1, FROM_DEVICE));
	ASSERT_EQ(0, edu_submit(&self->edu, 2, 0, SIZE, 0, FROM_DEVICE));
	ASSERT_EQ(0, close(self->edu.fd));
	ASSERT_TRUE(stays(self->edu.map));
	/* It was under way, and ended early. */
	EXPECT_EQ(self->edu.device_size, edu_same(self->edu.map, self->edu.device_size, 1));
	EXPECT_EQ(GUARD, self->edu.map[SIZE - 1]);
	close(self->edu.dmabuf);
	ASSERT_TRUE(edu_let_go(&self->edu));
	ASSERT_EQ(0, get_now(self->edu.pool));

	ASSERT_TRUE(edu_begin(&again, SIZE, 1));
	ASSERT_EQ(0, edu_move(&again, 0, 100, 0, FROM_DEVICE));
	EXPECT_EQ(100, edu_same(again.map, 100, 1));
	edu_end(&again);
}

TEST_F(edu, close_with_completions_left)
{
	ASSERT_EQ(0, edu_occupy(&self->edu, 1, FROM_DEVICE));
	ASSERT_EQ(0, edu_submit(&self->edu, 2, 0, 1, 0, FROM_DEVICE));
	ASSERT_EQ(1, zcpool_edu_cancel(self->edu.fd, 2, 0));
	ASSERT_EQ(0, close(self->edu.fd));
	ASSERT_TRUE(stays(self->edu.map));
}

/*
 * Files, memories and requests by thousands, some of them failing, some whose completions
 * nobody takes: what one of each would leave, the runner finds in the memory cgroup.
 */
#define LIVES 400
/* Only so many where kmemleak looks for a single one's. */
#define LIVES_SLOW 8
#define IMPORTS 60
#define QUEUED 64
#define LEFT (QUEUED / 2)

static int live(const struct edu *from)
{
	struct zcpool_edu_completion completions[QUEUED - LEFT];
	struct edu edu = *from;
	int i, error = 0;

	edu.fd = zcpool_edu_open(0, 0);
	for (i = 0; i < IMPORTS && !error; i++) {
		edu.memory = zcpool_edu_import(edu.fd, edu.dmabuf);
		error = edu.memory < 0 ? edu.memory : 0;
		if (!error && i < IMPORTS - 1)
			error = zcpool_edu_release(edu.fd, edu.memory);
	}
	if (!error && edu_submit(&edu, 1, edu.size, 1, 0, 0) != -ERANGE)
		error = -EPROTO;
	for (i = 0; i < QUEUED && !error; i++)
		error = submit_now(&edu, i, 1);
	if (!error && cancel_all(&edu) != QUEUED)
		error = -EPROTO;
	if (!error && take_now(&edu, completions, QUEUED - LEFT) != QUEUED - LEFT)
		error = -EPROTO;
	close(edu.fd);
	return error;
}

TEST_F_TIMEOUT(edu, thousands_of_lives, 120)
{
	int i, lives = access("/sys/kernel/debug/kmemleak", F_OK) ? LIVES : LIVES_SLOW;

	/* All else stays in the queue. */
	ASSERT_EQ(0, edu_occupy(&self->edu, 1, 0));
	for (i = 0; i < 20; i++)
		ASSERT_EQ(0, submit_now(&self->edu, 2, SIZE));
	for (i = 0; i < lives; i++)
		ASSERT_EQ(0, live(&self->edu));
}

/* The last descriptor of an open file ends it, no other one. */
TEST_F(edu, close_of_a_duplicate)
{
	pid_t child;

	ASSERT_EQ(0, edu_submit(&self->edu, 1, 0, 5000, 0, FROM_DEVICE));
	ASSERT_EQ(0, close(dup(self->edu.fd)));
	child = fork();
	if (!child)
		_exit(0);
	ASSERT_EQ(0, wait_status(child));
	ASSERT_EQ(0, edu_wait(&self->edu).result);
	EXPECT_EQ(self->edu.device_size, edu_same(self->edu.map, self->edu.device_size, 1));
}

/* Killed at any point of what it does all the time. */
TEST_F_TIMEOUT(edu, killed_while_busy, EDU_SECONDS(60))
{
	struct edu again;
	int round, begun[2], error;
	char byte;

	ASSERT_EQ(0, pipe(begun));
	for (round = 0; round < 5; round++) {
		pid_t child = fork();

		if (!child) {
			struct edu edu = self->edu;

			edu.fd = zcpool_edu_open(0, 0);
			edu.memory = zcpool_edu_import(edu.fd, edu.dmabuf);
			error = edu_submit(&edu, 1, 0, SIZE, 0, FROM_DEVICE);
			if (write(begun[1], "", 1) != 1)
				_exit(1);
			while (!error)
				error = edu_submit(&edu, 2, 0, SIZE, 0, FROM_DEVICE) ||
					edu_submit(&edu, 3, 0, SIZE, 0, 0);
			_exit(1);
		}
		ASSERT_EQ(1, read(begun[0], &byte, 1));
		usleep(60000 + 25000 * round);
		kill(child, SIGKILL);
		ASSERT_EQ(-1, wait_status(child));
		ASSERT_TRUE(stays(self->edu.map));
	}
	ASSERT_TRUE(edu_begin(&again, SIZE, 1));
	ASSERT_EQ(0, edu_move(&again, 0, 100, 0, FROM_DEVICE));
	edu_end(&again);
}

/* The device has the memory, and so the pool, when nobody else has. */
TEST_F(edu, holds_the_pool)
{
	char *shown;

	close(self->edu.pool);
	munmap(self->edu.map, SIZE);
	EXPECT_BUSY();
	edu_submit(&self->edu, 1, 0, 100, 0, 0);
	ASSERT_EQ(0, edu_wait(&self->edu).result);
	shown = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, self->edu.dmabuf, 0);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	close(self->edu.dmabuf);
	ASSERT_EQ(0, edu_move(&self->edu, 200, 100, 0, FROM_DEVICE));
	EXPECT_EQ(GUARD, (unsigned char)shown[200]);
	munmap(shown, SIZE);
	EXPECT_BUSY();
	ASSERT_EQ(0, edu_submit(&self->edu, 1, 0, SIZE, 0, FROM_DEVICE));
	close(self->edu.fd);
	EXPECT_UNLOAD();
}

static int unload_edu(void)
{
	return syscall(SYS_delete_module, "zcpool_edu", O_NONBLOCK) ? -errno : 0;
}

static int load_edu(const char *parameters)
{
	int fd = open(getenv("ZCPOOL_EDU_MODULE"), O_RDONLY | O_CLOEXEC);
	int ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;

	close(fd);
	return ret;
}

TEST_F(edu, module_stays_while_a_file_is_open)
{
	ASSERT_EQ(-EAGAIN, unload_edu());
	ASSERT_EQ(0, edu_submit(&self->edu, 1, 0, SIZE, 0, FROM_DEVICE));
	ASSERT_EQ(-EAGAIN, unload_edu());
	ASSERT_EQ(0, close(self->edu.fd));
	ASSERT_EQ(0, unload_edu());
	ASSERT_TRUE(stays(self->edu.map));
	ASSERT_EQ(-ENOENT, zcpool_edu_open(0, 0));
	ASSERT_EQ(0, load_edu(""));
	self->edu.fd = zcpool_edu_open(0, 0);
	self->edu.memory = zcpool_edu_import(self->edu.fd, self->edu.dmabuf);
	ASSERT_EQ(0, edu_move(&self->edu, 0, 100, 0, FROM_DEVICE));
	EXPECT_EQ(100, edu_same(self->edu.map, 100, 1));
}

/* Neither module needs the other to be loaded, nor minds in which order they go. */
TEST_F(edu, modules_in_any_order)
{
	struct edu edu;

	edu_end(&self->edu);
	ASSERT_EQ(0, unload_soon());
	ASSERT_EQ(0, unload_edu());
	ASSERT_EQ(0, load_edu(""));
	ASSERT_EQ(0, load());
	ASSERT_TRUE(edu_begin(&edu, SIZE, 1));
	EXPECT_EQ(0, edu_move(&edu, 0, 100, 0, 0));
	edu_end(&edu);
	ASSERT_EQ(0, unload_edu());
	ASSERT_EQ(0, unload_soon());
	ASSERT_EQ(0, load());
	ASSERT_EQ(0, load_edu(""));
	/* The other one alone. */
	ASSERT_TRUE(edu_begin(&edu, SIZE, 1));
	EXPECT_EQ(0, edu_move(&edu, 0, 100, 0, 0));
	edu_end(&edu);
	EXPECT_UNLOAD();
	ASSERT_TRUE(edu_begin(&self->edu, SIZE, 1));
	EXPECT_EQ(0, edu_move(&self->edu, 0, 100, 0, 0));
}

TEST_F(edu, parameters)
{
	struct zcpool_edu_query query = { 0 };

	ASSERT_EQ(0, close(self->edu.fd));
	/* The module is there, but has no device. */
	ASSERT_EQ(0, unload_edu());
	ASSERT_EQ(0, load_edu("dma_bits=0"));
	ASSERT_EQ(-ENOENT, zcpool_edu_open(0, 0));
	ASSERT_EQ(0, unload_edu());
	ASSERT_EQ(0, load_edu("dma_bits=65"));
	ASSERT_EQ(-ENOENT, zcpool_edu_open(0, 0));
	ASSERT_EQ(0, unload_edu());
	ASSERT_EQ(0, load_edu("dma_bits=27 timeout_ms=1"));
	self->edu.fd = zcpool_edu_open(0, 0);
	ASSERT_EQ(0, zcpool_edu_query(self->edu.fd, &query));
	EXPECT_EQ(27, query.dma_bits);
	EXPECT_EQ(200, query.timeout_ms);
	ASSERT_EQ(0, close(self->edu.fd));
	ASSERT_EQ(0, unload_edu());
	ASSERT_EQ(0, load_edu("timeout_ms=4000000000"));
	self->edu.fd = zcpool_edu_open(0, 0);
	ASSERT_EQ(0, zcpool_edu_query(self->edu.fd, &query));
	EXPECT_EQ(60000, query.timeout_ms);
	ASSERT_EQ(0, close(self->edu.fd));
	ASSERT_EQ(0, unload_edu());
	ASSERT_EQ(0, load_edu(""));
}

TEST_HARNESS_MAIN
