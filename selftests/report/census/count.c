// SPDX-License-Identifier: GPL-2.0-only
/* What selftests/copycount has counted of both ends. */
#include <stddef.h>
#include <string.h>

#include "census.h"

/* What is no copy and no DMA is counted in times. */
static const struct {
	const char *kind;
	const char *name;
	size_t offset;
} times_of[] = {
	{ "switch", "system_call", offsetof(struct counts, system_calls) },
	{ "switch", "page_fault", offsetof(struct counts, user_faults) },
	{ "switch", "interrupt", offsetof(struct counts, interrupts) },
	{ "fault", "kernel_mode", offsetof(struct counts, kernel_faults) },
	{ "schedule", "voluntary", offsetof(struct counts, voluntary) },
	{ "schedule", "preempted", offsetof(struct counts, preempted) },
	{ "tlb_flush", "own", offsetof(struct counts, flushes_here) },
	{ "tlb_flush", "others", offsetof(struct counts, flushes_there) },
};

static void add_copies(struct counts *counts, const char *name, uint64_t bytes)
{
	struct routine *routine = counts->routines;

	counts->copied += bytes;
	while (bytes && routine->name[0] && routine < counts->routines + NR_ROUTINES - 1)
		routine++;
	if (bytes && !routine->name[0]) {
		snprintf(routine->name, NAME_LENGTH, "%s", name);
		routine->bytes = bytes;
	}
}

static void add_dma(struct outcome *outcome, const char *kind, const char *name, uint64_t bytes)
{
	struct dma *dma = outcome->dma;

	while (dma->name[0] && strcmp(dma->name, name) && dma < outcome->dma + NR_DEVICES - 1)
		dma++;
	snprintf(dma->name, NAME_LENGTH, "%s", name);
	if (!strcmp(kind, "to_device") || !strcmp(kind, "both_ways"))
		dma->to_device += bytes;
	if (!strcmp(kind, "from_device") || !strcmp(kind, "both_ways"))
		dma->from_device += bytes;
}

static void read_side(struct outcome *outcome, struct counts *counts, const char *name)
{
	FILE *file = counter_open(name);
	struct counter_line line;
	size_t i;

	for (i = 0; i < sizeof(times_of) / sizeof(times_of[0]); i++)
		*(int64_t *)((char *)counts + times_of[i].offset) = -1;
	while (counter_read(file, &line)) {
		if (!strcmp(line.kind, "payload"))
			add_copies(counts, line.name, line.bytes);
		else if (strstr(line.kind, "device") || !strcmp(line.kind, "both_ways"))
			add_dma(outcome, line.kind, line.name, line.bytes);
		for (i = 0; i < sizeof(times_of) / sizeof(times_of[0]); i++)
			if (!strcmp(line.kind, times_of[i].kind) &&
			    !strcmp(line.name, times_of[i].name))
				*(int64_t *)((char *)counts + times_of[i].offset) = line.times;
	}
}

void count_read(struct outcome *outcome)
{
	read_side(outcome, &outcome->sides[SENDER], "counts");
	read_side(outcome, &outcome->sides[RECEIVER], "peer");
	outcome->missed = counter_missed(outcome->missed_by);
}

unsigned int count_print_probes(FILE *file, const char *kind, const char *before, const char *quote)
{
	FILE *probes = counter_open("probes");
	const char *separator = before;
	struct counter_line line;
	unsigned int nr = 0;

	while (counter_read(probes, &line)) {
		if (strcmp(line.kind, kind))
			continue;
		fprintf(file, "%s%s%s%s", separator, quote, line.name, quote);
		separator = ", ";
		nr++;
	}
	return nr;
}
