// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "response.h"

#define HTTP_DATE "%a, %d %b %Y %H:%M:%S GMT"
/* Bytes of a date, and of an entity tag. */
#define DATE_SIZE 48
#define TAG_SIZE 64

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 206, "Partial Content" },
	{ 304, "Not Modified" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 413, "Content Too Large" },
	{ 416, "Range Not Satisfiable" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
	{ 0, "" },
};

static const struct {
	const char *suffix;
	const char *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".json", "application/json" },
	{ ".txt", "text/plain; charset=utf-8" },
	{ ".png", "image/png" },
	{ ".jpg", "image/jpeg" },
	{ ".svg", "image/svg+xml" },
	{ ".mp4", "video/mp4" },
	{ "", "application/octet-stream" },
};

static const char *reason_of(int status)
{
	size_t i = 0;

	while (reasons[i].status && reasons[i].status != status)
		i++;
	return reasons[i].reason;
}

/* The last suffix fits any path. */
static const char *type_of(const char *path)
{
	size_t length = strlen(path), i = 0;

	for (;; i++) {
		size_t suffix = strlen(types[i].suffix);

		if (suffix <= length && !strcasecmp(path + length - suffix, types[i].suffix))
			return types[i].type;
	}
}

/* All that is put is of bounded length, and less than there is room for. */
__attribute__((format(printf, 2, 3))) static void put(struct response *response, const char *format,
						      ...)
{
	va_list arguments;

	va_start(arguments, format);
	response->length += vsnprintf(response->head + response->length,
				      sizeof(response->head) - response->length, format, arguments);
	va_end(arguments);
}

static void put_date(struct response *response, const char *name, time_t time)
{
	char date[DATE_SIZE] = "";
	struct tm tm = { 0 };

	strftime(date, sizeof(date), HTTP_DATE, gmtime_r(&time, &tm));
	put(response, "%s: %s\r\n", name, date);
}

static time_t earlier(time_t a, time_t b)
{
	return a < b ? a : b;
}

static void begin(struct response *response, int status, bool keep_alive)
{
	response->status = status;
	response->keep_alive = keep_alive;
	response->body = (struct range){ 0 };
	response->length = 0;
	put(response, "HTTP/1.1 %d %s\r\n", status, reason_of(status));
	put_date(response, "Date", time(NULL));
	put(response, "Connection: %s\r\n", keep_alive ? "keep-alive" : "close");
}

void response_refuse(struct response *response, int status, const struct request *request)
{
	const char *reason = reason_of(status);

	begin(response, status, request && request->keep_alive);
	if (status == 405)
		put(response, "Allow: GET, HEAD\r\n");
	if (status == 503)
		put(response, "Retry-After: 1\r\n");
	put(response, "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n",
	    strlen(reason) + 1);
	if (!request || !request->head)
		put(response, "%s\n", reason);
}

/* Differs from that of any other version, and of any other file. */
static void make_tag(char tag[TAG_SIZE], const struct stat *stat)
{
	snprintf(tag, TAG_SIZE, "\"%llx-%llx-%llx.%lx\"", (unsigned long long)stat->st_ino,
		 (unsigned long long)stat->st_size, (unsigned long long)stat->st_mtim.tv_sec,
		 stat->st_mtim.tv_nsec);
}

/* -1: it is no date, or in one of the forms that nobody sends any more. */
static time_t parse_date(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, HTTP_DATE, &tm);

	return end && !*end ? timegm(&tm) : -1;
}

/* Whether a list of entity tags has this one, a weak one maybe. */
static bool matches(const char *list, const char *tag)
{
	char weak[TAG_SIZE + 2];

	snprintf(weak, sizeof(weak), "W/%s", tag);
	return !strcmp(list, "*") || list_contains(list, tag) || list_contains(list, weak);
}

static bool is_known(const struct request *request, const struct stat *stat, const char *tag)
{
	time_t since;

	if (request->if_none_match)
		return matches(request->if_none_match, tag);
	since = request->if_modified_since ? parse_date(request->if_modified_since) : -1;
	return since >= 0 && stat->st_mtim.tv_sec <= since;
}

/* The client goes on with a version that it has a part of: is it this one? */
static bool range_holds(const struct request *request, const char *tag)
{
	if (!request->range || request->head)
		return false;
	/* A date would not tell two versions of one second apart. */
	return !request->if_range || !strcmp(request->if_range, tag);
}

static int choose(const struct request *request, const struct stat *stat, const char *tag,
		  struct range *range)
{
	if (is_known(request, stat, tag))
		return 304;
	if (range_holds(request, tag))
		return range_parse(request->range, stat->st_size, range);
	return 200;
}

void response_serve(struct response *response, const struct request *request,
		    const struct file *file)
{
	unsigned long long size = file->stat.st_size;
	struct range range = { 0 };
	char tag[TAG_SIZE];
	int status;

	make_tag(tag, &file->stat);
	status = choose(request, &file->stat, tag, &range);
	if (status == 200)
		range = (struct range){ 0, size };

	begin(response, status, request->keep_alive);
	put(response, "Accept-Ranges: bytes\r\nETag: %s\r\n", tag);
	put_date(response, "Last-Modified", earlier(file->stat.st_mtim.tv_sec, time(NULL)));
	if (status == 206)
		put(response, "Content-Range: bytes %llu-%llu/%llu\r\n",
		    (unsigned long long)range.first, (unsigned long long)range.end - 1, size);
	if (status == 416)
		put(response, "Content-Range: bytes */%llu\r\n", size);
	if (status != 304)
		put(response, "Content-Type: %s\r\nContent-Length: %llu\r\n",
		    type_of(request->path), (unsigned long long)(range.end - range.first));
	put(response, "\r\n");
	if (!request->head)
		response->body = range;
}
