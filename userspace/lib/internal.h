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

/* Most buffers a magazine holds of each kind: beyond 32 a batch gains little. */
#define MAGAZINE_MAX 32

struct magazine;

/*
 * fd, id: constant.  count, stride, size: written once, under lock, before
 * ready.  map: written once under lock.  magazines, nr_magazines: protected by
 * the registry lock in magazine.c.
 */
struct zcpool {
	int fd;
	uint64_t id;
	atomic_bool ready;
	uint32_t count;
	uint64_t stride;
	uint64_t size;
	pthread_mutex_t lock;
	void *_Atomic map;
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

int zcpool_magazines_init(void);
void zcpool_magazines_close(struct zcpool *pool);

#endif /* ZCPOOL_INTERNAL_H */
