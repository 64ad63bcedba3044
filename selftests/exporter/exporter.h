/* SPDX-License-Identifier: GPL-2.0-only */
/* How programs have the exporter make dma-bufs, and what may be wrong with these. */
#ifndef ZCPOOL_SELFTEST_EXPORTER_H
#define ZCPOOL_SELFTEST_EXPORTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define EXPORTER_NAME "exporter"

/* Bytes of a dma-buf, in as many segments as pages, below 16 MiB. */
#define EXPORTER_SIZE 16384U
/* How many segments of EXPORTER_GAPS are empty. */
#define EXPORTER_GAP 1000

#define EXPORTER_GOOD 0
/** No device can attach a second time: EXDEV. */
#define EXPORTER_ONE_ATTACHMENT 1
/** It cannot be mapped: EDOM. */
#define EXPORTER_UNMAPPABLE 2
/** Half of it is mapped. */
#define EXPORTER_SHORT 3
/** Its last page is mapped at an address that no device reaches. */
#define EXPORTER_FAR 4
/** Nothing of it is mapped. */
#define EXPORTER_EMPTY 5
/** Behind its first segment there are EXPORTER_GAP of no bytes. */
#define EXPORTER_GAPS 6

/* The argument is one of the above; returns a descriptor. */
#define EXPORTER_EXPORT _IO('x', 0)

#endif /* ZCPOOL_SELFTEST_EXPORTER_H */
