// SPDX-License-Identifier: GPL-2.0-only
/* One path with all its faults, one after the other. */
#include "fault.h"

/* How often the faults of a path are gone through until it has met those that it has to. */
#define PASSES 4
/* How often a path goes without faults where only its last points are tried. */
#define LOOKS 5
/* Longest that one fault may take, seconds; it is the kernel that is slow. */
#define HANG 60

/* No more than one fault at a time is wanted. */
bool sweep_single;

static bool allowed(const struct path *path, enum fault kind, int error)
{
	int i;

	if (kind == FAULT_NONE)
		return false;
	if (error == (kind == FAULT_COPY ? EFAULT : ENOMEM))
		return true;
	for (i = 0; i < PATH_ERRORS; i++)
		if (path->errors[i] == error)
			return true;
	return false;
}

static bool left_well(const struct path *path, struct world *world, int result)
{
	return !path->check || path->check(world, result);
}

/* What is to hold when the call has returned. */
static void judge(const struct path *path, struct world *world, enum fault kind, int result,
		  int fd_before)
{
	int (*again)(struct world *) = path->again ? path->again : path->operate;
	int second;

	if (result < 0 && !allowed(path, kind, -result))
		problem("fails with %s", strerror(-result));
	if (result < 0 && lowest_free_fd() != fd_before)
		problem("fails, and leaves a descriptor");
	if (!left_well(path, world, result))
		problem("leaves behind what it should not, with %d", result);
	if (result >= 0)
		return;
	second = again(world);
	if (second < 0)
		problem("fails again without a fault: %s", strerror(-second));
	else if (!path->again && !left_well(path, world, second))
		problem("does not do it afterwards, with %d", second);
}

static bool begin(const struct path *path, struct world *world)
{
	world_begin(world);
	if (!path->set_up || path->set_up(world))
		return true;
	problem("cannot be set up: %s", strerror(errno));
	return false;
}

static void end(const struct path *path, struct world *world)
{
	if (path->tear_down)
		path->tear_down(world);
	world_end(world);
}

static void arm(enum fault kind, unsigned int nth)
{
	if (kind == FAULT_NONE)
		inject_one(nth);
	else
		inject_all(kind, nth);
}

static enum fault disarm(enum fault kind)
{
	if (kind == FAULT_NONE)
		return inject_one_end();
	return inject_all_end() ? kind : FAULT_NONE;
}

/* The nth fault, or all of a kind from there on.  Returns which there was. */
static enum fault once(const struct path *path, enum fault all, unsigned int nth,
		       struct tally tallies[FAULT_KINDS])
{
	unsigned int before = problems();
	int fd_before, free_before = lowest_free_fd();
	enum fault kind = FAULT_NONE;
	struct world world;
	int result = 0;

	alarm(HANG);
	if (begin(path, &world)) {
		fd_before = lowest_free_fd();
		arm(all, nth);
		result = path->operate(&world);
		kind = disarm(all);
		judge(path, &world, kind, result, fd_before);
	}
	end(path, &world);
	if (lowest_free_fd() != free_before)
		problem("a descriptor is left in the end");
	if (problems() > before)
		problem("that was %s %u", all == FAULT_NONE ? "fault" : "all from", nth);
	if (kind == FAULT_NONE)
		return kind;
	tallies[kind].failed += result < 0;
	tallies[kind].absorbed += result >= 0;
	tallies[kind].problems += problems() - before;
	return kind;
}

/* Without faults.  Returns at how many points there could be one, or -1. */
static int none(const struct path *path)
{
	unsigned int before = problems();
	struct world world;
	int points = 0, result;

	alarm(HANG);
	if (begin(path, &world)) {
		points = inject_points(path, &world, &result);
		if (result < 0)
			problem("fails without a fault: %s", strerror(-result));
		else if (!left_well(path, &world, result))
			problem("does not do what it should, with %d", result);
	}
	end(path, &world);
	return problems() > before ? -1 : points;
}

/*
 * At how many points there could be a fault, or -1.  The first time the kernel fills caches,
 * and its points are others.  Where only the last ones are tried, the fewest of several times
 * tell best where these begin: later on there are hardly more, but may be fewer.
 */
static int count_points(const struct path *path)
{
	int looks = path->last ? LOOKS : 1, points = -1;

	if (none(path) < 0)
		return -1;
	while (looks--) {
		int seen = none(path);

		if (seen < 0)
			return -1;
		if (points < 0 || seen < points)
			points = seen;
	}
	return points;
}

static bool has_met(const struct path *path, const struct tally tallies[FAULT_KINDS])
{
	int kind;

	for (kind = 0; kind < FAULT_KINDS; kind++)
		if ((path->must & (1U << kind)) && !tallies[kind].failed && !tallies[kind].absorbed)
			return false;
	return true;
}

/*
 * There may be a point more or less each time, where the kernel keeps what was freed for
 * another time: then one may have been passed over, and they are gone through again.
 */
static void sweep_each(const struct path *path, unsigned int points,
		       struct tally tallies[FAULT_KINDS])
{
	unsigned int first = path->last && path->last < points ? points - path->last : 1;
	unsigned int nth, pass;

	for (pass = 0; points && pass < PASSES; pass++) {
		for (nth = first;; nth += path->step ?: 1)
			if (once(path, FAULT_NONE, nth, tallies) == FAULT_NONE && nth > points)
				break;
		if (has_met(path, tallies))
			break;
	}
}

static void sweep_all(const struct path *path, enum fault kind, unsigned int step,
		      struct tally tallies[FAULT_KINDS])
{
	unsigned int nth = 0;

	while (once(path, kind, nth, tallies) != FAULT_NONE)
		nth += nth < 4 * step ? step : nth / 4;
}

/*
 * Fill in what became of each fault of a path.  Returns whether all is well that is no
 * single fault's: without any, and when all are over.
 */
bool sweep(const struct path *path, struct tally tallies[FAULT_KINDS])
{
	int points = count_points(path);
	bool good = points >= 0;
	long bytes = 0;

	leaks_memory(&bytes);
	if (points > 0) {
		sweep_each(path, points, tallies);
		if (!sweep_single && !path->last && !(path->flags & PATH_ENDLESS)) {
			sweep_all(path, FAULT_OBJECTS, 128, tallies);
			sweep_all(path, FAULT_PAGES, 1, tallies);
		}
	}
	alarm(0);
	if (!leaks_memory(&bytes)) {
		problem("kernel memory stays charged");
		good = false;
	}
	return good;
}
