/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of SHARE, ATTACH, TRANSFER and RECEIVE share. */
#ifndef ZCPOOL_SELFTEST_SHARE_H
#define ZCPOOL_SELFTEST_SHARE_H

#include "util.h"

/* A share of a handle's pool, or a negative errno. */
static inline int share(int fd, uint32_t flags)
{
	struct zcpool_share arg = { .flags = flags };

	return ioctl(fd, ZCPOOL_IOC_SHARE, &arg) ? -errno : arg.fd;
}

static inline int attach(int fd, int share_fd, uint32_t queue_max)
{
	struct zcpool_attach arg = { .fd = share_fd, .queue_max = queue_max };

	return ioctl(fd, ZCPOOL_IOC_ATTACH, &arg) ? -errno : 0;
}

/* A new handle, attached by a share, or a negative errno. */
static inline int attach_by(int share_fd, uint32_t queue_max)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	int error = fd < 0 ? -errno : attach(fd, share_fd, queue_max);

	if (error && fd >= 0)
		close(fd);
	return error ? error : fd;
}

/* A second handle of a handle's pool, or a negative errno. */
static inline int attach_another(int fd, uint32_t queue_max)
{
	int share_fd = share(fd, 0), another;

	if (share_fd < 0)
		return share_fd;
	another = attach_by(share_fd, queue_max);
	close(share_fd);
	return another;
}

static inline uint32_t number_of(int fd)
{
	struct zcpool_query q;

	return query(fd, &q) ? 0 : q.handle;
}

static inline int transfer(int fd, uint32_t to, const struct zcpool_item *items, uint32_t count,
			   uint32_t *done)
{
	struct zcpool_transfer arg = { .items = (uintptr_t)items, .count = count, .to = to };
	int ret = ioctl(fd, ZCPOOL_IOC_TRANSFER, &arg) ? -errno : 0;

	if (done)
		*done = arg.count;
	return ret;
}

/* How many were received, or a negative errno. */
static inline int receive_many(int fd, struct zcpool_item *items, uint32_t count, uint32_t flags,
			       uint64_t timeout_ns)
{
	struct zcpool_receive arg = {
		.items = (uintptr_t)items,
		.timeout_ns = timeout_ns,
		.count = count,
		.flags = flags,
	};

	return ioctl(fd, ZCPOOL_IOC_RECEIVE, &arg) ? -errno : (int)arg.count;
}

static inline int receive_now(int fd, struct zcpool_item *items, uint32_t count)
{
	return receive_many(fd, items, count, ZCPOOL_RECEIVE_F_NONBLOCK, 0);
}

static inline int receive_wait(int fd, struct zcpool_item *items, uint32_t count,
			       uint64_t timeout_ns)
{
	return receive_many(fd, items, count, 0, timeout_ns);
}

#endif /* ZCPOOL_SELFTEST_SHARE_H */
