// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl ls */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "named.h"
#include "tool.h"

static const char usage[] =
	"Usage: zcpoolctl ls [OPTION...] [DIRECTORY]\n"
	"List pools and views with names; those of the mounted file system zcpool without\n"
	"DIRECTORY.\n\n"
	"  -l, --long              mode, owner, group, size; of pools, buffers, those owned\n"
	"                          and those in flight as well ('-' if one may not read it)\n"
	"  -j, --json              print the list as JSON, long\n";

/* A file: what it is, and of a pool that may be opened the rest. */
struct entry {
	const char *name;
	struct stat status;
	struct zcpool_query query;
	uint64_t in_flight;
	bool is_pool;
};

/* GET looks again for who lacks buffers; HOLDERS looks at each. */
static uint64_t count_in_flight(struct zcpool *pool)
{
	struct zcpool_holder holders[256];
	uint32_t first = 0, count = zcpool_count(pool);
	uint64_t nr = 0;
	int i, filled;

	while (first < count) {
		filled = zcpool_holders(pool, holders, 256, ZCPOOL_HOLDERS_F_HELD, &first);
		if (filled < 0)
			break;
		for (i = 0; i < filled; i++)
			nr += holders[i].state == ZCPOOL_STATE_IN_FLIGHT;
	}
	return nr;
}

static void look_into(struct entry *entry, const char *path)
{
	struct zcpool *pool;

	if (!S_ISREG(entry->status.st_mode) ||
	    zcpool_open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, &pool))
		return;
	entry->is_pool = !zcpool_query(pool, &entry->query) && entry->query.pool_id;
	if (entry->is_pool)
		entry->in_flight = count_in_flight(pool);
	zcpool_close(pool);
}

static const char *kind_of(const struct entry *entry)
{
	if (S_ISDIR(entry->status.st_mode))
		return "directory";
	if (entry->is_pool)
		return "pool";
	return entry->status.st_size ? "file" : "empty";
}

static void print_json(const struct entry *entry)
{
	json_begin(NULL);
	json_string("name", entry->name);
	json_string("kind", kind_of(entry));
	json_number("mode", entry->status.st_mode & 07777);
	json_number("user", entry->status.st_uid);
	json_number("group", entry->status.st_gid);
	json_number("size", entry->status.st_size);
	if (entry->is_pool) {
		json_number("pool", entry->query.pool_id);
		json_number("stride", entry->query.stride);
		json_number("count", entry->query.count);
		json_number("owned", entry->query.owned_total);
		json_number("in_flight", entry->in_flight);
	}
	json_end();
}

/* As ls(1) does: a name if there is one. */
static void print_owner(const struct stat *status)
{
	const struct passwd *user = getpwuid(status->st_uid);
	const struct group *group = getgrgid(status->st_gid);

	if (user)
		printf(" %-10s", user->pw_name);
	else
		printf(" %-10u", status->st_uid);
	if (group)
		printf(" %-10s", group->gr_name);
	else
		printf(" %-10u", status->st_gid);
}

/* All but the name. */
static void print_long(const struct entry *entry)
{
	static const char bits[] = "rwxrwxrwx";
	char mode[] = "----------";
	int i;

	if (S_ISDIR(entry->status.st_mode))
		mode[0] = 'd';
	for (i = 0; i < 9; i++)
		if (entry->status.st_mode >> (8 - i) & 1)
			mode[i + 1] = bits[i];
	fputs(mode, stdout);
	print_owner(&entry->status);
	printf(" %12" PRIu64, (uint64_t)entry->status.st_size);
	if (entry->is_pool)
		printf(" %8u %8u %9" PRIu64, entry->query.count, entry->query.owned_total,
		       entry->in_flight);
	else
		printf(" %8s %8s %9s", "-", "-", "-");
	putchar(' ');
}

static void list_entry(const char *directory, const char *name, bool is_long, bool is_json)
{
	struct entry entry = { .name = name };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	/* It may go meanwhile. */
	if (lstat(path, &entry.status))
		return;
	if (is_long || is_json)
		look_into(&entry, path);
	if (is_json) {
		print_json(&entry);
		return;
	}
	if (is_long)
		print_long(&entry);
	print_name(name);
	putchar('\n');
}

static int list_directory(const char *directory, bool is_long, bool is_json)
{
	struct dirent **entries;
	int i, count = scandir(directory, &entries, NULL, alphasort);

	if (count < 0)
		return fail(EXIT_FAILED, "cannot read '%s': %s", directory, strerror(errno));
	if (is_json)
		json_array_begin(NULL);
	else if (is_long)
		printf("%-10s %-10s %-10s %12s %8s %8s %9s %s\n", "MODE", "OWNER", "GROUP", "SIZE",
		       "BUFFERS", "OWNED", "IN FLIGHT", "NAME");
	for (i = 0; i < count; i++) {
		if (strcmp(entries[i]->d_name, ".") && strcmp(entries[i]->d_name, ".."))
			list_entry(directory, entries[i]->d_name, is_long, is_json);
		free(entries[i]);
	}
	free(entries);
	if (is_json)
		json_array_end();
	return EXIT_OK;
}

int ls_command(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_HELP,
		OPTION_JSON,
		{ "long", no_argument, NULL, 'l' },
		{},
	};
	struct common common = { 0 };
	const char *directory;
	bool is_long = false;
	int letter;

	while ((letter = getopt_long(argc, argv, "hjl", options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		} else if (letter == 'l') {
			is_long = true;
		} else if (!parse_common(&common, letter)) {
			return fail_usage(usage, "see the options below");
		}
	}
	if (optind < argc - 1)
		return fail_usage(usage, "unexpected argument '%s'", argv[optind + 1]);
	directory = optind < argc ? argv[optind] : named_directory();
	if (!directory)
		return fail_unmounted();
	return list_directory(directory, is_long, common.json);
}
