// SPDX-License-Identifier: GPL-2.0-only
/* The pool among its peers: isolated, so that a buffer that was handed over is gone. */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zcpool.h>

#include "probe.h"

/* How long a buffer may be on its way to its receiver, ns. */
#define PATIENCE 10000000000LL
/*
 * How long GET waits for a buffer that may be held, ns.  Who waits for one has the kernel look
 * after socket buffers that nobody has got round to freeing.
 */
#define LOOK 20000000LL

static int open_pool(struct object *object)
{
	struct zcpool_create create = {
		.buffer_size = BUFFER,
		.count = COUNT,
		.flags = ZCPOOL_CREATE_F_ISOLATED,
	};
	uint32_t indices[COUNT];
	int ret;

	object->call = "open()";
	ret = zcpool_open(0, &object->pool);
	if (ret)
		return ret;
	object->call = "CREATE";
	ret = zcpool_create(object->pool, &create);
	if (ret)
		return ret;
	object->call = "GET";
	ret = zcpool_get_batch(object->pool, indices, COUNT, 0);
	if (ret != COUNT)
		return ret < 0 ? ret : -EAGAIN;
	object->fd = zcpool_fd(object->pool);
	object->call = "PUT and GET";
	return 0;
}

static int export_pool(struct object *object)
{
	object->call = "EXPORT";
	return zcpool_export(object->pool, 0, SIZE, 0);
}

/* Of the calls ATTACH alone takes a descriptor that memory comes from. */
static int import_dma_buf(struct object *object, int dma_buf)
{
	struct zcpool *attached;
	int error;

	object->call = "ATTACH";
	error = zcpool_attach(dma_buf, 0, 0, &attached);
	if (error)
		return error;
	object->pool = attached;
	object->map = map_aligned(zcpool_fd(attached), SIZE, PROT_READ | PROT_WRITE);
	return object->map ? 0 : -errno;
}

static int view_pool(struct object *object)
{
	object->call = "VIEW";
	return zcpool_view(object->pool, 0, SIZE, 0, 0);
}

static int seal_buffer(struct object *object, uint32_t index)
{
	object->call = "SEAL";
	return zcpool_seal(object->pool, &index, 1, 0, NULL);
}

static long write_pool(struct object *object, size_t offset, const void *data, size_t size)
{
	long written = pwrite(object->fd, data, size, offset);

	return written < 0 ? -errno : written;
}

/* The owner of all buffers gives one up, and gets it back when nothing holds it. */
static int held_by_any(struct object *object, uint32_t index)
{
	uint32_t again;
	int ret;

	object->call = "PUT and GET";
	if (!object->put) {
		ret = zcpool_put_batch(object->pool, &index, 1, NULL);
		if (ret)
			return ret;
		object->put = true;
	}
	ret = zcpool_get_batch(object->pool, &again, 1, LOOK);
	if (ret == -ETIMEDOUT)
		return 1;
	if (ret < 0)
		return ret;
	object->put = false;
	return again == index ? 0 : -EPROTO;
}

/* The receiver gets a share, tells its number, and gets the buffer. */
static int give_buffer(struct object *object, uint32_t index, int socket)
{
	struct zcpool_item item = { .index = index, .tag = PIECE };
	int share = zcpool_share(object->pool, 0), error;
	uint32_t to;

	object->call = "SHARE";
	if (share < 0)
		return share;
	error = send_descriptor(socket, share);
	close(share);
	if (error)
		return error;
	object->call = "TRANSFER";
	if (read_full(socket, &to, sizeof(to)) != sizeof(to))
		return -EPIPE;
	return zcpool_transfer(object->pool, to, &item, 1, NULL);
}

static int take_buffer(struct object *object, int socket, char **buffer)
{
	int share = receive_descriptor(socket), ret;
	struct zcpool_item item;
	uint32_t number;

	object->call = "ATTACH";
	if (share < 0)
		return share;
	ret = zcpool_attach(share, 0, 0, &object->pool);
	if (ret)
		return ret;
	object->call = "RECEIVE";
	number = zcpool_handle_number(object->pool);
	if (write(socket, &number, sizeof(number)) != sizeof(number))
		return -EPIPE;
	ret = zcpool_receive(object->pool, &item, 1, PATIENCE);
	if (ret != 1)
		return ret < 0 ? ret : -EAGAIN;
	object->call = "mmap()";
	object->map = map_aligned(zcpool_fd(object->pool), SIZE, PROT_READ | PROT_WRITE);
	if (!object->map)
		return -errno;
	*buffer = object->map + zcpool_offset(object->pool, item.index);
	return 0;
}

const struct peer peer_zcpool = {
	.name = "zcpool",
	.note = "an isolated pool of 4 buffers of 2 MiB, and what its calls make of it",
	.open = open_pool,
	.export = export_pool,
	.import = import_dma_buf,
	.file = view_pool,
	.seal = seal_buffer,
	.write = write_pool,
	.writer = "write()",
	.held = held_by_any,
	.give = give_buffer,
	.take = take_buffer,
};

int zcpool_dma_buf(unsigned int seed)
{
	struct object object = { .fd = -1 };
	int error = open_pool(&object);

	if (error)
		return error;
	object.map = map_aligned(object.fd, SIZE, PROT_READ | PROT_WRITE);
	if (!object.map)
		return -errno;
	fill(object.map, SIZE, seed);
	return export_pool(&object);
}
