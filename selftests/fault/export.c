// SPDX-License-Identifier: GPL-2.0-only
/*
 * Exports, and a device that imports them.  Not vmap(): where an exporter's fails, whatever
 * the reason, dma_buf_vmap() warns.
 */
#include "../export.h"
#include "../fs.h"
#include "../importer/importer.h"
#include "../seal.h"
#include "fault.h"

#define BUFFER (8 * KIB)
#define COUNT 8
#define SIZE (BUFFER * COUNT)

static bool have_pool(struct world *world)
{
	return world_full_pool(world, BUFFER, COUNT);
}

static int do_export(struct world *world)
{
	return world_keep(world, export(world->pool, 0, SIZE, 0));
}

static int do_export_read_only(struct world *world)
{
	return world_keep(world, export(world->pool, 0, SIZE, ZCPOOL_EXPORT_F_READ_ONLY));
}

static int do_export_unheld(struct world *world)
{
	return world_keep(world, export(world->pool, 0, SIZE, ZCPOOL_EXPORT_F_UNHELD));
}

static uint32_t exports(const struct world *world)
{
	return holder_of(world->pool, COUNT - 1).exports;
}

static bool exported(struct world *world, int result)
{
	return exports(world) == (result >= 0);
}

/* One that can be written to keeps a buffer from being sealed, also if nothing tells. */
static bool exported_unheld(struct world *world, int result)
{
	uint32_t index;
	int got = get_now(world->pool), error;

	if (got < 0)
		return false;
	index = got;
	error = seal_many(world->pool, &index, 1, 0, NULL);
	if (!error)
		unseal_many(world->pool, &index, 1, NULL);
	put_one(world->pool, index);
	return error == (result < 0 ? 0 : -EBUSY);
}

static bool have_export(struct world *world)
{
	return have_pool(world) && do_export(world) >= 0;
}

/* Instead of the handle's mapping. */
static bool have_export_alone(struct world *world)
{
	if (!have_export(world) || munmap(world->map, world->map_size))
		return false;
	world->map = NULL;
	return true;
}

static int do_map(struct world *world)
{
	return world_map(world, world->fds[0], SIZE) ? 0 : -errno;
}

static bool has_map(struct world *world, int result)
{
	return result < 0 ? !world->map : is_filled(world->map, SIZE);
}

static int do_sync(struct world *world)
{
	int error = sync_access(world->fds[0], DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);

	return error ? error : sync_access(world->fds[0], DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
}

static bool have_device(struct world *world)
{
	struct importer_device device = { .bits = 64, .max_segment = 4 * KIB };
	int fd = open("/dev/" IMPORTER_NAME, O_RDWR | O_CLOEXEC);

	return have_export(world) && world_keep(world, fd) >= 0 &&
	       !call(fd, IMPORTER_DEVICE, &device);
}

static int do_attach(struct world *world)
{
	return result_or_errno(ioctl(world->fds[1], IMPORTER_ATTACH, world->fds[0]));
}

static bool have_attachment(struct world *world)
{
	return have_device(world) && !do_attach(world);
}

static int do_map_device(struct world *world)
{
	return result_or_errno(ioctl(world->fds[1], IMPORTER_MAP, IMPORTER_BIDIRECTIONAL));
}

/* As many segments as the device's limit makes of it, or none. */
static bool mapped(struct world *world, int result)
{
	struct importer_segment list[32];
	struct importer_segments segments = {
		.segments = (uintptr_t)list,
		.count = 32,
	};
	int error = call(world->fds[1], IMPORTER_SEGMENTS, &segments);

	return result < 0 ? error : !error && segments.count == SIZE / (4 * KIB);
}

#define EXPORT(what, ...) \
	{ \
		.name = "export" what, .feature = ZCPOOL_FEATURE_EXPORT, __VA_ARGS__ \
	}

const struct path export_paths[] = {
	EXPORT("", .set_up = have_pool, .operate = do_export, .check = exported,
	       .must = MUST_SLAB | MUST_COPY),
	EXPORT(", read-only", .set_up = have_pool, .operate = do_export_read_only,
	       .check = exported, .must = MUST_SLAB | MUST_COPY),
	EXPORT(", unheld", .set_up = have_pool, .operate = do_export_unheld,
	       .check = exported_unheld, .must = MUST_SLAB | MUST_COPY),
	EXPORT(", mmap", .set_up = have_export_alone, .operate = do_map, .check = has_map,
	       .must = MUST_SLAB),
	EXPORT(", sync", .set_up = have_export, .operate = do_sync, .must = MUST_COPY),
	EXPORT(", attach", .set_up = have_device, .operate = do_attach, .must = MUST_SLAB),
	EXPORT(", map", .set_up = have_attachment, .operate = do_map_device, .check = mapped,
	       .must = MUST_SLAB),
	{},
};
