// SPDX-License-Identifier: GPL-2.0-only
/* Who waits in GET, and gives up at the very moment that he is woken. */
#include <sched.h>
#include <sys/sysinfo.h>

#include "util.h"

#include "harness.h"

#define STRIDE (8 * KIB)
/*
 * How long the first waits, and when before its end its processor is taken, ns: which it may be
 * from everybody else for 950 ms a second.
 */
#define PATIENCE (2000 * NS_PER_MS)
#define BEFORE (400 * NS_PER_MS)
#define TRIES 10

struct race {
	int fd;
	int pair[2];
	/* When the first gives up, at the earliest; and how much later it may be. */
	int64_t end, vague;
	pid_t impatient, patient;
};

/* Of the waiter that began last: when. */
static int64_t *begun;

static bool stay_on(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return !sched_setaffinity(pid, sizeof(set), &set);
}

/*
 * A pool whose one buffer is taken while it is mapped, and then is no longer mapped, but in a
 * socket: it has no more references than it had, so that PUT presumes it free.
 */
static bool have_pool(struct race *race)
{
	loff_t offset = 0;
	char *map;

	race->fd = new_pool(STRIDE, 1);
	map = map_pool(race->fd, STRIDE);
	if (map == MAP_FAILED)
		return false;
	memset(map, 1, STRIDE);
	return get_now(race->fd) == 0 && !munmap(map, STRIDE) && !tcp_pair(race->pair) &&
	       sendfile(race->pair[0], race->fd, &offset, 100) == 100;
}

static pid_t wait_for_buffer(int fd, int64_t timeout_ns)
{
	pid_t pid = fork();
	uint32_t index;

	if (!pid) {
		*begun = now_ns();
		_exit(get_many(fd, &index, 1, 0, timeout_ns) == 1 ? 0 : 1);
	}
	return pid;
}

/* False if it came to that too late. */
static bool have_waiters(struct race *race)
{
	*begun = 0;
	race->patient = 0;
	race->impatient = wait_for_buffer(race->fd, PATIENCE);
	/* Asleep, but not on its way here. */
	do {
		if (!wait_asleep(race->impatient))
			return false;
	} while (!*(volatile int64_t *)begun);
	race->vague = now_ns() - *begun;
	race->end = *begun + PATIENCE;
	race->patient = wait_for_buffer(race->fd, 0);
	return wait_asleep(race->patient) && stay_on(race->impatient, 0);
}

/* Keeps the first processor to itself until then, and tells by a pipe that it has it. */
static pid_t take_processor(int64_t end, int told)
{
	const struct sched_param first = { .sched_priority = 1 };
	pid_t pid = fork();

	if (pid)
		return pid;
	if (!stay_on(0, 0) || sched_setscheduler(0, SCHED_FIFO, &first) || write(told, "", 1) != 1)
		_exit(1);
	while (now_ns() < end)
		;
	_exit(0);
}

/*
 * PUT while the first has no processor, until its time is over.  Returns whether all of this
 * came in time, and thus the wake-up was the first's.
 */
static bool put_in_vain(struct race *race)
{
	bool in_time = race->vague < BEFORE / 4 && now_ns() < race->end - BEFORE;
	int pipe_fds[2];
	pid_t busy;
	char byte;

	while (now_ns() < race->end - BEFORE)
		usleep(1000);
	if (pipe(pipe_fds))
		return false;
	busy = take_processor(race->end + BEFORE, pipe_fds[1]);
	in_time = in_time && read(pipe_fds[0], &byte, 1) == 1 && !put_one(race->fd, 0) &&
		  now_ns() < race->end;
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return !wait_status(busy) && in_time;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	return !waitid(P_PID, pid, &info, WEXITED | WNOWAIT | WNOHANG) && info.si_pid == pid;
}

static void end_waiter(pid_t pid)
{
	if (pid > 0 && !kill(pid, SIGKILL))
		waitpid(pid, NULL, 0);
}

static void end_race(struct race *race)
{
	end_waiter(race->impatient);
	end_waiter(race->patient);
	close(race->pair[0]);
	close(race->pair[1]);
	close(race->fd);
}

/*
 * The first is woken, but has no processor until its time is over, and then finds the buffer
 * held.  The second was not woken, since one wake-up was all there was to give.
 */
TEST(who_gives_up_passes_the_wake_up_on)
{
	struct race race;
	char bytes[100];
	int try;

	if (get_nprocs() < 2)
		SKIP(return, "one processor alone");
	ASSERT_TRUE(stay_on(0, 1));
	begun = mmap(NULL, sizeof(*begun), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	ASSERT_NE(MAP_FAILED, (void *)begun);
	for (try = 0;; try++) {
		ASSERT_TRUE(have_pool(&race));
		if (have_waiters(&race) && put_in_vain(&race))
			break;
		TH_LOG("too late, and so once more");
		ASSERT_LT(try, TRIES);
		end_race(&race);
	}
	ASSERT_EQ(1, wait_status(race.impatient));
	ASSERT_FALSE(has_ended(race.patient));

	ASSERT_EQ(sizeof(bytes), read_full(race.pair[1], bytes, sizeof(bytes)));
	for (try = 0; try < 60000 && !has_ended(race.patient); try++)
		usleep(1000);
	ASSERT_TRUE(has_ended(race.patient));
	ASSERT_EQ(0, wait_status(race.patient));
	close(race.pair[0]);
	close(race.pair[1]);
	close(race.fd);
}

TEST_HARNESS_MAIN
