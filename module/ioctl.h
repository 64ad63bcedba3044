/* SPDX-License-Identifier: GPL-2.0-only */
/* Commands under way: each is where its work is, ioctl.c has their table. */
#ifndef ZCPOOL_IOCTL_H
#define ZCPOOL_IOCTL_H

#include "zcpool.h"

/**
 * struct zcpool_call - an ioctl under way
 * @file: the handle's file
 * @handle: handle
 * @pool: its pool; NULL if it has none, and then only for commands that need none
 * @user: the caller's struct
 * @size: of it, bytes; at least that of the first version
 */
struct zcpool_call {
	struct file *file;
	struct zcpool_handle *handle;
	struct zcpool_pool *pool;
	void __user *user;
	size_t size;
};

static inline bool zcpool_slice_fits(const struct zcpool_pool *pool, u64 offset, u64 length)
{
	return offset <= pool->geometry.size && length <= pool->geometry.size - offset;
}

/* ioctl.c */
int zcpool_call_return(const struct zcpool_call *call, const void *arg, size_t size);
int zcpool_call_install(const struct zcpool_call *call, int fd, struct file *file, const void *arg,
			size_t size);

/*
 * A command finds its struct at arg, completed with zeroes, and copies back what it
 * changes of it.
 */
long zcpool_ioctl_query(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_create(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_get(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_put(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_eventfd(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_holders(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_send(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_export(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_share(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_attach(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_transfer(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_receive(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_view(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_seal(const struct zcpool_call *call, void *arg);
long zcpool_ioctl_unseal(const struct zcpool_call *call, void *arg);

#endif /* ZCPOOL_IOCTL_H */
