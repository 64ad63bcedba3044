// SPDX-License-Identifier: GPL-2.0-only
/* The pool's peers: what the kernel has itself that programs use as buffers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <liburing.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>

#include "probe.h"

#define UDMABUF "/dev/udmabuf"
#define HEAP "/dev/dma_heap/system"
/* MFD_HUGE_2MB of <linux/memfd.h>, which does not go with <sys/mman.h>. */
#define HUGE_2_MIB (21U << 26)

/* A new file that has its size, if there is one; on an error it is closed. */
static int sized(int fd)
{
	if (fd < 0)
		return -errno;
	if (!ftruncate(fd, SIZE))
		return fd;
	close(fd);
	return -errno;
}

static int open_memfd(struct object *object)
{
	object->fd = sized(memfd_create("probe", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	object->call = "memfd_create()";
	return object->fd < 0 ? object->fd : 0;
}

static int open_hugetlb(struct object *object)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB | HUGE_2_MIB;

	object->fd = sized(memfd_create("probe", flags));
	object->call = "memfd_create() with MFD_HUGETLB";
	return object->fd < 0 ? object->fd : 0;
}

/* A file without a name: it goes with its last descriptor. */
static int open_file(struct object *object, const char *directory, int unusable)
{
	int fd, error;

	object->call = "mount()";
	if (unusable)
		return -unusable;
	object->call = "open()";
	fd = open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	object->call = "fallocate()";
	error = posix_fallocate(fd, 0, SIZE);
	object->fd = fd;
	return -error;
}

static int open_tmpfs(struct object *object)
{
	return open_file(object, place.tmpfs, place.tmpfs_error);
}

static int open_ext4(struct object *object)
{
	return open_file(object, place.ext4, place.ext4_error);
}

/* By udmabuf, of a memfd or what passes for one: a descriptor. */
static int make_udmabuf(struct object *object, int memory)
{
	struct udmabuf_create create = {
		.memfd = memory,
		.flags = UDMABUF_FLAGS_CLOEXEC,
		.size = SIZE,
	};
	int device = open(UDMABUF, O_RDWR | O_CLOEXEC), fd;

	object->call = "open() of " UDMABUF;
	if (device < 0)
		return -errno;
	object->call = "UDMABUF_CREATE";
	/* It wants to rely on the size. */
	fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK);
	fd = ioctl(device, UDMABUF_CREATE, &create);
	if (fd < 0)
		fd = -errno;
	close(device);
	return fd;
}

static int open_udmabuf(struct object *object)
{
	int error = open_memfd(object);

	if (error)
		return error;
	object->fd = make_udmabuf(object, object->fd);
	return object->fd < 0 ? object->fd : 0;
}

static int open_heap(struct object *object)
{
	struct dma_heap_allocation_data data = { .len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC };
	int heap = open(HEAP, O_RDONLY | O_CLOEXEC), error = 0;

	object->call = "open() of " HEAP;
	if (heap < 0)
		return -errno;
	object->call = "DMA_HEAP_IOCTL_ALLOC";
	if (ioctl(heap, DMA_HEAP_IOCTL_ALLOC, &data))
		error = -errno;
	else
		object->fd = data.fd;
	close(heap);
	return error;
}

/* Memory of the program's, as large as it comes, that a ring holds. */
static int open_registered(struct object *object)
{
	struct iovec buffer = { .iov_len = SIZE };
	int error;

	object->call = "mmap()";
	object->map = reserve_aligned(SIZE);
	if (!object->map || mprotect(object->map, SIZE, PROT_READ | PROT_WRITE))
		return -errno;
	madvise(object->map, SIZE, MADV_HUGEPAGE);
	object->call = "io_uring";
	object->ring = calloc(1, sizeof(*object->ring));
	if (!object->ring)
		return -ENOMEM;
	error = io_uring_queue_init(4, object->ring, 0);
	if (error)
		return error;
	buffer.iov_base = object->map;
	object->call = "IORING_REGISTER_BUFFERS";
	return io_uring_register_buffers(object->ring, &buffer, 1);
}

static int export_by_udmabuf(struct object *object)
{
	return make_udmabuf(object, object->fd);
}

static int export_itself(struct object *object)
{
	return object->fd;
}

/* Nothing of theirs takes a dma-buf, which is still a file, to be moved from. */
static int import_by_sendfile(struct object *object, int dma_buf)
{
	object->call = "sendfile()";
	return sendfile(object->fd, dma_buf, NULL, PIECE) < 0 ? -errno : 0;
}

static int import_by_udmabuf(struct object *object, int dma_buf)
{
	int fd = make_udmabuf(object, dma_buf);

	if (fd < 0)
		return fd;
	object->fd = fd;
	object->map = map_aligned(fd, SIZE, PROT_READ | PROT_WRITE);
	return object->map ? 0 : -errno;
}

static int import_by_registration(struct object *object, int dma_buf)
{
	struct iovec buffer = { .iov_len = SIZE };

	object->call = "mmap() of the dma-buf";
	object->map = map_aligned(dma_buf, SIZE, PROT_READ | PROT_WRITE);
	if (!object->map)
		return -errno;
	buffer.iov_base = object->map;
	object->call = "IORING_REGISTER_BUFFERS of its mapping";
	io_uring_unregister_buffers(object->ring);
	return io_uring_register_buffers(object->ring, &buffer, 1);
}

/* All of the file or nothing. */
static int seal_file(struct object *object, uint32_t index)
{
	(void)index;
	object->call = "F_SEAL_WRITE of all of it";
	return fcntl(object->fd, F_ADD_SEALS, F_SEAL_WRITE) ? -errno : 0;
}

static int seal_mapping(struct object *object, uint32_t index)
{
	object->call = "mprotect()";
	return mprotect(object->map + index * BUFFER, BUFFER, PROT_READ) ? -errno : 0;
}

static long write_file(struct object *object, size_t offset, const void *data, size_t size)
{
	long written = pwrite(object->fd, data, size, offset);

	return written < 0 ? -errno : written;
}

/* The ring reads a pipe, into what it has registered. */
static long write_by_ring(struct object *object, size_t offset, const void *data, size_t size)
{
	struct io_uring_cqe *cqe;
	int ends[2], ret;

	if (pipe2(ends, O_CLOEXEC) || write(ends[1], data, size) != (ssize_t)size)
		return -errno;
	io_uring_prep_read_fixed(io_uring_get_sqe(object->ring), ends[0], object->map + offset,
				 size, 0, 0);
	ret = io_uring_submit_and_wait(object->ring, 1);
	if (ret >= 0)
		ret = io_uring_peek_cqe(object->ring, &cqe);
	return ret ? ret : cqe->res;
}

/* Which buffer it is goes along: all of the memory does. */
static int give_descriptor(struct object *object, uint32_t index, int socket)
{
	int error;

	object->call = "SCM_RIGHTS";
	if (object->fd < 0)
		return -EBADF;
	error = send_descriptor(socket, object->fd);
	if (!error && write(socket, &index, sizeof(index)) != sizeof(index))
		error = -errno;
	return error;
}

static int take_descriptor(struct object *object, int socket, char **buffer)
{
	uint32_t index;

	object->call = "SCM_RIGHTS";
	object->fd = receive_descriptor(socket);
	if (object->fd < 0)
		return object->fd;
	if (read_full(socket, &index, sizeof(index)) != sizeof(index))
		return -EPIPE;
	object->call = "mmap()";
	object->map = map_aligned(object->fd, SIZE, PROT_READ | PROT_WRITE);
	if (!object->map)
		return -errno;
	*buffer = object->map + index * BUFFER;
	return 0;
}

/* What they have in common. */
#define BY_DESCRIPTOR \
	.write = write_file, .writer = "write()", .seal = seal_file, .give = give_descriptor, \
	.take = take_descriptor

static const struct peer peer_heap = {
	.name = "dma-buf heap",
	.note = "of " HEAP ", whose accounting is the kernel's parameter "
		"dma_heap.mem_accounting",
	.open = open_heap,
	.export = export_itself,
	.import = import_by_sendfile,
	BY_DESCRIPTOR,
};

static const struct peer peer_udmabuf = {
	.name = "udmabuf",
	.note = "a dma-buf that " UDMABUF " made of a memfd",
	.open = open_udmabuf,
	.export = export_itself,
	.import = import_by_udmabuf,
	BY_DESCRIPTOR,
};

int foreign_dma_buf(unsigned int seed, const char **exporter)
{
	static const struct peer *const exporters[] = { &peer_heap, &peer_udmabuf };
	struct object object;
	size_t i;

	for (i = 0; i < sizeof(exporters) / sizeof(exporters[0]); i++) {
		*exporter = exporters[i]->name;
		if (!object_open(exporters[i], &object) && object.map) {
			fill(object.map, SIZE, seed);
			return object.fd;
		}
	}
	*exporter = "another pool";
	return zcpool_dma_buf(seed);
}

static const struct peer peer_memfd = {
	.name = "memfd",
	.note = "of the size of the pool, with MADV_HUGEPAGE and shmem_enabled=advise; "
		"exported by udmabuf",
	.open = open_memfd,
	.export = export_by_udmabuf,
	.import = import_by_sendfile,
	BY_DESCRIPTOR,
};

static const struct peer peer_hugetlb = {
	.name = "hugetlb memfd",
	.note = "with MFD_HUGETLB, of reserved pages of 2 MiB, which memory.current counts "
		"where cgroup2 is mounted with memory_hugetlb_accounting; exported by udmabuf",
	.open = open_hugetlb,
	.export = export_by_udmabuf,
	.import = import_by_sendfile,
	BY_DESCRIPTOR,
};

static const struct peer peer_tmpfs = {
	.name = "tmpfs file",
	.note = "on a mount with huge=always",
	.open = open_tmpfs,
	.export = export_by_udmabuf,
	.import = import_by_sendfile,
	BY_DESCRIPTOR,
};

static const struct peer peer_ext4 = {
	.name = "ext4 file",
	.note = "its pages in the page cache, allocated on the disk",
	.open = open_ext4,
	.export = export_by_udmabuf,
	.import = import_by_sendfile,
	BY_DESCRIPTOR,
};

static const struct peer peer_registered = {
	.name = "io_uring",
	.note = "registered buffers: anonymous memory with MADV_HUGEPAGE",
	.open = open_registered,
	.export = export_by_udmabuf,
	.import = import_by_registration,
	.seal = seal_mapping,
	.write = write_by_ring,
	.writer = "READ_FIXED",
	.give = give_descriptor,
	.take = take_descriptor,
};

const struct peer *const peers[] = {
	&peer_zcpool, &peer_memfd,   &peer_hugetlb, &peer_tmpfs,
	&peer_ext4,   &peer_udmabuf, &peer_heap,    &peer_registered,
};

const size_t nr_peers = sizeof(peers) / sizeof(peers[0]);
