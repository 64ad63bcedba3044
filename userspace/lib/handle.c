// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Handles, the geometry of their pool, and its mapping. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

/* Never given twice, so that a thread knows a handle from one closed before. */
static atomic_uint_least64_t last_id;

/*
 * Buffers in the pool, 0 if there is none.  Whoever has the handle may have made
 * it, in another process even: so ask until it is there.
 */
static uint32_t learn(struct zcpool *pool)
{
	uint32_t count = atomic_load_explicit(&pool->count, memory_order_acquire);
	struct zcpool_query query = { 0 };

	if (count || zcpool_query(pool, &query) || !query.pool_id)
		return count;
	atomic_store_explicit(&pool->number, query.handle, memory_order_relaxed);
	atomic_store_explicit(&pool->stride, query.stride, memory_order_relaxed);
	atomic_store_explicit(&pool->size, query.size, memory_order_relaxed);
	atomic_store_explicit(&pool->count, query.count, memory_order_release);
	return query.count;
}

ZCPOOL_API int zcpool_adopt(int fd, struct zcpool **result)
{
	struct zcpool_query query = { 0 };
	struct zcpool *pool;
	int error;

	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->fd = fd;
	pool->id = atomic_fetch_add(&last_id, 1) + 1;

	error = zcpool_query(pool, &query);
	if (!error)
		error = zcpool_magazines_open(pool);
	if (error) {
		free(pool);
		return error;
	}
	*result = pool;
	return 0;
}

ZCPOOL_API int zcpool_open(int flags, struct zcpool **result)
{
	int fd, error;

	if (flags & ~O_NONBLOCK)
		return -EINVAL;
	fd = open(ZCPOOL_DEVICE, O_RDWR | O_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	error = zcpool_adopt(fd, result);
	if (error)
		close(fd);
	return error;
}

ZCPOOL_API int zcpool_open_file(const char *path, int flags, mode_t mode, struct zcpool **result)
{
	const int allowed = O_ACCMODE | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK;
	int fd, error;

	if ((flags & ~allowed) || (flags & O_ACCMODE) == O_WRONLY)
		return -EINVAL;
	fd = open(path, flags | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	error = zcpool_adopt(fd, result);
	if (error)
		close(fd);
	return error;
}

ZCPOOL_API int zcpool_attach(int share_fd, int open_flags, uint32_t queue_max,
			     struct zcpool **result)
{
	struct zcpool_attach arg = { .fd = share_fd, .queue_max = queue_max };
	struct zcpool *pool;
	int error;

	error = zcpool_open(open_flags, &pool);
	if (error)
		return error;
	error = zcpool_call(pool, ZCPOOL_IOC_ATTACH, &arg);
	if (error) {
		zcpool_close(pool);
		return error;
	}
	*result = pool;
	return 0;
}

ZCPOOL_API void zcpool_close(struct zcpool *pool)
{
	void *map;

	if (!pool)
		return;
	zcpool_magazines_close(pool);
	map = atomic_load(&pool->map);
	if (map)
		munmap(map, zcpool_size(pool));
	close(pool->fd);
	free(pool);
}

ZCPOOL_API int zcpool_fd(const struct zcpool *pool)
{
	return pool->fd;
}

/* The geometry may become known, which to a caller is no change. */
static struct zcpool *unconst(const struct zcpool *pool)
{
	return (struct zcpool *)pool;
}

ZCPOOL_API uint32_t zcpool_count(const struct zcpool *pool)
{
	return learn(unconst(pool));
}

ZCPOOL_API uint32_t zcpool_handle_number(const struct zcpool *pool)
{
	return learn(unconst(pool)) ? pool->number : 0;
}

ZCPOOL_API uint64_t zcpool_stride(const struct zcpool *pool)
{
	return learn(unconst(pool)) ? pool->stride : 0;
}

ZCPOOL_API uint64_t zcpool_size(const struct zcpool *pool)
{
	return learn(unconst(pool)) ? pool->size : 0;
}

ZCPOOL_API uint64_t zcpool_offset(const struct zcpool *pool, uint32_t index)
{
	return index * zcpool_stride(pool);
}

ZCPOOL_API int zcpool_map(struct zcpool *pool, int prot, void **addr)
{
	void *map = atomic_load(&pool->map);

	if (!learn(pool))
		return -ENXIO;
	/* A program of 32 bits. */
	if (pool->size > SIZE_MAX)
		return -EOVERFLOW;
	if (!map) {
		void *fresh = mmap(NULL, pool->size, prot, MAP_SHARED, pool->fd, 0);

		if (fresh == MAP_FAILED)
			return -errno;
		/* Another thread's may be there by now. */
		if (atomic_compare_exchange_strong(&pool->map, &map, fresh))
			map = fresh;
		else
			munmap(fresh, pool->size);
	}
	*addr = map;
	return 0;
}

ZCPOOL_API void *zcpool_addr(const struct zcpool *pool, uint32_t index)
{
	char *map = atomic_load_explicit(&pool->map, memory_order_acquire);

	return map ? map + zcpool_offset(pool, index) : NULL;
}
