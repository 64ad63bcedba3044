// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl list: pools are found where processes have handles open. */
#include <dirent.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

static const char usage[] =
	"Usage: zcpoolctl list [--json]\n"
	"List the pools of all processes that one may look into (all, for root).\n";

/* A handle as its fdinfo shows it. */
struct entry {
	uint64_t pool;
	uint64_t count;
	uint64_t stride;
	uint64_t size;
	uint64_t owned;
	uint64_t owned_total;
	uint64_t unowned;
	uint64_t user;
	int pid;
	int fd;
	char command[32];
};

static const struct {
	const char *key;
	size_t offset;
} fields[] = {
	{ "zcpool-pool:", offsetof(struct entry, pool) },
	{ "zcpool-count:", offsetof(struct entry, count) },
	{ "zcpool-stride:", offsetof(struct entry, stride) },
	{ "zcpool-size:", offsetof(struct entry, size) },
	{ "zcpool-owned:", offsetof(struct entry, owned) },
	{ "zcpool-owned-total:", offsetof(struct entry, owned_total) },
	{ "zcpool-unowned:", offsetof(struct entry, unowned) },
	{ "zcpool-user:", offsetof(struct entry, user) },
};

static void parse_line(struct entry *entry, const char *line)
{
	size_t i, length;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		length = strlen(fields[i].key);
		if (!strncmp(line, fields[i].key, length))
			*(uint64_t *)((char *)entry + fields[i].offset) =
				strtoull(line + length, NULL, 10);
	}
}

/* Whether the descriptor is a handle with a pool; processes may go meanwhile. */
static bool read_entry(struct entry *entry, const char *pid, const char *fd)
{
	char path[300], line[128], target[64];
	ssize_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, fd);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = 0;
	if (strncmp(target, ZCPOOL_DEVICE, strlen(ZCPOOL_DEVICE)))
		return false;

	memset(entry, 0, sizeof(*entry));
	entry->pid = atoi(pid);
	entry->fd = atoi(fd);
	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	file = fopen(path, "r");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		parse_line(entry, line);
	fclose(file);

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "r");
	if (file) {
		if (fgets(entry->command, sizeof(entry->command), file))
			entry->command[strcspn(entry->command, "\n")] = 0;
		fclose(file);
	}
	return entry->pool;
}

static void print_entry(const struct common *common, const struct entry *entry)
{
	char stride[32], size[32];

	if (!common->json) {
		printf("%6" PRIu64 " %8d %4d %-16s %6" PRIu64 " %8" PRIu64 " %10s %10s %8" PRIu64
		       " %8" PRIu64 "\n",
		       entry->pool, entry->pid, entry->fd, entry->command, entry->user,
		       entry->count, format_size(entry->stride, stride, sizeof(stride)),
		       format_size(entry->size, size, sizeof(size)), entry->owned, entry->unowned);
		return;
	}
	json_begin();
	json_number("pool", entry->pool);
	json_number("pid", entry->pid);
	json_number("fd", entry->fd);
	json_string("command", entry->command);
	json_number("user", entry->user);
	json_number("count", entry->count);
	json_number("stride", entry->stride);
	json_number("size", entry->size);
	json_number("owned", entry->owned);
	json_number("owned_total", entry->owned_total);
	json_number("unowned", entry->unowned);
	json_end();
}

static void list_process(const struct common *common, const char *pid)
{
	struct dirent *dirent;
	struct entry entry;
	char path[300];
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	directory = opendir(path);
	if (!directory)
		return;
	while ((dirent = readdir(directory)))
		if (*dirent->d_name != '.' && read_entry(&entry, pid, dirent->d_name))
			print_entry(common, &entry);
	closedir(directory);
}

int list_command(int argc, char **argv)
{
	static const struct option options[] = { COMMON_LONG, {} };
	struct common common = { 0 };
	struct dirent *dirent;
	DIR *directory;
	int letter;

	while ((letter = getopt_long(argc, argv, COMMON_SHORT, options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		}
		if (!parse_common(&common, letter))
			return fail_usage(usage, "see the options below");
	}
	if (optind < argc)
		return fail_usage(usage, "unexpected argument '%s'", argv[optind]);
	if (access(ZCPOOL_DEVICE, F_OK))
		return fail_open(-2);

	directory = opendir("/proc");
	if (!directory)
		return fail(EXIT_FAILED, "cannot read /proc: is it mounted?");
	if (common.json)
		json_array_begin();
	else
		printf("%6s %8s %4s %-16s %6s %8s %10s %10s %8s %8s\n", "POOL", "PID", "FD",
		       "COMMAND", "UID", "BUFFERS", "STRIDE", "SIZE", "OWNED", "UNOWNED");
	while ((dirent = readdir(directory)))
		if (*dirent->d_name >= '1' && *dirent->d_name <= '9')
			list_process(&common, dirent->d_name);
	if (common.json)
		json_array_end();
	closedir(directory);
	return EXIT_OK;
}
