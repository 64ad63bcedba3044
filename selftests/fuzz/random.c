// SPDX-License-Identifier: GPL-2.0-only
/* Random numbers and values, each thread's own, the same for the same start. */
#include "fuzz.h"

static __thread uint64_t state;

/* By Steele, Lea and Flood's SplitMix: any start is good, and it has few operations. */
static uint64_t mix(uint64_t word)
{
	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
	word = (word ^ word >> 27) * 0x94d049bb133111eb;
	return word ^ word >> 31;
}

void random_start(uint64_t seed, uint64_t worker, uint64_t number)
{
	state = mix(mix(mix(seed) + worker) + number);
}

uint64_t random_word(void)
{
	state += 0x9e3779b97f4a7c15;
	return mix(state);
}

uint64_t below(uint64_t limit)
{
	return random_word() % limit;
}

bool percent(unsigned int chance)
{
	return below(100) < chance;
}

/* A value, mostly; or one beside it, at a border, or of no sense. */
uint64_t bent(uint64_t value)
{
	if (!percent(6))
		return value;
	switch (below(9)) {
	case 0:
		return value + 1;
	case 1:
		return value - 1;
	case 2:
		return 0;
	case 3:
		return ~0ULL >> below(64);
	case 4:
		return 1ULL << below(64);
	case 5:
		return value ^ 1ULL << below(64);
	case 6:
		return value << 32 | value;
	case 7:
		return -value;
	default:
		return random_word();
	}
}

/* Mostly none, or few of the valid ones. */
uint32_t flags_of(uint32_t valid)
{
	if (percent(3))
		return random_word() >> below(32);
	if (percent(3))
		return 1U << below(32);
	if (percent(40))
		return 0;
	return valid & random_word() & (percent(50) ? random_word() : ~0U);
}

/* Bytes, 1 or more, short ones more often. */
size_t some_length(size_t most)
{
	size_t length;

	if (most < 2)
		return 1;
	switch (below(4)) {
	case 0:
		length = 1 + below(200);
		break;
	case 1:
		length = PAGE * (1 + below(4));
		break;
	case 2:
		length = 1 + below(64 * KIB);
		break;
	default:
		length = 1 + below(most);
	}
	return length < most ? length : most;
}
