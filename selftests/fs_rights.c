// SPDX-License-Identifier: GPL-2.0-only
/* Who may open a named pool, and what it is charged to. */
#include "fs.h"
#include "touch.h"

#include "harness.h"

#define GROUP 1234
#define STRIDE (64 * KIB)
#define SIZE (4 * STRIDE)

FIXTURE(fs)
{
	mode_t mask;
};

FIXTURE_SETUP(fs)
{
	self->mask = umask(0);
	ASSERT_EQ(0, mount_fs());
}

FIXTURE_TEARDOWN(fs)
{
	unlink(FILE_A);
	EXPECT_EQ(0, unmount_fs());
	umask(self->mask);
}

#define AS(uid, gid, ...) \
	do { \
		pid_t child = fork(); \
\
		if (!child) { \
			become(uid, gid); \
			_exit(!(__VA_ARGS__)); \
		} \
		EXPECT_EQ(0, wait_status(child)); \
	} while (0)

static bool opens(int flags)
{
	return open_file(FILE_A, flags, 0) >= 0;
}

static bool opens_not(int flags)
{
	return open_file(FILE_A, flags, 0) == -EACCES;
}

static bool maps_for_reading(void)
{
	int fd = open_file(FILE_A, O_RDONLY, 0);
	const char *map = map_file(fd, SIZE, PROT_READ, MAP_SHARED);

	return map != MAP_FAILED && is_filled(map, SIZE);
}

TEST_F(fs, mode_and_owner)
{
	int fd = new_file(FILE_A, SIZE);
	char *map = map_file(fd, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);

	fill(map, SIZE);
	munmap(map, SIZE);
	AS(NOBODY, NOBODY, opens_not(O_RDONLY));
	ASSERT_EQ(0, chown(FILE_A, 1, GROUP));
	ASSERT_EQ(0, fchmod(fd, 0640));
	EXPECT_EQ(S_IFREG | 0640, stat_of(FILE_A).st_mode);
	EXPECT_EQ(1, stat_of(FILE_A).st_uid);
	EXPECT_EQ(GROUP, stat_of(FILE_A).st_gid);
	AS(1, 1, opens(O_RDWR));
	AS(NOBODY, NOBODY, opens_not(O_RDONLY) && opens_not(O_RDWR));
	AS(NOBODY, GROUP, opens(O_RDONLY) && opens_not(O_RDWR) && opens_not(O_WRONLY));
	AS(NOBODY, GROUP, maps_for_reading());
	AS(NOBODY, GROUP, chmod(FILE_A, 0666) && errno == EPERM);
	AS(NOBODY, GROUP, truncate(FILE_A, SIZE) && errno == EACCES);
	AS(NOBODY, GROUP, unlink(FILE_A) && errno == EPERM);
	AS(1, GROUP, !chmod(FILE_A, 0644) && !unlink(FILE_A));
	close(fd);
}

TEST_F(fs, created_by_somebody)
{
	AS(NOBODY, GROUP, new_file(FILE_A, SIZE) >= 0);
	EXPECT_EQ(NOBODY, stat_of(FILE_A).st_uid);
	EXPECT_EQ(NOBODY, stat_of(FILE_A).st_gid);
	EXPECT_EQ(S_IFREG | 0600, stat_of(FILE_A).st_mode);
}

/* Nobody but the owner dates it, and the writer for now. */
TEST_F(fs, times)
{
	struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	close(new_file(FILE_A, SIZE));
	ASSERT_EQ(0, chmod(FILE_A, 0666));
	ASSERT_EQ(0, utimensat(AT_FDCWD, FILE_A, old, 0));
	EXPECT_EQ(1, stat_of(FILE_A).st_mtime);
	AS(NOBODY, NOBODY, utimensat(AT_FDCWD, FILE_A, old, 0) && errno == EPERM);
	AS(NOBODY, NOBODY, !utimensat(AT_FDCWD, FILE_A, NULL, 0));
}

static int open_or_make(const char *path)
{
	return open_file(path, O_RDWR | O_CREAT, 0660);
}

/* Two users of a group, as zcpool(5) and zcpool_open_file(3) tell them to. */
TEST_F(fs, shared_by_a_group)
{
	const char *sysctl = "/proc/sys/fs/protected_regular", *file = MOUNT "/d/a";
	char before[16];

	snprintf(before, sizeof(before), "%lld", read_number(sysctl));
	/* As systemd mounts it. */
	ASSERT_EQ(0, mount("zcpool", MOUNT, "zcpool", MS_REMOUNT, "mode=1770,gid=1234"));
	ASSERT_EQ(0, mkdir(MOUNT "/d", 0));
	ASSERT_EQ(0, chown(MOUNT "/d", 0, GROUP));
	ASSERT_EQ(0, chmod(MOUNT "/d", 02770));
	AS(NOBODY, NOBODY, open_or_make(FILE_A) == -EACCES && open_or_make(file) == -EACCES);
	AS(1, GROUP, !size_file(open_or_make(FILE_A), 1) && !size_file(open_or_make(file), 1));
	ASSERT_EQ(0, chown(FILE_A, 1, GROUP));
	EXPECT_EQ(GROUP, stat_of(file).st_gid);
	/* As Debian has it. */
	ASSERT_EQ(0, write_text(sysctl, "2"));
	AS(2, GROUP, open_or_make(FILE_A) == -EACCES && opens(O_RDWR));
	AS(2, GROUP, open_or_make(file) >= 0);
	ASSERT_EQ(0, write_text(sysctl, "1"));
	AS(2, GROUP, open_or_make(FILE_A) >= 0);
	EXPECT_EQ(0, write_text(sysctl, before));
	/* Who may remove what of others. */
	AS(2, GROUP, unlink(FILE_A) && errno == EPERM && !unlink(file));
	ASSERT_EQ(0, rmdir(MOUNT "/d"));
}

static int with_memlock(rlim_t bytes, int fd, off_t size)
{
	struct rlimit limit = { bytes, bytes };

	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : size_file(fd, size);
}

static void set_parameter(const char *path, unsigned long value)
{
	FILE *file = fopen(path, "w");

	fprintf(file, "%lu", value);
	fclose(file);
}

/* Who may read may have a view, but none that outlives that right. */
static bool views_without_a_name(void)
{
	int root = open_file(MOUNT, O_RDONLY | O_DIRECTORY, 0);
	int fd = open_file(FILE_A, O_RDONLY, 0), file = view_in(fd, root, 0, SIZE, 0, 0666);

	return file >= 0 && name(file, FILE_B) == -ENOENT;
}

TEST_F(fs, a_reader_keeps_nothing)
{
	int fd = new_file(FILE_A, SIZE), root, file;

	ASSERT_EQ(0, fchmod(fd, 0644));
	AS(NOBODY, NOBODY, views_without_a_name());
	/* The owner may, by a descriptor for reading too. */
	close(fd);
	fd = open_file(FILE_A, O_RDONLY, 0);
	root = open_file(MOUNT, O_RDONLY | O_DIRECTORY, 0);
	file = view_in(fd, root, 0, SIZE, 0, 0600);
	ASSERT_GE(file, 0);
	ASSERT_EQ(0, name(file, FILE_B));
	ASSERT_EQ(0, unlink(FILE_B));
	close(file);
	close(root);
	close(fd);
}

/* By another process's descriptor, as who debugs it has, or who is passed one. */
static int query_of(pid_t pid, int fd)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0), copy = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	struct zcpool_query q;
	int error = query(copy, &q);

	close(copy);
	close(pidfd);
	return error;
}

static bool sees_nothing(const int *go, const int *ready)
{
	int fd = open_file(FILE_A, O_RDWR, 0), index, i;
	char byte, *map = map_file(fd, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);

	if (write(ready[1], &fd, sizeof(fd)) != sizeof(fd) || read(go[0], &byte, 1) != 1)
		return false;
	for (i = 0; i < SIZE / STRIDE; i++) {
		index = get_now(fd);
		if (index < 0 || byte_at(map + index * STRIDE) != 0)
			return false;
	}
	return true;
}

/* Whoever makes the first command of another's handle does not become its user. */
TEST_F(fs, isolated_from_who_was_led_to_bind)
{
	struct zcpool_create arg = {
		.buffer_size = STRIDE,
		.count = SIZE / STRIDE,
		.flags = ZCPOOL_CREATE_F_ISOLATED,
	};
	int fd = open_file(FILE_A, O_RDWR | O_CREAT, 0666), go[2], ready[2], theirs;
	char *map;
	pid_t child;

	ASSERT_EQ(0, ioctl(fd, ZCPOOL_IOC_CREATE, &arg));
	map = map_file(fd, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
	ASSERT_EQ(0, pipe(go));
	ASSERT_EQ(0, pipe(ready));
	child = fork();
	if (!child) {
		become(NOBODY, NOBODY);
		_exit(!sees_nothing(go, ready));
	}
	ASSERT_EQ(sizeof(theirs), read(ready[0], &theirs, sizeof(theirs)));
	ASSERT_EQ(0, query_of(child, theirs));
	ASSERT_EQ(0, get_now(fd));
	strcpy(map, "secret");
	ASSERT_EQ(0, put_one(fd, 0));
	ASSERT_EQ(1, write(go[1], "", 1));
	EXPECT_EQ(0, wait_status(child));
	munmap(map, SIZE);
	close(fd);
}

/* By a name, another user gets buffers of an isolated pool, and reaches no others. */
static bool reaches_its_own_alone(void)
{
	int fd = open_file(FILE_A, O_RDWR, 0), index;
	char byte, *map = map_file(fd, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
	off_t start = 0;

	/* Before the first command, too, when it is no owner yet. */
	if (map == MAP_FAILED || byte_at(map) != -1)
		return false;
	if (pread(fd, &byte, 1, 0) != -1 || errno != EPERM)
		return false;
	index = get_now(fd);
	if (index <= 0 || !can_write(map + index * STRIDE, 'n') || byte_at(map) != -1)
		return false;
	if (sendfile(open("/dev/null", O_WRONLY), fd, &start, 1) != -1 || errno != EPERM)
		return false;
	return pread(fd, &byte, 1, index * STRIDE) == 1 && byte == 'n';
}

TEST_F(fs, isolated)
{
	struct zcpool_create arg = {
		.buffer_size = STRIDE,
		.count = SIZE / STRIDE,
		.flags = ZCPOOL_CREATE_F_ISOLATED,
	};
	int fd = open_file(FILE_A, O_RDWR | O_CREAT, 0666);
	char *map;

	ASSERT_EQ(0, ioctl(fd, ZCPOOL_IOC_CREATE, &arg));
	map = map_file(fd, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);
	ASSERT_EQ(0, get_now(fd));
	strcpy(map, "secret");
	AS(NOBODY, NOBODY, reaches_its_own_alone());
	EXPECT_STREQ("secret", map);
	/* What the other user wrote is cleared. */
	ASSERT_EQ(1, get_wait(fd));
	EXPECT_EQ(0, byte_at(map + STRIDE));
	munmap(map, SIZE);
	close(fd);
}

/* What fails leaves an empty file, which can be sized as before. */
TEST_F(fs, limits_leave_it_empty)
{
	const char *total = "/sys/module/zcpool/parameters/max_total_bytes";
	const char *most = "/sys/module/zcpool/parameters/max_pool_bytes";
	int fd = open_file(FILE_A, O_RDWR | O_CREAT, 0666), other;
	struct rlimit limit = { SIZE, SIZE };
	struct zcpool_query q;

	ASSERT_EQ(0, query(fd, &q));
	ASSERT_EQ(-EFBIG, size_file(fd, q.max_total_bytes + 1));
	ASSERT_EQ(-EFBIG, size_file(fd, (1ULL << 62)));
	AS(NOBODY, NOBODY, with_memlock(64 * KIB, fd, SIZE) == -EDQUOT);
	set_parameter(most, SIZE - 1);
	ASSERT_EQ(-EFBIG, size_file(fd, SIZE));
	ASSERT_EQ(-EFBIG, create(fd, SIZE, 1));
	set_parameter(most, 0);
	set_parameter(total, SIZE);
	EXPECT_EQ(-EFBIG, size_file(fd, SIZE + 1));
	other = new_pool(8 * KIB, 1);
	EXPECT_EQ(-ENOSPC, size_file(fd, SIZE));
	close(other);
	set_parameter(total, 0);
	EXPECT_EQ(0, stat_of(FILE_A).st_size);
	EXPECT_EQ(0, stat_of(FILE_A).st_blocks);
	/* RLIMIT_FSIZE is for files. */
	signal(SIGXFSZ, SIG_IGN);
	ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &limit));
	ASSERT_EQ(-EFBIG, size_file(fd, SIZE + 1));
	AS(NOBODY, NOBODY, with_memlock(SIZE, fd, SIZE) == 0);
	EXPECT_EQ(SIZE, stat_of(FILE_A).st_size);
	/* The charge stays with who sized it, though gone. */
	AS(NOBODY, NOBODY,
	   with_memlock(SIZE, open_file(MOUNT, O_TMPFILE | O_RDWR, 0600), 1) == -EDQUOT);
	ASSERT_EQ(0, unlink(FILE_A));
	close(fd);
}

TEST_HARNESS_MAIN
