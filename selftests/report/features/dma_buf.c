// SPDX-License-Identifier: GPL-2.0-only
/* Dma-bufs made of the memory, and memory taken from dma-bufs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "probe.h"

/*
 * By what is told of an open file.  DMA_BUF_IOCTL_SYNC would do as well, but has udmabuf map
 * the memory for a device that takes no more than 64 KiB in one piece, whatever the pieces
 * are, of which a kernel that checks DMA complains; and of processors whose caches are
 * coherent nothing depends on it.
 */
static bool is_dma_buf(int fd)
{
	char path[64], line[128];
	bool named = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		named |= !strncmp(line, "exp_name:", 9);
	if (file)
		fclose(file);
	return named;
}

struct answer ask_export(struct object *object)
{
	int dma_buf;
	char *map;

	if (object->fd < 0)
		return no("it has no descriptor");
	object->call = "";
	dma_buf = object->peer->export(object);
	if (dma_buf < 0)
		return failed(dma_buf, "%s", object->call);
	if (!is_dma_buf(dma_buf))
		return no("%s makes no dma-buf", object->call);
	if (!object->map)
		return no("it cannot be mapped, so that what is exported cannot be told");
	map = map_aligned(dma_buf, SIZE, PROT_READ | PROT_WRITE);
	if (!map)
		return failed(errno, "mmap() of the dma-buf");
	fill(object->map, SIZE, 1);
	if (!holds(map, SIZE, 1))
		return no("the dma-buf shows other bytes");
	fill(map, SIZE, 2);
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
		return failed(error, "%s, given one of %s", object->call, exporter);
	if (!object->map || !holds(object->map, PIECE, 3))
		return no("%s, given one of %s: it shows other bytes", object->call, exporter);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dma_buf, 0);
	if (map == MAP_FAILED)
		return failed(errno, "mmap() of the dma-buf");
	fill(map, PIECE, 4);
	if (!holds(object->map, PIECE, 4))
		return no("%s, given one of %s: it is a copy", object->call, exporter);
	return yes("%s, given one of %s", object->call, exporter);
}
