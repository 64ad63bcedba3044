// SPDX-License-Identifier: GPL-2.0-only
/* The commands of <linux/zcpool.h>. */
#include <linux/dma-buf.h>
#include <linux/file.h>
#include <linux/log2.h>
#include <linux/nodemask.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include "zcpool.h"

/**
 * struct zcpool_user_arg - the caller's struct
 * @ptr: its address
 * @size: its size, at least that of the first version
 */
struct zcpool_user_arg {
	void __user *ptr;
	size_t size;
};

/* Copy a struct back, as much of it as the caller knows. */
static int zcpool_copy_out(const struct zcpool_user_arg *user, const void *arg, size_t size)
{
	return copy_to_user(user->ptr, arg, min(user->size, size)) ? -EFAULT : 0;
}

/*
 * Give the caller a new file by descriptor @fd, which is reserved and noted in the
 * struct.  Takes over the file, and the descriptor if @file is an error.
 */
static int zcpool_install(int fd, struct file *file, const void *arg, size_t size,
			  const struct zcpool_user_arg *user)
{
	int error = PTR_ERR_OR_ZERO(file);

	if (!error) {
		error = zcpool_copy_out(user, arg, size);
		if (error)
			fput(file);
	}
	if (error)
		put_unused_fd(fd);
	else
		fd_install(fd, file);
	return error;
}

static bool zcpool_slice_fits(const struct zcpool_pool *pool, u64 offset, u64 length)
{
	return offset <= pool->geometry.size && length <= pool->geometry.size - offset;
}

static u64 zcpool_features(void)
{
	u64 features = ZCPOOL_FEATURE_SPLICE | ZCPOOL_FEATURE_SEND;

	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		features |= ZCPOOL_FEATURE_HUGE_MAP;
	if (ZCPOOL_KERNEL_FIXED_BUFFERS)
		features |= ZCPOOL_FEATURE_FIXED_BUFFERS;
	if (ZCPOOL_KERNEL_URING_WAIT)
		features |= ZCPOOL_FEATURE_URING_GET;
	if (IS_ENABLED(CONFIG_DMA_SHARED_BUFFER))
		features |= ZCPOOL_FEATURE_EXPORT;
	return features;
}

static long zcpool_ioctl_query(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_handle *handle = file->private_data;
	struct zcpool_pool *pool = zcpool_handle_pool(handle);
	struct zcpool_query *query = arg;
	struct zcpool_stat stat;

	if (query->flags)
		return -EINVAL;

	*query = (struct zcpool_query){
		.abi_version = ZCPOOL_ABI_VERSION,
		.features = zcpool_features(),
		.max_count = ZCPOOL_COUNT_MAX,
		.min_stride = ZCPOOL_FOLIO_SIZE_MIN,
		.max_buffer_size = ZCPOOL_BUFFER_SIZE_MAX,
		.max_pool_bytes = zcpool_max_pool_bytes(),
		.max_total_bytes = zcpool_max_total_bytes(),
		.total_bytes = zcpool_total_bytes(),
		.max_batch = ZCPOOL_BATCH_MAX,
		.dma_bits_min = ZCPOOL_DMA_BITS_MIN,
	};
	if (pool) {
		query->max_batch = pool->batch;
		query->pool_id = pool->id;
		query->buffer_size = pool->geometry.buffer_size;
		query->stride = pool->geometry.stride;
		query->chunk = PAGE_SIZE << pool->geometry.order;
		query->size = pool->geometry.size;
		query->count = pool->geometry.count;
		query->dma_bits = pool->geometry.dma_bits;
		zcpool_buffers_stat(pool, handle, &stat);
		query->owned = stat.owned;
		query->owned_total = stat.owned_total;
		query->unowned = stat.idle + stat.in_flight;
		query->handle = handle->number;
	}
	return zcpool_copy_out(user, query, sizeof(*query));
}

/* Check what CREATE is asked for, and round it to whole folios. */
static int zcpool_geometry_init(struct zcpool_geometry *geometry,
				const struct zcpool_create *create)
{
	u64 folio_size;

	if (create->flags & ~ZCPOOL_CREATE_F_NUMA_NODE)
		return -EINVAL;
	if (!create->buffer_size || create->buffer_size > ZCPOOL_BUFFER_SIZE_MAX)
		return -EINVAL;
	if (!create->count || create->count > ZCPOOL_COUNT_MAX)
		return -EINVAL;
	if (create->dma_bits && (create->dma_bits < ZCPOOL_DMA_BITS_MIN || create->dma_bits > 64))
		return -EINVAL;

	geometry->node = NUMA_NO_NODE;
	if (create->flags & ZCPOOL_CREATE_F_NUMA_NODE) {
		if (create->numa_node >= MAX_NUMNODES || !node_state(create->numa_node, N_MEMORY))
			return -EINVAL;
		geometry->node = create->numa_node;
	} else if (create->numa_node) {
		return -EINVAL;
	}

	geometry->stride = round_up(create->buffer_size, (u64)ZCPOOL_FOLIO_SIZE_MAX);
	if (create->buffer_size < ZCPOOL_FOLIO_SIZE_MAX)
		geometry->stride =
			roundup_pow_of_two(max_t(u64, create->buffer_size, ZCPOOL_FOLIO_SIZE_MIN));
	folio_size = min_t(u64, geometry->stride, ZCPOOL_FOLIO_SIZE_MAX);
	geometry->order = ilog2(folio_size) - PAGE_SHIFT;
	geometry->folios_per_buffer = geometry->stride / folio_size;
	geometry->buffer_size = create->buffer_size;
	geometry->count = create->count;
	geometry->size = geometry->stride * create->count;
	geometry->dma_bits = create->dma_bits;
	return 0;
}

static long zcpool_create_locked(struct zcpool_handle *handle, struct zcpool_create *create,
				 const struct zcpool_geometry *geometry,
				 const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool;
	int error;

	if (zcpool_handle_pool(handle))
		return -EBUSY;

	pool = zcpool_pool_create(geometry);
	if (IS_ERR(pool))
		return PTR_ERR(pool);

	create->stride = geometry->stride;
	create->size = geometry->size;
	error = zcpool_handle_list(handle, pool, geometry->count);
	if (error)
		goto err_put_pool;
	error = zcpool_copy_out(user, create, sizeof(*create));
	if (error)
		goto err_unlist;
	zcpool_handle_bind(handle, pool);
	return 0;

err_unlist:
	zcpool_handle_unlist(handle, pool);
err_put_pool:
	zcpool_pool_put(pool);
	return error;
}

static long zcpool_ioctl_create(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_handle *handle = file->private_data;
	struct zcpool_create *create = arg;
	struct zcpool_geometry geometry;
	long error;

	error = zcpool_geometry_init(&geometry, create);
	if (error)
		return error;

	if (mutex_lock_killable(&handle->bind_lock))
		return -EINTR;
	error = zcpool_create_locked(handle, create, &geometry, user);
	mutex_unlock(&handle->bind_lock);
	return error;
}

static long zcpool_ioctl_get(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	u32 indices[ZCPOOL_BATCH_MAX] __uninitialized;
	struct zcpool_get *get = arg;
	int taken;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	taken = zcpool_get_begin(pool, file, get, user->ptr, indices);
	if (!taken)
		taken = zcpool_wait_take(pool, file->private_data, indices,
					 min(get->count, pool->batch), get->timeout_ns);
	if (taken == -ERESTARTSYS && get->put_count)
		/* Restarted, the call would put once more what it has put. */
		return -EINTR;
	if (taken > 0)
		taken = zcpool_get_end(pool, file->private_data, get, user->ptr, indices, taken);
	return min(taken, 0);
}

static long zcpool_ioctl_put(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_put __user *user_put = user->ptr;
	struct zcpool_put *put = arg;
	int error;
	u32 done;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (!put->count || put->flags)
		return -EINVAL;

	error = zcpool_put_array(pool, file->private_data, u64_to_user_ptr(put->indices),
				 put->count, &done);
	/* How far it came matters most when it came not far. */
	return put_user(done, &user_put->count) ? -EFAULT : error;
}

static long zcpool_ioctl_eventfd(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_eventfd *eventfd = arg;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (eventfd->flags)
		return -EINVAL;
	return zcpool_eventfd_register(pool, file->private_data, eventfd->fd);
}

static long zcpool_ioctl_holders(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_holders *holders = arg;
	int error;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (!holders->count || (holders->flags & ~ZCPOOL_HOLDERS_F_HELD) ||
	    holders->entry_size < ZCPOOL_HOLDER_SIZE_VER0 || holders->entry_size > PAGE_SIZE)
		return -EINVAL;
	if (holders->first > pool->geometry.count)
		return -ERANGE;

	error = zcpool_holders_get(pool, file->private_data, holders);
	return error ?: zcpool_copy_out(user, holders, sizeof(*holders));
}

static long zcpool_ioctl_send(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_send *send = arg;
	int error;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	error = zcpool_send_check(send);
	if (error)
		return error;
	/* What cannot be told afterwards is not begun. */
	send->sent = 0;
	send->copied = 0;
	if (zcpool_copy_out(user, send, sizeof(*send)))
		return -EFAULT;
	error = zcpool_send(pool, send);
	return zcpool_copy_out(user, send, sizeof(*send)) ?: error;
}

#ifdef CONFIG_DMA_SHARED_BUFFER
static int zcpool_export_check(const struct zcpool_pool *pool, const struct file *file,
			       const struct zcpool_export *export)
{
	if (export->flags & ~(ZCPOOL_EXPORT_F_READ_ONLY | ZCPOOL_EXPORT_F_UNHELD))
		return -EINVAL;
	if (!export->length || !PAGE_ALIGNED(export->offset | export->length))
		return -EINVAL;
	if (!zcpool_slice_fits(pool, export->offset, export->length))
		return -ERANGE;
	if (!zcpool_file_writes(file) && !(export->flags & ZCPOOL_EXPORT_F_READ_ONLY))
		return -EACCES;
	return 0;
}

static long zcpool_ioctl_export(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_export *export = arg;
	struct dma_buf *dmabuf;
	int error;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	error = zcpool_export_check(pool, file, export);
	if (error)
		return error;
	export->fd = get_unused_fd_flags(O_CLOEXEC);
	if (export->fd < 0)
		return export->fd;
	dmabuf = zcpool_export(pool, export);
	return zcpool_install(export->fd, IS_ERR(dmabuf) ? ERR_CAST(dmabuf) : dmabuf->file, export,
			      sizeof(*export), user);
}
#else
static long zcpool_ioctl_export(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	return -ENOTTY;
}
#endif

static int zcpool_view_check(const struct zcpool_pool *pool, const struct file *file,
			     const struct zcpool_view *view)
{
	if ((view->flags & ~ZCPOOL_VIEW_F_WRITABLE) || (view->mode & ~0666) || view->reserved ||
	    !view->length)
		return -EINVAL;
	if (!zcpool_slice_fits(pool, view->offset, view->length))
		return -ERANGE;
	if (!zcpool_file_writes(file) && (view->flags & ZCPOOL_VIEW_F_WRITABLE))
		return -EACCES;
	return 0;
}

static long zcpool_ioctl_view(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_view *view = arg;
	int error;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	error = zcpool_view_check(pool, file, view);
	if (error)
		return error;
	view->fd = get_unused_fd_flags(O_CLOEXEC);
	if (view->fd < 0)
		return view->fd;
	return zcpool_install(view->fd, zcpool_view(pool, view), view, sizeof(*view), user);
}

static long zcpool_ioctl_share(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_share *share = arg;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (share->flags & ~ZCPOOL_SHARE_F_READ_ONLY)
		return -EINVAL;
	if (!zcpool_file_writes(file) && !(share->flags & ZCPOOL_SHARE_F_READ_ONLY))
		return -EACCES;
	share->fd = get_unused_fd_flags(O_CLOEXEC);
	if (share->fd < 0)
		return share->fd;
	return zcpool_install(share->fd, zcpool_share(pool, share->flags), share, sizeof(*share),
			      user);
}

static long zcpool_attach_locked(struct zcpool_handle *handle, struct zcpool_attach *attach,
				 const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool;
	u32 flags;
	int error;

	if (zcpool_handle_pool(handle))
		return -EBUSY;
	pool = zcpool_share_get(attach->fd, &flags);
	if (IS_ERR(pool))
		return PTR_ERR(pool);

	handle->read_only = flags & ZCPOOL_SHARE_F_READ_ONLY;
	error = zcpool_handle_list(handle, pool, attach->queue_max ?: pool->geometry.count);
	if (error)
		goto err_put_pool;
	attach->handle = handle->number;
	error = zcpool_copy_out(user, attach, sizeof(*attach));
	if (error)
		goto err_unlist;
	zcpool_handle_bind(handle, pool);
	return 0;

err_unlist:
	zcpool_handle_unlist(handle, pool);
err_put_pool:
	handle->read_only = false;
	zcpool_pool_put(pool);
	return error;
}

static long zcpool_ioctl_attach(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_handle *handle = file->private_data;
	struct zcpool_attach *attach = arg;
	long error;

	if (attach->flags)
		return -EINVAL;
	if (mutex_lock_killable(&handle->bind_lock))
		return -EINTR;
	error = zcpool_attach_locked(handle, attach, user);
	mutex_unlock(&handle->bind_lock);
	return error;
}

static long zcpool_ioctl_transfer(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_transfer *transfer = arg;
	int error;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (!transfer->count || transfer->flags || transfer->reserved)
		return -EINVAL;
	/* What cannot be told afterwards is not begun. */
	if (zcpool_copy_out(user, transfer, sizeof(*transfer)))
		return -EFAULT;
	error = zcpool_transfer(pool, file->private_data, transfer);
	return zcpool_copy_out(user, transfer, sizeof(*transfer)) ?: error;
}

static long zcpool_ioctl_receive(struct file *file, void *arg, const struct zcpool_user_arg *user)
{
	struct zcpool_receive __user *user_receive = user->ptr;
	struct zcpool_pool *pool = zcpool_file_pool(file);
	struct zcpool_receive *receive = arg;
	int received;

	if (IS_ERR(pool))
		return PTR_ERR(pool);
	if (!receive->count || (receive->flags & ~ZCPOOL_RECEIVE_F_NONBLOCK))
		return -EINVAL;
	/* What cannot be told afterwards is not begun. */
	if (put_user(receive->count, &user_receive->count))
		return -EFAULT;
	received = zcpool_receive(pool, file, receive);
	if (received < 0)
		return received;
	return put_user(received, &user_receive->count);
}

/* Room for the struct of any command. */
union zcpool_arg {
	struct zcpool_query query;
	struct zcpool_create create;
	struct zcpool_get get;
	struct zcpool_put put;
	struct zcpool_eventfd eventfd;
	struct zcpool_holders holders;
	struct zcpool_send send;
	struct zcpool_export export;
	struct zcpool_share share;
	struct zcpool_attach attach;
	struct zcpool_transfer transfer;
	struct zcpool_receive receive;
	struct zcpool_view view;
};

/**
 * struct zcpool_command - an ioctl
 * @size: of its struct, as this kernel knows it
 * @min_size: of the struct's first version
 * @run: does it; the struct is read, and copied back by @run
 */
struct zcpool_command {
	size_t size;
	size_t min_size;
	long (*run)(struct file *file, void *arg, const struct zcpool_user_arg *user);
};

#define ZCPOOL_COMMAND(verb, VERB) \
	[_IOC_NR(ZCPOOL_IOC_##VERB)] = { \
		.size = sizeof(struct zcpool_##verb), \
		.min_size = ZCPOOL_##VERB##_SIZE_VER0, \
		.run = zcpool_ioctl_##verb, \
	}

/* clang-format off */
static const struct zcpool_command zcpool_commands[] = {
	ZCPOOL_COMMAND(query, QUERY),
	ZCPOOL_COMMAND(create, CREATE),
	ZCPOOL_COMMAND(get, GET),
	ZCPOOL_COMMAND(put, PUT),
	ZCPOOL_COMMAND(eventfd, EVENTFD),
	ZCPOOL_COMMAND(holders, HOLDERS),
	ZCPOOL_COMMAND(send, SEND),
	ZCPOOL_COMMAND(export, EXPORT),
	ZCPOOL_COMMAND(share, SHARE),
	ZCPOOL_COMMAND(attach, ATTACH),
	ZCPOOL_COMMAND(transfer, TRANSFER),
	ZCPOOL_COMMAND(receive, RECEIVE),
	ZCPOOL_COMMAND(view, VIEW),
};

/* clang-format on */

/** zcpool_ioctl() - file_operations.unlocked_ioctl of a handle */
long zcpool_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct zcpool_user_arg user = {
		.ptr = (void __user *)arg,
		.size = _IOC_SIZE(cmd),
	};
	const struct zcpool_command *command;
	unsigned int nr = _IOC_NR(cmd);
	union zcpool_arg buffer __uninitialized;
	int error;

	if (_IOC_TYPE(cmd) != ZCPOOL_IOC_TYPE || _IOC_DIR(cmd) != (_IOC_READ | _IOC_WRITE) ||
	    nr >= ARRAY_SIZE(zcpool_commands))
		return -ENOTTY;
	command = &zcpool_commands[array_index_nospec(nr, ARRAY_SIZE(zcpool_commands))];
	if (user.size < command->min_size)
		return -EINVAL;

	error = copy_struct_from_user(&buffer, command->size, user.ptr, user.size);
	if (error)
		return error;
	return command->run(file, &buffer, &user);
}
