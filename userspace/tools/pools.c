// SPDX-License-Identifier: GPL-2.0-only
/* Pools are found where processes have handles open. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "named.h"
#include "pools.h"
#include "tool.h"

static const struct {
	const char *key;
	size_t offset;
} fields[] = {
	{ "zcpool-pool:", offsetof(struct handle, pool) },
	{ "zcpool-count:", offsetof(struct handle, count) },
	{ "zcpool-stride:", offsetof(struct handle, stride) },
	{ "zcpool-size:", offsetof(struct handle, size) },
	{ "zcpool-handle:", offsetof(struct handle, number) },
	{ "zcpool-incoming:", offsetof(struct handle, incoming) },
	{ "zcpool-owned:", offsetof(struct handle, owned) },
	{ "zcpool-owned-total:", offsetof(struct handle, owned_total) },
	{ "zcpool-unowned:", offsetof(struct handle, unowned) },
	{ "zcpool-in-flight:", offsetof(struct handle, in_flight) },
	{ "zcpool-overdue:", offsetof(struct handle, overdue) },
	{ "zcpool-gets:", offsetof(struct handle, gets) },
	{ "zcpool-puts:", offsetof(struct handle, puts) },
	{ "zcpool-landed:", offsetof(struct handle, landed) },
	{ "zcpool-user:", offsetof(struct handle, user) },
};

/* What has been found so far. */
struct search {
	struct handle *handles;
	int count;
	int room;
};

static void parse_line(struct handle *handle, const char *line)
{
	size_t i, length;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		length = strlen(fields[i].key);
		if (!strncmp(line, fields[i].key, length))
			*(uint64_t *)((char *)handle + fields[i].offset) =
				strtoull(line + length, NULL, 10);
	}
}

/* A process chooses its name, which must do no harm to a terminal, nor to JSON. */
static void read_command(struct handle *handle, const char *pid)
{
	char path[300], *c;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "r");
	if (!file)
		return;
	if (fgets(handle->command, sizeof(handle->command), file))
		handle->command[strcspn(handle->command, "\n")] = 0;
	fclose(file);
	for (c = handle->command; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

/* By the path that it was opened by. */
static bool may_be_handle(const char *target)
{
	const char *directory = named_directory();

	return !strncmp(target, ZCPOOL_DEVICE, strlen(ZCPOOL_DEVICE)) ||
	       (directory && !strncmp(target, directory, strlen(directory)));
}

/* Whether the descriptor is a handle with a pool; processes may go meanwhile. */
static bool read_handle(struct handle *handle, const char *pid, const char *fd)
{
	char path[300], line[128], target[PATH_MAX];
	ssize_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, fd);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = 0;
	if (!may_be_handle(target))
		return false;

	memset(handle, 0, sizeof(*handle));
	handle->pid = atoi(pid);
	handle->fd = atoi(fd);
	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	file = fopen(path, "r");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		parse_line(handle, line);
	fclose(file);
	read_command(handle, pid);
	return handle->pool;
}

static int search_add(struct search *search, const struct handle *handle)
{
	struct handle *larger;

	if (search->count == search->room) {
		search->room = search->room ? 2 * search->room : 16;
		larger = realloc(search->handles, search->room * sizeof(*larger));
		if (!larger)
			return -ENOMEM;
		search->handles = larger;
	}
	search->handles[search->count++] = *handle;
	return 0;
}

static int search_process(struct search *search, const char *pid)
{
	struct dirent *dirent;
	struct handle handle;
	char path[300];
	DIR *directory;
	int error = 0;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	directory = opendir(path);
	if (!directory)
		return 0;
	while (!error && (dirent = readdir(directory)))
		if (*dirent->d_name != '.' && read_handle(&handle, pid, dirent->d_name))
			error = search_add(search, &handle);
	closedir(directory);
	return error;
}

static int compare(const void *left, const void *right)
{
	const struct handle *a = left, *b = right;

	if (a->pool != b->pool)
		return a->pool < b->pool ? -1 : 1;
	return a->pid == b->pid ? a->fd - b->fd : a->pid - b->pid;
}

int pools_find(struct handle **handles)
{
	struct search search = { 0 };
	struct dirent *dirent;
	DIR *directory;
	int error = 0;

	directory = opendir("/proc");
	if (!directory) {
		error = -errno;
		fail(0, "cannot read /proc: is it mounted?");
		return error;
	}
	while (!error && (dirent = readdir(directory)))
		if (*dirent->d_name >= '1' && *dirent->d_name <= '9')
			error = search_process(&search, dirent->d_name);
	closedir(directory);
	if (error) {
		free(search.handles);
		fail(0, "not enough memory for a list of all pools");
		return error;
	}
	if (search.count)
		qsort(search.handles, search.count, sizeof(*search.handles), compare);
	*handles = search.handles;
	return search.count;
}

int pools_same(const struct handle *handles, int count)
{
	int same = 1;

	while (same < count && handles[same].pool == handles->pool)
		same++;
	return same;
}
