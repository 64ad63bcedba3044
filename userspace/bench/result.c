// SPDX-License-Identifier: GPL-2.0-only
/* What was measured, in the order of the first time. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "../tools/tool.h"

static struct result *first;

struct result *result_first(void)
{
	return first;
}

struct result *result_find(const char *section, const char *method, uint64_t size)
{
	struct result *result;

	for (result = first; result; result = result->next)
		if (result->size == size && !strcmp(result->section, section) &&
		    !strcmp(result->method, method))
			break;
	return result;
}

static void *must_have(void *memory)
{
	if (!memory)
		must_fail(-1, "memory for results");
	return memory;
}

static struct result *find_or_add(const char *section, const char *method, uint64_t size)
{
	struct result **end = &first, *result = result_find(section, method, size);

	if (result)
		return result;
	while (*end)
		end = &(*end)->next;
	result = must_have(calloc(1, sizeof(*result)));
	result->section = must_have(strdup(section));
	result->method = must_have(strdup(method));
	result->size = size;
	*end = result;
	return result;
}

void result_cost(const char *section, const char *method, uint64_t size, double cost)
{
	struct result *result = find_or_add(section, method, size);

	result->costs =
		must_have(realloc(result->costs, (result->nr + 1) * sizeof(*result->costs)));
	result->costs[result->nr++] = cost;
}

void result_note(const char *section, const char *method, uint64_t size, struct cost cost)
{
	char cpu[64];

	result_cost(section, method, size, cost.wall);
	if (bench_options.icount)
		return;
	snprintf(cpu, sizeof(cpu), "%s cpu", section);
	result_cost(cpu, method, size, cost.cpu);
}

void result_leave_out(const char *section, const char *method, uint64_t size, const char *why)
{
	struct result *result = find_or_add(section, method, size);

	if (result->left_out)
		return;
	result->left_out = must_have(strdup(why));
	fail(EXIT_OK, "left out: %s, %s, %llu: %s", section, method, (unsigned long long)size, why);
}

bool result_left_out(const char *section, const char *method, uint64_t size)
{
	const struct result *result = result_find(section, method, size);

	return result && result->left_out;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double result_median(const struct result *result)
{
	double *sorted, median;

	if (!result || !result->nr)
		return 0;
	sorted = must_have(malloc(result->nr * sizeof(*sorted)));
	memcpy(sorted, result->costs, result->nr * sizeof(*sorted));
	qsort(sorted, result->nr, sizeof(*sorted), compare);
	median = sorted[result->nr / 2];
	free(sorted);
	return median;
}

double result_worst(const struct result *result)
{
	double worst = result && result->nr ? result->costs[0] : 0;
	unsigned int i;

	for (i = 1; result && i < result->nr; i++)
		if (result->costs[i] > worst)
			worst = result->costs[i];
	return worst;
}
