// SPDX-License-Identifier: GPL-2.0-only
/* Records: a generation of its own in every word, so that any mixture shows. */
#include "torture.h"

#define MAGIC 0x7a63706f6f6c2121ULL
#define STEP 0x9e3779b97f4a7c15ULL

static uint64_t header_sum(const struct record *record)
{
	return record->magic ^ record->generation * STEP ^ record->length;
}

void record_stamp(void *memory, uint64_t length, uint64_t generation)
{
	struct record *record = memory;
	uint64_t *words = (uint64_t *)(record + 1), word = generation * STEP, sum = 0;
	size_t nr = (length - sizeof(*record)) / sizeof(*words), i;

	for (i = 0; i < nr; i++, word += STEP) {
		words[i] = word;
		sum += word;
	}
	record->magic = MAGIC;
	record->generation = generation;
	record->length = length;
	record->checksum = sum ^ header_sum(record);
}

bool record_begins(const struct record *record)
{
	return record->magic == MAGIC && record->length >= sizeof(*record) &&
	       record->length <= BUFFER && !(record->length % sizeof(uint64_t));
}

bool record_is_sound(const void *memory)
{
	const struct record *record = memory;
	const uint64_t *words = (const uint64_t *)(record + 1);
	uint64_t word = record->generation * STEP, sum = 0;
	size_t nr, i;

	if (!record_begins(record))
		return false;
	nr = (record->length - sizeof(*record)) / sizeof(*words);
	for (i = 0; i < nr; i++, word += STEP) {
		if (words[i] != word)
			return false;
		sum += word;
	}
	return record->checksum == (sum ^ header_sum(record));
}
