// SPDX-License-Identifier: GPL-2.0-only
/* Medians, tables, CSV, and whether the targets are met. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

#define RESULTS_MAX 192

static struct result results[RESULTS_MAX];
static size_t nr_results;

struct result *result_find(const char *section, const char *method, uint64_t size)
{
	size_t i;

	for (i = 0; i < nr_results; i++)
		if (!strcmp(results[i].section, section) && !strcmp(results[i].method, method) &&
		    results[i].size == size)
			return &results[i];
	return NULL;
}

struct result *result_add(const char *section, const char *method, uint64_t size)
{
	struct result *result = result_find(section, method, size);

	if (result)
		return result;
	if (nr_results == RESULTS_MAX)
		abort();
	result = &results[nr_results++];
	*result = (struct result){ .section = section, .method = method, .size = size };
	return result;
}

void result_cost(struct result *result, double cost)
{
	if (result->nr == REPEATS_MAX)
		abort();
	result->cost[result->nr++] = cost;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double result_median(const struct result *result)
{
	double sorted[REPEATS_MAX];

	memcpy(sorted, result->cost, result->nr * sizeof(*sorted));
	qsort(sorted, result->nr, sizeof(*sorted), compare);
	return sorted[result->nr / 2];
}

double result_worst(const struct result *result)
{
	double worst = 0;
	unsigned int i;

	for (i = 0; i < result->nr; i++)
		if (result->cost[i] > worst)
			worst = result->cost[i];
	return worst;
}

static double median_of(const char *section, const char *method, uint64_t size)
{
	const struct result *result = result_find(section, method, size);

	return result ? result_median(result) : 0;
}

/* What a pool's method is to be compared with. */
static const char *peer_of(const char *method)
{
	if (strstr(method, "splice"))
		return "memfd+splice";
	return "memfd+sendfile";
}

void report_send(const struct bench_options *options)
{
	static const uint64_t sizes[] = { 4 << 10, 64 << 10, 1 << 20 };
	size_t m, s;

	printf("\nSending over TCP loopback, receiver included: %s per byte, and in brackets\n"
	       "the ratio to memfd by the same call\n",
	       options->unit);
	printf("%-16s %18s %18s %18s\n", "message", "4 KiB", "64 KiB", "1 MiB");
	for (m = 0; m < nr_methods; m++) {
		const char *name = methods[m].name;

		printf("%-16s", name);
		for (s = 0; s < 3; s++) {
			double cost = median_of("send", name, sizes[s]);

			printf(" %10.3f (%5.2f)", cost,
			       cost / median_of("send", peer_of(name), sizes[s]));
		}
		putchar('\n');
	}
}

void report_hand_over(const struct bench_options *options)
{
	static const uint64_t sizes[] = { 4 << 10, 64 << 10, 1 << 20 };
	size_t m, s;

	printf("\nHanding a message over to another process: %s\n", options->unit);
	printf("%-26s %10s %10s %10s\n", "message", "4 KiB", "64 KiB", "1 MiB");
	for (m = 0; m < nr_hand_overs; m++) {
		printf("%-26s", hand_overs[m].name);
		for (s = 0; s < 3; s++)
			printf(" %10.0f", median_of("hand-over", hand_overs[m].name, sizes[s]));
		putchar('\n');
	}
}

void report_list(const struct bench_options *options, const char *section, const char *title)
{
	size_t i;

	printf("\n%s: %s\n", title, options->unit);
	for (i = 0; i < nr_results; i++)
		if (!strcmp(results[i].section, section))
			printf("%-34s %12llu %14.*f\n", results[i].method,
			       (unsigned long long)results[i].size,
			       result_median(&results[i]) < 100 ? 3 : 0,
			       result_median(&results[i]));
}

void report_latency(void)
{
	size_t i;

	printf("\nFrom the end of the last holder to the return of poll(): ms, median and worst\n");
	for (i = 0; i < nr_results; i++)
		if (!strcmp(results[i].section, "free latency"))
			printf("%-34s %12.3f %14.3f\n", results[i].method,
			       result_median(&results[i]) / 1e6, result_worst(&results[i]) / 1e6);
}

void report_csv(const char *path, const struct bench_options *options)
{
	FILE *file = fopen(path, "w");
	unsigned int r;
	size_t i;

	if (!file)
		must(-1, path);
	fprintf(file, "section,method,size,repeat,cost,unit\n");
	for (i = 0; i < nr_results; i++)
		for (r = 0; r < results[i].nr; r++)
			fprintf(file, "%s,\"%s\",%llu,%u,%.4f,%s\n", results[i].section,
				results[i].method, (unsigned long long)results[i].size, r,
				results[i].cost[r], options->unit);
	if (fclose(file))
		must(-1, path);
}

static bool target(const char *what, double value, double limit)
{
	bool met = value > 0 && value <= limit;

	printf("%-4s %-62s %8.2f, at most %.2f\n", met ? "ok" : "MISS", what, value, limit);
	return met;
}

static bool target_ratio(const char *method, uint64_t size, double limit)
{
	char what[96];

	snprintf(what, sizeof(what), "%s of %llu KiB to %s", method, (unsigned long long)size >> 10,
		 peer_of(method));
	return target(what,
		      median_of("send", method, size) / median_of("send", peer_of(method), size),
		      limit);
}

/* SEND of many messages is ahead of everything else, and far ahead of write(). */
static bool targets_vector(const char *section, const char *send)
{
	bool met = true;
	size_t i;

	for (i = 0; i < nr_results; i++) {
		const char *method = results[i].method;
		char what[96];

		if (strcmp(results[i].section, section) || !strncmp(method, "pool", 4))
			continue;
		snprintf(what, sizeof(what), "%s: %s to %s", section, send, method);
		met &= target(what,
			      median_of(section, send, results[i].size) /
				      result_median(&results[i]),
			      strcmp(method, "write") ? 1.0 : 0.3);
	}
	return met;
}

/* A buffer handed over costs little by itself, and little beside the best copy. */
static bool targets_hand_over(void)
{
	static const char *method = "pool+TRANSFER of 32";
	double best = 0, cost = median_of("hand-over", method, 64 << 10);
	bool met;
	size_t m;

	for (m = 0; m < nr_hand_overs; m++) {
		double copy = median_of("hand-over", hand_overs[m].name, 64 << 10);

		if (hand_overs[m].copies && (!best || copy < best))
			best = copy;
	}
	met = target("hand-over of 64 KiB, TRANSFER of 32 to the best copy", cost / best, 0.1);
	return target("hand-over of 64 KiB, TRANSFER of 32", cost, 1000) && met;
}

/* The limits are in instructions or ratios, so they hold under icount only. */
bool report_targets(const struct bench_options *options)
{
	bool met = true;
	size_t i;

	printf("\nTargets\n");
	met &= target_ratio("pool+sendfile", 4 << 10, 1.0);
	met &= target_ratio("pool+splice", 4 << 10, 1.0);
	met &= target_ratio("pool+sendfile", 64 << 10, 0.60);
	met &= target_ratio("pool+splice", 64 << 10, 0.60);
	met &= target_ratio("pool+sendfile", 1 << 20, 0.60);
	met &= target_ratio("pool+splice", 1 << 20, 0.60);
	for (i = 0; i < nr_results; i++) {
		char what[96];

		if (strncmp(results[i].method, "library", 7))
			continue;
		snprintf(what, sizeof(what), "get+put: %s, pool of %llu", results[i].method,
			 (unsigned long long)results[i].size);
		met &= target(what, result_median(&results[i]), 300);
	}
	met &= target("SEND of 1024 KiB to pool+splice",
		      median_of("send", "pool+SEND", 1 << 20) /
			      median_of("send", "pool+splice", 1 << 20),
		      1.0);
	met &= targets_vector("vector", "pool+SEND, side by side");
	met &= targets_vector("vector, discarded", "pool+SEND");
	met &= target("free event, a buffer",
		      median_of("free event", "get, put, and landing between", 32), 500);
	for (i = 0; i < nr_results; i++) {
		char what[96];

		if (strcmp(results[i].section, "free latency"))
			continue;
		snprintf(what, sizeof(what), "ms until known, %s, median", results[i].method);
		met &= target(what, result_median(&results[i]) / 1e6, 1);
		snprintf(what, sizeof(what), "ms until known, %s, worst", results[i].method);
		met &= target(what, result_worst(&results[i]) / 1e6, 10);
	}
	met &= targets_hand_over();
	if (!options->large_pool)
		printf("skip the pool of 1,000,000 buffers: not enough memory\n");
	met &= target("create and touch, pool to hugetlb, fresh pages",
		      median_of("first touch", "pool", 256 << 20) /
			      median_of("first touch", "hugetlb, fresh pages", 256 << 20),
		      1.0);
	/* Some work of the peer's comes before the clock there: 5 % for that. */
	met &= target("create and touch, pool to hugetlb, pages set aside",
		      median_of("first touch", "pool", 256 << 20) /
			      median_of("first touch", "hugetlb, pages set aside", 256 << 20),
		      1.05);
	return met;
}
