// SPDX-License-Identifier: GPL-2.0-only
/*
 * A driver that has the device write to memory after it was unmapped, as a build with
 * ZCPOOL_EDU_STALE_DMA does: with an IOMMU the write is stopped, and the kernel tells of
 * it; without one it is done.  The driver as it is never does that.
 *
 * ZCPOOL_STALE: the driver is the broken one.
 */
#include <sys/klog.h>

#include "../edu_bus.h"

#include "../harness.h"

#define SIZE (64 * KIB)
#define GUARD 0xee
/* Of klogctl(), see syslog(2). */
#define READ_ALL 3

/* Whether the kernel's log tells of a fault of the device's DMA. */
static bool fault_is_told(void)
{
	static char log[1 << 20];
	const char *address = strchr(edu_address(), ':') + 1;
	int length = klogctl(READ_ALL, log, sizeof(log) - 1);
	char *line, *next;

	log[length < 0 ? 0 : length] = 0;
	for (line = log; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (strstr(line, "DMAR: [DMA Write") && strstr(line, address))
			return true;
	}
	return false;
}

TEST(dma_after_unmapping)
{
	bool stale = getenv("ZCPOOL_STALE");
	bool stopped = stale && has_iommu();
	struct edu edu;
	int try;

	/* A device that could not read these zeros has nothing but zeros either. */
	ASSERT_TRUE(edu_begin(&edu, SIZE, 1));
	ASSERT_EQ(0, edu_move(&edu, 0, 1000, 0, 0));
	memset(edu.map, GUARD, SIZE);
	ASSERT_FALSE(fault_is_told());
	ASSERT_EQ(0, edu_move(&edu, 100, 1000, 0, FROM_DEVICE));
	EXPECT_EQ(1000, edu_all(edu.map + 100, 1000, stopped ? GUARD : 0));
	/* By an interrupt of its own, which may come later. */
	for (try = 0; try < 20000 && stopped && !fault_is_told(); try++)
		usleep(1000);
	EXPECT_EQ(stopped, fault_is_told());
	EXPECT_EQ(100, edu_all(edu.map, 100, GUARD));
	EXPECT_EQ(SIZE - 1100, edu_all(edu.map + 1100, SIZE - 1100, GUARD));
	edu_end(&edu);
}

TEST_HARNESS_MAIN
