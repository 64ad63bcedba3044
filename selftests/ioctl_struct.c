// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every command takes shorter structs down to its first version, longer ones
 * whose tail is zero, and refuses everything else with the documented errno.
 */
#include "share.h"

#include "harness.h"

FIXTURE(command)
{
	int fd;
	uint32_t index;
	struct zcpool_holder holder;
	struct zcpool_element element;
	struct zcpool_item item;
	/* The struct and whatever comes behind it. */
	uint64_t arg[64];
};

FIXTURE_VARIANT(command)
{
	unsigned int nr;
	size_t size;
};

VARIANT(command, query, .nr = 0, .size = ZCPOOL_QUERY_SIZE_VER0);
VARIANT(command, create, .nr = 1, .size = ZCPOOL_CREATE_SIZE_VER0);
VARIANT(command, get, .nr = 2, .size = ZCPOOL_GET_SIZE_VER0);
VARIANT(command, put, .nr = 3, .size = ZCPOOL_PUT_SIZE_VER0);
VARIANT(command, eventfd, .nr = 4, .size = ZCPOOL_EVENTFD_SIZE_VER0);
VARIANT(command, holders, .nr = 5, .size = ZCPOOL_HOLDERS_SIZE_VER0);
VARIANT(command, send, .nr = 6, .size = ZCPOOL_SEND_SIZE_VER0);
VARIANT(command, export, .nr = 7, .size = ZCPOOL_EXPORT_SIZE_VER0);
VARIANT(command, share, .nr = 8, .size = ZCPOOL_SHARE_SIZE_VER0);
VARIANT(command, attach, .nr = 9, .size = ZCPOOL_ATTACH_SIZE_VER0);
VARIANT(command, transfer, .nr = 10, .size = ZCPOOL_TRANSFER_SIZE_VER0);
VARIANT(command, receive, .nr = 11, .size = ZCPOOL_RECEIVE_SIZE_VER0);
VARIANT(command, view, .nr = 12, .size = ZCPOOL_VIEW_SIZE_VER0);
VARIANT(command, seal, .nr = 13, .size = ZCPOOL_SEAL_SIZE_VER0);
VARIANT(command, unseal, .nr = 14, .size = ZCPOOL_UNSEAL_SIZE_VER0);

/* A handle and a struct with which the command succeeds. */
FIXTURE_SETUP(command)
{
	struct zcpool_create *create_arg = (void *)self->arg;
	struct zcpool_get *get_arg = (void *)self->arg;
	struct zcpool_put *put_arg = (void *)self->arg;
	struct zcpool_eventfd *eventfd_arg = (void *)self->arg;
	struct zcpool_holders *holders_arg = (void *)self->arg;
	struct zcpool_send *send_arg = (void *)self->arg;
	struct zcpool_export *export_arg = (void *)self->arg;
	struct zcpool_view *view_arg = (void *)self->arg;
	struct zcpool_attach *attach_arg = (void *)self->arg;
	struct zcpool_transfer *transfer_arg = (void *)self->arg;
	struct zcpool_receive *receive_arg = (void *)self->arg;
	struct zcpool_seal *seal_arg = (void *)self->arg;
	int pair[2];

	self->fd = open(DEVICE, O_RDWR);
	ASSERT_GE(self->fd, 0);
	if (variant->nr != 1) {
		ASSERT_EQ(0, create(self->fd, 8 * KIB, 4));
	}
	memset(self->arg, 0, sizeof(self->arg));
	switch (variant->nr) {
	case 1:
		create_arg->buffer_size = 8 * KIB;
		create_arg->count = 1;
		break;
	case 2:
		get_arg->indices = (uintptr_t)&self->index;
		get_arg->count = 1;
		break;
	case 3:
		self->index = get_now(self->fd);
		put_arg->indices = (uintptr_t)&self->index;
		put_arg->count = 1;
		break;
	case 4:
		eventfd_arg->fd = -1;
		break;
	case 5:
		holders_arg->entries = (uintptr_t)&self->holder;
		holders_arg->count = 1;
		holders_arg->entry_size = sizeof(self->holder);
		break;
	case 6:
		ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		self->element.length = 1;
		send_arg->elements = (uintptr_t)&self->element;
		send_arg->count = 1;
		send_arg->fd = pair[0];
		break;
	case 7:
		export_arg->length = 4 * KIB;
		break;
	case 12:
		view_arg->length = 1;
		break;
	case 9:
		attach_arg->fd = share(self->fd, 0);
		ASSERT_GE(attach_arg->fd, 0);
		close(self->fd);
		self->fd = open(DEVICE, O_RDWR);
		break;
	case 10:
		self->item.index = get_now(self->fd);
		transfer_arg->items = (uintptr_t)&self->item;
		transfer_arg->count = 1;
		transfer_arg->to = number_of(self->fd);
		break;
	case 11:
		self->item.index = get_now(self->fd);
		ASSERT_EQ(0, transfer(self->fd, number_of(self->fd), &self->item, 1, NULL));
		receive_arg->items = (uintptr_t)&self->item;
		receive_arg->count = 1;
		break;
	case 13:
	case 14:
		/* Both have the same struct. */
		self->index = get_now(self->fd);
		seal_arg->indices = (uintptr_t)&self->index;
		seal_arg->count = 1;
		break;
	}
}

FIXTURE_TEARDOWN(command)
{
	close(self->fd);
}

#include "command_struct.h"

TEST_F(command, read_only_struct_is_EFAULT)
{
	/* EVENTFD has nothing to write back. */
	const int expected = variant->nr == 4 ? 0 : -EFAULT;
	struct zcpool_query before, after;
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)page);
	memcpy(page, self->arg, sizeof(self->arg));
	ASSERT_EQ(0, mprotect(page, 4096, PROT_READ));
	ASSERT_EQ(0, query(self->fd, &before));
	ASSERT_EQ(expected, call(self->fd, variant->nr, variant->size, page));
	ASSERT_EQ(0, query(self->fd, &after));
	/* PUT is done by then; all others undo what they did. */
	if (variant->nr != 3) {
		ASSERT_EQ(0, memcmp(&before, &after, sizeof(before)));
	}
}

TEST(unknown_command_is_ENOTTY)
{
	char arg[256] = { 0 };
	int fd = new_pool(8 * KIB, 1);

	ASSERT_GE(fd, 0);
	ASSERT_EQ(-ENOTTY, call(fd, 15, 16, arg));
	ASSERT_EQ(-ENOTTY, call(fd, 255, 16, arg));
	/* Another type; another direction. */
	ASSERT_EQ(-1, ioctl(fd, _IOWR('z', 0, struct zcpool_query), arg));
	ASSERT_EQ(ENOTTY, errno);
	ASSERT_EQ(-1, ioctl(fd, _IOR(ZCPOOL_IOC_TYPE, 0, struct zcpool_query), arg));
	ASSERT_EQ(ENOTTY, errno);
	ASSERT_EQ(-1, ioctl(fd, 0, arg));
	ASSERT_EQ(ENOTTY, errno);
}

TEST_HARNESS_MAIN
