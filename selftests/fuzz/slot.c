// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slots of descriptors: each kind has a range of numbers.  What is opened is moved
 * into one of its kind, and so closes what was there.
 */
#include "fuzz.h"

static const struct {
	int first;
	int count;
	bool pairs;
} ranges[SLOT_KINDS] = {
	[SLOT_HANDLE] = { 64, 24 },	 [SLOT_SHARE] = { 88, 8 },
	[SLOT_VIEW] = { 96, 16 },	 [SLOT_EXPORT] = { 112, 8 },
	[SLOT_PIPE] = { 120, 16, true }, [SLOT_SOCKET] = { 136, 32, true },
	[SLOT_EVENTFD] = { 168, 4 },	 [SLOT_EPOLL] = { 172, 4 },
	[SLOT_RING] = { 176, 4 },	 [SLOT_DIRECTORY] = { 180, 6 },
	[SLOT_PLAIN] = { 186, 6 },
};

static struct model models[SLOT_END];
static struct model none;

struct model *model_of(int fd)
{
	return fd >= SLOT_FIRST && fd < SLOT_END ? &models[fd] : &none;
}

enum slot_kind slot_kind_of(int fd)
{
	enum slot_kind kind;

	for (kind = 0; kind < SLOT_KINDS; kind++)
		if (fd >= ranges[kind].first && fd < ranges[kind].first + ranges[kind].count)
			break;
	return kind;
}

static int slot_exactly(enum slot_kind kind)
{
	return ranges[kind].first + below(ranges[kind].count);
}

int slot_any(void)
{
	enum slot_kind kind = below(SLOT_KINDS);
	int fd = slot_exactly(kind), try;

	for (try = 0; try < 3 && !models[fd].filled; try++)
		fd = slot_exactly(kind);
	return fd;
}

/* Neither a slot, nor what the fuzzer itself needs. */
static int bad_descriptor(void)
{
	switch (below(4)) {
	case 0:
		return -1;
	case 1:
		return AT_FDCWD;
	case 2:
		return 1 << (10 + below(21));
	default:
		return SLOT_END + below(1000);
	}
}

/* Of handles, those with a pool are of use. */
static bool looks_useful(enum slot_kind kind, int fd)
{
	return models[fd].filled && (kind != SLOT_HANDLE || models[fd].size);
}

/* A descriptor of a kind, mostly. */
int slot_of(enum slot_kind kind)
{
	int fd, try;

	if (percent(3))
		return slot_any();
	if (percent(1))
		return bad_descriptor();
	fd = slot_exactly(kind);
	for (try = 0; try < 12 && !looks_useful(kind, fd); try++)
		fd = slot_exactly(kind);
	return fd;
}

/* A handle that owns buffers, mostly. */
int slot_owner(void)
{
	int fd = slot_of(SLOT_HANDLE), try;

	for (try = 0; try < 12 && !model_of(fd)->owned; try++)
		fd = slot_of(SLOT_HANDLE);
	return fd;
}

/* A handle to which buffers were transferred, mostly. */
int slot_receiver(void)
{
	int fd = slot_of(SLOT_HANDLE), try;

	for (try = 0; try < 24 && !model_of(fd)->queued; try++)
		fd = slot_of(SLOT_HANDLE);
	return fd;
}

/* Another handle of the same pool, or the same if none is found. */
int slot_peer(int fd)
{
	const struct model *model = model_of(fd);
	int peer, try;

	for (try = 0; try < 48; try++) {
		peer = slot_exactly(SLOT_HANDLE);
		if (models[peer].filled && models[peer].pool == model->pool &&
		    models[peer].handle != model->handle)
			return peer;
	}
	return fd;
}

/* A view that was made for a mount, mostly. */
int slot_mounted_view(void)
{
	int fd = slot_of(SLOT_VIEW), try;

	for (try = 0; try < 16 && !model_of(fd)->handle; try++)
		fd = slot_of(SLOT_VIEW);
	return fd;
}

/* A handle without a pool, if there is one. */
int slot_unbound(void)
{
	int fd, try;

	fd = slot_exactly(SLOT_HANDLE);
	for (try = 0; try < 24 && (!models[fd].filled || models[fd].size); try++)
		fd = slot_exactly(SLOT_HANDLE);
	return percent(95) ? fd : slot_of(SLOT_HANDLE);
}

/* One end of a pair, mostly. */
int slot_pair(enum slot_kind kind, int end)
{
	int fd = slot_of(kind);

	if (percent(2))
		return fd;
	return slot_kind_of(fd) == kind ? (fd & ~1) + end : fd;
}

/* Something with bytes to read, of any kind. */
int slot_source(void)
{
	switch (below(8)) {
	case 0 ... 3:
		return slot_of(SLOT_HANDLE);
	case 4:
		return slot_of(SLOT_VIEW);
	case 5:
		return slot_of(SLOT_PLAIN);
	case 6:
		return slot_pair(SLOT_PIPE, 0);
	default:
		return slot_of(SLOT_SOCKET);
	}
}

/* Something that takes bytes. */
int slot_sink(void)
{
	switch (below(8)) {
	case 0 ... 2:
		return slot_of(SLOT_HANDLE);
	case 3:
		return slot_of(SLOT_VIEW);
	case 4:
		return slot_of(SLOT_PLAIN);
	case 5:
		return slot_pair(SLOT_PIPE, 1);
	default:
		return slot_of(SLOT_SOCKET);
	}
}

/*
 * Move a descriptor into a slot of a kind, mostly an empty one: 0, or the error that
 * there is no descriptor.
 */
long slot_fill(enum slot_kind kind, int fd, const struct model *model)
{
	int slot = slot_exactly(kind), try;

	if (fd < 0)
		return fd;
	for (try = 0; try < 3 && models[slot].filled; try++)
		slot = slot_exactly(kind);
	if (dup3(fd, slot, O_CLOEXEC) < 0) {
		int error = errno;

		close(fd);
		return -error;
	}
	close(fd);
	models[slot] = model ? *model : none;
	models[slot].filled = true;
	return 0;
}

long slot_fill_pair(enum slot_kind kind, int pair[2])
{
	int slot = slot_exactly(kind) & ~1, end;

	for (end = 0; end < 2; end++) {
		dup3(pair[end], slot + end, O_CLOEXEC);
		models[slot + end] = (struct model){ .filled = true };
		close(pair[end]);
	}
	return 0;
}

uint32_t some_index(const struct model *model)
{
	return model->count ? below(model->count) : below(4);
}

/* A buffer that is owned, mostly. */
uint32_t some_owned(const struct model *model)
{
	uint64_t owned = model->owned;
	unsigned int turn = below(64);

	if (!owned || percent(5))
		return bent(some_index(model));
	owned = owned >> turn | (turn ? owned << (64 - turn) : 0);
	return (__builtin_ctzll(owned) + turn) % 64;
}

/* Mostly in buffers that are owned. */
void some_slice(const struct model *model, __u64 *offset, __u64 *length, bool whole_pages)
{
	uint64_t stride = model->stride ? model->stride : 8 * KIB;
	uint64_t size = model->size ? model->size : stride, reach;

	*offset = model->stride ? some_owned(model) * stride : 0;
	if (percent(30))
		*offset += below(stride);
	*length = percent(30) ? stride : some_length(percent(10) ? size : 2 * stride);
	if (whole_pages) {
		*offset &= -PAGE;
		*length = (*length + PAGE - 1) & -PAGE;
	}
	reach = *offset + *length;
	if (reach > size && *offset < size && !percent(3))
		*length = size - *offset;
	*offset = bent(*offset);
	*length = bent(*length);
}
