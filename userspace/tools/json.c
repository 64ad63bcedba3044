// SPDX-License-Identifier: GPL-2.0-only
/* Just enough JSON for flat objects. */
#include <inttypes.h>
#include <stdio.h>

#include "tool.h"

static bool first_member = true, first_object = true, in_array;

static void print_string(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		unsigned char c = *text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_key(const char *key)
{
	if (!first_member)
		fputs(", ", stdout);
	first_member = false;
	print_string(key);
	fputs(": ", stdout);
}

void json_begin(void)
{
	if (in_array && !first_object)
		fputs(",\n ", stdout);
	first_object = false;
	first_member = true;
	putchar('{');
}

void json_number(const char *key, uint64_t value)
{
	print_key(key);
	printf("%" PRIu64, value);
}

void json_real(const char *key, double value)
{
	print_key(key);
	printf("%.6f", value);
}

void json_string(const char *key, const char *value)
{
	print_key(key);
	print_string(value);
}

void json_end(void)
{
	fputs(in_array ? "}" : "}\n", stdout);
}

void json_array_begin(void)
{
	in_array = true;
	putchar('[');
}

void json_array_end(void)
{
	puts("]");
	in_array = false;
}
