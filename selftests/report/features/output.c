// SPDX-License-Identifier: GPL-2.0-only
/* The answers, for people and for programs. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "probe.h"

/* Columns side by side. */
#define COLUMNS 8

/* Peers that no row can be had of. */
static const char *const notes[] = {
	"u-dma-buf has no row: it is a module that Debian has no package of.",
};

static const struct answer *answer_of(const struct answer *answers, size_t peer, size_t feature)
{
	return &answers[peer * nr_features + feature];
}

static const char *word(const struct answer *answer)
{
	const char *name;

	if (!answer->error)
		return answer->yes ? "yes" : "no";
	name = strerrorname_np(answer->error);
	return name ? name : "errno";
}

static bool all_yes(const struct answer *answers, size_t peer)
{
	size_t i;

	for (i = 0; i < nr_features; i++)
		if (!answer_of(answers, peer, i)->yes)
			return false;
	return true;
}

static int width_of(const struct answer *answers, size_t feature)
{
	size_t width = strlen(features[feature].name), i;

	for (i = 0; i < nr_peers; i++)
		if (strlen(word(answer_of(answers, i, feature))) > width)
			width = strlen(word(answer_of(answers, i, feature)));
	return width;
}

static void print_cell(const char *text, int width)
{
	printf("  %-*s", width, text);
}

/* The columns from first on, up to end. */
static void print_columns(const struct answer *answers, size_t first, size_t end)
{
	size_t i, j;

	printf("%-14s", "");
	for (j = first; j < end; j++)
		print_cell(features[j].name, j + 1 < end ? width_of(answers, j) : 0);
	printf("\n");
	for (i = 0; i < nr_peers; i++) {
		printf("%-14s", peers[i]->name);
		for (j = first; j < end; j++)
			print_cell(word(answer_of(answers, i, j)),
				   j + 1 < end ? width_of(answers, j) : 0);
		printf("\n");
	}
	printf("\n");
}

/* What peer 0, the pool, lacks: because of the kernel, or not. */
static void print_missing(const struct answer *answers, bool kernels, const char *title)
{
	const struct answer *answer;
	const char *separator = title;
	size_t i;

	for (i = 0; i < nr_features; i++) {
		answer = answer_of(answers, 0, i);
		if (answer->yes || answer->kernels != kernels)
			continue;
		printf("%s%s (%s: %s)", separator, features[i].name, word(answer), answer->detail);
		separator = ", ";
	}
	if (separator != title)
		printf("\n");
}

/* What the table comes to. */
static void print_verdict(const struct answer *answers)
{
	size_t i;

	for (i = 0; i < nr_peers; i++)
		if (all_yes(answers, i))
			printf("All yes: %s\n", peers[i]->name);
	print_missing(answers, true, "zcpool, not on this kernel: ");
	print_missing(answers, false, "zcpool, to build next: ");
}

/* Answers that are all the same, as of memory that there is none of, are told once. */
static void print_details(const struct answer *answers, size_t peer)
{
	const struct answer *first = answer_of(answers, peer, 0), *answer;
	size_t i, same = 0;

	for (i = 0; i < nr_features; i++)
		same += !strcmp(first->detail, answer_of(answers, peer, i)->detail);
	if (same == nr_features && first->detail[0]) {
		printf("  %-14s%-12s%s: %s\n", peers[peer]->name, "all", word(first),
		       first->detail);
		return;
	}
	for (i = 0; i < nr_features; i++) {
		answer = answer_of(answers, peer, i);
		if (answer->detail[0])
			printf("  %-14s%-12s%s: %s\n", peers[peer]->name, features[i].name,
			       word(answer), answer->detail);
	}
}

void print_table(const struct answer *answers)
{
	struct utsname name;
	size_t i, j;

	uname(&name);
	printf("What can be done with whose memory, tried on Linux %s:\n\n", name.release);
	for (j = 0; j < nr_features; j += COLUMNS)
		print_columns(answers, j, j + COLUMNS < nr_features ? j + COLUMNS : nr_features);
	print_verdict(answers);

	printf("\nYes means:\n");
	for (j = 0; j < nr_features; j++)
		printf("  %-12s%s\n", features[j].name, features[j].question);
	printf("\nThe memory:\n");
	for (i = 0; i < nr_peers; i++)
		printf("  %-14s%s\n", peers[i]->name, peers[i]->note);
	for (i = 0; i < sizeof(notes) / sizeof(notes[0]); i++)
		printf("%s\n", notes[i]);

	printf("\nWhy, and how:\n");
	for (i = 0; i < nr_peers; i++)
		print_details(answers, i);
}

static void write_string(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', file);
		if ((unsigned char)*text < ' ')
			fprintf(file, "\\u%04x", *text);
		else
			fputc(*text, file);
	}
	fputc('"', file);
}

/* A member of an object, of which the separator comes first. */
static void write_member(FILE *file, const char *separator, const char *name, const char *value)
{
	fputs(separator, file);
	write_string(file, name);
	fputs(": ", file);
	write_string(file, value);
}

static void write_peer(FILE *file, const struct answer *answers, size_t peer)
{
	const struct answer *answer;
	size_t i;

	write_member(file, "\n\t\t{", "name", peers[peer]->name);
	write_member(file, ", ", "note", peers[peer]->note);
	fputs(", \"answers\": {", file);
	for (i = 0; i < nr_features; i++) {
		answer = answer_of(answers, peer, i);
		fputs(i ? ",\n\t\t\t" : "\n\t\t\t", file);
		write_string(file, features[i].name);
		write_member(file, ": {", "answer", word(answer));
		write_member(file, ", ", "detail", answer->detail);
		fputc('}', file);
	}
	fputs("\n\t\t}}", file);
}

/* As print_missing(). */
static void write_missing(FILE *file, const struct answer *answers, bool kernels)
{
	const struct answer *answer;
	const char *separator = "";
	size_t i;

	for (i = 0; i < nr_features; i++) {
		answer = answer_of(answers, 0, i);
		if (answer->yes || answer->kernels != kernels)
			continue;
		fputs(separator, file);
		write_string(file, features[i].name);
		separator = ", ";
	}
}

bool write_json(const char *path, const struct answer *answers)
{
	FILE *file = fopen(path, "we");
	struct utsname name;
	bool good;
	size_t i;

	if (!file)
		return false;
	uname(&name);
	write_member(file, "{\n\t", "kernel", name.release);
	fputs(",\n\t\"features\": [", file);
	for (i = 0; i < nr_features; i++) {
		write_member(file, i ? ",\n\t\t{" : "\n\t\t{", "name", features[i].name);
		write_member(file, ", ", "question", features[i].question);
		fputc('}', file);
	}
	fputs("\n\t],\n\t\"peers\": [", file);
	for (i = 0; i < nr_peers; i++) {
		fputs(i ? "," : "", file);
		write_peer(file, answers, i);
	}
	fputs("\n\t],\n\t\"not_on_this_kernel\": [", file);
	write_missing(file, answers, true);
	fputs("],\n\t\"to_build_next\": [", file);
	write_missing(file, answers, false);
	fputs("],\n\t\"notes\": [", file);
	for (i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		fputs(i ? ", " : "", file);
		write_string(file, notes[i]);
	}
	fputs("]\n}\n", file);
	good = !ferror(file);
	return !fclose(file) && good;
}
