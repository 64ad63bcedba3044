/* SPDX-License-Identifier: GPL-2.0-only */
/* Pools of other processes, as list and top show them. */
#ifndef ZCPOOLCTL_POOLS_H
#define ZCPOOLCTL_POOLS_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/zcpool.h>

/* An open descriptor of a handle with a pool: its fdinfo, and who has it. */
struct handle {
	uint64_t pool;
	uint64_t count;
	uint64_t stride;
	uint64_t size;
	uint64_t number;
	uint64_t owned;
	uint64_t incoming;
	uint64_t owned_total;
	uint64_t unowned;
	uint64_t in_flight;
	uint64_t overdue;
	uint64_t gets;
	uint64_t puts;
	uint64_t landed;
	uint64_t user;
	int pid;
	int fd;
	char command[32];
};

/*
 * pools.c: all descriptors that one may look into, by pool, process and number.
 * Returns how many, or a negative errno of which the message is printed.
 */
int pools_find(struct handle **handles);
/* How many of them, from the first on, are of the same pool. */
int pools_same(const struct handle *handles, int count);

/*
 * holders.c: the buffers of a pool that are held, the longest held first.
 * Returns how many, or a negative errno: -ESRCH if the descriptor is gone,
 * -EPERM if the caller may not trace the process.
 */
int holders_find(const struct handle *handle, struct zcpool_holder **holders);
const char *holder_state(const struct zcpool_holder *holder);
bool holder_sealed(const struct zcpool_holder *holder);

#endif /* ZCPOOLCTL_POOLS_H */
