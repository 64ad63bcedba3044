// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl: look at pools, move files through one, and measure. */
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "info", info_command, "show what the device offers, and its limits" },
	{ "list", list_command, "list the pools of all processes" },
	{ "top", top_command, "watch what the pools do" },
	{ "create", create_command, "make a pool with a name" },
	{ "ls", ls_command, "list pools and views with names" },
	{ "rm", rm_command, "remove names" },
	{ "view", view_command, "make a view of a pool, a file with a name" },
	{ "mount", mount_command, "mount the file system of names, and say where" },
	{ "run", run_command, "run a command with a pool of its own" },
	{ "send", send_command, "send a file, from disk to network without a copy" },
	{ "recv", recv_command, "receive what send sends" },
	{ "bench", bench_command, "measure what the pool costs, and what others do" },
};

#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *out)
{
	size_t i;

	fprintf(out, "Usage: zcpoolctl COMMAND [OPTION...] [ARGUMENT...]\n\n");
	for (i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-6s %s\n", commands[i].name, commands[i].what);
	fprintf(out, "\n'zcpoolctl COMMAND --help' tells more; see also zcpoolctl(1).\n");
}

bool parse_common(struct common *common, int letter)
{
	switch (letter) {
	case 'j':
		common->json = true;
		return true;
	case 'q':
		common->quiet = true;
		return true;
	case 'p':
		common->progress = true;
		return true;
	}
	return false;
}

/* What was printed may not have been written, to a disk that is full. */
static int finish(int status)
{
	fflush(stdout);
	if (status || !ferror(stdout))
		return status;
	return fail(EXIT_FAILED, "cannot write to standard output");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	size_t i;

	for (i = 0; i < NR_COMMANDS; i++) {
		if (strcmp(name, commands[i].name))
			continue;
		/* The name that getopt_long() begins its messages with. */
		argv[1] = "zcpoolctl";
		return finish(commands[i].run(argc - 1, argv + 1));
	}
	if (!strcmp(name, "--version")) {
		puts("zcpoolctl " ZCPOOL_VERSION);
		return EXIT_OK;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		usage(stdout);
		return EXIT_OK;
	}
	if (*name)
		fprintf(stderr, "zcpoolctl: no command '%s'\n", name);
	usage(stderr);
	return EXIT_USAGE;
}
