// SPDX-License-Identifier: GPL-2.0-only
/* How memory is mapped, what is charged for it, and its size. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe.h"

struct answer ask_mmap(struct object *object)
{
	char *second;

	if (!object->map)
		return failed(object->map_error, "mmap()");
	fill(object->map, SIZE, 1);
	if (object->fd < 0)
		return holds(object->map, SIZE, 1) ? yes("it is a mapping") :
						     no("it does not keep what is stored");
	second = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, object->fd, 0);
	if (second == MAP_FAILED)
		return failed(errno, "a second mmap()");
	if (!holds(second, SIZE, 1))
		return no("a second mapping shows other bytes");
	return yes("%s", "");
}

/* What smaps says of the mappings from map on, for SIZE bytes. */
struct layout {
	/* KiB that entries of 2 MiB map. */
	long huge;
	/* Mappings of addresses, not of pages, of which smaps counts nothing. */
	bool raw;
};

static struct layout layout_of(const char *map)
{
	static const char *const counts[] = {
		"AnonHugePages:",  "ShmemPmdMapped:",  "FilePmdMapped:",
		"Shared_Hugetlb:", "Private_Hugetlb:",
	};
	FILE *smaps = fopen("/proc/self/smaps", "re");
	struct layout layout = { 0 };
	unsigned long start, end;
	bool ours = false;
	char line[512];
	size_t i;

	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			ours = start >= (uintptr_t)map && end <= (uintptr_t)map + SIZE;
		if (!ours)
			continue;
		for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
			if (!strncmp(line, counts[i], strlen(counts[i])))
				layout.huge += atol(line + strlen(counts[i]));
		if (!strncmp(line, "VmFlags:", 8))
			layout.raw |= !!strstr(line, " pf");
	}
	if (smaps)
		fclose(smaps);
	return layout;
}

/* KiB of this process's page tables. */
static long page_tables(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kib = 0;

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "VmPTE:", 6))
			kib = atol(line + 6);
	if (status)
		fclose(status);
	return kib;
}

struct answer ask_pmd(struct object *object)
{
	struct layout layout;
	char *map = object->map;
	long tables;

	if (!map)
		return no("it cannot be mapped");
	/* Where there is a descriptor, by a mapping that nothing was done with yet. */
	tables = page_tables();
	if (object->fd >= 0)
		map = map_aligned(object->fd, SIZE, PROT_READ | PROT_WRITE);
	if (!map)
		return failed(errno, "a second mmap()");
	fill(map, SIZE, 1);
	tables = page_tables() - tables;
	layout = layout_of(map);
	/* Each 2 MiB mapped page by page have a table of 4 KiB. */
	if (layout.raw)
		return tables < COUNT * 4 ? yes("its page tables take %ld KiB", tables) :
					    no("its page tables take %ld KiB", tables);
	if (layout.huge < (long)(SIZE / KIB))
		return no("%ld of %lu KiB", layout.huge, SIZE / KIB);
	return yes("%s", "");
}

static long memory_current(void)
{
	char path[sizeof(place.cgroup) + 32];
	long bytes = -1;
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory.current", place.cgroup);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%ld", &bytes) != 1)
		bytes = -1;
	fclose(file);
	return bytes;
}

static int enter_cgroup(void)
{
	char path[sizeof(place.cgroup) + 32];
	int error = 0, fd;

	if (place.cgroup_error)
		return place.cgroup_error;
	snprintf(path, sizeof(path), "%s/cgroup.procs", place.cgroup);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, "0", 1) != 1)
		error = errno;
	close(fd);
	return error;
}

struct answer ask_memcg(struct object *object)
{
	int error = enter_cgroup();
	long before, risen;

	if (error)
		return failed(error, "entering a control group");
	before = memory_current();
	if (before < 0)
		return no("the control group has no memory.current");
	error = object_open(object->peer, object);
	if (error)
		return failed(error, "there is none: %s", object->call);
	if (object->map)
		fill(object->map, SIZE, 1);
	risen = memory_current() - before;
	/* It is counted in lots, which the processors keep some of. */
	if (risen < (long)(SIZE - SIZE / 8))
		return no("memory.current rose by %ld of %lu KiB", risen / (long)KIB, SIZE / KIB);
	return yes("%s", "");
}

struct answer ask_size(struct object *object)
{
	int fd = object->peer->file ? object->peer->file(object) : object->fd;
	struct stat status;

	if (fd < 0 && object->peer->file)
		return failed(fd, "%s", object->call);
	if (fd < 0)
		return no("it has no descriptor");
	if (fstat(fd, &status))
		return failed(errno, "fstat()");
	if (status.st_size != (off_t)SIZE)
		return no("%lld instead of %lu", (long long)status.st_size, SIZE);
	return yes("%s%s", object->peer->file ? object->call : "",
		   S_ISREG(status.st_mode) ? "" : "though not as a regular file");
}
