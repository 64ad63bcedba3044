/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests share that take the edu device from its driver, by sysfs. */
#ifndef ZCPOOL_SELFTEST_EDU_BUS_H
#define ZCPOOL_SELFTEST_EDU_BUS_H

#include <linux/pci_regs.h>

#include "edu.h"

#define PCI_DEVICES "/sys/bus/pci/devices"
#define EDU_DRIVER "/sys/bus/pci/drivers/zcpool_edu"
#define EDU_NODE "/dev/zcpool-edu0"
#define EDU_TIMEOUT "/sys/module/zcpool_edu/parameters/timeout_ms"

/* A number of sysfs in hexadecimal, -1 if there is none. */
static inline long pci_number(const char *device, const char *attribute)
{
	long number = -1;
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", device, attribute);
	file = fopen(path, "r");
	if (file) {
		if (fscanf(file, "%lx", &number) != 1)
			number = -1;
		fclose(file);
	}
	return number;
}

/* The address of the first device of a kind, or "none"; device -1: of any. */
static inline const char *pci_find(long vendor, long device)
{
	static char name[256];
	struct dirent *entry;
	DIR *directory = opendir(PCI_DEVICES);

	strcpy(name, "none");
	while (directory && (entry = readdir(directory)))
		if (pci_number(entry->d_name, "vendor") == vendor &&
		    (device < 0 || pci_number(entry->d_name, "device") == device))
			strcpy(name, entry->d_name);
	closedir(directory);
	return name;
}

static inline const char *edu_address(void)
{
	return pci_find(0x1234, 0x11e8);
}

/* Write to a file of a driver's: an address, mostly. */
static inline int driver_write(const char *driver, const char *file, const char *text)
{
	char path[600];

	snprintf(path, sizeof(path), "%s/%s", driver, file);
	return write_text(path, text);
}

static inline int edu_unbind(void)
{
	return driver_write(EDU_DRIVER, "unbind", edu_address());
}

static inline int edu_bind(void)
{
	return driver_write(EDU_DRIVER, "bind", edu_address());
}

/* Write to a file of a device's. */
static inline int pci_write(const char *device, const char *file, const char *text)
{
	char path[300];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s", device);
	return driver_write(path, file, text);
}

/* 16 bits of the device's configuration space. */
static inline int edu_config_open(void)
{
	char path[300];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/config", edu_address());
	return open(path, O_RDWR | O_CLOEXEC);
}

static inline uint16_t edu_config(int offset)
{
	int fd = edu_config_open();
	uint16_t value = 0;

	if (pread(fd, &value, sizeof(value), offset) != sizeof(value))
		value = 0;
	close(fd);
	return value;
}

/* Clear some, set others. */
static inline int edu_configure(int offset, uint16_t clear, uint16_t set)
{
	uint16_t value = (edu_config(offset) & ~clear) | set;
	int fd = edu_config_open(), ret;

	ret = pwrite(fd, &value, sizeof(value), offset) == sizeof(value) ? 0 : -errno;
	close(fd);
	return ret;
}

/* Where a capability is in the configuration space, 0 if it is nowhere. */
static inline int edu_capability(int id)
{
	int offset = edu_config(PCI_CAPABILITY_LIST) & 0xff;

	while (offset && (edu_config(offset) & 0xff) != id)
		offset = edu_config(offset) >> 8;
	return offset;
}

/* An IOMMU is on. */
static inline bool has_iommu(void)
{
	char path[300];

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/iommu_group", edu_address());
	return !access(path, F_OK);
}

/* Physical address of a mapped page. */
static inline uint64_t page_address(const void *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)page / 4096 * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	return (entry & ((1ULL << 55) - 1)) * 4096;
}

#endif /* ZCPOOL_SELFTEST_EDU_BUS_H */
