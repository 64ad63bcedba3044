// SPDX-License-Identifier: GPL-2.0-only
/* A peer's memory, its mapping, and what is in it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "probe.h"

static sigjmp_buf missed;

static void miss(int number)
{
	siglongjmp(missed, number);
}

bool store(char *to, char value)
{
	const struct sigaction action = { .sa_handler = miss };
	struct sigaction bus, segment;
	volatile bool stored = false;

	sigaction(SIGBUS, &action, &bus);
	sigaction(SIGSEGV, &action, &segment);
	if (!sigsetjmp(missed, 1)) {
		*(volatile char *)to = value;
		stored = true;
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segment, NULL);
	return stored;
}

char *reserve_aligned(size_t size)
{
	char *space = mmap(NULL, size + BUFFER, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (space == MAP_FAILED)
		return NULL;
	return (char *)(((uintptr_t)space + BUFFER - 1) & ~(BUFFER - 1));
}

char *map_aligned(int fd, size_t size, int protection)
{
	char *map = reserve_aligned(size);

	if (!map)
		return NULL;
	map = mmap(map, size, protection, MAP_SHARED | MAP_FIXED, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	/* Whoever has to be asked for large entries is: no error matters. */
	madvise(map, size, MADV_HUGEPAGE);
	return map;
}

int object_open(const struct peer *peer, struct object *object)
{
	int error;

	*object = (struct object){ .peer = peer, .fd = -1, .call = "open()" };
	error = peer->open(object);
	if (error)
		return error;
	if (!object->map && object->fd >= 0) {
		object->map = map_aligned(object->fd, SIZE, PROT_READ | PROT_WRITE);
		object->map_error = object->map ? 0 : errno;
	}
	return 0;
}

void fill(void *data, size_t size, unsigned int seed)
{
	uint32_t *words = data;
	size_t i;

	for (i = 0; i < size / 4; i++)
		words[i] = i * 2654435761U + seed * 40503;
}

bool holds(const void *data, size_t size, unsigned int seed)
{
	const uint32_t *words = data;
	size_t i;

	for (i = 0; i < size / 4; i++)
		if (words[i] != (uint32_t)(i * 2654435761U + seed * 40503))
			return false;
	return true;
}

uint64_t physical_page(const void *address)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	if (pagemap < 0)
		return 0;
	if (pread(pagemap, &entry, 8, (uintptr_t)address / 4096 * 8) != 8)
		entry = 0;
	close(pagemap);
	return entry & ((1ULL << 55) - 1);
}
