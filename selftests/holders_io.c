// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pins as holders: a buffer that a disk, a socket's MSG_ZEROCOPY or a long-term pin
 * has through the mapping is not handed out before these are done with it.
 */
#include <linux/dm-ioctl.h>
#include <linux/if_xdp.h>
#include <stddef.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "send.h"
#include "sockets.h"

#include "harness.h"

#define BUFFER (64 * KIB)
#define LENGTH 8192
#define OFFSET 4096
/* An empty disk of the rig: selftests/vm/run --nvme. */
#define DISK "/dev/nvme0n1"
#define DISK_SECTORS 65536

#ifndef AF_XDP
#define AF_XDP 44
#endif
#ifndef SOL_XDP
#define SOL_XDP 283
#endif

static void fill(char *data, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size / 4; i++)
		((uint32_t *)data)[i] = i * 2654435761U + seed;
}

/* Some pages of it are held, but not by a pipe; newer kernels tell pins apart. */
static bool held_by_io(int fd)
{
	struct zcpool_holder holder = holder_of(fd, 0);

	return holder.pins + holder.references > 0 && !holder.slots;
}

static void expect_held(struct __test_metadata *_metadata, int fd)
{
	ASSERT_EQ(-EAGAIN, get_now(fd));
	ASSERT_EQ(ZCPOOL_STATE_IN_FLIGHT, holder_of(fd, 0).state);
}

/* Waits without limit for the report too: a mapping that goes shows in it for a while. */
static void expect_free(struct __test_metadata *_metadata, int fd)
{
	struct zcpool_holder holder;

	ASSERT_EQ(0, get_wait(fd));
	do {
		usleep(1000);
		holder = holder_of(fd, 0);
	} while (holder.pins + holder.references + holder.slots);
}

/*
 * A disk that can be held still: a linear device of the device mapper, suspended.
 * Whatever is submitted to it waits until it is resumed.
 */
struct mapper {
	struct dm_ioctl ioctl;
	struct dm_target_spec target;
	char parameters[64];
};

static int control_disk(unsigned long command, uint32_t flags, uint64_t *device)
{
	struct mapper arg = {
		.ioctl.version = { DM_VERSION_MAJOR },
		.ioctl.data_size = sizeof(arg),
		.ioctl.data_start = offsetof(struct mapper, target),
		.ioctl.target_count = command == DM_TABLE_LOAD,
		.ioctl.flags = flags,
		.ioctl.name = "zcpool-test",
		.target.length = DISK_SECTORS,
		.target.target_type = "linear",
		.parameters = DISK " 0",
	};
	int control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC), ret;

	ret = ioctl(control, command, &arg) ? -errno : 0;
	if (device)
		*device = arg.ioctl.dev;
	close(control);
	return ret;
}

static int suspend(void)
{
	return control_disk(DM_DEV_SUSPEND, DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG, NULL);
}

static int resume(void)
{
	return control_disk(DM_DEV_SUSPEND, 0, NULL);
}

FIXTURE(still_disk)
{
	int fd;
	int disk;
	char *map;
	char *data;
	struct io_uring ring;
	pid_t child;
};

FIXTURE_VARIANT(still_disk)
{
	bool write;
	bool by_ring;
};

VARIANT(still_disk, read, .write = false);
VARIANT(still_disk, write, .write = true);
VARIANT(still_disk, ring_read, .write = false, .by_ring = true);
VARIANT(still_disk, ring_write, .write = true, .by_ring = true);

/* Known bytes on the disk, which then stands still; a buffer, owned, of others. */
FIXTURE_SETUP(still_disk)
{
	char path[64];
	uint64_t device;

	self->data = aligned_alloc(4096, LENGTH);
	fill(self->data, LENGTH, variant->write);
	self->fd = new_pool(BUFFER, 1);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, BUFFER);
	ASSERT_NE(MAP_FAILED, self->map);
	ASSERT_EQ(0, get_now(self->fd));
	if (variant->write)
		memcpy(self->map + OFFSET, self->data, LENGTH);
	ASSERT_EQ(0, load_module("dm_mod"));
	ASSERT_EQ(0, control_disk(DM_DEV_CREATE, 0, &device));
	ASSERT_EQ(0, control_disk(DM_TABLE_LOAD, 0, NULL));
	ASSERT_EQ(0, resume());
	snprintf(path, sizeof(path), "/dev/dm-%u", minor(device));
	self->disk = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	ASSERT_GE(self->disk, 0);
	if (!variant->write)
		ASSERT_EQ(LENGTH, pwrite(self->disk, self->data, LENGTH, 0));
	ASSERT_EQ(0, io_uring_queue_init(4, &self->ring, 0));
	ASSERT_EQ(0, suspend());
}

FIXTURE_TEARDOWN(still_disk)
{
	int try;

	resume();
	close(self->disk);
	if (self->child > 0)
		waitpid(self->child, NULL, 0);
	/* Requests that are still at it keep the device for a moment. */
	for (try = 0; try < 20000 && control_disk(DM_DEV_REMOVE, 0, NULL) == -EBUSY; try++)
		usleep(1000);
	free(self->data);
	close(self->fd);
}

/* Start what the variant says; the pages are pinned when this returns. */
static void start(struct __test_metadata *_metadata, FIXTURE_DATA(still_disk) * self, bool write,
		  bool by_ring)
{
	if (by_ring) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&self->ring);

		if (write)
			io_uring_prep_write(sqe, self->disk, self->map + OFFSET, LENGTH, 0);
		else
			io_uring_prep_read(sqe, self->disk, self->map + OFFSET, LENGTH, 0);
		ASSERT_EQ(1, io_uring_submit(&self->ring));
	} else {
		self->child = fork();
		if (!self->child)
			_exit((write ? pwrite(self->disk, self->map + OFFSET, LENGTH, 0) :
				       pread(self->disk, self->map + OFFSET, LENGTH, 0)) != LENGTH);
	}
	while (!held_by_io(self->fd))
		usleep(1000);
}

static void expect_done(struct __test_metadata *_metadata, FIXTURE_DATA(still_disk) * self,
			bool by_ring)
{
	if (by_ring) {
		ASSERT_EQ(LENGTH, result_of(&self->ring));
	} else {
		ASSERT_EQ(0, wait_status(self->child));
		self->child = 0;
	}
}

/* What the disk or the memory got is what it was to get, when the buffer is free. */
static void expect_moved(struct __test_metadata *_metadata, FIXTURE_DATA(still_disk) * self,
			 bool write)
{
	char *back = self->map + OFFSET;

	if (write) {
		memset(self->map, 'X', BUFFER);
		back = aligned_alloc(4096, LENGTH);
		ASSERT_EQ(LENGTH, pread(self->disk, back, LENGTH, 0));
	}
	ASSERT_EQ(0, memcmp(self->data, back, LENGTH));
}

TEST_F(still_disk, holds_until_done)
{
	start(_metadata, self, variant->write, variant->by_ring);
	ASSERT_EQ(0, put_one(self->fd, 0));
	expect_held(_metadata, self->fd);
	usleep(1000);
	expect_held(_metadata, self->fd);
	ASSERT_EQ(0, resume());
	expect_free(_metadata, self->fd);
	expect_moved(_metadata, self, variant->write);
	expect_done(_metadata, self, variant->by_ring);
}

/* Started by nobody's right, on a buffer that nobody owns: GET looks all the same. */
TEST_F(still_disk, holds_an_idle_buffer)
{
	ASSERT_EQ(0, put_one(self->fd, 0));
	start(_metadata, self, variant->write, variant->by_ring);
	expect_held(_metadata, self->fd);
	ASSERT_EQ(0, resume());
	expect_free(_metadata, self->fd);
	expect_moved(_metadata, self, variant->write);
	expect_done(_metadata, self, variant->by_ring);
}

TEST_F(still_disk, holds_without_mapping_and_ring)
{
	start(_metadata, self, variant->write, variant->by_ring);
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(0, munmap(self->map, BUFFER));
	if (variant->by_ring)
		io_uring_queue_exit(&self->ring);
	expect_held(_metadata, self->fd);
	ASSERT_EQ(0, resume());
	expect_free(_metadata, self->fd);
	self->map = map_pool(self->fd, BUFFER);
	expect_moved(_metadata, self, variant->write);
	if (!variant->by_ring)
		expect_done(_metadata, self, false);
}

/* The pages go to the disk out of the pipe, which has them until they are there. */
TEST_F(still_disk, holds_what_is_spliced_to_it)
{
	loff_t offset = OFFSET;
	int pipes[2];

	if (!variant->write || variant->by_ring)
		return;
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(LENGTH, splice(self->fd, &offset, pipes[1], NULL, LENGTH, 0));
	self->child = fork();
	if (!self->child)
		_exit(splice(pipes[0], NULL, self->disk, &(loff_t){ 0 }, LENGTH, 0) != LENGTH);
	close(pipes[0]);
	close(pipes[1]);
	ASSERT_EQ(0, put_one(self->fd, 0));
	expect_held(_metadata, self->fd);
	ASSERT_EQ(1, holder_of(self->fd, 0).slots);
	ASSERT_EQ(0, resume());
	expect_free(_metadata, self->fd);
	expect_moved(_metadata, self, true);
	expect_done(_metadata, self, false);
}

FIXTURE(pinned)
{
	int fd;
	char *map;
	char *data;
	char back[LENGTH];
};

FIXTURE_SETUP(pinned)
{
	self->fd = new_pool(BUFFER, 1);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, BUFFER);
	ASSERT_NE(MAP_FAILED, self->map);
	ASSERT_EQ(0, get_now(self->fd));
	fill(self->map, BUFFER, 7);
	self->data = malloc(LENGTH);
	memcpy(self->data, self->map + OFFSET, LENGTH);
}

FIXTURE_TEARDOWN(pinned)
{
	munmap(self->map, BUFFER);
	close(self->fd);
	free(self->data);
}

static int send_zerocopy(int socket, char *data)
{
	int one = 1;

	if (setsockopt(socket, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return -errno;
	return send(socket, data, LENGTH, MSG_ZEROCOPY);
}

/* The ring lives on with the process: its notification comes when the pages are free. */
static int send_zc(int socket, char *data)
{
	static struct io_uring ring;

	if (io_uring_queue_init(4, &ring, 0))
		return -1;
	io_uring_prep_send_zc(io_uring_get_sqe(&ring), socket, data, LENGTH, 0, 0);
	return io_uring_submit(&ring) == 1 ? result_of(&ring) : -1;
}

static void expect_held_until_acknowledged(struct __test_metadata *_metadata,
					   FIXTURE_DATA(pinned) * self,
					   int (*send)(int socket, char *data))
{
	int pair[2] = { -1, -1 };

	ASSERT_EQ(0, tcp_veth(pair));
	ASSERT_EQ(0, far_listens(false));
	ASSERT_EQ(LENGTH, send(pair[0], self->map + OFFSET));
	ASSERT_EQ(0, put_one(self->fd, 0));
	expect_held(_metadata, self->fd);
	ASSERT_TRUE(held_by_io(self->fd));
	ASSERT_EQ(0, far_listens(true));
	/* The device copies for the peer, so unread bytes are not the pool's. */
	expect_free(_metadata, self->fd);
	memset(self->map, 'X', BUFFER);
	ASSERT_EQ(LENGTH, read_full(pair[1], self->back, LENGTH));
	ASSERT_EQ(0, memcmp(self->data, self->back, LENGTH));
}

TEST_F(pinned, by_MSG_ZEROCOPY_unacknowledged)
{
	expect_held_until_acknowledged(_metadata, self, send_zerocopy);
}

TEST_F(pinned, by_SEND_ZC_unacknowledged)
{
	expect_held_until_acknowledged(_metadata, self, send_zc);
}

static void expect_unread_unchanged(struct __test_metadata *_metadata, FIXTURE_DATA(pinned) * self,
				    int (*send)(int socket, char *data))
{
	int pair[2];

	ASSERT_EQ(0, tcp_pair(pair));
	ASSERT_EQ(LENGTH, send(pair[0], self->map + OFFSET));
	ASSERT_EQ(0, put_one(self->fd, 0));
	expect_free(_metadata, self->fd);
	memset(self->map, 'X', BUFFER);
	ASSERT_EQ(LENGTH, read_full(pair[1], self->back, LENGTH));
	ASSERT_EQ(0, memcmp(self->data, self->back, LENGTH));
}

TEST_F(pinned, not_by_MSG_ZEROCOPY_over_loopback)
{
	expect_unread_unchanged(_metadata, self, send_zerocopy);
}

TEST_F(pinned, not_by_SEND_ZC_over_loopback)
{
	expect_unread_unchanged(_metadata, self, send_zc);
}

/* A child's pin of what it inherited, in a pipe that outlives it. */
TEST_F(pinned, by_a_dead_child)
{
	struct iovec iov = { self->map + OFFSET, LENGTH };
	int pipes[2];
	pid_t pid;

	ASSERT_EQ(0, pipe(pipes));
	pid = fork();
	if (!pid)
		_exit(vmsplice(pipes[1], &iov, 1, 0) != LENGTH);
	ASSERT_EQ(0, wait_status(pid));
	ASSERT_EQ(0, put_one(self->fd, 0));
	expect_held(_metadata, self->fd);
	ASSERT_EQ(LENGTH, read_full(pipes[0], self->back, LENGTH));
	ASSERT_EQ(0, memcmp(self->data, self->back, LENGTH));
	expect_free(_metadata, self->fd);
}

/* AF_XDP pins memory for packets for the long term, on every kernel since 6.1. */
static int register_umem(int socket, void *address)
{
	struct xdp_umem_reg umem = {
		.addr = (uintptr_t)address,
		.len = BUFFER,
		.chunk_size = 4096,
	};

	return setsockopt(socket, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) ? -errno : 0;
}

TEST_F(pinned, by_an_XDP_socket_until_it_is_closed)
{
	int socket_fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	ASSERT_GE(socket_fd, 0);
	ASSERT_EQ(0, register_umem(socket_fd, self->map));
	EXPECT_EQ(BUFFER / 4096, holder_of(self->fd, 0).pins);
	EXPECT_EQ(0, holder_of(self->fd, 0).references);
	ASSERT_EQ(0, put_one(self->fd, 0));
	expect_held(_metadata, self->fd);
	ASSERT_EQ(0, munmap(self->map, BUFFER));
	expect_held(_metadata, self->fd);
	EXPECT_EQ(BUFFER / 4096, holder_of(self->fd, 0).pins);
	close(socket_fd);
	expect_free(_metadata, self->fd);
}

TEST_F(pinned, by_the_XDP_socket_of_a_child_until_it_dies)
{
	int ready[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	if (!pid) {
		if (register_umem(socket(AF_XDP, SOCK_RAW, 0), self->map) ||
		    write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	close(ready[1]);
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	ASSERT_EQ(0, put_one(self->fd, 0));
	expect_held(_metadata, self->fd);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(-1, wait_status(pid));
	expect_free(_metadata, self->fd);
}

TEST_HARNESS_MAIN
