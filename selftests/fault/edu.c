// SPDX-License-Identifier: GPL-2.0-only
/* The companion driver: its file, its commands, and how it is bound to its device. */
#include "../edu_bus.h"
#include "fault.h"

#define BUFFER (8 * KIB)
#define COUNT 2
#define BYTES 64

static struct edu edu;

static int do_open(struct world *world)
{
	return world_keep(world, result_or_errno(open(EDU_NODE, O_RDWR | O_CLOEXEC)));
}

/* The device, and an export that it reaches. */
static bool have_export(struct world *world)
{
	world->pool = reachable_pool(BUFFER, COUNT);
	world->count = COUNT;
	if (world->pool < 0 || !world_map(world, world->pool, BUFFER * COUNT))
		return false;
	edu = (struct edu){
		.pool = world->pool,
		.fd = world_keep(world, zcpool_edu_open(0, 0)),
		.dmabuf = world_keep(world, export(world->pool, 0, BUFFER * COUNT, 0)),
		.size = BUFFER * COUNT,
		.map = (unsigned char *)world->map,
	};
	return edu.fd >= 0 && edu.dmabuf >= 0;
}

static struct zcpool_edu_query now(void)
{
	struct zcpool_edu_query query = { 0 };

	if (zcpool_edu_query(edu.fd, &query))
		query.imports = ~0U;
	return query;
}

static int do_query(struct world *world)
{
	struct zcpool_edu_query query = { 0 };

	(void)world;
	return zcpool_edu_query(edu.fd, &query);
}

static int do_import(struct world *world)
{
	(void)world;
	edu.memory = zcpool_edu_import(edu.fd, edu.dmabuf);
	return edu.memory;
}

static bool imported(struct world *world, int result)
{
	(void)world;
	return now().imports == (result >= 0);
}

static bool have_memory(struct world *world)
{
	return have_export(world) && do_import(world) >= 0;
}

static int do_release(struct world *world)
{
	(void)world;
	return zcpool_edu_release(edu.fd, edu.memory);
}

static bool released(struct world *world, int result)
{
	(void)world;
	return now().imports == (result < 0);
}

static int do_submit(struct world *world)
{
	(void)world;
	return edu_submit(&edu, 1, 0, BYTES, 0, 0);
}

/* A request comes to its end; one that failed is none. */
static bool submitted(struct world *world, int result)
{
	(void)world;
	if (result < 0)
		return !now().queued && !now().completed;
	return !edu_wait(&edu).result;
}

static bool have_completion(struct world *world)
{
	struct pollfd poll_fd = { .events = POLLIN };

	if (!have_memory(world) || do_submit(world))
		return false;
	poll_fd.fd = edu.fd;
	return poll(&poll_fd, 1, 5000) == 1;
}

static int do_complete(struct world *world)
{
	struct zcpool_edu_completion completion;

	(void)world;
	return take_now(&edu, &completion, 1);
}

static bool completed(struct world *world, int result)
{
	(void)world;
	return now().completed == (result < 0);
}

static bool have_requests(struct world *world)
{
	return have_memory(world) && !edu_occupy(&edu, 1, 0);
}

static int do_cancel(struct world *world)
{
	int ret = cancel_all(&edu);

	(void)world;
	/* A request that has ended by now is none. */
	return ret == -ENOENT ? 0 : ret;
}

static int do_poll(struct world *world)
{
	struct pollfd poll_fd = { .fd = edu.fd, .events = POLLOUT };

	(void)world;
	return result_or_errno(poll(&poll_fd, 1, 0));
}

/* There is room for a request. */
static bool has_room(struct world *world, int result)
{
	(void)world;
	return result < 0 || result == 1;
}

static bool is_unbound(const void *arg)
{
	(void)arg;
	return access(EDU_NODE, F_OK);
}

static bool have_unbound(struct world *world)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/bind", EDU_DRIVER);
	return !edu_unbind() && eventually(is_unbound, NULL) &&
	       world_keep(world, open(path, O_WRONLY | O_CLOEXEC)) >= 0;
}

/* The address is looked up when the device is no longer bound, ahead of any fault. */
static bool will_bind(struct world *world)
{
	edu_address();
	return have_unbound(world);
}

/*
 * Have it enabled already, so that the driver's pci_enable_device() only counts: the first one
 * has ACPI's tables interpreted, which uses what it has freed where memory is wanting (KASAN,
 * in acpi_ns_get_attached_object()).  No driver may have it now, and it stays enabled: the guest
 * goes with these paths.
 */
bool edu_keep_enabled(void)
{
	const char *device = edu_address();

	return pci_number(device, "enable") > 0 || !pci_write(device, "enable", "1");
}

static char address[32];

static bool will_bind_by_address(struct world *world)
{
	snprintf(address, sizeof(address), "%s", edu_address());
	return will_bind(world) && edu_keep_enabled();
}

static int do_bind(struct world *world)
{
	return result_or_errno(write(world->fds[0], address, strlen(address)));
}

static bool is_bound(struct world *world, int result)
{
	(void)world;
	return !access(EDU_NODE, F_OK) == (result >= 0);
}

#define EDU(what, ...) \
	{ \
		.name = "edu, " what, .feature = ZCPOOL_FEATURE_EXPORT, __VA_ARGS__ \
	}

const struct path edu_paths[] = {
	EDU("open", .operate = do_open, .must = MUST_SLAB | MUST_COPY),
	EDU("query", .set_up = have_export, .operate = do_query, .must = MUST_COPY),
	EDU("import", .set_up = have_export, .operate = do_import, .check = imported,
	    .must = MUST_SLAB | MUST_COPY),
	EDU("release", .set_up = have_memory, .operate = do_release, .check = released,
	    .must = MUST_COPY),
	EDU("submit", .set_up = have_memory, .operate = do_submit, .check = submitted,
	    .must = MUST_SLAB | MUST_COPY),
	EDU("complete", .set_up = have_completion, .operate = do_complete, .check = completed,
	    .must = MUST_COPY),
	EDU("cancel", .set_up = have_requests, .operate = do_cancel, .must = MUST_COPY),
	EDU("poll", .set_up = have_export, .operate = do_poll, .check = has_room,
	    .must = MUST_COPY),
	/*
	 * Words of the kernel for no memory: EBUSY of pci_request_region(), ENODEV and ENOSPC
	 * of __pci_enable_msi_range().
	 */
	EDU("bind", .set_up = will_bind_by_address, .operate = do_bind, .check = is_bound,
	    .errors = { EBUSY, ENODEV, ENOSPC }, .must = MUST_SLAB),
	{},
};
