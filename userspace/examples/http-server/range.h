/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* Byte ranges of RFC 9110, of which a response has one at most. */
#ifndef RANGE_H
#define RANGE_H

#include <stdint.h>

/* The bytes [first, end). */
struct range {
	uint64_t first;
	uint64_t end;
};

/*
 * The range that a client asks for of so many bytes: "bytes=a-b", "bytes=a-",
 * "bytes=-n".  Returns 206, 416 if nothing is there, or 200 where the field is to be
 * ignored, as it may be if it asks for several ranges.
 */
int range_parse(const char *text, uint64_t size, struct range *range);

#endif /* RANGE_H */
