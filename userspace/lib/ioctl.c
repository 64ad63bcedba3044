// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* One function per command of the device. */
#include <errno.h>
#include <sys/ioctl.h>

#include "internal.h"

int zcpool_call(const struct zcpool *pool, unsigned long command, void *arg)
{
	return ioctl(pool->fd, command, arg) < 0 ? -errno : 0;
}

/*
 * A program passes the structs it was built with.  If one grows, its function
 * gets a new symbol version, and the old version goes on passing the old size.
 */
_Static_assert(sizeof(struct zcpool_query) == ZCPOOL_QUERY_SIZE_VER0 + 8,
	       "zcpool_query() needs a version");
_Static_assert(sizeof(struct zcpool_holder) == ZCPOOL_HOLDER_SIZE_VER0 + 16,
	       "zcpool_holders() needs a version");
_Static_assert(sizeof(struct zcpool_create) == ZCPOOL_CREATE_SIZE_VER0,
	       "zcpool_create() needs a version");
_Static_assert(sizeof(struct zcpool_item) == 16,
	       "zcpool_transfer() and zcpool_receive() need versions");

ZCPOOL_API int zcpool_query(struct zcpool *pool, struct zcpool_query *query)
{
	return zcpool_call(pool, ZCPOOL_IOC_QUERY, query);
}

ZCPOOL_API int zcpool_create(struct zcpool *pool, struct zcpool_create *create)
{
	return zcpool_call(pool, ZCPOOL_IOC_CREATE, create);
}

ZCPOOL_API int zcpool_eventfd(struct zcpool *pool, int fd)
{
	struct zcpool_eventfd arg = { .fd = fd };

	return zcpool_call(pool, ZCPOOL_IOC_EVENTFD, &arg);
}

ZCPOOL_API int zcpool_holders(struct zcpool *pool, struct zcpool_holder *holders, uint32_t count,
			      uint32_t flags, uint32_t *first)
{
	struct zcpool_holders arg = {
		.entries = (uintptr_t)holders,
		.first = *first,
		.count = count,
		.flags = flags,
		.entry_size = sizeof(*holders),
	};
	int error = zcpool_call(pool, ZCPOOL_IOC_HOLDERS, &arg);

	if (error)
		return error;
	*first = arg.first;
	return arg.count;
}

ZCPOOL_API int zcpool_export(struct zcpool *pool, uint64_t offset, uint64_t length, uint32_t flags)
{
	struct zcpool_export arg = { .offset = offset, .length = length, .flags = flags };
	int error = zcpool_call(pool, ZCPOOL_IOC_EXPORT, &arg);

	return error ? error : arg.fd;
}

ZCPOOL_API int zcpool_view(struct zcpool *pool, uint64_t offset, uint64_t length, uint32_t flags,
			   mode_t mode)
{
	struct zcpool_view arg = {
		.offset = offset,
		.length = length,
		.flags = flags,
		.mode = mode,
	};
	int error = zcpool_call(pool, ZCPOOL_IOC_VIEW, &arg);

	return error ? error : arg.fd;
}

/* How many buffers were done: a call that was refused as a whole has not written it. */
static uint32_t seal_done(int error, uint32_t count)
{
	return error == -ENXIO || error == -ENOTTY || error == -EBADF || error == -EINVAL ? 0 :
											    count;
}

ZCPOOL_API int zcpool_seal(struct zcpool *pool, const uint32_t *indices, uint32_t count,
			   uint32_t flags, uint32_t *done)
{
	struct zcpool_seal arg = {
		.indices = (uintptr_t)indices,
		.count = count,
		.flags = flags,
	};
	int error = zcpool_call(pool, ZCPOOL_IOC_SEAL, &arg);

	if (done)
		*done = seal_done(error, arg.count);
	return error;
}

ZCPOOL_API int zcpool_unseal(struct zcpool *pool, const uint32_t *indices, uint32_t count,
			     uint32_t *done)
{
	struct zcpool_unseal arg = {
		.indices = (uintptr_t)indices,
		.count = count,
	};
	int error = zcpool_call(pool, ZCPOOL_IOC_UNSEAL, &arg);

	if (done)
		*done = seal_done(error, arg.count);
	return error;
}

ZCPOOL_API int zcpool_share(struct zcpool *pool, uint32_t flags)
{
	struct zcpool_share arg = { .flags = flags };
	int error = zcpool_call(pool, ZCPOOL_IOC_SHARE, &arg);

	return error ? error : arg.fd;
}

ZCPOOL_API int zcpool_transfer(struct zcpool *pool, uint32_t to, const struct zcpool_item *items,
			       uint32_t count, uint32_t *done)
{
	struct zcpool_transfer arg = {
		.items = (uintptr_t)items,
		.count = count,
		.to = to,
	};
	int error;

	/* What was put is no more to be handed over, and the kernel says so if it knows. */
	zcpool_put_deferred(pool);
	error = zcpool_call(pool, ZCPOOL_IOC_TRANSFER, &arg);
	if (done)
		/* A call that was refused as a whole has not written the count. */
		*done = error == -ENXIO || error == -ENOTTY || error == -EBADF ? 0 : arg.count;
	return error;
}

static int receive(struct zcpool *pool, struct zcpool_item *items, uint32_t count,
		   int64_t timeout_ns)
{
	struct zcpool_receive arg = {
		.items = (uintptr_t)items,
		.timeout_ns = timeout_ns > 0 ? timeout_ns : 0,
		.count = count,
		.flags = timeout_ns ? 0 : ZCPOOL_RECEIVE_F_NONBLOCK,
	};
	int error = zcpool_call(pool, ZCPOOL_IOC_RECEIVE, &arg);

	return error ? error : (int)arg.count;
}

ZCPOOL_API int zcpool_receive(struct zcpool *pool, struct zcpool_item *items, uint32_t count,
			      int64_t timeout_ns)
{
	int got = receive(pool, items, count, 0);

	if (got != -EAGAIN || !timeout_ns)
		return got;
	/* Who is to send something may be waiting for what the magazines hold. */
	zcpool_wait_begin(pool);
	got = receive(pool, items, count, timeout_ns);
	zcpool_wait_end(pool);
	return got;
}

ZCPOOL_API int zcpool_send(struct zcpool *pool, int socket, const struct zcpool_element *elements,
			   uint32_t count, uint32_t flags, struct zcpool_sent *sent)
{
	struct zcpool_send arg = {
		.elements = (uintptr_t)elements,
		.count = count,
		.fd = socket,
		.flags = flags,
	};
	int error = zcpool_call(pool, ZCPOOL_IOC_SEND, &arg);

	if (sent) {
		sent->bytes = arg.sent;
		sent->copied = arg.copied;
	}
	return error;
}

int zcpool_exchange(const struct zcpool *pool, const uint32_t *put, uint32_t *nr_put,
		    uint32_t *indices, uint32_t count, int64_t timeout_ns)
{
	struct zcpool_get get = {
		.indices = (uintptr_t)indices,
		.timeout_ns = timeout_ns > 0 ? timeout_ns : 0,
		.count = count,
		.flags = timeout_ns ? 0 : ZCPOOL_GET_F_NONBLOCK,
		.put_indices = (uintptr_t)put,
		.put_count = *nr_put,
	};
	int error = zcpool_call(pool, ZCPOOL_IOC_GET, &get);

	/* A call that was refused as a whole has put nothing. */
	*nr_put = error == -ENXIO || error == -EINVAL || error == -E2BIG ? 0 : get.put_count;
	return error ? error : (int)get.count;
}

ZCPOOL_API int zcpool_get_batch(struct zcpool *pool, uint32_t *indices, uint32_t count,
				int64_t timeout_ns)
{
	uint32_t none = 0;
	int got = zcpool_exchange(pool, NULL, &none, indices, count, 0);

	return got == -EAGAIN ? zcpool_wait_batch(pool, indices, count, timeout_ns) : got;
}

ZCPOOL_API int zcpool_put_batch(struct zcpool *pool, const uint32_t *indices, uint32_t count,
				uint32_t *put)
{
	struct zcpool_put arg = {
		.indices = (uintptr_t)indices,
		.count = count,
	};
	int error = zcpool_call(pool, ZCPOOL_IOC_PUT, &arg);

	if (put)
		/* A call that was refused as a whole has not written the count. */
		*put = !error || error == -ERANGE || error == -EPERM || error == -EFAULT ?
			       arg.count :
			       0;
	return error;
}
