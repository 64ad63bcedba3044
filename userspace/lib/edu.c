// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* One function per command of the edu device. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "internal.h"
#include "zcpool_edu.h"

static int call(int fd, unsigned long command, void *arg)
{
	return ioctl(fd, command, arg) < 0 ? -errno : 0;
}

/* As for the structs in ioctl.c. */
_Static_assert(sizeof(struct zcpool_edu_query) == ZCPOOL_EDU_QUERY_SIZE_VER0,
	       "zcpool_edu_query() needs a version");
_Static_assert(sizeof(struct zcpool_edu_submit) == ZCPOOL_EDU_SUBMIT_SIZE_VER0,
	       "zcpool_edu_submit() needs a version");
_Static_assert(sizeof(struct zcpool_edu_completion) == ZCPOOL_EDU_COMPLETION_SIZE_VER0,
	       "zcpool_edu_complete() needs a version");

ZCPOOL_API int zcpool_edu_open(unsigned int number, int flags)
{
	char path[32];
	int fd;

	if (flags & ~O_NONBLOCK)
		return -EINVAL;
	snprintf(path, sizeof(path), "/dev/zcpool-edu%u", number);
	fd = open(path, O_RDWR | O_CLOEXEC | flags);
	return fd < 0 ? -errno : fd;
}

ZCPOOL_API int zcpool_edu_query(int fd, struct zcpool_edu_query *query)
{
	return call(fd, ZCPOOL_EDU_IOC_QUERY, query);
}

ZCPOOL_API int zcpool_edu_import(int fd, int dmabuf)
{
	struct zcpool_edu_import arg = { .fd = dmabuf };
	int error = call(fd, ZCPOOL_EDU_IOC_IMPORT, &arg);

	return error ? error : (int)arg.memory;
}

ZCPOOL_API int zcpool_edu_release(int fd, uint32_t memory)
{
	struct zcpool_edu_release arg = { .memory = memory };

	return call(fd, ZCPOOL_EDU_IOC_RELEASE, &arg);
}

ZCPOOL_API int zcpool_edu_submit(int fd, const struct zcpool_edu_submit *submit)
{
	return call(fd, ZCPOOL_EDU_IOC_SUBMIT, (void *)submit);
}

ZCPOOL_API int zcpool_edu_complete(int fd, struct zcpool_edu_completion *completions,
				   uint32_t count, int64_t timeout_ns)
{
	struct zcpool_edu_complete arg = {
		.completions = (uintptr_t)completions,
		.timeout_ns = timeout_ns > 0 ? timeout_ns : 0,
		.count = count,
		.flags = timeout_ns ? 0 : ZCPOOL_EDU_COMPLETE_F_NONBLOCK,
		.entry_size = sizeof(*completions),
	};
	int error = call(fd, ZCPOOL_EDU_IOC_COMPLETE, &arg);

	return error ? error : (int)arg.count;
}

ZCPOOL_API int zcpool_edu_cancel(int fd, uint64_t cookie, uint32_t flags)
{
	struct zcpool_edu_cancel arg = { .cookie = cookie, .flags = flags };
	int error = call(fd, ZCPOOL_EDU_IOC_CANCEL, &arg);

	return error ? error : (int)arg.count;
}
