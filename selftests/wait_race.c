// SPDX-License-Identifier: GPL-2.0-only
/* Who waits in GET, and gives up at the very moment that he is woken. */
#include <sched.h>

#include "util.h"

#include "harness.h"

#define STRIDE (8 * KIB)
/*
 * How long the first waits, and when before its end the buffer is put, ns.  A processor may be
 * taken from everybody else for 950 ms a second.
 */
#define PATIENCE (2000 * NS_PER_MS)
#define BEFORE (300 * NS_PER_MS)

FIXTURE(pool)
{
	int fd;
	int pair[2];
	pid_t impatient, patient, busy;
};

/*
 * A pool whose one buffer is taken while it is mapped, and then is no longer mapped, but in a
 * socket: it has as many references as it had, so that PUT presumes it free.
 */
FIXTURE_SETUP(pool)
{
	loff_t offset = 0;
	char *map;

	self->fd = new_pool(STRIDE, 1);
	ASSERT_GE(self->fd, 0);
	map = map_pool(self->fd, STRIDE);
	ASSERT_NE(MAP_FAILED, (void *)map);
	memset(map, 1, STRIDE);
	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(0, munmap(map, STRIDE));
	ASSERT_EQ(0, tcp_pair(self->pair));
	ASSERT_EQ(100, sendfile(self->pair[0], self->fd, &offset, 100));
}

FIXTURE_TEARDOWN(pool)
{
	/* If it has failed. */
	if (self->patient > 0)
		kill(self->patient, SIGKILL);
	close(self->pair[0]);
	close(self->pair[1]);
	close(self->fd);
}

static bool stay_on(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(pid, sizeof(set), &set);
}

static pid_t wait_for_buffer(int fd, int64_t timeout_ns)
{
	pid_t pid = fork();
	uint32_t index;

	if (!pid)
		_exit(get_many(fd, &index, 1, 0, timeout_ns) == 1 ? 0 : 1);
	return pid;
}

/* Has a processor for itself until then. */
static pid_t keep_busy(int cpu, int64_t end)
{
	const struct sched_param first = { .sched_priority = 1 };
	pid_t pid = fork();

	if (pid)
		return pid;
	if (!stay_on(0, cpu) || sched_setscheduler(0, SCHED_FIFO, &first))
		_exit(1);
	while (now_ns() < end)
		;
	_exit(0);
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, pid, &info, WEXITED | WNOWAIT | WNOHANG) && info.si_pid == pid;
}

/*
 * The first is woken, but has no processor until its time is over, and then finds the buffer
 * held.  The second was not woken, since one wake-up was all there was to give.
 */
TEST_F(pool, who_gives_up_passes_the_wake_up_on)
{
	int64_t end = now_ns() + PATIENCE;
	char bytes[100];
	int try;

	if (!stay_on(0, 1))
		SKIP(return, "one processor");
	self->impatient = wait_for_buffer(self->fd, PATIENCE);
	ASSERT_TRUE(wait_asleep(self->impatient));
	self->patient = wait_for_buffer(self->fd, 0);
	ASSERT_TRUE(wait_asleep(self->patient));
	ASSERT_TRUE(stay_on(self->impatient, 0));
	while (now_ns() < end - BEFORE)
		usleep(1000);
	self->busy = keep_busy(0, end + BEFORE);
	usleep(BEFORE / NS_PER_MS / 3 * 1000);
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_LT(now_ns(), end);
	ASSERT_EQ(0, wait_status(self->busy));
	ASSERT_EQ(1, wait_status(self->impatient));
	ASSERT_FALSE(has_ended(self->patient));

	ASSERT_EQ(sizeof(bytes), read_full(self->pair[1], bytes, sizeof(bytes)));
	for (try = 0; try < 10000 && !has_ended(self->patient); try++)
		usleep(1000);
	ASSERT_TRUE(has_ended(self->patient));
	ASSERT_EQ(0, wait_status(self->patient));
}

TEST_HARNESS_MAIN
