// SPDX-License-Identifier: GPL-2.0-only
/* The registers of QEMU's edu device, and its interrupt. */
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>

#include "edu.h"

/* Where the registers are. */
#define EDU_BAR 0

/* Registers of 32 bits, by their offsets. */
#define EDU_ID 0x00
#define EDU_LIVENESS 0x04 /* reads as the complement of what was written */
#define EDU_IRQ_STATUS 0x24
#define EDU_IRQ_ACKNOWLEDGE 0x64

/* Registers of 64 bits: writes are ignored while a transfer is under way. */
#define EDU_DMA_SOURCE 0x80
#define EDU_DMA_DESTINATION 0x88
#define EDU_DMA_COUNT 0x90
#define EDU_DMA_COMMAND 0x98

/* What the registers take at least of BAR 0, which has 1 MiB. */
#define EDU_REGISTERS_SIZE 0xa0

/* The low byte of EDU_ID; its upper half is a version. */
#define EDU_ID_BYTE 0xed
/* Bit of EDU_IRQ_*: a transfer is over. */
#define EDU_IRQ_DMA 0x100U
/* Bits of EDU_DMA_COMMAND; the first one reads as 0 when the transfer is over. */
#define EDU_DMA_START BIT_ULL(0)
#define EDU_DMA_FROM_DEVICE BIT_ULL(1)
#define EDU_DMA_INTERRUPT BIT_ULL(2)
/* Where the DMA registers have the device's memory. */
#define EDU_DMA_MEMORY 0x40000U

/**
 * edu_hardware_map() - map the registers
 * @edu: device, enabled
 *
 * Return: 0; -ENODEV if there cannot be such registers, -EBUSY if somebody else has
 * them, or -ENOMEM.
 */
int edu_hardware_map(struct edu_device *edu)
{
	struct pci_dev *pdev = edu->pdev;
	int error;

	if (!(pci_resource_flags(pdev, EDU_BAR) & IORESOURCE_MEM) ||
	    pci_resource_len(pdev, EDU_BAR) < EDU_REGISTERS_SIZE)
		return -ENODEV;
	error = pci_request_region(pdev, EDU_BAR, KBUILD_MODNAME);
	if (error)
		return error;
	edu->registers = pci_iomap(pdev, EDU_BAR, EDU_REGISTERS_SIZE);
	if (edu->registers)
		return 0;
	pci_release_region(pdev, EDU_BAR);
	return -ENOMEM;
}

/**
 * edu_hardware_unmap() - undo edu_hardware_map()
 * @edu: device
 */
void edu_hardware_unmap(struct edu_device *edu)
{
	pci_iounmap(edu->pdev, edu->registers);
	pci_release_region(edu->pdev, EDU_BAR);
}

/**
 * edu_hardware_check() - make sure that this is the device, and that it answers
 * @edu: device, its registers mapped
 *
 * Return: 0 or -ENODEV.
 */
int edu_hardware_check(struct edu_device *edu)
{
	const u32 value = 0x5a5a1234;

	if ((readl(edu->registers + EDU_ID) & 0xff) != EDU_ID_BYTE)
		return -ENODEV;
	writel(value, edu->registers + EDU_LIVENESS);
	return readl(edu->registers + EDU_LIVENESS) == ~value ? 0 : -ENODEV;
}

/**
 * edu_hardware_settle() - bring the device to rest
 * @edu: device, not allowed to reach memory
 *
 * Whoever drove it before may have left a transfer under way, which must find no
 * memory: its addresses are somebody else's by now.
 *
 * Context: process; sleeps.
 *
 * Return: 0 or -EBUSY.
 */
int edu_hardware_settle(struct edu_device *edu)
{
	u64 command;

	if (readq_poll_timeout(edu->registers + EDU_DMA_COMMAND, command,
			       !(command & EDU_DMA_START), 10 * USEC_PER_MSEC,
			       edu_timeout_ms() * USEC_PER_MSEC))
		return -EBUSY;
	writel(U32_MAX, edu->registers + EDU_IRQ_ACKNOWLEDGE);
	return 0;
}

/**
 * edu_hardware_start() - have the device begin a transfer
 * @edu: device, with no transfer under way
 * @transfer: transfer; an interrupt comes when it is over
 */
void edu_hardware_start(struct edu_device *edu, const struct edu_transfer *transfer)
{
	u64 memory = EDU_DMA_MEMORY + transfer->position;
	u64 command = EDU_DMA_START | EDU_DMA_INTERRUPT;
	u64 source = transfer->address;
	u64 destination = memory;

	if (transfer->direction == DMA_FROM_DEVICE) {
		command |= EDU_DMA_FROM_DEVICE;
		source = memory;
		destination = transfer->address;
	}
	writeq(source, edu->registers + EDU_DMA_SOURCE);
	writeq(destination, edu->registers + EDU_DMA_DESTINATION);
	writeq(transfer->length, edu->registers + EDU_DMA_COUNT);
	/* writeq() lets what was written to memory before be seen by the device first. */
	writeq(command, edu->registers + EDU_DMA_COMMAND);
}

/**
 * edu_hardware_stop() - keep the device from reaching memory, now and later
 * @edu: device
 *
 * The last resort, for it ends the interrupts as well.
 *
 * Context: process; sleeps.
 */
void edu_hardware_stop(struct edu_device *edu)
{
	pci_clear_master(edu->pdev);
	/*
	 * What it sent before may still be on its way: reads, whose answers it waits for,
	 * and writes, which the answer to a read of ours comes behind.
	 */
	pci_wait_for_pending_transaction(edu->pdev);
	readl(edu->registers + EDU_ID);
}

/**
 * edu_hardware_interrupt() - irq_handler_t of the message-signalled interrupt
 * @irq: its number
 * @data: device
 */
irqreturn_t edu_hardware_interrupt(int irq, void *data)
{
	struct edu_device *edu = data;
	u32 status = readl(edu->registers + EDU_IRQ_STATUS);

	/* All ones is what is read of a device that is not there. */
	if (!status || status == U32_MAX)
		return IRQ_NONE;
	writel(status, edu->registers + EDU_IRQ_ACKNOWLEDGE);
	if (status & EDU_IRQ_DMA) {
		/* Seen by the engine, since queueing its work is a full barrier. */
		WRITE_ONCE(edu->interrupted, true);
		edu_engine_kick(edu);
	}
	return IRQ_HANDLED;
}
