// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of every kind: made, touched, moved, split, inherited, pinned. */
#include <sys/uio.h>

#include "../export.h"
#include "../fs.h"
#include "../view.h"
#include "fault.h"

#define PAGE (4 * KIB)
#define BUFFER (8 * KIB)
#define COUNT 4
#define SIZE (BUFFER * COUNT)
#define DISK "/dev/nvme0n1"

/* What is mapped, and how. */
static int mapped_fd, map_flags;

static bool use(int fd, int flags)
{
	mapped_fd = fd;
	map_flags = flags;
	return fd >= 0;
}

static bool have_handle(struct world *world)
{
	return world_pool(world, BUFFER, COUNT, 0) && use(world->pool, MAP_SHARED);
}

static bool have_huge(struct world *world)
{
	return world_pool(world, 2 * MIB, 1, 0) && use(world->pool, MAP_SHARED);
}

static bool have_isolated(struct world *world)
{
	uint32_t indices[COUNT];

	return world_pool(world, BUFFER, COUNT, ZCPOOL_CREATE_F_ISOLATED) &&
	       get_many(world->pool, indices, COUNT, ZCPOOL_GET_F_NONBLOCK, 0) == COUNT &&
	       use(world->pool, MAP_SHARED);
}

static bool have_view(struct world *world)
{
	return world_pool(world, BUFFER, COUNT, 0) &&
	       use(world_keep(world, view(world->pool, 0, SIZE, ZCPOOL_VIEW_F_WRITABLE, 0600)),
		   MAP_SHARED);
}

static bool have_private(struct world *world)
{
	return have_view(world) && use(mapped_fd, MAP_PRIVATE);
}

static bool have_export(struct world *world)
{
	return world_pool(world, BUFFER, COUNT, 0) &&
	       use(world_keep(world, export(world->pool, 0, SIZE, 0)), MAP_SHARED);
}

static bool have_file(struct world *world)
{
	return world_mount(world) && use(world_keep(world, new_file(FILE_A, SIZE)), MAP_SHARED);
}

static int map_with(struct world *world, int flags)
{
	size_t size = world->pool >= 0 ? world->count * (size_t)BUFFER : SIZE;
	void *map;

	if (world->count == 1)
		size = 2 * MIB;
	map = mmap(REMOTE, size, PROT_READ | PROT_WRITE, map_flags | flags, mapped_fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	world->map = map;
	world->map_size = size;
	return 0;
}

static int do_map(struct world *world)
{
	return map_with(world, 0);
}

/* Pages that could not be mapped at once are mapped when they are touched. */
static int do_populate(struct world *world)
{
	return map_with(world, MAP_POPULATE);
}

static void touch(struct world *world)
{
	size_t i;

	for (i = 0; i < world->map_size; i += PAGE)
		((volatile char *)world->map)[i] = i / PAGE + 1;
}

static int do_touch(struct world *world)
{
	touch(world);
	return 0;
}

static bool touched(struct world *world, int result)
{
	size_t i;

	(void)result;
	for (i = 0; i < world->map_size; i += PAGE)
		if (((volatile char *)world->map)[i] != (char)(i / PAGE + 1))
			return false;
	return true;
}

/* And it can be touched. */
static bool made(struct world *world, int result)
{
	if (result < 0)
		return !world->map;
	touch(world);
	return touched(world, 0);
}

#define HAVE_MAPPED(what) \
	static bool have_mapped_##what(struct world *world) \
	{ \
		return have_##what(world) && !do_map(world); \
	} \
	static bool have_touched_##what(struct world *world) \
	{ \
		if (!have_mapped_##what(world)) \
			return false; \
		touch(world); \
		return true; \
	}
HAVE_MAPPED(handle)
HAVE_MAPPED(huge)
HAVE_MAPPED(isolated)
HAVE_MAPPED(view)
HAVE_MAPPED(private)
HAVE_MAPPED(export)
HAVE_MAPPED(file)

/* To where nothing else is, there and back. */
static char *const places[] = { (char *)0x200000000000UL, (char *)0x200004000000UL };

static int do_move(struct world *world)
{
	char *to = places[world->map == places[0]];
	void *map;

	map = mremap(world->map, world->map_size, world->map_size, MREMAP_MAYMOVE | MREMAP_FIXED,
		     to);
	if (map == MAP_FAILED)
		return -errno;
	world->map = map;
	return 0;
}

/* What was moved may stay where it was as well, see unmap_source_vma() in mm/mremap.c. */
static void leave_places(struct world *world)
{
	munmap(REMOTE, world->map_size);
	munmap(places[0], world->map_size);
	munmap(places[1], world->map_size);
}

/* One mapping becomes three. */
static int do_protect(struct world *world)
{
	return result_or_errno(mprotect(world->map + PAGE, PAGE, PROT_READ));
}

/* Or two. */
static int do_cut(struct world *world)
{
	return result_or_errno(munmap(world->map + PAGE, PAGE));
}

static bool cut(struct world *world, int result)
{
	if (result < 0)
		return touched(world, result);
	return world->map[0] == 1 && world->map[2 * PAGE] == 3;
}

/* Without what the C library does beside. */
static int do_fork(struct world *world)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	(void)world;
	if (!pid)
		_exit(0);
	return result_or_errno(pid);
}

static bool forked(struct world *world, int result)
{
	if (result >= 0 && wait_status(result))
		return false;
	return touched(world, result);
}

static int do_direct_read(struct world *world)
{
	return result_or_errno(pread(world->fds[0], world->map, SIZE, 0));
}

static int do_direct_write(struct world *world)
{
	return result_or_errno(pwrite(world->fds[0], world->map, SIZE, 0));
}

static bool have_disk(struct world *world)
{
	return have_mapped_handle(world) &&
	       world_keep(world, open(DISK, O_RDWR | O_DIRECT | O_CLOEXEC)) >= 0;
}

static bool have_pipe(struct world *world)
{
	int ends[2];

	return have_mapped_handle(world) && !pipe2(ends, O_CLOEXEC) &&
	       world_keep(world, ends[0]) >= 0 && world_keep(world, ends[1]) >= 0;
}

static int do_vmsplice(struct world *world)
{
	struct iovec iov = { world->map, SIZE };

	return result_or_errno(vmsplice(world->fds[1], &iov, 1, SPLICE_F_NONBLOCK));
}

/* Everything that becomes of mappings of a kind. */
#define MAPPING(kind) \
	{ .name = "mmap, " #kind, \
	  .set_up = have_##kind, \
	  .operate = do_map, \
	  .check = made, \
	  .must = MUST_SLAB }, \
		{ .name = "mmap, populate, " #kind, \
		  .set_up = have_##kind, \
		  .operate = do_populate, \
		  .check = made, \
		  .must = MUST_SLAB }, \
		{ .name = "touch, " #kind, \
		  .set_up = have_mapped_##kind, \
		  .operate = do_touch, \
		  .check = touched, \
		  .flags = PATH_ENDLESS, \
		  .must = MUST_PAGE }, \
		{ .name = "mremap, " #kind, \
		  .set_up = have_touched_##kind, \
		  .operate = do_move, \
		  .check = touched, \
		  .tear_down = leave_places, \
		  .must = MUST_SLAB }, \
		{ .name = "mprotect, " #kind, \
		  .set_up = have_touched_##kind, \
		  .operate = do_protect, \
		  .check = touched, \
		  .must = MUST_SLAB }, \
		{ .name = "munmap, " #kind, \
		  .set_up = have_touched_##kind, \
		  .operate = do_cut, \
		  .check = cut, \
		  .must = MUST_SLAB }, \
	{ \
		.name = "fork, " #kind, .set_up = have_touched_##kind, .operate = do_fork, \
		.check = forked, .errors = { EAGAIN }, .flags = PATH_ENDLESS, .step = 23, \
		.must = MUST_SLAB \
	}

const struct path mapping_paths[] = {
	MAPPING(handle),
	MAPPING(huge),
	MAPPING(isolated),
	MAPPING(view),
	MAPPING(private),
	MAPPING(export),
	MAPPING(file),
	{ "O_DIRECT, read", have_disk, do_direct_read, .errors = { EFAULT, EIO },
	  .must = MUST_SLAB | MUST_PAGE },
	{ "O_DIRECT, write", have_disk, do_direct_write, .errors = { EFAULT, EIO },
	  .must = MUST_SLAB | MUST_PAGE },
	{ "vmsplice", have_pipe, do_vmsplice, .errors = { EFAULT }, .must = MUST_PAGE },
	{},
};
