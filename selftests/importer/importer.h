/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What selftests/importer offers: an open file of /dev/importer is a device that imports
 * one dma-buf.
 */
#ifndef ZCPOOL_SELFTEST_IMPORTER_H
#define ZCPOOL_SELFTEST_IMPORTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IMPORTER_NAME "importer"

/**
 * struct importer_device - the device that an open file is
 * @pci: name of a PCI device to take the place of; empty: a device of its own, without
 *       a bus and an IOMMU
 * @bits: of the addresses it reaches; 0: it cannot do DMA at all
 * @max_segment: most bytes of a segment; 0: the kernel's default
 * @boundary: no segment crosses a multiple of this and one; 0: the kernel's default
 */
struct importer_device {
	char pci[24];
	__u32 bits;
	__u32 max_segment;
	__u64 boundary;
};

/**
 * struct importer_segment - what a device is given to work on
 * @address: as the device has it
 * @length: bytes
 */
struct importer_segment {
	__u64 address;
	__u64 length;
};

/**
 * struct importer_segments - the segments of what is mapped
 * @segments: in: user address of an array of @count struct importer_segment
 * @count: in: entries in the array; out: segments
 */
struct importer_segments {
	__u64 segments;
	__u64 count;
};

/**
 * struct importer_access - four bytes that are read or written
 * @at: the device's address, or an offset in the dma-buf as vmap shows it
 * @physical: out: where in memory that is
 * @value: in, to write; out, to read
 * @write: whether to write
 */
struct importer_access {
	__u64 at;
	__u64 physical;
	__u32 value;
	__u32 write;
};

/**
 * struct importer_syncs - how often memory was synchronised for this device
 * @for_cpu: before the processor's access
 * @for_device: after it
 */
struct importer_syncs {
	__u32 for_cpu;
	__u32 for_device;
};

/* Values of enum dma_data_direction. */
#define IMPORTER_BIDIRECTIONAL 0
#define IMPORTER_TO_DEVICE 1
#define IMPORTER_FROM_DEVICE 2

#define IMPORTER_DEVICE _IOW('i', 0, struct importer_device)
/* Takes a descriptor. */
#define IMPORTER_ATTACH _IO('i', 1)
#define IMPORTER_DETACH _IO('i', 2)
/* Takes a direction. */
#define IMPORTER_MAP _IO('i', 3)
#define IMPORTER_UNMAP _IO('i', 4)
#define IMPORTER_SEGMENTS _IOWR('i', 5, struct importer_segments)
/* As the device does it. */
#define IMPORTER_ACCESS _IOWR('i', 6, struct importer_access)
#define IMPORTER_VMAP _IO('i', 7)
#define IMPORTER_VUNMAP _IO('i', 8)
/* As a driver does it that copies. */
#define IMPORTER_VMAP_ACCESS _IOWR('i', 9, struct importer_access)
#define IMPORTER_SYNCS _IOR('i', 10, struct importer_syncs)

#endif /* ZCPOOL_SELFTEST_IMPORTER_H */
