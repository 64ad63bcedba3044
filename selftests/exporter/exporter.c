// SPDX-License-Identifier: GPL-2.0-only
/*
 * Export dma-bufs that an importer must not trust, at a program's command.
 *
 * Whoever does DMA to where these say does it to memory of the module's, or to nowhere.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/fcntl.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "exporter.h"

#ifdef EXPORTER_HAVE_IMPORT_NS_STRING
MODULE_IMPORT_NS("DMA_BUF");
#else
MODULE_IMPORT_NS(DMA_BUF);
#endif

#define EXPORTER_ORDER get_order(EXPORTER_SIZE)
#define EXPORTER_PAGES (EXPORTER_SIZE / PAGE_SIZE)

/**
 * struct exported - a dma-buf
 * @pages: its memory
 * @fault: what is wrong with it
 * @attachments: how many it has
 */
struct exported {
	struct page *pages;
	unsigned long fault;
	atomic_t attachments;
};

static int exporter_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	struct exported *exported = dmabuf->priv;

	if (atomic_inc_return(&exported->attachments) > 1 &&
	    exported->fault == EXPORTER_ONE_ATTACHMENT) {
		atomic_dec(&exported->attachments);
		return -EXDEV;
	}
	return 0;
}

static void exporter_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attachment)
{
	struct exported *exported = dmabuf->priv;

	atomic_dec(&exported->attachments);
}

/* How many segments of no bytes there are, from the second on. */
static int exporter_gap(const struct exported *exported)
{
	return exported->fault == EXPORTER_GAPS ? EXPORTER_GAP : 0;
}

/* One segment a page, so that there is something to leave out. */
static void exporter_fill(struct sg_table *table, const struct exported *exported)
{
	int i, page = 0, gap = exporter_gap(exported);
	struct scatterlist *segment;

	for_each_sgtable_sg(table, segment, i) {
		bool empty = i && i <= gap;

		sg_set_page(segment, exported->pages + page, PAGE_SIZE, 0);
		sg_dma_address(segment) = page_to_phys(exported->pages + page);
		sg_dma_len(segment) = empty ? 0 : PAGE_SIZE;
		page += !empty;
	}
}

static void exporter_spoil(struct sg_table *table, unsigned long fault)
{
	switch (fault) {
	case EXPORTER_SHORT:
		table->nents /= 2;
		break;
	case EXPORTER_FAR:
		sg_dma_address(table->sgl + table->nents - 1) = BIT_ULL(40);
		break;
	case EXPORTER_EMPTY:
		table->nents = 0;
		break;
	}
}

/* Nothing is mapped by the kernel: the addresses are those of the memory. */
static struct sg_table *exporter_map(struct dma_buf_attachment *attachment,
				     enum dma_data_direction direction)
{
	struct exported *exported = attachment->dmabuf->priv;
	struct sg_table *table;
	int error;

	if (exported->fault == EXPORTER_UNMAPPABLE)
		return ERR_PTR(-EDOM);
	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return ERR_PTR(-ENOMEM);
	error = sg_alloc_table(table, EXPORTER_PAGES + exporter_gap(exported), GFP_KERNEL);
	if (error) {
		kfree(table);
		return ERR_PTR(error);
	}
	exporter_fill(table, exported);
	exporter_spoil(table, exported->fault);
	return table;
}

static void exporter_unmap(struct dma_buf_attachment *attachment, struct sg_table *table,
			   enum dma_data_direction direction)
{
	sg_free_table(table);
	kfree(table);
}

static void exporter_release(struct dma_buf *dmabuf)
{
	struct exported *exported = dmabuf->priv;

	WARN_ON(atomic_read(&exported->attachments));
	__free_pages(exported->pages, EXPORTER_ORDER);
	kfree(exported);
}

static const struct dma_buf_ops exporter_ops = {
	.attach = exporter_attach,
	.detach = exporter_detach,
	.map_dma_buf = exporter_map,
	.unmap_dma_buf = exporter_unmap,
	.release = exporter_release,
};

static struct dma_buf *exporter_export(unsigned long fault)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct exported *exported;
	struct dma_buf *dmabuf;

	exported = kzalloc(sizeof(*exported), GFP_KERNEL);
	if (!exported)
		return ERR_PTR(-ENOMEM);
	exported->fault = fault;
	exported->pages = alloc_pages(GFP_KERNEL | GFP_DMA | __GFP_ZERO, EXPORTER_ORDER);
	if (!exported->pages) {
		kfree(exported);
		return ERR_PTR(-ENOMEM);
	}
	info.ops = &exporter_ops;
	info.size = EXPORTER_SIZE;
	info.flags = O_RDWR;
	info.priv = exported;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		__free_pages(exported->pages, EXPORTER_ORDER);
		kfree(exported);
	}
	return dmabuf;
}

static long exporter_ioctl(struct file *file, unsigned int command, unsigned long fault)
{
	struct dma_buf *dmabuf;
	int fd;

	if (command != EXPORTER_EXPORT)
		return -ENOTTY;
	dmabuf = exporter_export(fault);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

static const struct file_operations exporter_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = exporter_ioctl,
};

static struct miscdevice exporter_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = EXPORTER_NAME,
	.fops = &exporter_fops,
	.mode = 0600,
};
module_misc_device(exporter_misc);

MODULE_DESCRIPTION("Exports dma-bufs that are not what they seem, for tests");
MODULE_LICENSE("GPL");
