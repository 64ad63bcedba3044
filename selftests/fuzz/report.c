// SPDX-License-Identifier: GPL-2.0-only
/* What became of the calls, by kind. */
#include "fuzz.h"

/* Fewer calls of a kind than this say nothing of it. */
#define ENOUGH 200

/* Whether the running kernel does not have it at all, so that it cannot succeed. */
bool may_lack(const char *what)
{
	struct zcpool_query query = { 0 };
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	bool lacks = false;

	if (fd >= 0 && !ioctl(fd, ZCPOOL_IOC_QUERY, &query)) {
		if (!strcmp(what, "io_uring: GET"))
			lacks = !(query.features & ZCPOOL_FEATURE_URING_GET);
		else if (!strcmp(what, "EXPORT"))
			lacks = !(query.features & ZCPOOL_FEATURE_EXPORT);
	}
	close(fd);
	return lacks;
}

static int by_count(const void *a, const void *b, void *failed)
{
	const _Atomic uint64_t *counts = failed;
	uint64_t of_a = counts[*(const int *)a], of_b = counts[*(const int *)b];

	return (of_a < of_b) - (of_a > of_b);
}

/* One line: how many succeeded, and then each error, the commonest first. */
static uint64_t report_kind(const struct kind *kind, struct tally *tally)
{
	uint64_t calls = tally->succeeded;
	int order[ERRNO_MAX], i;

	for (i = 0; i < ERRNO_MAX; i++) {
		order[i] = i;
		calls += tally->failed[i];
	}
	qsort_r(order, ERRNO_MAX, sizeof(*order), by_count, tally->failed);
	printf("# %-28s %8lu calls, %6.1f s, %8lu good", kind->name, calls, tally->time_ns / 1e9,
	       tally->succeeded);
	for (i = 0; i < ERRNO_MAX && tally->failed[order[i]]; i++)
		printf(" %s:%lu", order[i] ? strerrorname_np(order[i]) : "?",
		       tally->failed[order[i]]);
	printf("\n");
	return calls;
}

static bool is_missing(const struct kind *kind, const struct tally *tally, uint64_t calls)
{
	if (tally->succeeded || kind->never || calls < ENOUGH || may_lack(kind->name))
		return false;
	/* A system call that the kernel was built without. */
	if (tally->failed[ENOSYS] == calls)
		return false;
	printf("not ok - %s: none succeeded of %lu calls\n", kind->name, calls);
	return true;
}

/* Print it all; the number of failures. */
int report(double seconds)
{
	unsigned int number, failures = 0;
	uint64_t all = 0, good = 0, calls;

	for (number = 0; number < kinds_count(); number++) {
		struct tally *tally = &shared->tally[number];

		calls = report_kind(kind_at(number), tally);
		all += calls;
		good += tally->succeeded;
		failures += is_missing(kind_at(number), tally, calls);
	}
	printf("# seed %lu: %lu calls, %lu good, in %.0f s: %.0f a second\n", job.seed, all, good,
	       seconds, all / seconds);
	if (!failures)
		printf("ok - every kind of call succeeded\n");
	return failures;
}
