// SPDX-License-Identifier: GPL-2.0-only
/*
 * No object of the kernel outlives its user.  Every allocation of the module is
 * charged to the caller's memory cgroup, so what many lives leave behind shows
 * there: the smallest object is 64 bytes.
 */
#include "util.h"

#include "harness.h"

#define LIVES 2000
/* On a slow kernel only so many, which show a page each: kmemleak looks there for less. */
#define LIVES_SLOW 100
/* What processors keep in stock of charges and of freed objects. */
#define SLACK (96L << 10)

/* Kernel memory charged to this process's cgroup, bytes. */
static long charged(void)
{
	char group[256] = "", path[512], line[256];
	long bytes = -1;
	FILE *file;

	file = fopen("/proc/self/cgroup", "r");
	if (!file || fscanf(file, "0::%255s", group) != 1)
		return -1;
	fclose(file);
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.stat", group);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "kernel %ld", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

/* Files and pages are freed a little later, and counted later still. */
static long charged_at_rest(long wanted, int64_t patience)
{
	int64_t end = now_ns() + patience;
	long bytes;

	do {
		bytes = charged();
	} while (bytes > wanted && now_ns() < end && !usleep(10000));
	return bytes;
}

static int life_of_a_handle(void)
{
	int fd = open(DEVICE, O_RDWR);

	return fd < 0 ? -errno : close(fd);
}

static int life_of_a_pool(void)
{
	int fd = new_pool(8 * KIB, 2);

	return get_now(fd) || close(fd);
}

static int life_of_a_mapping(void)
{
	int fd = new_pool(8 * KIB, 2);
	char *map = map_pool(fd, 16 * KIB);

	map[0] = 1;
	close(fd);
	return munmap(map, 16 * KIB);
}

static int life_of_a_pipe_slot(void)
{
	int fd = new_pool(8 * KIB, 2), pipes[2], spliced;
	loff_t offset = 0;

	if (pipe(pipes))
		return -errno;
	spliced = splice(fd, &offset, pipes[1], NULL, 16 * KIB, 0);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
	return spliced != 16 * KIB;
}

/* Fails last of all: when the pool is there and the answer cannot be written. */
static int life_of_a_failed_create(void)
{
	static const struct zcpool_create read_only = { .buffer_size = 8 * KIB, .count = 2 };
	int fd = open(DEVICE, O_RDWR);
	int ret = ioctl(fd, ZCPOOL_IOC_CREATE, &read_only);

	close(fd);
	return ret != -1 || errno != EFAULT;
}

/* Ends while a thread of the kernel would look for buffers in flight. */
static int life_of_a_poll(void)
{
	int fd = new_pool(8 * KIB, 1), pipes[2];
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	loff_t offset = 0;

	if (pipe(pipes) || get_now(fd) || splice(fd, &offset, pipes[1], NULL, 8, 0) != 8 ||
	    put_one(fd, 0) || poll(&poll_fd, 1, 0))
		return 1;
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
	return 0;
}

FIXTURE(life)
{
	long before;
};

FIXTURE_VARIANT(life)
{
	int (*live)(void);
};

VARIANT(life, handle, .live = life_of_a_handle);
VARIANT(life, pool, .live = life_of_a_pool);
VARIANT(life, mapping, .live = life_of_a_mapping);
VARIANT(life, pipe_slot, .live = life_of_a_pipe_slot);
VARIANT(life, failed_create, .live = life_of_a_failed_create);
VARIANT(life, poll, .live = life_of_a_poll);

FIXTURE_SETUP(life)
{
	int i;

	/* Caches fill the first time. */
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, variant->live());
	self->before = charged_at_rest(0, 1000 * NS_PER_MS);
	ASSERT_GT(self->before, 0);
}

FIXTURE_TEARDOWN(life)
{
}

TEST_F(life, leaves_nothing)
{
	int i, lives = slowness() > 1 ? LIVES_SLOW : LIVES;

	for (i = 0; i < lives; i++)
		ASSERT_EQ(0, variant->live());
	EXPECT_LT(charged_at_rest(self->before + SLACK - 1, 30000 * NS_PER_MS) - self->before,
		  SLACK);
}

TEST_HARNESS_MAIN
