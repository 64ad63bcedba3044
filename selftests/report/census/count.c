// SPDX-License-Identifier: GPL-2.0-only
/* What selftests/copycount counts, between start and stop, of both ends. */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "census.h"

#define COUNTER "/sys/kernel/debug/copycount/"

static void control(const char *word)
{
	static int fd = -1;

	if (fd < 0)
		fd = MUST(open(COUNTER "control", O_WRONLY | O_CLOEXEC));
	MUST(write(fd, word, strlen(word)));
}

void count_as_peer(void)
{
	control("peer");
}

void count_start(bool softirqs)
{
	control(softirqs ? "start softirqs" : "start");
}

void count_stop(void)
{
	control("stop");
}

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

static void read_side(struct outcome *outcome, struct counts *counts, const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long long bytes, times;
	char kind[NAME_LENGTH], name[NAME_LENGTH];
	size_t i;

	MUST(file ? 0 : -1);
	for (i = 0; i < sizeof(times_of) / sizeof(times_of[0]); i++)
		*(int64_t *)((char *)counts + times_of[i].offset) = -1;
	while (fscanf(file, "%39s %39s %llu %llu", kind, name, &bytes, &times) == 4) {
		if (!strcmp(kind, "payload"))
			add_copies(counts, name, bytes);
		else if (strstr(kind, "device") || !strcmp(kind, "both_ways"))
			add_dma(outcome, kind, name, bytes);
		for (i = 0; i < sizeof(times_of) / sizeof(times_of[0]); i++)
			if (!strcmp(kind, times_of[i].kind) && !strcmp(name, times_of[i].name))
				*(int64_t *)((char *)counts + times_of[i].offset) = times;
	}
	fclose(file);
}

void count_read(struct outcome *outcome)
{
	read_side(outcome, &outcome->sides[SENDER], COUNTER "counts");
	read_side(outcome, &outcome->sides[RECEIVER], COUNTER "peer");
}
