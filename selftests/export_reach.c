// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which devices are attached to an export: those that reach all of its memory, directly or
 * by an IOMMU, and no others, for they would work on a copy.  Holds for machines of every
 * kind, and tells them apart: an IOMMU, or bouncing of all DMA (swiotlb=force).
 */
#include <dirent.h>

#include "attach.h"

#include "harness.h"

#define STRIDE (64 * KIB)
#define COUNT 16
#define SIZE (COUNT * STRIDE)

WITH_MODULES(load_importer, unload_importer)

/* Whether the machine was told to bounce all DMA. */
static bool bounces_all(void)
{
	char line[4096] = "";
	FILE *file = fopen("/proc/cmdline", "r");

	if (file) {
		if (!fgets(line, sizeof(line), file))
			line[0] = 0;
		fclose(file);
	}
	return strstr(line, "swiotlb=force");
}

/* Bits of the highest address in a mapped, touched range. */
static uint32_t bits_of(const char *map, size_t size)
{
	uint64_t highest = 0;
	size_t offset;

	for (offset = 0; offset < size; offset += 4 * KIB)
		if (physical_address(map + offset) > highest)
			highest = physical_address(map + offset);
	return highest ? 64 - __builtin_clzll(highest) : 0;
}

/*
 * The name of some PCI device, and whether an IOMMU gives it addresses of its own.  Bridges
 * are left out, to which drivers of buses may not give a mask.
 */
static bool find_pci(char name[24], bool *translated)
{
	char path[512], type[32] = "";
	struct dirent *entry;
	DIR *devices = opendir("/sys/bus/pci/devices");
	bool found = false;
	FILE *file;

	while (devices && !found && (entry = readdir(devices))) {
		unsigned int class = 0x06;

		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/class", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		found = fscanf(file, "0x%2x", &class) == 1 && class != 0x06;
		fclose(file);
		snprintf(name, 24, "%.23s", entry->d_name);
	}
	if (devices)
		closedir(devices);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group/type", name);
	file = fopen(path, "r");
	if (file) {
		if (!fgets(type, sizeof(type), file))
			type[0] = 0;
		fclose(file);
	}
	*translated = !strncmp(type, "DMA", 3);
	return found;
}

static int pool_below(uint32_t bits)
{
	struct zcpool_create create = {
		.buffer_size = STRIDE,
		.count = COUNT,
		.dma_bits = bits,
	};
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);

	return ioctl(fd, ZCPOOL_IOC_CREATE, &create) ? -errno : fd;
}

FIXTURE(pool)
{
	int fd;
	char *map;
	uint32_t bits;
	int dmabuf;
	int can; /* what attach says if all is well */
};

FIXTURE_VARIANT(pool)
{
	uint32_t dma_bits;
};

VARIANT(pool, anywhere, .dma_bits = 0);
VARIANT(pool, low, .dma_bits = 24);

FIXTURE_SETUP(pool)
{
	self->fd = pool_below(variant->dma_bits);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, SIZE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	memset(self->map, 0, SIZE);
	self->bits = bits_of(self->map, SIZE);
	ASSERT_GT(self->bits, 20);
	if (variant->dma_bits)
		ASSERT_LE(self->bits, variant->dma_bits);
	self->dmabuf = export(self->fd, 0, SIZE, 0);
	ASSERT_GE(self->dmabuf, 0);
	self->can = bounces_all() ? -EBUSY : 0;
}

FIXTURE_TEARDOWN(pool)
{
	close(self->dmabuf);
	munmap(self->map, SIZE);
	close(self->fd);
}

TEST_F(pool, address_limit)
{
	int device = new_device(self->bits, 0, 0);

	EXPECT_EQ(self->can, attach(device, self->dmabuf));
	close(device);
	device = new_device(self->bits - 1, 0, 0);
	EXPECT_EQ(-EBUSY, attach(device, self->dmabuf));
	/* Nothing is left of the one that was refused. */
	ASSERT_EQ(0, set_device(device, "", 64, 0, 0));
	EXPECT_EQ(self->can, attach(device, self->dmabuf));
	close(device);
}

/* Only of what is exported: the lower part may be in reach. */
TEST_F(pool, address_limit_of_a_part)
{
	uint32_t index, bits;
	int device, dmabuf;

	for (index = 0; index < COUNT; index++) {
		bits = bits_of(self->map + index * STRIDE, STRIDE);
		dmabuf = export(self->fd, index * STRIDE, STRIDE, 0);
		device = new_device(bits, 0, 0);
		EXPECT_EQ(self->can, attach(device, dmabuf));
		close(device);
		device = new_device(bits - 1, 0, 0);
		EXPECT_EQ(-EBUSY, attach(device, dmabuf));
		close(device);
		close(dmabuf);
	}
}

TEST_F(pool, no_dma_at_all)
{
	int device = new_device(0, 0, 0);

	EXPECT_EQ(-EBUSY, attach(device, self->dmabuf));
	close(device);
}

/* A driver may set its device's mask after it has attached it. */
TEST_F(pool, mask_narrowed_when_attached)
{
	int device = new_device(64, 0, 0);

	EXPECT_EQ(self->can, attach(device, self->dmabuf));
	if (!self->can) {
		ASSERT_EQ(0, set_device(device, "", self->bits - 1, 0, 0));
		EXPECT_EQ(-EBUSY, map_for(device, IMPORTER_FROM_DEVICE));
		ASSERT_EQ(0, set_device(device, "", 0, 0, 0));
		EXPECT_EQ(-EBUSY, map_for(device, IMPORTER_FROM_DEVICE));
		ASSERT_EQ(0, set_device(device, "", self->bits, 0, 0));
		EXPECT_EQ(0, map_for(device, IMPORTER_FROM_DEVICE));
		EXPECT_STREQ("right", segments_are(device, self->map, SIZE, 0, 0));
	}
	close(device);
}

/* Behind an IOMMU the device reaches all memory, and as one segment. */
TEST_F(pool, pci_device)
{
	static struct importer_segment segments[SEGMENTS_MAX];
	int device = new_device(64, 0, 0), i, count;
	bool translated;
	char name[24];

	ASSERT_TRUE(find_pci(name, &translated));
	if (translated)
		self->can = 0;
	ASSERT_EQ(0, set_device(device, name, 32, -1, 0));
	ASSERT_EQ(self->can, attach(device, self->dmabuf));
	for (i = IMPORTER_BIDIRECTIONAL; !self->can && i <= IMPORTER_FROM_DEVICE; i++) {
		ASSERT_EQ(0, map_for(device, i));
		EXPECT_STREQ("right", segments_are(device, self->map, SIZE, -1, 0));
		count = segments_of(device, segments);
		if (translated) {
			EXPECT_EQ(1, count);
			EXPECT_NE(physical_address(self->map), segments[0].address);
		}
		ASSERT_EQ(0, device_write(device, SIZE - 4 * KIB, 7 + i));
		EXPECT_EQ(7 + i, *(uint32_t *)(self->map + SIZE - 4 * KIB));
		ASSERT_EQ(0, unmap(device));
		/* And no longer than it is mapped. */
		if (translated)
			EXPECT_EQ(0, physical_of(device, segments[0].address));
	}
	if (self->can)
		ASSERT_EQ(0, set_device(device, name, 64, -1, 0));
	close(device);
}

TEST_F(pool, pci_device_of_few_bits)
{
	int device = new_device(64, 0, 0);
	bool translated;
	char name[24];

	ASSERT_TRUE(find_pci(name, &translated));
	ASSERT_EQ(0, set_device(device, name, self->bits - 1, 0, 0));
	ASSERT_EQ(translated ? 0 : -EBUSY, attach(device, self->dmabuf));
	/* Below the low pool there may be no addresses left to give. */
	if (translated && !variant->dma_bits) {
		ASSERT_EQ(0, map_for(device, IMPORTER_BIDIRECTIONAL));
		EXPECT_STREQ("right", segments_are(device, self->map, SIZE, 0, 0));
	}
	close(device);
}

/* Addresses that an IOMMU gives keep within the device's limits. */
TEST_F(pool, pci_device_of_small_segments)
{
	int device = new_device(64, 0, 0);
	bool translated;
	char name[24];

	ASSERT_TRUE(find_pci(name, &translated));
	ASSERT_EQ(0, set_device(device, name, 40, 20 * KIB, 64 * KIB - 1));
	ASSERT_EQ(translated ? 0 : self->can, attach(device, self->dmabuf));
	if (translated || !self->can) {
		ASSERT_EQ(0, map_for(device, IMPORTER_BIDIRECTIONAL));
		EXPECT_STREQ("right",
			     segments_are(device, self->map, SIZE, 20 * KIB, 64 * KIB - 1));
	}
	close(device);
	device = new_device(64, 0, 0);
	ASSERT_EQ(0, set_device(device, name, 40, 512, 0));
	ASSERT_EQ(-EBUSY, attach(device, self->dmabuf));
	close(device);
}

TEST_HARNESS_MAIN
