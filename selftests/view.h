/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of VIEW share. */
#ifndef ZCPOOL_SELFTEST_VIEW_H
#define ZCPOOL_SELFTEST_VIEW_H

#include "util.h"

/* A view of a slice, or a negative errno. */
static inline int view(int fd, uint64_t offset, uint64_t length, uint32_t flags, uint32_t mode)
{
	struct zcpool_view arg = {
		.offset = offset,
		.length = length,
		.flags = flags,
		.mode = mode,
	};

	return ioctl(fd, ZCPOOL_IOC_VIEW, &arg) ? -errno : arg.fd;
}

#endif /* ZCPOOL_SELFTEST_VIEW_H */
