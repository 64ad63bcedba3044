// SPDX-License-Identifier: GPL-2.0-only
/* Other ways to the memory of mappings: by process, by file of /proc, by node. */
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>
#include <time.h>

#include "calls.h"
#include "fuzz.h"

static long call_vm_read(void)
{
	struct iovec *here = some_vector(1 + below(3)), *there = some_vector(1 + below(3));
	unsigned int count = percent(80) ? 1 : 3;

	there->iov_base = POINTER(mapping_some());
	ABOUT("%#lx there=%#lx count=%ld", U64(here), U64(there), count);
	return RESULT(process_vm_readv(getpid(), here, 1, there, 1, 0));
}

static long call_vm_write(void)
{
	struct iovec *here = some_vector(1), *there = some_vector(1);

	there->iov_base = POINTER(mapping_some());
	ABOUT("%#lx there=%#lx", U64(here), U64(there));
	return RESULT(process_vm_writev(getpid(), here, 1, there, 1, 0));
}

/* Reading and writing /proc/self/mem ignores what a mapping allows. */
static long memory_file(bool write)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	uint64_t at = mapping_some(), address = U64(scratch(KIB));
	size_t size = 1 + below(KIB);
	long ret;

	ABOUT("at=%#lx size=%ld", at, size);
	ret = write ? RESULT(pwrite(fd, POINTER(address), size, at)) :
		      RESULT(pread(fd, POINTER(address), size, at));
	close(fd);
	return ret;
}

static long call_mem_read(void)
{
	return memory_file(false);
}

static long call_mem_write(void)
{
	return memory_file(true);
}

static long read_proc(const char *path, uint64_t at)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *to = scratch(4 * KIB);
	long ret;

	if (fd < 0)
		return -errno;
	ABOUT("at=%#lx", at);
	ret = RESULT(pread(fd, to, 4 * KIB, at));
	close(fd);
	return ret;
}

static long call_pagemap(void)
{
	return read_proc("/proc/self/pagemap", mapping_some() / PAGE * 8);
}

static long call_smaps(void)
{
	return read_proc(percent(50) ? "/proc/self/smaps" : "/proc/self/numa_maps", 0);
}

static long call_clear_refs(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	static const char *const what[] = { "1", "3", "4" };
	const char *text = what[below(ARRAY_SIZE(what))];
	long ret;

	ABOUT("%s", U64(text));
	ret = RESULT(write(fd, text, 1));
	close(fd);
	return ret;
}

static long call_mbind(void)
{
	uint64_t address = mapping_some() & -PAGE, length = PAGE * (1 + below(16));
	unsigned long *nodes = scratch(sizeof(*nodes));
	int mode = ONE_OF(MPOL_DEFAULT, MPOL_BIND, MPOL_PREFERRED, MPOL_INTERLEAVE);
	unsigned int flags = flags_of(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL);

	*nodes = mode == MPOL_DEFAULT ? 0 : bent(1);
	ABOUT("%#lx length=%#lx mode=%ld nodes=%#lx flags=%#lx", address, length, mode, *nodes,
	      flags);
	return RESULT(syscall(SYS_mbind, address, length, mode, nodes, 64, flags));
}

static long call_move_pages(void)
{
	void **pages = scratch(4 * sizeof(*pages));
	int *nodes = scratch(4 * sizeof(*nodes)), *status = scratch(4 * sizeof(*status)), i;

	for (i = 0; i < 4; i++)
		pages[i] = POINTER(mapping_some() & -PAGE);
	ABOUT("%#lx %#lx %#lx %#lx", U64(pages[0]), U64(pages[1]), U64(pages[2]), U64(pages[3]));
	return RESULT(syscall(SYS_move_pages, 0, 4, pages, percent(80) ? nodes : NULL, status,
			      percent(50) ? MPOL_MF_MOVE : MPOL_MF_MOVE_ALL));
}

static long call_futex(void)
{
	struct timespec time = { .tv_nsec = 1 + below(1000000) };
	uint64_t address = mapping_some() & -4UL;
	int operation = ONE_OF(FUTEX_WAKE, FUTEX_WAIT, FUTEX_WAKE_PRIVATE, FUTEX_WAIT_PRIVATE);

	ABOUT("%#lx operation=%ld", address, operation);
	return RESULT(syscall(SYS_futex, address, operation, 0, &time, NULL, 0));
}

static long call_remap_file_pages(void)
{
	uint64_t address = mapping_at(below(MAPPINGS)), length = PAGE * (1 + below(4));
	uint64_t page = below(8);

	ABOUT("%#lx length=%#lx page=%ld", address, length, page);
	return RESULT(syscall(SYS_remap_file_pages, address, length, 0, page, 0));
}

/* Nobody handles its faults, so only what does not raise any is asked for. */
static long call_userfault(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { mapping_some() & -PAGE, PAGE * (1 + below(8)) },
		.mode = ONE_OF(UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP,
			       UFFDIO_REGISTER_MODE_MINOR),
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	long ret;

	if (fd < 0)
		return -errno;
	ABOUT("%#lx length=%#lx mode=%ld", range.range.start, range.range.len, range.mode);
	ret = RESULT(ioctl(fd, UFFDIO_API, &api));
	if (!ret)
		ret = RESULT(ioctl(fd, UFFDIO_REGISTER, &range));
	close(fd);
	return ret;
}

const struct kind page_kinds[] = {
	{ "process_vm_readv", call_vm_read, 5 },
	{ "process_vm_writev", call_vm_write, 5 },
	{ "read of /proc/self/mem", call_mem_read, 3 },
	{ "write to /proc/self/mem", call_mem_write, 3 },
	{ "pagemap", call_pagemap, 1 },
	{ "smaps", call_smaps, 1 },
	{ "clear_refs", call_clear_refs, 1 },
	{ "mbind", call_mbind, 2 },
	{ "move_pages", call_move_pages, 2 },
	{ "futex", call_futex, 2 },
	{ "remap_file_pages", call_remap_file_pages, 1 },
	{ "userfaultfd", call_userfault, 2 },
	{},
};
