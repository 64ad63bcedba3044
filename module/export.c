// SPDX-License-Identifier: GPL-2.0-only
/*
 * EXPORT: a slice of a pool as a dma-buf, for devices' drivers to work on.
 *
 * Whoever holds the dma-buf, be it by a descriptor, an attachment or a mapping of it,
 * holds the pool, and, unless asked not to, keeps the slice's buffers from being free.
 */
#include <linux/dma-buf.h>
#include <linux/fcntl.h>
#include <linux/iosys-map.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "export.h"
#include "ioctl.h"
#include "seal.h"
#include "slice.h"

static int zcpool_export_hold(struct zcpool_exported *exported, const struct zcpool_handle *handle)
{
	int error;

	/* Ahead of a seal that may have served, which ends if nothing holds the buffer. */
	if (!(exported->flags & ZCPOOL_EXPORT_F_READ_ONLY)) {
		error = zcpool_slice_add_writer(exported->pool, &exported->slice);
		if (error)
			return error;
		exported->writes = true;
	}
	if (exported->flags & ZCPOOL_EXPORT_F_UNHELD)
		return 0;
	error = zcpool_slice_hold(exported->pool, handle, &exported->slice, ZCPOOL_STANDING_EXPORT);
	exported->holds = !error;
	return error;
}

/* The writer first: when a buffer can be got, its owner can seal it. */
static void zcpool_export_unhold(struct zcpool_exported *exported)
{
	if (exported->writes)
		zcpool_slice_drop_writer(exported->pool, &exported->slice);
	exported->writes = false;
	if (exported->holds)
		zcpool_slice_unhold(exported->pool, &exported->slice, ZCPOOL_STANDING_EXPORT);
	exported->holds = false;
}

static void zcpool_export_free(struct zcpool_exported *exported)
{
	zcpool_pool_put(exported->pool);
	mutex_destroy(&exported->lock);
	kfree(exported);
}

static void zcpool_export_release(struct dma_buf *dmabuf)
{
	zcpool_export_unhold(dmabuf->priv);
	zcpool_export_free(dmabuf->priv);
}

static void zcpool_export_vm_open(struct vm_area_struct *vma)
{
	get_dma_buf(vma->vm_private_data);
}

static void zcpool_export_vm_close(struct vm_area_struct *vma)
{
	dma_buf_put(vma->vm_private_data);
}

/* The mapping's file is the pool's, so it holds the dma-buf by itself. */
static const struct vm_operations_struct zcpool_export_vm_ops = {
	.open = zcpool_export_vm_open,
	.close = zcpool_export_vm_close,
	.fault = zcpool_fault,
	.mprotect = zcpool_mprotect,
};

/*
 * dma-buf has checked that the range lies within the slice.  The mapping may be one of an
 * importer's file, which is open for writing whatever the dma-buf is.
 */
static int zcpool_export_mmap(struct dma_buf *dmabuf, struct vm_area_struct *vma)
{
	struct zcpool_exported *exported = dmabuf->priv;
	bool read_only = exported->flags & ZCPOOL_EXPORT_F_READ_ONLY;
	int error;

	if (read_only && (vma->vm_flags & VM_WRITE))
		return -EACCES;
	vma->vm_pgoff += exported->slice.offset >> PAGE_SHIFT;
	error = zcpool_mmap_pool(exported->pool, vma, &zcpool_export_vm_ops);
	if (error)
		return error;
	if (read_only)
		vm_flags_clear(vma, VM_MAYWRITE);
	get_dma_buf(dmabuf);
	vma->vm_private_data = dmabuf;
	return 0;
}

/**
 * zcpool_export_failed() - whether memory has an uncorrected hardware error
 * @exported: the slice
 *
 * No device is to meet it, nor a driver that copies.
 *
 * Context: process; may take a while.
 */
bool zcpool_export_failed(const struct zcpool_exported *exported)
{
	u64 end = exported->slice.offset + exported->slice.length;
	u64 offset = exported->slice.offset;

	while (offset < end) {
		struct zcpool_chunk chunk = zcpool_pool_chunk(exported->pool, offset, end - offset);

		if (zcpool_buffer_failed(exported->pool, &chunk))
			return true;
		offset += chunk.length;
		cond_resched();
	}
	return false;
}

static struct page *zcpool_export_page(const struct zcpool_exported *exported, u64 offset)
{
	struct zcpool_chunk chunk =
		zcpool_pool_chunk(exported->pool, exported->slice.offset + offset, PAGE_SIZE);

	return folio_page(chunk.folio, chunk.offset >> PAGE_SHIFT);
}

static int zcpool_export_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	const struct zcpool_exported *exported = dmabuf->priv;
	unsigned long nr = exported->slice.length >> PAGE_SHIFT;
	struct page **pages;
	unsigned long i;
	void *address;

	if (zcpool_export_failed(exported))
		return -EHWPOISON;
	pages = kvmalloc_array(nr, sizeof(*pages), GFP_KERNEL | __GFP_NOWARN);
	if (!pages)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		pages[i] = zcpool_export_page(exported, (u64)i << PAGE_SHIFT);
		cond_resched();
	}
	address = vmap(pages, nr, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
	if (!address)
		return -ENOMEM;
	iosys_map_set_vaddr(map, address);
	return 0;
}

static void zcpool_export_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

#define ZCPOOL_EXPORT_OPS \
	.attach = zcpool_export_attach, .map_dma_buf = zcpool_export_map, \
	.unmap_dma_buf = zcpool_export_unmap, .begin_cpu_access = zcpool_export_begin_cpu_access, \
	.end_cpu_access = zcpool_export_end_cpu_access, .mmap = zcpool_export_mmap, \
	.release = zcpool_export_release

static const struct dma_buf_ops zcpool_export_ops = {
	ZCPOOL_EXPORT_OPS,
	.vmap = zcpool_export_vmap,
	.vunmap = zcpool_export_vunmap,
};

/*
 * Importers write by the address that vmap gives what they please, and ask nobody: what is
 * read-only has none.  A vmap that fails makes dma_buf_vmap() warn, one that is not there
 * does not.
 */
static const struct dma_buf_ops zcpool_export_read_only_ops = {
	ZCPOOL_EXPORT_OPS,
};

/**
 * zcpool_export() - make a dma-buf over a slice
 * @pool: pool
 * @handle: who asks
 * @arg: offset, length and flags, checked by the caller
 *
 * Context: process.
 *
 * Return: the dma-buf, which holds @pool, with one reference; -EHWPOISON if memory of
 * the slice failed, -EBUSY if a buffer is sealed that could be written to, -EMLINK,
 * -ENOMEM, -ENFILE, or another error of dma_buf_export().
 */
static struct dma_buf *zcpool_export(struct zcpool_pool *pool, const struct zcpool_handle *handle,
				     const struct zcpool_export *arg)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct zcpool_exported *exported;
	struct dma_buf *dmabuf;
	int error;

	exported = kzalloc(sizeof(*exported), GFP_KERNEL_ACCOUNT);
	if (!exported)
		return ERR_PTR(-ENOMEM);
	exported->pool = pool;
	exported->slice.offset = arg->offset;
	exported->slice.length = arg->length;
	exported->flags = arg->flags;
	if (zcpool_export_failed(exported)) {
		kfree(exported);
		return ERR_PTR(-EHWPOISON);
	}
	INIT_LIST_HEAD(&exported->mappings);
	mutex_init(&exported->lock);
	zcpool_pool_get(pool);

	info.ops = &zcpool_export_ops;
	info.size = exported->slice.length;
	info.flags = O_RDWR;
	if (exported->flags & ZCPOOL_EXPORT_F_READ_ONLY) {
		info.ops = &zcpool_export_read_only_ops;
		info.flags = O_RDONLY;
	}
	info.priv = exported;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		zcpool_export_free(exported);
		return dmabuf;
	}
	/* Not earlier, lest who waits is told of what will not be. */
	error = zcpool_export_hold(exported, handle);
	if (error) {
		/* At once: what is released goes when the program goes on. */
		zcpool_export_unhold(exported);
		dma_buf_put(dmabuf);
		return ERR_PTR(error);
	}
	return dmabuf;
}

static int zcpool_export_check(const struct zcpool_call *call, const struct zcpool_export *export)
{
	if (export->flags & ~(ZCPOOL_EXPORT_F_READ_ONLY | ZCPOOL_EXPORT_F_UNHELD))
		return -EINVAL;
	if (!export->length || !PAGE_ALIGNED(export->offset | export->length))
		return -EINVAL;
	if (!zcpool_slice_fits(call->pool, export->offset, export->length))
		return -ERANGE;
	/* Nothing would keep it to what the handle owns. */
	if (call->pool->geometry.isolated && (export->flags & ZCPOOL_EXPORT_F_UNHELD))
		return -EPERM;
	if (!call->handle->writes && !(export->flags & ZCPOOL_EXPORT_F_READ_ONLY))
		return -EACCES;
	return 0;
}

static long zcpool_export_install(const struct zcpool_call *call, struct zcpool_export *export)
{
	struct dma_buf *dmabuf;

	export->fd = get_unused_fd_flags(O_CLOEXEC);
	if (export->fd < 0)
		return export->fd;
	dmabuf = zcpool_export(call->pool, call->handle, export);
	return zcpool_call_install(call, export->fd,
				   IS_ERR(dmabuf) ? ERR_CAST(dmabuf) : dmabuf->file, export,
				   sizeof(*export));
}

/** zcpool_ioctl_export() - ZCPOOL_IOC_EXPORT */
long zcpool_ioctl_export(const struct zcpool_call *call, void *arg)
{
	struct zcpool_export *export = arg;
	const struct zcpool_slice slice = { .offset = export->offset, .length = export->length };
	long error;

	error = zcpool_export_check(call, export);
	if (error)
		return error;
	if (!call->pool->geometry.isolated)
		return zcpool_export_install(call, export);
	/* Nobody else gets it meanwhile and notices, nor does this one learn of others' seals. */
	error = zcpool_slice_borrow(call->pool, call->handle, &slice);
	if (error)
		return error;
	error = zcpool_export_install(call, export);
	zcpool_slice_return(call->pool, &slice);
	return error;
}
