/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of compositions share: slices to compose, and what is in it. */
#ifndef ZCPOOL_SELFTEST_COMPOSITION_H
#define ZCPOOL_SELFTEST_COMPOSITION_H

#include "library.h"

#include "harness.h"

#define BUFFER (64 * KIB)
#define COUNT 16
#define SIZE (COUNT * BUFFER)

/* All slices are of whole buffers; what is not NULL in the end is released then. */
FIXTURE(composition)
{
	struct zcpool *pool;
	char *map;
	char *expected;
	char *back;
	struct zcpool_slice *slices[COUNT];
	struct zcpool_composition *whole;
	int pair[2];
};

FIXTURE_SETUP(composition)
{
	uint32_t indices[COUNT];
	void *map;
	size_t i;

	self->pool = library_pool(BUFFER, COUNT);
	ASSERT_NE(NULL, self->pool);
	ASSERT_EQ(COUNT, zcpool_get_batch(self->pool, indices, COUNT, 0));
	ASSERT_EQ(0, zcpool_map(self->pool, PROT_READ | PROT_WRITE, &map));
	self->map = map;
	for (i = 0; i < SIZE; i++)
		self->map[i] = i * 31 >> 8;
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(0, zcpool_slice_create(self->pool, i, 0, BUFFER, &self->slices[i]));
	ASSERT_EQ(0, zcpool_compose(self->pool, &self->whole));
	ASSERT_EQ(0, tcp_pair(self->pair));
	self->expected = malloc(2 * SIZE);
	self->back = malloc(2 * SIZE);
}

/* Each buffer has been put, and none of them twice. */
FIXTURE_TEARDOWN(composition)
{
	int i;

	if (self->whole)
		EXPECT_EQ(0, zcpool_composition_release(self->whole));
	for (i = 0; i < COUNT; i++)
		if (self->slices[i])
			EXPECT_EQ(0, zcpool_slice_release(self->slices[i]));
	EXPECT_EQ(0, zcpool_flush(self->pool));
	EXPECT_EQ(0, kernel_owned(self->pool));
	zcpool_close(self->pool);
	close(self->pair[0]);
	close(self->pair[1]);
	free(self->expected);
	free(self->back);
}

/* Add part of a slice, by a slice that nobody has but the composition. */
static inline int add_part(struct zcpool_composition *composition, struct zcpool_slice *slice,
			   uint64_t offset, uint64_t length)
{
	struct zcpool_slice *part;
	int error = zcpool_slice_sub(slice, offset, length, &part);

	if (!error) {
		error = zcpool_composition_add_slice(composition, part);
		zcpool_slice_release(part);
	}
	return error;
}

/* Copy what elements point to, and return how much that was; 0 if one is empty. */
static inline uint64_t copy_out(const struct zcpool_element *elements, uint32_t count,
				const char *map, char *to)
{
	uint64_t length = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		const char *from = elements[i].flags & ZCPOOL_ELEMENT_F_INLINE ?
					   (char *)(uintptr_t)elements[i].base :
					   map + elements[i].base;

		if (!elements[i].length)
			return 0;
		memcpy(to + length, from, elements[i].length);
		length += elements[i].length;
	}
	return length;
}

/* All of a composition from an offset on, by so many elements at a time. */
static inline uint64_t gather(const struct zcpool_composition *composition, const char *map,
			      uint64_t offset, uint32_t count, char *to)
{
	struct zcpool_element elements[64];
	uint64_t length = 0, more;
	uint32_t nr;

	do {
		nr = zcpool_composition_elements(composition, offset + length, elements, count);
		more = copy_out(elements, nr, map, to + length);
		length += more;
	} while (more);
	return length;
}

/* A long response: a header, and chunks with a line before each. */
static inline int compose_chunks(struct zcpool_composition *composition,
				 struct zcpool_slice **slices)
{
	int error = zcpool_composition_add_bytes(composition, "header\r\n", 8);
	char line[32];
	int i;

	for (i = 0; i < COUNT && !error; i++) {
		snprintf(line, sizeof(line), "chunk %d\r\n", i);
		error = zcpool_composition_add_bytes(composition, line, strlen(line));
		if (!error)
			error = add_part(composition, slices[COUNT - 1 - i], i, 60000);
	}
	return error;
}

static inline uint64_t below(unsigned int *state, uint64_t limit)
{
	*state = *state * 1103515245 + 12345;
	return (*state >> 8) % limit;
}

#endif /* ZCPOOL_SELFTEST_COMPOSITION_H */
