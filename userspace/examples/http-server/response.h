/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* A response: its status, its head, and which bytes of a file follow. */
#ifndef RESPONSE_H
#define RESPONSE_H

#include "file.h"
#include "range.h"
#include "request.h"

struct response {
	int status;
	bool keep_alive;
	/* Of the file; empty if no bytes of it follow. */
	struct range body;
	/* For HEAD, or one that refuses, whole. */
	char head[1024];
	size_t length;
};

/* What a file answers: 200, 206, 304 or 416. */
void response_serve(struct response *response, const struct request *request,
		    const struct file *file);
/* Any other status, with a line of text; request: NULL if there is none. */
void response_refuse(struct response *response, int status, const struct request *request);

#endif /* RESPONSE_H */
