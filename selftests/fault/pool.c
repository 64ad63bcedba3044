// SPDX-License-Identifier: GPL-2.0-only
/* Pools: open, CREATE of every kind, QUERY, what /proc says. */
#include <sys/resource.h>
#include <sys/syscall.h>

#include <linux/capability.h>

#include "../fs.h"
#include "fault.h"

static struct zcpool_create wish;

static int do_open(struct world *world)
{
	return world_keep(world, result_or_errno(open(DEVICE, O_RDWR | O_CLOEXEC)));
}

static bool will_create(struct world *world, const struct zcpool_create *create)
{
	wish = *create;
	world->pool = open(DEVICE, O_RDWR | O_CLOEXEC);
	world->count = create->count;
	return world->pool >= 0;
}

static bool will_create_small(struct world *world)
{
	return will_create(world, &(struct zcpool_create){ .buffer_size = 8 * KIB, .count = 4 });
}

/* Memory enough for a leak to show. */
static bool will_create_huge(struct world *world)
{
	return will_create(world, &(struct zcpool_create){ .buffer_size = 2 * MIB, .count = 2 });
}

/* Arrays of more than a page. */
static bool will_create_many(struct world *world)
{
	return will_create(world, &(struct zcpool_create){ .buffer_size = 8 * KIB, .count = 520 });
}

static bool will_create_isolated(struct world *world)
{
	return will_create(world, &(struct zcpool_create){
					  .buffer_size = 8 * KIB,
					  .count = 4,
					  .flags = ZCPOOL_CREATE_F_ISOLATED,
				  });
}

static bool will_create_on_node(struct world *world)
{
	return will_create(world, &(struct zcpool_create){
					  .buffer_size = 8 * KIB,
					  .count = 4,
					  .flags = ZCPOOL_CREATE_F_NUMA_NODE,
				  });
}

/* The widest zone that serves is beyond it, so that folios are kept aside. */
static bool will_create_in_reach(struct world *world)
{
	return will_create(world, &(struct zcpool_create){
					  .buffer_size = MIB,
					  .count = 4,
					  .dma_bits = 28,
				  });
}

/* Whether limits hold for this process, as for one without privileges. */
static bool limits_hold(bool hold)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return false;
	data[0].effective = data[0].permitted;
	if (hold)
		data[0].effective &= ~(1U << CAP_IPC_LOCK);
	return !syscall(SYS_capset, &header, data);
}

/* What stays charged by one that failed is missed by the next. */
static bool will_create_limited(struct world *world)
{
	struct rlimit limit = { 32 * KIB, RLIM_INFINITY };

	return will_create_small(world) && !setrlimit(RLIMIT_MEMLOCK, &limit) && limits_hold(true);
}

static void unlimit(struct world *world)
{
	(void)world;
	limits_hold(false);
}

static bool will_create_in_file(struct world *world)
{
	if (!world_mount(world))
		return false;
	wish = (struct zcpool_create){ .buffer_size = 8 * KIB, .count = 4 };
	world->pool = open(FILE_A, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	world->count = wish.count;
	return world->pool >= 0;
}

static int do_create(struct world *world)
{
	struct zcpool_create create = wish;

	return call(world->pool, ZCPOOL_IOC_CREATE, &create);
}

static bool created(struct world *world, int result)
{
	struct zcpool_query q;

	if (query(world->pool, &q))
		return false;
	if (result < 0)
		return !q.pool_id && !q.total_bytes;
	return q.pool_id && q.count == wish.count && q.total_bytes == q.size;
}

static bool have_pool(struct world *world)
{
	return world_pool(world, 8 * KIB, 4, 0);
}

static int do_query(struct world *world)
{
	struct zcpool_query q;

	memset(&q, 0, sizeof(q));
	return call(world->pool, ZCPOOL_IOC_QUERY, &q);
}

static bool have_info(struct world *world)
{
	char path[64];

	if (!have_pool(world))
		return false;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", world->pool);
	return world_keep(world, open(path, O_RDONLY | O_CLOEXEC)) >= 0;
}

static int do_read_info(struct world *world)
{
	char text[2048];

	return result_or_errno(pread(world->fds[0], text, sizeof(text), 0));
}

static bool all_info(struct world *world, int result)
{
	(void)world;
	return result < 0 || result > 200;
}

#define CREATE(what, how, more...) \
	{ \
		.name = "create" what, .set_up = will_create_##how, .operate = do_create, \
		.check = created, .must = MUST_SLAB | MUST_PAGE | MUST_COPY, more \
	}

const struct path pool_paths[] = {
	{ "open", .operate = do_open, .must = MUST_SLAB | MUST_COPY },
	CREATE("", small),
	CREATE(", huge", huge),
	CREATE(", many", many, .step = 23),
	CREATE(", isolated", isolated),
	CREATE(", on a node", on_node),
	CREATE(", in reach", in_reach),
	CREATE(", limited", limited, .tear_down = unlimit),
	CREATE(", of a file", in_file),
	{ "query", have_pool, do_query, .must = MUST_COPY },
	{ "fdinfo", have_info, do_read_info, all_info, .must = MUST_SLAB },
	{},
};
