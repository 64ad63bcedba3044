// SPDX-License-Identifier: GPL-2.0-only
/* Start senders, kill them at random, and say what became of the records. */
#include <getopt.h>
#include <sys/prctl.h>

#include "torture.h"

static const char usage[] =
	"Usage: torture [OPTION...]\n"
	"Processes let buffers go by every exit at random, and others check what arrives.\n\n"
	"  --seconds N          how long (default 20); where little gets done, up to 200 s\n"
	"                       longer, until every exit was taken\n"
	"  --seed N             start of the random numbers (default: the clock)\n"
	"  --disk DEVICE        a disk for direct I/O; it is overwritten\n"
	"  --expect-corruption  the module is a weakened one: every exit that refers to\n"
	"                       pages must show it, and the run ends when all have\n";

/* What may be added to the time, ns. */
#define LONGER (200 * 1000 * NS_PER_MS)

struct shared *shared;
unsigned int seed;

static bool expect_corruption;
static pid_t senders[SENDERS];
static int pool;

static void start(unsigned int number)
{
	seed += 104729;
	senders[number] = fork();
	if (!senders[number]) {
		if (number >= SHARERS)
			close(pool);
		send_until_stopped(number, number < SHARERS ? pool : -1);
	}
}

/* What a dead process surely owned; what it was about to say is put at the end. */
static void put_for(unsigned int number)
{
	uint32_t i;

	for (i = 0; i < BUFFERS; i++)
		if (atomic_load(&shared->owner[i]) == 1 + number) {
			atomic_store(&shared->owner[i], 0);
			put_one(pool, i);
		}
}

static void kill_one(void)
{
	unsigned int number = chance(SENDERS);

	kill(senders[number], SIGKILL);
	waitpid(senders[number], NULL, 0);
	if (number < SHARERS)
		put_for(number);
	start(number);
}

/* Whether it was the module that copied, so that there was nothing to corrupt. */
static bool only_copied(unsigned int number)
{
	const struct tally *tally = &shared->tally[number];

	return !exits[number].refers || (tally->copied && exits[number].datagrams);
}

static bool all_corrupted(void)
{
	unsigned int i;

	for (i = 0; i < nr_exits; i++)
		if (!only_copied(i) && !shared->tally[i].mismatches)
			return false;
	return true;
}

/* By as much as arrived sound, each exit was taken. */
static bool all_taken(void)
{
	unsigned int i;

	for (i = 0; i < nr_exits; i++)
		if (!shared->tally[i].sound)
			return false;
	return true;
}

/* Whether it has run for long enough. */
static bool seen_enough(int64_t time, int64_t wanted)
{
	if (expect_corruption)
		return time > wanted || all_corrupted();
	return time > wanted && (all_taken() || time > wanted + LONGER);
}

static void show_progress(int second, int seconds)
{
	unsigned long sound = 0, mismatches = 0;
	unsigned int i;

	for (i = 0; i < nr_exits; i++) {
		sound += shared->tally[i].sound;
		mismatches += shared->tally[i].mismatches;
	}
	fprintf(stderr, "%d of %d s: %lu records sound, %lu mismatches\n", second, seconds, sound,
		mismatches);
}

static void run(int seconds)
{
	int64_t begin = now_ns(), shown = begin;

	while (!seen_enough(now_ns() - begin, seconds * 1000 * NS_PER_MS)) {
		usleep(20000 + chance(200000));
		kill_one();
		if (now_ns() - shown > 5000 * NS_PER_MS) {
			shown = now_ns();
			show_progress((shown - begin) / (1000 * NS_PER_MS), seconds);
		}
	}
	atomic_store(&shared->stop, true);
	/* The senders, and as their heir, receivers of those that were killed. */
	while (wait(NULL) > 0)
		;
}

static bool report(bool ok, const char *what)
{
	printf("%s - %s\n", ok ? "ok" : "not ok", what);
	return ok;
}

static bool report_exit(unsigned int number)
{
	const struct tally *tally = &shared->tally[number];
	bool damaged = tally->mismatches, ok;
	char what[200];

	snprintf(what, sizeof(what),
		 "%s: %lu records by %lu links: %lu sound, %lu mismatches, %lu cut",
		 exits[number].name, tally->sent, tally->links, tally->sound, tally->mismatches,
		 tally->cut);
	if (expect_corruption)
		ok = damaged || only_copied(number);
	else
		ok = !damaged && tally->sound;
	return report(ok, what);
}

/* Every buffer comes back, each once. */
static bool report_buffers(void)
{
	bool seen[BUFFERS] = { false };
	struct zcpool_query q = { 0 };
	unsigned int got = 0;
	uint32_t i;

	for (i = 0; i < BUFFERS; i++)
		put_one(pool, i);
	if (!report(!query(pool, &q) && !q.owned_total, "nobody owns a buffer in the end"))
		return false;
	while (got < BUFFERS) {
		int index = get_wait(pool);

		if (index < 0 || seen[index])
			break;
		seen[index] = true;
		got++;
	}
	return report(got == BUFFERS, "no buffer is lost");
}

static long number_of(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (*end || end == text || number < 0) {
		fprintf(stderr, "torture: '%s' is no number\n%s", text, usage);
		exit(2);
	}
	return number;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seconds", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' },
		{ "disk", required_argument, NULL, 'd' },
		{ "expect-corruption", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	int seconds = 20, letter;
	unsigned int i, failed = 0;

	seed = now_ns();
	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (letter) {
		case 's':
			seconds = number_of(optarg);
			break;
		case 'r':
			seed = number_of(optarg);
			break;
		case 'd':
			disk = optarg;
			break;
		case 'c':
			expect_corruption = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (!disk) {
		fprintf(stderr, "torture: which disk may be overwritten?\n%s", usage);
		return 2;
	}
	fprintf(stderr, "seed %u\n", seed);
	pool = new_pool(BUFFER, BUFFERS);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (pool < 0 || shared == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		perror("torture");
		return 1;
	}

	for (i = 0; i < SENDERS; i++)
		start(i);
	run(seconds);
	for (i = 0; i < nr_exits; i++)
		failed += !report_exit(i);
	failed += !report_buffers();
	return failed ? 1 : 0;
}
