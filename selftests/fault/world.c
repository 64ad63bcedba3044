// SPDX-License-Identifier: GPL-2.0-only
/* What paths work on, and what has to be there when they are done: nothing. */
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "../fs.h"
#include "fault.h"

#define CHARGE "/sys/fs/cgroup/zcpool-fault/memory.stat"
/* What may stay charged to a path: stocks of each processor, and caches that grew. */
#define CHARGE_SLACK (1024 * 1024)

static unsigned int nr_problems;
/* An unbound handle to ask by, how many the module is used by with it, and bytes of pools. */
static int watch = -1;
static long long users;
static uint64_t pool_bytes;

/* Say what is wrong with the path. */
void problem(const char *format, ...)
{
	va_list arguments;

	nr_problems++;
	printf("# ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

unsigned int problems(void)
{
	return nr_problems;
}

/* Wait until something holds, but no more than 5 s.  Whether it does. */
bool eventually(bool (*holds)(const void *arg), const void *arg)
{
	int64_t end = now_ns() + 5000 * NS_PER_MS;

	while (!holds(arg)) {
		if (now_ns() > end)
			return false;
		usleep(2000);
	}
	return true;
}

/* One that is taken, by a file or for one that never came, is not it. */
int lowest_free_fd(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

void world_begin(struct world *world)
{
	*world = (struct world){ .pool = -1 };
}

/* A handle with a new pool. */
bool world_pool(struct world *world, uint64_t size, uint32_t count, uint32_t flags)
{
	struct zcpool_create create = { .buffer_size = size, .count = count, .flags = flags };

	world->pool = open(DEVICE, O_RDWR | O_CLOEXEC);
	world->count = count;
	return world->pool >= 0 && !ioctl(world->pool, ZCPOOL_IOC_CREATE, &create);
}

bool world_map(struct world *world, int fd, size_t size)
{
	world->map_size = size;
	world->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (world->map == MAP_FAILED)
		world->map = NULL;
	return world->map;
}

/* And mapped, and each byte what content_at() says. */
bool world_full_pool(struct world *world, uint64_t size, uint32_t count)
{
	if (!world_pool(world, size, count, 0) || !world_map(world, world->pool, size * count))
		return false;
	fill(world->map, world->map_size);
	return true;
}

/* Have a descriptor closed in the end; returns it, or the negative errno that it is. */
int world_keep(struct world *world, int fd)
{
	if (fd < 0)
		return fd;
	if (world->nr_fds == WORLD_FDS)
		abort();
	world->fds[world->nr_fds++] = fd;
	return fd;
}

bool world_mount(struct world *world)
{
	int error = mount_fs();

	world->mounted = !error;
	return !error;
}

/* How many buffers the handle owns. */
int world_owned(const struct world *world)
{
	struct zcpool_query q;

	return query(world->pool, &q) ? -1 : (int)q.owned;
}

/*
 * Own all buffers.  By waiting, for what is left to another processor to be freed, as
 * sockets' buffers are, is freed when somebody waits.
 */
static void get_all(const struct world *world)
{
	uint32_t indices[128];

	while (world_owned(world) < (int)world->count)
		if (get_many(world->pool, indices, 128, 0, 5000 * NS_PER_MS) < 0)
			break;
}

static void put_all(const struct world *world)
{
	uint32_t i;

	/* Others than those that are owned it refuses. */
	for (i = 0; i < world->count; i++)
		put_one(world->pool, i);
}

/* Every buffer can be got, and put, and is counted. */
static void check_pool(const struct world *world)
{
	struct zcpool_query q;

	put_all(world);
	get_all(world);
	if (world_owned(world) != (int)world->count)
		problem("of %u buffers %d can be got", world->count, world_owned(world));
	put_all(world);
	if (query(world->pool, &q) || q.count != world->count || q.owned || q.owned_total ||
	    q.unowned != world->count)
		problem("of %u buffers %u are owned here, %u in all, %u by nobody", world->count,
			q.owned, q.owned_total, q.unowned);
}

static bool no_inodes(const void *arg)
{
	struct statfs status;

	(void)arg;
	/* The root is one. */
	return !statfs(MOUNT, &status) && status.f_files - status.f_ffree == 1;
}

static void unlink_names(void)
{
	static const char *const names[] = { FILE_A, FILE_B, MOUNT "/view" };
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		unlink(names[i]);
	rmdir(MOUNT "/d");
}

static void unmount(void)
{
	int error;

	if (!eventually(no_inodes, NULL))
		problem("the file system counts inodes that are gone");
	error = unmount_fs();
	if (error)
		problem("the file system cannot be unmounted: %s", strerror(-error));
}

static bool unused(const void *arg)
{
	(void)arg;
	return read_number("/sys/module/zcpool/refcnt") == users;
}

static bool uncharged(const void *arg)
{
	struct zcpool_query q;

	(void)arg;
	return !query(watch, &q) && q.total_bytes <= pool_bytes;
}

/* What one path has lost is not the next one's. */
static void check_module(void)
{
	struct zcpool_query q;

	if (!eventually(unused, NULL)) {
		problem("the module has %lld users, and had %lld",
			read_number("/sys/module/zcpool/refcnt"), users);
		users = read_number("/sys/module/zcpool/refcnt");
	}
	if (!eventually(uncharged, NULL)) {
		problem("memory of pools stays charged, or held");
		if (!query(watch, &q))
			pool_bytes = q.total_bytes;
	}
}

/* Everything ends, and nothing of it is left. */
void world_end(struct world *world)
{
	struct zcpool_query q;

	if (world->map)
		munmap(world->map, world->map_size);
	while (world->nr_fds)
		close(world->fds[--world->nr_fds]);
	if (world->mounted)
		unlink_names();
	if (world->pool >= 0) {
		if (world->count && !query(world->pool, &q) && q.pool_id)
			check_pool(world);
		close(world->pool);
	}
	if (world->mounted)
		unmount();
	if (watch >= 0)
		check_module();
}

/* Note how much the module is used before anything happens. */
bool leaks_watch(void)
{
	struct zcpool_query q;

	watch = open(DEVICE, O_RDWR | O_CLOEXEC);
	pool_bytes = query(watch, &q) ? 0 : q.total_bytes;
	users = read_number("/sys/module/zcpool/refcnt");
	return watch >= 0 && users > 0;
}

void leaks_pause(void)
{
	if (watch >= 0)
		close(watch);
	watch = -1;
}

static long charged(void)
{
	FILE *file = fopen(CHARGE, "r");
	char line[128];
	long bytes = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "kernel %ld", &bytes) == 1)
			break;
	if (file)
		fclose(file);
	return bytes;
}

static bool charge_is_back(const void *arg)
{
	const long *before = arg;

	return charged() <= *before + CHARGE_SLACK;
}

/*
 * Kernel memory charged to the cgroup of this program, which pools are, page by page: 0
 * asks how much, anything else whether it is no more again.
 */
bool leaks_memory(long *bytes)
{
	if (*bytes)
		return eventually(charge_is_back, bytes);
	*bytes = charged();
	return true;
}
