// SPDX-License-Identifier: GPL-2.0-only
/* What became of all faults, as tests and as a table. */
#include "fault.h"

#define ROWS 256

static const char *const kinds[FAULT_KINDS] = { "object", "page", "copy", "all objects",
						"all pages" };

struct row {
	const char *name;
	struct tally tallies[FAULT_KINDS];
	double seconds;
};

static struct row rows[ROWS];
static unsigned int nr_rows, nr_tests, passed, failed;

static void test(bool good, const char *name, const char *what)
{
	printf("%s %u - %s: %s\n", good ? "ok" : "not ok", ++nr_tests, name, what);
	if (good)
		passed++;
	else
		failed++;
}

static bool empty(const struct tally *tally)
{
	return !tally->failed && !tally->absorbed && !tally->problems;
}

static void report_kind(const char *name, enum fault kind, bool must, const struct tally *tally)
{
	char what[96];

	if (empty(tally) && must) {
		snprintf(what, sizeof(what), "%s: met none, and has to", kinds[kind]);
		test(false, name, what);
		return;
	}
	/* Nothing on its way could fail. */
	if (empty(tally))
		return;
	snprintf(what, sizeof(what), "%s: %u failed, %u absorbed", kinds[kind], tally->failed,
		 tally->absorbed);
	test(!tally->problems, name, what);
}

/*
 * The tests that a path is: by itself, and with each kind of fault that it meets, of which
 * there have to be those that must has a bit for.  It took so many nanoseconds.
 */
void report_path(const char *name, unsigned int must, const struct tally tallies[FAULT_KINDS],
		 bool good, int64_t took)
{
	struct row *row = &rows[nr_rows++];
	int kind;

	if (nr_rows == ROWS)
		abort();
	row->name = name;
	row->seconds = took / 1e9;
	memcpy(row->tallies, tallies, sizeof(row->tallies));
	test(good, name, "without a fault");
	for (kind = 0; kind < FAULT_KINDS; kind++)
		report_kind(name, kind, must & (1U << kind), &tallies[kind]);
	fflush(stdout);
}

static void print_row(const struct row *row)
{
	unsigned int failures = 0, absorbed = 0;
	int kind;

	printf("%-28s", row->name);
	for (kind = 0; kind < FAULT_KINDS; kind++) {
		const struct tally *tally = &row->tallies[kind];

		printf(" %7u", tally->failed + tally->absorbed);
		failures += tally->failed;
		absorbed += tally->absorbed;
	}
	printf(" %8u %8u %8.1f\n", failures, absorbed, row->seconds);
}

/* Returns whether all passed, and there was something. */
bool report_end(void)
{
	struct row total = { .name = "all" };
	unsigned int i;
	int kind;

	printf("\n%-28s %7s %7s %7s %7s %7s %8s %8s %8s\n", "faults of one", "object", "page",
	       "copy", "objects", "pages", "failed", "absorbed", "seconds");
	for (i = 0; i < nr_rows; i++) {
		print_row(&rows[i]);
		total.seconds += rows[i].seconds;
		for (kind = 0; kind < FAULT_KINDS; kind++) {
			total.tallies[kind].failed += rows[i].tallies[kind].failed;
			total.tallies[kind].absorbed += rows[i].tallies[kind].absorbed;
		}
	}
	print_row(&total);
	printf("%u paths\n%u passed, %u failed, 0 skipped\n", nr_rows, passed, failed);
	return !failed && passed;
}
