/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of SEAL share. */
#ifndef ZCPOOL_SELFTEST_SEAL_H
#define ZCPOOL_SELFTEST_SEAL_H

#include "touch.h"
#include "util.h"

static inline int seal_many(int fd, const uint32_t *indices, uint32_t count, uint32_t flags,
			    uint32_t *done)
{
	struct zcpool_seal arg = {
		.indices = (uintptr_t)indices,
		.count = count,
		.flags = flags,
	};
	int ret = ioctl(fd, ZCPOOL_IOC_SEAL, &arg) ? -errno : 0;

	if (done)
		*done = arg.count;
	return ret;
}

static inline int unseal_many(int fd, const uint32_t *indices, uint32_t count, uint32_t *done)
{
	struct zcpool_unseal arg = { .indices = (uintptr_t)indices, .count = count };
	int ret = ioctl(fd, ZCPOOL_IOC_UNSEAL, &arg) ? -errno : 0;

	if (done)
		*done = arg.count;
	return ret;
}

static inline int seal(int fd, uint32_t index, uint32_t flags)
{
	return seal_many(fd, &index, 1, flags, NULL);
}

static inline int unseal(int fd, uint32_t index)
{
	return unseal_many(fd, &index, 1, NULL);
}

static inline bool is_sealed(int fd, uint32_t index)
{
	return holder_of(fd, index).flags & ZCPOOL_HOLDER_F_SEALED;
}

#endif /* ZCPOOL_SELFTEST_SEAL_H */
