/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of EXPORT share. */
#ifndef ZCPOOL_SELFTEST_EXPORT_H
#define ZCPOOL_SELFTEST_EXPORT_H

#include <linux/dma-buf.h>

#include "util.h"

/* A dma-buf over a slice, or a negative errno. */
static inline int export(int fd, uint64_t offset, uint64_t length, uint32_t flags)
{
	struct zcpool_export arg = { .offset = offset, .length = length, .flags = flags };

	return ioctl(fd, ZCPOOL_IOC_EXPORT, &arg) ? -errno : arg.fd;
}

/* Begin or end an access of the processor's: DMA_BUF_SYNC_*. */
static inline int sync_access(int dmabuf, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags };

	return ioctl(dmabuf, DMA_BUF_IOCTL_SYNC, &sync) ? -errno : 0;
}

#endif /* ZCPOOL_SELFTEST_EXPORT_H */
