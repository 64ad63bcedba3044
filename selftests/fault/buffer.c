// SPDX-License-Identifier: GPL-2.0-only
/* Buffers: GET, PUT, seals, HOLDERS, and being told of free ones. */
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "../seal.h"
#include "fault.h"

#define COUNT 4

static uint32_t indices[COUNT];

static bool have_pool(struct world *world)
{
	return world_pool(world, 8 * KIB, COUNT, 0);
}

static bool have_buffers(struct world *world)
{
	return have_pool(world) &&
	       get_many(world->pool, indices, COUNT, ZCPOOL_GET_F_NONBLOCK, 0) == COUNT;
}

/* As have_buffers(), but of memory that lies in no entry of the page table. */
static bool have_full_buffers(struct world *world)
{
	return world_full_pool(world, 8 * KIB, COUNT) &&
	       get_many(world->pool, indices, COUNT, ZCPOOL_GET_F_NONBLOCK, 0) == COUNT;
}

static int do_get(struct world *world)
{
	return get_many(world->pool, indices, COUNT, ZCPOOL_GET_F_NONBLOCK, 0);
}

static bool got(struct world *world, int result)
{
	return world_owned(world) == (result < 0 ? 0 : COUNT);
}

/* Put two, and get them again. */
static int do_exchange(struct world *world)
{
	struct zcpool_get get = {
		.indices = (uintptr_t)indices,
		.count = 2,
		.flags = ZCPOOL_GET_F_NONBLOCK,
		.put_indices = (uintptr_t)indices,
		.put_count = 2,
	};

	return call(world->pool, ZCPOOL_IOC_GET, &get);
}

static bool owned(struct world *world, int result)
{
	(void)result;
	return world_owned(world) == COUNT;
}

/* There is none to be waited for. */
static int do_wait(struct world *world)
{
	uint32_t index;
	int ret = get_many(world->pool, &index, 1, 0, NS_PER_MS);

	return ret == -ETIMEDOUT ? 0 : ret;
}

static int do_put(struct world *world)
{
	return put_many(world->pool, indices, COUNT, NULL);
}

static bool put(struct world *world, int result)
{
	return world_owned(world) == (result < 0 ? COUNT : 0);
}

static int do_holders(struct world *world)
{
	struct zcpool_holder entries[COUNT];
	uint32_t first = 0;

	return holders(world->pool, entries, &first, COUNT, 0);
}

static bool held(struct world *world, int result)
{
	(void)world;
	return result < 0 || result == COUNT;
}

static int do_seal(struct world *world)
{
	return seal_many(world->pool, indices, COUNT, 0, NULL);
}

static bool sealed(struct world *world, int result)
{
	return is_sealed(world->pool, indices[0]) == (result >= 0);
}

static bool have_sealed(struct world *world)
{
	return have_full_buffers(world) && !do_seal(world);
}

static int do_unseal(struct world *world)
{
	return unseal_many(world->pool, indices, COUNT, NULL);
}

static bool unsealed(struct world *world, int result)
{
	return is_sealed(world->pool, indices[0]) == (result < 0);
}

static bool have_eventfd(struct world *world)
{
	return have_pool(world) && world_keep(world, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0;
}

static int do_eventfd(struct world *world)
{
	struct zcpool_eventfd arg = { .fd = world->fds[0] };

	return call(world->pool, ZCPOOL_IOC_EVENTFD, &arg);
}

/* One is free. */
static bool signalled(struct world *world, int result)
{
	uint64_t number = 0;
	ssize_t ret = read(world->fds[0], &number, sizeof(number));

	return result < 0 ? ret < 0 : ret == sizeof(number);
}

static int do_poll(struct world *world)
{
	struct pollfd poll_fd = { .fd = world->pool, .events = POLLOUT };

	return result_or_errno(poll(&poll_fd, 1, 0));
}

static bool polled(struct world *world, int result)
{
	(void)world;
	return result < 0 || result == 1;
}

static bool have_epoll(struct world *world)
{
	return have_pool(world) && world_keep(world, epoll_create1(EPOLL_CLOEXEC)) >= 0;
}

static int do_epoll(struct world *world)
{
	struct epoll_event event = { .events = EPOLLOUT };

	return result_or_errno(epoll_ctl(world->fds[0], EPOLL_CTL_ADD, world->pool, &event));
}

static bool epolled(struct world *world, int result)
{
	struct epoll_event event;

	return epoll_wait(world->fds[0], &event, 1, 0) == (result >= 0);
}

static int do_async(struct world *world)
{
	return result_or_errno(fcntl(world->pool, F_SETFL, O_RDWR | O_ASYNC));
}

static bool is_async(struct world *world, int result)
{
	return !(fcntl(world->pool, F_GETFL) & O_ASYNC) == (result < 0);
}

const struct path buffer_paths[] = {
	{ "get", have_pool, do_get, got, .must = MUST_COPY },
	{ "get and put", have_buffers, do_exchange, owned, .must = MUST_COPY },
	{ "get, waiting", have_buffers, do_wait, owned, .must = MUST_COPY },
	{ "put", have_buffers, do_put, put, .must = MUST_COPY },
	{ "holders", have_buffers, do_holders, held, .must = MUST_COPY },
	{ "seal", have_full_buffers, do_seal, sealed, .must = MUST_COPY },
	{ "unseal", have_sealed, do_unseal, unsealed, .must = MUST_COPY },
	{ "eventfd", have_eventfd, do_eventfd, signalled, .must = MUST_COPY },
	{ "poll", have_pool, do_poll, polled, .must = MUST_COPY },
	{ "epoll", have_epoll, do_epoll, epolled, .must = MUST_SLAB | MUST_COPY },
	{ "O_ASYNC", have_pool, do_async, is_async, .must = MUST_SLAB },
	{},
};
