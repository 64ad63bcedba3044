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

/* The columns from first on, up to end. */
static void print_columns(const struct answer *answers, size_t first, size_t end)
{
	size_t i, j;

	printf("%-14s", "");
	for (j = first; j < end; j++)
		printf("  %-*s", width_of(answers, j), features[j].name);
	printf("\n");
	for (i = 0; i < nr_peers; i++) {
		printf("%-14s", peers[i]->name);
		for (j = first; j < end; j++)
			printf("  %-*s", width_of(answers, j), word(answer_of(answers, i, j)));
		printf("\n");
	}
	printf("\n");
}

/* What the table comes to: peer 0 is the pool. */
static void print_verdict(const struct answer *answers)
{
	const char *separator = "To build next: ";
	size_t i;

	for (i = 0; i < nr_features; i++) {
		const struct answer *answer = answer_of(answers, 0, i);

		if (answer->yes)
			continue;
		printf("%s%s (%s: %s)", separator, features[i].name, word(answer), answer->detail);
		separator = ", ";
	}
	if (all_yes(answers, 0))
		printf("%s: all yes", peers[0]->name);
	printf("\n");
	for (i = 1; i < nr_peers; i++)
		if (all_yes(answers, i))
			printf("%s: all yes\n", peers[i]->name);
}

void print_table(const struct answer *answers)
{
	const struct answer *answer;
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
	for (i = 0; i < nr_peers; i++) {
		for (j = 0; j < nr_features; j++) {
			answer = answer_of(answers, i, j);
			if (answer->detail[0])
				printf("  %-14s%-12s%s: %s\n", peers[i]->name, features[j].name,
				       word(answer), answer->detail);
		}
	}
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
	fputs("\n\t],\n\t\"notes\": [", file);
	for (i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		fputs(i ? ", " : "", file);
		write_string(file, notes[i]);
	}
	fputs("]\n}\n", file);
	good = !ferror(file);
	return !fclose(file) && good;
}
