// SPDX-License-Identifier: GPL-2.0-only
/* Bytes in and out of a pool: read, write, splice in both directions, sendfile. */
#include "../fs.h"
#include "fault.h"

#define BUFFER (8 * KIB)
#define COUNT 4
#define SIZE (BUFFER * COUNT)
#define LENGTH (2 * BUFFER)
#define PLAIN_FILE "/dev/shm/fault"

static char copy[SIZE];

static bool have_pool(struct world *world)
{
	return world_full_pool(world, BUFFER, COUNT);
}

static bool have_file(struct world *world)
{
	if (!world_mount(world))
		return false;
	world->pool = new_file(FILE_A, SIZE);
	world->count = 1;
	if (!world_map(world, world->pool, SIZE))
		return false;
	fill(world->map, SIZE);
	return true;
}

static bool have_pipe_beside(struct world *world)
{
	int ends[2];

	return !pipe2(ends, O_CLOEXEC | O_NONBLOCK) && world_keep(world, ends[0]) >= 0 &&
	       world_keep(world, ends[1]) >= 0;
}

static bool have_pipe(struct world *world)
{
	return have_pool(world) && have_pipe_beside(world);
}

/* The pool's beginning is in it. */
static bool have_full_pipe(struct world *world)
{
	return have_pipe(world) && write(world->fds[1], world->map, LENGTH) == (ssize_t)LENGTH;
}

static bool have_plain_file(struct world *world)
{
	return have_pool(world) &&
	       world_keep(world, open(PLAIN_FILE, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) >=
		       0;
}

static bool have_full_file(struct world *world)
{
	return have_plain_file(world) &&
	       pwrite(world->fds[0], world->map, LENGTH, 0) == (ssize_t)LENGTH;
}

static void remove_file(struct world *world)
{
	(void)world;
	unlink(PLAIN_FILE);
}

static int do_read(struct world *world)
{
	return result_or_errno(pread(world->pool, copy, LENGTH, 0));
}

static bool was_read(struct world *world, int result)
{
	(void)world;
	return result < 0 || (result && is_filled(copy, result));
}

/* What is there already. */
static int do_write(struct world *world)
{
	return result_or_errno(pwrite(world->pool, copy, LENGTH, 0));
}

static bool have_copy(struct world *world)
{
	fill(copy, SIZE);
	return have_pool(world);
}

static bool have_file_and_copy(struct world *world)
{
	fill(copy, SIZE);
	return have_file(world);
}

static bool whole(struct world *world, int result)
{
	(void)result;
	return is_filled(world->map, world->map_size);
}

/* Into a mapping of the pool itself, which has no entry yet. */
static bool have_fresh_mapping(struct world *world)
{
	if (!have_pool(world) || munmap(world->map, SIZE))
		return false;
	world->map = mmap(REMOTE, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, world->pool, 0);
	return world->map == REMOTE;
}

static int do_read_into_itself(struct world *world)
{
	return result_or_errno(pread(world->pool, world->map, LENGTH, 0));
}

static int do_splice_out(struct world *world)
{
	loff_t offset = 0;

	return result_or_errno(splice(world->pool, &offset, world->fds[1], NULL, LENGTH, 0));
}

static bool in_pipe(struct world *world, int result)
{
	ssize_t ret = read(world->fds[0], copy, SIZE);

	/* What could not be told is there nevertheless. */
	if (result < 0)
		return ret < 0 || (result == -EFAULT && is_filled(copy, ret));
	return ret == result && is_filled(copy, ret);
}

static int do_splice_in(struct world *world)
{
	loff_t offset = 0;

	return result_or_errno(splice(world->fds[0], NULL, world->pool, &offset, LENGTH, 0));
}

/* The pipe has lost what the pool has got. */
static bool from_pipe(struct world *world, int result)
{
	int left = -1;

	if (ioctl(world->fds[0], FIONREAD, &left) || !whole(world, result))
		return false;
	if (result >= 0 && left != (int)LENGTH - result)
		return false;
	/* For another time. */
	if (result == -EFAULT && !left)
		return write(world->fds[1], world->map, LENGTH) == (ssize_t)LENGTH;
	return true;
}

static bool have_second_pipe(struct world *world)
{
	return have_pipe(world) && do_splice_out(world) == (int)LENGTH && have_pipe_beside(world);
}

static int do_tee(struct world *world)
{
	return result_or_errno(tee(world->fds[0], world->fds[3], LENGTH, 0));
}

static int do_sendfile_to_pipe(struct world *world)
{
	off_t offset = 0;

	return result_or_errno(sendfile(world->fds[1], world->pool, &offset, LENGTH));
}

static int do_sendfile_out(struct world *world)
{
	off_t offset = 0;

	lseek(world->fds[0], 0, SEEK_SET);
	return result_or_errno(sendfile(world->fds[0], world->pool, &offset, LENGTH));
}

static bool in_file(struct world *world, int result)
{
	return result < 0 ||
	       (pread(world->fds[0], copy, SIZE, 0) >= result && is_filled(copy, result));
}

static int do_sendfile_in(struct world *world)
{
	off_t offset = 0;

	lseek(world->pool, 0, SEEK_SET);
	return result_or_errno(sendfile(world->pool, world->fds[0], &offset, LENGTH));
}

const struct path io_paths[] = {
	{ "read", have_pool, do_read, was_read, .must = MUST_COPY },
	{ "read, file", have_file, do_read, was_read, .must = MUST_COPY },
	{ "read, into itself", have_fresh_mapping, do_read_into_itself, whole, .errors = { EFAULT },
	  .must = MUST_PAGE | MUST_COPY },
	{ "write", have_copy, do_write, whole, .must = MUST_COPY },
	{ "write, file", have_file_and_copy, do_write, whole, .must = MUST_COPY },
	{ "splice, out", have_pipe, do_splice_out, in_pipe, .must = MUST_COPY },
	{ "splice, in", have_full_pipe, do_splice_in, from_pipe, .must = MUST_SLAB | MUST_COPY },
	{ "tee", have_second_pipe, do_tee },
	{ "sendfile, to a pipe", have_pipe, do_sendfile_to_pipe, in_pipe, .must = MUST_COPY },
	{ "sendfile, to a file", have_plain_file, do_sendfile_out, in_file,
	  .tear_down = remove_file, .must = MUST_SLAB | MUST_COPY },
	{ "sendfile, from a file", have_full_file, do_sendfile_in, whole, .tear_down = remove_file,
	  .must = MUST_SLAB | MUST_COPY },
	{},
};
