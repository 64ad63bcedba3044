/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of the companion driver share: a device, and a pool that it reaches. */
#ifndef ZCPOOL_SELFTEST_EDU_H
#define ZCPOOL_SELFTEST_EDU_H

#include <dirent.h>

#include <zcpool_edu.h>

#include "export.h"

#define FROM_DEVICE ZCPOOL_EDU_SUBMIT_F_FROM_DEVICE
/* The device takes 100 ms for a transfer: what many of them take, in seconds. */
#define EDU_SECONDS(transfers) (30 + (transfers) / 2)

struct edu {
	int fd;
	int pool;
	int dmabuf;
	int memory;
	uint32_t device_size;
	size_t size;
	unsigned char *map;
};

/* What QEMU's device is told to reach, and the driver to think so. */
static inline uint32_t edu_bits(void)
{
	const char *bits = getenv("ZCPOOL_EDU_BITS");

	return bits ? atoi(bits) : 28;
}

/*
 * A pool in memory that the device reaches.  Most memory does not lie there: the kernel would
 * try much of it, zeroing all, but finds at once what little is below its least limit.
 */
static inline int reachable_pool(uint64_t buffer_size, uint32_t count)
{
	struct zcpool_create create = {
		.buffer_size = buffer_size,
		.count = count,
		.dma_bits = 24,
	};
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (fd < 0 || (buffer_size * count <= MIB && edu_bits() > 24 &&
		       !ioctl(fd, ZCPOOL_IOC_CREATE, &create)))
		return fd;
	create.dma_bits = edu_bits();
	if (!ioctl(fd, ZCPOOL_IOC_CREATE, &create))
		return fd;
	close(fd);
	return -1;
}

/* The device, with all of a new pool imported.  Whether that was possible. */
static inline bool edu_begin(struct edu *edu, uint64_t buffer_size, uint32_t count)
{
	struct zcpool_edu_query query = { 0 };

	edu->size = buffer_size * count;
	edu->pool = reachable_pool(buffer_size, count);
	edu->map = (unsigned char *)map_pool(edu->pool, edu->size);
	edu->dmabuf = export(edu->pool, 0, edu->size, 0);
	edu->fd = zcpool_edu_open(0, 0);
	edu->memory = zcpool_edu_import(edu->fd, edu->dmabuf);
	if (zcpool_edu_query(edu->fd, &query) || edu->memory < 0 || edu->map == MAP_FAILED)
		return false;
	edu->device_size = query.memory_size;
	return true;
}

static inline void edu_end(struct edu *edu)
{
	close(edu->fd);
	close(edu->dmabuf);
	munmap(edu->map, edu->size);
	close(edu->pool);
}

static inline int edu_submit(const struct edu *edu, uint64_t cookie, uint64_t offset,
			     uint64_t length, uint32_t position, uint32_t flags)
{
	const struct zcpool_edu_submit submit = {
		.cookie = cookie,
		.offset = offset,
		.length = length,
		.position = position,
		.memory = edu->memory,
		.flags = flags,
	};

	return zcpool_edu_submit(edu->fd, &submit);
}

/* The next completion, waited for; a cookie that no test uses if there is none. */
static inline struct zcpool_edu_completion edu_wait(const struct edu *edu)
{
	struct zcpool_edu_completion completion = { 0 };
	int taken = zcpool_edu_complete(edu->fd, &completion, 1, -1);

	if (taken != 1) {
		completion.cookie = UINT64_MAX;
		completion.result = taken;
	}
	return completion;
}

/* Move bytes, alone.  0, or what went wrong. */
static inline int edu_move(const struct edu *edu, uint64_t offset, uint64_t length,
			   uint32_t position, uint32_t flags)
{
	int error = edu_submit(edu, 1, offset, length, position, flags);

	return error ? error : edu_wait(edu).result;
}

static inline int submit_now(const struct edu *edu, uint64_t cookie, uint64_t length)
{
	return edu_submit(edu, cookie, 0, length, 0, ZCPOOL_EDU_SUBMIT_F_NONBLOCK);
}

static inline int take_now(const struct edu *edu, struct zcpool_edu_completion *completions,
			   uint32_t count)
{
	return zcpool_edu_complete(edu->fd, completions, count, 0);
}

static inline int cancel_all(const struct edu *edu)
{
	return zcpool_edu_cancel(edu->fd, 0, ZCPOOL_EDU_CANCEL_F_ALL);
}

/*
 * Have a request under way, or over if it is short.  It waits behind two others: if the first
 * of them is not told yet when it is queued, the driver finds it when the second is over, and
 * begins it before the second is told.  Else, held up, do it again, with the memory as it was.
 */
static inline int edu_start(const struct edu *edu, uint64_t cookie, uint64_t length, uint32_t flags)
{
	struct zcpool_edu_completion completion;
	unsigned char *was = (unsigned char *)malloc(length);
	int error, taken, left;

	if (!was)
		return -ENOMEM;
	memcpy(was, edu->map, length);
	do {
		error = edu_submit(edu, cookie, 0, 1, 0, flags);
		if (!error)
			error = edu_submit(edu, cookie, 0, 1, 0, flags);
		if (!error)
			error = edu_submit(edu, cookie, 0, length, 0, flags);
		taken = error ? -EAGAIN : take_now(edu, &completion, 1);
		if (taken == 1) {
			cancel_all(edu);
			for (left = 2; left; left--)
				edu_wait(edu);
			memcpy(edu->map, was, length);
		}
	} while (taken == 1);
	free(was);
	for (left = 2; left && !error; left--)
		error = edu_wait(edu).result;
	return error;
}

/* Have the device busy with all of the memory, for a tenth of a second for each 4 KiB. */
static inline int edu_occupy(const struct edu *edu, uint64_t cookie, uint32_t flags)
{
	return edu_start(edu, cookie, edu->size, flags);
}

/* What poll() says without waiting. */
static inline short polled(const struct edu *edu)
{
	struct pollfd poll_fd = { .fd = edu->fd, .events = POLLIN | POLLOUT };

	return poll(&poll_fd, 1, 0) < 0 ? -1 : poll_fd.revents;
}

/* Have the device busy, and the queue full: cookies 0 to 63, or an error. */
static inline int fill_queue(const struct edu *edu)
{
	int error = edu_occupy(edu, 0, 0);
	uint64_t cookie = 1;

	while (!error)
		error = submit_now(edu, cookie++, 1);
	return error == -EAGAIN ? (int)cookie - 1 : error;
}

/*
 * Whether nothing of the pool is exported any more: the driver lets go of a memory in a
 * kernel thread, whose last reference to the dma-buf ends a little later.
 */
static inline bool edu_let_go(const struct edu *edu)
{
	int try;

	for (try = 0; try < 20000; try++) {
		if (!holder_of(edu->pool, 0).exports)
			return true;
		usleep(1000);
	}
	return false;
}

/* What a byte is in no other place nearby. */
static inline unsigned char edu_pattern(uint64_t seed, uint64_t index)
{
	uint64_t x = (seed << 32 | index) * 0x9e3779b97f4a7c15ULL;

	return x >> 56;
}

static inline void edu_fill(unsigned char *bytes, size_t length, uint64_t seed)
{
	size_t i;

	for (i = 0; i < length; i++)
		bytes[i] = edu_pattern(seed, i);
}

/* How many bytes are as edu_fill() left them, from the first on. */
static inline size_t edu_same(const unsigned char *bytes, size_t length, uint64_t seed)
{
	size_t i;

	for (i = 0; i < length && bytes[i] == edu_pattern(seed, i); i++)
		;
	return i;
}

/* How many bytes are all the same, from the first on. */
static inline size_t edu_all(const unsigned char *bytes, size_t length, unsigned char value)
{
	size_t i;

	for (i = 0; i < length && bytes[i] == value; i++)
		;
	return i;
}

#endif /* ZCPOOL_SELFTEST_EDU_H */
