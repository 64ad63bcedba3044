// SPDX-License-Identifier: GPL-2.0-only
/* Commands that io_uring carries: GET, which may wait, and SEND. */
#include "../fs.h"
#include "../send.h"
#include "fault.h"

#define BUFFER (8 * KIB)
#define COUNT 4

static struct io_uring ring;
static uint32_t indices[COUNT];
static struct zcpool_get get;
static struct zcpool_send send_arg;
static struct zcpool_element element;

static bool have_ring(void)
{
	return !io_uring_queue_init(4, &ring, 0);
}

static void end_ring(struct world *world)
{
	(void)world;
	io_uring_queue_exit(&ring);
}

static bool have_pool(struct world *world)
{
	get = (struct zcpool_get){ .indices = (uintptr_t)indices, .count = COUNT };
	return world_full_pool(world, BUFFER, COUNT) && have_ring();
}

static bool have_no_free_buffer(struct world *world)
{
	if (!have_pool(world) ||
	    get_many(world->pool, indices, COUNT, ZCPOOL_GET_F_NONBLOCK, 0) != COUNT)
		return false;
	get.timeout_ns = 20000 * NS_PER_MS;
	return true;
}

static bool have_socket(struct world *world)
{
	int pair[2];

	if (!have_pool(world) || tcp_pair(pair) || world_keep(world, pair[0]) < 0 ||
	    world_keep(world, pair[1]) < 0)
		return false;
	element = slice(0, BUFFER);
	send_arg = (struct zcpool_send){
		.elements = (uintptr_t)&element,
		.count = 1,
		.fd = pair[0],
	};
	return true;
}

/* What was not submitted is still in the queue, and is submitted the next time. */
static int submit(void)
{
	int ret = io_uring_submit(&ring);

	return ret < 0 && io_uring_sq_ready(&ring) ? ret : 0;
}

/* The command's result, also if another thread goes on with it. */
static int do_command(struct world *world, uint32_t command, void *arg)
{
	if (!io_uring_sq_ready(&ring))
		prepare_send(&ring, world->pool, command, arg);
	return submit() ?: result_of(&ring);
}

static int do_get(struct world *world)
{
	return do_command(world, ZCPOOL_IOC_GET, &get);
}

static bool got(struct world *world, int result)
{
	return world_owned(world) == (result < 0 ? 0 : COUNT);
}

/* It waits, for it is there without a completion. */
static int do_wait(struct world *world)
{
	struct io_uring_cqe *cqe;
	int ret;

	if (!io_uring_sq_ready(&ring))
		prepare_send(&ring, world->pool, ZCPOOL_IOC_GET, (void *)&get);
	ret = submit();
	if (ret || io_uring_peek_cqe(&ring, &cqe))
		return ret;
	return result_of(&ring);
}

/* Then a buffer that is put comes back by it. */
static bool waited(struct world *world, int result)
{
	uint32_t index = indices[0];

	if (world_owned(world) != COUNT)
		return false;
	if (result < 0)
		return true;
	return !put_one(world->pool, index) && result_of(&ring) == 1 && world_owned(world) == COUNT;
}

static int do_send(struct world *world)
{
	return do_command(world, ZCPOOL_IOC_SEND, &send_arg);
}

static bool sent(struct world *world, int result)
{
	static char came[BUFFER];
	ssize_t ret;

	if (result >= 0)
		return read_full(world->fds[1], came, result) == (size_t)result &&
		       is_filled(came, result);
	usleep(5000);
	ret = recv(world->fds[1], came, sizeof(came), MSG_DONTWAIT);
	return ret < 0 || result == -EFAULT;
}

static int do_poll(struct world *world)
{
	if (!io_uring_sq_ready(&ring))
		io_uring_prep_poll_add(io_uring_get_sqe(&ring), world->pool, POLLOUT);
	return submit() ?: result_of(&ring);
}

static int do_register(struct world *world)
{
	struct iovec iov = { world->map, world->map_size };

	return io_uring_register_buffers(&ring, &iov, 1);
}

/* They are pinned while they are registered. */
static bool registered(struct world *world, int result)
{
	bool pinned = holder_of(world->pool, 0).pins;

	if (result >= 0)
		io_uring_unregister_buffers(&ring);
	return pinned == (result >= 0);
}

/* Without memory for a thread to go on with a command, io_uring cancels it. */
#define URING(what, ...) \
	{ \
		.name = "io_uring " what, .tear_down = end_ring, \
		.errors = { EAGAIN, ENOBUFS, ECANCELED }, __VA_ARGS__ \
	}

const struct path uring_paths[] = {
	URING("get", .set_up = have_pool, .operate = do_get, .check = got, .must = MUST_COPY,
	      .feature = ZCPOOL_FEATURE_URING_GET),
	URING("get, waiting", .set_up = have_no_free_buffer, .operate = do_wait, .check = waited,
	      .must = MUST_SLAB | MUST_COPY, .feature = ZCPOOL_FEATURE_URING_GET),
	URING("send", .set_up = have_socket, .operate = do_send, .check = sent,
	      .must = MUST_SLAB | MUST_COPY),
	URING("poll", .set_up = have_pool, .operate = do_poll),
	URING("fixed buffers", .set_up = have_pool, .operate = do_register, .check = registered,
	      .must = MUST_SLAB, .feature = ZCPOOL_FEATURE_FIXED_BUFFERS),
	{},
};
