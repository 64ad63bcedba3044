// SPDX-License-Identifier: GPL-2.0-only
/* Threads that create, size, open, use, rename and remove the same few names. */
#include <pthread.h>
#include <stdatomic.h>

#include "fs.h"
#include "reload.h"
#include "view.h"

#include "harness.h"

#define NR_THREADS 6
#define NR_NAMES 3
#define SIZE (100 * KIB)
/* So long, or a part of it on a slow kernel, and so many rounds, at least. */
#define SECONDS 4
#define ENOUGH 100

static atomic_int wrong;
static atomic_int done;
static int64_t end;

/* What a call may say while others do as they like. */
static void expect(const char *what, int ret, const int *errors)
{
	if (ret >= 0)
		return;
	for (; *errors; errors++)
		if (ret == -*errors)
			return;
	fprintf(stderr, "# %s: %s\n", what, strerror(-ret));
	atomic_fetch_add(&wrong, 1);
}

static void use(int fd)
{
	static const int sized[] = { EPERM, 0 }, created[] = { EBUSY, 0 },
			 got[] = { EAGAIN, ENXIO, EDEADLK, 0 }, viewed[] = { ENXIO, ERANGE, 0 };
	int index, file;
	char *map;

	if (now_ns() & 64)
		expect("ftruncate", size_file(fd, SIZE), sized);
	else
		expect("CREATE", create(fd, 16 * KIB, 7), created);
	index = get_now(fd);
	expect("GET", index, got);
	map = map_file(fd, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
	if (map != MAP_FAILED) {
		map[SIZE - 1]++;
		munmap(map, SIZE);
	}
	file = view(fd, 0, 4 * KIB, 0, 0600);
	expect("VIEW", file, viewed);
	if (file >= 0)
		close(file);
	if (index >= 0)
		expect("PUT", put_one(fd, index), (int[]){ 0 });
}

static void *work(void *arg)
{
	static const int opened[] = { ENOENT, 0 }, gone[] = { ENOENT, 0 };
	unsigned int seed = (uintptr_t)arg;
	char path[64], other[64];
	int fd;

	while (now_ns() < end || atomic_load(&done) <= ENOUGH) {
		snprintf(path, sizeof(path), MOUNT "/%d", rand_r(&seed) % NR_NAMES);
		snprintf(other, sizeof(other), MOUNT "/%d", rand_r(&seed) % NR_NAMES);
		fd = open_file(path, O_RDWR | (rand_r(&seed) % 2 ? O_CREAT : 0), 0600);
		expect("open", fd, opened);
		if (rand_r(&seed) % 4 == 0)
			expect("rename", rename(path, other) ? -errno : 0, gone);
		if (fd >= 0)
			use(fd);
		if (rand_r(&seed) % 3 == 0)
			expect("unlink", unlink(other) ? -errno : 0, gone);
		if (fd >= 0)
			close(fd);
		atomic_fetch_add(&done, 1);
	}
	return NULL;
}

TEST(names)
{
	pthread_t threads[NR_THREADS];
	char path[64];
	uintptr_t i;

	ASSERT_EQ(0, mount_fs());
	end = now_ns() + rounds(SECONDS) * 1000 * NS_PER_MS;
	for (i = 0; i < NR_THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work, (void *)(i + 1)));
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, wrong);
	for (i = 0; i < NR_NAMES; i++) {
		snprintf(path, sizeof(path), MOUNT "/%d", (int)i);
		unlink(path);
	}
	ASSERT_EQ(0, unmount_fs());
	EXPECT_UNLOAD();
}

static void *size_it(void *arg)
{
	int fd = (intptr_t)arg;

	while (now_ns() < end)
		;
	return (void *)(intptr_t)size_file(fd, SIZE);
}

static void *create_it(void *arg)
{
	int fd = (intptr_t)arg;

	while (now_ns() < end)
		;
	return (void *)(intptr_t)create(fd, 16 * KIB, 7);
}

/* Of two who make a pool of one file, one does, and both have it. */
TEST(one_pool_of_a_file)
{
	struct zcpool_query first, second;
	void *sized, *created;
	pthread_t threads[2];
	int fds[2], round;

	ASSERT_EQ(0, mount_fs());
	for (round = 0; round < rounds(200); round++) {
		fds[0] = open_file(FILE_A, O_RDWR | O_CREAT, 0600);
		fds[1] = open_file(FILE_A, O_RDWR, 0600);
		/* When both are there. */
		end = now_ns() + slowness() * NS_PER_MS;
		pthread_create(&threads[0], NULL, size_it, (void *)(intptr_t)fds[0]);
		pthread_create(&threads[1], NULL, create_it, (void *)(intptr_t)fds[1]);
		pthread_join(threads[0], &sized);
		pthread_join(threads[1], &created);
		ASSERT_EQ(sized ? 0 : -EBUSY, (intptr_t)created);
		ASSERT_EQ(sized ? -EPERM : 0, (intptr_t)sized);
		ASSERT_EQ(0, query(fds[0], &first));
		ASSERT_EQ(0, query(fds[1], &second));
		ASSERT_EQ(first.pool_id, second.pool_id);
		ASSERT_NE(first.handle, second.handle);
		ASSERT_EQ(sized ? 7 * 16 * KIB : SIZE, stat_of(FILE_A).st_size);
		close(fds[0]);
		close(fds[1]);
		ASSERT_EQ(0, unlink(FILE_A));
	}
	ASSERT_EQ(0, unmount_fs());
	EXPECT_UNLOAD();
}

TEST_HARNESS_MAIN
