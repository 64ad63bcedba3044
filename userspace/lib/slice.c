// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Slices: reference-counted parts of one buffer. */
#include <errno.h>
#include <stdlib.h>
#include <sys/sendfile.h>

#include "internal.h"

/* The ownership of a buffer, shared by all slices of it. */
struct lease {
	atomic_size_t refs;
	struct zcpool *pool;
	uint32_t index;
};

struct zcpool_slice {
	atomic_size_t refs;
	struct lease *lease;
	uint64_t offset;
	uint64_t length;
};

static int lease_put(struct lease *lease)
{
	int error;

	if (atomic_fetch_sub(&lease->refs, 1) > 1)
		return 0;
	error = zcpool_put(lease->pool, lease->index);
	free(lease);
	return error;
}

static bool fits(uint64_t offset, uint64_t length, uint64_t size)
{
	return length && offset <= size && length <= size - offset;
}

static struct zcpool_slice *slice_create(struct lease *lease, uint64_t offset, uint64_t length)
{
	struct zcpool_slice *slice = malloc(sizeof(*slice));

	if (slice) {
		atomic_init(&slice->refs, 1);
		slice->lease = lease;
		slice->offset = offset;
		slice->length = length;
	}
	return slice;
}

ZCPOOL_API int zcpool_slice_create(struct zcpool *pool, uint32_t index, uint64_t offset,
				   uint64_t length, struct zcpool_slice **slice)
{
	struct lease *lease;

	if (!zcpool_count(pool))
		return -ENXIO;
	if (index >= zcpool_count(pool))
		return -ERANGE;
	if (!fits(offset, length, zcpool_stride(pool)))
		return -EINVAL;

	lease = malloc(sizeof(*lease));
	if (!lease)
		return -ENOMEM;
	atomic_init(&lease->refs, 1);
	lease->pool = pool;
	lease->index = index;
	*slice = slice_create(lease, zcpool_offset(pool, index) + offset, length);
	if (!*slice) {
		/* The caller still owns the buffer. */
		free(lease);
		return -ENOMEM;
	}
	return 0;
}

ZCPOOL_API int zcpool_slice_sub(struct zcpool_slice *slice, uint64_t offset, uint64_t length,
				struct zcpool_slice **sub)
{
	if (!fits(offset, length, slice->length))
		return -EINVAL;
	*sub = slice_create(slice->lease, slice->offset + offset, length);
	if (!*sub)
		return -ENOMEM;
	atomic_fetch_add(&slice->lease->refs, 1);
	return 0;
}

ZCPOOL_API void zcpool_slice_retain(struct zcpool_slice *slice)
{
	atomic_fetch_add(&slice->refs, 1);
}

ZCPOOL_API int zcpool_slice_release(struct zcpool_slice *slice)
{
	int error;

	if (atomic_fetch_sub(&slice->refs, 1) > 1)
		return 0;
	error = lease_put(slice->lease);
	free(slice);
	return error;
}

ZCPOOL_API void *zcpool_slice_addr(const struct zcpool_slice *slice)
{
	char *map = zcpool_addr(slice->lease->pool, 0);

	return map ? map + slice->offset : NULL;
}

struct zcpool *zcpool_slice_pool(const struct zcpool_slice *slice)
{
	return slice->lease->pool;
}

ZCPOOL_API uint64_t zcpool_slice_length(const struct zcpool_slice *slice)
{
	return slice->length;
}

ZCPOOL_API uint64_t zcpool_slice_offset(const struct zcpool_slice *slice)
{
	return slice->offset;
}

ZCPOOL_API int zcpool_slice_sendfile(struct zcpool_slice *slice, int out_fd, uint64_t *done)
{
	while (*done < slice->length) {
		off_t offset = slice->offset + *done;
		ssize_t sent =
			sendfile(out_fd, slice->lease->pool->fd, &offset, slice->length - *done);

		if (sent < 0)
			return -errno;
		if (!sent)
			return -EPIPE;
		*done += sent;
	}
	return 0;
}
