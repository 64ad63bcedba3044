// SPDX-License-Identifier: GPL-2.0-only
/* Dma-bufs made of the memory, and memory taken from dma-bufs. */
#include <errno.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "probe.h"

/* Begin or end an access by the processor: what tells a dma-buf from any other file. */
static int sync_access(int dma_buf, uint64_t what)
{
	struct dma_buf_sync sync = { .flags = what | DMA_BUF_SYNC_RW };

	return ioctl(dma_buf, DMA_BUF_IOCTL_SYNC, &sync);
}

struct answer ask_export(struct object *object)
{
	int dma_buf;
	char *map;

	object->call = "";
	dma_buf = object->peer->export(object);
	if (dma_buf < 0)
		return failed(dma_buf, "%s", object->call);
	if (sync_access(dma_buf, DMA_BUF_SYNC_START))
		return failed(errno, "DMA_BUF_IOCTL_SYNC");
	if (!object->map)
		return no("it cannot be mapped, so that what is exported cannot be told");
	map = map_aligned(dma_buf, SIZE, PROT_READ | PROT_WRITE);
	if (!map)
		return failed(errno, "mmap() of the dma-buf");
	fill(object->map, SIZE, 1);
	if (!holds(map, SIZE, 1))
		return no("the dma-buf shows other bytes");
	fill(map, SIZE, 2);
	if (sync_access(dma_buf, DMA_BUF_SYNC_END))
		return failed(errno, "DMA_BUF_IOCTL_SYNC");
	if (!holds(object->map, SIZE, 2))
		return no("the dma-buf is a copy");
	return yes("%s", object->call);
}

struct answer ask_import(struct object *object)
{
	const char *exporter;
	int dma_buf, error;
	char *map;

	dma_buf = foreign_dma_buf(3, &exporter);
	if (dma_buf < 0)
		return failed(dma_buf, "there is no dma-buf to import");
	if (object->map)
		fill(object->map, SIZE, 1);
	object->call = "";
	error = object->peer->import(object, dma_buf);
	if (error)
		return failed(error, "%s, of one of %s", object->call, exporter);
	if (!object->map || !holds(object->map, PIECE, 3))
		return no("%s, of one of %s: it shows other bytes", object->call, exporter);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dma_buf, 0);
	if (map == MAP_FAILED)
		return failed(errno, "mmap() of the dma-buf");
	fill(map, PIECE, 4);
	if (!holds(object->map, PIECE, 4))
		return no("%s, of one of %s: it is a copy", object->call, exporter);
	return yes("%s, of one of %s", object->call, exporter);
}
