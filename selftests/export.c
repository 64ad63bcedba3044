// SPDX-License-Identifier: GPL-2.0-only
/*
 * EXPORT: a dma-buf shows its slice and no more, keeps the slice's buffers from being
 * free while anything of it lives, and keeps pool and module.  What devices do with it
 * is tested with their drivers.
 */

#include "export.h"
#include "reload.h"

#include "harness.h"

#define STRIDE (16 * KIB)
#define COUNT 4

FIXTURE(pool)
{
	int fd;
	char *map;
};

FIXTURE_SETUP(pool)
{
	self->fd = new_pool(STRIDE, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, COUNT * STRIDE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
}

FIXTURE_TEARDOWN(pool)
{
	munmap(self->map, COUNT * STRIDE);
	close(self->fd);
}

static char *map_export(int dmabuf, size_t length, int protection)
{
	return mmap(NULL, length, protection, MAP_SHARED, dmabuf, 0);
}

TEST_F(pool, feature)
{
	struct zcpool_query q;

	ASSERT_EQ(0, query(self->fd, &q));
	EXPECT_TRUE(q.features & ZCPOOL_FEATURE_EXPORT);
}

TEST_F(pool, shows_its_slice)
{
	int dmabuf = export(self->fd, STRIDE + 4 * KIB, 8 * KIB, 0);
	char *shown;

	ASSERT_GE(dmabuf, 0);
	EXPECT_EQ(8 * KIB, lseek(dmabuf, 0, SEEK_END));
	EXPECT_TRUE(fcntl(dmabuf, F_GETFD) & FD_CLOEXEC);
	shown = map_export(dmabuf, 8 * KIB, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	strcpy(self->map + STRIDE + 4 * KIB, "first");
	strcpy(self->map + STRIDE + 8 * KIB, "second");
	EXPECT_STREQ("first", shown);
	EXPECT_STREQ("second", shown + 4 * KIB);
	ASSERT_EQ(0, sync_access(dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW));
	strcpy(shown, "changed");
	ASSERT_EQ(0, sync_access(dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW));
	EXPECT_STREQ("changed", self->map + STRIDE + 4 * KIB);
	munmap(shown, 8 * KIB);
	close(dmabuf);
}

TEST_F(pool, shows_no_more)
{
	int dmabuf = export(self->fd, STRIDE, 8 * KIB, 0);
	char *shown;

	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(MAP_FAILED, (void *)map_export(dmabuf, 12 * KIB, PROT_READ));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, 4 * KIB, PROT_READ, MAP_SHARED, dmabuf, 8 * KIB));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, 4 * KIB, PROT_READ, MAP_PRIVATE, dmabuf, 0));
	ASSERT_EQ(EINVAL, errno);
	shown = map_export(dmabuf, 8 * KIB, PROT_READ);
	ASSERT_EQ(MAP_FAILED, mremap(shown, 8 * KIB, 16 * KIB, MREMAP_MAYMOVE));
	ASSERT_EQ(EFAULT, errno);
	munmap(shown, 8 * KIB);
	close(dmabuf);
}

/* A huge page's part must not bring the rest of it along. */
TEST(part_of_a_huge_page)
{
	int fd = new_pool(2 * MIB, 2), dmabuf;
	char *map = map_pool(fd, 4 * MIB), *shown;

	ASSERT_GE(fd, 0);
	memset(map, 'a', 4 * MIB);
	map[MIB] = 'b';
	map[3 * MIB - 1] = 'c';
	dmabuf = export(fd, MIB, 2 * MIB, 0);
	ASSERT_GE(dmabuf, 0);
	shown = map_export(dmabuf, 2 * MIB, PROT_READ);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	EXPECT_EQ('b', shown[0]);
	EXPECT_EQ('a', shown[1]);
	EXPECT_EQ('c', shown[2 * MIB - 1]);
	EXPECT_EQ(1, holder_of(fd, 0).exports);
	EXPECT_EQ(1, holder_of(fd, 1).exports);
	munmap(shown, 2 * MIB);
	munmap(map, 4 * MIB);
	close(dmabuf);
	close(fd);
}

/* Buffers of several folios: one reference each. */
TEST(part_of_a_large_buffer)
{
	int fd = new_pool(6 * MIB, 2), dmabuf;
	uint32_t indices[2];

	ASSERT_GE(fd, 0);
	dmabuf = export(fd, 4 * MIB, 8 * KIB, 0);
	ASSERT_GE(dmabuf, 0);
	EXPECT_EQ(1, holder_of(fd, 0).exports);
	EXPECT_EQ(0, holder_of(fd, 0).references);
	ASSERT_EQ(1, get_now(fd));
	ASSERT_EQ(0, put_one(fd, 1));
	close(dmabuf);
	ASSERT_EQ(1, get_many(fd, indices, 1, 0, 0));
	close(fd);
}

TEST_F(pool, keeps_its_buffers_from_being_free)
{
	int dmabuf = export(self->fd, STRIDE, 2 * STRIDE, 0), copy, i;
	struct zcpool_holder holder;
	char *shown;
	pid_t child;

	ASSERT_GE(dmabuf, 0);
	holder = holder_of(self->fd, 1);
	EXPECT_EQ(ZCPOOL_STATE_IN_FLIGHT, holder.state);
	EXPECT_EQ(1, holder.exports);
	EXPECT_EQ(0, holder.references + holder.pins + holder.slots);
	EXPECT_EQ(ZCPOOL_STATE_FREE, holder_of(self->fd, 0).state);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(i * 3, get_now(self->fd));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));

	/* Another descriptor, then a mapping, then a child's copy of that. */
	copy = dup(dmabuf);
	close(dmabuf);
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	shown = map_export(copy, 2 * STRIDE, PROT_READ | PROT_WRITE);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	close(copy);
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	shown[0] = 'x';
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	ASSERT_EQ(0, munmap(shown, STRIDE));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0, munmap(shown + STRIDE, STRIDE));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	kill(child, SIGKILL);
	wait_status(child);
	ASSERT_EQ(1, get_wait(self->fd));
	ASSERT_EQ(2, get_wait(self->fd));
	ASSERT_EQ(0, holder_of(self->fd, 1).exports);
}

TEST_F(pool, an_end_wakes)
{
	int dmabuf = export(self->fd, 0, STRIDE, 0), i;
	pid_t child;

	ASSERT_GE(dmabuf, 0);
	for (i = 1; i < COUNT; i++)
		ASSERT_EQ(i, get_now(self->fd));
	child = fork();
	if (!child) {
		close(dmabuf);
		_exit(get_wait(self->fd));
	}
	ASSERT_TRUE(wait_asleep(child));
	close(dmabuf);
	ASSERT_EQ(0, wait_status(child));
}

TEST_F(pool, several_exports_of_a_buffer)
{
	int first = export(self->fd, 0, STRIDE, 0), second = export(self->fd, 0, 4 * KIB, 0);

	ASSERT_EQ(2, holder_of(self->fd, 0).exports);
	close(first);
	ASSERT_EQ(1, holder_of(self->fd, 0).exports);
	ASSERT_EQ(ZCPOOL_STATE_IN_FLIGHT, holder_of(self->fd, 0).state);
	close(second);
	ASSERT_EQ(ZCPOOL_STATE_FREE, holder_of(self->fd, 0).state);
}

/* An exported buffer is not there to be waited for. */
TEST_F(pool, all_exported_is_EDEADLK)
{
	int dmabuf = export(self->fd, 0, COUNT * STRIDE, 0);

	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(-EDEADLK, get_wait(self->fd));
	close(dmabuf);
	ASSERT_GE(get_wait(self->fd), 0);
}

TEST_F(pool, a_waiter_learns_that_all_are_exported)
{
	int first = export(self->fd, 0, STRIDE, 0), second;
	uint32_t indices[COUNT];
	pid_t child;

	ASSERT_EQ(3, get_many(self->fd, indices, COUNT, 0, 0));
	child = fork();
	if (!child)
		_exit(-get_wait(self->fd));
	ASSERT_TRUE(wait_asleep(child));
	second = export(self->fd, STRIDE, 3 * STRIDE, 0);
	ASSERT_GE(second, 0);
	ASSERT_EQ(EDEADLK, wait_status(child));
	close(first);
	close(second);
}

/* Fail to export all buffers, at the last moment, over and over; 0 if that is what it did. */
static int fail_to_export(int fd)
{
	int i;

	/* Who may not exceed the system's limit of open files meets it after all checks. */
	if (setresuid(65534, 65534, 65534))
		return 1;
	for (i = 0; i < 2000; i++)
		if (export(fd, 0, COUNT * STRIDE, 0) != -ENFILE)
			return 2;
	return 0;
}

/* Nobody is told of an export that never was. */
TEST_F(pool, a_waiter_sees_no_failed_export)
{
	long long most = read_number("/proc/sys/fs/file-max");
	uint32_t indices[COUNT];
	pid_t waiter, failing;
	char text[32];
	int i;

	/* Processors count up to so many open files each for themselves. */
	for (i = 0; i < 256; i++)
		ASSERT_GE(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	ASSERT_EQ(COUNT, get_many(self->fd, indices, COUNT, 0, 0));
	waiter = fork();
	if (!waiter)
		_exit(get_wait(self->fd));
	ASSERT_TRUE(wait_asleep(waiter));
	ASSERT_EQ(0, write_text("/proc/sys/fs/file-max", "1"));
	failing = fork();
	if (!failing)
		_exit(fail_to_export(self->fd));
	i = wait_status(failing);
	snprintf(text, sizeof(text), "%lld", most);
	ASSERT_EQ(0, write_text("/proc/sys/fs/file-max", text));
	ASSERT_EQ(0, i);
	ASSERT_TRUE(wait_asleep(waiter));
	ASSERT_EQ(0, put_one(self->fd, 2));
	EXPECT_EQ(2, wait_status(waiter));
}

TEST_F(pool, unheld_lets_its_buffers_be_free)
{
	int dmabuf = export(self->fd, 0, COUNT * STRIDE, ZCPOOL_EXPORT_F_UNHELD);
	char *shown;

	ASSERT_GE(dmabuf, 0);
	EXPECT_EQ(0, holder_of(self->fd, 0).exports);
	shown = map_export(dmabuf, STRIDE, PROT_READ | PROT_WRITE);
	shown[0] = 'x';
	EXPECT_EQ('x', self->map[0]);
	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(0, get_now(self->fd));
	munmap(shown, STRIDE);
	close(dmabuf);
}

TEST_F(pool, read_only)
{
	int dmabuf = export(self->fd, 0, STRIDE, ZCPOOL_EXPORT_F_READ_ONLY);
	char *shown, path[64];

	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(MAP_FAILED, (void *)map_export(dmabuf, STRIDE, PROT_READ | PROT_WRITE));
	ASSERT_EQ(EACCES, errno);
	shown = map_export(dmabuf, STRIDE, PROT_READ);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	strcpy(self->map, "seen");
	EXPECT_STREQ("seen", shown);
	ASSERT_EQ(-1, mprotect(shown, STRIDE, PROT_READ | PROT_WRITE));
	ASSERT_EQ(EACCES, errno);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dmabuf);
	ASSERT_EQ(-1, open(path, O_RDWR));
	munmap(shown, STRIDE);
	close(dmabuf);
}

TEST(of_a_read_only_handle)
{
	int fd = open(DEVICE, O_RDONLY), dmabuf;

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, create(fd, STRIDE, COUNT));
	ASSERT_EQ(-EACCES, export(fd, 0, STRIDE, 0));
	ASSERT_EQ(-EACCES, export(fd, 0, STRIDE, ZCPOOL_EXPORT_F_UNHELD));
	dmabuf = export(fd, 0, STRIDE, ZCPOOL_EXPORT_F_READ_ONLY);
	ASSERT_GE(dmabuf, 0);
	close(dmabuf);
	close(fd);
}

TEST_F(pool, errors)
{
	rlim_t files;
	uint32_t indices[COUNT];
	const uint64_t end = COUNT * STRIDE;

	ASSERT_EQ(-EINVAL, export(self->fd, 0, 0, 0));
	ASSERT_EQ(-EINVAL, export(self->fd, 1, 4 * KIB, 0));
	ASSERT_EQ(-EINVAL, export(self->fd, 0, 4 * KIB + 1, 0));
	ASSERT_EQ(-EINVAL, export(self->fd, 0, 4 * KIB, 4));
	ASSERT_EQ(-ERANGE, export(self->fd, end, 4 * KIB, 0));
	ASSERT_EQ(-ERANGE, export(self->fd, 0, end + 4 * KIB, 0));
	ASSERT_EQ(-ERANGE, export(self->fd, 4 * KIB, end, 0));
	ASSERT_EQ(-ERANGE, export(self->fd, -4096ULL, 4 * KIB, 0));
	ASSERT_EQ(-ERANGE, export(self->fd, 4 * KIB, -4096ULL, 0));
	files = limit_files(0);
	ASSERT_EQ(-EMFILE, export(self->fd, 0, 4 * KIB, 0));
	limit_files(files);
	/* None of them left anything. */
	ASSERT_EQ(COUNT, get_many(self->fd, indices, COUNT, 0, 0));
}

TEST(without_a_pool_is_ENXIO)
{
	int fd = open(DEVICE, O_RDWR);

	ASSERT_EQ(-ENXIO, export(fd, 0, 4 * KIB, 0));
	close(fd);
}

TEST(keeps_pool_and_module)
{
	int fd = new_pool(STRIDE, COUNT), dmabuf;
	char *map = map_pool(fd, STRIDE), *shown;

	strcpy(map, "contents");
	dmabuf = export(fd, 0, STRIDE, 0);
	ASSERT_GE(dmabuf, 0);
	munmap(map, STRIDE);
	close(fd);
	EXPECT_BUSY();
	shown = map_export(dmabuf, STRIDE, PROT_READ);
	EXPECT_STREQ("contents", shown);
	close(dmabuf);
	EXPECT_BUSY();
	munmap(shown, STRIDE);
	EXPECT_UNLOAD();
}

TEST_HARNESS_MAIN
