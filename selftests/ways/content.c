// SPDX-License-Identifier: GPL-2.0-only
/* The file's bytes: no two pages are alike. */
#include <string.h>

#include "ways.h"

/* At each so many bytes the program leaves its mark. */
#define MARK_DISTANCE (64 * KIB)
static const char mark[] = "changed on the way from disk to network";

void content_fill(void *data, uint64_t offset, size_t size)
{
	uint64_t *word = data, *end = word + size / 8;
	uint64_t number = offset / 8;

	/* An odd multiplier gives each number another word; the shift mixes high and low. */
	for (; word < end; word++, number++)
		*word = (number * 0x9e3779b97f4a7c15ULL) ^ (number * 0x9e3779b97f4a7c15ULL >> 29);
}

void content_change(void *data, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += MARK_DISTANCE)
		memcpy((char *)data + at, mark, sizeof(mark));
}

uint64_t content_wrong(const char *data, const char *expected, size_t size)
{
	uint64_t wrong = 0;
	size_t i;

	if (!memcmp(data, expected, size))
		return 0;
	for (i = 0; i < size; i++)
		wrong += data[i] != expected[i];
	return wrong;
}
