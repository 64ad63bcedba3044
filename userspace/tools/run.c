// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl run */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "named.h"
#include "tool.h"

static const char usage[] =
	"Usage: zcpoolctl run [OPTION...] -- COMMAND [ARGUMENT...]\n"
	"Run COMMAND with a pool that is there for it: its path is in the environment as\n"
	"ZCPOOL_FILE, and in place of {} in each ARGUMENT.  The exit status is COMMAND's;\n"
	"the name is removed when COMMAND ends.\n\n"
	"  -s, --buffer-size SIZE  bytes per buffer, with K, M or G (default 64K)\n"
	"  -n, --count COUNT       buffers (default 16)\n"
	"  -m, --mode MODE         permissions, octal (default 600)\n"
	"  -i, --isolated          each handle reaches only the buffers that it owns\n"
	"  -q, --quiet             do not say that buffers are larger than SIZE\n";

/* An argument with the path in place of each {}. */
static char *fill_in(const char *argument, const char *path)
{
	size_t room = strlen(argument) + 1, length = strlen(path), count = 0;
	const char *found;
	char *text, *to;

	for (found = argument; (found = strstr(found, "{}")); found += 2)
		count++;
	text = malloc(room + count * length);
	for (to = text; text && *argument;) {
		if (strncmp(argument, "{}", 2)) {
			*to++ = *argument++;
			continue;
		}
		to = stpcpy(to, path);
		argument += 2;
	}
	if (text)
		*to = 0;
	return text;
}

static _Noreturn void exec_command(char **argv, const char *path)
{
	char **argument;
	int error;

	for (argument = argv + 1; *argument; argument++) {
		*argument = fill_in(*argument, path);
		if (!*argument)
			_exit(fail(EXIT_FAILED, "not enough memory"));
	}
	setenv("ZCPOOL_FILE", path, 1);
	execvp(argv[0], argv);
	error = errno;
	fail(127, "cannot run '%s': %s", argv[0], strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

/* What would end us before the pool's name is removed: it waits, or is the command's. */
static void block_signals(sigset_t *blocked, sigset_t *before)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD };
	size_t i;

	sigemptyset(blocked);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(blocked, signals[i]);
	sigprocmask(SIG_BLOCK, blocked, before);
	/* Ignored, as our parent may have left it, it would tell nothing of the command. */
	signal(SIGCHLD, SIG_DFL);
}

/* A signal of the terminal reaches the command by itself, others are passed on. */
static int wait_for(pid_t child, const sigset_t *blocked)
{
	int status;

	while (waitpid(child, &status, WNOHANG) != child) {
		int letter = sigwaitinfo(blocked, NULL);

		if (letter == SIGTERM || letter == SIGHUP)
			kill(child, letter);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run(char **argv, const char *path, const sigset_t *blocked, const sigset_t *before)
{
	pid_t child = fork();

	if (!child) {
		sigprocmask(SIG_SETMASK, before, NULL);
		exec_command(argv, path);
	}
	if (child < 0)
		return fail(EXIT_FAILED, "cannot start a process: %s", strerror(errno));
	return wait_for(child, blocked);
}

/* A name of our own, in a directory where others may have taken what is likely. */
static int free_path(char *path, size_t size)
{
	char name[64];
	int status = EXIT_FAILED, i;

	for (i = 0; i < 1000; i++) {
		if (i)
			snprintf(name, sizeof(name), "run.%d.%d", getpid(), i);
		else
			snprintf(name, sizeof(name), "run.%d", getpid());
		status = named_path(name, path, size);
		if (status || access(path, F_OK))
			break;
	}
	return status;
}

static int run_with_pool(const struct named_options *named, bool quiet, char **argv)
{
	sigset_t blocked, before;
	char path[PATH_MAX];
	int status;

	block_signals(&blocked, &before);
	status = free_path(path, sizeof(path)) ?: named_create(path, named, quiet);
	if (status)
		return status;
	status = run(argv, path, &blocked, &before);
	unlink(path);
	return status;
}

int run_command(int argc, char **argv)
{
	static const struct option options[] = { OPTION_HELP, OPTION_QUIET, NAMED_LONG, {} };
	struct named_options named = NAMED_DEFAULTS;
	struct common common = { 0 };
	int letter;

	/* COMMAND's options are its own. */
	while ((letter = getopt_long(argc, argv, "+hq" NAMED_SHORT, options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		}
		if (!parse_common(&common, letter) && !named_option(&named, letter, usage))
			return EXIT_USAGE;
	}
	if (optind == argc)
		return fail_usage(usage, "give a COMMAND");
	return run_with_pool(&named, common.quiet, argv + optind);
}
