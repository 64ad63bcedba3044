// SPDX-License-Identifier: GPL-2.0-only
/* Devices move bytes between a disk and the memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <liburing.h>

#include "probe.h"

/* What is moved, and where to on the disk. */
#define LENGTH (256 * KIB)
#define OFFSET MIB

/* The disk for direct I/O, and ordinary memory that fits it: they end the process or are there. */
static int open_disk(char **ordinary)
{
	int fd = open(place.disk, O_RDWR | O_DIRECT | O_CLOEXEC);

	*ordinary = aligned_alloc(BUFFER, LENGTH);
	if (fd < 0 || !*ordinary) {
		perror("probe: disk");
		_exit(1);
	}
	return fd;
}

static struct answer moved(long moved)
{
	return moved < 0 ? failed(errno, "the transfer") : no("%ld of %lu bytes", moved, LENGTH);
}

struct answer ask_direct_in(struct object *object)
{
	char *ordinary;
	int disk;
	long got;

	if (!object->map)
		return no("it cannot be mapped");
	disk = open_disk(&ordinary);
	fill(ordinary, LENGTH, 1);
	got = pwrite(disk, ordinary, LENGTH, OFFSET);
	if (got != (long)LENGTH) {
		perror("probe: writing to the disk");
		_exit(1);
	}
	got = pread(disk, object->map + BUFFER, LENGTH, OFFSET);
	if (got != (long)LENGTH)
		return moved(got);
	if (!holds(object->map + BUFFER, LENGTH, 1))
		return no("other bytes");
	return yes("%s", "");
}

struct answer ask_direct_out(struct object *object)
{
	char *ordinary;
	int disk;
	long got;

	if (!object->map)
		return no("it cannot be mapped");
	disk = open_disk(&ordinary);
	fill(object->map + BUFFER, LENGTH, 2);
	got = pwrite(disk, object->map + BUFFER, LENGTH, OFFSET);
	if (got != (long)LENGTH)
		return moved(got);
	got = pread(disk, ordinary, LENGTH, OFFSET);
	if (got != (long)LENGTH) {
		perror("probe: reading the disk");
		_exit(1);
	}
	if (!holds(ordinary, LENGTH, 2))
		return no("other bytes");
	return yes("%s", "");
}

/* Submit the ring's one entry: what it completes with. */
static int submit(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_submit_and_wait(ring, 1);

	if (ret >= 0)
		ret = io_uring_peek_cqe(ring, &cqe);
	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

struct answer ask_fixed(struct object *object)
{
	struct iovec buffer = { .iov_base = object->map, .iov_len = SIZE };
	struct answer answer;
	struct io_uring ring;
	char *ordinary, *at;
	int disk, ret;

	if (!object->map)
		return no("it cannot be mapped");
	at = object->map + BUFFER;
	disk = open_disk(&ordinary);
	ret = io_uring_queue_init(4, &ring, 0);
	if (ret)
		return failed(ret, "io_uring");
	ret = io_uring_register_buffers(&ring, &buffer, 1);
	/* Before Linux 6.5 that is said of mappings of all files but these. */
	if (ret == -EOPNOTSUPP) {
		answer = failed(ret, "of files' mappings the kernel registers tmpfs's and "
				     "hugetlbfs's alone");
		answer.kernels = true;
		return answer;
	}
	if (ret)
		return failed(ret, "registration");

	fill(at, LENGTH, 3);
	io_uring_prep_write_fixed(io_uring_get_sqe(&ring), disk, at, LENGTH, OFFSET, 0);
	ret = submit(&ring);
	if (ret != (int)LENGTH)
		return ret < 0 ? failed(ret, "WRITE_FIXED") : no("WRITE_FIXED: %d bytes", ret);
	if (pread(disk, ordinary, LENGTH, OFFSET) != (ssize_t)LENGTH || !holds(ordinary, LENGTH, 3))
		return no("WRITE_FIXED takes other bytes to the disk");

	fill(ordinary, LENGTH, 4);
	if (pwrite(disk, ordinary, LENGTH, OFFSET) != (ssize_t)LENGTH) {
		perror("probe: writing to the disk");
		_exit(1);
	}
	io_uring_prep_read_fixed(io_uring_get_sqe(&ring), disk, at, LENGTH, OFFSET, 0);
	ret = submit(&ring);
	if (ret != (int)LENGTH)
		return ret < 0 ? failed(ret, "READ_FIXED") : no("READ_FIXED: %d bytes", ret);
	if (!holds(at, LENGTH, 4))
		return no("READ_FIXED brings other bytes");
	return yes("%s", "");
}
