// SPDX-License-Identifier: GPL-2.0-only
/* GET and PUT, again and again. */
#include "bench.h"

static void by_library(struct zcpool *pool)
{
	uint32_t index;
	int i;

	for (i = 0; i < PAIRS; i++) {
		MUST(zcpool_get(pool, &index, -1));
		MUST(zcpool_put(pool, index));
	}
}

void get_put(struct zcpool *pool, uint32_t batch)
{
	uint32_t indices[BATCH], i, got;

	if (!batch) {
		by_library(pool);
		return;
	}
	for (i = 0; i < PAIRS; i += got) {
		got = (uint32_t)MUST(zcpool_get_batch(pool, indices, batch, -1));
		MUST(zcpool_put_batch(pool, indices, got, NULL));
	}
}
