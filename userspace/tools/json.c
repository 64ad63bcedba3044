// SPDX-License-Identifier: GPL-2.0-only
/* Just enough JSON: objects and arrays in each other, each document on a line. */
#include <inttypes.h>
#include <stdio.h>

#include "tool.h"

#define DEPTH 8

/* How many brackets are open, and whether the innermost has something in it. */
static unsigned int depth;
static bool filled[DEPTH];
/* NULL: stdout, which is no constant. */
static FILE *file;

static FILE *output(void)
{
	return file ? file : stdout;
}

static void print_string(const char *text)
{
	struct character character;

	putc('"', output());
	while (next_character(&text, &character)) {
		if (character.code == '"' || character.code == '\\')
			putc('\\', output());
		/* What is no character is the one that stands for such. */
		if (character.broken)
			fputs("\\ufffd", output());
		else if (is_control(character.code))
			fprintf(output(), "\\u%04x", character.code);
		else
			fwrite(character.bytes, 1, character.length, output());
	}
	putc('"', output());
}

/* What comes ahead of a value; without key in an array, and for the document. */
static void begin_value(const char *key)
{
	if (filled[depth])
		fputs(", ", output());
	filled[depth] = depth > 0;
	if (!key)
		return;
	print_string(key);
	fputs(": ", output());
}

static void open_bracket(const char *key, char bracket)
{
	begin_value(key);
	putc(bracket, output());
	filled[++depth] = false;
}

static void close_bracket(char bracket)
{
	putc(bracket, output());
	if (!--depth)
		putc('\n', output());
}

void json_to(FILE *to)
{
	file = to;
}

void json_begin(const char *key)
{
	open_bracket(key, '{');
}

void json_number(const char *key, uint64_t value)
{
	begin_value(key);
	fprintf(output(), "%" PRIu64, value);
}

void json_real(const char *key, double value)
{
	begin_value(key);
	fprintf(output(), "%.6f", value);
}

void json_string(const char *key, const char *value)
{
	begin_value(key);
	print_string(value);
}

void json_bool(const char *key, bool value)
{
	begin_value(key);
	fputs(value ? "true" : "false", output());
}

void json_end(void)
{
	close_bracket('}');
}

void json_array_begin(const char *key)
{
	open_bracket(key, '[');
}

void json_array_end(void)
{
	close_bracket(']');
}
