// SPDX-License-Identifier: GPL-2.0-only
/* The modules themselves: inserted, or nothing of them. */
#include "../modules.h"
#include "fault.h"

/* Read once, and then by memory alone. */
#define COPY "/dev/shm/module.ko"

static char parameters[32];

/* The module's file, where reading it does not ask the host. */
static int copy_of(const char *variable)
{
	int from = open(getenv(variable) ? getenv(variable) : "", O_RDONLY | O_CLOEXEC);
	int to = open(COPY, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t ret;

	while ((ret = sendfile(to, from, NULL, MIB)) > 0)
		;
	close(from);
	close(to);
	return ret < 0 ? -1 : open(COPY, O_RDONLY | O_CLOEXEC);
}

static bool have_module(struct world *world, const char *variable, const char *module_name)
{
	return !remove_module(module_name) && world_keep(world, copy_of(variable)) >= 0;
}

static bool have_zcpool(struct world *world)
{
	parameters[0] = '\0';
	leaks_pause();
	return have_module(world, "ZCPOOL_MODULE", "zcpool");
}

static bool have_edu(struct world *world)
{
	const char *bits = getenv("ZCPOOL_EDU_BITS");

	snprintf(parameters, sizeof(parameters), "dma_bits=%s", bits ? bits : "28");
	return have_module(world, "ZCPOOL_EDU_MODULE", "zcpool_edu") && edu_keep_enabled();
}

static int do_insert(struct world *world)
{
	return result_or_errno(syscall(SYS_finit_module, world->fds[0], parameters, 0));
}

static bool has_line(const char *path, const char *wanted)
{
	FILE *file = fopen(path, "r");
	bool found = false;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		found = found || strstr(line, wanted);
	if (file)
		fclose(file);
	return found;
}

static bool zcpool_is_in(struct world *world, int result)
{
	bool in = result >= 0;

	(void)world;
	return !access(DEVICE, F_OK) == in && has_line("/proc/filesystems", "\tzcpool\n") == in &&
	       has_line("/proc/modules", "zcpool ") == in;
}

static bool edu_is_in(struct world *world, int result)
{
	bool in = result >= 0;

	(void)world;
	return !access("/sys/bus/pci/drivers/zcpool_edu", F_OK) == in &&
	       has_line("/proc/modules", "zcpool_edu ") == in;
}

static void clean_up(struct world *world)
{
	(void)world;
	unlink(COPY);
}

static void watch_again(struct world *world)
{
	clean_up(world);
	if (!leaks_watch())
		problem("the module is not there");
}

/*
 * From mod_sysfs_setup() on: before it load_module() has tracing told, which warns where
 * memory is wanting.  EINVAL is module_add_driver()'s word for no memory.  If the companion
 * driver cannot be bound to its device, it is inserted all the same: see "edu, bind".
 */
const struct path module_paths[] = {
	{ "insmod zcpool", have_zcpool, do_insert, zcpool_is_in, .tear_down = watch_again,
	  .last = 110, .must = MUST_SLAB },
	{ "insmod zcpool_edu", have_edu, do_insert, edu_is_in, .tear_down = clean_up,
	  .errors = { EINVAL }, .last = 110, .must = MUST_SLAB },
	{},
};
