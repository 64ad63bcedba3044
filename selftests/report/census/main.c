// SPDX-License-Identifier: GPL-2.0-only
/*
 * The copy census: what it takes to move data from one program to another, by each way that
 * there is; selftests/report/census/guest runs it.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "census.h"

#define WANTED_MAX 32

static const char usage[] =
	"Usage: census [OPTION...] FILE\n\n"
	"Moves a file's data by one method after the other, checks every byte of what comes,\n"
	"and prints what it took, counted by selftests/copycount, which must be inserted.\n\n"
	"  FILE           made anew, on a disk; network namespaces and cards are there as\n"
	"                 selftests/report/census/guest makes them\n"
	"  --size MIB     so much of it (default 16)\n"
	"  --method NAME  only this one; may be repeated\n"
	"  --path NAME    only over this one: loopback, veth, nic; may be repeated\n"
	"  --list         only print the methods\n"
	"  --json FILE    all numbers, for programs\n"
	"  --progress     show what is under way on standard error (default: if that is a\n"
	"                 terminal)\n\n"
	"Exit status: 0, or 1 if something came other than it was sent, a method that every\n"
	"kernel has failed, the pool copied, or probes missed calls again and again.\n";

struct options {
	uint64_t size;
	const char *methods[WANTED_MAX];
	unsigned int nr_methods;
	const char *paths[WANTED_MAX];
	unsigned int nr_paths;
	FILE *json;
	bool list;
	bool progress;
};

static const struct method *const groups[] = {
	cached_methods, memory_methods, uring_methods, pool_methods, edu_methods, NULL,
};

static void make_file(const char *name, uint64_t size)
{
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	char *data = malloc(MIB);
	uint64_t offset;

	if (file < 0)
		fail("cannot make %s: %s", name, strerror(errno));
	for (offset = 0; offset < size; offset += MIB) {
		content_fill(data, offset, MIB);
		if (write(file, data, MIB) != MIB)
			fail("cannot write %s: the disk is full", name);
	}
	if (fsync(file))
		fail("cannot write %s: %s", name, strerror(errno));
	close(file);
	/* And what belongs to it. */
	sync();
	free(data);
}

static bool is_method(const char *name)
{
	const struct method *const *group, *method;

	for (group = groups; *group; group++)
		for (method = *group; method->name; method++)
			if (!strcmp(method->name, name))
				return true;
	return false;
}

static bool is_path(const char *name)
{
	const struct path *path;

	for (path = paths; path->name; path++)
		if (!strcmp(path->name, name))
			return true;
	return false;
}

static bool is_wanted(const char *const *wanted, unsigned int nr, const char *name)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (!strcmp(wanted[i], name))
			return true;
	return !nr;
}

/* What a kernel or a machine may lack; the pool's ways know what they ask for. */
static bool may_lack(const struct method *method, int error)
{
	if (!method->optional)
		return false;
	return error == ENOENT || error == ENOSYS || error == EOPNOTSUPP ||
	       (error == EINVAL && !method->pool);
}

/* What the pool's receiver takes out of the socket is its own affair. */
static bool check(const struct method *method, const struct path *path,
		  const struct outcome *outcome)
{
	const struct counts *sides = outcome->sides;
	const char *wrong = NULL;

	if (outcome->error)
		return may_lack(method, outcome->error);
	if (outcome->missed) {
		fprintf(stderr,
			"census: %s: %s: probes missed calls each of %d times, %llu in the end, "
			"such as of %s: the machine is too busy to count\n",
			path->name, method->name, COUNTER_TRIES,
			(unsigned long long)outcome->missed, outcome->missed_by);
		return false;
	}
	if (outcome->wrong || outcome->received != outcome->size)
		wrong = "did not bring what was sent";
	else if (method->pool && sides[SENDER].copied)
		wrong = "copied";
	else if (method->pool && !outcome->changed)
		wrong = "lost what the program had changed";
	else if (method == cached_methods && (sides[SENDER].copied < 2 * (int64_t)outcome->size ||
					      sides[RECEIVER].copied < (int64_t)outcome->size))
		wrong = "is said to have copied less than it must: probes are missing";
	if (wrong)
		fprintf(stderr, "census: %s: %s %s\n", path->name, method->name, wrong);
	return !wrong;
}

static void run_counted(const struct method *method, const struct path *path, const char *file,
			uint64_t size, struct outcome *outcome)
{
	unsigned int tries = 0;

	do
		run(method, path, file, size, outcome);
	while (!outcome->error && outcome->missed && ++tries < COUNTER_TRIES);
	outcome->repeated = tries;
}

static bool run_path(const struct options *options, const struct path *path, const char *file)
{
	const struct method *const *group, *method;
	struct outcome outcome;
	bool good = true;

	table_heading(stdout, path);
	if (options->json)
		json_path(options->json, path);
	for (group = groups; *group; group++) {
		for (method = *group; method->name; method++) {
			if (!is_wanted(options->methods, options->nr_methods, method->name) ||
			    (method->no_socket && path != paths))
				continue;
			if (options->progress)
				fprintf(stderr, "\r\033[K%s: %s", path->name, method->name);
			run_counted(method, path, file, options->size, &outcome);
			if (options->progress)
				fputs("\r\033[K", stderr);
			table_row(stdout, method, &outcome);
			if (options->json)
				json_row(options->json, method, &outcome);
			good &= check(method, path, &outcome);
		}
	}
	return good;
}

static void list(void)
{
	const struct method *const *group, *method;

	for (group = groups; *group; group++)
		for (method = *group; method->name; method++)
			printf("%-25s %s\n", method->name, method->what);
}

static void add_wanted(const char **wanted, unsigned int *nr, const char *name, bool exists)
{
	if (!exists)
		fail("there is no '%s', see --list and --help", name);
	if (*nr == WANTED_MAX)
		fail("too many options");
	wanted[(*nr)++] = name;
}

static void parse(struct options *options, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "size", required_argument, NULL, 's' },
		{ "method", required_argument, NULL, 'm' },
		{ "path", required_argument, NULL, 'p' },
		{ "list", no_argument, NULL, 'l' },
		{ "json", required_argument, NULL, 'j' },
		{ "progress", no_argument, NULL, 'P' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		switch (letter) {
		case 's':
			options->size = strtoull(optarg, NULL, 10) * MIB;
			break;
		case 'm':
			add_wanted(options->methods, &options->nr_methods, optarg,
				   is_method(optarg));
			break;
		case 'p':
			add_wanted(options->paths, &options->nr_paths, optarg, is_path(optarg));
			break;
		case 'l':
			options->list = true;
			break;
		case 'j':
			options->json = fopen(optarg, "we");
			if (!options->json)
				fail("cannot make %s: %s", optarg, strerror(errno));
			break;
		case 'P':
			options->progress = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
}

int main(int argc, char **argv)
{
	struct options options = { .size = 16 * MIB, .progress = isatty(STDERR_FILENO) };
	const struct path *path;
	bool good = true;

	parse(&options, argc, argv);
	if (options.list) {
		list();
		return 0;
	}
	if (argc - optind != 1 || !options.size) {
		fputs(usage, stderr);
		return 2;
	}
	make_file(argv[optind], options.size);
	if (options.json)
		json_begin(options.json, options.size);
	for (path = paths; path->name; path++) {
		if (!is_wanted(options.paths, options.nr_paths, path->name))
			continue;
		if (!path_exists(path))
			fail("there is no path %s", path->name);
		good &= run_path(&options, path, argv[optind]);
	}
	table_legend(stdout);
	if (options.json) {
		json_end(options.json);
		if (fclose(options.json))
			fail("cannot write the file for programs: %s", strerror(errno));
	}
	return !good;
}
