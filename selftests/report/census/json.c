// SPDX-License-Identifier: GPL-2.0-only
/* The census for programs.  No name in it needs to be escaped. */
#include <sys/utsname.h>

#include "census.h"

static unsigned int nr_paths, nr_rows;

static void json_probes(FILE *file, const char *name, const char *kind)
{
	fprintf(file, ",\n\"%s\": [", name);
	count_print_probes(file, kind, "", "\"");
	fputc(']', file);
}

void json_begin(FILE *file, uint64_t size)
{
	struct utsname name;

	uname(&name);
	fprintf(file, "{\n\"kernel\": \"%s\",\n\"bytes_moved\": %llu", name.release,
		(unsigned long long)size);
	json_probes(file, "not_told_apart", "untold");
	json_probes(file, "not_counted", "inlined");
	json_probes(file, "not_in_kernel", "absent");
	/* Of each row, what the method's author says, and nobody has tried. */
	fputs(",\n\"stated\": [\"knows_reuse\"],\n\"paths\": [", file);
}

void json_path(FILE *file, const struct path *path)
{
	fprintf(file, "%s{\"name\": \"%s\", \"what\": \"%s\", \"rows\": [",
		nr_paths ? "]},\n" : "\n", path->name, path->what);
	nr_paths++;
	nr_rows = 0;
}

/* Of one end; ending: of the names, "" for the sender, whose numbers those are at first. */
static void json_side(FILE *file, const struct outcome *outcome, enum side side, const char *ending)
{
	const struct counts *counts = &outcome->sides[side];
	const struct {
		const char *name;
		int64_t count;
	} fields[] = {
		{ "system_calls", counts->system_calls },
		{ "context_switches", context_switches(counts) },
		{ "mode_switches", mode_switches(counts) },
		{ "page_faults", page_faults(counts) },
		{ "tlb_flushes", tlb_flushes(counts) },
	};
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (fields[i].count < 0)
			fprintf(file, ",\n  \"%s%s\": null", fields[i].name, ending);
		else
			fprintf(file, ",\n  \"%s%s\": %.3f", fields[i].name, ending,
				per_mib(outcome, fields[i].count));
	}
}

static void json_routines(FILE *file, const struct outcome *outcome, enum side side,
			  const char *name)
{
	const struct routine *routine = outcome->sides[side].routines;

	fprintf(file, ",\n \"%s\": {", name);
	for (; routine < outcome->sides[side].routines + NR_ROUTINES && routine->name[0]; routine++)
		fprintf(file, "%s\"%s\": %.3f",
			routine == outcome->sides[side].routines ? "" : ", ", routine->name,
			per_mib(outcome, routine->bytes));
	fputs("}", file);
}

static void json_measured(FILE *file, const struct outcome *outcome)
{
	uint64_t to_device = 0, from_device = 0;
	const struct dma *dma;

	for (dma = outcome->dma; dma < outcome->dma + NR_DEVICES; dma++) {
		to_device += dma->to_device;
		from_device += dma->from_device;
	}
	fprintf(file,
		",\n \"per_mib\": {\n  \"copied_sender\": %.3f,\n  \"copied_receiver\": %.3f,\n"
		"  \"dma_to_device\": %.3f,\n  \"dma_from_device\": %.3f",
		per_mib(outcome, outcome->sides[SENDER].copied),
		per_mib(outcome, outcome->sides[RECEIVER].copied), per_mib(outcome, to_device),
		per_mib(outcome, from_device));
	json_side(file, outcome, SENDER, "");
	json_side(file, outcome, RECEIVER, "_receiver");
	fputs("},", file);
	fputs("\n \"dma_by_device\": {", file);
	for (dma = outcome->dma; dma->name[0]; dma++)
		fprintf(file, "%s\"%s\": {\"to_device\": %.3f, \"from_device\": %.3f}",
			dma == outcome->dma ? "" : ", ", dma->name,
			per_mib(outcome, dma->to_device), per_mib(outcome, dma->from_device));
	fputs("}", file);
	json_routines(file, outcome, SENDER, "copied_sender_by");
	json_routines(file, outcome, RECEIVER, "copied_receiver_by");
	if (outcome->mapped >= 0)
		fprintf(file, ",\n \"mapped_by_receiver\": %.3f",
			per_mib(outcome, outcome->mapped));
	fprintf(file,
		",\n \"changes_data\": %s,\n \"wrong_bytes\": %llu,\n \"missed_calls\": %llu,\n \"repeated\": %u",
		outcome->changed ? "true" : "false", (unsigned long long)outcome->wrong,
		(unsigned long long)outcome->missed, outcome->repeated);
}

void json_row(FILE *file, const struct method *method, const struct outcome *outcome)
{
	fprintf(file, "%s{\"method\": \"%s\",\n \"what\": \"%s\",\n \"bytes\": %llu",
		nr_rows++ ? ",\n" : "\n", method->name, method->what,
		(unsigned long long)outcome->size);
	if (outcome->error)
		fputs(",\n \"per_mib\": null,\n \"changes_data\": null", file);
	else
		json_measured(file, outcome);
	fprintf(file, ",\n \"knows_reuse\": \"%s\",\n \"error\": ", method->knows);
	if (outcome->error)
		fprintf(file, "\"%s\"}", error_name(outcome));
	else
		fputs("null}", file);
}

void json_end(FILE *file)
{
	fprintf(file, "%s\n]\n}\n", nr_paths ? "]}" : "");
}
