// SPDX-License-Identifier: GPL-2.0-only
/* Sharing: SHARE, ATTACH, TRANSFER, RECEIVE. */
#include "../share.h"
#include "fault.h"

#define COUNT 40

static struct zcpool_item items[COUNT];
/* Its number, and how many of them went there. */
static uint32_t receiver, went;

static bool have_pool(struct world *world)
{
	return world_pool(world, 8 * KIB, 4, 0);
}

static bool have_isolated_pool(struct world *world)
{
	return world_pool(world, 8 * KIB, 4, ZCPOOL_CREATE_F_ISOLATED);
}

static int do_share(struct world *world)
{
	return world_keep(world, share(world->pool, 0));
}

static bool shared(struct world *world, int result)
{
	int another = result < 0 ? 0 : attach_by(result, 0);

	(void)world;
	if (another > 0)
		close(another);
	return another >= 0;
}

static bool have_share_and_handle(struct world *world, uint32_t flags)
{
	return world_keep(world, share(world->pool, flags)) >= 0 &&
	       world_keep(world, open(DEVICE, O_RDWR | O_CLOEXEC)) >= 0;
}

static bool have_share(struct world *world)
{
	return have_pool(world) && have_share_and_handle(world, 0);
}

static bool have_isolated_share(struct world *world)
{
	return have_isolated_pool(world) && have_share_and_handle(world, 0);
}

static bool have_read_only_share(struct world *world)
{
	return have_pool(world) && have_share_and_handle(world, ZCPOOL_SHARE_F_READ_ONLY);
}

static int do_attach(struct world *world)
{
	return attach(world->fds[1], world->fds[0], 0);
}

static bool attached(struct world *world, int result)
{
	struct zcpool_query mine, others;

	if (query(world->pool, &mine) || query(world->fds[1], &others))
		return false;
	return others.pool_id == (result < 0 ? 0 : mine.pool_id);
}

/* The numbers of 63 handles take one node of the pool's array; the next one takes more. */
static bool have_many_handles(struct world *world)
{
	int share_fd, i;

	if (!have_share(world))
		return false;
	share_fd = world->fds[0];
	for (i = 0; i < 62; i++)
		if (world_keep(world, attach_by(share_fd, 0)) < 0)
			return false;
	return true;
}

/* A handle that was not attached for reading may be for writing. */
static int attach_to_write(struct world *world)
{
	int error = attach(world->fds[1], world_keep(world, share(world->pool, 0)), 0);

	return error ? error : result_or_errno(pwrite(world->fds[1], "", 1, 0));
}

/* A pool of many, another handle of it, and all the items that may go there. */
static bool have_items(struct world *world)
{
	uint32_t indices[COUNT];
	int i;

	if (!world_pool(world, 8 * KIB, COUNT, 0) ||
	    world_keep(world, attach_another(world->pool, 0)) < 0 ||
	    get_many(world->pool, indices, COUNT, ZCPOOL_GET_F_NONBLOCK, 0) != COUNT)
		return false;
	for (i = 0; i < COUNT; i++)
		items[i] = (struct zcpool_item){ .index = indices[i], .tag = i };
	receiver = number_of(world->fds[0]);
	return receiver;
}

static int do_transfer(struct world *world)
{
	return transfer(world->pool, receiver, items, COUNT, &went);
}

/* Buffers of both, in order; returns how many the receiver had. */
static int bring_back(struct world *world)
{
	struct zcpool_item received[COUNT];
	int i, count = receive_now(world->fds[0], received, COUNT);

	for (i = 0; i < count; i++)
		if (received[i].tag != (uint64_t)i || received[i].index != items[i].index)
			return -1;
	if (count > 0 && transfer(world->fds[0], number_of(world->pool), received, count, NULL))
		return -1;
	return count == -EAGAIN ? 0 : count;
}

/* All that went is there, whatever the caller could be told; it all comes back. */
static bool transferred(struct world *world, int result)
{
	struct zcpool_item received[COUNT];
	int owned = world_owned(world), there = bring_back(world);

	if (there < 0 || owned + there != COUNT || (result >= 0 && there != COUNT))
		return false;
	/* What did not go is the first's as before. */
	if (result < 0 && went < COUNT && went != (uint32_t)there)
		return false;
	return !there || receive_now(world->pool, received, COUNT) == there;
}

static bool have_sent_items(struct world *world)
{
	return have_items(world) && !do_transfer(world);
}

static int do_receive(struct world *world)
{
	struct zcpool_item received[COUNT];

	return receive_now(world->fds[0], received, COUNT);
}

static uint32_t owned_there(const struct world *world)
{
	struct zcpool_query q;

	return query(world->fds[0], &q) ? ~0U : q.owned;
}

/* What could not be told waits as before. */
static bool received(struct world *world, int result)
{
	struct zcpool_item rest[COUNT];
	int got = result < 0 ? 0 : result;

	if (owned_there(world) != (uint32_t)got)
		return false;
	return result < 0 || got == COUNT || receive_now(world->fds[0], rest, COUNT) == COUNT - got;
}

/* Nothing is on its way. */
static int do_wait(struct world *world)
{
	struct zcpool_item item;
	int ret = receive_wait(world->fds[0], &item, 1, NS_PER_MS);

	return ret == -ETIMEDOUT ? 0 : ret;
}

const struct path share_paths[] = {
	{ "share", have_pool, do_share, shared, .must = MUST_SLAB | MUST_COPY },
	{ "share, isolated", have_isolated_pool, do_share, shared, .must = MUST_SLAB | MUST_COPY },
	{ "attach", have_share, do_attach, attached, .must = MUST_COPY },
	{ "attach, one of many", have_many_handles, do_attach, attached,
	  .must = MUST_SLAB | MUST_COPY },
	{ "attach, isolated", have_isolated_share, do_attach, attached, .must = MUST_COPY },
	{ "attach, read-only", have_read_only_share, do_attach, attached, attach_to_write,
	  .must = MUST_COPY },
	{ "transfer", have_items, do_transfer, transferred, .must = MUST_COPY },
	{ "receive", have_sent_items, do_receive, received, .must = MUST_COPY },
	{ "receive, waiting", have_items, do_wait, .must = MUST_COPY },
	{},
};
