// SPDX-License-Identifier: GPL-2.0-only
/*
 * Import dma-bufs as drivers do, for devices of any limits, at a program's command.
 *
 * Each open file of /dev/importer is a device of its own, which reaches memory directly,
 * or stands in for a PCI device, which may be behind an IOMMU.  What a device would do by
 * DMA is done by the processor, at the address that the device's leads to.  When the file
 * is closed, all is undone in the order that drivers keep.
 */
#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/iommu.h>
#include <linux/iosys-map.h>
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/ptrace.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "importer.h"

#ifdef IMPORTER_HAVE_IMPORT_NS_STRING
MODULE_IMPORT_NS("DMA_BUF");
#else
MODULE_IMPORT_NS(DMA_BUF);
#endif

/* Without "unlocked" in their names, these want the reservation lock since 6.2. */
#ifndef IMPORTER_HAVE_MAP_UNLOCKED
#define dma_buf_map_attachment_unlocked dma_buf_map_attachment
#define dma_buf_unmap_attachment_unlocked dma_buf_unmap_attachment
#endif
#ifndef IMPORTER_HAVE_VMAP_UNLOCKED
#define dma_buf_vmap_unlocked dma_buf_vmap
#define dma_buf_vunmap_unlocked dma_buf_vunmap
#endif

/**
 * struct importer - an open file
 * @lock: protects all other fields
 * @platform: device of its own
 * @pci: device that it stands in for, or NULL
 * @pci_mask: of @pci, to be put back
 * @pci_segment: of @pci, to be put back
 * @pci_boundary: of @pci, to be put back
 * @dmabuf: what is imported, or NULL
 * @attachment: to the device, or NULL
 * @table: what is mapped for the device, or NULL
 * @direction: of @table
 * @map: the dma-buf's memory in the kernel's address space, if any
 * @for_cpu: syncs for @platform
 * @for_device: syncs for @platform
 */
struct importer {
	struct mutex lock;
	struct platform_device *platform;
	struct device *pci;
	u64 pci_mask;
	unsigned int pci_segment;
	unsigned long pci_boundary;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachment;
	struct sg_table *table;
	enum dma_data_direction direction;
	struct iosys_map map;
	atomic_t for_cpu;
	atomic_t for_device;
};

static struct device *importer_device(struct importer *importer)
{
	return importer->pci ?: &importer->platform->dev;
}

static void importer_leave_pci(struct importer *importer)
{
	struct device *pci = importer->pci;

	if (!pci)
		return;
	*pci->dma_mask = importer->pci_mask;
	dma_set_max_seg_size(pci, importer->pci_segment);
	dma_set_seg_boundary(pci, importer->pci_boundary);
	put_device(pci);
	importer->pci = NULL;
}

static int importer_enter_pci(struct importer *importer, const char *name)
{
	struct device *pci = bus_find_device_by_name(&pci_bus_type, NULL, name);

	if (!pci)
		return -ENODEV;
	importer_leave_pci(importer);
	importer->pci = pci;
	importer->pci_mask = *pci->dma_mask;
	importer->pci_segment = dma_get_max_seg_size(pci);
	importer->pci_boundary = dma_get_seg_boundary(pci);
	return 0;
}

static int importer_set_device(struct importer *importer, const struct importer_device *arg)
{
	struct device *own = &importer->platform->dev;
	struct device *device;
	int error;

	if (arg->bits > 64 || strnlen(arg->pci, sizeof(arg->pci)) == sizeof(arg->pci) ||
	    (*arg->pci && !arg->bits))
		return -EINVAL;
	/* The same device's limits may change at any time. */
	if (*arg->pci && !(importer->pci && !strcmp(dev_name(importer->pci), arg->pci))) {
		if (importer->attachment)
			return -EBUSY;
		error = importer_enter_pci(importer, arg->pci);
		if (error)
			return error;
	}
	device = importer_device(importer);
	if (device == own)
		own->dma_mask = arg->bits ? &importer->platform->platform_dma_mask : NULL;
	if (arg->bits)
		*device->dma_mask = DMA_BIT_MASK(arg->bits);
	dma_set_max_seg_size(device, arg->max_segment);
	dma_set_seg_boundary(device, arg->boundary);
	return 0;
}

static int importer_attach(struct importer *importer, int fd)
{
	struct dma_buf_attachment *attachment;
	struct dma_buf *dmabuf;

	if (importer->attachment)
		return -EBUSY;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	attachment = dma_buf_attach(dmabuf, importer_device(importer));
	if (IS_ERR(attachment)) {
		dma_buf_put(dmabuf);
		return PTR_ERR(attachment);
	}
	importer->dmabuf = dmabuf;
	importer->attachment = attachment;
	return 0;
}

static int importer_map(struct importer *importer, unsigned long direction)
{
	struct sg_table *table;

	if (!importer->attachment || direction > DMA_FROM_DEVICE)
		return -EINVAL;
	if (importer->table)
		return -EBUSY;
	table = dma_buf_map_attachment_unlocked(importer->attachment, direction);
	if (IS_ERR(table))
		return PTR_ERR(table);
	importer->table = table;
	importer->direction = direction;
	return 0;
}

static int importer_unmap(struct importer *importer)
{
	if (!importer->table)
		return -EINVAL;
	dma_buf_unmap_attachment_unlocked(importer->attachment, importer->table,
					  importer->direction);
	importer->table = NULL;
	return 0;
}

static int importer_vmap(struct importer *importer)
{
	if (!importer->dmabuf)
		return -EINVAL;
	if (iosys_map_is_set(&importer->map))
		return -EBUSY;
	return dma_buf_vmap_unlocked(importer->dmabuf, &importer->map);
}

static int importer_vunmap(struct importer *importer)
{
	if (iosys_map_is_null(&importer->map))
		return -EINVAL;
	dma_buf_vunmap_unlocked(importer->dmabuf, &importer->map);
	iosys_map_clear(&importer->map);
	return 0;
}

static int importer_detach(struct importer *importer)
{
	if (!importer->attachment)
		return -EINVAL;
	importer_vunmap(importer);
	importer_unmap(importer);
	dma_buf_detach(importer->dmabuf, importer->attachment);
	dma_buf_put(importer->dmabuf);
	importer->attachment = NULL;
	importer->dmabuf = NULL;
	return 0;
}

static int importer_list(struct importer *importer, struct importer_segments *arg)
{
	struct importer_segment __user *next = u64_to_user_ptr(arg->segments);
	struct scatterlist *sg;
	int i;

	if (!importer->table)
		return -EINVAL;
	for_each_sgtable_dma_sg(importer->table, sg, i) {
		const struct importer_segment segment = {
			.address = sg_dma_address(sg),
			.length = sg_dma_len(sg),
		};

		if (i < arg->count && copy_to_user(next + i, &segment, sizeof(segment)))
			return -EFAULT;
	}
	arg->count = importer->table->nents;
	return 0;
}

/* Where an access of the device to an address ends, 0 for nowhere. */
static phys_addr_t importer_translate(struct importer *importer, dma_addr_t address)
{
	struct device *device = importer_device(importer);
	struct iommu_domain *domain = iommu_get_domain_for_dev(device);

	if (domain && (domain->type & __IOMMU_DOMAIN_PAGING))
		return iommu_iova_to_phys(domain, address);
	return dma_to_phys(device, address);
}

static void importer_touch(u32 *memory, struct importer_access *arg)
{
	if (arg->write)
		WRITE_ONCE(*memory, arg->value);
	else
		arg->value = READ_ONCE(*memory);
}

static int importer_access(struct importer *importer, struct importer_access *arg)
{
	phys_addr_t physical;

	if (!importer->table || arg->at % sizeof(u32))
		return -EINVAL;
	physical = importer_translate(importer, arg->at);
	if (!physical || !pfn_valid(PHYS_PFN(physical)))
		return -EFAULT;
	arg->physical = physical;
	importer_touch(phys_to_virt(physical), arg);
	return 0;
}

static int importer_vmap_access(struct importer *importer, struct importer_access *arg)
{
	if (iosys_map_is_null(&importer->map) || arg->at % sizeof(u32) ||
	    arg->at >= importer->dmabuf->size)
		return -EINVAL;
	importer_touch(importer->map.vaddr + arg->at, arg);
	return 0;
}

/* Room for the struct of any command. */
union importer_arg {
	struct importer_device device;
	struct importer_segments segments;
	struct importer_access access;
	struct importer_syncs syncs;
};

static int importer_do(struct importer *importer, unsigned int cmd, unsigned long number,
		       union importer_arg *arg)
{
	switch (cmd) {
	case IMPORTER_DEVICE:
		return importer_set_device(importer, &arg->device);
	case IMPORTER_ATTACH:
		return importer_attach(importer, number);
	case IMPORTER_DETACH:
		return importer_detach(importer);
	case IMPORTER_MAP:
		return importer_map(importer, number);
	case IMPORTER_UNMAP:
		return importer_unmap(importer);
	case IMPORTER_SEGMENTS:
		return importer_list(importer, &arg->segments);
	case IMPORTER_ACCESS:
		return importer_access(importer, &arg->access);
	case IMPORTER_VMAP:
		return importer_vmap(importer);
	case IMPORTER_VUNMAP:
		return importer_vunmap(importer);
	case IMPORTER_VMAP_ACCESS:
		return importer_vmap_access(importer, &arg->access);
	case IMPORTER_SYNCS:
		arg->syncs.for_cpu = atomic_read(&importer->for_cpu);
		arg->syncs.for_device = atomic_read(&importer->for_device);
		return 0;
	default:
		return -ENOTTY;
	}
}

static long importer_ioctl(struct file *file, unsigned int cmd, unsigned long number)
{
	struct importer *importer = file->private_data;
	void __user *user = (void __user *)number;
	union importer_arg arg = {};
	int error;

	if (_IOC_SIZE(cmd) > sizeof(arg))
		return -ENOTTY;
	if ((_IOC_DIR(cmd) & _IOC_WRITE) && copy_from_user(&arg, user, _IOC_SIZE(cmd)))
		return -EFAULT;
	mutex_lock(&importer->lock);
	error = importer_do(importer, cmd, number, &arg);
	mutex_unlock(&importer->lock);
	if (!error && (_IOC_DIR(cmd) & _IOC_READ) && copy_to_user(user, &arg, _IOC_SIZE(cmd)))
		return -EFAULT;
	return error;
}

/* As drivers do that show programs what they import. */
static int importer_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct importer *importer = file->private_data;
	int error = -EINVAL;

	/* mmap() holds a lock that is taken within this one for IMPORTER_SEGMENTS. */
	if (!mutex_trylock(&importer->lock))
		return -EBUSY;
	if (importer->dmabuf)
		error = dma_buf_mmap(importer->dmabuf, vma, vma->vm_pgoff);
	mutex_unlock(&importer->lock);
	return error;
}

static int importer_open(struct inode *inode, struct file *file)
{
	struct importer *importer = kzalloc(sizeof(*importer), GFP_KERNEL);

	if (!importer)
		return -ENOMEM;
	importer->platform =
		platform_device_register_simple(IMPORTER_NAME, PLATFORM_DEVID_AUTO, NULL, 0);
	if (IS_ERR(importer->platform)) {
		int error = PTR_ERR(importer->platform);

		kfree(importer);
		return error;
	}
	mutex_init(&importer->lock);
	platform_set_drvdata(importer->platform, importer);
	file->private_data = importer;
	return 0;
}

static int importer_release(struct inode *inode, struct file *file)
{
	struct importer *importer = file->private_data;

	importer_detach(importer);
	importer_leave_pci(importer);
	platform_device_unregister(importer->platform);
	mutex_destroy(&importer->lock);
	kfree(importer);
	return 0;
}

static const struct file_operations importer_fops = {
	.owner = THIS_MODULE,
	.open = importer_open,
	.release = importer_release,
	.unlocked_ioctl = importer_ioctl,
	.mmap = importer_mmap,
};

static struct miscdevice importer_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = IMPORTER_NAME,
	.fops = &importer_fops,
	.mode = 0600,
};

/* The importer whose own device is the probed function's first argument, or NULL. */
static struct importer *importer_synced(struct pt_regs *regs)
{
	struct device *device = (struct device *)regs_get_kernel_argument(regs, 0);

	if (device->bus != &platform_bus_type || !strstarts(dev_name(device), IMPORTER_NAME "."))
		return NULL;
	return dev_get_drvdata(device);
}

static int importer_count_for_cpu(struct kprobe *probe, struct pt_regs *regs)
{
	struct importer *importer = importer_synced(regs);

	if (importer)
		atomic_inc(&importer->for_cpu);
	return 0;
}

static int importer_count_for_device(struct kprobe *probe, struct pt_regs *regs)
{
	struct importer *importer = importer_synced(regs);

	if (importer)
		atomic_inc(&importer->for_device);
	return 0;
}

static struct kprobe importer_for_cpu = { .pre_handler = importer_count_for_cpu };
static struct kprobe importer_for_device = { .pre_handler = importer_count_for_device };

/* In newer kernels the plain name is an inline function. */
static int importer_probe(struct kprobe *probe, const char *name, const char *older)
{
	int error;

	probe->symbol_name = name;
	error = register_kprobe(probe);
	if (error == -ENOENT) {
		probe->addr = NULL;
		probe->symbol_name = older;
		error = register_kprobe(probe);
	}
	return error;
}

static int __init importer_init(void)
{
	int error;

	error = importer_probe(&importer_for_cpu, "__dma_sync_sg_for_cpu", "dma_sync_sg_for_cpu");
	if (error)
		return error;
	error = importer_probe(&importer_for_device, "__dma_sync_sg_for_device",
			       "dma_sync_sg_for_device");
	if (error)
		goto err_unregister_for_cpu;
	error = misc_register(&importer_misc);
	if (error)
		goto err_unregister_for_device;
	return 0;

err_unregister_for_device:
	unregister_kprobe(&importer_for_device);
err_unregister_for_cpu:
	unregister_kprobe(&importer_for_cpu);
	return error;
}
module_init(importer_init);

static void __exit importer_exit(void)
{
	misc_deregister(&importer_misc);
	unregister_kprobe(&importer_for_device);
	unregister_kprobe(&importer_for_cpu);
}
module_exit(importer_exit);

MODULE_DESCRIPTION("Devices of any limits that import dma-bufs at a program's command");
MODULE_LICENSE("GPL");
