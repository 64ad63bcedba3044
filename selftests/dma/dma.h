/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of real devices share: what the devices were told to read and
 * write, by copycount and by the kernel's own tracepoints where it has them, and
 * whether that is the pool's memory.
 *
 * selftests/dma/guest says in the environment:
 *   ZCPOOL_DISK, ZCPOOL_CARD  names of the devices, as DMA mappings have them
 *   ZCPOOL_DMA                direct: devices use physical addresses; iommu: others,
 *                             that it translates; bounce: all goes by way of memory
 *                             that the kernel copies from and to
 *   ZCPOOL_MEMORY             high: pools lie above 4 GiB
 */
#ifndef ZCPOOL_SELFTEST_DMA_H
#define ZCPOOL_SELFTEST_DMA_H

#include <liburing.h>
#include <sched.h>
#include <sys/stat.h>

#include "../util.h"

#include "../harness.h"

#define PAGE 4096UL
#define COUNTER "/sys/kernel/debug/copycount/"
#define TRACING "/sys/kernel/tracing/instances/zcpool-test/"
#define NAME_LENGTH 24
/* An empty disk of the rig: selftests/vm/run --nvme. */
#define DISK "/dev/nvme0n1"

/* A piece of memory that was mapped for a device. */
struct piece {
	char device[NAME_LENGTH];
	char direction[16];
	uint64_t phys;
	uint64_t dma;
	uint64_t length;
};

struct pieces {
	struct piece *list;
	size_t count;
};

/* What was mapped for one device in one direction, against what was to be. */
struct dma_report {
	/* Bytes: wanted and mapped; wanted and not mapped; of the pool, but not wanted. */
	uint64_t mapped, missing, beyond;
	/* Memory that is not the pool's. */
	uint64_t foreign, foreign_pieces;
	/* Pieces of the pool for which the device got another address. */
	uint64_t pieces, moved;
};

static inline bool dma_is(const char *name)
{
	const char *dma = getenv("ZCPOOL_DMA");

	return dma && !strcmp(dma, name);
}

/* Counting is by processor: the test has the first one, peers have the other. */
static inline int bind_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/* The threads that do what would block. */
static inline int bind_workers(struct io_uring *ring)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return io_uring_register_iowq_aff(ring, sizeof(set), &set);
}

/* Before Linux 6.12 there were none; dma_map_page became dma_map_phys. */
static inline const char *dma_tracepoint(void)
{
	static const char *const names[] = { "dma_map_phys", "dma_map_page" };
	char path[128];
	size_t i;

	for (i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/tracing/events/dma/%s", names[i]);
		if (!access(path, F_OK))
			return names[i];
	}
	return NULL;
}

/* From here to dma_stop() all that is mapped is recorded.  0 or a negative errno. */
static inline int dma_start(void)
{
	const char *tracepoint = dma_tracepoint();
	char path[128];
	int ret = 0;

	if (tracepoint) {
		if (mkdir(TRACING, 0700) && errno != EEXIST)
			return -errno;
		snprintf(path, sizeof(path), TRACING "events/dma/%s/enable", tracepoint);
		ret = write_text(TRACING "tracing_on", "0")			      ?:
			      write_text(TRACING "buffer_size_kb", "8192")	      ?:
			      write_text(TRACING "trace", "")			      ?:
			      write_text(path, "1")				      ?:
			      write_text(TRACING "events/dma/dma_map_sg/enable", "1") ?:
			      write_text(TRACING "tracing_on", "1");
	}
	/* No page of this child is to be copied from its parent's while it is counted. */
	if (mlockall(MCL_CURRENT) || munlockall())
		return -errno;
	return ret ?: write_text(COUNTER "control", "start");
}

static inline int dma_stop(void)
{
	int ret = write_text(COUNTER "control", "stop");

	return ret || !dma_tracepoint() ? ret : write_text(TRACING "tracing_on", "0");
}

/* Bytes of a kind that copycount has, by whatever name. */
static inline int64_t counted(const char *kind)
{
	FILE *file = fopen(COUNTER "counts", "r");
	long long bytes, sum = 0;
	char found[32];

	if (!file)
		return -errno;
	while (fscanf(file, "%31s %*s %lld %*d", found, &bytes) == 2)
		if (!strcmp(found, kind))
			sum += bytes;
	fclose(file);
	return sum;
}

static inline struct piece *new_piece(struct pieces *pieces)
{
	struct piece *list = reallocarray(pieces->list, pieces->count + 1, sizeof(*list));

	if (!list)
		abort();
	pieces->list = list;
	return memset(&list[pieces->count++], 0, sizeof(*list));
}

static inline void free_pieces(struct pieces *pieces)
{
	free(pieces->list);
	*pieces = (struct pieces){ 0 };
}

/* What was recorded; -EOVERFLOW if that is not all. */
static inline int dma_recorded(struct pieces *pieces)
{
	FILE *file = fopen(COUNTER "mappings", "r");
	unsigned long lost = 1;
	char line[128];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		struct piece *piece;

		if (sscanf(line, "lost %lu", &lost) == 1)
			break;
		piece = new_piece(pieces);
		if (sscanf(line, "%23s %15s %lx %lx %lx", piece->device, piece->direction,
			   &piece->phys, &piece->dma, &piece->length) != 5)
			pieces->count--;
	}
	fclose(file);
	return lost ? -EOVERFLOW : 0;
}

/* A list of addresses, "name={0x1,0x2}", as pieces of that physical address. */
static inline void add_traced_list(struct pieces *pieces, const struct piece *common,
				   const char *line, const char *name)
{
	const char *at = strstr(line, name);
	char *end;

	if (!at)
		return;
	for (at += strlen(name); *at == '{' || *at == ','; at = end) {
		struct piece *piece = new_piece(pieces);

		*piece = *common;
		piece->phys = strtoull(at + 1, &end, 16);
	}
}

/*
 * What the tracepoints saw: of a list the physical addresses only, since an IOMMU may
 * have made one piece of several.
 */
static inline int dma_traced(struct pieces *pieces)
{
	FILE *file = fopen(TRACING "trace", "r");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) > 0) {
		struct piece piece = { 0 };
		char *at = strstr(line, ": dma_map_");

		/* "EVENT: DEVICE dir=DIRECTION dma_addr=..." */
		if (*line == '#' || !at)
			continue;
		if (sscanf(at, ": %*s %23s dir=%15s dma_addr=%lx size=%lu phys_addr=%lx",
			   piece.device, piece.direction, &piece.dma, &piece.length,
			   &piece.phys) == 5)
			*new_piece(pieces) = piece;
		else
			add_traced_list(pieces, &piece, at, " phys_addrs=");
	}
	free(line);
	fclose(file);
	return 0;
}

static inline int compare_pieces(const void *a_, const void *b_)
{
	const struct piece *a = a_, *b = b_;

	return strcmp(a->device, b->device) ?: a->phys < b->phys ? -1 : a->phys > b->phys;
}

/* The pages of a mapping: physical addresses, and where they are in the mapping. */
struct pool_page {
	uint64_t phys;
	uint64_t offset;
};

struct pool_pages {
	struct pool_page *list;
	size_t count;
};

static inline int compare_pages(const void *a_, const void *b_)
{
	const struct pool_page *a = a_, *b = b_;

	return a->phys < b->phys ? -1 : a->phys > b->phys;
}

/* By /proc/self/pagemap, which tells root; every page is touched first. */
static inline int find_pages(struct pool_pages *pages, const char *map, size_t size)
{
	const uint64_t present = 1ULL << 63, number = (1ULL << 55) - 1;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), ret = 0;
	size_t i;

	if (fd < 0)
		return -errno;
	pages->count = size / PAGE;
	pages->list = calloc(pages->count, sizeof(*pages->list));
	for (i = 0; i < pages->count && !ret; i++) {
		const volatile char *at = map + i * PAGE;
		uint64_t entry = 0;

		(void)*at;
		if (pread(fd, &entry, 8, (uintptr_t)at / PAGE * 8) != 8 || !(entry & present) ||
		    !(entry & number))
			ret = -EIO;
		pages->list[i] = (struct pool_page){ (entry & number) * PAGE, i * PAGE };
	}
	close(fd);
	qsort(pages->list, pages->count, sizeof(*pages->list), compare_pages);
	return ret;
}

static inline struct pool_page *find_page(const struct pool_pages *pages, uint64_t phys)
{
	const struct pool_page key = { .phys = phys / PAGE * PAGE };

	return bsearch(&key, pages->list, pages->count, sizeof(key), compare_pages);
}

/* Sorted, and without all that is not of the pool: other packets come and go. */
static inline void keep_pool(struct pieces *pieces, const struct pool_pages *pages)
{
	size_t i, kept = 0;

	for (i = 0; i < pieces->count; i++)
		if (find_page(pages, pieces->list[i].phys))
			pieces->list[kept++] = pieces->list[i];
	pieces->count = kept;
	qsort(pieces->list, kept, sizeof(*pieces->list), compare_pieces);
}

/* Whether all are among the others, by device and physical address; both are sorted. */
static inline bool among(const struct pieces *pieces, const struct pieces *others)
{
	size_t i, j = 0;

	for (i = 0; i < pieces->count; i++, j++) {
		while (j < others->count && compare_pieces(&pieces->list[i], &others->list[j]))
			j++;
		if (j == others->count)
			return false;
	}
	return true;
}

static inline void note_piece(struct dma_report *report, const struct piece *piece,
			      const struct pool_pages *pages, unsigned char *seen)
{
	uint64_t at = piece->phys, end = piece->phys + piece->length, length;
	bool ours = false;

	for (; at < end; at += length) {
		struct pool_page *page = find_page(pages, at);

		length = end - at < PAGE - at % PAGE ? end - at : PAGE - at % PAGE;
		ours |= !!page;
		if (page)
			memset(seen + page->offset + at % PAGE, 1, length);
		else
			report->foreign += length;
	}
	report->pieces += ours;
	report->foreign_pieces += !ours;
	report->moved += ours && piece->dma != piece->phys;
}

/* Against the wanted bytes of the pool, [offset, offset + length). */
static inline struct dma_report examine(const struct pieces *pieces, const char *device,
					const char *direction, const struct pool_pages *pages,
					uint64_t offset, uint64_t length)
{
	unsigned char *seen = calloc(pages->count, PAGE);
	struct dma_report report = { 0 };
	size_t i;

	for (i = 0; i < pieces->count; i++)
		if (!strcmp(pieces->list[i].device, device) &&
		    !strcmp(pieces->list[i].direction, direction))
			note_piece(&report, &pieces->list[i], pages, seen);
	for (i = 0; i < pages->count * PAGE; i++) {
		bool wanted = i >= offset && i < offset + length;

		report.mapped += wanted && seen[i];
		report.missing += wanted && !seen[i];
		report.beyond += !wanted && seen[i];
	}
	free(seen);
	return report;
}

static inline void fill(char *data, size_t size, unsigned int seed)
{
	size_t i;

	for (i = 0; i < size; i++)
		data[i] = (i * 2654435761U + seed * 40503U) >> 13;
}

/*
 * What copycount recorded.  The kernel's own tracepoints, if there are any, must have
 * seen all of it that is of the pool; they began earlier and ended later.
 */
static inline void expect_recorded(struct __test_metadata *_metadata, struct pieces *pieces,
				   const struct pool_pages *pages)
{
	struct pieces traced = { 0 }, ours = { 0 };

	ASSERT_EQ(0, dma_recorded(pieces));
	if (!dma_tracepoint())
		return;
	ASSERT_EQ(0, dma_traced(&traced));
	ASSERT_EQ(0, dma_recorded(&ours));
	keep_pool(&traced, pages);
	keep_pool(&ours, pages);
	EXPECT_LT(0, ours.count);
	EXPECT_TRUE(among(&ours, &traced));
	free_pieces(&traced);
	free_pieces(&ours);
}

/*
 * That the processor copied nothing, but what a driver does by itself.  What bounces is
 * copied, maybe on another processor; that it all does, the addresses tell.
 */
static inline void expect_copied(struct __test_metadata *_metadata, int64_t by_driver)
{
	if (!dma_is("bounce"))
		EXPECT_GE(by_driver, counted("payload"));
}

/* That the device was given the addresses of the pool's own memory. */
static inline void expect_addresses(struct __test_metadata *_metadata,
				    const struct dma_report *report)
{
	if (dma_is("direct")) {
		EXPECT_EQ(0, report->moved);
	} else {
		EXPECT_EQ(report->pieces, report->moved);
	}
}

/*
 * That a device was given these bytes of the pool, but for what its driver copies, and
 * so much other memory at most.
 */
static inline void expect_dma(struct __test_metadata *_metadata, const struct dma_report *report,
			      uint64_t length, uint64_t by_driver, uint64_t most_foreign)
{
	EXPECT_EQ(length, report->mapped + report->missing);
	EXPECT_GE(by_driver, report->missing);
	EXPECT_EQ(0, report->beyond);
	EXPECT_GE(most_foreign, report->foreign);
	expect_addresses(_metadata, report);
}

#endif /* ZCPOOL_SELFTEST_DMA_H */
