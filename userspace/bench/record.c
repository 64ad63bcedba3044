// SPDX-License-Identifier: GPL-2.0-only
/* All that was measured, for machines: JSON and CSV. */
#include <inttypes.h>
#include <stdio.h>

#include "bench.h"
#include "../tools/tool.h"

void record_csv(FILE *file)
{
	const struct result *result;
	unsigned int i;

	fprintf(file, "section,method,size,repeat,cost,unit\n");
	for (result = result_first(); result; result = result->next)
		for (i = 0; i < result->nr; i++)
			fprintf(file, "\"%s\",\"%s\",%" PRIu64 ",%u,%.4f,%s\n", result->section,
				result->method, result->size, i, result->costs[i], bench_unit());
}

static void name_result(const struct result *result)
{
	json_begin(NULL);
	json_string("section", result->section);
	json_string("method", result->method);
	json_number("size", result->size);
}

static void print_result(const struct result *result)
{
	unsigned int i;

	name_result(result);
	json_string("unit", bench_unit());
	json_real("median", result_median(result));
	json_real("worst", result_worst(result));
	json_array_begin("costs");
	for (i = 0; i < result->nr; i++)
		json_real(NULL, result->costs[i]);
	json_array_end();
	json_end();
}

void record_json(FILE *file)
{
	const struct result *result;

	json_to(file);
	json_begin(NULL);
	json_string("version", ZCPOOL_VERSION);
	json_string("unit", bench_unit());
	json_number("repeats", bench_options.repeats);
	json_number("large", bench_options.large_pool);
	machine_json();
	json_array_begin("results");
	for (result = result_first(); result; result = result->next)
		if (result->nr)
			print_result(result);
	json_array_end();
	json_array_begin("left_out");
	for (result = result_first(); result; result = result->next) {
		if (!result->left_out)
			continue;
		name_result(result);
		json_string("why", result->left_out);
		json_end();
	}
	json_array_end();
	json_end();
	json_to(stdout);
}
