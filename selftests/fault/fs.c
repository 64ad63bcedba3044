// SPDX-License-Identifier: GPL-2.0-only
/* The file system: mounts, files that become pools, directories. */
#include "../fs.h"
#include "fault.h"

#define BUFFER (64 * KIB)
#define COUNT 2
#define SIZE (BUFFER * COUNT)
#define DIRECTORY MOUNT "/d"

static bool have_place(struct world *world)
{
	(void)world;
	mkdir(MOUNT, 0755);
	return true;
}

static int do_mount(struct world *world)
{
	(void)world;
	return result_or_errno(mount("zcpool", MOUNT, "zcpool", 0, "mode=0700"));
}

static bool mounted(struct world *world, int result)
{
	struct stat status = stat_of(MOUNT);

	world->mounted = result >= 0;
	return (status.st_mode == (S_IFDIR | 0700)) == (result >= 0);
}

static int do_remount(struct world *world)
{
	(void)world;
	return result_or_errno(mount("zcpool", MOUNT, "zcpool", MS_REMOUNT, "mode=0711"));
}

static bool remounted(struct world *world, int result)
{
	(void)world;
	return (stat_of(MOUNT).st_mode == (S_IFDIR | 0711)) == (result >= 0);
}

static int do_create(struct world *world)
{
	return world_keep(world, open_file(FILE_A, O_RDWR | O_CREAT | O_EXCL, 0600));
}

static bool is_there(const char *path, int result)
{
	return !access(path, F_OK) == (result >= 0);
}

/* What is made before a descriptor fails stays, as on any file system. */
static bool created(struct world *world, int result)
{
	(void)world;
	if (result < 0)
		unlink(FILE_A);
	return is_there(FILE_A, result);
}

/* An empty file; its pool's end is looked at by the handle that it is. */
static bool have_empty(struct world *world)
{
	if (!world_mount(world))
		return false;
	world->pool = open_file(FILE_A, O_RDWR | O_CREAT | O_EXCL, 0600);
	world->count = COUNT;
	return world->pool >= 0;
}

static int do_size(struct world *world)
{
	return size_file(world->pool, SIZE);
}

static int do_allocate(struct world *world)
{
	return result_or_errno(fallocate(world->pool, 0, 0, SIZE));
}

static bool sized(struct world *world, int result)
{
	struct stat status;
	struct zcpool_query q;

	if (fstat(world->pool, &status) || query(world->pool, &q))
		return false;
	return result < 0 ? !status.st_size && !q.total_bytes :
			    status.st_size == SIZE && q.total_bytes == SIZE;
}

static bool have_sized(struct world *world)
{
	return have_empty(world) && !do_size(world);
}

static int do_open(struct world *world)
{
	return world_keep(world, open_file(FILE_A, O_RDWR, 0));
}

static int do_shrink(struct world *world)
{
	int ret = result_or_errno(truncate(FILE_A, 0));

	(void)world;
	return ret == -EPERM ? 0 : ret;
}

/* For whatever reason it is refused. */
static bool kept(struct world *world, int result)
{
	(void)result;
	return sized(world, 0);
}

/* The first command makes an open file a handle. */
static int do_bind(struct world *world)
{
	uint32_t index;

	return get_many(world->pool, &index, 1, ZCPOOL_GET_F_NONBLOCK, 0);
}

static bool bound(struct world *world, int result)
{
	return world_owned(world) == (result >= 0);
}

static bool have_file_and_mount(struct world *world)
{
	return have_empty(world);
}

static int do_unlink(struct world *world)
{
	(void)world;
	return result_or_errno(unlink(FILE_A));
}

static bool unlinked(struct world *world, int result)
{
	(void)world;
	return !access(FILE_A, F_OK) == (result < 0);
}

static int do_rename(struct world *world)
{
	(void)world;
	return result_or_errno(rename(FILE_A, FILE_B));
}

static bool renamed(struct world *world, int result)
{
	(void)world;
	return is_there(FILE_B, result);
}

static int do_tmpfile(struct world *world)
{
	return world_keep(world, open_file(MOUNT, O_RDWR | O_TMPFILE, 0600));
}

static bool have_tmpfile(struct world *world)
{
	return world_mount(world) && do_tmpfile(world) >= 0;
}

static int do_link(struct world *world)
{
	return name(world->fds[0], FILE_B);
}

static int do_mkdir(struct world *world)
{
	(void)world;
	return result_or_errno(mkdir(DIRECTORY, 0700));
}

static bool made(struct world *world, int result)
{
	(void)world;
	return is_there(DIRECTORY, result);
}

static bool have_directory(struct world *world)
{
	return world_mount(world) && !do_mkdir(world);
}

static int do_rmdir(struct world *world)
{
	(void)world;
	return result_or_errno(rmdir(DIRECTORY));
}

static bool removed(struct world *world, int result)
{
	(void)world;
	return is_there(DIRECTORY, result < 0 ? 0 : -1);
}

static bool have_open_directory(struct world *world)
{
	return have_empty(world) &&
	       world_keep(world, open_file(MOUNT, O_RDONLY | O_DIRECTORY, 0)) >= 0;
}

static int do_list(struct world *world)
{
	char entries[1024];

	lseek(world->fds[0], 0, SEEK_SET);
	return result_or_errno(syscall(SYS_getdents64, world->fds[0], entries, sizeof(entries)));
}

static int do_stat(struct world *world)
{
	struct stat status;

	(void)world;
	return result_or_errno(stat(FILE_A, &status));
}

static int do_statfs(struct world *world)
{
	struct statfs status;

	(void)world;
	return result_or_errno(statfs(MOUNT, &status));
}

static int do_chmod(struct world *world)
{
	(void)world;
	return result_or_errno(chmod(FILE_A, 0640));
}

static int do_options(struct world *world)
{
	static char text[64 * KIB];

	return result_or_errno(pread(world->fds[0], text, sizeof(text), 0));
}

static bool have_options(struct world *world)
{
	return world_mount(world) &&
	       world_keep(world, open_file("/proc/self/mounts", O_RDONLY, 0)) >= 0;
}

const struct path fs_paths[] = {
	{ "mount", have_place, do_mount, mounted, .must = MUST_SLAB | MUST_COPY },
	{ "remount", world_mount, do_remount, remounted, .must = MUST_SLAB | MUST_COPY },
	{ "file, create", world_mount, do_create, created, .must = MUST_SLAB | MUST_COPY },
	{ "file, ftruncate", have_empty, do_size, sized, .must = MUST_SLAB | MUST_PAGE },
	{ "file, fallocate", have_empty, do_allocate, sized, .must = MUST_SLAB | MUST_PAGE },
	{ "file, open", have_sized, do_open, .must = MUST_SLAB | MUST_COPY },
	{ "file, truncate", have_sized, do_shrink, kept, .must = MUST_SLAB | MUST_COPY },
	{ "file, first command", have_sized, do_bind, bound, .must = MUST_SLAB | MUST_COPY },
	{ "file, unlink", have_file_and_mount, do_unlink, unlinked, .must = MUST_COPY },
	{ "file, rename", have_file_and_mount, do_rename, renamed, .must = MUST_COPY },
	{ "file, O_TMPFILE", world_mount, do_tmpfile, .must = MUST_SLAB | MUST_COPY },
	{ "file, linkat", have_tmpfile, do_link, renamed, .must = MUST_SLAB | MUST_COPY },
	{ "file, stat", have_empty, do_stat, .must = MUST_COPY },
	{ "file, chmod", have_empty, do_chmod, .must = MUST_COPY },
	{ "directory, make", world_mount, do_mkdir, made, .must = MUST_SLAB | MUST_COPY },
	{ "directory, remove", have_directory, do_rmdir, removed, .must = MUST_COPY },
	{ "directory, list", have_open_directory, do_list },
	{ "statfs", world_mount, do_statfs, .must = MUST_COPY },
	{ "options", have_options, do_options, .must = MUST_COPY },
	{},
};
