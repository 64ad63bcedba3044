// SPDX-License-Identifier: GPL-2.0-only
/* Medians, in tables for people. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

/* As wide as the longest of a curve's methods. */
#define COLUMN 20

/* Not a number for what was left out; a difference of costs may be below 0 by chance. */
static double median_of(const char *section, const char *method, uint64_t size)
{
	const struct result *result = result_find(section, method, size);

	return result && result->nr ? result_median(result) : (double)NAN;
}

/* The section's name among the results, and what is told of it. */
static const struct {
	const char *suffix;
	const char *title;
} kinds[] = {
	{ "", "" },
	{ " cpu", ", the processors' time" },
};

/* Each table once more where the processor's time was measured, too. */
static void report_kinds(const char *section, const char *title,
			 void (*report)(const char *section))
{
	const struct result *result;
	char name[64];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", section, kinds[i].suffix);
		for (result = result_first(); result; result = result->next)
			if (!strcmp(result->section, name) && result->nr)
				break;
		if (!result)
			continue;
		printf("\n%s%s: %s\n", title, kinds[i].title, bench_unit());
		report(name);
	}
}

static void print_cost(int width, double cost)
{
	if (isnan(cost))
		printf(" %*s", width, "-");
	else
		printf(" %*.*f", width, cost < 100 ? 3 : 0, cost);
}

/* What a method's cost is compared with. */
static const char *peer_of(const char *method)
{
	if (strstr(method, "splice"))
		return "memfd+splice";
	return "memfd+sendfile";
}

static void print_send(const char *section)
{
	static const uint64_t sizes[] = { 4 << 10, 64 << 10, 1 << 20 };
	size_t m, s;

	printf("%-16s %18s %18s %18s\n", "message", "4 KiB", "64 KiB", "1 MiB");
	for (m = 0; m < nr_methods; m++) {
		const char *name = methods[m].name;

		printf("%-16s", name);
		for (s = 0; s < 3; s++) {
			double cost = median_of(section, name, sizes[s]);
			double peer = median_of(section, peer_of(name), sizes[s]);

			print_cost(10, cost);
			if (isnan(cost / peer))
				printf(" (%5s)", "-");
			else
				printf(" (%5.2f)", cost / peer);
		}
		putchar('\n');
	}
}

void report_send(void)
{
	report_kinds("send",
		     "Sending over TCP loopback, receiver included, a byte, and in brackets\n"
		     "the ratio to memfd by the same call",
		     print_send);
	report_kinds("send, discarded", "The same, and the receiver does not copy", print_send);
}

void report_segments(void)
{
	report_kinds("send, large segments",
		     "Sending over TCP loopback by segments of 512 KiB, and the receiver does\n"
		     "not copy, a byte",
		     print_send);
}

/* A line for each result. */
static void print_list(const char *section)
{
	const struct result *result;

	for (result = result_first(); result; result = result->next) {
		if (strcmp(result->section, section))
			continue;
		printf("%-34s %12llu", result->method, (unsigned long long)result->size);
		print_cost(14, result->nr ? result_median(result) : (double)NAN);
		putchar('\n');
	}
}

/* A line for each method, with a column for each of these sizes. */
static void print_grid(const char *section)
{
	static const uint64_t sizes[] = { 4 << 10, 64 << 10, 1 << 20 };
	const struct result *result;
	size_t s;

	printf("%-26s %10s %10s %10s\n", "message", "4 KiB", "64 KiB", "1 MiB");
	for (result = result_first(); result; result = result->next) {
		if (strcmp(result->section, section) || result->size != sizes[0])
			continue;
		printf("%-26s", result->method);
		for (s = 0; s < 3; s++)
			print_cost(10, median_of(section, result->method, sizes[s]));
		putchar('\n');
	}
}

void report_vector(void)
{
	report_kinds("vector", "64 messages of 4 KiB over TCP loopback, a byte", print_list);
	report_kinds("vector, discarded", "The same, and the receiver does not copy", print_list);
}

void report_get_put(void)
{
	report_kinds("get+put", "GET and PUT of a buffer, by size of the pool", print_list);
}

void report_create(void)
{
	report_kinds("create", "A pool made, by bytes", print_list);
}

void report_touch(void)
{
	report_kinds("first touch", "Memory mapped and touched, by bytes", print_list);
}

void report_free(void)
{
	const struct result *result;

	report_kinds("free event", "A buffer got, put in flight, and found free", print_list);
	printf("\nFrom the end of the last holder to the return of poll(): ms, median and worst\n");
	for (result = result_first(); result; result = result->next)
		if (!strcmp(result->section, "free latency") && result->nr)
			printf("%-34s %12.3f %14.3f\n", result->method, result_median(result) / 1e6,
			       result_worst(result) / 1e6);
}

void report_hand_over(void)
{
	report_kinds("hand-over", "Handing a message over to another process", print_grid);
}

/* Whether it is the first of the section with its method, or with its size. */
static bool is_first(const struct result *result, bool of_method)
{
	const struct result *other;

	for (other = result_first(); other != result; other = other->next)
		if (!strcmp(other->section, result->section) &&
		    (of_method ? !strcmp(other->method, result->method) :
				 other->size == result->size))
			return false;
	return true;
}

/* A line for each size, with a column for each method. */
static void print_curves(const char *section)
{
	const struct result *line, *column;

	printf("%10s", "");
	for (column = result_first(); column; column = column->next)
		if (!strcmp(column->section, section) && is_first(column, true))
			printf(" %*s", COLUMN, column->method);
	putchar('\n');
	for (line = result_first(); line; line = line->next) {
		if (strcmp(line->section, section) || !is_first(line, false))
			continue;
		printf("%10llu", (unsigned long long)line->size);
		for (column = result_first(); column; column = column->next)
			if (!strcmp(column->section, section) && is_first(column, true))
				print_cost(COLUMN, median_of(section, column->method, line->size));
		putchar('\n');
	}
}

void report_sizes(void)
{
	report_kinds("sizes", "A byte over TCP loopback, by size of the message", print_curves);
}

void report_pools(void)
{
	report_kinds("pools", "A buffer, by number of the pool's buffers", print_curves);
}

void report_in_flight(void)
{
	report_kinds("in flight", "A buffer, by number of those in flight", print_curves);
}

void report_processes(void)
{
	report_kinds("processes", "A buffer, by number of processes", print_curves);
}
