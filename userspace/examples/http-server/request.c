// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * What is not understood is refused, not guessed at: RFC 9112 tells what guesses
 * have led to.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "request.h"

/* What a head is read into before it is judged. */
struct fields {
	const char *host;
	const char *content_length;
	const char *transfer_encoding;
	bool twice; /* a field that may not be */
	bool close;
	bool keep_alive;
};

size_t request_length(const char *input, size_t length)
{
	const char *end = input + length, *line = input, *feed;

	while ((feed = memchr(line, '\n', end - line))) {
		bool empty = feed == line || (feed == line + 1 && *line == '\r');

		line = feed + 1;
		if (empty)
			return line - input;
	}
	return 0;
}

bool list_contains(const char *list, const char *element)
{
	size_t length = strlen(element);

	for (;;) {
		size_t span;

		list += strspn(list, ", \t");
		span = strcspn(list, ",");
		if (!span)
			return false;
		if (!strncasecmp(list, element, length) &&
		    strspn(list + length, " \t") == span - length)
			return true;
		list += span;
	}
}

/* No control characters but tabs and the ends of lines: CR LF, or LF. */
static bool is_clean(const char *head, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		if (!iscntrl((unsigned char)head[i]) || strchr("\t\n", head[i] ?: 'x'))
			continue;
		if (head[i] != '\r' || i + 1 == length || head[i + 1] != '\n')
			return false;
	}
	return true;
}

/* Cut a line off; NULL: only the empty one at the end is left. */
static char *cut_line(char **rest)
{
	char *line = strsep(rest, "\n");

	if (!*rest)
		return NULL;
	line[strcspn(line, "\r")] = '\0';
	return line;
}

static bool is_token(const char *text)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	if (!*text)
		return false;
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr(marks, *text))
			return false;
	return true;
}

static int hex_digit(char digit)
{
	if (isdigit((unsigned char)digit))
		return digit - '0';
	return isxdigit((unsigned char)digit) ? tolower((unsigned char)digit) - 'a' + 10 : -1;
}

/* Decode %XX; a NUL would end the path for the kernel, and not for us. */
static bool decode(char *to, const char *from)
{
	while (*from) {
		char byte = *from++;

		if (byte == '%') {
			int high = hex_digit(*from);
			int low = high < 0 ? -1 : hex_digit(from[1]);

			if (low < 0 || !(high | low))
				return false;
			byte = high << 4 | low;
			from += 2;
		}
		*to++ = byte;
	}
	*to = '\0';
	return true;
}

/* Where the path may lead is the kernel's to say: see file_open(). */
static bool parse_target(struct request *request, char *target)
{
	char *path = target;
	size_t length;

	if (!strncasecmp(target, "http://", 7)) {
		path = strchr(target + 7, '/');
		if (!path)
			path = "/";
	}
	if (*path != '/')
		return false;
	path += strspn(path, "/");
	path[strcspn(path, "?#")] = '\0';
	if (!decode(request->path, path))
		return false;
	length = strlen(request->path);
	if (!length || request->path[length - 1] == '/')
		strcpy(request->path + length, INDEX);
	return true;
}

/* Later minor versions are to be taken as HTTP/1.1. */
static int parse_version(const char *version, bool *http_1_1)
{
	if (strlen(version) != 8 || strncmp(version, "HTTP/", 5) || version[6] != '.' ||
	    !isdigit((unsigned char)version[5]) || !isdigit((unsigned char)version[7]))
		return 400;
	*http_1_1 = version[7] != '0';
	return version[5] == '1' ? 0 : 505;
}

static int parse_method(struct request *request, const char *method)
{
	static const char others[] = "POST, PUT, DELETE, OPTIONS, TRACE, CONNECT, PATCH";

	request->head = !strcmp(method, "HEAD");
	if (request->head || !strcmp(method, "GET"))
		return 0;
	if (!is_token(method))
		return 400;
	return list_contains(others, method) ? 405 : 501;
}

static int parse_request_line(struct request *request, char *line, bool *http_1_1)
{
	const char *method = strsep(&line, " ");
	char *target = strsep(&line, " ");
	int status;

	/* Without a version it would be HTTP/0.9. */
	if (!line)
		return 400;
	status = parse_version(line, http_1_1);
	if (!status)
		status = parse_method(request, method);
	if (!status && !parse_target(request, target))
		status = 400;
	return status;
}

static void set_once(struct fields *fields, const char **field, const char *value)
{
	if (*field)
		fields->twice = true;
	*field = value;
}

static bool parse_field(struct request *request, struct fields *fields, char *value)
{
	const char *name = strsep(&value, ":");
	size_t length;

	/* Nor has a line a name that begins with a space, to go on with the last one. */
	if (!value || !is_token(name))
		return false;
	value += strspn(value, " \t");
	for (length = strlen(value); length && strchr(" \t", value[length - 1]); length--)
		value[length - 1] = '\0';

	if (!strcasecmp(name, "Host")) {
		set_once(fields, &fields->host, value);
	} else if (!strcasecmp(name, "Content-Length")) {
		set_once(fields, &fields->content_length, value);
	} else if (!strcasecmp(name, "Transfer-Encoding")) {
		fields->transfer_encoding = value;
	} else if (!strcasecmp(name, "Connection")) {
		fields->close |= list_contains(value, "close");
		fields->keep_alive |= list_contains(value, "keep-alive");
	} else if (!strcasecmp(name, "Range")) {
		request->range = value;
	} else if (!strcasecmp(name, "If-Range")) {
		request->if_range = value;
	} else if (!strcasecmp(name, "If-None-Match")) {
		request->if_none_match = value;
	} else if (!strcasecmp(name, "If-Modified-Since")) {
		request->if_modified_since = value;
	}
	return true;
}

static bool are_digits(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* Whether a body follows, which nobody here reads: then the connection ends. */
static bool has_body(const struct fields *fields)
{
	const char *length = fields->content_length;

	return fields->transfer_encoding || (length && length[strspn(length, "0")]);
}

static bool are_right(const struct fields *fields, bool http_1_1)
{
	if (http_1_1 && !fields->host)
		return false;
	if (fields->content_length && !are_digits(fields->content_length))
		return false;
	return !fields->twice;
}

int request_parse(struct request *request, char *head, size_t length)
{
	struct fields fields = { 0 };
	bool http_1_1 = false;
	char *line;
	int status;

	memset(request, 0, sizeof(*request));
	if (!is_clean(head, length))
		return 400;
	/* Of the empty line at the end. */
	head[length - 1] = '\0';

	line = cut_line(&head);
	if (!line)
		return 400;
	status = parse_request_line(request, line, &http_1_1);
	while ((line = cut_line(&head)))
		if (!parse_field(request, &fields, line))
			return 400;
	/* Where the next request begins, if at all, is certain only now. */
	if (status == 400 || status == 505)
		return status;
	if (!are_right(&fields, http_1_1))
		return 400;
	request->keep_alive = !has_body(&fields) && !fields.close &&
			      (http_1_1 || fields.keep_alive);
	if (!status && has_body(&fields))
		return 413;
	return status;
}
