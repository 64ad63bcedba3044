// SPDX-License-Identifier: GPL-2.0-only
/* The end of a program that cannot go on. */
#include <stdarg.h>
#include <stdlib.h>

#include "ways.h"

void fail(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}
