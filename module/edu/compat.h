/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the supported kernels.  Included ahead of every source file;
 * EDU_HAVE_* come from the probes in Kbuild.
 */
#ifndef ZCPOOL_EDU_COMPAT_H
#define ZCPOOL_EDU_COMPAT_H

#include <linux/module.h>

/* The symbols of dma-buf are exported to those who say that they use them. */
#ifdef EDU_HAVE_IMPORT_NS_STRING
#define EDU_IMPORT_NS_DMA_BUF MODULE_IMPORT_NS("DMA_BUF")
#else
#define EDU_IMPORT_NS_DMA_BUF MODULE_IMPORT_NS(DMA_BUF)
#endif

#endif /* ZCPOOL_EDU_COMPAT_H */
