// SPDX-License-Identifier: GPL-2.0-only
/* Faults for those to find who read programs: never built. */
#include <stdint.h>
#include <stdlib.h>

uint32_t planted(uint64_t wide);

uint32_t planted(uint64_t wide)
{
	uint64_t *freed = malloc(sizeof(*freed));

	if (!freed)
		return wide;
	*freed = wide;
	free(freed);
	return *freed;
}
