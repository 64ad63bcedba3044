// SPDX-License-Identifier: GPL-2.0-only
/*
 * Named pools as files: what programs do that know files only, and what they may not.
 */
#include <sys/uio.h>

#include "fs.h"
#include "share.h"
#include "view.h"

#include "harness.h"

#define PAGE (4 * KIB)
/* No multiple of a page or buffer, and more than one buffer. */
#define ODD (100 * KIB + 123)

FIXTURE(fs)
{
	mode_t mask;
};

FIXTURE_SETUP(fs)
{
	ASSERT_EQ(0, mount_fs());
	self->mask = umask(0);
}

FIXTURE_TEARDOWN(fs)
{
	umask(self->mask);
	unlink(FILE_A);
	unlink(FILE_B);
	EXPECT_EQ(0, unmount_fs());
}

/* As in any textbook. */
static int write_by_map(const char *path, size_t size)
{
	struct stat status;
	char *map;
	int fd;

	fd = open(path, O_RDWR | O_CREAT, 0644);
	if (fd < 0 || ftruncate(fd, size) || fstat(fd, &status) || !S_ISREG(status.st_mode))
		return 1;
	map = mmap(NULL, status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return 2;
	fill(map, status.st_size);
	if (msync(map, status.st_size, MS_SYNC) || munmap(map, status.st_size) || close(fd))
		return 3;
	return 0;
}

TEST_F(fs, textbook_program)
{
	char *back = malloc(ODD + 1), *map;
	struct stat status;
	off_t offset = 0;
	int fd, pair[2];
	pid_t child;

	child = fork();
	if (!child)
		_exit(write_by_map(FILE_A, ODD));
	ASSERT_EQ(0, wait_status(child));

	fd = open(FILE_A, O_RDONLY);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, fstat(fd, &status));
	ASSERT_EQ(ODD, status.st_size);
	ASSERT_EQ(0644, status.st_mode & 07777);
	ASSERT_EQ(1, status.st_nlink);
	ASSERT_EQ(ODD, read(fd, back, ODD + 1));
	EXPECT_TRUE(is_filled(back, ODD));
	map = mmap(NULL, status.st_size, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)map);
	EXPECT_TRUE(is_filled(map, ODD));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	memset(back, 0, ODD);
	while (offset < ODD) {
		off_t begin = offset;
		ssize_t sent = sendfile(pair[0], fd, &offset, ODD + 1);

		ASSERT_GT(sent, 0);
		ASSERT_EQ(sent, read_full(pair[1], back + begin, sent));
	}
	EXPECT_TRUE(is_filled(back, ODD));
	ASSERT_EQ(0, sendfile(pair[0], fd, &offset, 1));
	munmap(map, ODD);
	close(fd);
}

TEST_F(fs, ends_where_its_size_says)
{
	int fd = new_file(FILE_A, ODD), pipes[2];
	loff_t from = ODD - 10;
	char back[64];

	ASSERT_GE(fd, 0);
	EXPECT_EQ(2 * 64 * KIB / 512, stat_of(FILE_A).st_blocks);
	EXPECT_EQ(ODD, lseek(fd, 0, SEEK_END));
	EXPECT_EQ(7, lseek(fd, 7, SEEK_DATA));
	EXPECT_EQ(ODD, lseek(fd, 7, SEEK_HOLE));
	ASSERT_EQ(10, pread(fd, back, sizeof(back), ODD - 10));
	ASSERT_EQ(0, pread(fd, back, sizeof(back), ODD));
	ASSERT_EQ(0, pread(fd, back, sizeof(back), 1LL << 60));
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(10, splice(fd, &from, pipes[1], NULL, 64, 0));
	ASSERT_EQ(0, splice(fd, &from, pipes[1], NULL, 64, 0));
	ASSERT_EQ(10, pwrite(fd, back, sizeof(back), ODD - 10));
	ASSERT_EQ(-1, pwrite(fd, back, 1, ODD));
	ASSERT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, fcntl(fd, F_SETFL, O_APPEND));
	ASSERT_EQ(-1, write(fd, back, 1));
	ASSERT_EQ(ENOSPC, errno);
	close(fd);
}

TEST_F(fs, maps_its_last_page_and_no_more)
{
	const size_t whole = (ODD + PAGE - 1) / PAGE * PAGE;
	int fd = new_file(FILE_A, ODD);
	char *map = map_file(fd, whole, PROT_READ | PROT_WRITE, MAP_SHARED);
	size_t i;

	ASSERT_NE(MAP_FAILED, (void *)map);
	for (i = 0; i < whole; i++)
		ASSERT_EQ(0, map[i]);
	ASSERT_EQ(MAP_FAILED, map_file(fd, whole + 1, PROT_READ, MAP_SHARED));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, whole));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(MAP_FAILED, mremap(map, whole, whole + PAGE, MREMAP_MAYMOVE));
	munmap(map, whole);
	close(fd);
}

/* Memory that others have used shows nothing of it. */
TEST_F(fs, new_memory_is_zero)
{
	const size_t size = 4 * MIB;
	int round, fd;
	char *map;
	size_t i;

	for (round = 0; round < 4; round++) {
		fd = new_file(FILE_A, size - 1);
		map = map_file(fd, size, PROT_READ | PROT_WRITE, MAP_SHARED);
		ASSERT_NE(MAP_FAILED, (void *)map);
		for (i = 0; i < size; i += 8)
			ASSERT_EQ(0, *(uint64_t *)(map + i));
		memset(map, 0xa5, size);
		munmap(map, size);
		close(fd);
		ASSERT_EQ(0, unlink(FILE_A));
	}
}

TEST_F(fs, is_sized_once)
{
	int fd = open_file(FILE_A, O_RDWR | O_CREAT, 0600);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, size_file(fd, 0));
	ASSERT_EQ(0, size_file(fd, ODD));
	ASSERT_EQ(0, size_file(fd, ODD));
	ASSERT_EQ(-EPERM, size_file(fd, ODD - 1));
	ASSERT_EQ(-EPERM, size_file(fd, ODD + 1));
	ASSERT_EQ(-EPERM, size_file(fd, 0));
	ASSERT_EQ(0, truncate(FILE_A, ODD));
	ASSERT_EQ(-1, truncate(FILE_A, 1));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-EPERM, open_file(FILE_A, O_RDWR | O_TRUNC, 0));
	ASSERT_EQ(ODD, stat_of(FILE_A).st_size);
	close(fd);
	/* By path as well. */
	close(open_file(FILE_B, O_RDWR | O_CREAT | O_TRUNC, 0600));
	ASSERT_EQ(0, truncate(FILE_B, 5));
	ASSERT_EQ(5, stat_of(FILE_B).st_size);
	fd = open_file(FILE_B, O_RDONLY, 0);
	ASSERT_EQ(-EINVAL, size_file(fd, 5));
	close(fd);
}

/* By posix_fallocate(), as many programs do, which the C library would emulate by writes. */
TEST_F(fs, sized_by_fallocate)
{
	int fd = open_file(FILE_A, O_RDWR | O_CREAT, 0600);
	char back[4];

	ASSERT_EQ(-1, fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, ODD));
	ASSERT_EQ(EOPNOTSUPP, errno);
	ASSERT_EQ(0, stat_of(FILE_A).st_size);
	ASSERT_EQ(0, posix_fallocate(fd, 23, ODD - 23));
	EXPECT_EQ(ODD, stat_of(FILE_A).st_size);
	EXPECT_EQ(2 * 64 * KIB / 512, stat_of(FILE_A).st_blocks);
	ASSERT_EQ(4, pwrite(fd, "kept", 4, 0));
	ASSERT_EQ(0, posix_fallocate(fd, 0, ODD));
	ASSERT_EQ(0, posix_fallocate(fd, ODD - 1, 1));
	ASSERT_EQ(EPERM, posix_fallocate(fd, ODD, 1));
	ASSERT_EQ(EPERM, posix_fallocate(fd, 0, ODD + 1));
	EXPECT_EQ(ODD, stat_of(FILE_A).st_size);
	ASSERT_EQ(4, pread(fd, back, sizeof(back), 0));
	EXPECT_EQ(0, memcmp(back, "kept", sizeof(back)));
	close(fd);
	fd = open_file(FILE_A, O_RDONLY, 0);
	ASSERT_EQ(EBADF, posix_fallocate(fd, 0, 1));
	close(fd);
}

enum way {
	TRUNCATE,
	FTRUNCATE,
	FALLOCATE,
	CREATE
};

/* All return 0 or a negative errno. */
static int size_by(enum way way, int fd, const char *path, uint64_t size)
{
	switch (way) {
	case TRUNCATE:
		return truncate(path, size) ? -errno : 0;
	case FTRUNCATE:
		return size_file(fd, size);
	case FALLOCATE:
		return -posix_fallocate(fd, 0, size);
	default:
		return create(fd, 8 * KIB, size / (8 * KIB));
	}
}

static volatile sig_atomic_t nr_signals;

static void count_signal(int number)
{
	nr_signals++;
}

/* Nor is it larger than the process may make files. */
TEST_F(fs, sized_within_limit)
{
	const struct rlimit limit = { .rlim_cur = 64 * KIB, .rlim_max = RLIM_INFINITY };
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int big[4], fits[4], signals[4], fd;
	enum way way;

	signal(SIGXFSZ, count_signal);
	for (way = TRUNCATE; way <= CREATE; way++) {
		fd = open_file(FILE_A, O_RDWR | O_CREAT, 0600);
		nr_signals = 0;
		ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
		big[way] = size_by(way, fd, FILE_A, 72 * KIB);
		signals[way] = nr_signals;
		fits[way] = size_by(way, fd, FILE_A, 64 * KIB);
		setrlimit(RLIMIT_FSIZE, &unlimited);
		EXPECT_EQ(64 * KIB, stat_of(FILE_A).st_size);
		/* What has a pool says so, whatever the limit. */
		EXPECT_EQ(-EBUSY, size_by(CREATE, fd, FILE_A, 64 * KIB));
		close(fd);
		ASSERT_EQ(0, unlink(FILE_A));
	}
	signal(SIGXFSZ, SIG_DFL);
	for (way = TRUNCATE; way <= CREATE; way++) {
		EXPECT_EQ(-EFBIG, big[way]);
		EXPECT_EQ(1, signals[way]);
		EXPECT_EQ(0, fits[way]);
	}
}

TEST_F(fs, sizing_dates_it)
{
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	time_t begin = time(NULL);
	enum way way;
	int fd;

	for (way = TRUNCATE; way <= CREATE; way++) {
		fd = open_file(FILE_A, O_RDWR | O_CREAT, 0600);
		ASSERT_EQ(0, futimens(fd, old));
		ASSERT_EQ(0, size_by(way, fd, FILE_A, 64 * KIB));
		/* By the clock that ticks, which may be behind. */
		EXPECT_LE(begin - 1, stat_of(FILE_A).st_mtime);
		EXPECT_LE(begin - 1, stat_of(FILE_A).st_ctime);
		/* The same size is none that is new, to who goes by the path. */
		ASSERT_EQ(0, futimens(fd, old));
		ASSERT_EQ(0, truncate(FILE_A, 64 * KIB));
		EXPECT_EQ(1, stat_of(FILE_A).st_mtime);
		close(fd);
		ASSERT_EQ(0, unlink(FILE_A));
	}
}

TEST_F(fs, empty_file_is_a_file)
{
	int fd = open_file(FILE_A, O_RDWR | O_CREAT, 0600), pipes[2];
	struct zcpool_query q;
	char byte;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, read(fd, &byte, 1));
	ASSERT_EQ(0, splice(fd, NULL, pipes[1], NULL, 1, 0));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_END));
	ASSERT_EQ(-1, write(fd, "x", 1));
	ASSERT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, fsync(fd));
	ASSERT_EQ(MAP_FAILED, map_file(fd, 1, PROT_READ, MAP_SHARED));
	ASSERT_EQ(ENXIO, errno);
	ASSERT_EQ(-ENXIO, get_now(fd));
	ASSERT_EQ(0, query(fd, &q));
	ASSERT_EQ(0, q.pool_id);
	close(fd);
	EXPECT_EQ(0, stat_of(FILE_A).st_size);
}

/* What is read by a private mapping is the pool's; what would part from it is refused. */
TEST_F(fs, private_mapping)
{
	int fd = new_file(FILE_A, ODD);
	char *map = map_file(fd, ODD, PROT_READ, MAP_PRIVATE), *shared;
	int memory = open("/proc/self/mem", O_RDWR);

	ASSERT_NE(MAP_FAILED, (void *)map);
	shared = map_file(fd, ODD, PROT_READ | PROT_WRITE, MAP_SHARED);
	fill(shared, ODD);
	EXPECT_TRUE(is_filled(map, ODD));
	ASSERT_EQ(-1, mprotect(map, ODD, PROT_READ | PROT_WRITE));
	ASSERT_EQ(EACCES, errno);
	ASSERT_EQ(-1, pwrite(memory, "x", 1, (uintptr_t)map));
	ASSERT_EQ(MAP_FAILED, map_file(fd, ODD, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	ASSERT_EQ(EINVAL, errno);
	EXPECT_TRUE(is_filled(shared, ODD));
	munmap(map, ODD);
	munmap(shared, ODD);
	close(memory);
	close(fd);
}

TEST_F(fs, reads_only_if_opened_so)
{
	int fd = new_file(FILE_A, ODD), pipes[2];
	struct zcpool_create arg = { .buffer_size = 1, .count = 1 };
	char *map;

	close(fd);
	fd = open_file(FILE_A, O_RDONLY, 0);
	ASSERT_EQ(-1, write(fd, "x", 1));
	ASSERT_EQ(EBADF, errno);
	ASSERT_EQ(MAP_FAILED, map_file(fd, ODD, PROT_READ | PROT_WRITE, MAP_SHARED));
	ASSERT_EQ(EACCES, errno);
	map = map_file(fd, ODD, PROT_READ, MAP_SHARED);
	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(-1, mprotect(map, ODD, PROT_READ | PROT_WRITE));
	ASSERT_EQ(EACCES, errno);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(1, write(pipes[1], "x", 1));
	ASSERT_EQ(-1, splice(pipes[0], NULL, fd, NULL, 1, 0));
	ASSERT_EQ(EBADF, errno);
	munmap(map, ODD);
	close(fd);
	fd = open_file(FILE_A, O_WRONLY, 0);
	ASSERT_EQ(-1, pread(fd, pipes, 1, 0));
	ASSERT_EQ(EBADF, errno);
	/* Nor lets by any command: they read, or let others read. */
	ASSERT_EQ(-EBADF, view(fd, 0, 1, 0, 0600));
	ASSERT_EQ(-EBADF, share(fd, ZCPOOL_SHARE_F_READ_ONLY));
	ASSERT_EQ(-EBADF, get_now(fd));
	ASSERT_EQ(MAP_FAILED, map_file(fd, ODD, PROT_READ, MAP_SHARED));
	ASSERT_EQ(EACCES, errno);
	close(fd);
	/* Nor makes it a pool. */
	close(open_file(FILE_B, O_RDWR | O_CREAT, 0600));
	fd = open_file(FILE_B, O_RDONLY, 0);
	ASSERT_EQ(-1, ioctl(fd, ZCPOOL_IOC_CREATE, &arg));
	ASSERT_EQ(EACCES, errno);
	close(fd);
}

TEST_F(fs, no_direct_io_nor_programs)
{
	int fd = new_file(FILE_A, ODD);

	ASSERT_EQ(-EINVAL, open_file(FILE_A, O_RDWR | O_DIRECT, 0));
	ASSERT_EQ(-1, fcntl(fd, F_SETFL, O_DIRECT));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(0, fchmod(fd, 0755));
	close(fd);
	ASSERT_EQ(-1, execl(FILE_A, FILE_A, NULL));
	ASSERT_EQ(EACCES, errno);
	fd = open_file(FILE_A, O_RDWR, 0);
	ASSERT_EQ(MAP_FAILED, map_file(fd, ODD, PROT_READ | PROT_EXEC, MAP_SHARED));
	ASSERT_EQ(EPERM, errno);
	close(fd);
	ASSERT_EQ(-1, mknod(FILE_B, S_IFCHR | 0600, 0x103));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-1, symlink("a", FILE_B));
	ASSERT_EQ(EPERM, errno);
}

TEST_F(fs, writing_dates_it)
{
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	time_t begin = time(NULL);
	int fd = new_file(FILE_A, ODD);

	/* By the clock that ticks, which may be behind. */
	EXPECT_LE(begin - 1, stat_of(FILE_A).st_mtime);
	ASSERT_EQ(0, futimens(fd, old));
	ASSERT_EQ(1, stat_of(FILE_A).st_mtime);
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_LE(begin - 1, stat_of(FILE_A).st_mtime);
	close(fd);
}

/* From one named pool to another it is copied once, as from any file to a file. */
TEST_F(fs, copy_file_range)
{
	int from = new_file(FILE_A, ODD), to = new_file(FILE_B, ODD);
	char *map = map_file(from, ODD, PROT_READ | PROT_WRITE, MAP_SHARED), *copy;
	ssize_t copied, done = 0;

	fill(map, ODD);
	while (done < ODD) {
		copied = copy_file_range(from, NULL, to, NULL, ODD - done, 0);
		ASSERT_GT(copied, 0);
		done += copied;
	}
	copy = map_file(to, ODD, PROT_READ, MAP_SHARED);
	EXPECT_TRUE(is_filled(copy, ODD));
	munmap(map, ODD);
	munmap(copy, ODD);
	close(from);
	close(to);
}

TEST_HARNESS_MAIN
