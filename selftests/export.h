/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of EXPORT share. */
#ifndef ZCPOOL_SELFTEST_EXPORT_H
#define ZCPOOL_SELFTEST_EXPORT_H

#include "util.h"

/* A dma-buf over a slice, or a negative errno. */
static inline int export(int fd, uint64_t offset, uint64_t length, uint32_t flags)
{
	struct zcpool_export arg = { .offset = offset, .length = length, .flags = flags };

	return ioctl(fd, ZCPOOL_IOC_EXPORT, &arg) ? -errno : arg.fd;
}

#endif /* ZCPOOL_SELFTEST_EXPORT_H */
