/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of libzcpool share: a pool, and memory that runs out. */
#ifndef ZCPOOL_SELFTEST_LIBRARY_H
#define ZCPOOL_SELFTEST_LIBRARY_H

#include <stdatomic.h>

#include <zcpool.h>

#include "util.h"

static inline struct zcpool *library_pool(uint64_t buffer_size, uint32_t count)
{
	struct zcpool_create create_arg = { .buffer_size = buffer_size, .count = count };
	struct zcpool *pool;

	if (zcpool_open(0, &pool) || zcpool_create(pool, &create_arg))
		return NULL;
	return pool;
}

static inline uint32_t kernel_owned(struct zcpool *pool)
{
	struct zcpool_query q = { 0 };

	zcpool_query(pool, &q);
	return q.owned;
}

/* Allocations that succeed before one fails; negative: all succeed. */
static int allocations_left = -1;
/* Allocations that are yet to be freed. */
static atomic_long allocations_live;

/* Count an allocation, unless it is the one that fails. */
static inline bool allocation_fails(void)
{
	if (allocations_left >= 0 && !allocations_left--)
		return true;
	atomic_fetch_add(&allocations_live, 1);
	return false;
}

/*
 * The linker has the test and the library call these, and these the true ones, be they
 * the C library's or a checker's: see the Makefile.
 */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);
void __wrap_free(void *memory);

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	if (allocation_fails())
		return NULL;
	if (old)
		atomic_fetch_sub(&allocations_live, 1);
	return __real_reallocarray(old, count, size);
}

void __wrap_free(void *memory)
{
	if (memory)
		atomic_fetch_sub(&allocations_live, 1);
	__real_free(memory);
}

#endif /* ZCPOOL_SELFTEST_LIBRARY_H */
