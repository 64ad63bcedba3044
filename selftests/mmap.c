// SPDX-License-Identifier: GPL-2.0-only
/* A mapping shows the pool's bytes at the pool's offsets, and nothing else. */
#include <sys/resource.h>

#include "util.h"

#include "kselftest_harness.h"

#define BUFFER (64 * KIB)
#define SIZE (8 * BUFFER)

FIXTURE(pool)
{
	int fd;
	char *map;
};

FIXTURE_SETUP(pool)
{
	self->fd = new_pool(BUFFER, 8);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, SIZE);
	ASSERT_NE(MAP_FAILED, self->map);
}

FIXTURE_TEARDOWN(pool)
{
	munmap(self->map, SIZE);
	close(self->fd);
}

/* Open, map, change, msync, unmap: as in the textbook. */
TEST_F(pool, textbook)
{
	char text[6];

	memcpy(self->map + BUFFER, "hello", 6);
	ASSERT_EQ(0, msync(self->map, SIZE, MS_SYNC));
	ASSERT_EQ(0, msync(self->map, SIZE, MS_ASYNC));
	ASSERT_EQ(0, fsync(self->fd));
	ASSERT_EQ(0, fdatasync(self->fd));
	ASSERT_EQ(0, munmap(self->map, SIZE));
	ASSERT_EQ(6, pread(self->fd, text, 6, BUFFER));
	ASSERT_STREQ("hello", text);
}

TEST_F(pool, offsets_are_the_pools)
{
	char *part = mmap(NULL, 8 * KIB, PROT_READ, MAP_SHARED, self->fd, 3 * BUFFER + 4 * KIB);

	ASSERT_NE(MAP_FAILED, part);
	strcpy(self->map + 3 * BUFFER + 4 * KIB, "here");
	ASSERT_STREQ("here", part);
	strcpy(self->map + 3 * BUFFER + 8 * KIB, "there");
	ASSERT_STREQ("there", part + 4 * KIB);
}

TEST_F(pool, private_is_EINVAL)
{
	ASSERT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, self->fd, 0));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, 0));
	ASSERT_EQ(EINVAL, errno);
}

TEST_F(pool, beyond_the_end_is_EINVAL)
{
	ASSERT_EQ(MAP_FAILED, map_pool(self->fd, SIZE + 1));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, SIZE));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, 8192, PROT_READ, MAP_SHARED, self->fd, SIZE - 4096));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, 1LL << 60));
}

TEST_F(pool, read_only_handle_cannot_be_mapped_for_writing)
{
	char path[64];
	void *map;
	int fd;

	/* Another open makes another handle: pass this one through /proc. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	fd = open(DEVICE, O_RDONLY);
	ASSERT_EQ(0, create(fd, BUFFER, 1));
	ASSERT_EQ(MAP_FAILED, map_pool(fd, BUFFER));
	ASSERT_EQ(EACCES, errno);
	map = mmap(NULL, BUFFER, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(-1, mprotect(map, BUFFER, PROT_READ | PROT_WRITE));
	ASSERT_EQ(EACCES, errno);
	/* Nor by mapping the pool file behind the mapping. */
	ASSERT_EQ(-1, syscall(SYS_remap_file_pages, map, BUFFER, 0, 0, 0));
	munmap(map, BUFFER);
	close(fd);
}

TEST_F(pool, mremap_moves_and_shrinks_but_does_not_grow)
{
	char *moved;

	strcpy(self->map + BUFFER, "moved");
	ASSERT_EQ(MAP_FAILED, mremap(self->map, SIZE, 2 * SIZE, MREMAP_MAYMOVE));
	ASSERT_EQ(MAP_FAILED, mremap(self->map, 0, SIZE, MREMAP_MAYMOVE));
	moved = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(moved, mremap(self->map, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, moved));
	ASSERT_STREQ("moved", moved + BUFFER);
	ASSERT_EQ(moved, mremap(moved, SIZE, SIZE / 2, 0));
	self->map = moved;
}

TEST_F(pool, parts_can_be_unmapped_and_protected)
{
	strcpy(self->map + 2 * BUFFER, "stays");
	ASSERT_EQ(0, munmap(self->map + BUFFER, 4096));
	ASSERT_EQ(0, mprotect(self->map + 2 * BUFFER, 4096, PROT_READ));
	ASSERT_STREQ("stays", self->map + 2 * BUFFER);
	ASSERT_EQ(0, mprotect(self->map + 2 * BUFFER, 4096, PROT_READ | PROT_WRITE));
	strcpy(self->map + 2 * BUFFER, "again");
}

TEST_F(pool, survives_close_of_the_handle)
{
	strcpy(self->map, "alive");
	close(self->fd);
	ASSERT_STREQ("alive", self->map);
	ASSERT_LT(0, read_number("/sys/module/zcpool/refcnt"));
	self->map[SIZE - 1] = 1;
}

TEST_F(pool, fork_shares)
{
	int status;

	if (!fork()) {
		self->map[100] = 'c';
		_exit(0);
	}
	wait(&status);
	ASSERT_EQ(0, status);
	ASSERT_EQ('c', self->map[100]);
}

TEST_F(pool, advice_does_no_harm)
{
	static const int advice[] = {
		MADV_DONTNEED, MADV_WILLNEED, MADV_COLD,	   MADV_PAGEOUT,
		MADV_FREE,     MADV_REMOVE,   MADV_HUGEPAGE,	   MADV_MERGEABLE,
		MADV_DOFORK,   MADV_DONTFORK, MADV_POPULATE_WRITE,
	};
	size_t i;

	strcpy(self->map + BUFFER, "kept");
	for (i = 0; i < sizeof(advice) / sizeof(advice[0]); i++) {
		madvise(self->map, SIZE, advice[i]);
		ASSERT_STREQ("kept", self->map + BUFFER) TH_LOG("advice %d", advice[i]);
	}
}

TEST_F(pool, is_named_in_maps)
{
	char line[256], wanted[64];
	struct zcpool_query q;
	FILE *maps = fopen("/proc/self/maps", "r");
	bool found = false;

	ASSERT_EQ(0, query(self->fd, &q));
	snprintf(wanted, sizeof(wanted), " zcpool:[%llu]\n", (unsigned long long)q.pool_id);
	while (fgets(line, sizeof(line), maps))
		found |= !!strstr(line, wanted);
	ASSERT_TRUE(found);
	fclose(maps);
}

/* The pool file behind a mapping cannot be opened. */
TEST_F(pool, map_files_cannot_be_opened)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)self->map,
		 (unsigned long)self->map + SIZE);
	ASSERT_EQ(-1, open(path, O_RDWR));
	ASSERT_EQ(ENXIO, errno);
}

/* One entry of the page tables for each 2 MiB. */
TEST(huge_buffers_are_mapped_by_huge_entries)
{
	size_t size = 8 * MIB, at;
	int fd = new_pool(4 * MIB, 2);
	char line[256], *map, *space;
	FILE *smaps = fopen("/proc/self/smaps", "r");
	long huge = 0, kib;
	bool ours = false;

	/* 64-bit programs get a fitting address by themselves. */
	if (sizeof(void *) == 8) {
		map = map_pool(fd, size);
		ASSERT_NE(MAP_FAILED, map);
		ASSERT_EQ(0, (uintptr_t)map % (2 * MIB));
		munmap(map, size);
	}
	space = mmap(NULL, size + 2 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	map = (char *)(((uintptr_t)space + 2 * MIB - 1) & ~(2 * MIB - 1));
	ASSERT_EQ(map, mmap(map, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0));
	for (at = 0; at < size; at += 4096)
		map[at] = 1;
	while (fgets(line, sizeof(line), smaps)) {
		if (strstr(line, "-"))
			ours |= !!strstr(line, "zcpool:[");
		if (ours && sscanf(line, "FilePmdMapped: %ld kB", &kib) == 1)
			huge += kib;
	}
	fclose(smaps);
	ASSERT_EQ(size / KIB, huge);
	/* Taken apart and mapped again, it is the same memory. */
	ASSERT_EQ(0, mprotect(map + 4096, 4096, PROT_READ));
	ASSERT_EQ(0, munmap(map + 2 * MIB + 4096, 4096));
	ASSERT_EQ(1, map[4096]);
	ASSERT_EQ(1, map[2 * MIB]);
	munmap(map, size);
	close(fd);
}

/* Memory that fails is a signal or an error for who touches it, and retires. */
TEST_F(pool, failed_memory_is_no_more_used)
{
	int pipes[2], status;
	char *other, back[8];
	loff_t offset;
	int index;

	self->map[4096] = 1;
	/* The kernel, which knows no owner of the page, can but mark it. */
	ASSERT_EQ(-1, madvise(self->map + 4096, 4096, 100 /* MADV_HWPOISON */));
	ASSERT_TRUE(errno == EIO || errno == EBUSY);
	other = map_pool(self->fd, SIZE);
	if (!fork()) {
		other[4096] = 2;
		_exit(0);
	}
	wait(&status);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	ASSERT_EQ(0, pipe(pipes));
	offset = 4096;
	EXPECT_EQ(-1, splice(self->fd, &offset, pipes[1], NULL, 8, 0));
	EXPECT_EQ(EHWPOISON, errno);
	EXPECT_EQ(-1, pread(self->fd, back, 8, 4096));
	EXPECT_EQ(EIO, errno);
	/* The rest of the pool goes on. */
	EXPECT_EQ(8, pread(self->fd, back, 8, BUFFER));
	for (index = 1; index < 8; index++)
		EXPECT_GT(get_now(self->fd), 0);
	EXPECT_EQ(-EAGAIN, get_now(self->fd));
	munmap(other, SIZE);
}

/* The physical address of a touched page. */
static uint64_t physical_address(const void *address)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(pagemap, &entry, 8, (uintptr_t)address / 4096 * 8) != 8)
		entry = 0;
	close(pagemap);
	return (entry & ((1ULL << 55) - 1)) << 12;
}

/* Neither is its memory handed to others, nor is the sound part of it lost. */
TEST(failed_memory_of_a_large_buffer)
{
	int fd = new_pool(4 * MIB, 1), other = open(DEVICE, O_RDWR), status, tries;
	char *map = map_pool(fd, 4 * MIB), *second, address[32];
	struct zcpool_query before, after;

	ASSERT_EQ(0, query(other, &before));
	map[3 * MIB] = 1;
	snprintf(address, sizeof(address), "0x%llx",
		 (unsigned long long)physical_address(map + 3 * MIB));
	write_text("/sys/devices/system/memory/hard_offline_page", address);
	/* A neighbour of the page first: it must not bring the failed one with it. */
	second = map_pool(fd, 4 * MIB);
	second[3 * MIB + 4096] = 1;
	if (!fork()) {
		second[3 * MIB] = 2;
		_exit(0);
	}
	wait(&status);
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	munmap(map, 4 * MIB);
	munmap(second, 4 * MIB);
	close(fd);
	/* Nobody is charged for what failed, and the rest is given back. */
	for (tries = 0; tries < 200; tries++) {
		ASSERT_EQ(0, query(other, &after));
		if (after.total_bytes == before.total_bytes - 4 * MIB)
			break;
		usleep(10000);
	}
	EXPECT_EQ(before.total_bytes - 4 * MIB, after.total_bytes);
}

TEST_HARNESS_MAIN
