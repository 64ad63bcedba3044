// SPDX-License-Identifier: GPL-2.0-only
/*
 * VIEW: a regular file with the slice's bytes and no others, by every route, which
 * keeps its buffers from being free, and which nobody writes if it is read-only.
 */
#include <grp.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "reload.h"
#include "view.h"

#include "harness.h"

#define STRIDE (16 * KIB)
#define COUNT 4
#define SIZE (COUNT * STRIDE)
/* Neither begins nor ends with a page or buffer. */
#define ODD_OFFSET (STRIDE - 100)
#define ODD_LENGTH (STRIDE + 300)

FIXTURE(pool)
{
	int fd;
	char *map;
};

FIXTURE_SETUP(pool)
{
	self->fd = new_full_pool(STRIDE, COUNT, &self->map);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(pool)
{
	munmap(self->map, SIZE);
	close(self->fd);
}

/* The same open file anew, as a program that is given a path does. */
static int open_anew(int fd, int flags)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = open(path, flags | O_CLOEXEC);
	return ret < 0 ? -errno : ret;
}

TEST_F(pool, is_a_regular_file)
{
	time_t begin = time(NULL);
	int file = view(self->fd, ODD_OFFSET, ODD_LENGTH, 0, 0640);
	struct stat status;

	ASSERT_GE(file, 0);
	EXPECT_TRUE(fcntl(file, F_GETFD) & FD_CLOEXEC);
	ASSERT_EQ(0, fstat(file, &status));
	EXPECT_TRUE(S_ISREG(status.st_mode));
	EXPECT_EQ(0640, status.st_mode & 07777);
	EXPECT_EQ(ODD_LENGTH, status.st_size);
	EXPECT_EQ((ODD_LENGTH + 511) / 512, status.st_blocks);
	EXPECT_EQ(getuid(), status.st_uid);
	/* A name is for linkat() to give. */
	EXPECT_EQ(0, status.st_nlink);
	/* By the clock that ticks, which may be behind. */
	EXPECT_LE(begin - 1, status.st_mtime);
	EXPECT_EQ(ODD_LENGTH, lseek(file, 0, SEEK_END));
	EXPECT_EQ(7, lseek(file, 7, SEEK_DATA));
	EXPECT_EQ(ODD_LENGTH, lseek(file, 7, SEEK_HOLE));
	close(file);
}

TEST_F(pool, shows_its_slice_and_no_more)
{
	int file = view(self->fd, ODD_OFFSET, ODD_LENGTH, 0, 0), pipes[2], pair[2];
	char *back = malloc(SIZE);
	off_t offset = 0;
	loff_t from = 0;

	ASSERT_GE(file, 0);
	ASSERT_EQ(ODD_LENGTH, read(file, back, SIZE));
	EXPECT_EQ(0, memcmp(back, self->map + ODD_OFFSET, ODD_LENGTH));
	ASSERT_EQ(0, read(file, back, SIZE));
	ASSERT_EQ(10, pread(file, back, 100, ODD_LENGTH - 10));
	EXPECT_EQ(0, memcmp(back, self->map + ODD_OFFSET + ODD_LENGTH - 10, 10));
	ASSERT_EQ(0, pread(file, back, 1, ODD_LENGTH));
	ASSERT_EQ(0, pread(file, back, 1, 1LL << 60));

	ASSERT_EQ(0, pipe(pipes));
	memset(back, 0, SIZE);
	ASSERT_EQ(ODD_LENGTH, splice(file, &from, pipes[1], NULL, SIZE, 0));
	ASSERT_EQ(0, splice(file, &from, pipes[1], NULL, SIZE, 0));
	ASSERT_EQ(ODD_LENGTH, read(pipes[0], back, SIZE));
	EXPECT_EQ(0, memcmp(back, self->map + ODD_OFFSET, ODD_LENGTH));

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	memset(back, 0, SIZE);
	ASSERT_EQ(ODD_LENGTH, sendfile(pair[0], file, &offset, SIZE));
	ASSERT_EQ(ODD_LENGTH, offset);
	ASSERT_EQ(ODD_LENGTH, read_full(pair[1], back, ODD_LENGTH));
	EXPECT_EQ(0, memcmp(back, self->map + ODD_OFFSET, ODD_LENGTH));
	close(file);
}

/* By reference: the pool's own pages are what the pipe holds. */
TEST_F(pool, sends_the_very_pages)
{
	int file = view(self->fd, STRIDE, STRIDE, 0, 0), pipes[2];
	loff_t from = 0;
	char byte;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(STRIDE, splice(file, &from, pipes[1], NULL, STRIDE, 0));
	EXPECT_EQ(1, holder_of(self->fd, 1).slots);
	self->map[STRIDE] = 'z';
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	EXPECT_EQ('z', byte);
	close(file);
}

TEST_F(pool, maps_whole_pages)
{
	int file = view(self->fd, 4 * KIB, 2 * STRIDE + 5, ZCPOOL_VIEW_F_WRITABLE, 0600);
	char *shown;

	ASSERT_GE(file, 0);
	shown = mmap(NULL, 2 * STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	EXPECT_EQ(0, memcmp(shown, self->map + 4 * KIB, 2 * STRIDE));
	shown[1] = 'w';
	EXPECT_EQ('w', self->map[4 * KIB + 1]);
	ASSERT_EQ(0, msync(shown, 2 * STRIDE, MS_SYNC));
	ASSERT_EQ(MAP_FAILED, mremap(shown, 2 * STRIDE, 3 * STRIDE, MREMAP_MAYMOVE));
	munmap(shown, 2 * STRIDE);
	/* The last page is not the slice's as a whole. */
	ASSERT_EQ(MAP_FAILED, mmap(NULL, 2 * STRIDE + 5, PROT_READ, MAP_SHARED, file, 0));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, 4 * KIB, PROT_READ, MAP_SHARED, file, 2 * STRIDE));
	ASSERT_EQ(EINVAL, errno);
	shown = mmap(NULL, 4 * KIB, PROT_READ, MAP_SHARED, file, 2 * STRIDE - 4 * KIB);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	EXPECT_EQ(0, memcmp(shown, self->map + 2 * STRIDE, 4 * KIB));
	munmap(shown, 4 * KIB);
	close(file);
	/* Nor is any of one that begins in the middle of one. */
	file = view(self->fd, 100, STRIDE, 0, 0);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, 4 * KIB, PROT_READ, MAP_SHARED, file, 0));
	ASSERT_EQ(EINVAL, errno);
	close(file);
}

/* A huge page's part must not bring the rest of it along. */
TEST(part_of_a_huge_page)
{
	char *map, *shown;
	int fd = new_full_pool(2 * MIB, 4, &map), file;
	size_t i;

	ASSERT_GE(fd, 0);
	file = view(fd, MIB, 4 * MIB, 0, 0);
	ASSERT_GE(file, 0);
	shown = mmap(NULL, 4 * MIB, PROT_READ, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	EXPECT_EQ(0, memcmp(shown, map + MIB, 4 * MIB));
	munmap(shown, 4 * MIB);
	shown = mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	for (i = 0; i < 4 * MIB; i += 64 * KIB)
		shown[i]++;
	for (i = 0; i < 4 * MIB; i += 64 * KIB)
		ASSERT_EQ((char)(map[MIB + i] + 1), shown[i]);
	EXPECT_EQ(0, memcmp(shown + 1, map + MIB + 1, 64 * KIB - 1));
	munmap(shown, 4 * MIB);
	munmap(map, 8 * MIB);
	close(file);
	close(fd);
}

TEST_F(pool, private_is_copy_on_write)
{
	int file = view(self->fd, 0, SIZE, 0, 0);
	char *shown, before = self->map[0];
	pid_t child;

	shown = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	EXPECT_EQ(before, shown[0]);
	shown[0] = before + 1;
	EXPECT_EQ(before, self->map[0]);
	/* What was not written shows the pool's changes. */
	self->map[STRIDE] = 'p';
	EXPECT_EQ('p', shown[STRIDE]);
	child = fork();
	if (!child) {
		shown[STRIDE] = 'c';
		_exit(shown[0] == (char)(before + 1) && self->map[STRIDE] == 'p' ? 0 : 1);
	}
	ASSERT_EQ(0, wait_status(child));
	EXPECT_EQ('p', shown[STRIDE]);
	munmap(shown, SIZE);
	close(file);
}

/*
 * fork() gives a page of a private mapping a reference and then a mapping more, while
 * the two are counted: the buffer must not look free.  One page each, and the last that
 * is counted, makes that likely.
 */
TEST(fork_of_a_private_mapping)
{
	const size_t size = 4 * 2 * MIB, last = 2 * MIB - 4 * KIB;
	int fd = new_pool(2 * MIB, 4), file = view(fd, 0, size, 0, 0), round;
	volatile char *shown = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	pid_t forker;
	size_t i;

	ASSERT_NE(MAP_FAILED, (void *)shown);
	/* Mapped one by one: a page of its own keeps a huge entry away, and fork() copying. */
	for (i = 0; i < size; i += 2 * MIB) {
		shown[i] = 1;
		(void)shown[i + last];
	}
	forker = fork();
	if (!forker) {
		/* Also if the test fails. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			pid_t child = fork();

			if (!child)
				_exit(0);
			wait_status(child);
		}
	}
	for (round = 0; round < 30000; round++)
		ASSERT_EQ(-EAGAIN, get_now(fd));
	kill(forker, SIGKILL);
	wait_status(forker);
	munmap((void *)shown, size);
	close(file);
	close(fd);
}

TEST_F(pool, writes)
{
	int file = view(self->fd, ODD_OFFSET, ODD_LENGTH, ZCPOOL_VIEW_F_WRITABLE, 0), pipes[2];
	char before = self->map[ODD_OFFSET + ODD_LENGTH];
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct stat status;
	loff_t to = 8;

	ASSERT_GE(file, 0);
	ASSERT_EQ(0, futimens(file, old));
	ASSERT_EQ(0, fstat(file, &status));
	ASSERT_EQ(1, status.st_mtime);
	ASSERT_EQ(4, pwrite(file, "abcd", 4, 0));
	EXPECT_EQ(0, memcmp(self->map + ODD_OFFSET, "abcd", 4));
	ASSERT_EQ(0, fstat(file, &status));
	EXPECT_LE(time(NULL) - status.st_mtime, 5);
	ASSERT_EQ(2, pwrite(file, "abcd", 4, ODD_LENGTH - 2));
	EXPECT_EQ(before, self->map[ODD_OFFSET + ODD_LENGTH]);
	ASSERT_EQ(-1, pwrite(file, "a", 1, ODD_LENGTH));
	ASSERT_EQ(ENOSPC, errno);
	ASSERT_EQ(0, pwrite(file, "a", 0, ODD_LENGTH));
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(3, write(pipes[1], "xyz", 3));
	ASSERT_EQ(3, splice(pipes[0], NULL, file, &to, 3, 0));
	EXPECT_EQ(0, memcmp(self->map + ODD_OFFSET + 8, "xyz", 3));
	ASSERT_EQ(0, fsync(file));
	/* Appending begins behind the end. */
	ASSERT_EQ(0, fcntl(file, F_SETFL, O_APPEND));
	ASSERT_EQ(-1, write(file, "a", 1));
	ASSERT_EQ(ENOSPC, errno);
	close(file);
}

TEST_F(pool, nobody_writes_what_is_read_only)
{
	int file = view(self->fd, 0, SIZE, 0, 0666), memory, again;
	char *shown, before = self->map[0];
	loff_t to = 0;
	int pipes[2];

	ASSERT_GE(file, 0);
	ASSERT_EQ(-1, write(file, "x", 1));
	ASSERT_EQ(EBADF, errno);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(1, write(pipes[1], "x", 1));
	ASSERT_EQ(-1, splice(pipes[0], NULL, file, &to, 1, 0));
	ASSERT_EQ(EBADF, errno);
	ASSERT_EQ(-1, fallocate(file, 0, 0, SIZE));
	ASSERT_EQ(-EACCES, open_anew(file, O_RDWR));
	ASSERT_EQ(-EACCES, open_anew(file, O_WRONLY));
	ASSERT_EQ(-EACCES, open_anew(file, O_WRONLY | O_APPEND));
	again = open_anew(file, O_RDONLY);
	ASSERT_GE(again, 0);
	ASSERT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0));
	ASSERT_EQ(EACCES, errno);
	shown = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, again, 0);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	ASSERT_EQ(-1, mprotect(shown, SIZE, PROT_READ | PROT_WRITE));
	ASSERT_EQ(EACCES, errno);
	memory = open("/proc/self/mem", O_RDWR);
	ASSERT_EQ(-1, pwrite(memory, "x", 1, (uintptr_t)shown));
	/* A private one takes it, to itself. */
	munmap(shown, SIZE);
	shown = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, again, 0);
	ASSERT_EQ(1, pwrite(memory, "x", 1, (uintptr_t)shown));
	EXPECT_EQ('x', shown[0]);
	EXPECT_EQ(before, self->map[0]);
	munmap(shown, SIZE);
	close(memory);
	close(again);
	close(file);
}

TEST_F(pool, does_not_change_what_it_is)
{
	int file = view(self->fd, 0, STRIDE, ZCPOOL_VIEW_F_WRITABLE, 0600);

	ASSERT_EQ(0, ftruncate(file, STRIDE));
	ASSERT_EQ(-1, ftruncate(file, STRIDE - 1));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-1, ftruncate(file, STRIDE + 1));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-1, fchmod(file, 0777));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-1, fchown(file, 1, 1));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-EPERM, open_anew(file, O_RDWR | O_TRUNC));
	ASSERT_EQ(-EINVAL, open_anew(file, O_RDONLY | O_DIRECT));
	close(file);
}

/* By its mode, for who is not root. */
TEST_F(pool, mode)
{
	int private = view(self->fd, 0, STRIDE, 0, 0600),
	    public = view(self->fd, 0, STRIDE, 0, 0644);
	pid_t child = fork();

	if (!child) {
		if (setgroups(0, NULL) || setgid(65534) || setuid(65534))
			_exit(99);
		/* The descriptor itself it has been given. */
		if (pread(private, self->map, 0, 0))
			_exit(1);
		_exit(open_anew(private, O_RDONLY) == -EACCES ? 0 : 2);
	}
	ASSERT_EQ(0, wait_status(child));
	close(private);
	close(public);
}

TEST_F(pool, keeps_its_buffers_from_being_free)
{
	int file = view(self->fd, STRIDE + 1, STRIDE, 0, 0), again;
	struct zcpool_holder holder;
	char *shown;

	ASSERT_GE(file, 0);
	holder = holder_of(self->fd, 1);
	EXPECT_EQ(ZCPOOL_STATE_IN_FLIGHT, holder.state);
	EXPECT_EQ(1, holder.views);
	EXPECT_EQ(0, holder.references + holder.exports);
	EXPECT_EQ(1, holder_of(self->fd, 2).views);
	EXPECT_EQ(0, holder_of(self->fd, 0).views);
	EXPECT_EQ(0, holder_of(self->fd, 3).views);
	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(3, get_now(self->fd));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	again = open_anew(file, O_RDONLY);
	ASSERT_GE(again, 0);
	close(file);
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	close(again);
	ASSERT_GT(get_wait(self->fd), 0);
	ASSERT_GT(get_wait(self->fd), 0);

	ASSERT_EQ(0, put_one(self->fd, 1));
	file = view(self->fd, STRIDE, STRIDE, 0, 0);
	shown = mmap(NULL, STRIDE, PROT_READ, MAP_PRIVATE, file, 0);
	close(file);
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0, memcmp(shown, self->map + STRIDE, STRIDE));
	munmap(shown, STRIDE);
	ASSERT_EQ(1, get_wait(self->fd));
}

TEST_F(pool, all_viewed_is_EDEADLK)
{
	int file = view(self->fd, 0, SIZE, 0, 0);

	ASSERT_EQ(-EDEADLK, get_wait(self->fd));
	close(file);
	ASSERT_GE(get_wait(self->fd), 0);
}

TEST_F(pool, no_descriptor_is_left)
{
	const rlim_t files = limit_files(0);

	EXPECT_EQ(-EMFILE, view(self->fd, 0, 1, 0, 0));
	limit_files(files);
	/* It left nothing. */
	EXPECT_EQ(0, get_now(self->fd));
}

TEST_F(pool, errors)
{
	struct zcpool_view arg = { .length = 1, .mount_fd = 1 };
	uint32_t indices[COUNT];
	int fd;

	ASSERT_EQ(-EINVAL, view(self->fd, 0, 0, 0, 0));
	ASSERT_EQ(-EINVAL, view(self->fd, 0, 1, 4, 0));
	ASSERT_EQ(-EINVAL, view(self->fd, 0, 1, 0, 0111));
	ASSERT_EQ(-EINVAL, view(self->fd, 0, 1, 0, 04000));
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_VIEW, &arg));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-ERANGE, view(self->fd, SIZE, 1, 0, 0));
	ASSERT_EQ(-ERANGE, view(self->fd, 1, SIZE, 0, 0));
	ASSERT_EQ(-ERANGE, view(self->fd, -1ULL, 2, 0, 0));
	ASSERT_EQ(COUNT, get_many(self->fd, indices, COUNT, 0, 0));
	fd = open(DEVICE, O_RDONLY);
	ASSERT_EQ(-ENXIO, view(fd, 0, 1, 0, 0));
	ASSERT_EQ(0, create(fd, STRIDE, 1));
	ASSERT_EQ(-EACCES, view(fd, 0, 1, ZCPOOL_VIEW_F_WRITABLE, 0));
	ASSERT_GE(view(fd, 0, 1, 0, 0), 0);
	close(fd);
}

TEST(keeps_pool_and_module)
{
	int fd = new_pool(STRIDE, COUNT), file, again;
	char *shown;

	ASSERT_EQ(8, pwrite(fd, "contents", 8, 0));
	file = view(fd, 0, STRIDE, 0, 0);
	close(fd);
	EXPECT_BUSY();
	again = open_anew(file, O_RDONLY);
	ASSERT_GE(again, 0);
	close(file);
	EXPECT_BUSY();
	shown = mmap(NULL, STRIDE, PROT_READ, MAP_PRIVATE, again, 0);
	close(again);
	EXPECT_BUSY();
	EXPECT_EQ(0, memcmp(shown, "contents", 8));
	munmap(shown, STRIDE);
	EXPECT_UNLOAD();
}

/* By SCM_RIGHTS, unread in a socket that goes: nothing is left. */
TEST(in_a_socket)
{
	int fd = new_pool(STRIDE, COUNT), file = view(fd, 0, 1, 0, 0), pair[2];

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(0, pass(pair[0], file));
	close(file);
	close(fd);
	EXPECT_BUSY();
	close(pair[0]);
	close(pair[1]);
	EXPECT_UNLOAD();
}

TEST_HARNESS_MAIN
