// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where the files of the peers are, and what an administrator would set so that the peers
 * can give of their best.  The mounts are this program's own and end with it; the settings
 * are set back.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define SHMEM_HUGE "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
#define CGROUPS "/sys/fs/cgroup"
/* What the disk is looked at for, and the file for direct I/O. */
#define BEGINNING MIB
#define DISK_FILE (4 * MIB)

struct place place;

static char directory[32];
/* As they were, -1 and empty: not touched. */
static long huge_pages = -1;
static char shmem_huge[32];

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		error = -errno;
	close(fd);
	return error;
}

static bool read_text(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");
	bool got = file && fgets(text, size, file);

	if (file)
		fclose(file);
	return got;
}

static void fail(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	place_close();
	exit(1);
}

/* Whether nobody has written to the disk yet. */
static bool is_empty(const char *disk)
{
	char *data = malloc(BEGINNING);
	int fd = open(disk, O_RDONLY | O_EXCL | O_CLOEXEC);
	bool empty = false;

	if (!data || fd < 0)
		fail(disk);
	if (read(fd, data, BEGINNING) == (ssize_t)BEGINNING)
		empty = !data[0] && !memcmp(data, data + 1, BEGINNING - 1);
	close(fd);
	free(data);
	return empty;
}

/* Its exit status. */
static int make_ext4(const char *disk)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execlp("mkfs.ext4", "mkfs.ext4", "-q", disk, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

/* Direct I/O goes to a file there, or if there is no such file system to the disk itself. */
static void open_ext4(const char *disk)
{
	int fd;

	snprintf(place.ext4, sizeof(place.ext4), "%s/ext4", directory);
	snprintf(place.disk, sizeof(place.disk), "%s", disk);
	if (make_ext4(disk)) {
		fprintf(stderr, "probe: mkfs.ext4 is not there, or failed\n");
		place_close();
		exit(1);
	}
	if (mkdir(place.ext4, 0700))
		fail(place.ext4);
	if (mount(disk, place.ext4, "ext4", 0, NULL)) {
		place.ext4_error = errno;
		return;
	}
	snprintf(place.disk, sizeof(place.disk), "%s/ext4/disk", directory);
	fd = open(place.disk, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, DISK_FILE))
		fail(place.disk);
	close(fd);
}

static void open_tmpfs(void)
{
	snprintf(place.tmpfs, sizeof(place.tmpfs), "%s/tmpfs", directory);
	if (mkdir(place.tmpfs, 0700))
		fail(place.tmpfs);
	if (mount("tmpfs", place.tmpfs, "tmpfs", 0, "huge=always,size=64m") &&
	    mount("tmpfs", place.tmpfs, "tmpfs", 0, "size=64m"))
		place.tmpfs_error = errno;
}

static void open_cgroup(void)
{
	snprintf(place.cgroup, sizeof(place.cgroup), CGROUPS "/zcpool-probe");
	place.cgroup_error = -write_text(CGROUPS "/cgroup.subtree_control", "+memory");
	if (!place.cgroup_error && mkdir(place.cgroup, 0700) && errno != EEXIST)
		place.cgroup_error = errno;
}

/* Pages of 2 MiB for twice what is open at a time, and such pages for memfds that ask. */
static void open_huge(void)
{
	char text[128], *from, *to;

	if (read_text(HUGE_PAGES, text, sizeof(text))) {
		huge_pages = atol(text);
		snprintf(text, sizeof(text), "%ld", huge_pages + 2 * COUNT);
		write_text(HUGE_PAGES, text);
	}
	/* Such as "always within_size advise [never] deny force". */
	if (!read_text(SHMEM_HUGE, text, sizeof(text)))
		return;
	from = strchr(text, '[');
	to = from ? strchr(from, ']') : NULL;
	if (!to)
		return;
	snprintf(shmem_huge, sizeof(shmem_huge), "%.*s", (int)(to - from - 1), from + 1);
	write_text(SHMEM_HUGE, "advise");
}

void place_open(const char *disk)
{
	if (geteuid()) {
		fprintf(stderr, "probe: who is not root can neither mount nor reserve memory\n");
		exit(1);
	}
	if (!is_empty(disk)) {
		fprintf(stderr, "probe: %s is not empty, or has no %lu MiB\n", disk,
			BEGINNING / MIB);
		exit(1);
	}
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		fail("mount namespace");
	strcpy(directory, "/tmp/zcpool-probe.XXXXXX");
	if (!mkdtemp(directory))
		fail(directory);
	open_ext4(disk);
	open_tmpfs();
	open_cgroup();
	open_huge();
}

void place_close(void)
{
	char text[32];

	if (shmem_huge[0])
		write_text(SHMEM_HUGE, shmem_huge);
	snprintf(text, sizeof(text), "%ld", huge_pages);
	if (huge_pages >= 0)
		write_text(HUGE_PAGES, text);
	if (place.cgroup[0])
		rmdir(place.cgroup);
	if (!directory[0])
		return;
	umount2(place.tmpfs, MNT_DETACH);
	umount2(place.ext4, MNT_DETACH);
	rmdir(place.tmpfs);
	rmdir(place.ext4);
	rmdir(directory);
}
