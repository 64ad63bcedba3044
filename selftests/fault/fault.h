/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults on purpose: a path is one thing that the kernel is asked for.  It is asked again
 * and again, and each time another allocation or copy on the way fails.
 */
#ifndef ZCPOOL_FAULT_H
#define ZCPOOL_FAULT_H

#include "../util.h"

/* What fails. */
enum fault {
	FAULT_NONE = -1,
	/* one allocation of an object */
	FAULT_SLAB,
	/* one allocation of pages */
	FAULT_PAGE,
	/* one copy from or to the program */
	FAULT_COPY,
	/* all allocations of objects, from so many bytes of them on */
	FAULT_OBJECTS,
	/* all allocations of pages, from so many on */
	FAULT_PAGES,
	FAULT_KINDS,
};

#define WORLD_FDS 80
/* Where nothing else is, and so no page table: one has to be allocated. */
#define REMOTE ((void *)0x300000000000UL)

/**
 * struct world - what a path works on, made anew for each fault
 * @pool: handle whose pool has to be sound in the end, -1 for none
 * @count: buffers of its pool
 * @map: a mapping, NULL for none
 * @map_size: of it, bytes
 * @fds: other descriptors, closed in the end, the last first
 * @nr_fds: how many
 * @mounted: the file system is
 */
struct world {
	int pool;
	uint32_t count;
	char *map;
	size_t map_size;
	int fds[WORLD_FDS];
	unsigned int nr_fds;
	bool mounted;
};

/* Without memory it tries for ever, as a page fault of a program does. */
#define PATH_ENDLESS 1U

#define PATH_ERRORS 4

/**
 * struct path - something that the kernel is asked for
 * @name: of it
 * @set_up: prepares it; false if that is not possible; NULL for nothing
 * @operate: the calls that meet faults, and no others; a result or a negative errno
 * @check: whether what they left is as it should be, by their result; NULL: it is
 * @again: @operate, if it is another one after a failure
 * @tear_down: what world_end() does not; NULL for nothing
 * @errors: what it may fail with, but ENOMEM if memory and EFAULT if a copy failed
 * @flags: PATH_*
 * @step: of so many points one is tried, where they are many and most not the module's;
 *        0 for all
 * @last: so many points at the end alone are tried, and one at a time, where the kernel's
 *        own code before them does not bear a fault; 0 for all
 * @must: bits of those enum fault that it has to meet
 * @feature: ZCPOOL_FEATURE_* without which there is no such path
 */
struct path {
	const char *name;
	bool (*set_up)(struct world *world);
	int (*operate)(struct world *world);
	bool (*check)(struct world *world, int result);
	int (*again)(struct world *world);
	void (*tear_down)(struct world *world);
	int errors[PATH_ERRORS];
	unsigned int flags;
	unsigned int step;
	unsigned int last;
	unsigned int must;
	uint64_t feature;
};

/* Bits of path.must, by enum fault. */
#define MUST_SLAB 1U
#define MUST_PAGE 2U
#define MUST_COPY 4U

/**
 * struct tally - what became of a path's faults of one kind
 * @failed: the call failed, as it may
 * @absorbed: it did what it should nevertheless
 * @problems: something was wrong
 */
struct tally {
	unsigned int failed;
	unsigned int absorbed;
	unsigned int problems;
};

/* Of each file of paths, an array that ends without a name. */
extern const struct path pool_paths[], buffer_paths[], share_paths[], send_paths[], uring_paths[],
	view_paths[], export_paths[], mapping_paths[], io_paths[], fs_paths[], edu_paths[],
	module_paths[];

/* inject.c: arrange for faults */
bool inject_begin(void);
void inject_stacks(bool on);
unsigned int inject_points(const struct path *path, struct world *world, int *result);
void inject_one(unsigned int nth);
enum fault inject_one_end(void);
void inject_all(enum fault kind, unsigned int from);
bool inject_all_end(void);

/* world.c: what paths need, and what has to be there afterwards */
void problem(const char *format, ...);
unsigned int problems(void);
void world_begin(struct world *world);
void world_end(struct world *world);
bool world_pool(struct world *world, uint64_t size, uint32_t count, uint32_t flags);
bool world_full_pool(struct world *world, uint64_t size, uint32_t count);
bool world_map(struct world *world, int fd, size_t size);
int world_keep(struct world *world, int fd);
bool world_mount(struct world *world);
int world_owned(const struct world *world);
int lowest_free_fd(void);
bool eventually(bool (*holds)(const void *arg), const void *arg);
/* The module may go, and is there again. */
void leaks_pause(void);
bool leaks_watch(void);
bool leaks_memory(long *bytes);

/* edu.c: the companion driver's device, before the driver comes */
bool edu_keep_enabled(void);

/* report.c: what became of all */
void report_path(const char *name, unsigned int must, const struct tally tallies[FAULT_KINDS],
		 bool good, int64_t took);
bool report_end(void);

/* sweep.c: one path with all its faults */
extern bool sweep_single;
bool sweep(const struct path *path, struct tally tallies[FAULT_KINDS]);

/* An ioctl's result, or a negative errno. */
static inline int call(int fd, unsigned long command, void *arg)
{
	int ret = ioctl(fd, command, arg);

	return ret < 0 ? -errno : ret;
}

/* A system call's. */
static inline int result_or_errno(long ret)
{
	return ret < 0 ? -errno : (int)ret;
}

#endif /* ZCPOOL_FAULT_H */
