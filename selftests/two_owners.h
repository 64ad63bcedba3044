/* SPDX-License-Identifier: GPL-2.0-only */
/* Two owners of one isolated pool, for the tests of a file; after harness.h. */
#ifndef ZCPOOL_SELFTEST_TWO_OWNERS_H
#define ZCPOOL_SELFTEST_TWO_OWNERS_H

#include "isolated.h"

#define COUNT 4

/* And a third handle, for children that become another user. */
FIXTURE(pool)
{
	int fd, other, unbound, share;
	size_t stride;
	char *map, *other_map;
};

FIXTURE_VARIANT(pool)
{
	size_t stride;
};

VARIANT(pool, small, .stride = 16 * KIB);
VARIANT(pool, huge, .stride = 2 * MIB);
VARIANT(pool, several_folios, .stride = 4 * MIB);

FIXTURE_SETUP(pool)
{
	self->stride = variant->stride;
	self->fd = new_isolated_pool(self->stride, COUNT);
	ASSERT_GE(self->fd, 0);
	self->share = share(self->fd, 0);
	ASSERT_GE(self->share, 0);
	self->other = attach_by(self->share, 0);
	ASSERT_GE(self->other, 0);
	self->unbound = open(DEVICE, O_RDWR);
	self->map = map_pool(self->fd, COUNT * self->stride);
	self->other_map = map_pool(self->other, COUNT * self->stride);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	ASSERT_NE(MAP_FAILED, (void *)self->other_map);
}

FIXTURE_TEARDOWN(pool)
{
	munmap(self->map, COUNT * self->stride);
	munmap(self->other_map, COUNT * self->stride);
	close(self->unbound);
	close(self->other);
	close(self->share);
	close(self->fd);
}

#endif /* ZCPOOL_SELFTEST_TWO_OWNERS_H */
