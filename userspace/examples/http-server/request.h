/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* A request: the head that a client sent, understood. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>
#include <stddef.h>

/* Longest head, bytes: request line and header fields. */
#define HEAD_MAX 8192
/* What is served of a directory. */
#define INDEX "index.html"

struct request {
	bool head; /* HEAD, not GET */
	bool keep_alive;
	/* Decoded, relative to the served directory. */
	char path[HEAD_MAX + sizeof(INDEX)];
	/* Values of header fields, in the head, or NULL. */
	const char *range;
	const char *if_range;
	const char *if_none_match;
	const char *if_modified_since;
};

/* Length of the head at the start of what was received; 0: it is not complete. */
size_t request_length(const char *input, size_t length);

/*
 * Understand a head, which is changed and must stay while the request is used.
 * Returns 0, or the HTTP status that refuses it; keep_alive holds also then.
 */
int request_parse(struct request *request, char *head, size_t length);

/* Whether a comma-separated list has an element, in any case of letters. */
bool list_contains(const char *list, const char *element);

#endif /* REQUEST_H */
