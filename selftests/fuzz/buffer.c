// SPDX-License-Identifier: GPL-2.0-only
/* Commands about buffers, by their indices. */
#include "calls.h"
#include "fuzz.h"

#define BATCH_MOST 96

static void model_owns(struct model *model, uint32_t index, bool owns)
{
	if (index < 64)
		model->owned = (model->owned & ~(1ULL << index)) | (uint64_t)owns << index;
}

static uint32_t some_batch(const struct model *model)
{
	if (percent(4))
		return BATCH_MOST;
	return percent(60) ? 1 : 1 + below(model->count ? model->count : 4) % BATCH_MOST;
}

/* An array of indices, mostly of buffers that are owned. */
static uint64_t place_owned(const struct model *model, uint32_t count)
{
	uint32_t *indices = scratch(count * sizeof(*indices)), i;

	for (i = 0; i < count; i++)
		indices[i] = some_owned(model);
	return place(indices, count * sizeof(*indices));
}

static uint64_t some_timeout(void)
{
	switch (below(8)) {
	case 0:
		return bent(0);
	case 1:
		return 1 + below(2000);
	case 2:
		return random_word();
	default:
		return 1 + below(4000000);
	}
}

static void owns_all(struct model *model, uint64_t address, uint32_t count, bool owns)
{
	uint32_t indices[BATCH_MOST] = { 0 }, i;

	if (count > BATCH_MOST)
		return;
	fetch(indices, address, count * sizeof(*indices));
	for (i = 0; i < count; i++)
		model_owns(model, indices[i], owns);
}

long call_get(void)
{
	int fd = slot_of(SLOT_HANDLE);
	struct model *model = model_of(fd);
	uint32_t wanted = some_batch(model);
	uint32_t put = percent(model->owned ? 40 : 4) ? some_batch(model) : 0;
	struct zcpool_get arg = {
		.indices = some_address(wanted * 4),
		.timeout_ns = some_timeout(),
		.count = bent(wanted),
		.flags = percent(80) ? ZCPOOL_GET_F_NONBLOCK : flags_of(ZCPOOL_GET_F_NONBLOCK),
		.put_indices = put ? place_owned(model, put) : bent(0),
		.put_count = bent(put),
		.reserved = bent(0),
	};
	long ret = command(fd, ZCPOOL_IOC_GET, &arg, sizeof(arg));

	if (put)
		owns_all(model, arg.put_indices, arg.put_count, false);
	if (!ret)
		owns_all(model, arg.indices, arg.count, true);
	return ret;
}

long call_put(void)
{
	int fd = slot_owner();
	struct model *model = model_of(fd);
	uint32_t count = some_batch(model);
	struct zcpool_put arg = {
		.indices = place_owned(model, count),
		.count = bent(count),
		.flags = flags_of(0),
	};
	long ret = command(fd, ZCPOOL_IOC_PUT, &arg, sizeof(arg));

	owns_all(model, arg.indices, arg.count, false);
	return ret;
}

static long call_transfer(void)
{
	int fd = slot_owner(), peer = percent(15) ? fd : slot_peer(fd);
	struct model *model = model_of(fd);
	uint32_t count = some_batch(model), i;
	struct zcpool_item *items = scratch(count * sizeof(*items));
	struct zcpool_transfer arg = {
		.count = bent(count),
		.to = percent(5) ? below(6) : bent(model_of(peer)->handle),
		.flags = flags_of(0),
		.reserved = bent(0),
	};
	long ret;

	for (i = 0; i < count; i++) {
		items[i].index = some_owned(model);
		items[i].tag = random_word();
		items[i].reserved = bent(0);
	}
	arg.items = place(items, count * sizeof(*items));
	ret = command(fd, ZCPOOL_IOC_TRANSFER, &arg, sizeof(arg));
	if (arg.count <= count)
		for (i = 0; i < arg.count; i++)
			model_owns(model, items[i].index, false);
	if (!ret)
		model_of(peer)->queued = true;
	return ret;
}

static long call_receive(void)
{
	int fd = slot_receiver();
	struct model *model = model_of(fd);
	uint32_t count = some_batch(model), i;
	struct zcpool_item items[BATCH_MOST] = { 0 };
	struct zcpool_receive arg = {
		.items = some_address(count * sizeof(*items)),
		.timeout_ns = some_timeout(),
		.count = bent(count),
		.flags = percent(85) ? ZCPOOL_RECEIVE_F_NONBLOCK :
				       flags_of(ZCPOOL_RECEIVE_F_NONBLOCK),
	};
	long ret = command(fd, ZCPOOL_IOC_RECEIVE, &arg, sizeof(arg));

	if (!ret && arg.count <= BATCH_MOST) {
		fetch(items, arg.items, arg.count * sizeof(*items));
		for (i = 0; i < arg.count; i++)
			model_owns(model, items[i].index, true);
	} else if (ret == -EAGAIN) {
		model->queued = false;
	}
	return ret;
}

static long call_seal(void)
{
	int fd = slot_owner();
	struct model *model = model_of(fd);
	uint32_t count = some_batch(model);
	struct zcpool_seal arg = {
		.indices = place_owned(model, count),
		.count = bent(count),
		.flags = flags_of(ZCPOOL_SEAL_F_UNTIL_FREE),
	};

	return command(fd, ZCPOOL_IOC_SEAL, &arg, sizeof(arg));
}

static long call_unseal(void)
{
	int fd = slot_owner();
	struct model *model = model_of(fd);
	uint32_t count = some_batch(model);
	struct zcpool_unseal arg = {
		.indices = place_owned(model, count),
		.count = bent(count),
		.flags = flags_of(0),
	};

	return command(fd, ZCPOOL_IOC_UNSEAL, &arg, sizeof(arg));
}

static long call_holders(void)
{
	int fd = slot_of(SLOT_HANDLE);
	struct model *model = model_of(fd);
	uint32_t count = some_batch(model);
	uint32_t size = percent(85) ? sizeof(struct zcpool_holder) : bent(8 * below(20));
	struct zcpool_holders arg = {
		.entries = some_address(count * (uint64_t)size),
		.first = percent(60) ? 0 : bent(some_index(model)),
		.count = bent(count),
		.flags = flags_of(ZCPOOL_HOLDERS_F_HELD),
		.entry_size = size,
	};

	return command(fd, ZCPOOL_IOC_HOLDERS, &arg, sizeof(arg));
}

static long call_eventfd(void)
{
	struct zcpool_eventfd arg = {
		.fd = percent(30) ? -1 : slot_of(SLOT_EVENTFD),
		.flags = flags_of(0),
	};

	return command(slot_of(SLOT_HANDLE), ZCPOOL_IOC_EVENTFD, &arg, sizeof(arg));
}

const struct kind buffer_kinds[] = {
	{ "GET", call_get, 40 },
	{ "PUT", call_put, 22 },
	{ "TRANSFER", call_transfer, 12 },
	{ "RECEIVE", call_receive, 10 },
	{ "SEAL", call_seal, 10 },
	{ "UNSEAL", call_unseal, 8 },
	{ "HOLDERS", call_holders, 8 },
	{ "EVENTFD", call_eventfd, 5 },
	{},
};
