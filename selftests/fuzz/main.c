// SPDX-License-Identifier: GPL-2.0-only
/* Start the workers, watch them, and say what became of their calls. */
#include <dirent.h>
#include <getopt.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "fuzz.h"

static const char usage[] =
	"Usage: fuzz [OPTION...]\n"
	"Workers make calls at random of the device, its file system, its mappings and\n"
	"whatever these meet, valid ones mostly.  As root, in a machine that may break.\n\n"
	"  --seed N       start of the random numbers (FUZZ_SEED, default 1)\n"
	"  --calls N      calls of each worker (FUZZ_CALLS, default: no limit)\n"
	"  --workers N    how many, two to a process (FUZZ_THREADS, default 4)\n"
	"  --seconds N    how long at most (FUZZ_SECONDS, default 60)\n"
	"  --worker N     the sequence of this one alone\n"
	"  --without KIND no calls of this kind, nor of others that begin so\n"
	"  --trace FILE   write each call there before it is made; /dev/kmsg survives all\n"
	"  --stall N      a worker that makes no call for so many s hangs (default 60)\n"
	"  -v             as --trace of the standard error\n";

/* A process of workers. */
#define TOGETHER 2

static pid_t processes[WORKERS_MAX / TOGETHER];
static uint64_t limit_seconds, stall_seconds = 60;
static unsigned int failures;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static uint64_t number_of(const char *text)
{
	char *end;
	uint64_t number = strtoull(text, &end, 0);

	if (*end || end == text) {
		fprintf(stderr, "fuzz: '%s' is no number\n%s", text, usage);
		exit(2);
	}
	return number;
}

static uint64_t number_given(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? number_of(text) : otherwise;
}

static void show_file(const char *path)
{
	char text[2048];
	FILE *file = fopen(path, "r");

	if (!file)
		return;
	printf("# %s:\n", path);
	while (fgets(text, sizeof(text), file))
		printf("#   %s", text);
	fclose(file);
}

/* Where each thread of a process is in the kernel. */
static void show_process(pid_t pid)
{
	char path[64], text[400];
	struct dirent *entry;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(text, sizeof(text), "/proc/%d/task/%s/comm", pid, entry->d_name);
		show_file(text);
		snprintf(text, sizeof(text), "/proc/%d/task/%s/stack", pid, entry->d_name);
		show_file(text);
		snprintf(text, sizeof(text), "/proc/%d/task/%s/syscall", pid, entry->d_name);
		show_file(text);
	}
	if (tasks)
		closedir(tasks);
}

/* The last calls of the workers of a process and their children, or of all. */
static void show_lanes(unsigned int first, unsigned int count)
{
	unsigned int number;

	fflush(stdout);
	for (number = first; number < first + count; number++)
		if (atomic_load(&shared->lanes[number].calls))
			lane_print(1, &shared->lanes[number]);
}

/* What runs just now, and what sleeps without end, goes to the kernel's log. */
static void ask_kernel(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (write(fd, "l", 1) != 1 || write(fd, "w", 1) != 1)
		perror("sysrq-trigger");
	close(fd);
}

static void fail(const char *what, pid_t pid)
{
	printf("not ok - seed %lu: %s (process %d)\n", job.seed, what, pid);
	show_process(pid);
	show_lanes(0, job.workers * LANES_EACH);
	ask_kernel();
	failures++;
	atomic_store(&shared->stop, true);
}

/* A worker that does not go on hangs: every call ends soon. */
static void watch(double time)
{
	static uint64_t seen[WORKERS_MAX * LANES_EACH];
	static double since[WORKERS_MAX * LANES_EACH];
	unsigned int number;

	for (number = 0; number < job.workers * LANES_EACH; number++) {
		struct lane *of = &shared->lanes[number];
		uint64_t calls = atomic_load(&of->calls);

		if (calls != seen[number] || !since[number] || !atomic_load(&of->thread)) {
			seen[number] = calls;
			since[number] = time;
		} else if (time - since[number] > stall_seconds) {
			fail("a call hangs", atomic_load(&of->process));
			since[number] = time + 1e9;
		}
	}
}

static bool is_over(unsigned int first)
{
	unsigned int number, last = first + TOGETHER;

	if (atomic_load(&shared->stop))
		return true;
	if (job.only >= 0)
		return shared->reached[job.only] >= job.calls;
	for (number = first; number < last && number < job.workers; number++)
		if (shared->reached[number] < job.calls)
			return false;
	return true;
}

static void process_ended(unsigned int place, int status)
{
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	pid_t pid = processes[place];
	char what[100];

	processes[place] = 0;
	if (!killed && status) {
		if (WIFSIGNALED(status))
			snprintf(what, sizeof(what), "a worker was ended by SIG%s",
				 sigabbrev_np(WTERMSIG(status)));
		else
			snprintf(what, sizeof(what), "a worker ended with status %d",
				 WEXITSTATUS(status));
		show_lanes(place * TOGETHER * LANES_EACH, TOGETHER * LANES_EACH);
		fail(what, pid);
	}
	if (!is_over(place * TOGETHER))
		processes[place] = worker_start(place * TOGETHER);
}

static bool any_process(void)
{
	unsigned int place;

	for (place = 0; place < ARRAY_SIZE(processes); place++)
		if (processes[place])
			return true;
	return false;
}

static void reap(void)
{
	unsigned int place;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (place = 0; place < ARRAY_SIZE(processes); place++)
			if (processes[place] == pid)
				process_ended(place, status);
}

static void progress(double begin, double time)
{
	static double shown;
	uint64_t calls = 0;
	unsigned int i;

	if (time - shown < 10)
		return;
	shown = time;
	for (i = 0; i < job.workers * LANES_EACH; i++)
		calls += atomic_load(&shared->lanes[i].calls);
	fprintf(stderr, "# %.0f s: %lu calls\n", time - begin, calls);
}

/* The kernel's first complaint ends the run, while the calls before it are known. */
static void hear_kernel(double seconds)
{
	static bool heard;
	const char *complaint = heard ? NULL : kernel_log_complaint();
	char what[300];

	if (!complaint)
		return;
	heard = true;
	snprintf(what, sizeof(what), "the kernel complains after %.0f s: %s", seconds, complaint);
	fail(what, 0);
}

static double run(void)
{
	double begin = now(), time = begin, ended = 0;
	unsigned int place;

	for (place = 0; place * TOGETHER < (job.only >= 0 ? 1 : job.workers); place++)
		processes[place] = worker_start(place * TOGETHER);
	while (any_process()) {
		usleep(50000);
		reap();
		time = now();
		watch(time);
		progress(begin, time);
		hear_kernel(time - begin);
		if (time - begin > limit_seconds)
			atomic_store(&shared->stop, true);
		if (!atomic_load(&shared->stop))
			continue;
		ended = ended ? ended : time;
		if (time - ended < stall_seconds)
			continue;
		for (place = 0; place < ARRAY_SIZE(processes); place++) {
			if (!processes[place])
				continue;
			fail("a process does not end", processes[place]);
			kill(processes[place], SIGKILL);
			processes[place] = 0;
		}
	}
	return time - begin;
}

/* Of workers' children that are left, none may stay. */
static void end_children(void)
{
	double end = now() + stall_seconds;
	unsigned int number;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return;
		if (pid)
			continue;
		for (number = 0; number < job.workers * LANES_EACH; number++)
			if (atomic_load(&shared->lanes[number].thread))
				kill(atomic_load(&shared->lanes[number].process), SIGKILL);
		if (now() > end) {
			fail("a child does not end", 0);
			return;
		}
		usleep(10000);
	}
}

static int options_given(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "calls", required_argument, NULL, 'c' },
		{ "workers", required_argument, NULL, 'w' },
		{ "seconds", required_argument, NULL, 't' },
		{ "worker", required_argument, NULL, 'o' },
		{ "trace", required_argument, NULL, 'f' },
		{ "stall", required_argument, NULL, 'l' },
		{ "without", required_argument, NULL, 'x' },
		{ "help", no_argument, NULL, 'h' },
		{},
	};
	int letter, trace = -1;

	job.seed = number_given("FUZZ_SEED", 1);
	job.calls = number_given("FUZZ_CALLS", UINT64_MAX);
	job.workers = number_given("FUZZ_THREADS", 4);
	limit_seconds = number_given("FUZZ_SECONDS", 60);
	job.only = -1;
	while ((letter = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		switch (letter) {
		case 's':
			job.seed = number_of(optarg);
			break;
		case 'c':
			job.calls = number_of(optarg);
			break;
		case 'w':
			job.workers = number_of(optarg);
			break;
		case 't':
			limit_seconds = number_of(optarg);
			break;
		case 'o':
			job.only = number_of(optarg);
			break;
		case 'x':
			if (!kind_leave_out(optarg)) {
				fprintf(stderr, "fuzz: no kind '%s'\n", optarg);
				return 2;
			}
			break;
		case 'l':
			stall_seconds = number_of(optarg);
			break;
		case 'f':
			trace = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
			if (trace < 0) {
				perror(optarg);
				return 2;
			}
			break;
		case 'v':
			trace = dup(2);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if (!job.workers || job.workers > WORKERS_MAX || job.only >= (int)job.workers) {
		fprintf(stderr, "fuzz: workers are 1 to %d\n", WORKERS_MAX);
		return 2;
	}
	/* No number that calls use. */
	if (trace >= 0)
		trace_to = dup3(trace, SLOT_TRACE, O_CLOEXEC);
	return 0;
}

int main(int argc, char **argv)
{
	int exchange[2], error;
	double seconds;

	kinds_start();
	error = options_given(argc, argv);
	if (error)
		return error;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED || kernel_log_start() || prctl(PR_SET_CHILD_SUBREAPER, 1) ||
	    mount_start() || chmod(DEVICE, 0666) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, exchange) ||
	    dup2(2, SLOT_MESSAGES) < 0 || dup2(exchange[0], SLOT_EXCHANGE) < 0 ||
	    dup2(exchange[1], SLOT_EXCHANGE + 1) < 0) {
		perror("fuzz");
		return 2;
	}
	close(exchange[0]);
	close(exchange[1]);
	patience_measure();
	printf("# seed %lu, %u workers\n", job.seed, job.workers);
	fflush(stdout);
	seconds = run();
	end_children();
	close(SLOT_EXCHANGE);
	close(SLOT_EXCHANGE + 1);
	if (mount_end()) {
		printf("not ok - the names of files are taken away: %s\n", strerror(errno));
		failures++;
	}
	printf("%s - no call hung, and every worker ended\n", failures ? "not ok" : "ok");
	failures += report(seconds);
	return failures ? 1 : 0;
}
