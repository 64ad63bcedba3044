/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What the files of libzcpool share. */
#ifndef ZCPOOL_INTERNAL_H
#define ZCPOOL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "zcpool.h"

/* Marks what the shared library shows; the symbol map gives it a version. */
#define ZCPOOL_API __attribute__((visibility("default")))

/*
 * Most buffers a magazine holds of each kind, if the thread's share of the pool is so many times
 * as much; and otherwise, for other processes, of which a thread does not know, may want some.
 * GET and PUT cost 192 instructions by 32, 170 by 64.
 */
#define MAGAZINE_MAX 64
#define MAGAZINE_PART 16
#define MAGAZINE_FEW 32

struct magazine;

/*
 * No lock but the registry's, in magazine.c, which knows of fork().
 *
 * fd, id: constant.  number, stride, size, count: stored in this order when they are
 * known, by any thread, each the same values; count is 0 before.  map: NULL, then
 * constant.  next, magazines, nr_magazines: under the registry lock.
 */
struct zcpool {
	int fd;
	uint64_t id;
	atomic_uint count;
	atomic_uint number;
	atomic_uint_least64_t stride;
	atomic_uint_least64_t size;
	void *_Atomic map;
	struct zcpool *next;
	struct magazine *magazines;
	atomic_uint nr_magazines;
	atomic_uint waiters;
};

/* ioctl() with the result as a negative errno. */
int zcpool_call(const struct zcpool *pool, unsigned long command, void *arg);
/*
 * Put *nr_put buffers and get up to count, in one call.  Returns buffers got, or
 * an error; then *nr_put is how many were put.
 */
int zcpool_exchange(const struct zcpool *pool, const uint32_t *put, uint32_t *nr_put,
		    uint32_t *indices, uint32_t count, int64_t timeout_ns);

/* Between these two calls a handle may have magazines. */
int zcpool_magazines_open(struct zcpool *pool);
void zcpool_magazines_close(struct zcpool *pool);
/* zcpool_get_batch() after it found nothing: empties every magazine first. */
int zcpool_wait_batch(struct zcpool *pool, uint32_t *indices, uint32_t count, int64_t timeout_ns);

/* For a thread that is to wait in the kernel: empty every magazine, and keep them so. */
void zcpool_wait_begin(struct zcpool *pool);
void zcpool_wait_end(struct zcpool *pool);
/* Have the kernel know of every put that is deferred. */
void zcpool_put_deferred(struct zcpool *pool);

/* The handle that a slice's buffer belongs to. */
struct zcpool *zcpool_slice_pool(const struct zcpool_slice *slice);

#endif /* ZCPOOL_INTERNAL_H */
