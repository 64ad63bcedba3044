// SPDX-License-Identifier: GPL-2.0-only
/* The PCI driver: what comes and goes with a device, and with the module. */
#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "edu.h"

/* How the device calls itself: QEMU has no other vendor's number for it. */
#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8

/* A transfer takes 100 ms, of the guest's time, in which other guests may run. */
#define EDU_TIMEOUT_MIN_MS 200U
#define EDU_TIMEOUT_MAX_MS 60000U

static uint dma_bits = 28;
module_param(dma_bits, uint, 0444);
MODULE_PARM_DESC(dma_bits, "Address bits of the device, its property dma_mask (default 28)");

static uint timeout_ms = 10000;
module_param(timeout_ms, uint, 0644);
MODULE_PARM_DESC(timeout_ms, "Longest time of a transfer, 200 to 60000 ms (default 10000)");

static DEFINE_IDA(edu_numbers);

/** edu_dma_bits() - what of an address the device knows */
u32 edu_dma_bits(void)
{
	return dma_bits;
}

/** edu_timeout_ms() - longest time of a transfer */
u32 edu_timeout_ms(void)
{
	return clamp(READ_ONCE(timeout_ms), EDU_TIMEOUT_MIN_MS, EDU_TIMEOUT_MAX_MS);
}

static void edu_device_release(struct kref *refs)
{
	struct edu_device *edu = container_of(refs, struct edu_device, refs);

	kfree(edu);
}

/**
 * edu_device_put() - drop a reference to a device
 * @edu: device
 */
void edu_device_put(struct edu_device *edu)
{
	kref_put(&edu->refs, edu_device_release);
}

static struct edu_device *edu_device_create(struct pci_dev *pdev)
{
	struct edu_device *edu = kzalloc(sizeof(*edu), GFP_KERNEL);

	if (!edu)
		return ERR_PTR(-ENOMEM);
	kref_init(&edu->refs);
	edu->pdev = pdev;
	init_rwsem(&edu->presence);
	spin_lock_init(&edu->lock);
	INIT_LIST_HEAD(&edu->files);
	INIT_LIST_HEAD(&edu->memories);

	edu->number = ida_alloc(&edu_numbers, GFP_KERNEL);
	if (edu->number < 0) {
		int error = edu->number;

		edu_device_put(edu);
		return ERR_PTR(error);
	}
	snprintf(edu->name, sizeof(edu->name), "zcpool-edu%d", edu->number);
	edu->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = edu->name,
		.fops = &edu_file_fops,
		.parent = &pdev->dev,
		.mode = 0660,
	};
	return edu;
}

/* Make the device usable, but for memory, which it must not reach yet. */
static int edu_device_enable(struct edu_device *edu)
{
	struct pci_dev *pdev = edu->pdev;
	int error;

	error = pci_enable_device_mem(pdev);
	if (error)
		return error;
	/* Firmware, or a driver that did not end well, may have left it on. */
	pci_clear_master(pdev);
	error = edu_hardware_map(edu);
	if (error)
		goto err_disable_device;
	error = edu_hardware_check(edu);
	if (!error)
		error = edu_hardware_settle(edu);
	if (error)
		goto err_unmap_registers;
	return 0;

err_unmap_registers:
	edu_hardware_unmap(edu);
err_disable_device:
	pci_disable_device(pdev);
	return error;
}

static void edu_device_disable(struct edu_device *edu)
{
	edu_hardware_unmap(edu);
	pci_disable_device(edu->pdev);
}

/* What of memory the device reaches. */
static int edu_dma_init(struct pci_dev *pdev)
{
	int error = -EINVAL;

	if (dma_bits && dma_bits <= 64)
		error = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(dma_bits));
	if (error)
		return dev_err_probe(&pdev->dev, error, "no DMA with dma_bits=%u\n", dma_bits);
	/* Segments of any size will do: requests are cut into transfers anyway. */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	return 0;
}

static int edu_interrupt_init(struct edu_device *edu)
{
	struct pci_dev *pdev = edu->pdev;
	int error;

	/*
	 * No INTx: unlike a message, that interrupt does not come behind the data on the
	 * bus, and it may be shared.
	 */
	error = pci_alloc_irq_vectors(pdev, 1, 1, PCI_IRQ_MSI);
	if (error < 0)
		return dev_err_probe(&pdev->dev, error, "no message-signalled interrupt\n");
	error = request_irq(pci_irq_vector(pdev, 0), edu_hardware_interrupt, 0, edu->name, edu);
	if (error)
		pci_free_irq_vectors(pdev);
	return error;
}

static void edu_interrupt_destroy(struct edu_device *edu)
{
	free_irq(pci_irq_vector(edu->pdev, 0), edu);
	pci_free_irq_vectors(edu->pdev);
}

static int edu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct edu_device *edu;
	int error;

	edu = edu_device_create(pdev);
	if (IS_ERR(edu))
		return PTR_ERR(edu);
	error = edu_device_enable(edu);
	if (error) {
		dev_err_probe(&pdev->dev, error, "no edu device, or one that is not at rest\n");
		goto err_free_number;
	}
	error = edu_dma_init(pdev);
	if (error)
		goto err_disable_device;
	error = edu_engine_init(edu);
	if (error)
		goto err_disable_device;
	error = edu_interrupt_init(edu);
	if (error)
		goto err_destroy_engine;

	pci_set_master(pdev);
	pci_set_drvdata(pdev, edu);
	error = misc_register(&edu->misc);
	if (error)
		goto err_clear_master;
	pci_info(pdev, "/dev/%s, DMA to addresses below 2^%u\n", edu->name, dma_bits);
	return 0;

err_clear_master:
	pci_clear_master(pdev);
	edu_interrupt_destroy(edu);
err_destroy_engine:
	edu_engine_destroy(edu);
err_disable_device:
	edu_device_disable(edu);
err_free_number:
	ida_free(&edu_numbers, edu->number);
	edu_device_put(edu);
	return error;
}

/*
 * The PCI device goes: by unbinding, unplugging or the module's end.  Files may be
 * open, calls and transfers under way.
 */
static void edu_remove(struct pci_dev *pdev)
{
	struct edu_device *edu = pci_get_drvdata(pdev);

	misc_deregister(&edu->misc);
	down_write(&edu->presence);
	edu_engine_end(edu);
	edu_memories_detach(edu);
	up_write(&edu->presence);

	/* From here on nobody but the interrupt handler and the engine uses the device. */
	pci_clear_master(pdev);
	edu_interrupt_destroy(edu);
	edu_engine_destroy(edu);
	edu_device_disable(edu);
	ida_free(&edu_numbers, edu->number);
	edu_device_put(edu);
}

static const struct pci_device_id edu_ids[] = {
	{ PCI_DEVICE(EDU_VENDOR, EDU_DEVICE) },
	{},
};
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = KBUILD_MODNAME,
	.id_table = edu_ids,
	.probe = edu_probe,
	.remove = edu_remove,
};
module_pci_driver(edu_driver);

MODULE_DESCRIPTION("DMA between QEMU's edu device and dma-bufs");
MODULE_AUTHOR("The zcpool authors");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
EDU_IMPORT_NS_DMA_BUF;
