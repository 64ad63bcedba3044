// SPDX-License-Identifier: GPL-2.0-only
/* Have every path meet every fault: see fault.h. */
#include <getopt.h>

#include "fault.h"

static const struct path *const all[] = {
	pool_paths,   buffer_paths,  share_paths, send_paths, uring_paths, view_paths,
	export_paths, mapping_paths, io_paths,	  fs_paths,   edu_paths,   module_paths,
};

static const char *current = "";

static void usage(FILE *to)
{
	fputs("Usage: fault [OPTION...] [NAME...]\n"
	      "Has the paths whose names begin with a NAME, or all, meet every fault.\n"
	      "\n"
	      "  --list    their names\n"
	      "  --once    without faults, on any kernel\n"
	      "  --single  one fault at a time, never all of a kind\n"
	      "  --stacks  the kernel's log tells where each fault is\n",
	      to);
}

static void hang(int signal)
{
	(void)signal;
	printf("not ok - %s: does not end\n", current);
	fflush(stdout);
	_exit(1);
}

static bool wanted(const struct path *path, char *const *names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strncmp(path->name, *names, strlen(*names)))
			return true;
	return false;
}

static uint64_t features(void)
{
	struct zcpool_query q;
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	if (query(fd, &q)) {
		perror("fault: no " DEVICE);
		exit(1);
	}
	close(fd);
	return q.features;
}

static void run(const struct path *path, uint64_t has, bool faults)
{
	struct tally tallies[FAULT_KINDS] = { 0 };
	int64_t start = now_ns();
	bool good;

	/* Which features there are other tests know. */
	if (path->feature & ~has)
		return;
	current = path->name;
	good = sweep(path, tallies);
	report_path(path->name, faults ? path->must : 0, tallies, good, now_ns() - start);
}

static void for_all(char *const *names, bool faults)
{
	uint64_t has = features();
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		const struct path *path;

		for (path = all[i]; path->name; path++)
			if (wanted(path, names))
				run(path, has, faults);
	}
}

static void list(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++) {
		const struct path *path;

		for (path = all[i]; path->name; path++)
			puts(path->name);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },   { "once", no_argument, NULL, 'o' },
		{ "single", no_argument, NULL, '1' }, { "stacks", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },   { NULL, 0, NULL, 0 },
	};
	bool faults = true, stacks = false;
	int option;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			list();
			return 0;
		case 'o':
			faults = false;
			break;
		case '1':
			sweep_single = true;
			break;
		case 's':
			stacks = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGALRM, hang);
	signal(SIGPIPE, SIG_IGN);
	if (faults && !inject_begin()) {
		fputs("fault: this kernel has no fault injection: KERNEL=7.2-debug has\n", stderr);
		return 1;
	}
	if (stacks)
		inject_stacks(true);
	if (!leaks_watch()) {
		fputs("fault: no " DEVICE ", or nobody counts its users\n", stderr);
		return 1;
	}
	for_all(argv + optind, faults);
	return report_end() ? 0 : 1;
}
