/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory whose first fault waits until it is seen to. */
#ifndef ZCPOOL_SELFTEST_USERFAULT_H
#define ZCPOOL_SELFTEST_USERFAULT_H

#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "util.h"

/* A descriptor that tells of faults in memory that has no pages yet. */
static inline int watch_faults(void *memory, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register region = {
		.range = { .start = (uintptr_t)memory, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &region))
		return -errno;
	return fd;
}

/* Wait until something faults, and waits. */
static inline bool wait_fault(int fd)
{
	struct uffd_msg message;

	return read(fd, &message, sizeof(message)) == sizeof(message) &&
	       message.event == UFFD_EVENT_PAGEFAULT;
}

/* Let it go on, with zeroes. */
static inline bool end_fault_with_zeroes(int fd, void *page)
{
	struct uffdio_zeropage zeroes = { .range = { .start = (uintptr_t)page, .len = 4096 } };

	return !ioctl(fd, UFFDIO_ZEROPAGE, &zeroes);
}

#endif /* ZCPOOL_SELFTEST_USERFAULT_H */
