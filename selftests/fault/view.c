// SPDX-License-Identifier: GPL-2.0-only
/* Views: made, named, opened anew, read and written. */
#include "../fs.h"
#include "../view.h"
#include "fault.h"

#define BUFFER (8 * KIB)
#define COUNT 4
#define LENGTH (2 * BUFFER)
#define NAMED MOUNT "/view"

static bool have_pool(struct world *world)
{
	return world_full_pool(world, BUFFER, COUNT);
}

static bool have_isolated_pool(struct world *world)
{
	return world_pool(world, BUFFER, COUNT, ZCPOOL_CREATE_F_ISOLATED) &&
	       get_now(world->pool) >= 0 && get_now(world->pool) >= 0 &&
	       get_now(world->pool) >= 0 && get_now(world->pool) >= 0;
}

static int do_view(struct world *world)
{
	return world_keep(world, view(world->pool, 0, LENGTH, ZCPOOL_VIEW_F_WRITABLE, 0600));
}

static uint32_t views(const struct world *world)
{
	return holder_of(world->pool, 0).views;
}

/* A view is there, or nothing of it. */
static bool viewed(struct world *world, int result)
{
	struct stat status;

	if (result < 0)
		return !views(world);
	return views(world) == 1 && !fstat(result, &status) && status.st_size == LENGTH;
}

static bool have_view(struct world *world)
{
	return have_pool(world) && do_view(world) >= 0;
}

static bool have_mount(struct world *world)
{
	return world_mount(world) && have_pool(world) &&
	       world_keep(world, open(MOUNT, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0;
}

static int do_view_in_mount(struct world *world)
{
	return world_keep(world, view_in(world->pool, world->fds[0], 0, LENGTH,
					 ZCPOOL_VIEW_F_WRITABLE, 0600));
}

static bool have_view_in_mount(struct world *world)
{
	return have_mount(world) && do_view_in_mount(world) >= 0;
}

static int do_name(struct world *world)
{
	return name(world->fds[1], NAMED);
}

static bool named(struct world *world, int result)
{
	(void)world;
	return !access(NAMED, F_OK) == (result >= 0);
}

static bool have_named_view(struct world *world)
{
	return have_view_in_mount(world) && !do_name(world);
}

static int do_open(struct world *world)
{
	return world_keep(world, result_or_errno(open(NAMED, O_RDWR | O_CLOEXEC)));
}

/* Its name is gone, and with the last descriptor the view. */
static int do_unlink(struct world *world)
{
	(void)world;
	return result_or_errno(unlink(NAMED));
}

static int do_read(struct world *world)
{
	static char bytes[LENGTH];
	int ret = result_or_errno(pread(world->fds[0], bytes, LENGTH, 0));

	return ret > 0 && !is_filled(bytes, ret) ? -EILSEQ : ret;
}

static int do_write(struct world *world)
{
	static char bytes[LENGTH];

	fill(bytes, LENGTH);
	return result_or_errno(pwrite(world->fds[0], bytes, LENGTH, 0));
}

static int do_time(struct world *world)
{
	return result_or_errno(futimens(world->fds[0], NULL));
}

/* Its content is as it was, which is as it is written. */
static bool whole(struct world *world, int result)
{
	(void)result;
	return is_filled(world->map, LENGTH);
}

static bool have_pipe(struct world *world)
{
	int ends[2];

	return have_view(world) && !pipe2(ends, O_CLOEXEC) && world_keep(world, ends[0]) >= 0 &&
	       world_keep(world, ends[1]) >= 0;
}

static int do_splice(struct world *world)
{
	loff_t offset = 0;

	return result_or_errno(splice(world->fds[0], &offset, world->fds[2], NULL, LENGTH, 0));
}

const struct path view_paths[] = {
	{ "view", have_pool, do_view, viewed, .must = MUST_SLAB | MUST_COPY },
	{ "view, isolated", have_isolated_pool, do_view, viewed, .must = MUST_SLAB | MUST_COPY },
	{ "view, in a mount", have_mount, do_view_in_mount, viewed, .must = MUST_SLAB | MUST_COPY },
	{ "view, link", have_view_in_mount, do_name, named, .must = MUST_SLAB | MUST_COPY },
	{ "view, open", have_named_view, do_open, .must = MUST_SLAB | MUST_COPY },
	{ "view, unlink", have_named_view, do_unlink, .must = MUST_COPY },
	{ "view, read", have_view, do_read, whole, .must = MUST_COPY },
	{ "view, write", have_view, do_write, whole, .must = MUST_COPY },
	{ "view, utimes", have_view, do_time },
	{ "view, splice", have_pipe, do_splice },
	{},
};
