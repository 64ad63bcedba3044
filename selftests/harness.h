/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's harness of tests, with more time on a kernel that checks all it does:
 * ZCPOOL_TEST_SLOWNESS, set by "make check", is how many times slower that is.
 */
#ifndef ZCPOOL_SELFTEST_HARNESS_H
#define ZCPOOL_SELFTEST_HARNESS_H

#include "kselftest_harness.h"

static inline int slowness(void)
{
	const char *times = getenv("ZCPOOL_TEST_SLOWNESS");

	return times && atoi(times) > 1 ? atoi(times) : 1;
}

/* How often to do what is done often, so that it takes much the same time everywhere. */
static inline int rounds(int most)
{
	return most / slowness() ?: 1;
}

static inline int run_patiently(int argc, char **argv)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;

	for (fixture = __fixture_list; fixture; fixture = fixture->next)
		for (test = fixture->tests; test; test = test->next)
			test->timeout *= slowness();
	return test_harness_run(argc, argv);
}
/* For TEST_HARNESS_MAIN. */
#define test_harness_run run_patiently

#endif
