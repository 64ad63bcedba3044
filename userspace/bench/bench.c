// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl bench: what the pool costs, and what others do. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "../tools/tool.h"

static const char usage[] =
	"Usage: zcpoolctl bench [OPTION...] [SECTION...]\n"
	"Compare the pool with other ways to send, and measure its calls.  --list tells\n"
	"the sections, and which of them run if none is named.\n\n"
	"  -a, --all          all sections\n"
	"  -L, --list         list the sections and exit\n"
	"  -r, --repeats N    how often to measure, 1 to 1000 (default 9)\n"
	"  -l, --large N      most buffers of a pool, 0 to 1000000; 0: none that is\n"
	"                     large (default 1000000, 8 GiB of memory)\n"
	"  -I, --icount       nanoseconds are instructions: QEMU runs with -icount shift=0\n"
	"  -c, --csv FILE     write every single measurement there\n"
	"  -o, --output FILE  write there what --json prints\n"
	"  -j, --json         print JSON instead of tables\n"
	"  -q, --quiet        do not say what is being measured\n";

struct bench_options bench_options = { .repeats = 9, .large_pool = LARGE_POOL_MAX };

struct command {
	struct common common;
	bool all;
	const char *csv_path, *json_path;
	FILE *csv, *json;
	/* What was named. */
	char **names;
	int nr_names;
};

const char *bench_unit(void)
{
	return bench_options.icount ? "instructions" : "ns";
}

void bench_progress(const char *format, ...)
{
	va_list args;

	if (bench_options.quiet)
		return;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

void must_fail(long ret, const char *what)
{
	/* The library returns what libc puts into errno. */
	exit(fail(EXIT_FAILED, "cannot measure on: %s: %s", what,
		  strerror(ret < -1 ? (int)-ret : errno)));
}

static int list_sections(const struct common *common)
{
	size_t i;

	if (common->json)
		json_array_begin(NULL);
	for (i = 0; i < nr_sections; i++) {
		const struct section *section = &sections[i];

		if (!common->json) {
			printf("%-11s%c %s\n", section->name, section->usual ? '*' : ' ',
			       section->what);
			continue;
		}
		json_begin(NULL);
		json_string("section", section->name);
		json_string("what", section->what);
		json_bool("default", section->usual);
		json_end();
	}
	if (common->json)
		json_array_end();
	else
		puts("\n* runs if no section is named");
	return EXIT_OK;
}

static bool is_wanted(const struct command *command, const struct section *section)
{
	int i;

	for (i = 0; i < command->nr_names; i++)
		if (!strcmp(command->names[i], section->name))
			return true;
	return command->all || (!command->nr_names && section->usual);
}

/* Before all the work, so that a mistake in the name does not lose it. */
static bool open_record(const char *path, FILE **file)
{
	if (!path)
		return true;
	*file = fopen(path, "we");
	if (!*file)
		fail(EXIT_FAILED, "cannot write '%s': %s", path, strerror(errno));
	return *file;
}

static int write_record(const char *path, FILE *file, void (*record)(FILE *file))
{
	bool failed;

	if (!file)
		return EXIT_OK;
	record(file);
	failed = ferror(file);
	if (fclose(file) || failed)
		return fail(EXIT_FAILED, "cannot write '%s': %s", path, strerror(errno));
	return EXIT_OK;
}

static int measure(struct command *command)
{
	struct zcpool *pool;
	int error, status;
	size_t i;

	error = zcpool_open(0, &pool);
	if (error)
		return fail_open(error);
	zcpool_close(pool);
	if (!open_record(command->csv_path, &command->csv) ||
	    !open_record(command->json_path, &command->json))
		return EXIT_FAILED;
	for (i = 0; i < nr_sections; i++)
		if (is_wanted(command, &sections[i]))
			sections[i].run();
	for (i = 0; !command->common.json && i < nr_sections; i++)
		if (is_wanted(command, &sections[i]))
			sections[i].report();
	if (command->common.json)
		record_json(stdout);
	status = write_record(command->csv_path, command->csv, record_csv);
	return write_record(command->json_path, command->json, record_json) ? EXIT_FAILED : status;
}

static bool parse_option(struct command *command, int letter)
{
	uint64_t number;

	switch (letter) {
	case 'a':
		command->all = true;
		return true;
	case 'I':
		bench_options.icount = true;
		return true;
	case 'c':
		command->csv_path = optarg;
		return true;
	case 'o':
		command->json_path = optarg;
		return true;
	case 'r':
		if (!parse_count(optarg, &number) || !number || number > REPEATS_MAX)
			return !fail_usage(usage, "--repeats '%s' is not 1 to %d", optarg,
					   REPEATS_MAX);
		bench_options.repeats = (unsigned int)number;
		return true;
	case 'l':
		if (!parse_count(optarg, &number) || number > LARGE_POOL_MAX)
			return !fail_usage(usage, "--large '%s' is not 0 to %d", optarg,
					   LARGE_POOL_MAX);
		bench_options.large_pool = (uint32_t)number;
		return true;
	default:
		return parse_common(&command->common, letter) ||
		       !fail_usage(usage, "see the options below");
	}
}

int bench_command(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_HELP,
		OPTION_JSON,
		OPTION_QUIET,
		{ "all", no_argument, NULL, 'a' },
		{ "list", no_argument, NULL, 'L' },
		{ "repeats", required_argument, NULL, 'r' },
		{ "large", required_argument, NULL, 'l' },
		{ "icount", no_argument, NULL, 'I' },
		{ "csv", required_argument, NULL, 'c' },
		{ "output", required_argument, NULL, 'o' },
		{},
	};
	struct command command = { 0 };
	bool list = false;
	int letter, i;

	while ((letter = getopt_long(argc, argv, "hjqaLr:l:Ic:o:", options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		}
		if (letter == 'L')
			list = true;
		else if (!parse_option(&command, letter))
			return EXIT_USAGE;
	}
	command.names = argv + optind;
	command.nr_names = argc - optind;
	for (i = 0; i < command.nr_names; i++)
		if (!section_find(command.names[i]))
			return fail_usage(usage, "no section '%s': --list tells them",
					  command.names[i]);
	if (list)
		return list_sections(&command.common);
	bench_options.quiet = command.common.quiet;
	return measure(&command);
}
