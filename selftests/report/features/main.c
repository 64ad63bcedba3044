// SPDX-License-Identifier: GPL-2.0-only
/* What zcpool's memory and its peers' can do, asked of the running kernel. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

/* A question that takes longer than that, seconds, hangs. */
#define PATIENCE 60

static const char usage[] =
	"Usage: probe --disk DEVICE [OPTION...]\n"
	"Try with the memory of zcpool and of its peers what programs want to do with it, and\n"
	"print who can do what: yes, no, or the errno.  Needs root, and an empty disk.\n\n"
	"  --disk DEVICE  the disk, which gets an ext4 file system\n"
	"  --json FILE    write the answers there too\n"
	"  --help\n\n"
	"Exit status 0 if all was asked, whatever the answers; 1 if a process that asked died.\n";

static struct answer answer_of(bool is_yes, int error, const char *format, va_list arguments)
{
	struct answer answer = { .yes = is_yes, .error = error };

	vsnprintf(answer.detail, sizeof(answer.detail), format, arguments);
	return answer;
}

struct answer yes(const char *format, ...)
{
	struct answer answer;
	va_list arguments;

	va_start(arguments, format);
	answer = answer_of(true, 0, format, arguments);
	va_end(arguments);
	return answer;
}

struct answer no(const char *format, ...)
{
	struct answer answer;
	va_list arguments;

	va_start(arguments, format);
	answer = answer_of(false, 0, format, arguments);
	va_end(arguments);
	return answer;
}

struct answer failed(int error, const char *format, ...)
{
	struct answer answer;
	va_list arguments;

	va_start(arguments, format);
	answer = answer_of(false, abs(error), format, arguments);
	va_end(arguments);
	return answer;
}

/* Set by who wants this program to end: what it has set is to be set back. */
static volatile sig_atomic_t ended;

static void end(int number)
{
	ended = number;
}

static struct answer ask_here(const struct feature *feature, const struct peer *peer)
{
	struct object object = { .peer = peer, .fd = -1 };
	int error;

	if (feature->closed)
		return feature->ask(&object);
	error = object_open(peer, &object);
	if (error)
		return failed(error, "there is none: %s", object.call);
	return feature->ask(&object);
}

/* Whether a process did that asked, which no kernel is to let happen. */
static bool died;

static void ask(const struct feature *feature, const struct peer *peer, struct answer *answer)
{
	pid_t pid;
	int status;

	*answer = no("the process ended without an answer");
	pid = fork();
	if (pid < 0) {
		perror("probe: fork");
		exit(1);
	}
	if (!pid) {
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		alarm(PATIENCE);
		*answer = ask_here(feature, peer);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		status = 0;
	died |= status != 0;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		*answer = no("it did not end within %d s", PATIENCE);
	else if (WIFSIGNALED(status))
		*answer = no("the process got SIG%s", sigabbrev_np(WTERMSIG(status)));
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "disk", required_argument, NULL, 'd' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	const char *disk = NULL, *json = NULL;
	struct answer *answers;
	size_t i, j;
	int letter;

	while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (letter) {
		case 'd':
			disk = optarg;
			break;
		case 'j':
			json = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (optind < argc || !disk) {
		fputs(usage, stderr);
		return 2;
	}

	/* Those who ask write their answers there. */
	answers = mmap(NULL, nr_peers * nr_features * sizeof(*answers), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (answers == MAP_FAILED) {
		perror("probe: mmap");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, end);
	signal(SIGTERM, end);
	place_open(disk);
	for (i = 0; i < nr_peers; i++)
		for (j = 0; j < nr_features && !ended; j++)
			ask(&features[j], peers[i], &answers[i * nr_features + j]);
	place_close();
	if (ended)
		return 128 + ended;
	print_table(answers);
	if (json && !write_json(json, answers)) {
		fprintf(stderr, "probe: %s: %s\n", json, strerror(errno));
		return 1;
	}
	return died;
}
