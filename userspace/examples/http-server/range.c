// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "range.h"

/* Whether a number is there; one that is too large becomes the largest. */
static bool parse_number(const char **text, uint64_t *number)
{
	char *end;

	if (!isdigit((unsigned char)**text))
		return false;
	*number = strtoull(*text, &end, 10);
	*text = end;
	return true;
}

static int last_bytes(uint64_t count, uint64_t size, struct range *range)
{
	if (!count)
		return 416;
	range->first = count < size ? size - count : 0;
	range->end = size;
	return size ? 206 : 200;
}

int range_parse(const char *text, uint64_t size, struct range *range)
{
	uint64_t first, last = UINT64_MAX;
	bool has_first;

	if (strncasecmp(text, "bytes=", 6))
		return 200;
	text += 6;
	text += strspn(text, " \t");
	has_first = parse_number(&text, &first);
	if (*text++ != '-' || (!parse_number(&text, &last) && !has_first) || *text)
		return 200;

	if (!has_first)
		return last_bytes(last, size, range);
	if (last < first)
		return 200;
	if (first >= size)
		return 416;
	range->first = first;
	range->end = last < size ? last + 1 : size;
	return 206;
}
