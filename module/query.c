// SPDX-License-Identifier: GPL-2.0-only
/* QUERY: what the module, the kernel and a pool offer. */
#include "ioctl.h"

static u64 zcpool_features(void)
{
	u64 features = ZCPOOL_FEATURE_SPLICE | ZCPOOL_FEATURE_SEND | ZCPOOL_FEATURE_SEAL |
		       ZCPOOL_FEATURE_ISOLATED;

	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		features |= ZCPOOL_FEATURE_HUGE_MAP;
	if (ZCPOOL_KERNEL_FIXED_BUFFERS)
		features |= ZCPOOL_FEATURE_FIXED_BUFFERS;
	if (ZCPOOL_KERNEL_URING_WAIT)
		features |= ZCPOOL_FEATURE_URING_GET;
	if (IS_ENABLED(CONFIG_DMA_SHARED_BUFFER))
		features |= ZCPOOL_FEATURE_EXPORT;
	return features;
}

/** zcpool_ioctl_query() - ZCPOOL_IOC_QUERY */
long zcpool_ioctl_query(const struct zcpool_call *call, void *arg)
{
	struct zcpool_handle *handle = call->handle;
	struct zcpool_pool *pool = zcpool_handle_pool(handle);
	struct zcpool_query *query = arg;
	struct zcpool_stat stat;

	if (query->flags)
		return -EINVAL;

	*query = (struct zcpool_query){
		.abi_version = ZCPOOL_ABI_VERSION,
		.features = zcpool_features(),
		.max_count = ZCPOOL_COUNT_MAX,
		.min_stride = ZCPOOL_FOLIO_SIZE_MIN,
		.max_buffer_size = ZCPOOL_BUFFER_SIZE_MAX,
		.max_pool_bytes = zcpool_max_pool_bytes(),
		.max_total_bytes = zcpool_max_total_bytes(),
		.total_bytes = zcpool_total_bytes(),
		.max_batch = ZCPOOL_BATCH_MAX,
		.dma_bits_min = ZCPOOL_DMA_BITS_MIN,
	};
	if (pool) {
		query->max_batch = pool->batch;
		query->pool_id = pool->id;
		query->buffer_size = pool->geometry.buffer_size;
		query->stride = pool->geometry.stride;
		query->chunk = PAGE_SIZE << pool->geometry.order;
		query->size = pool->geometry.size;
		query->count = pool->geometry.count;
		query->pool_flags = pool->geometry.isolated ? ZCPOOL_CREATE_F_ISOLATED : 0;
		query->dma_bits = pool->geometry.dma_bits;
		zcpool_buffers_stat(pool, handle, &stat);
		query->owned = stat.owned;
		query->owned_total = stat.owned_total;
		query->unowned = stat.idle + stat.in_flight;
		query->handle = handle->number;
	}
	return zcpool_call_return(call, query, sizeof(*query));
}
