// SPDX-License-Identifier: GPL-2.0-only
/* Mappings: made, changed, ended, touched. */
#include "calls.h"
#include "fuzz.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define MADV_GUARD_INSTALL_ 102
#define MADV_GUARD_REMOVE_ 103

static int some_protection(void)
{
	switch (below(12)) {
	case 0:
		return PROT_NONE;
	case 1:
		return bent(PROT_EXEC | PROT_READ);
	case 2:
		return PROT_WRITE;
	case 3 ... 4:
		return PROT_READ;
	default:
		return PROT_READ | PROT_WRITE;
	}
}

/* Part of a slot of mappings: pages, mostly near its start. */
static uint64_t some_part(uint64_t *length)
{
	uint64_t address = mapping_some() & -PAGE;

	*length = bent(PAGE * (percent(60) ? 1 : percent(70) ? 1 + below(8) : 1 + below(1024)));
	/* A length of another slot's reaches too far, but never beyond all slots. */
	if (*length > MAPPING_ROOM * (MAPPINGS / 2) && *length < BEYOND)
		*length = MAPPING_MOST;
	if (percent(1))
		return bad_address();
	if (address + *length > mapping_at(MAPPINGS) && *length < BEYOND)
		*length = PAGE;
	return address + (percent(1) ? 1 : 0);
}

static long map_slot(int fd, uint64_t length, int protection, int flags, uint64_t offset)
{
	uint64_t address = mapping_at(below(MAPPINGS));

	/* Slots are for all there is; what is longer must not reach the fuzzer's own memory. */
	if (length > MAPPING_MOST && length < BEYOND)
		length = MAPPING_MOST;
	if (percent(10))
		address += PAGE * below(16);
	flags |= MAP_FIXED;
	ABOUT("%#lx length=%#lx protection=%ld flags=%#lx fd=%ld offset=%#lx", address, length,
	      protection, flags, fd, offset);
	if (mmap(POINTER(address), length, protection, flags, fd, offset) == MAP_FAILED)
		return -errno;
	mapping_made(address, length);
	return 0;
}

static int some_map_flags(unsigned int chance_private)
{
	int flags = percent(chance_private) ? MAP_PRIVATE : MAP_SHARED;

	if (percent(15))
		flags |= MAP_POPULATE;
	if (percent(4))
		flags |= ONE_OF(MAP_LOCKED, MAP_NORESERVE, MAP_NONBLOCK, MAP_HUGETLB, MAP_STACK,
				MAP_SHARED_VALIDATE, MAP_SYNC | MAP_SHARED_VALIDATE, MAP_DENYWRITE);
	return flags;
}

static long map_of(enum slot_kind kind, unsigned int chance_private)
{
	int fd = slot_of(kind);
	__u64 offset, length;

	some_slice(model_of(fd), &offset, &length, percent(95));
	if (percent(25)) {
		offset = 0;
		length = model_of(fd)->size;
	}
	return map_slot(fd, length, some_protection(), some_map_flags(chance_private), offset);
}

long call_mmap_pool(void)
{
	return map_of(SLOT_HANDLE, 6);
}

static long call_mmap_view(void)
{
	return map_of(SLOT_VIEW, 40);
}

static long call_mmap_export(void)
{
	return map_of(SLOT_EXPORT, 10);
}

static long call_mmap_plain(void)
{
	return map_slot(slot_of(SLOT_PLAIN), PAGE * (1 + below(64)), some_protection(),
			some_map_flags(30), bent(below(16) * PAGE));
}

long call_mmap_anonymous(void)
{
	return map_slot(-1, PAGE * (1 + below(percent(80) ? 32 : 1024)), some_protection(),
			MAP_ANONYMOUS | some_map_flags(70), 0);
}

static long call_munmap(void)
{
	uint64_t length, address = some_part(&length);

	ABOUT("%#lx length=%#lx", address, length);
	if (munmap(POINTER(address), length))
		return -errno;
	if ((address - mapping_at(0)) % MAPPING_ROOM == 0)
		mapping_made(address, 0);
	return 0;
}

static long call_mremap(void)
{
	uint64_t length, address = some_part(&length), new_length = length;
	uint64_t to = mapping_at(below(MAPPINGS)) + PAGE * below(8);
	int flags = ONE_OF(0, MREMAP_MAYMOVE | MREMAP_FIXED, MREMAP_MAYMOVE | MREMAP_FIXED,
			   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, MREMAP_FIXED);

	if (percent(40))
		new_length = PAGE * (1 + below(64));
	if (percent(3))
		length = 0;
	if (length > MAPPING_MOST && length < BEYOND)
		length = PAGE;
	if (new_length > MAPPING_MOST && new_length < BEYOND)
		new_length = MAPPING_MOST;
	if (flags & MREMAP_DONTUNMAP && percent(90))
		new_length = length;
	if (percent(2))
		to = bad_address();
	ABOUT("%#lx length=%#lx new=%#lx flags=%ld to=%#lx", address, length, new_length, flags,
	      to);
	if (mremap(POINTER(address), length, new_length, flags, POINTER(to)) == MAP_FAILED)
		return -errno;
	if (flags & MREMAP_FIXED)
		mapping_made(to, new_length);
	return 0;
}

static long call_mprotect(void)
{
	uint64_t length, address = some_part(&length);
	int protection = some_protection();

	ABOUT("%#lx length=%#lx protection=%ld", address, length, protection);
	return RESULT(mprotect(POINTER(address), length, protection));
}

/* Not MADV_HWPOISON and MADV_SOFT_OFFLINE, which take memory away for good. */
static long call_madvise(void)
{
	uint64_t length, address = some_part(&length);
	int advice = ONE_OF(MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED,
			    MADV_DONTNEED, MADV_FREE, MADV_REMOVE, MADV_DONTFORK, MADV_DOFORK,
			    MADV_MERGEABLE, MADV_UNMERGEABLE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
			    MADV_DONTDUMP, MADV_DODUMP, MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_COLD,
			    MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE,
			    MADV_DONTNEED_LOCKED, MADV_COLLAPSE, MADV_GUARD_INSTALL_,
			    MADV_GUARD_REMOVE_, 40);

	/* It goes on where nothing is mapped: as far as to the fuzzer's own memory. */
	if (length >= BEYOND && address + length > address)
		length = MAPPING_MOST;
	ABOUT("%#lx length=%#lx advice=%ld", address, length, advice);
	return RESULT(madvise(POINTER(address), length, advice));
}

static long call_mlock(void)
{
	uint64_t length, address = some_part(&length);
	int flags = percent(50) ? MLOCK_ONFAULT : bent(0);

	ABOUT("%#lx length=%#lx flags=%#lx", address, length, flags);
	return RESULT(mlock2(POINTER(address), length, flags));
}

static long call_munlock(void)
{
	uint64_t length, address = some_part(&length);

	ABOUT("%#lx length=%#lx", address, length);
	return RESULT(munlock(POINTER(address), length));
}

static long call_msync(void)
{
	uint64_t length, address = some_part(&length);
	int flags = bent(ONE_OF(MS_SYNC, MS_ASYNC, MS_INVALIDATE, MS_SYNC | MS_INVALIDATE));

	ABOUT("%#lx length=%#lx flags=%#lx", address, length, flags);
	return RESULT(msync(POINTER(address), length, flags));
}

static long call_mincore(void)
{
	uint64_t length, address = some_part(&length), to = some_address(KIB);

	ABOUT("%#lx length=%#lx to=%#lx", address, length, to);
	return RESULT(mincore(POINTER(address), length, POINTER(to)));
}

static long touch(bool store)
{
	uint64_t address = mapping_some();
	unsigned char bytes[64] = { 0 };
	size_t size = percent(50) ? 1 : sizeof(bytes);

	memset(bytes, random_word(), sizeof(bytes));
	ABOUT("%#lx size=%ld", address, size);
	if (store)
		return touch_copy(POINTER(address), bytes, size) ? 0 : -EFAULT;
	return touch_copy(bytes, POINTER(address), size) ? 0 : -EFAULT;
}

static long call_load(void)
{
	return touch(false);
}

static long call_store(void)
{
	return touch(true);
}

/* A byte of each page of a part. */
static long call_store_all(void)
{
	uint64_t length, address = some_part(&length), at;
	unsigned char byte = random_word();
	bool any = false;

	if (length > 64 * PAGE)
		length = 64 * PAGE;
	if (address < mapping_at(0) || address >= mapping_at(MAPPINGS))
		return RESULT_NONE;
	ABOUT("%#lx length=%#lx", address, length);
	for (at = address; at < address + length; at += PAGE)
		any |= touch_copy(POINTER(at), &byte, 1);
	return any ? 0 : -EFAULT;
}

const struct kind memory_kinds[] = {
	{ "mmap of a handle", call_mmap_pool, 24 },
	{ "mmap of a view", call_mmap_view, 8 },
	{ "mmap of a dma-buf", call_mmap_export, 5 },
	{ "mmap of a file", call_mmap_plain, 2 },
	{ "mmap of nothing", call_mmap_anonymous, 3 },
	{ "munmap", call_munmap, 8 },
	{ "mremap", call_mremap, 8 },
	{ "mprotect", call_mprotect, 8 },
	{ "madvise", call_madvise, 12 },
	{ "mlock2", call_mlock, 3 },
	{ "munlock", call_munlock, 2 },
	{ "msync", call_msync, 2 },
	{ "mincore", call_mincore, 2 },
	{ "load", call_load, 14 },
	{ "store", call_store, 14 },
	{ "store to pages", call_store_all, 8 },
	{},
};
