// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses that calls are given: scratch memory of the thread, with a page behind it
 * that nobody may touch, one that may only be read, and slots of mappings.  All are
 * below 4 GiB, where 32-bit calls reach them as well.
 */
#include <setjmp.h>
#include <ucontext.h>

#include "fuzz.h"

#define SCRATCH_BASE 0x20000000UL
#define SCRATCH_ROOM (1 * MIB)
#define READ_ONLY_AT (512 * KIB)
#define MAPPING_BASE 0x40000000UL

/* How much of each slot was mapped last, which threads change without a lock. */
static uint64_t mapped[MAPPINGS];

static __thread char *scratch_base;
static __thread size_t scratch_used;
static __thread sigjmp_buf touch_back;
static __thread volatile sig_atomic_t touching;

/* Make a thread's memory. */
int address_start(unsigned int thread)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	scratch_base = POINTER(SCRATCH_BASE + thread * SCRATCH_ROOM);
	if (mmap(scratch_base, SCRATCH_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED ||
	    mmap(scratch_base + READ_ONLY_AT, PAGE, PROT_READ, flags, -1, 0) == MAP_FAILED)
		return -1;
	scratch_reset();
	return 0;
}

void scratch_reset(void)
{
	scratch_used = 0;
}

/* Memory for the time of a call; zeroed. */
void *scratch(size_t size)
{
	void *memory = scratch_base + scratch_used;

	size = (size + 15) & -16UL;
	if (scratch_used + size > SCRATCH_SIZE)
		abort();
	scratch_used += size;
	return memset(memory, 0, size);
}

uint64_t mapping_at(unsigned int number)
{
	return MAPPING_BASE + number * MAPPING_ROOM;
}

/* A mapping was made, if it is in a slot. */
void mapping_made(uint64_t address, uint64_t length)
{
	if (address >= mapping_at(0) && address < mapping_at(MAPPINGS))
		mapped[(address - mapping_at(0)) / MAPPING_ROOM] = length;
}

/* Somewhere in a mapping, mostly near the start of a page. */
uint64_t mapping_some(void)
{
	unsigned int slot = below(MAPPINGS), try;
	uint64_t address;

	for (try = 0; try < 4 && !mapped[slot]; try++)
		slot = below(MAPPINGS);
	address = mapping_at(slot);
	if (percent(97) && mapped[slot] >= PAGE)
		address += PAGE *
			   below(percent(70) && mapped[slot] > 4 * PAGE ? 4 : mapped[slot] / PAGE);
	else
		address += below(MAPPING_MOST) & -PAGE;
	if (percent(40))
		address += below(PAGE);
	return address;
}

/* Nothing that the fuzzer itself needs is there. */
uint64_t bad_address(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return below(PAGE);
	case 2: /* nothing is mapped there */
		return mapping_at(MAPPINGS) + below(MAPPING_ROOM);
	case 3:
		return U64(scratch_base + READ_ONLY_AT) + below(PAGE);
	case 4: /* crosses the end */
		return U64(scratch_base + SCRATCH_SIZE) - below(64);
	case 5: /* of the kernel */
		return 0xffff888000000000 + below(1ULL << 34);
	case 6: /* of nobody */
		return 1ULL << 47 | below(1ULL << 62);
	default:
		return -1 - below(100);
	}
}

/* For a system call to read or write: scratch, mostly. */
uint64_t some_address(size_t size)
{
	if (percent(4))
		return bad_address();
	if (size > SCRATCH_SIZE / 4 || scratch_used + size > SCRATCH_SIZE / 2 || percent(30))
		return mapping_some();
	return U64(scratch(size));
}

/* Where data for a system call is: mostly there. */
uint64_t place(const void *data, size_t size)
{
	uint64_t address;
	void *memory;

	if (percent(2))
		return bad_address();
	if (percent(4)) {
		address = mapping_some();
		touch_copy(POINTER(address), data, size);
		return address;
	}
	if (percent(2)) {
		/* As far as to the very last byte. */
		memory = scratch_base + SCRATCH_SIZE - size;
		return U64(memcpy(memory, data, size));
	}
	memory = scratch(size);
	return U64(memcpy(memory, data, size));
}

/* What a system call made of data that was placed. */
void fetch(void *data, uint64_t address, size_t size)
{
	if (address >= SCRATCH_BASE && address < mapping_at(MAPPINGS))
		touch_copy(data, POINTER(address), size);
}

struct iovec *some_vector(unsigned int count)
{
	struct iovec *vector = scratch(count * sizeof(*vector));
	unsigned int i;

	for (i = 0; i < count; i++) {
		vector[i].iov_len = bent(some_length(16 * KIB));
		vector[i].iov_base =
			POINTER(percent(60) ? mapping_some() : some_address(below(2 * KIB)));
	}
	return vector;
}

static void touch_failed(int number, siginfo_t *info, void *context)
{
	const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	char text[300];
	int length;

	if (touching)
		siglongjmp(touch_back, number);
	length = snprintf(text, sizeof(text),
			  "# lane %ld: signal %d, address %p, code %d, at main%+ld, stack %#llx\n",
			  (long)(lane - shared->lanes), number, info->si_addr, info->si_code,
			  (long)(registers[REG_RIP] - (greg_t)U64(main)), registers[REG_RSP]);
	if (write(SLOT_MESSAGES, text, length) < 0)
		_exit(3);
	signal(number, SIG_DFL);
}

/*
 * For the calling thread, by memory of its own, in case that its stack is what is lost.
 * Without SA_NODEFER's like each would block the signal, since no mask is kept.
 */
void touch_catch(void)
{
	static __thread char memory[4 * PAGE];
	stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
	struct sigaction action = { .sa_sigaction = touch_failed,
				    .sa_flags = SA_NODEFER | SA_SIGINFO | SA_ONSTACK };

	sigaltstack(&stack, NULL);

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
}

/* Whether memory could be copied that may not be there. */
bool touch_copy(void *to, const void *from, size_t size)
{
	if (sigsetjmp(touch_back, 0)) {
		touching = 0;
		return false;
	}
	touching = 1;
	memcpy(to, from, size);
	touching = 0;
	return true;
}
