/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests share that attach devices to exports: short names for what selftests/importer
 * does.
 */
#ifndef ZCPOOL_SELFTEST_ATTACH_H
#define ZCPOOL_SELFTEST_ATTACH_H

#include <sys/stat.h>

#include "export.h"
#include "importer/importer.h"
#include "modules.h"

/* Most segments that a test has room for. */
#define SEGMENTS_MAX 4096

static inline int load_importer(void)
{
	return insert_module("ZCPOOL_IMPORTER");
}

static inline int unload_importer(void)
{
	return remove_module(IMPORTER_NAME);
}

/* All return what the importer's call does, or a negative errno. */

static inline int set_device(int device, const char *pci, uint32_t bits, uint32_t max_segment,
			     uint64_t boundary)
{
	struct importer_device arg = {
		.bits = bits,
		.max_segment = max_segment,
		.boundary = boundary,
	};

	strncpy(arg.pci, pci, sizeof(arg.pci) - 1);
	return ioctl(device, IMPORTER_DEVICE, &arg) ? -errno : 0;
}

/* A device of its own. */
static inline int new_device(uint32_t bits, uint32_t max_segment, uint64_t boundary)
{
	int device = open("/dev/" IMPORTER_NAME, O_RDWR | O_CLOEXEC);
	int error;

	if (device < 0)
		return -errno;
	error = set_device(device, "", bits, max_segment, boundary);
	if (error) {
		close(device);
		return error;
	}
	return device;
}

static inline int attach(int device, int dmabuf)
{
	return ioctl(device, IMPORTER_ATTACH, dmabuf) ? -errno : 0;
}

static inline int detach(int device)
{
	return ioctl(device, IMPORTER_DETACH) ? -errno : 0;
}

static inline int map_for(int device, unsigned int direction)
{
	return ioctl(device, IMPORTER_MAP, direction) ? -errno : 0;
}

static inline int unmap(int device)
{
	return ioctl(device, IMPORTER_UNMAP) ? -errno : 0;
}

static inline int vmap(int device)
{
	return ioctl(device, IMPORTER_VMAP) ? -errno : 0;
}

static inline int vunmap(int device)
{
	return ioctl(device, IMPORTER_VUNMAP) ? -errno : 0;
}

/* How many segments there are. */
static inline int segments_of(int device, struct importer_segment *segments)
{
	struct importer_segments arg = {
		.segments = (uintptr_t)segments,
		.count = SEGMENTS_MAX,
	};

	if (ioctl(device, IMPORTER_SEGMENTS, &arg))
		return -errno;
	return arg.count > SEGMENTS_MAX ? -E2BIG : (int)arg.count;
}

/* The physical address that a device's leads to, 0 if to none. */
static inline uint64_t physical_of(int device, uint64_t address)
{
	struct importer_access access = { .at = address };

	return ioctl(device, IMPORTER_ACCESS, &access) ? 0 : access.physical;
}

/* Write as the device does: by its address of an offset. */
static inline int device_write(int device, uint64_t offset, uint32_t value)
{
	static struct importer_segment segments[SEGMENTS_MAX];
	int count = segments_of(device, segments), i;

	for (i = 0; i < count && offset >= segments[i].length; i++)
		offset -= segments[i].length;
	if (i >= count)
		return -ERANGE;
	struct importer_access access = {
		.at = segments[i].address + offset,
		.value = value,
		.write = 1,
	};
	return ioctl(device, IMPORTER_ACCESS, &access) ? -errno : 0;
}

static inline int vmap_access(int device, uint64_t offset, uint32_t *value, bool write)
{
	struct importer_access access = { .at = offset, .value = *value, .write = write };
	int ret = ioctl(device, IMPORTER_VMAP_ACCESS, &access) ? -errno : 0;

	*value = access.value;
	return ret;
}

static inline struct importer_syncs syncs_of(int device)
{
	struct importer_syncs syncs;

	if (ioctl(device, IMPORTER_SYNCS, &syncs))
		memset(&syncs, 0xff, sizeof(syncs));
	return syncs;
}

/* Whether a segment leads to pages, as the program's /proc/self/pagemap has them. */
static inline bool segment_is(int device, const struct importer_segment *segment,
			      const uint64_t *pages)
{
	uint64_t done;

	for (done = 0; done < segment->length; done += 4096)
		if (physical_of(device, segment->address + done) != physical_in(*pages++))
			return false;
	return true;
}

/* Whether the segments of a mapped slice are "right", or what is wrong. */
static inline const char *segments_are(int device, const char *slice, size_t length,
				       uint64_t max_segment, uint64_t boundary)
{
	static struct importer_segment segments[SEGMENTS_MAX];
	static uint64_t pages[SEGMENTS_MAX];
	int count = segments_of(device, segments), pagemap, i;
	uint64_t done = 0, last = 0;
	ssize_t got;

	if (count <= 0)
		return "there are none";
	if (length > sizeof(pages) / 8 * 4096)
		return "there is no room for its pages";
	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	got = pread(pagemap, pages, length / 4096 * 8, (uintptr_t)slice / 4096 * 8);
	close(pagemap);
	if (got != (ssize_t)(length / 4096 * 8))
		return "its mapping is not told of";
	/* What the kernel assumes if nothing is set. */
	max_segment = max_segment ?: 64 * KIB;
	boundary = boundary ?: ~0ULL;
	for (i = 0; i < count; i++) {
		const struct importer_segment *segment = &segments[i];
		uint64_t end = segment->address + segment->length;

		if (!segment->length || (segment->address | segment->length) % 4096)
			return "one is not made of pages";
		if (segment->length > max_segment)
			return "one is too long";
		if ((segment->address & ~boundary) != ((end - 1) & ~boundary))
			return "one crosses a boundary";
		if (done + segment->length > length ||
		    !segment_is(device, segment, pages + done / 4096))
			return "one does not lead to the pool's memory";
		/* Are two one, but for the device's limits?  An IOMMU has its own ideas. */
		if (segment->address == last && last & boundary &&
		    physical_of(device, last) == last &&
		    segments[i - 1].length + 4096 <= max_segment)
			return "contiguous memory is in parts";
		last = end;
		done += segment->length;
	}
	return done == length ? "right" : "they do not have the slice's length";
}

#endif /* ZCPOOL_SELFTEST_ATTACH_H */
