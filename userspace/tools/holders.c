// SPDX-License-Identifier: GPL-2.0-only
/* Who holds the buffers of another process's pool. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <zcpool.h>

#include "pools.h"

/* A process or descriptor that has gone since it was found is no error of its own. */
static int gone(int error)
{
	return error == EBADF || error == ENOTTY ? -ESRCH : -error;
}

/* The process's own handle, by a descriptor of ours. */
static int adopt(const struct handle *handle, struct zcpool **pool)
{
	struct zcpool_query query = { 0 };
	int pidfd, fd, error;

	pidfd = (int)syscall(SYS_pidfd_open, handle->pid, 0);
	if (pidfd < 0)
		return gone(errno);
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, handle->fd, 0);
	error = fd < 0 ? gone(errno) : 0;
	close(pidfd);
	if (error)
		return error;
	error = zcpool_adopt(fd, pool);
	if (error) {
		close(fd);
		return gone(-error);
	}
	error = zcpool_query(*pool, &query);
	if (!error && query.pool_id != handle->pool)
		error = -ESRCH;
	if (error)
		zcpool_close(*pool);
	return error;
}

static int compare(const void *left, const void *right)
{
	const struct zcpool_holder *a = left, *b = right;

	if (a->age_ns != b->age_ns)
		return a->age_ns > b->age_ns ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

/* No buffer is told of twice, so there is room until the last. */
static int read_holders(struct zcpool *pool, struct zcpool_holder *holders)
{
	uint32_t count = zcpool_count(pool), first = 0, filled = 0;

	while (first < count) {
		int more = zcpool_holders(pool, holders + filled, count - filled,
					  ZCPOOL_HOLDERS_F_HELD, &first);

		if (more < 0)
			return more;
		filled += more;
	}
	qsort(holders, filled, sizeof(*holders), compare);
	return filled;
}

int holders_find(const struct handle *handle, struct zcpool_holder **holders)
{
	struct zcpool *pool;
	int count;

	count = adopt(handle, &pool);
	if (count)
		return count;
	*holders = calloc(zcpool_count(pool), sizeof(**holders));
	count = *holders ? read_holders(pool, *holders) : -ENOMEM;
	zcpool_close(pool);
	if (count < 0)
		free(*holders);
	return count;
}

bool holder_sealed(const struct zcpool_holder *holder)
{
	return holder->flags & ZCPOOL_HOLDER_F_SEALED;
}

const char *holder_state(const struct zcpool_holder *holder)
{
	switch (holder->state) {
	case ZCPOOL_STATE_FREE:
		return "free";
	case ZCPOOL_STATE_OWNED:
		return "owned";
	case ZCPOOL_STATE_OWNED_ELSEWHERE:
		return "owned-elsewhere";
	case ZCPOOL_STATE_IN_FLIGHT:
		return "in-flight";
	case ZCPOOL_STATE_RETIRED:
		return "retired";
	case ZCPOOL_STATE_TRANSFERRED:
		return "transferred";
	default:
		return "unknown";
	}
}
