// SPDX-License-Identifier: GPL-2.0-only
/*
 * The edu device's interface: numbers, sizes and offsets never change, for 64 and 32
 * bits; shorter and longer structs are taken as those of zcpool are.
 */
#include <stddef.h>

#include <linux/zcpool_edu.h>

#include "export.h"

#include "harness.h"

TEST(command_numbers)
{
	ASSERT_EQ(0xC030BC80U, ZCPOOL_EDU_IOC_QUERY);
	ASSERT_EQ(0xC018BC81U, ZCPOOL_EDU_IOC_IMPORT);
	ASSERT_EQ(0xC008BC82U, ZCPOOL_EDU_IOC_RELEASE);
	ASSERT_EQ(0xC028BC83U, ZCPOOL_EDU_IOC_SUBMIT);
	ASSERT_EQ(0xC020BC84U, ZCPOOL_EDU_IOC_COMPLETE);
	ASSERT_EQ(0xC010BC85U, ZCPOOL_EDU_IOC_CANCEL);
}

TEST(sizes)
{
	ASSERT_EQ(48, ZCPOOL_EDU_QUERY_SIZE_VER0);
	ASSERT_EQ(24, ZCPOOL_EDU_IMPORT_SIZE_VER0);
	ASSERT_EQ(8, ZCPOOL_EDU_RELEASE_SIZE_VER0);
	ASSERT_EQ(40, ZCPOOL_EDU_SUBMIT_SIZE_VER0);
	ASSERT_EQ(32, ZCPOOL_EDU_COMPLETE_SIZE_VER0);
	ASSERT_EQ(24, ZCPOOL_EDU_COMPLETION_SIZE_VER0);
	ASSERT_EQ(16, ZCPOOL_EDU_CANCEL_SIZE_VER0);
	ASSERT_EQ(48, sizeof(struct zcpool_edu_query));
	ASSERT_EQ(24, sizeof(struct zcpool_edu_import));
	ASSERT_EQ(8, sizeof(struct zcpool_edu_release));
	ASSERT_EQ(40, sizeof(struct zcpool_edu_submit));
	ASSERT_EQ(32, sizeof(struct zcpool_edu_complete));
	ASSERT_EQ(24, sizeof(struct zcpool_edu_completion));
	ASSERT_EQ(16, sizeof(struct zcpool_edu_cancel));
}

TEST(field_offsets)
{
	ASSERT_EQ(16, offsetof(struct zcpool_edu_query, max_length));
	ASSERT_EQ(44, offsetof(struct zcpool_edu_query, timeout_ms));
	ASSERT_EQ(8, offsetof(struct zcpool_edu_import, size));
	ASSERT_EQ(16, offsetof(struct zcpool_edu_import, memory));
	ASSERT_EQ(16, offsetof(struct zcpool_edu_submit, length));
	ASSERT_EQ(32, offsetof(struct zcpool_edu_submit, flags));
	ASSERT_EQ(24, offsetof(struct zcpool_edu_complete, entry_size));
	ASSERT_EQ(16, offsetof(struct zcpool_edu_completion, result));
	ASSERT_EQ(8, offsetof(struct zcpool_edu_cancel, flags));
}

FIXTURE(command)
{
	int fd;
	int dmabuf;
	struct zcpool_edu_completion completion;
	/* The struct and whatever comes behind it. */
	uint64_t arg[64];
};

FIXTURE_VARIANT(command)
{
	unsigned int nr;
	size_t size;
	bool writes;
};

VARIANT(command, query, .nr = 0x80, .size = ZCPOOL_EDU_QUERY_SIZE_VER0, .writes = true);
VARIANT(command, import, .nr = 0x81, .size = ZCPOOL_EDU_IMPORT_SIZE_VER0, .writes = true);
VARIANT(command, release, .nr = 0x82, .size = ZCPOOL_EDU_RELEASE_SIZE_VER0);
VARIANT(command, submit, .nr = 0x83, .size = ZCPOOL_EDU_SUBMIT_SIZE_VER0);
VARIANT(command, complete, .nr = 0x84, .size = ZCPOOL_EDU_COMPLETE_SIZE_VER0, .writes = true);
VARIANT(command, cancel, .nr = 0x85, .size = ZCPOOL_EDU_CANCEL_SIZE_VER0, .writes = true);

/* Cookie 1 has more than 25 s to be cancelled; for the second one there is a completion. */
static int have_requests(int fd)
{
	struct zcpool_edu_submit submit = { .cookie = 1, .length = MIB };
	struct zcpool_edu_cancel cancel = { .cookie = 2 };

	if (ioctl(fd, ZCPOOL_EDU_IOC_SUBMIT, &submit))
		return -errno;
	submit.cookie = 2;
	if (ioctl(fd, ZCPOOL_EDU_IOC_SUBMIT, &submit))
		return -errno;
	return ioctl(fd, ZCPOOL_EDU_IOC_CANCEL, &cancel) ? -errno : 0;
}

/* A file, and a struct with which the command succeeds. */
FIXTURE_SETUP(command)
{
	/* Below the device's own limit of 28 bits memory is harder to find, mostly. */
	struct zcpool_create create = { .buffer_size = MIB, .count = 1, .dma_bits = 24 };
	struct zcpool_edu_import *import = (void *)self->arg;
	struct zcpool_edu_submit *submit = (void *)self->arg;
	struct zcpool_edu_complete *complete = (void *)self->arg;
	struct zcpool_edu_cancel *cancel = (void *)self->arg;
	int pool = open(DEVICE, O_RDWR);

	if (ioctl(pool, ZCPOOL_IOC_CREATE, &create)) {
		create.dma_bits = 28;
		ASSERT_EQ(0, ioctl(pool, ZCPOOL_IOC_CREATE, &create));
	}
	self->dmabuf = export(pool, 0, MIB, 0);
	self->fd = open("/dev/zcpool-edu0", O_RDWR);
	memset(self->arg, 0, sizeof(self->arg));
	import->fd = self->dmabuf;
	ASSERT_EQ(0, ioctl(self->fd, ZCPOOL_EDU_IOC_IMPORT, import));
	ASSERT_EQ(0, have_requests(self->fd));

	memset(self->arg, 0, sizeof(self->arg));
	switch (variant->nr) {
	case 0x81:
		import->fd = self->dmabuf;
		break;
	case 0x83:
		submit->length = 1;
		break;
	case 0x84:
		complete->completions = (uintptr_t)&self->completion;
		complete->count = 1;
		complete->entry_size = sizeof(self->completion);
		break;
	case 0x85:
		cancel->cookie = 1;
		break;
	}
}

FIXTURE_TEARDOWN(command)
{
	close(self->fd);
}

#include "command_struct.h"

/* IMPORT is undone; of what CANCEL did, the completions tell. */
TEST_F(command, read_only_struct_is_EFAULT)
{
	struct zcpool_edu_query query = { 0 };
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(page, self->arg, sizeof(self->arg));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	ASSERT_EQ(variant->writes ? -EFAULT : 0, call(self->fd, variant->nr, variant->size, page));
	ASSERT_EQ(0, ioctl(self->fd, ZCPOOL_EDU_IOC_QUERY, &query));
	EXPECT_EQ(variant->nr == 0x82 ? 0 : 1, query.imports);
	/* Of the request that was cancelled, if it was not under way yet, another one. */
	EXPECT_LE(1, query.completed);
}

TEST(unknown_command_is_ENOTTY)
{
	char arg[256] = { 0 };
	int fd = open("/dev/zcpool-edu0", O_RDWR);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(-ENOTTY, call(fd, 0x86, 16, arg));
	ASSERT_EQ(-ENOTTY, call(fd, 0xff, 16, arg));
	/* zcpool's own commands; another type; another direction. */
	ASSERT_EQ(-1, ioctl(fd, ZCPOOL_IOC_QUERY, arg));
	ASSERT_EQ(ENOTTY, errno);
	ASSERT_EQ(-1, ioctl(fd, _IOWR('z', 0x80, struct zcpool_edu_query), arg));
	ASSERT_EQ(ENOTTY, errno);
	ASSERT_EQ(-1, ioctl(fd, _IOR(ZCPOOL_EDU_IOC_TYPE, 0x80, struct zcpool_edu_query), arg));
	ASSERT_EQ(ENOTTY, errno);
}

TEST_HARNESS_MAIN
