// SPDX-License-Identifier: GPL-2.0-only
/* Views with a name: made by linkat(), found by open(), gone by unlink(). */
#include "fs.h"
#include "reload.h"
#include "view.h"

#include "harness.h"

#define STRIDE (16 * KIB)
#define COUNT 4
#define SIZE (COUNT * STRIDE)
#define PAGE (4 * KIB)

FIXTURE(fs)
{
	int fd;
	char *map;
	int root;
};

FIXTURE_SETUP(fs)
{
	ASSERT_EQ(0, mount_fs());
	self->root = open_file(MOUNT, O_RDONLY | O_DIRECTORY, 0);
	self->fd = new_full_pool(STRIDE, COUNT, &self->map);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(fs)
{
	unlink(FILE_A);
	unlink(FILE_B);
	munmap(self->map, SIZE);
	close(self->fd);
	close(self->root);
	EXPECT_EQ(0, unmount_fs());
}

/* A view with a name and without a descriptor. */
static int named_view(int fd, int root, const char *path, uint64_t offset, uint64_t length,
		      uint32_t flags, uint32_t mode)
{
	int file = view_in(fd, root, offset, length, flags, mode);
	int error = file < 0 ? file : name(file, path);

	close(file);
	return error;
}

TEST_F(fs, outlives_its_descriptor)
{
	struct stat status;
	char back[PAGE];
	int file;

	ASSERT_EQ(0, named_view(self->fd, self->root, FILE_A, STRIDE, STRIDE + 5, 0, 0640));
	status = stat_of(FILE_A);
	EXPECT_EQ(STRIDE + 5, status.st_size);
	EXPECT_EQ(S_IFREG | 0640, status.st_mode);
	EXPECT_EQ(1, status.st_nlink);
	file = open_file(FILE_A, O_RDONLY, 0);
	ASSERT_GE(file, 0);
	ASSERT_EQ(PAGE, read(file, back, PAGE));
	EXPECT_EQ(0, memcmp(back, self->map + STRIDE, PAGE));
	EXPECT_EQ(1, holder_of(self->fd, 1).views);
	ASSERT_EQ(0, unlink(FILE_A));
	EXPECT_EQ(1, holder_of(self->fd, 1).views);
	close(file);
	EXPECT_EQ(0, holder_of(self->fd, 1).views);
	ASSERT_EQ(-ENOENT, open_file(FILE_A, O_RDONLY, 0));
}

/* As by its descriptor. */
TEST_F(fs, opened_by_name)
{
	int file, pipes[2];
	char *shown, byte;
	loff_t from = 0;

	ASSERT_EQ(0, named_view(self->fd, self->root, FILE_A, STRIDE, 2 * STRIDE,
				ZCPOOL_VIEW_F_WRITABLE, 0600));
	file = open_file(FILE_A, O_RDWR, 0);
	ASSERT_GE(file, 0);
	shown = map_file(file, STRIDE, PROT_READ | PROT_WRITE, MAP_SHARED);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	shown[3] = 'w';
	EXPECT_EQ('w', self->map[STRIDE + 3]);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(1, splice(file, &from, pipes[1], NULL, 1, 0));
	EXPECT_EQ(1, holder_of(self->fd, 1).slots);
	self->map[STRIDE] = 'z';
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	EXPECT_EQ('z', byte);
	munmap(shown, STRIDE);
	/* A private one takes what is written to itself. */
	shown = map_file(file, STRIDE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	shown[3] = 'p';
	EXPECT_EQ('w', self->map[STRIDE + 3]);
	munmap(shown, STRIDE);
	close(file);
	ASSERT_EQ(-EINVAL, open_file(FILE_A, O_RDWR | O_DIRECT, 0));
	ASSERT_EQ(-EPERM, open_file(FILE_A, O_RDWR | O_TRUNC, 0));
}

TEST_F(fs, root_does_not_write_what_is_read_only)
{
	int file;

	ASSERT_EQ(0, getuid());
	ASSERT_EQ(0, named_view(self->fd, self->root, FILE_A, 0, SIZE, 0, 0666));
	ASSERT_EQ(-EACCES, open_file(FILE_A, O_RDWR, 0));
	ASSERT_EQ(-EACCES, open_file(FILE_A, O_WRONLY, 0));
	ASSERT_EQ(-1, chmod(FILE_A, 0600));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-1, chown(FILE_A, 1, 1));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-1, truncate(FILE_A, 0));
	ASSERT_EQ(EPERM, errno);
	file = open_file(FILE_A, O_RDONLY, 0);
	ASSERT_GE(file, 0);
	ASSERT_EQ(MAP_FAILED, map_file(file, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED));
	ASSERT_EQ(EACCES, errno);
	close(file);
}

TEST_F(fs, mode_and_owner)
{
	gid_t group = 1234;
	pid_t child;

	/* The creator's are those of the view. */
	child = fork();
	if (!child) {
		int status = 0;

		if (setegid(group) || seteuid(NOBODY))
			_exit(98);
		status |= named_view(self->fd, self->root, FILE_A, 0, PAGE, 0, 0640) ? 1 : 0;
		status |= named_view(self->fd, self->root, FILE_B, 0, PAGE, 0, 0600) ? 2 : 0;
		_exit(status);
	}
	ASSERT_EQ(0, wait_status(child));
	EXPECT_EQ(NOBODY, stat_of(FILE_A).st_uid);
	EXPECT_EQ(group, stat_of(FILE_A).st_gid);
	child = fork();
	if (!child) {
		int file;

		become(4321, group);
		file = open_file(FILE_A, O_RDONLY, 0);
		if (file < 0 || read(file, self->map, 0))
			_exit(1);
		_exit(open_file(FILE_B, O_RDONLY, 0) == -EACCES ? 0 : 2);
	}
	ASSERT_EQ(0, wait_status(child));
}

TEST_F(fs, named_in_its_mount_and_once)
{
	int file = view(self->fd, 0, PAGE, 0, 0600), again;

	/* One that was not made for a mount. */
	ASSERT_EQ(-EXDEV, name(file, FILE_A));
	close(file);
	ASSERT_EQ(-EXDEV, view_in(self->fd, self->fd, 0, PAGE, 0, 0600));
	ASSERT_EQ(-EBADF, view_in(self->fd, 9999, 0, PAGE, 0, 0600));
	file = view_in(self->fd, self->root, 0, PAGE, 0, 0600);
	ASSERT_GE(file, 0);
	ASSERT_EQ(0, linkat(file, "", AT_FDCWD, FILE_A, AT_EMPTY_PATH));
	ASSERT_EQ(-EPERM, name(file, FILE_B));
	ASSERT_EQ(-1, link(FILE_A, FILE_B));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(0, rename(FILE_A, FILE_B));
	again = open_file(FILE_B, O_RDONLY, 0);
	ASSERT_GE(again, 0);
	close(again);
	ASSERT_EQ(0, unlink(FILE_B));
	ASSERT_EQ(-ENOENT, name(file, FILE_B));
	close(file);
}

/* Of a named pool, by any of its handles. */
TEST_F(fs, of_a_named_pool)
{
	int fd = new_file(FILE_A, SIZE), file;
	char *shown;

	ASSERT_EQ(0, named_view(fd, fd, FILE_B, 0, PAGE, 0, 0600));
	ASSERT_EQ(4, pwrite(fd, "name", 4, 0));
	close(fd);
	ASSERT_EQ(0, unlink(FILE_A));
	file = open_file(FILE_B, O_RDONLY, 0);
	shown = map_file(file, PAGE, PROT_READ, MAP_SHARED);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	EXPECT_EQ(0, memcmp(shown, "name", 4));
	close(file);
	munmap(shown, PAGE);
}

/* Without a descriptor anywhere, mounted or not. */
TEST(keeps_pool_and_module)
{
	int fd = new_pool(STRIDE, COUNT), root, file;
	char back[8];

	ASSERT_EQ(0, mount_fs());
	root = open_file(MOUNT, O_RDONLY | O_DIRECTORY, 0);
	ASSERT_EQ(8, pwrite(fd, "contents", 8, 0));
	ASSERT_EQ(0, named_view(fd, root, FILE_A, 0, PAGE, 0, 0600));
	close(fd);
	close(root);
	ASSERT_EQ(0, unmount_fs());
	usleep(10000);
	EXPECT_BUSY();
	ASSERT_EQ(0, mount_fs());
	file = open_file(FILE_A, O_RDONLY, 0);
	ASSERT_EQ(8, read(file, back, 8));
	EXPECT_EQ(0, memcmp(back, "contents", 8));
	close(file);
	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(0, unmount_fs());
	EXPECT_UNLOAD();
}

TEST_HARNESS_MAIN
