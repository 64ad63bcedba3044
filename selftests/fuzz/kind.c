// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of calls, and the choice among them. */
#include "fuzz.h"

static const struct kind *const rooms[] = {
	pool_kinds,   buffer_kinds,	slice_kinds,   memory_kinds, page_kinds, file_kinds,
	stream_kinds, descriptor_kinds, process_kinds, socket_kinds, ring_kinds, mount_kinds,
};

static struct kind kinds[KINDS_MAX];
static bool left_out[KINDS_MAX];
static unsigned int nr_kinds, total_weight;

void kinds_start(void)
{
	const struct kind *kind;
	unsigned int room;

	for (room = 0; room < ARRAY_SIZE(rooms); room++) {
		for (kind = rooms[room]; kind->name; kind++) {
			if (nr_kinds == KINDS_MAX)
				abort();
			kinds[nr_kinds++] = *kind;
			total_weight += kind->weight;
		}
	}
}

unsigned int kinds_count(void)
{
	return nr_kinds;
}

const struct kind *kind_at(unsigned int number)
{
	return &kinds[number < nr_kinds ? number : 0];
}

/* Never make calls whose names begin so; the sequences are the same otherwise. */
bool kind_leave_out(const char *name)
{
	unsigned int number;
	bool any = false;

	for (number = 0; number < nr_kinds; number++) {
		if (strncmp(kinds[number].name, name, strlen(name)))
			continue;
		left_out[number] = true;
		any = true;
	}
	return any;
}

bool kind_left_out(unsigned int number)
{
	return left_out[number];
}

/* By weight. */
unsigned int kind_some(void)
{
	unsigned int left = below(total_weight), number = 0;

	while (left >= kinds[number].weight)
		left -= kinds[number++].weight;
	return number;
}

unsigned int kind_number(long (*call)(void))
{
	unsigned int number;

	for (number = 0; number < nr_kinds; number++)
		if (kinds[number].call == call)
			return number;
	abort();
}
