// SPDX-License-Identifier: GPL-2.0-only
/*
 * Devices that an export is attached to, and how they reach its memory: directly, or
 * not at all.
 *
 * Where a device cannot, the DMA API would have it work on a copy.  That copy comes and
 * goes with the mapping as a whole: the processor's writes meanwhile, and those of any
 * other device, would be lost.  So such a device is refused when it is attached.
 */
#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-map-ops.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/swiotlb.h>

#include "export.h"
#include "slice.h"

/**
 * struct zcpool_mapping - a device's addresses of an export
 * @table: them, and the memory behind
 * @device: the device
 * @direction: as it was mapped, and is to be synchronised
 * @entry: in zcpool_exported.mappings
 */
struct zcpool_mapping {
	struct sg_table table;
	struct device *device;
	enum dma_data_direction direction;
	struct list_head entry;
};

/* Whether an IOMMU gives the device addresses of its own for any memory. */
static bool zcpool_device_translates(struct device *device)
{
#ifdef CONFIG_IOMMU_API
	struct iommu_domain *domain = iommu_get_domain_for_dev(device);

	return domain && iommu_is_dma_domain(domain);
#else
	return false;
#endif
}

/* dma_buf_map_attachment() promises segments of whole pages. */
static bool zcpool_device_takes_pages(struct device *device)
{
	return dma_get_max_seg_size(device) >= PAGE_SIZE &&
	       dma_get_seg_boundary(device) >= PAGE_SIZE - 1;
}

static bool zcpool_device_reaches_chunk(struct device *device, const struct zcpool_chunk *chunk)
{
	phys_addr_t start = page_to_phys(folio_page(chunk->folio, 0)) + chunk->offset;

	return dma_capable(device, phys_to_dma(device, start), chunk->length, true);
}

static bool zcpool_device_reaches(struct device *device, const struct zcpool_exported *exported)
{
	u64 end = exported->slice.offset + exported->slice.length;
	u64 offset = exported->slice.offset;

	if (!device->dma_mask || !zcpool_device_takes_pages(device))
		return false;
	if (zcpool_device_translates(device))
		return true;
	/* What other ways of mapping do nobody can say; and some guests bounce all. */
	if (get_dma_ops(device) || is_swiotlb_force_bounce(device))
		return false;
	while (offset < end) {
		struct zcpool_chunk chunk = zcpool_pool_chunk(exported->pool, offset, end - offset);

		if (!zcpool_device_reaches_chunk(device, &chunk))
			return false;
		offset += chunk.length;
		cond_resched();
	}
	return true;
}

/**
 * zcpool_export_attach() - dma_buf_ops.attach
 * @dmabuf: the dma-buf
 * @attachment: the device's
 *
 * Return: 0, or -EBUSY if the device cannot reach the memory, or not in whole pages, as
 * dma_buf_ops has it.
 */
int zcpool_export_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	return zcpool_device_reaches(attachment->dev, dmabuf->priv) ? 0 : -EBUSY;
}

/* Most bytes of a segment that begins at an address. */
static u64 zcpool_segment_max(struct device *device, phys_addr_t start)
{
	u64 boundary = dma_get_seg_boundary(device);
	u64 most = round_down(dma_get_max_seg_size(device), PAGE_SIZE);

	return min(most - 1, boundary - (start & boundary)) + 1;
}

/*
 * Find the segment that begins at a pool offset: as much contiguous memory as the
 * device takes in one.
 *
 * Return: its length.
 */
static u64 zcpool_segment_find(const struct zcpool_exported *exported, struct device *device,
			       u64 offset, struct zcpool_chunk *chunk)
{
	u64 left = exported->slice.offset + exported->slice.length - offset;
	phys_addr_t start;
	u64 length, most;

	*chunk = zcpool_pool_chunk(exported->pool, offset, left);
	start = page_to_phys(folio_page(chunk->folio, 0)) + chunk->offset;
	most = min(left, zcpool_segment_max(device, start));
	cond_resched();
	for (length = chunk->length; length < most;) {
		struct zcpool_chunk next =
			zcpool_pool_chunk(exported->pool, offset + length, left - length);

		cond_resched();
		if (page_to_phys(folio_page(next.folio, 0)) != start + length)
			break;
		length += next.length;
	}
	return min(length, most);
}

static u64 zcpool_segments_count(const struct zcpool_exported *exported, struct device *device)
{
	u64 end = exported->slice.offset + exported->slice.length;
	u64 offset = exported->slice.offset;
	struct zcpool_chunk chunk;
	u64 count;

	for (count = 0; offset < end; count++)
		offset += zcpool_segment_find(exported, device, offset, &chunk);
	return count;
}

static int zcpool_segments_init(struct sg_table *table, const struct zcpool_exported *exported,
				struct device *device)
{
	u64 count = zcpool_segments_count(exported, device);
	u64 offset = exported->slice.offset;
	struct scatterlist *segment;
	int error, i;

	if (count > INT_MAX)
		return -ENOMEM;
	error = sg_alloc_table(table, count, GFP_KERNEL_ACCOUNT);
	if (error)
		return error;
	for_each_sgtable_sg(table, segment, i) {
		struct zcpool_chunk chunk;
		u64 length = zcpool_segment_find(exported, device, offset, &chunk);

		sg_set_page(segment, folio_page(chunk.folio, chunk.offset >> PAGE_SHIFT), length,
			    offset_in_page(chunk.offset));
		offset += length;
	}
	return 0;
}

/**
 * zcpool_export_map() - dma_buf_ops.map_dma_buf
 * @attachment: the device's
 * @direction: what the device is to do
 *
 * Context: process, with or without the dma-buf's dma_resv lock.
 *
 * Return: the memory as the device reaches it; -EACCES if it would write to what is
 * read-only, -EBUSY if it cannot reach it any more, -EHWPOISON if it failed, -ENOMEM, or
 * an error of dma_map_sgtable().
 */
struct sg_table *zcpool_export_map(struct dma_buf_attachment *attachment,
				   enum dma_data_direction direction)
{
	struct zcpool_exported *exported = attachment->dmabuf->priv;
	struct zcpool_mapping *mapping;
	int error;

	if ((exported->flags & ZCPOOL_EXPORT_F_READ_ONLY) && direction != DMA_TO_DEVICE)
		return ERR_PTR(-EACCES);
	/* A driver may have set a narrower mask since. */
	if (!zcpool_device_reaches(attachment->dev, exported))
		return ERR_PTR(-EBUSY);
	if (zcpool_export_failed(exported))
		return ERR_PTR(-EHWPOISON);

	/* A small part of the memory that it describes, but may be had many times. */
	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);
	if (!mapping)
		return ERR_PTR(-ENOMEM);
	mapping->device = attachment->dev;
	mapping->direction = direction;
	error = zcpool_segments_init(&mapping->table, exported, attachment->dev);
	if (error)
		goto err_free_mapping;
	error = dma_map_sgtable(attachment->dev, &mapping->table, direction, ZCPOOL_DMA_ATTRS);
	if (error)
		goto err_free_table;

	mutex_lock(&exported->lock);
	list_add(&mapping->entry, &exported->mappings);
	mutex_unlock(&exported->lock);
	return &mapping->table;

err_free_table:
	sg_free_table(&mapping->table);
err_free_mapping:
	kfree(mapping);
	return ERR_PTR(error);
}

/** zcpool_export_unmap() - dma_buf_ops.unmap_dma_buf */
void zcpool_export_unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
			 enum dma_data_direction direction)
{
	struct zcpool_exported *exported = attachment->dmabuf->priv;
	struct zcpool_mapping *mapping = container_of(table, struct zcpool_mapping, table);

	mutex_lock(&exported->lock);
	list_del(&mapping->entry);
	mutex_unlock(&exported->lock);
	dma_unmap_sgtable(mapping->device, table, mapping->direction, ZCPOOL_DMA_ATTRS);
	sg_free_table(table);
	kfree(mapping);
}

/**
 * zcpool_export_begin_cpu_access() - dma_buf_ops.begin_cpu_access
 * @dmabuf: the dma-buf
 * @direction: what the processor is to do
 *
 * Has the processor see what each device wrote, where caches do not by themselves.
 */
int zcpool_export_begin_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct zcpool_exported *exported = dmabuf->priv;
	struct zcpool_mapping *mapping;

	mutex_lock(&exported->lock);
	list_for_each_entry(mapping, &exported->mappings, entry)
		dma_sync_sgtable_for_cpu(mapping->device, &mapping->table, mapping->direction);
	mutex_unlock(&exported->lock);
	return 0;
}

/**
 * zcpool_export_end_cpu_access() - dma_buf_ops.end_cpu_access
 * @dmabuf: the dma-buf
 * @direction: what the processor did
 *
 * Has each device see what the processor wrote.
 */
int zcpool_export_end_cpu_access(struct dma_buf *dmabuf, enum dma_data_direction direction)
{
	struct zcpool_exported *exported = dmabuf->priv;
	struct zcpool_mapping *mapping;

	mutex_lock(&exported->lock);
	list_for_each_entry(mapping, &exported->mappings, entry)
		dma_sync_sgtable_for_device(mapping->device, &mapping->table, mapping->direction);
	mutex_unlock(&exported->lock);
	return 0;
}
