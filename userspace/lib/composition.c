// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Compositions: sequences of slices and of the program's bytes, sent as one.
 *
 * A composition is an array of parts.  Compositions share what their parts lie in,
 * by reference, never the array: appending to one is unseen by all others, even
 * those that have the same parts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "internal.h"

/* Most bytes of one call's elements: SEND takes no more than 2 GiB less a page. */
#define BYTES_MAX (1024ULL * 1024 * 1024)
/* Bytes of a composition's first block: a header, say.  The next are larger. */
#define BLOCK_MIN 512
#define BLOCK_MAX 65536
#define PARTS_MIN 4

/*
 * Bytes of the program.  They never move nor change, so that elements can point to
 * them while the composition that they were added to fills the rest.
 */
struct block {
	atomic_size_t refs;
	size_t size;
	size_t used;
	char bytes[];
};

/*
 * A part lies in a slice, base being a pool offset, or in a block, base being an
 * address, and has a reference to it.  end is counted from the composition's start.
 */
struct part {
	struct zcpool_slice *slice;
	struct block *block;
	uint64_t base;
	uint64_t end;
};

/*
 * refs: by any thread.  All else changes by adding alone, before another thread has it.
 * room: parts that the array has room for.  block: the one to add bytes to, which
 * a part refers to, or NULL.
 */
struct zcpool_composition {
	atomic_size_t refs;
	struct zcpool *pool;
	struct part *parts;
	size_t nr;
	size_t room;
	uint64_t length;
	struct block *block;
};

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t part_start(const struct zcpool_composition *composition, size_t i)
{
	return i ? composition->parts[i - 1].end : 0;
}

/* The part that byte offset lies in; beyond the last byte, the number of parts. */
static size_t part_at(const struct zcpool_composition *composition, uint64_t offset)
{
	size_t low = 0, high = composition->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (composition->parts[middle].end > offset)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* A part from byte offset of its composition on, at most so many bytes. */
static struct zcpool_element part_element(const struct zcpool_composition *composition, size_t i,
					  uint64_t offset, uint64_t most)
{
	const struct part *part = &composition->parts[i];
	struct zcpool_element element = {
		.base = part->base + offset - part_start(composition, i),
		.length = smaller(part->end - offset, most),
		.flags = part->slice ? 0 : ZCPOOL_ELEMENT_F_INLINE,
	};

	return element;
}

static void part_retain(const struct part *part)
{
	if (part->slice)
		zcpool_slice_retain(part->slice);
	else
		atomic_fetch_add(&part->block->refs, 1);
}

static int part_release(const struct part *part)
{
	if (part->slice)
		return zcpool_slice_release(part->slice);
	if (atomic_fetch_sub(&part->block->refs, 1) == 1)
		free(part->block);
	return 0;
}

/* All that can fail of appending so many parts and bytes. */
static int reserve(struct zcpool_composition *composition, size_t nr, uint64_t length)
{
	size_t room = composition->room ? 2 * composition->room : PARTS_MIN;
	struct part *parts;

	if (length > UINT64_MAX - composition->length)
		return -EOVERFLOW;
	if (nr <= composition->room - composition->nr)
		return 0;
	if (room < composition->nr + nr)
		room = composition->nr + nr;
	parts = reallocarray(composition->parts, room, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	composition->parts = parts;
	composition->room = room;
	return 0;
}

/* Append a part, or to the last one what goes on where that ends. */
static void append(struct zcpool_composition *composition, struct zcpool_slice *slice,
		   struct block *block, uint64_t base, uint64_t length)
{
	size_t nr = composition->nr;
	struct part *part = nr ? &composition->parts[nr - 1] : NULL;

	if (!part || part->slice != slice || part->block != block ||
	    part->base + part->end - part_start(composition, nr - 1) != base) {
		part = &composition->parts[composition->nr++];
		*part = (struct part){ .slice = slice, .block = block, .base = base };
		part_retain(part);
	}
	composition->length += length;
	part->end = composition->length;
}

/* Append part of another composition; or of this one, whose last part may then grow. */
static void append_range(struct zcpool_composition *composition,
			 const struct zcpool_composition *other, uint64_t offset, uint64_t length)
{
	size_t i;

	for (i = part_at(other, offset); length; i++) {
		struct zcpool_element element = part_element(other, i, offset, length);

		append(composition, other->parts[i].slice, other->parts[i].block, element.base,
		       element.length);
		offset += element.length;
		length -= element.length;
	}
}

/* The block to add so many bytes to, in one piece. */
static struct block *block_with_room(const struct zcpool_composition *composition, uint64_t length)
{
	struct block *block = composition->block;
	size_t size = BLOCK_MIN;

	if (block && length <= block->size - block->used)
		return block;
	if (length > PTRDIFF_MAX - sizeof(*block))
		return NULL;
	if (block)
		size = smaller(2 * block->size, BLOCK_MAX);
	if (size < length)
		size = length;

	block = malloc(sizeof(*block) + size);
	if (block) {
		atomic_init(&block->refs, 0);
		block->size = size;
		block->used = 0;
	}
	return block;
}

ZCPOOL_API int zcpool_compose(struct zcpool *pool, struct zcpool_composition **composition)
{
	struct zcpool_composition *empty = calloc(1, sizeof(*empty));

	if (!empty)
		return -ENOMEM;
	atomic_init(&empty->refs, 1);
	empty->pool = pool;
	*composition = empty;
	return 0;
}

ZCPOOL_API int zcpool_composition_add_slice(struct zcpool_composition *composition,
					    struct zcpool_slice *slice)
{
	uint64_t length = zcpool_slice_length(slice);
	int error;

	if (zcpool_slice_pool(slice) != composition->pool)
		return -EXDEV;
	error = reserve(composition, 1, length);
	if (!error)
		append(composition, slice, NULL, zcpool_slice_offset(slice), length);
	return error;
}

ZCPOOL_API int zcpool_composition_add_bytes(struct zcpool_composition *composition,
					    const void *bytes, uint64_t length)
{
	struct block *block;
	char *to;
	int error;

	if (!length)
		return 0;
	error = reserve(composition, 1, length);
	if (error)
		return error;
	block = block_with_room(composition, length);
	if (!block)
		return -ENOMEM;

	to = block->bytes + block->used;
	memcpy(to, bytes, length);
	append(composition, NULL, block, (uintptr_t)to, length);
	block->used += length;
	composition->block = block;
	return 0;
}

ZCPOOL_API int zcpool_composition_add(struct zcpool_composition *composition,
				      struct zcpool_composition *other)
{
	int error;

	if (other->pool != composition->pool)
		return -EXDEV;
	error = reserve(composition, other->nr, other->length);
	if (!error)
		append_range(composition, other, 0, other->length);
	return error;
}

ZCPOOL_API int zcpool_composition_sub(struct zcpool_composition *composition, uint64_t offset,
				      uint64_t length, struct zcpool_composition **sub)
{
	struct zcpool_composition *fresh;
	size_t nr;
	int error;

	if (offset > composition->length || length > composition->length - offset)
		return -EINVAL;
	error = zcpool_compose(composition->pool, &fresh);
	if (error)
		return error;
	nr = part_at(composition, offset + length) - part_at(composition, offset) + 1;
	error = reserve(fresh, nr, length);
	if (error) {
		zcpool_composition_release(fresh);
		return error;
	}
	append_range(fresh, composition, offset, length);
	*sub = fresh;
	return 0;
}

ZCPOOL_API void zcpool_composition_retain(struct zcpool_composition *composition)
{
	atomic_fetch_add(&composition->refs, 1);
}

ZCPOOL_API int zcpool_composition_release(struct zcpool_composition *composition)
{
	int first = 0;
	size_t i;

	if (atomic_fetch_sub(&composition->refs, 1) > 1)
		return 0;
	for (i = 0; i < composition->nr; i++) {
		int error = part_release(&composition->parts[i]);

		if (!first)
			first = error;
	}
	free(composition->parts);
	free(composition);
	return first;
}

ZCPOOL_API uint64_t zcpool_composition_length(const struct zcpool_composition *composition)
{
	return composition->length;
}

/* Whether an element goes on where another ends. */
static bool continues(const struct zcpool_element *element, const struct zcpool_element *other)
{
	return element->flags == other->flags && element->base == other->base + other->length;
}

ZCPOOL_API uint32_t zcpool_composition_elements(const struct zcpool_composition *composition,
						uint64_t offset, struct zcpool_element *elements,
						uint32_t count)
{
	uint64_t left = BYTES_MAX;
	uint32_t nr = 0;
	size_t i;

	for (i = part_at(composition, offset); i < composition->nr && left; i++) {
		struct zcpool_element element = part_element(composition, i, offset, left);

		if (nr && continues(&element, &elements[nr - 1]))
			elements[nr - 1].length += element.length;
		else if (nr < count)
			elements[nr++] = element;
		else
			break;
		offset += element.length;
		left -= element.length;
	}
	return nr;
}

static uint64_t elements_length(const struct zcpool_element *elements, uint32_t count)
{
	uint64_t length = 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		length += elements[i].length;
	return length;
}

/* To anything but a stream each SEND is a message: parts of one are none. */
static int check_stream(int socket)
{
	socklen_t size = sizeof(int);
	int type;

	if (getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size))
		return -errno;
	return type == SOCK_STREAM ? 0 : -EMSGSIZE;
}

ZCPOOL_API int zcpool_send_composition(struct zcpool_composition *composition, int socket,
				       uint64_t *done, uint32_t flags, uint64_t *copied)
{
	struct zcpool_element elements[ZCPOOL_SEND_MAX];
	bool checked = false;
	int error = 0;

	if (copied)
		*copied = 0;
	while (*done < composition->length && !error) {
		uint32_t count =
			zcpool_composition_elements(composition, *done, elements, ZCPOOL_SEND_MAX);
		uint64_t length = elements_length(elements, count);
		bool more = length < composition->length - *done;
		struct zcpool_sent sent;

		/* All at once is right for any socket, and needs no look at it. */
		if (length < composition->length && !checked) {
			error = check_stream(socket);
			if (error)
				break;
			checked = true;
		}
		error = zcpool_send(composition->pool, socket, elements, count,
				    more ? flags | ZCPOOL_SEND_F_MORE : flags, &sent);
		*done += sent.bytes;
		if (copied)
			*copied += sent.copied;
	}
	return error;
}
