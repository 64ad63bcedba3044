// SPDX-License-Identifier: GPL-2.0-only
/* A pool is charged to its creator's user and memory cgroup, and to nobody else. */
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "export.h"

#include "harness.h"

#define GROUP "/sys/fs/cgroup/zcpool-limits"
#define NOBODY 65534

/* An ordinary user with the usual limit of 8 MiB. */
static void become_nobody(size_t memlock)
{
	struct rlimit limit = { memlock, memlock };

	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setgroups(0, NULL) || setgid(NOBODY) ||
	    setuid(NOBODY))
		_exit(99);
}

FIXTURE(limits)
{
	pid_t pid;
};

FIXTURE_SETUP(limits)
{
	ASSERT_EQ(0, chmod(DEVICE, 0666));
}

FIXTURE_TEARDOWN(limits)
{
	EXPECT_EQ(0, chmod(DEVICE, 0660));
}

TEST_F(limits, beyond_memlock_is_EDQUOT)
{
	self->pid = fork();
	if (!self->pid) {
		int fd;

		become_nobody(MIB);
		fd = open(DEVICE, O_RDWR);
		if (create(fd, 8 * KIB, 129) != -EDQUOT || create(fd, 8 * KIB, 128))
			_exit(1);
		/* All of the user's pools count together. */
		_exit(new_pool(8 * KIB, 1) == -EDQUOT ? 0 : 2);
	}
	ASSERT_EQ(0, wait_status(self->pid));
}

/* The charge is the user's: another process of his sees it. */
TEST_F(limits, processes_of_a_user_share_the_limit)
{
	int ready[2], go[2];
	char byte;

	ASSERT_EQ(0, pipe(ready));
	ASSERT_EQ(0, pipe(go));
	self->pid = fork();
	if (!self->pid) {
		become_nobody(MIB);
		if (new_pool(MIB, 1) < 0)
			_exit(1);
		if (write(ready[1], "", 1) != 1 || read(go[0], &byte, 1) != 1)
			_exit(2);
		_exit(0);
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	if (!fork()) {
		become_nobody(MIB);
		_exit(new_pool(8 * KIB, 1) == -EDQUOT ? 0 : 1);
	}
	ASSERT_EQ(0, wait_status(-1));
	ASSERT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(0, wait_status(self->pid));
	/* And with the pool the charge is gone. */
	if (!fork()) {
		become_nobody(MIB);
		_exit(new_pool(MIB, 1) >= 0 ? 0 : 1);
	}
	ASSERT_EQ(0, wait_status(-1));
}

/* Passed to root, and its creator dead, the pool is still its creator's. */
TEST_F(limits, charge_stays_with_a_passed_pool)
{
	int pair[2], fd;
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	self->pid = fork();
	if (!self->pid) {
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);

		become_nobody(MIB);
		fd = new_pool(MIB, 1);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
		_exit(fd >= 0 && sendmsg(pair[0], &message, 0) == 1 ? 0 : 1);
	}
	ASSERT_EQ(1, recvmsg(pair[1], &message, 0));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	ASSERT_EQ(0, wait_status(self->pid));
	ASSERT_EQ(0, get_now(fd));

	if (!fork()) {
		become_nobody(MIB);
		_exit(new_pool(8 * KIB, 1) == -EDQUOT ? 0 : 1);
	}
	ASSERT_EQ(0, wait_status(-1));
	close(fd);
	if (!fork()) {
		become_nobody(MIB);
		_exit(new_pool(MIB, 1) >= 0 ? 0 : 1);
	}
	ASSERT_EQ(0, wait_status(-1));
}

/* A byte in a socket keeps the whole folio, and the charge for it. */
TEST_F(limits, charge_stays_with_memory_in_a_socket)
{
	struct zcpool_query before, after;
	int pair[2], fd = open(DEVICE, O_RDWR), tries;
	char byte;

	/* What other tests left behind in sockets is gone. */
	for (tries = 0; tries < 3000; tries++) {
		ASSERT_EQ(0, query(fd, &before));
		if (!before.total_bytes)
			break;
		usleep(10000);
	}
	ASSERT_EQ(0, before.total_bytes);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	self->pid = fork();
	if (!self->pid) {
		off_t offset = 0;

		become_nobody(MIB);
		fd = new_pool(512 * KIB, 2);
		if (fd < 0 || sendfile(pair[0], fd, &offset, 1) != 1)
			_exit(1);
		close(fd);
		/* Half of the pool is back, as soon as the work that closes it is done. */
		for (tries = 0; tries < 10000; tries++) {
			fd = new_pool(512 * KIB, 1);
			if (fd >= 0)
				break;
			usleep(1000);
		}
		_exit(fd >= 0 && new_pool(8 * KIB, 1) == -EDQUOT ? 0 : 2);
	}
	ASSERT_EQ(0, wait_status(self->pid));
	usleep(10000);
	ASSERT_EQ(0, query(fd, &after));
	EXPECT_EQ(before.total_bytes + 512 * KIB, after.total_bytes);
	ASSERT_EQ(1, read(pair[1], &byte, 1));
	/* A lingering pool is looked at once a second at least. */
	for (tries = 0; tries < 3000 && after.total_bytes != before.total_bytes; tries++) {
		usleep(10000);
		ASSERT_EQ(0, query(fd, &after));
	}
	EXPECT_EQ(before.total_bytes, after.total_bytes);
	close(pair[0]);
	close(pair[1]);
}

/* A number that the group's file has by a name, -1 if none. */
static long long group_number(const char *path, const char *name)
{
	FILE *file = fopen(path, "r");
	char key[64];
	long long value, found = -1;

	while (file && fscanf(file, "%63s %lld", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	if (file)
		fclose(file);
	return found;
}

TEST_F(limits, cgroup_limit_is_ENOMEM_and_no_OOM_kill)
{
	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	ASSERT_EQ(0, write_text(GROUP "/memory.max", "16777216"));
	self->pid = fork();
	if (!self->pid) {
		int fd;

		if (write_text(GROUP "/cgroup.procs", "0"))
			_exit(1);
		fd = open(DEVICE, O_RDWR);
		/* Small folios are those for which the OOM killer would come. */
		if (create(fd, 8 * KIB, 8192) != -ENOMEM || create(fd, 2 * MIB, 32) != -ENOMEM)
			_exit(2);
		_exit(create(fd, 64 * KIB, 16) ? 3 : 0);
	}
	EXPECT_EQ(0, wait_status(self->pid));
	EXPECT_EQ(0, group_number(GROUP "/memory.events", "oom_kill"));
	EXPECT_EQ(0, rmdir(GROUP));
}

/*
 * What the kernel's books have for a pool beyond its buffers' pages.  So many buffers that what
 * a pool costs by itself, and processors' stocks of charges, make no difference.
 */
TEST_F(limits, a_buffer_costs_64_bytes_beyond_its_pages)
{
	const uint32_t count = 65536;
	long long bytes = 0;
	int told[2];

	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	ASSERT_EQ(0, pipe(told));
	self->pid = fork();
	if (!self->pid) {
		if (write_text(GROUP "/cgroup.procs", "0"))
			_exit(1);
		bytes = -group_number(GROUP "/memory.stat", "kernel");
		if (create(open(DEVICE, O_RDWR), 8 * KIB, count))
			_exit(2);
		bytes += group_number(GROUP "/memory.stat", "kernel") - count * 8LL * KIB;
		_exit(write(told[1], &bytes, sizeof(bytes)) == sizeof(bytes) ? 0 : 3);
	}
	close(told[1]);
	ASSERT_EQ(0, wait_status(self->pid));
	ASSERT_EQ(sizeof(bytes), (size_t)read(told[0], &bytes, sizeof(bytes)));
	TH_LOG("%.1f bytes a buffer", (double)bytes / count);
	EXPECT_LT(0, bytes);
	EXPECT_GE(64LL * count, bytes);
	close(told[0]);
	EXPECT_EQ(0, rmdir(GROUP));
}

/* A pool or dma-buf takes one of the system's open files; root may have any number. */
TEST_F(limits, no_more_files_is_ENFILE)
{
	FILE *file = fopen("/proc/sys/fs/file-max", "r+");
	int pool = new_pool(8 * KIB, 1), i;
	unsigned long before;

	/* Processors count up to so many open files each for themselves. */
	for (i = 0; i < 256; i++)
		ASSERT_GE(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	ASSERT_EQ(1, fscanf(file, "%lu", &before));
	self->pid = fork();
	if (!self->pid) {
		int fd = open(DEVICE, O_RDWR);

		if (write_text("/proc/sys/fs/file-max", "1"))
			_exit(98);
		become_nobody(MIB);
		if (create(fd, 8 * KIB, 1) != -ENFILE)
			_exit(1);
		_exit(export(pool, 0, 8 * KIB, 0) == -ENFILE ? 0 : 2);
	}
	EXPECT_EQ(0, wait_status(self->pid));
	rewind(file);
	EXPECT_GT(fprintf(file, "%lu", before), 0);
	ASSERT_EQ(0, fclose(file));
	/* What failed is charged to nobody: root's file-max is back. */
	if (!fork()) {
		become_nobody(MIB);
		_exit(new_pool(MIB, 1) >= 0 ? 0 : 1);
	}
	EXPECT_EQ(0, wait_status(-1));
}

TEST_F(limits, killed_while_creating)
{
	struct zcpool_query q;
	int begun[2], status, fd, delay;
	char byte;

	ASSERT_EQ(0, pipe(begun));
	for (delay = 1; delay <= 100; delay *= 4) {
		fd = open(DEVICE, O_RDWR);
		self->pid = fork();
		if (!self->pid)
			_exit(write(begun[1], "", 1) != 1 || create(fd, 64 * KIB, 8000));
		ASSERT_EQ(1, read(begun[0], &byte, 1));
		usleep(delay * 1000);
		kill(self->pid, SIGKILL);
		waitpid(self->pid, &status, 0);
		/* Killed in the middle, or it was too late: either all or nothing. */
		ASSERT_EQ(0, query(fd, &q));
		EXPECT_EQ(WIFSIGNALED(status) && !q.pool_id ? 0 : 500 * MIB, q.total_bytes);
		close(fd);
	}
}

TEST(node_mode)
{
	struct stat st;

	ASSERT_EQ(0, stat(DEVICE, &st));
	EXPECT_TRUE(S_ISCHR(st.st_mode));
	EXPECT_EQ(0660, st.st_mode & 0777);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
}

TEST_HARNESS_MAIN
