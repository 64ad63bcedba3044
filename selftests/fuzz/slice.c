// SPDX-License-Identifier: GPL-2.0-only
/* Commands about slices: SEND, EXPORT, VIEW. */
#include <linux/dma-buf.h>

#include "calls.h"
#include "fuzz.h"

static long call_send(void)
{
	int fd = slot_owner();
	struct model *model = model_of(fd);
	uint32_t count = percent(50) ? 1 : 1 + below(percent(95) ? 8 : 200), i;
	struct zcpool_element *elements = scratch(count * sizeof(*elements));
	struct zcpool_send arg = {
		.count = bent(count),
		.fd = slot_of(SLOT_SOCKET),
		.flags = flags_of(ZCPOOL_SEND_F_MORE | ZCPOOL_SEND_F_NOSIGNAL) |
			 (percent(90) ? ZCPOOL_SEND_F_DONTWAIT : 0) |
			 (percent(20) ? ZCPOOL_SEND_F_SEAL : 0),
		.reserved = bent(0),
	};

	for (i = 0; i < count; i++) {
		if (percent(25)) {
			elements[i].flags = ZCPOOL_ELEMENT_F_INLINE;
			elements[i].length = bent(some_length(4 * KIB));
			elements[i].base = percent(60) ? mapping_some() : some_address(4 * KIB);
		} else {
			some_slice(model, &elements[i].base, &elements[i].length, false);
			elements[i].flags = bent(0);
		}
		elements[i].reserved = count > 8 ? 0 : bent(0);
	}
	arg.elements = place(elements, count * sizeof(*elements));
	return command(fd, ZCPOOL_IOC_SEND, &arg, sizeof(arg));
}

static long call_export(void)
{
	int fd = slot_owner();
	struct zcpool_export arg = {
		.flags = flags_of(ZCPOOL_EXPORT_F_READ_ONLY | ZCPOOL_EXPORT_F_UNHELD),
		.fd = -1,
	};
	long ret;

	some_slice(model_of(fd), &arg.offset, &arg.length, true);
	ret = command(fd, ZCPOOL_IOC_EXPORT, &arg, sizeof(arg));
	if (ret)
		return ret;
	return arg.fd > 2 && arg.fd < SLOT_FIRST - 8 ?
		       slot_fill(SLOT_EXPORT, arg.fd, &(struct model){ .size = arg.length }) :
		       0;
}

static long call_export_sync(void)
{
	struct dma_buf_sync arg = { .flags = bent(1 + below(7)) };

	return command(slot_of(SLOT_EXPORT), DMA_BUF_IOCTL_SYNC, &arg, sizeof(arg));
}

static long call_export_name(void)
{
	int fd = slot_of(SLOT_EXPORT);
	uint64_t name = place("fuzz", 5);

	ABOUT("fd=%ld %#lx", fd, name);
	return RESULT(ioctl(fd, DMA_BUF_SET_NAME, name));
}

long call_view(void)
{
	int fd = slot_owner();
	struct zcpool_view arg = {
		.flags = flags_of(ZCPOOL_VIEW_F_WRITABLE),
		.mode = bent(percent(80) ? 0666 : below(01000)),
		.mount_fd = 0,
		.fd = -1,
	};
	long ret;

	some_slice(model_of(fd), &arg.offset, &arg.length, percent(70));
	if (percent(40)) {
		arg.flags |= ZCPOOL_VIEW_F_MOUNT;
		arg.mount_fd = slot_of(SLOT_DIRECTORY);
	}
	ret = command(fd, ZCPOOL_IOC_VIEW, &arg, sizeof(arg));
	if (ret)
		return ret;
	if (arg.fd <= 2 || arg.fd >= SLOT_FIRST - 8)
		return 0;
	/* The mount is remembered, in which it can have a name. */
	return slot_fill(SLOT_VIEW, arg.fd,
			 &(struct model){ .size = arg.length, .handle = arg.mount_fd });
}

const struct kind slice_kinds[] = {
	{ "SEND", call_send, 30 },
	{ "EXPORT", call_export, 8 },
	{ "dma-buf: SYNC", call_export_sync, 3 },
	{ "dma-buf: SET_NAME", call_export_name, 1 },
	{ "VIEW", call_view, 12 },
	{},
};
