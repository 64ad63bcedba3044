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

static void set_geometry(struct zcpool *pool, uint32_t count, uint64_t stride, uint64_t size)
{
	pool->count = count;
	pool->stride = stride;
	pool->size = size;
	atomic_store_explicit(&pool->ready, true, memory_order_release);
}

static bool is_ready(const struct zcpool *pool)
{
	return atomic_load_explicit(&pool->ready, memory_order_acquire);
}

ZCPOOL_API int zcpool_adopt(int fd, struct zcpool **result)
{
	struct zcpool_query query = { 0 };
	struct zcpool *pool;
	int error;

	error = zcpool_magazines_init();
	if (error)
		return error;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->fd = fd;
	pool->id = atomic_fetch_add(&last_id, 1) + 1;

	error = zcpool_query(pool, &query);
	if (error) {
		free(pool);
		return error;
	}
	if (query.pool_id)
		set_geometry(pool, query.count, query.stride, query.size);
	pthread_mutex_init(&pool->lock, NULL);
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

ZCPOOL_API void zcpool_close(struct zcpool *pool)
{
	void *map;

	if (!pool)
		return;
	zcpool_magazines_close(pool);
	map = atomic_load(&pool->map);
	if (map)
		munmap(map, pool->size);
	close(pool->fd);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

ZCPOOL_API int zcpool_fd(const struct zcpool *pool)
{
	return pool->fd;
}

ZCPOOL_API int zcpool_create(struct zcpool *pool, struct zcpool_create *create)
{
	int error;

	pthread_mutex_lock(&pool->lock);
	error = zcpool_call(pool, ZCPOOL_IOC_CREATE, create);
	if (!error)
		set_geometry(pool, create->count, create->stride, create->size);
	pthread_mutex_unlock(&pool->lock);
	return error;
}

ZCPOOL_API uint32_t zcpool_count(const struct zcpool *pool)
{
	return is_ready(pool) ? pool->count : 0;
}

ZCPOOL_API uint64_t zcpool_stride(const struct zcpool *pool)
{
	return is_ready(pool) ? pool->stride : 0;
}

ZCPOOL_API uint64_t zcpool_size(const struct zcpool *pool)
{
	return is_ready(pool) ? pool->size : 0;
}

ZCPOOL_API uint64_t zcpool_offset(const struct zcpool *pool, uint32_t index)
{
	return index * zcpool_stride(pool);
}

ZCPOOL_API int zcpool_map(struct zcpool *pool, int prot, void **addr)
{
	void *map;
	int error = 0;

	pthread_mutex_lock(&pool->lock);
	map = atomic_load(&pool->map);
	if (!map && !is_ready(pool)) {
		error = -ENXIO;
	} else if (!map) {
		map = mmap(NULL, pool->size, prot, MAP_SHARED, pool->fd, 0);
		if (map == MAP_FAILED)
			error = -errno;
		else
			atomic_store(&pool->map, map);
	}
	pthread_mutex_unlock(&pool->lock);
	if (!error)
		*addr = map;
	return error;
}

ZCPOOL_API void *zcpool_addr(const struct zcpool *pool, uint32_t index)
{
	char *map = atomic_load_explicit(&pool->map, memory_order_acquire);

	return map ? map + zcpool_offset(pool, index) : NULL;
}
