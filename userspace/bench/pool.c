// SPDX-License-Identifier: GPL-2.0-only
/* Pools to measure with. */
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "../tools/tool.h"

/* What to do about a limit is told once: what needs the pool is left out each time. */
int make_pool(uint64_t buffer_size, uint32_t count, struct zcpool **pool)
{
	struct zcpool_create create = { .buffer_size = buffer_size, .count = count };
	static uint64_t told;
	int error;

	MUST(zcpool_open(0, pool));
	error = zcpool_create(*pool, &create);
	if (!error)
		return 0;
	if (told != buffer_size * count)
		fail_create(error, buffer_size * count);
	told = buffer_size * count;
	zcpool_close(*pool);
	*pool = NULL;
	return error;
}

int make_filled_pool(uint64_t buffer_size, uint32_t count, char byte, struct zcpool **pool)
{
	int error = make_pool(buffer_size, count, pool);
	void *map;

	if (error)
		return error;
	MUST(zcpool_map(*pool, PROT_READ | PROT_WRITE, &map));
	memset(map, byte, zcpool_size(*pool));
	return 0;
}
