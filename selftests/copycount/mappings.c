// SPDX-License-Identifier: GPL-2.0-only
/*
 * DMA: kretprobes on the functions by which drivers map memory for their devices.
 * What is mapped is taken for moved: a driver maps what it has the device transfer.
 */
#include <linux/dma-mapping.h>
#include <linux/kprobes.h>
#include <linux/ptrace.h>
#include <linux/scatterlist.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "copycount.h"

#define NAME_LENGTH 24
#define NR_DEVICES 16
#define NR_MAPPINGS 65536
/* Calls under way at a time, on all processors; more are missed, and counted. */
#define NR_CALLS 64

static const char *const kinds[] = {
	[DMA_BIDIRECTIONAL] = "both_ways",
	[DMA_TO_DEVICE] = "to_device",
	[DMA_FROM_DEVICE] = "from_device",
};

/**
 * struct device_count - DMA of a device
 * @name: of the device, empty: none yet
 * @bytes: mapped, by direction
 * @times: pieces mapped, by direction
 */
struct device_count {
	char name[NAME_LENGTH];
	u64 bytes[DMA_NONE];
	u64 times[DMA_NONE];
};

/**
 * struct mapping - a piece of memory that was mapped
 * @device: index of its device
 * @direction: of the transfer
 * @phys: physical address
 * @dma: address that the device uses
 * @length: bytes
 */
struct mapping {
	u16 device;
	u16 direction;
	u32 length;
	phys_addr_t phys;
	dma_addr_t dma;
};

/* Protects all that follows; the functions are called in any context. */
static DEFINE_RAW_SPINLOCK(lock);
static struct device_count devices[NR_DEVICES];
static struct mapping mappings[NR_MAPPINGS];
static unsigned int nr_mappings;
static unsigned long nr_lost;

/**
 * struct call - a call of a function that maps, under way
 * @device: for which
 * @list: entries that are mapped, NULL: one piece
 * @nr: how many entries
 * @direction: of the transfer
 * @phys: physical address of the piece
 * @length: its bytes
 */
struct call {
	struct device *device;
	struct scatterlist *list;
	unsigned int nr;
	enum dma_data_direction direction;
	phys_addr_t phys;
	size_t length;
};

static unsigned int find_device(const char *name)
{
	unsigned int i;

	for (i = 0; i < NR_DEVICES - 1; i++) {
		if (!devices[i].name[0])
			strscpy(devices[i].name, name, NAME_LENGTH);
		if (!strncmp(devices[i].name, name, NAME_LENGTH - 1))
			return i;
	}
	/* All others in one. */
	strscpy(devices[i].name, "others", NAME_LENGTH);
	return i;
}

static void add(unsigned int device, enum dma_data_direction direction, phys_addr_t phys,
		dma_addr_t dma, size_t length)
{
	devices[device].bytes[direction] += length;
	devices[device].times[direction]++;
	if (nr_mappings == NR_MAPPINGS) {
		nr_lost++;
		return;
	}
	mappings[nr_mappings++] = (struct mapping){
		.device = device,
		.direction = direction,
		.length = length,
		.phys = phys,
		.dma = dma,
	};
}

/*
 * The entries of a list have what was asked for, and beside that, merged into fewer
 * pieces maybe, where the device finds it: the same bytes in the same order.
 */
static void add_list(unsigned int device, const struct call *call)
{
	struct scatterlist *sg, *mapped = call->list;
	size_t done = 0;
	unsigned int i;

	for_each_sg(call->list, sg, call->nr, i) {
		if (done == sg_dma_len(mapped)) {
			mapped = sg_next(mapped);
			done = 0;
		}
		if (!mapped)
			return;
		add(device, call->direction, sg_phys(sg), sg_dma_address(mapped) + done,
		    sg->length);
		done += sg->length;
	}
}

static void record(const struct call *call, dma_addr_t dma)
{
	unsigned long flags;
	unsigned int device;

	if ((unsigned int)call->direction >= DMA_NONE)
		return;
	raw_spin_lock_irqsave(&lock, flags);
	device = find_device(dev_name(call->device));
	if (call->list)
		add_list(device, call);
	else
		add(device, call->direction, call->phys, dma, call->length);
	raw_spin_unlock_irqrestore(&lock, flags);
}

/* dma_map_page_attrs(device, page, offset, size, direction, attributes) */
static int enter_page(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct call *call = (void *)instance->data;
	struct page *page = (void *)regs_get_kernel_argument(regs, 1);

	if (!copycount_on())
		return 1;
	*call = (struct call){
		.device = (void *)regs_get_kernel_argument(regs, 0),
		.phys = page_to_phys(page) + regs_get_kernel_argument(regs, 2),
		.length = regs_get_kernel_argument(regs, 3),
		.direction = regs_get_kernel_argument(regs, 4),
	};
	return 0;
}

/* dma_map_phys(device, address, size, direction, attributes) */
static int enter_phys(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct call *call = (void *)instance->data;

	if (!copycount_on())
		return 1;
	*call = (struct call){
		.device = (void *)regs_get_kernel_argument(regs, 0),
		.phys = regs_get_kernel_argument(regs, 1),
		.length = regs_get_kernel_argument(regs, 2),
		.direction = regs_get_kernel_argument(regs, 3),
	};
	return 0;
}

static int leave_piece(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	dma_addr_t dma = regs_return_value(regs);

	if (dma != DMA_MAPPING_ERROR)
		record((void *)instance->data, dma);
	return 0;
}

/* dma_map_sg_attrs(device, list, entries, direction, attributes) */
static int enter_list(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct call *call = (void *)instance->data;

	if (!copycount_on())
		return 1;
	*call = (struct call){
		.device = (void *)regs_get_kernel_argument(regs, 0),
		.list = (void *)regs_get_kernel_argument(regs, 1),
		.nr = regs_get_kernel_argument(regs, 2),
		.direction = regs_get_kernel_argument(regs, 3),
	};
	return 0;
}

static int leave_list(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if ((int)regs_return_value(regs) > 0)
		record((void *)instance->data, 0);
	return 0;
}

/* dma_map_sgtable(device, table, direction, attributes) */
static int enter_table(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct sg_table *table = (void *)regs_get_kernel_argument(regs, 1);
	struct call *call = (void *)instance->data;

	if (!copycount_on())
		return 1;
	*call = (struct call){
		.device = (void *)regs_get_kernel_argument(regs, 0),
		.list = table->sgl,
		.nr = table->orig_nents,
		.direction = regs_get_kernel_argument(regs, 2),
	};
	return 0;
}

static int leave_table(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	if (!(int)regs_return_value(regs))
		record((void *)instance->data, 0);
	return 0;
}

#define PROBE(name, enter, leave) \
	{ \
		.kretprobe = { .kp.symbol_name = #name, \
			       .entry_handler = (enter), \
			       .handler = (leave), \
			       .data_size = sizeof(struct call), \
			       .maxactive = NR_CALLS }, \
	}

/* Of the first two a kernel has one that all pieces come by. */
static struct copycount_probe probes[] = {
	PROBE(dma_map_phys, enter_phys, leave_piece),
	PROBE(dma_map_page_attrs, enter_page, leave_piece),
	PROBE(dma_map_sg_attrs, enter_list, leave_list),
	PROBE(dma_map_sgtable, enter_table, leave_table),
};

void copycount_mappings_clear(void)
{
	unsigned long flags;
	unsigned int i;

	raw_spin_lock_irqsave(&lock, flags);
	memset(devices, 0, sizeof(devices));
	nr_mappings = 0;
	nr_lost = 0;
	for (i = 0; i < ARRAY_SIZE(probes); i++)
		probes[i].kretprobe.nmissed = 0;
	raw_spin_unlock_irqrestore(&lock, flags);
}

void copycount_mappings_show(struct seq_file *m)
{
	unsigned int i, kind;

	for (i = 0; i < NR_DEVICES; i++)
		for (kind = 0; kind < DMA_NONE; kind++)
			if (devices[i].times[kind])
				seq_printf(m, "%s %s %llu %llu\n", kinds[kind], devices[i].name,
					   devices[i].bytes[kind], devices[i].times[kind]);
}

void copycount_mappings_show_all(struct seq_file *m)
{
	unsigned long lost = nr_lost;
	unsigned int i;

	for (i = 0; i < nr_mappings; i++) {
		const struct mapping *mapping = &mappings[i];

		seq_printf(m, "%s %s %llx %llx %x\n", devices[mapping->device].name,
			   kinds[mapping->direction], (u64)mapping->phys, (u64)mapping->dma,
			   mapping->length);
	}
	for (i = 0; i < ARRAY_SIZE(probes); i++)
		lost += probes[i].kretprobe.nmissed;
	seq_printf(m, "lost %lu\n", lost);
}

void copycount_mappings_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++)
		copycount_probe_unregister(&probes[i]);
}

int __init copycount_mappings_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		struct kretprobe *kretprobe = &probes[i].kretprobe;
		int error;

		if (kretprobe->entry_handler == enter_page && probes[0].kretprobe.kp.addr)
			continue;
		error = copycount_probe_register(&probes[i]);
		if (!error && !kretprobe->kp.addr && kretprobe->entry_handler != enter_phys)
			error = -ENOENT;
		if (error) {
			copycount_mappings_exit();
			return error;
		}
	}
	return 0;
}
