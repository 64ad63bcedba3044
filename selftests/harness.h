/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's harness of tests, with more time on a busy machine and on a kernel that checks all
 * it does, for ZCPOOL_TEST_SLOWNESS, set by "make check", is how many times slower that is; and
 * with a choice of tests, which Linux 6.1's does not have.
 */
#ifndef ZCPOOL_SELFTEST_HARNESS_H
#define ZCPOOL_SELFTEST_HARNESS_H

#include "kselftest_harness.h"

/* How many times slower than usual a machine may be that has other work, too. */
#define BUSY 4

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

static inline bool is_chosen(const char *name, int argc, char **argv)
{
	int i;

	for (i = 2; i < argc; i += 2)
		if (!strcmp(argv[i], name))
			return true;
	return argc == 1;
}

/* Leave out the tests that are not chosen. */
static inline void choose_tests(int argc, char **argv)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata **test;

	for (fixture = __fixture_list; fixture; fixture = fixture->next) {
		test = &fixture->tests;
		while (*test) {
			if (is_chosen((*test)->name, argc, argv)) {
				(*test)->timeout *= BUSY * slowness();
				test = &(*test)->next;
			} else {
				*test = (*test)->next;
			}
		}
	}
}

static inline void list_tests(void)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;

	for (fixture = __fixture_list; fixture; fixture = fixture->next)
		for (test = fixture->tests; test; test = test->next)
			printf("%s\n", test->name);
}

/* Whether there is a test of that name. */
static inline bool is_test(const char *name)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;

	for (fixture = __fixture_list; fixture; fixture = fixture->next)
		for (test = fixture->tests; test; test = test->next)
			if (!strcmp(test->name, name))
				return true;
	return false;
}

static inline bool usage_is_good(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i += 2)
		if (strcmp(argv[i], "-t") || i + 1 == argc)
			return false;
	return true;
}

static inline int run_chosen(int argc, char **argv)
{
	int i;

	if (argc == 2 && !strcmp(argv[1], "-l")) {
		list_tests();
		return 0;
	}
	if (!usage_is_good(argc, argv)) {
		fprintf(stderr,
			"Usage: %s [-l | -t TEST [-t TEST]...]\n"
			"Run all tests, or those of a name; -l lists the names.\n",
			argv[0]);
		return 2;
	}
	for (i = 2; i < argc; i += 2)
		if (!is_test(argv[i])) {
			fprintf(stderr, "%s: no test '%s'; -l lists them\n", argv[0], argv[i]);
			return 2;
		}
	choose_tests(argc, argv);
	return test_harness_run(1, argv);
}
/* For TEST_HARNESS_MAIN. */
#define test_harness_run run_chosen

#endif
