/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* Until when something may last, in seconds of a clock that nobody sets. */
#ifndef DEADLINE_H
#define DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

static inline time_t deadline_in(uint32_t seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return now.tv_sec + seconds;
}

static inline bool deadline_is_over(time_t deadline)
{
	return deadline_in(0) >= deadline;
}

#endif /* DEADLINE_H */
