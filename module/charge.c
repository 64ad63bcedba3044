// SPDX-License-Identifier: GPL-2.0-only
/* What pools may take: the module's limits, and the user's. */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/sched/signal.h>

#include "zcpool.h"

static ulong max_pool_bytes;
module_param(max_pool_bytes, ulong, 0644);
MODULE_PARM_DESC(max_pool_bytes, "Largest pool in bytes (default 0: max_total_bytes)");

static ulong max_total_bytes;
module_param(max_total_bytes, ulong, 0644);
MODULE_PARM_DESC(max_total_bytes, "Most bytes of all pools together (default 0: half of RAM)");

/* Bytes charged by all pools. */
static atomic64_t zcpool_charged = ATOMIC64_INIT(0);

/** zcpool_max_total_bytes() - the limit on all pools together, bytes */
u64 zcpool_max_total_bytes(void)
{
	ulong limit = READ_ONCE(max_total_bytes);

	return limit ?: (u64)totalram_pages() / 2 << PAGE_SHIFT;
}

/** zcpool_max_pool_bytes() - the limit on one pool, bytes */
u64 zcpool_max_pool_bytes(void)
{
	ulong limit = READ_ONCE(max_pool_bytes);

	/* The byte space is addressed by loff_t and by page offsets. */
	return min_t(u64, limit ?: zcpool_max_total_bytes(), MAX_LFS_FILESIZE);
}

/** zcpool_total_bytes() - what all pools have charged, bytes */
u64 zcpool_total_bytes(void)
{
	return atomic64_read(&zcpool_charged);
}

static int zcpool_charge_total(u64 bytes)
{
	s64 old = atomic64_read(&zcpool_charged);

	do {
		u64 limit = zcpool_max_total_bytes();

		if (bytes > limit || old > limit - bytes)
			return -ENOSPC;
	} while (!atomic64_try_cmpxchg(&zcpool_charged, &old, old + bytes));
	return 0;
}

/*
 * The charge goes to the user, not to the mm as account_locked_vm() would have
 * it: a pool outlives exec and exit, and travels to other processes.
 */
static int zcpool_charge_user(struct user_struct *user, unsigned long pages)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	long old = atomic_long_read(&user->locked_vm);

	do {
		if (pages > limit || old > limit - pages)
			return -EDQUOT;
	} while (!atomic_long_try_cmpxchg(&user->locked_vm, &old, old + pages));
	return 0;
}

/**
 * zcpool_charge() - charge a pool to the module's limits and to its creator
 * @charge: filled in; zcpool_uncharge() takes it back
 * @bytes: size of the pool, whole pages
 *
 * Context: process; charges the current task's user, unless the task has
 * CAP_IPC_LOCK.
 *
 * Return: 0, -EFBIG (max_pool_bytes), -ENOSPC (max_total_bytes) or -EDQUOT
 * (RLIMIT_MEMLOCK).
 */
int zcpool_charge(struct zcpool_charge *charge, u64 bytes)
{
	int error;

	if (bytes > zcpool_max_pool_bytes())
		return -EFBIG;

	error = zcpool_charge_total(bytes);
	if (error)
		return error;

	charge->bytes = bytes;
	charge->user = NULL;
	if (capable(CAP_IPC_LOCK))
		return 0;

	error = zcpool_charge_user(current_user(), bytes >> PAGE_SHIFT);
	if (error) {
		atomic64_sub(bytes, &zcpool_charged);
		return error;
	}
	charge->user = get_uid(current_user());
	return 0;
}

/**
 * zcpool_uncharge() - take back what zcpool_charge() charged, or part of it
 * @charge: charge
 * @bytes: how much, whole pages
 *
 * Context: any task; the charge knows its user.
 */
void zcpool_uncharge(struct zcpool_charge *charge, u64 bytes)
{
	charge->bytes -= bytes;
	if (charge->user) {
		atomic_long_sub(bytes >> PAGE_SHIFT, &charge->user->locked_vm);
		if (!charge->bytes)
			free_uid(charge->user);
	}
	atomic64_sub(bytes, &zcpool_charged);
}
