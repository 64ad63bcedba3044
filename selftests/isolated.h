/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of isolated pools share. */
#ifndef ZCPOOL_SELFTEST_ISOLATED_H
#define ZCPOOL_SELFTEST_ISOLATED_H

#include <grp.h>

#include "share.h"
#include "touch.h"

#define NOBODY 65534

/* A new handle bound to a new isolated pool. */
static inline int new_isolated_pool(uint64_t buffer_size, uint32_t count)
{
	struct zcpool_create arg = {
		.buffer_size = buffer_size,
		.count = count,
		.flags = ZCPOOL_CREATE_F_ISOLATED,
	};
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0 && ioctl(fd, ZCPOOL_IOC_CREATE, &arg)) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd < 0 ? -errno : fd;
}

static inline int become_nobody(void)
{
	return setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY) ? -errno : 0;
}

/*
 * In a child: leave with what says where, if something does not hold.  The harness's own
 * checks know of failures in the test's process alone.
 */
#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "# %s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, \
				#condition, errno); \
			_exit(1); \
		} \
	} while (0)

#endif /* ZCPOOL_SELFTEST_ISOLATED_H */
