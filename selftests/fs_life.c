// SPDX-License-Identifier: GPL-2.0-only
/* How long named pools live, and the file system and the module with them. */
#include "fs.h"
#include "reload.h"

#include "harness.h"

#define SIZE (256 * KIB)

FIXTURE(fs)
{
	uint64_t bytes;
};

FIXTURE_SETUP(fs)
{
	ASSERT_EQ(0, mount_fs());
	ASSERT_TRUE(wait_total_bytes(0));
	self->bytes = total_bytes();
}

/* Whatever a test did, nothing is left, and within 100 ms. */
FIXTURE_TEARDOWN(fs)
{
	unlink(FILE_A);
	unlink(FILE_B);
	EXPECT_EQ(self->bytes, total_bytes());
	unmount_fs();
	EXPECT_EQ(0, unload_soon());
	EXPECT_EQ(0, load());
}

TEST_F(fs, mounted_is_busy)
{
	EXPECT_BUSY();
	ASSERT_EQ(0, unmount_fs());
	EXPECT_UNLOAD();
	ASSERT_EQ(0, mount_fs());
	/* Nor do files and directories without a pool outlive the mount. */
	close(open_file(FILE_A, O_RDWR | O_CREAT, 0600));
	ASSERT_EQ(0, mkdir(MOUNT "/d", 0700));
	ASSERT_EQ(0, unmount_fs());
	EXPECT_UNLOAD();
	ASSERT_EQ(0, mount_fs());
	ASSERT_EQ(-ENOENT, open_file(FILE_A, O_RDWR, 0));
}

TEST_F(fs, outlives_its_creator)
{
	char back[4] = "";
	pid_t child = fork();
	int fd;

	if (!child) {
		fd = new_file(FILE_A, SIZE);
		_exit(fd < 0 || pwrite(fd, "mine", 4, SIZE - 4) != 4);
	}
	ASSERT_EQ(0, wait_status(child));
	fd = open_file(FILE_A, O_RDONLY, 0);
	ASSERT_EQ(4, pread(fd, back, 4, SIZE - 4));
	EXPECT_EQ(0, memcmp(back, "mine", 4));
	close(fd);
	EXPECT_EQ(SIZE, total_bytes());
	ASSERT_EQ(0, unlink(FILE_A));
	EXPECT_EQ(0, total_bytes());
}

TEST_F(fs, unmounted_and_mounted_again)
{
	int fd = new_file(FILE_A, SIZE);
	char back[4];

	ASSERT_EQ(0, mkdir(MOUNT "/d", 0700));
	ASSERT_EQ(4, write(fd, "kept", 4));
	ASSERT_EQ(-EBUSY, unmount_fs());
	close(fd);
	ASSERT_EQ(0, unmount_fs());
	usleep(10000);
	EXPECT_BUSY();
	ASSERT_EQ(-ENOENT, open_file(FILE_A, O_RDWR, 0));
	ASSERT_EQ(0, mount_fs());
	fd = open_file(FILE_A, O_RDWR, 0);
	ASSERT_EQ(4, read(fd, back, 4));
	EXPECT_EQ(0, memcmp(back, "kept", 4));
	close(fd);
	ASSERT_EQ(0, rmdir(MOUNT "/d"));
}

TEST_F(fs, removed_while_mapped)
{
	int fd = new_file(FILE_A, SIZE);
	char *map = map_file(fd, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED);

	fill(map, SIZE);
	close(fd);
	ASSERT_EQ(0, unlink(FILE_A));
	/* A mapping holds the pool, not the mount. */
	ASSERT_EQ(0, unmount_fs());
	usleep(10000);
	EXPECT_BUSY();
	EXPECT_TRUE(is_filled(map, SIZE));
	EXPECT_EQ(SIZE, total_bytes());
	munmap(map, SIZE);
	EXPECT_EQ(0, total_bytes());
}

TEST_F(fs, removed_while_in_a_pipe)
{
	int fd = new_file(FILE_A, SIZE), pipes[2];
	loff_t from = 0;
	char back[5];

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(5, write(fd, "slots", 5));
	ASSERT_EQ(5, splice(fd, &from, pipes[1], NULL, 5, 0));
	close(fd);
	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(0, unmount_fs());
	usleep(10000);
	EXPECT_BUSY();
	ASSERT_EQ(5, read(pipes[0], back, 5));
	EXPECT_EQ(0, memcmp(back, "slots", 5));
}

TEST_F(fs, removed_while_open)
{
	int fd = new_file(FILE_A, SIZE), again;
	char back[4];

	ASSERT_EQ(0, unlink(FILE_A));
	ASSERT_EQ(4, write(fd, "open", 4));
	/* A new one by that name is another. */
	again = new_file(FILE_A, SIZE);
	ASSERT_EQ(4, pread(again, back, 4, 0));
	EXPECT_EQ(0, back[0]);
	ASSERT_EQ(4, pread(fd, back, 4, 0));
	EXPECT_EQ(0, memcmp(back, "open", 4));
	EXPECT_EQ(2 * SIZE, total_bytes());
	close(fd);
	EXPECT_EQ(SIZE, total_bytes());
	close(again);
}

TEST_F(fs, replaced_by_rename)
{
	int fd = new_file(FILE_A, SIZE);

	close(fd);
	fd = new_file(FILE_B, 2 * SIZE);
	close(fd);
	ASSERT_EQ(0, rename(FILE_A, FILE_B));
	EXPECT_EQ(SIZE, total_bytes());
	EXPECT_EQ(SIZE, stat_of(FILE_B).st_size);
	ASSERT_EQ(-ENOENT, open_file(FILE_A, O_RDONLY, 0));
}

TEST_F(fs, file_without_a_name)
{
	int fd = open_file(MOUNT, O_TMPFILE | O_RDWR, 0600);
	char path[64];

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, size_file(fd, SIZE));
	EXPECT_EQ(SIZE, total_bytes());
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ASSERT_EQ(0, linkat(AT_FDCWD, path, AT_FDCWD, FILE_A, AT_SYMLINK_FOLLOW));
	close(fd);
	EXPECT_EQ(SIZE, stat_of(FILE_A).st_size);
	fd = open_file(MOUNT, O_TMPFILE | O_RDWR, 0600);
	ASSERT_EQ(0, size_file(fd, SIZE));
	close(fd);
	EXPECT_EQ(SIZE, total_bytes());
}

TEST_HARNESS_MAIN
