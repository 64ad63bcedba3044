// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's fault injection: Documentation/fault-injection in its sources. */
#include <limits.h>

#include "fault.h"

#define DEBUG "/sys/kernel/debug/"
/* More than there will be, of points and of faults. */
#define MANY 1000000000

static const char *const knobs[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
#define KNOBS (sizeof(knobs) / sizeof(*knobs))

/* Negative where the kernel has none. */
static int fail_nth = -1, make_it_fail = -1;
/* Of objects, in bytes, and of pages. */
static int spaces[2];
/* How many faults there may still be. */
static int left[KNOBS];

static bool knob(const char *name, const char *attribute, const char *value)
{
	char path[96];
	int error;

	snprintf(path, sizeof(path), DEBUG "%s/%s", name, attribute);
	error = write_text(path, value);
	if (error)
		fprintf(stderr, "fault: cannot write '%s' to %s: %s\n", value, path,
			strerror(-error));
	return !error;
}

static int knob_open(const char *name, const char *attribute)
{
	char path[96];

	snprintf(path, sizeof(path), DEBUG "%s/%s", name, attribute);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* How many faults there still may be: opened anew, for it cannot be read twice. */
static int times(unsigned int i)
{
	char text[32] = "";
	int fd = knob_open(knobs[i], "times");

	if (read(fd, text, sizeof(text) - 1) <= 0) {
		perror("fault: how many faults there were is not to be read");
		exit(1);
	}
	close(fd);
	return atoi(text);
}

static void write_number(int fd, int number)
{
	char text[32];
	int length = snprintf(text, sizeof(text), "%d", number);

	/* It may be this copy that fails. */
	while (write(fd, text, length) < 0 && errno == EFAULT)
		;
}

/* Where a function of the kernel begins; 0 if there is none of that name. */
static unsigned long address_of(const char *function)
{
	char line[256], name[128], type;
	unsigned long address, found = 0;
	FILE *file = fopen("/proc/kallsyms", "re");

	while (file && !found && fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx %c %127s", &address, &type, name) == 3 &&
		    strchr("tT", type) && !strcmp(name, function))
			found = address;
	if (file)
		fclose(file);
	return found;
}

/*
 * What makes /proc/irq/ goes on without the entries that it cannot make, and the kernel warns
 * of them when they are to be removed: no fault there, between these two in kernel/irq/proc.c.
 */
static bool spare_interrupts(const char *name)
{
	unsigned long start = address_of("register_handler_proc");
	unsigned long end = address_of("unregister_irq_proc");
	char text[32];

	if (!start || end <= start || end - start > 65536) {
		fprintf(stderr, "fault: the kernel has /proc/irq/ at another place\n");
		return false;
	}
	snprintf(text, sizeof(text), "%#lx", start);
	if (!knob(name, "reject-start", text))
		return false;
	snprintf(text, sizeof(text), "%#lx", end);
	return knob(name, "reject-end", text);
}

/* Every allocation can fail, of any size, also one that may wait. */
static bool knobs_begin(void)
{
	unsigned int i;
	bool good = true;

	for (i = 0; i < KNOBS; i++)
		good = good && knob(knobs[i], "times", "1000000000") &&
		       knob(knobs[i], "verbose", "0") && knob(knobs[i], "probability", "0") &&
		       knob(knobs[i], "interval", "1") && spare_interrupts(knobs[i]);
	good = good && knob("failslab", "ignore-gfp-wait", "N") &&
	       knob("failslab", "cache-filter", "N") &&
	       knob("fail_page_alloc", "ignore-gfp-wait", "N") &&
	       knob("fail_page_alloc", "ignore-gfp-highmem", "N") &&
	       knob("fail_page_alloc", "min-order", "0");
	/* For inject_all(): nobody's but those of a task that asks for it. */
	for (i = 0; i < 2; i++) {
		good = good && knob(knobs[i], "task-filter", "Y") &&
		       knob(knobs[i], "probability", "100");
		spaces[i] = knob_open(knobs[i], "space");
	}
	return good && spaces[0] >= 0 && spaces[1] >= 0;
}

/* Which kind, the first of them if several, has fewer left than when last asked. */
static enum fault what_failed(void)
{
	enum fault kind = FAULT_NONE;
	int i;

	for (i = KNOBS - 1; i >= 0; i--) {
		int now = times(i);

		if (now != left[i])
			kind = i;
		left[i] = now;
	}
	return kind;
}

/* Returns false where the kernel has no fault injection, or not enough. */
bool inject_begin(void)
{
	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	make_it_fail = open("/proc/thread-self/make-it-fail", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0 || make_it_fail < 0 || !knobs_begin())
		return false;
	what_failed();
	return true;
}

/* Have the kernel's log say where each fault is. */
void inject_stacks(bool on)
{
	unsigned int i;

	for (i = 0; i < KNOBS; i++) {
		knob(knobs[i], "verbose", on ? "2" : "0");
		knob(knobs[i], "verbose_ratelimit_interval_ms", "0");
	}
}

/* The nth of this thread's allocations and copies is going to fail. */
void inject_one(unsigned int nth)
{
	if (fail_nth < 0)
		return;
	write_number(fail_nth, nth);
}

/* What has failed meanwhile. */
enum fault inject_one_end(void)
{
	enum fault kind;
	char text[32] = "";
	bool over;

	if (fail_nth < 0)
		return FAULT_NONE;
	/* If one is left, it may be one of these copies that fails: that is none of them. */
	over = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;
	write_number(fail_nth, 0);
	kind = what_failed();
	return over ? kind : FAULT_NONE;
}

/* How many points there are at which a path may meet a fault. */
unsigned int inject_points(const struct path *path, struct world *world, int *result)
{
	unsigned int points = 0;
	char text[32] = "";

	if (fail_nth >= 0)
		write_number(fail_nth, MANY);
	*result = path->operate(world);
	if (fail_nth < 0)
		return 0;
	if (pread(fail_nth, text, sizeof(text) - 1, 0) > 0)
		points = MANY - atoi(text);
	write_number(fail_nth, 0);
	return points;
}

/* So much may be allocated, bytes of objects or pages, and then nothing of that kind. */
void inject_all(enum fault kind, unsigned int from)
{
	if (fail_nth < 0)
		return;
	write_number(spaces[FAULT_SLAB], kind == FAULT_OBJECTS ? from : INT_MAX);
	write_number(spaces[FAULT_PAGE], kind == FAULT_PAGES ? from : INT_MAX);
	write_number(make_it_fail, 1);
}

/* Whether anything has failed. */
bool inject_all_end(void)
{
	if (fail_nth < 0)
		return false;
	write_number(make_it_fail, 0);
	return what_failed() != FAULT_NONE;
}
