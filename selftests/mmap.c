// SPDX-License-Identifier: GPL-2.0-only
/* A mapping shows the pool's bytes at the pool's offsets, and nothing else. */
#include <sys/resource.h>

#include "util.h"

#include "harness.h"

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

TEST_HARNESS_MAIN
