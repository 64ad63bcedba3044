// SPDX-License-Identifier: GPL-2.0-only
/* Rounds, and what is to be the same after them. */
#include <getopt.h>
#include <sched.h>

#include "soak.h"

unsigned int seed;

void complain(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: not so: %s (errno: %s)\n", file, line, condition, strerror(errno));
}

static long number_in(const char *path, const char *key)
{
	long number = -1, found;
	char line[256], name[64];
	FILE *file = fopen(path, "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63[^: ]%*[: ]%ld", name, &found) == 2 && !strcmp(name, key))
			number = found;
	if (file)
		fclose(file);
	return number;
}

/* Pages that processors keep for themselves: free, and not counted as such. */
static long pages_at_hand(void)
{
	FILE *file = fopen("/proc/zoneinfo", "r");
	long sum = 0, count;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, " count: %ld", &count) == 1)
			sum += count;
	if (file)
		fclose(file);
	return sum * sysconf(_SC_PAGESIZE);
}

/*
 * What no count of the kernel's has is in the hands of who allocates pages: drivers, sockets,
 * pools.  MemAvailable would also change with what is cached and by whom it is mapped.
 */
static long uncounted(void)
{
	static const char *const counts[] = {
		"MemFree",     "Buffers",    "Cached",	      "SwapCached",  "AnonPages", "Slab",
		"KernelStack", "PageTables", "SecPageTables", "VmallocUsed", "Percpu",
	};
	long sum = number_in("/proc/meminfo", "MemTotal");
	unsigned int i;

	for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		/* -1: SecPageTables are not counted before Linux 6.2. */
		long count = number_in("/proc/meminfo", counts[i]);

		sum -= count > 0 ? count : 0;
	}
	return sum * 1024 - pages_at_hand();
}

/* A processor frees socket buffers that others left to it when it receives something. */
static void receive_everywhere(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(9),
	};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), cpu;
	cpu_set_t before, one;

	sched_getaffinity(0, sizeof(before), &before);
	for (cpu = 0; cpu < 64; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (!sched_setaffinity(0, sizeof(one), &one))
			sendto(fd, "", 1, 0, (void *)&address, sizeof(address));
	}
	sched_setaffinity(0, sizeof(before), &before);
	close(fd);
}

struct account account_now(void)
{
	receive_everywhere();
	/* Sockets and deferred work end in their own time. */
	usleep(300000);
	sync();
	write_text("/proc/sys/vm/drop_caches", "3");
	return (struct account){
		.kernel = number_in("/sys/fs/cgroup/soak/memory.stat", "kernel"),
		.slab = number_in("/proc/meminfo", "Slab") * 1024,
		.vmalloc = number_in("/proc/meminfo", "VmallocUsed") * 1024,
		.uncounted = uncounted(),
	};
}

long available_now(void)
{
	account_now();
	return number_in("/proc/meminfo", "MemAvailable") * 1024;
}

int stamped_pool(char **map)
{
	int pool = new_pool(BUFFER, COUNT);
	uint64_t i;

	if (pool < 0)
		return pool;
	*map = map_pool(pool, SIZE);
	if (*map == MAP_FAILED) {
		close(pool);
		return -ENOMEM;
	}
	for (i = 0; i < COUNT; i++)
		record_stamp(*map + i * BUFFER, BUFFER, i + 1);
	return pool;
}

int check_stream(int fd, unsigned int most)
{
	static char memory[BUFFER] __attribute__((aligned(8)));
	unsigned int sound = 0;

	while (sound < most && read_full(fd, memory, BUFFER) == BUFFER) {
		if (!record_is_sound(memory))
			return -1;
		sound++;
	}
	return sound;
}

bool get_all(int pool, unsigned int owned)
{
	bool seen[COUNT] = { false };
	uint32_t index;

	for (; owned < COUNT; owned++) {
		index = COUNT;
		/* A wait without limit would say no more than a test that hangs. */
		NEED(get_many(pool, &index, 1, 0, PATIENCE) == 1);
		NEED(index < COUNT && !seen[index]);
		seen[index] = true;
	}
	return true;
}

int64_t total_bytes(void)
{
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	struct zcpool_query q = { 0 };
	int error;

	if (fd < 0)
		return -errno;
	error = query(fd, &q);
	close(fd);
	return error ?: (int64_t)q.total_bytes;
}

static struct account account_quietly(const struct rounds *rounds)
{
	struct account account;

	if (rounds->quiet)
		rounds->quiet(true);
	account = account_now();
	if (rounds->quiet)
		rounds->quiet(false);
	return account;
}

/* What a round leaves behind is seen after many: a page each would be. */
static bool is_same(const struct account *before, const struct account *after)
{
	const long slack = 1024 * 1024, slack_all = 8 * slack;

	return before->kernel >= 0 && after->kernel - before->kernel <= slack &&
	       after->slab - before->slab <= slack_all &&
	       after->vmalloc - before->vmalloc <= slack &&
	       after->uncounted - before->uncounted <= slack_all;
}

/* Much is freed by and by; what is lost never is. */
static bool same_account(const struct rounds *what, const struct account *before)
{
	struct account after = account_quietly(what);
	int64_t end = now_ns() + PATIENCE;

	while (!is_same(before, &after) && now_ns() < end)
		after = account_quietly(what);
	fprintf(stderr,
		"bytes more than before: charged %ld, slab %ld, vmalloc %ld, uncounted %ld\n",
		after.kernel - before->kernel, after.slab - before->slab,
		after.vmalloc - before->vmalloc, after.uncounted - before->uncounted);
	return is_same(before, &after);
}

static unsigned int number_of(const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*end || *text < '0' || *text > '9') {
		fprintf(stderr, "'%s' is no number\n", text);
		exit(2);
	}
	return number;
}

int run_rounds(int argc, char **argv, const char *name, const struct rounds *what)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		/* For the soak: nothing but that. */
		{ "uncounted", no_argument, NULL, 'u' },
		{},
	};
	unsigned int rounds = 100, number, first;
	struct account before = { 0 };
	int64_t begin = now_ns(), shown;
	char text[200] = "";
	bool ok = true, only_count = false;
	int letter;

	seed = begin;
	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter == 'n') {
			rounds = number_of(optarg);
		} else if (letter == 's') {
			seed = number_of(optarg);
		} else if (letter == 'u') {
			only_count = true;
		} else {
			fprintf(stderr, "Usage: %s [--rounds N] [--seed N] | --uncounted\n", name);
			return 2;
		}
	}
	if (only_count) {
		printf("%ld\n", uncounted());
		return 0;
	}
	fprintf(stderr, "%s: seed %u\n", name, seed);
	signal(SIGPIPE, SIG_IGN);
	/* Whoever does something for the first time fills caches. */
	first = rounds < 20 ? 0 : 10;
	shown = begin;
	for (number = 0; ok && number < rounds; number++) {
		if (number == first)
			before = account_quietly(what);
		ok = what->round(number);
		if (now_ns() - shown > 15000 * NS_PER_MS) {
			shown = now_ns();
			fprintf(stderr, "%s: %u of %u rounds, %ld s\n", name, number + 1, rounds,
				(long)((shown - begin) / (1000 * NS_PER_MS)));
		}
	}
	if (what->tell)
		what->tell(text, sizeof(text));
	printf("%s - %s: %u rounds in %ld s%s%s\n", ok ? "ok" : "not ok", name, number,
	       (long)((now_ns() - begin) / (1000 * NS_PER_MS)), *text ? ": " : "", text);
	if (ok) {
		ok = same_account(what, &before);
		printf("%s - %s: no memory is lost\n", ok ? "ok" : "not ok", name);
	}
	return !ok;
}
