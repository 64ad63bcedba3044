/* SPDX-License-Identifier: GPL-2.0-only */
/* An export: shared by the files that make it. */
#ifndef ZCPOOL_EXPORT_H
#define ZCPOOL_EXPORT_H

#include <linux/dma-buf.h>
#include <linux/list.h>
#include <linux/mutex.h>

#include "slice.h"

/**
 * struct zcpool_exported - a slice of a pool as a dma-buf
 * @pool: pool, whose file it holds
 * @slice: its offset and length are multiples of the page size
 * @flags: ZCPOOL_EXPORT_F_*
 * @holds: keeps the slice's buffers from being free
 * @writes: keeps them from being sealed
 * @mappings: struct zcpool_mapping of devices that reach the memory now
 * @lock: protects @mappings
 */
struct zcpool_exported {
	struct zcpool_pool *pool;
	struct zcpool_slice slice;
	u32 flags;
	bool holds;
	bool writes;
	struct list_head mappings;
	struct mutex lock;
};

/* export.c */
bool zcpool_export_failed(const struct zcpool_exported *exported);

/* attachment.c: dma_buf_ops of devices */
int zcpool_export_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment);
struct sg_table *zcpool_export_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction direction);
void zcpool_export_unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
			 enum dma_data_direction direction);
int zcpool_export_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction);
int zcpool_export_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction);

#endif /* ZCPOOL_EXPORT_H */
