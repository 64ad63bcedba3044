// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several users on one device: each can do within its limits all that the device offers,
 * needs no capability for it, and learns nothing of the kernel or of others.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include "export.h"
#include "isolated.h"
#include "send.h"
#include "view.h"

#include "harness.h"

#define GROUP "/sys/fs/cgroup/zcpool-tenancy"
#define STRIDE (16 * KIB)
#define COUNT 8

/* The device is there for everybody; what happens, happens in a child without rights. */
FIXTURE(tenant)
{
	pid_t pid;
};

FIXTURE_SETUP(tenant)
{
	ASSERT_EQ(0, chmod(DEVICE, 0666));
}

FIXTURE_TEARDOWN(tenant)
{
	EXPECT_EQ(0, chmod(DEVICE, 0660));
}

static void become_tenant(void)
{
	struct rlimit limit = { MIB, MIB };

	MUST(!setrlimit(RLIMIT_MEMLOCK, &limit));
	MUST(!become_nobody());
}

/* Does every command, and gives its output to @look. */
static void use_everything(void (*look)(const void *output, size_t size))
{
	struct zcpool_holder held[COUNT];
	struct zcpool_element element = slice(0, STRIDE);
	int fd = new_isolated_pool(STRIDE, COUNT), other, pair[2], pipes[2], index;
	uint32_t first = 0, done, indices[2];
	struct zcpool_item item;
	struct zcpool_query q;
	uint64_t copied;
	loff_t offset = 0;
	char *map;

	memset(held, 0xaa, sizeof(held));
	memset(&item, 0xaa, sizeof(item));
	MUST(fd >= 0 && !query(fd, &q));
	look(&q, sizeof(q));
	map = map_pool(fd, COUNT * STRIDE);
	MUST(map != MAP_FAILED);
	MUST(get_many(fd, indices, 2, 0, 0) == 2 && indices[0] == 0);
	look(indices, sizeof(indices));
	strcpy(map, "tenant");
	MUST(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair) && !pipe(pipes));
	MUST(send_vector(fd, pair[0], &element, 1, 0, &copied) == STRIDE);
	MUST(splice(fd, &offset, pipes[1], NULL, STRIDE, 0) == STRIDE);
	MUST(holders(fd, held, &first, COUNT, 0) == COUNT);
	look(held, sizeof(held));
	MUST(close(view(fd, 0, STRIDE, 0, 0600)) == 0);
	MUST(close(export(fd, 0, STRIDE, 0)) == 0);
	other = attach_another(fd, 0);
	MUST(other >= 0);
	item = (struct zcpool_item){ .index = indices[1], .tag = 5 };
	MUST(!transfer(fd, number_of(other), &item, 1, &done));
	MUST(receive_now(other, &item, 1) == 1);
	look(&item, sizeof(item));
	MUST(!put_one(other, indices[1]) && !put_one(fd, indices[0]));
	index = get_now(other);
	MUST(index >= 0);
	close(other);
	close(fd);
}

static void look_at_nothing(const void *output, size_t size)
{
}

TEST_F(tenant, needs_no_capability)
{
	self->pid = fork();
	if (!self->pid) {
		become_tenant();
		use_everything(look_at_nothing);
		/* The limit is the user's, and an errno. */
		MUST(new_pool(512 * KIB, 4) == -EDQUOT);
		_exit(0);
	}
	ASSERT_EQ(0, wait_status(self->pid));
}

/* The lowest address of the kernel, with page tables of five levels. */
#define KERNEL_BEGIN 0xff00000000000000ULL

/* Neither a kernel address, nor what the caller had not set to 0 before. */
static void look_for_addresses(const void *output, size_t size)
{
	const uint64_t *word = output;
	size_t i;

	for (i = 0; i < size / 8; i++) {
		MUST(word[i] < KERNEL_BEGIN);
		MUST((uint32_t)word[i] != 0xaaaaaaaa && word[i] >> 32 != 0xaaaaaaaa);
	}
}

/*
 * A number as a whole: one of the program's own may have the same digits in a row, as a
 * stack at 7ffff8000000.
 */
static bool has_kernel_address(const char *text)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	size_t length;

	for (text += strcspn(text, digits); *text; text += strcspn(text, digits)) {
		length = strspn(text, digits);
		if (length == 16 && strtoull(text, NULL, 16) >= KERNEL_BEGIN)
			return true;
		text += length;
	}
	return false;
}

static void look_in_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	MUST(file);
	while (fgets(line, sizeof(line), file)) {
		/* The page of system calls at the end of the address space is everybody's. */
		if (strstr(line, "vsyscall"))
			continue;
		MUST(!has_kernel_address(line));
	}
	fclose(file);
}

TEST_F(tenant, sees_no_address)
{
	self->pid = fork();
	if (!self->pid) {
		char path[64], *map;
		int fd;

		become_tenant();
		use_everything(look_for_addresses);
		fd = new_pool(STRIDE, COUNT);
		map = map_pool(fd, COUNT * STRIDE);
		*map = 1;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
		look_in_file(path);
		look_in_file("/proc/self/maps");
		look_in_file("/proc/self/smaps");
		/* pagemap has frame numbers for who may administer the machine only. */
		MUST(physical_address(map) == 0);
		MUST(access("/sys/kernel/debug/tracing/events", R_OK));
		_exit(0);
	}
	ASSERT_EQ(0, wait_status(self->pid));
}

/* One user's end of memory is not another's. */
TEST_F(tenant, a_full_cgroup_is_its_own_affair)
{
	int fd, others;

	write_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
	ASSERT_EQ(0, write_text(GROUP "/memory.max", "8388608"));
	fd = new_pool(STRIDE, COUNT);
	ASSERT_EQ(0, get_now(fd));
	self->pid = fork();
	if (!self->pid) {
		MUST(!write_text(GROUP "/cgroup.procs", "0"));
		others = open(DEVICE, O_RDWR);
		MUST(create(others, 64 * KIB, 256) == -ENOMEM);
		/* Again and again, and the handle is as good as new. */
		MUST(create(others, 64 * KIB, 256) == -ENOMEM);
		MUST(create(others, 64 * KIB, 16) == 0);
		_exit(0);
	}
	/* Meanwhile, outside. */
	others = new_pool(64 * KIB, 256);
	EXPECT_GE(others, 0);
	EXPECT_EQ(0, put_one(fd, 0));
	EXPECT_EQ(0, wait_status(self->pid));
	close(others);
	close(fd);
	EXPECT_EQ(0, rmdir(GROUP));
}

/* Memory that one user's pool gives back has none of its bytes in another's pool. */
TEST_F(tenant, a_new_pool_has_no_stale_bytes)
{
	int fd = new_pool(STRIDE, 64), i;
	char *map = map_pool(fd, 64 * STRIDE);

	memset(map, 's', 64 * STRIDE);
	munmap(map, 64 * STRIDE);
	close(fd);
	self->pid = fork();
	if (!self->pid) {
		become_tenant();
		fd = new_pool(STRIDE, 60);
		MUST(fd >= 0);
		map = map_pool(fd, 60 * STRIDE);
		for (i = 0; i < 60 * STRIDE; i++)
			MUST(!map[i]);
		_exit(0);
	}
	ASSERT_EQ(0, wait_status(self->pid));
}

TEST_HARNESS_MAIN
