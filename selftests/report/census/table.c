// SPDX-License-Identifier: GPL-2.0-only
/* The census as a table. */
#include <string.h>

#include "census.h"

/* What each end has of something. */
static void print_ends(FILE *file, const struct outcome *outcome,
		       int64_t (*of)(const struct counts *counts))
{
	int64_t sender = of(&outcome->sides[SENDER]), receiver = of(&outcome->sides[RECEIVER]);
	char text[32] = "-";

	if (sender >= 0 && receiver >= 0)
		snprintf(text, sizeof(text), "%.1f+%.1f", per_mib(outcome, sender),
			 per_mib(outcome, receiver));
	fprintf(file, " %11s", text);
}

static int64_t system_calls(const struct counts *counts)
{
	return counts->system_calls;
}

const char *error_name(const struct outcome *outcome)
{
	return strerrorname_np(outcome->error) ?: "?";
}

void table_heading(FILE *file, const struct path *path)
{
	fprintf(file,
		"\nFor each MiB over %s:\n\n"
		"%-25s %17s %17s  %11s %11s %11s %11s %11s  %-7s\n"
		"%-25s %8s %8s %8s %8s  %11s %11s %11s %11s %11s  %-7s %s\n",
		path->what, "", "bytes copied by", "bytes of DMA", "system", "context", "mode",
		"page", "TLB", "data", "method", "sender", "receiver", "to dev.", "from dev.",
		"calls", "switches", "switches", "faults", "flushes", "changed",
		"memory is known to be free by");
}

void table_row(FILE *file, const struct method *method, const struct outcome *outcome)
{
	const struct counts *sides = outcome->sides;
	uint64_t to_device = 0, from_device = 0;
	size_t i;

	fprintf(file, "%-25s ", method->name);
	if (outcome->error) {
		fprintf(file, "refused: %s (%s)\n", error_name(outcome), outcome->call);
		return;
	}
	for (i = 0; i < NR_DEVICES; i++) {
		to_device += outcome->dma[i].to_device;
		from_device += outcome->dma[i].from_device;
	}
	fprintf(file, "%8.0f %8.0f %8.0f %8.0f ", per_mib(outcome, sides[SENDER].copied),
		per_mib(outcome, sides[RECEIVER].copied), per_mib(outcome, to_device),
		per_mib(outcome, from_device));
	print_ends(file, outcome, system_calls);
	print_ends(file, outcome, context_switches);
	print_ends(file, outcome, mode_switches);
	print_ends(file, outcome, page_faults);
	print_ends(file, outcome, tlb_flushes);
	fprintf(file, "  %-7s %s", outcome->changed ? "yes" : "no", method->knows);
	if (outcome->mapped >= 0)
		fprintf(file, " (receiver mapped %.0f %%)",
			100.0 * outcome->mapped / outcome->size);
	if (outcome->wrong)
		fprintf(file, " WRONG: %llu bytes", (unsigned long long)outcome->wrong);
	fputc('\n', file);
	fflush(file);
}

void table_legend(FILE *file)
{
	fputs("\nbytes copied: by the kernel's copy routines, counted by kprobes on each end's\n"
	      "    processor, in its program, in interrupts and in kernel threads.  Over loopback\n"
	      "    and veth, what softirqs copy is the receiver's if TCP puts its queue together,\n"
	      "    and else the sender's.\n"
	      "DMA: what devices (disk, both cards, edu) were told to read and to write; a card is\n"
	      "    given room for whole packets, and what TCP sends again counts again.  The page\n"
	      "    cache is warm: only what is read past it, or into a pool, comes from disk.\n"
	      "a+b: of the sender's program and the receiver's, which receives 64 KiB a call.\n"
	      "mode switches: system calls, and page faults and interrupts in user mode; page\n"
	      "    faults: in user and kernel mode; TLB flushes: that the program's calls and\n"
	      "    faults made, of its own processor or of others.  -: this kernel cannot tell.\n"
	      "data changed: the sender left a mark in each 64 KiB if it could, without a change\n"
	      "    of the file, and the receiver, which checks every byte, found them.\n"
	      "memory is known to be free by: stated here, not measured.\n",
	      file);
	if (count_print_probes(file, "untold",
			       "not told apart on this kernel, where the compiler has made them "
			       "a part of others:\n    what is put together in the receiver's "
			       "queue by ",
			       ""))
		fputc('\n', file);
	if (count_print_probes(file, "inlined", "not counted, likewise: what is copied by ", ""))
		fputc('\n', file);
}
