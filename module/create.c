// SPDX-License-Identifier: GPL-2.0-only
/* CREATE: what is asked for, checked and rounded, becomes a handle's pool. */
#include <linux/log2.h>
#include <linux/nodemask.h>

#include "ioctl.h"

/**
 * zcpool_geometry_init() - check what CREATE is asked for, and round it to whole folios
 * @geometry: filled in
 * @create: what is asked for
 *
 * Return: 0 or -EINVAL.
 */
int zcpool_geometry_init(struct zcpool_geometry *geometry, const struct zcpool_create *create)
{
	u64 folio_size;

	if (create->flags & ~(ZCPOOL_CREATE_F_NUMA_NODE | ZCPOOL_CREATE_F_ISOLATED))
		return -EINVAL;
	if (!create->buffer_size || create->buffer_size > ZCPOOL_BUFFER_SIZE_MAX)
		return -EINVAL;
	if (!create->count || create->count > ZCPOOL_COUNT_MAX)
		return -EINVAL;
	if (create->dma_bits && (create->dma_bits < ZCPOOL_DMA_BITS_MIN || create->dma_bits > 64))
		return -EINVAL;

	geometry->node = NUMA_NO_NODE;
	if (create->flags & ZCPOOL_CREATE_F_NUMA_NODE) {
		if (create->numa_node >= MAX_NUMNODES || !node_state(create->numa_node, N_MEMORY))
			return -EINVAL;
		geometry->node = create->numa_node;
	} else if (create->numa_node) {
		return -EINVAL;
	}

	geometry->stride = round_up(create->buffer_size, (u64)ZCPOOL_FOLIO_SIZE_MAX);
	if (create->buffer_size < ZCPOOL_FOLIO_SIZE_MAX)
		geometry->stride =
			roundup_pow_of_two(max_t(u64, create->buffer_size, ZCPOOL_FOLIO_SIZE_MIN));
	folio_size = min_t(u64, geometry->stride, ZCPOOL_FOLIO_SIZE_MAX);
	geometry->order = ilog2(folio_size) - PAGE_SHIFT;
	geometry->folios_per_buffer = geometry->stride / folio_size;
	geometry->buffer_size = create->buffer_size;
	geometry->count = create->count;
	geometry->size = geometry->stride * create->count;
	geometry->dma_bits = create->dma_bits;
	geometry->isolated = create->flags & ZCPOOL_CREATE_F_ISOLATED;
	return 0;
}

static long zcpool_create_locked(struct zcpool_handle *handle,
				 const struct zcpool_geometry *geometry,
				 const struct zcpool_call *call)
{
	struct zcpool_pool *pool;
	int error;

	if (!IS_ERR(zcpool_file_pool(call->file)))
		return -EBUSY;

	pool = zcpool_pool_create(geometry);
	if (IS_ERR(pool))
		return PTR_ERR(pool);

	error = zcpool_handle_list(call->file, pool, geometry->count);
	if (error) {
		zcpool_pool_put(pool);
		return error;
	}
	if (handle->named) {
		zcpool_pool_get(pool);
		zcpool_named_publish(file_inode(call->file), pool, geometry->size);
	}
	zcpool_handle_bind(handle, pool);
	return 0;
}

/* The pool of a file with a name is the pool of all who open it. */
static long zcpool_create_named(struct zcpool_handle *handle,
				const struct zcpool_geometry *geometry,
				const struct zcpool_call *call)
{
	struct inode *inode = file_inode(call->file);
	long error;

	if (!handle->writes || !(call->file->f_mode & FMODE_READ))
		return -EACCES;
	if (down_write_killable(&inode->i_rwsem))
		return -EINTR;
	/* As ftruncate(), of a file that has no pool, within RLIMIT_FSIZE. */
	error = zcpool_named_pool(inode) ? -EBUSY : inode_newsize_ok(inode, geometry->size);
	if (!error)
		error = zcpool_create_locked(handle, geometry, call);
	inode_unlock(inode);
	return error;
}

/** zcpool_ioctl_create() - ZCPOOL_IOC_CREATE */
long zcpool_ioctl_create(const struct zcpool_call *call, void *arg)
{
	struct zcpool_handle *handle = call->handle;
	struct zcpool_create *create = arg;
	struct zcpool_geometry geometry;
	long error;

	error = zcpool_geometry_init(&geometry, create);
	if (error)
		return error;
	/* By no lock, for user memory may keep it waiting as long as it likes. */
	create->stride = geometry.stride;
	create->size = geometry.size;
	if (zcpool_call_return(call, create, sizeof(*create)))
		return -EFAULT;

	if (mutex_lock_killable(&handle->bind_lock))
		return -EINTR;
	error = handle->named ? zcpool_create_named(handle, &geometry, call) :
				zcpool_create_locked(handle, &geometry, call);
	mutex_unlock(&handle->bind_lock);
	return error;
}
