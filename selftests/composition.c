// SPDX-License-Identifier: GPL-2.0-only
/* A composition of libzcpool holds what was added to it, whatever shares its parts. */
#include "composition.h"

static bool holds(const struct zcpool_composition *composition, const char *map,
		  const char *expected, uint64_t length)
{
	char *got = malloc(length + 1);
	uint64_t offset = length / 3;
	bool same = zcpool_composition_length(composition) == length &&
		    gather(composition, map, 0, 64, got) == length &&
		    !memcmp(got, expected, length) &&
		    gather(composition, map, offset, 1, got) == length - offset &&
		    !memcmp(got, expected + offset, length - offset);

	free(got);
	return same;
}

static bool holds_text(const struct zcpool_composition *composition, const char *map,
		       const char *text)
{
	return holds(composition, map, text, strlen(text));
}

/* Fewer elements, and fewer fragments in the socket. */
TEST_F(composition, contiguous_parts_are_one_element)
{
	struct zcpool_element elements[8];

	ASSERT_EQ(0, add_part(self->whole, self->slices[2], 100, 50));
	ASSERT_EQ(0, add_part(self->whole, self->slices[2], 150, 50));
	ASSERT_EQ(1, zcpool_composition_elements(self->whole, 0, elements, 8));
	EXPECT_EQ(2 * BUFFER + 100, elements[0].base);
	EXPECT_EQ(100, elements[0].length);
	/* A gap, back to the start, and on into the next buffer. */
	ASSERT_EQ(0, add_part(self->whole, self->slices[2], 201, 50));
	ASSERT_EQ(0, zcpool_composition_add_slice(self->whole, self->slices[2]));
	ASSERT_EQ(0, zcpool_composition_add_slice(self->whole, self->slices[3]));
	ASSERT_EQ(3, zcpool_composition_elements(self->whole, 0, elements, 8));
	EXPECT_EQ(2 * BUFFER + 201, elements[1].base);
	EXPECT_EQ(2 * BUFFER, elements[2].base);
	EXPECT_EQ(2 * BUFFER, elements[2].length);
	/* What is joined to the last element needs no other. */
	ASSERT_EQ(1, zcpool_composition_elements(self->whole, 110, elements, 1));
	EXPECT_EQ(2 * BUFFER + 211, elements[0].base);
	EXPECT_EQ(40, elements[0].length);
	ASSERT_EQ(1, zcpool_composition_elements(self->whole, 160, elements, 1));
	EXPECT_EQ(2 * BUFFER + 10, elements[0].base);
	EXPECT_EQ(2 * BUFFER - 10, elements[0].length);
	/* The program's bytes are one element, if they were added in a row. */
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "one", 3));
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "two", 3));
	ASSERT_EQ(4, zcpool_composition_elements(self->whole, 0, elements, 8));
	EXPECT_EQ(6, elements[3].length);
	EXPECT_EQ(ZCPOOL_ELEMENT_F_INLINE, elements[3].flags);
}

/* Also while the blocks that they lie in become full and others begin. */
TEST_F(composition, bytes_never_move)
{
	struct zcpool_element first, later;
	size_t length = 0, i;
	char text[600];

	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "first", 5));
	ASSERT_EQ(1, zcpool_composition_elements(self->whole, 0, &first, 1));
	memcpy(self->expected, "first", 5);
	length = 5;
	for (i = 1; i < sizeof(text); i++) {
		memset(text, i, i);
		ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, text, i));
		memset(self->expected + length, i, i);
		length += i;
	}
	/* Larger than any block. */
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, self->map, 3 * BUFFER));
	memcpy(self->expected + length, self->map, 3 * BUFFER);
	length += 3 * BUFFER;
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "last", 4));
	memcpy(self->expected + length, "last", 4);
	ASSERT_EQ(1, zcpool_composition_elements(self->whole, 0, &later, 1));
	EXPECT_EQ(first.base, later.base);
	EXPECT_TRUE(holds(self->whole, self->map, self->expected, length + 4));
}

TEST_F(composition, parts_of_parts)
{
	struct zcpool_composition *middle, *inner, *empty;

	memcpy(self->map, "BODY", 4);
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "header", 6));
	ASSERT_EQ(0, add_part(self->whole, self->slices[0], 0, 4));
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "trailer", 7));
	ASSERT_EQ(0, zcpool_composition_sub(self->whole, 3, 10, &middle));
	ASSERT_EQ(0, zcpool_composition_sub(middle, 2, 6, &inner));
	ASSERT_EQ(0, zcpool_composition_sub(middle, 10, 0, &empty));
	ASSERT_EQ(-EINVAL, zcpool_composition_sub(middle, 11, 0, &empty));
	ASSERT_EQ(-EINVAL, zcpool_composition_sub(middle, 4, 7, &empty));
	ASSERT_EQ(-EINVAL, zcpool_composition_sub(middle, 4, UINT64_MAX, &empty));
	EXPECT_TRUE(holds_text(empty, self->map, ""));
	/* They need neither what they are part of nor the slices. */
	ASSERT_EQ(0, zcpool_composition_release(self->whole));
	ASSERT_EQ(0, zcpool_slice_release(self->slices[0]));
	EXPECT_TRUE(holds_text(middle, self->map, "derBODYtra"));
	ASSERT_EQ(0, zcpool_composition_release(middle));
	EXPECT_TRUE(holds_text(inner, self->map, "rBODYt"));
	ASSERT_EQ(0, zcpool_flush(self->pool));
	EXPECT_EQ(COUNT, kernel_owned(self->pool));
	ASSERT_EQ(0, zcpool_composition_release(inner));
	ASSERT_EQ(0, zcpool_flush(self->pool));
	EXPECT_EQ(COUNT - 1, kernel_owned(self->pool));
	ASSERT_EQ(0, zcpool_composition_release(empty));
	self->slices[0] = NULL;
	self->whole = NULL;
}

/* What shares parts goes its own way after that. */
TEST_F(composition, compositions_of_compositions)
{
	struct zcpool_composition *other, *sub;

	ASSERT_EQ(0, zcpool_compose(self->pool, &other));
	ASSERT_EQ(0, zcpool_composition_add(self->whole, other));
	ASSERT_EQ(0, zcpool_composition_add_bytes(other, "other", 5));
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "whole", 5));
	ASSERT_EQ(0, zcpool_composition_add(self->whole, other));
	ASSERT_EQ(0, zcpool_composition_sub(other, 0, 5, &sub));
	ASSERT_EQ(0, zcpool_composition_add_bytes(other, "+o", 2));
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "+w", 2));
	ASSERT_EQ(0, zcpool_composition_add_bytes(sub, "+s", 2));
	EXPECT_TRUE(holds_text(other, self->map, "other+o"));
	ASSERT_EQ(0, zcpool_composition_release(other));
	EXPECT_TRUE(holds_text(self->whole, self->map, "wholeother+w"));
	EXPECT_TRUE(holds_text(sub, self->map, "other+s"));
	ASSERT_EQ(0, zcpool_composition_release(sub));
}

/* Also where its start goes on where its end is, so that the last part grows. */
TEST_F(composition, composition_of_itself)
{
	struct zcpool_composition *slice, *start, *end;
	struct zcpool_element elements[4];

	ASSERT_EQ(0, zcpool_composition_add(self->whole, self->whole));
	ASSERT_EQ(0, zcpool_composition_length(self->whole));

	memcpy(self->map, "abcd", 4);
	ASSERT_EQ(0, zcpool_compose(self->pool, &slice));
	ASSERT_EQ(0, zcpool_composition_add_slice(slice, self->slices[0]));
	ASSERT_EQ(0, zcpool_composition_sub(slice, 0, 2, &start));
	ASSERT_EQ(0, zcpool_composition_sub(slice, 2, 2, &end));
	ASSERT_EQ(0, zcpool_composition_add(self->whole, end));
	ASSERT_EQ(0, zcpool_composition_add(self->whole, start));
	ASSERT_EQ(0, zcpool_composition_release(slice));
	ASSERT_EQ(0, zcpool_composition_release(start));
	ASSERT_EQ(0, zcpool_composition_release(end));

	ASSERT_EQ(0, zcpool_composition_add(self->whole, self->whole));
	EXPECT_TRUE(holds_text(self->whole, self->map, "cdabcdab"));
	EXPECT_EQ(3, zcpool_composition_elements(self->whole, 0, elements, 4));
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "!", 1));
	ASSERT_EQ(0, zcpool_composition_add(self->whole, self->whole));
	EXPECT_TRUE(holds_text(self->whole, self->map, "cdabcdab!cdabcdab!"));
}

#define MODELS 8
#define MODEL_MAX 20000

struct model {
	struct zcpool_composition *composition;
	uint64_t length;
	char bytes[MODEL_MAX];
};

static void model_append(struct model *model, const char *bytes, uint64_t length)
{
	memmove(model->bytes + model->length, bytes, length);
	model->length += length;
}

/* Do something with a model and another one, perhaps the same. */
static int model_step(struct model *model, struct model *other, struct zcpool *pool,
		      struct zcpool_slice **slices, const char *map, unsigned int *state)
{
	uint64_t offset = below(state, BUFFER), length = 1 + below(state, 1000);
	struct zcpool_composition *part;
	uint64_t i = below(state, COUNT);
	int error;

	if (model->length + (length > other->length ? length : other->length) > MODEL_MAX) {
		model->length = 0;
		error = zcpool_composition_release(model->composition);
		return error ? error : zcpool_compose(pool, &model->composition);
	}
	switch (below(state, 5)) {
	case 0:
		length = length > BUFFER - offset ? BUFFER - offset : length;
		model_append(model, map + i * BUFFER + offset, length);
		return add_part(model->composition, slices[i], offset, length);
	case 1:
		length %= 40;
		model_append(model, map + offset, length);
		return zcpool_composition_add_bytes(model->composition, map + offset, length);
	case 2:
		model_append(model, other->bytes, other->length);
		return zcpool_composition_add(model->composition, other->composition);
	default:
		offset = below(state, other->length + 1);
		length = below(state, other->length - offset + 1);
		memmove(model->bytes, other->bytes + offset, length);
		model->length = length;
		error = zcpool_composition_sub(other->composition, offset, length, &part);
		if (error)
			return error;
		error = zcpool_composition_release(model->composition);
		model->composition = part;
		return error;
	}
}

/* Thousands of steps with several that share parts, each compared with flat bytes. */
TEST_F(composition, any_sequence_of_calls)
{
	struct model *models = calloc(MODELS, sizeof(*models));
	unsigned int state = 1;
	int i;

	for (i = 0; i < MODELS; i++)
		ASSERT_EQ(0, zcpool_compose(self->pool, &models[i].composition));
	for (i = 0; i < 4000; i++) {
		struct model *model = &models[below(&state, MODELS)];
		struct model *other = &models[below(&state, MODELS)];

		ASSERT_EQ(0, model_step(model, other, self->pool, self->slices, self->map, &state));
		ASSERT_TRUE(holds(model->composition, self->map, model->bytes, model->length));
		ASSERT_EQ(other->length, zcpool_composition_length(other->composition));
	}
	for (i = 0; i < MODELS; i++) {
		struct model *model = &models[i];

		ASSERT_TRUE(holds(model->composition, self->map, model->bytes, model->length));
		ASSERT_EQ(0, zcpool_composition_release(model->composition));
	}
	free(models);
}

/* The error of a put is told, and the other buffers are put all the same. */
TEST_F(composition, release_tells_of_a_put_that_failed)
{
	struct zcpool *pool = library_pool(BUFFER, 2);
	struct zcpool_composition *composition;
	struct zcpool_slice *slice;
	uint32_t indices[2];
	int i;

	ASSERT_EQ(2, zcpool_get_batch(pool, indices, 2, 0));
	ASSERT_EQ(0, zcpool_compose(pool, &composition));
	/* Too many of buffer 0: a magazine for two puts on the third. */
	for (i = 0; i < 5; i++) {
		ASSERT_EQ(0, zcpool_slice_create(pool, i == 4, 0, 10, &slice));
		ASSERT_EQ(0, zcpool_composition_add_slice(composition, slice));
		ASSERT_EQ(0, zcpool_slice_release(slice));
	}
	EXPECT_EQ(-EPERM, zcpool_composition_release(composition));
	zcpool_flush(pool);
	EXPECT_EQ(0, kernel_owned(pool));
	zcpool_close(pool);
}

/* The array and the blocks grow by doubling, and what goes on needs no part. */
TEST_F(composition, allocations_are_few)
{
	int i;

	allocations_left = 1000;
	for (i = 0; i < 4096; i++)
		ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "x", 1));
	EXPECT_LE(1000 - 6, allocations_left);
	allocations_left = 1000;
	for (i = 0; i < 4096; i++)
		ASSERT_EQ(0, zcpool_composition_add_slice(self->whole, self->slices[0]));
	EXPECT_LE(1000 - 12, allocations_left);
	allocations_left = -1;
}

/* Each allocation fails in its turn; then everything is as it was. */
TEST_F(composition, without_memory)
{
	struct zcpool_composition *many, *fresh = NULL;
	long live = allocations_live;
	int i;

	allocations_left = 0;
	ASSERT_EQ(-ENOMEM, zcpool_compose(self->pool, &fresh));
	/* The first array, and the first block. */
	allocations_left = 0;
	ASSERT_EQ(-ENOMEM, zcpool_composition_add_slice(self->whole, self->slices[0]));
	allocations_left = 0;
	ASSERT_EQ(-ENOMEM, zcpool_composition_add_bytes(self->whole, "x", 1));
	allocations_left = 1;
	ASSERT_EQ(-ENOMEM, zcpool_composition_add_bytes(self->whole, "x", 1));
	EXPECT_TRUE(holds_text(self->whole, self->map, ""));
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "whole", 5));

	ASSERT_EQ(0, zcpool_compose(self->pool, &many));
	for (i = 0; i < 100; i++)
		ASSERT_EQ(0, add_part(many, self->slices[1], 2 * i, 1));
	allocations_left = 0;
	ASSERT_EQ(-ENOMEM, zcpool_composition_add(self->whole, many));
	allocations_left = 0;
	ASSERT_EQ(-ENOMEM, zcpool_composition_add(many, many));
	allocations_left = 0;
	ASSERT_EQ(-ENOMEM, zcpool_composition_sub(many, 10, 50, &fresh));
	allocations_left = 1;
	ASSERT_EQ(-ENOMEM, zcpool_composition_sub(many, 10, 50, &fresh));
	ASSERT_EQ(-1, allocations_left);
	EXPECT_EQ(NULL, fresh);
	EXPECT_EQ(100, zcpool_composition_length(many));
	/* A block that is full. */
	allocations_left = 0;
	ASSERT_EQ(-ENOMEM, zcpool_composition_add_bytes(self->whole, self->map, 1000));
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "!", 1));
	EXPECT_TRUE(holds_text(self->whole, self->map, "whole!"));
	ASSERT_EQ(0, zcpool_composition_release(many));
	ASSERT_EQ(0, zcpool_composition_release(self->whole));
	self->whole = NULL;
	/* The empty composition was there before. */
	EXPECT_EQ(live - 1, allocations_live);
}

TEST_F(composition, errors_of_adding)
{
	struct zcpool *other_pool = library_pool(BUFFER, 1), *adopted;
	struct zcpool_composition *other;
	struct zcpool_slice *foreign;
	uint32_t index;

	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "12345", 5));
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, NULL, 0));
	ASSERT_EQ(-EOVERFLOW, zcpool_composition_add_bytes(self->whole, "", UINT64_MAX - 4));
	ASSERT_EQ(-ENOMEM, zcpool_composition_add_bytes(self->whole, "", UINT64_MAX - 5));
	ASSERT_EQ(-ENOMEM, zcpool_composition_add_bytes(self->whole, "", INT64_MAX - 1000));
	/* Slices of other handles, be they of the same pool. */
	ASSERT_EQ(0, zcpool_get(other_pool, &index, 0));
	ASSERT_EQ(0, zcpool_slice_create(other_pool, index, 0, 1, &foreign));
	ASSERT_EQ(-EXDEV, zcpool_composition_add_slice(self->whole, foreign));
	ASSERT_EQ(0, zcpool_slice_release(foreign));
	ASSERT_EQ(0, zcpool_adopt(dup(zcpool_fd(self->pool)), &adopted));
	ASSERT_EQ(0, zcpool_compose(adopted, &other));
	ASSERT_EQ(-EXDEV, zcpool_composition_add_slice(other, self->slices[0]));
	ASSERT_EQ(-EXDEV, zcpool_composition_add(self->whole, other));
	ASSERT_EQ(0, zcpool_composition_release(other));
	EXPECT_TRUE(holds_text(self->whole, self->map, "12345"));
	zcpool_close(adopted);
	zcpool_close(other_pool);
}

TEST_HARNESS_MAIN
