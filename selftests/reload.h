/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of the module's end share: unloading it, and loading it again. */
#ifndef ZCPOOL_SELFTEST_RELOAD_H
#define ZCPOOL_SELFTEST_RELOAD_H

#include "util.h"

static inline int unload(void)
{
	return syscall(SYS_delete_module, "zcpool", O_NONBLOCK) ? -errno : 0;
}

/* The module as the rig inserted it. */
static inline int load(void)
{
	int fd = open(getenv("ZCPOOL_MODULE"), O_RDONLY | O_CLOEXEC);
	int ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;

	close(fd);
	return ret;
}

/*
 * Files that hold it are closed by and by, by the kernel's threads, one after the other where
 * one is in another's queue; what is lost never is.
 */
static inline int unload_soon(void)
{
	int64_t end = now_ns() + 20000 * NS_PER_MS;
	int ret;

	do {
		ret = unload();
	} while (ret == -EAGAIN && now_ns() < end && !usleep(1000));
	return ret;
}

/* delete_module() says EWOULDBLOCK for EBUSY with O_NONBLOCK: the module is in use. */
#define EXPECT_BUSY() ASSERT_EQ(-EAGAIN, unload())

#define EXPECT_UNLOAD() \
	do { \
		ASSERT_EQ(0, unload_soon()); \
		ASSERT_EQ(0, load()); \
	} while (0)

/* Pass a descriptor over a unix socket, with a byte. */
static inline int pass(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) == 1 ? 0 : -errno;
}

#endif /* ZCPOOL_SELFTEST_RELOAD_H */
