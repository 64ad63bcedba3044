// SPDX-License-Identifier: GPL-2.0-only
/*
 * A graphics driver, vgem, imports exports by PRIME: what it makes of one is the pool's
 * memory, and its buffers are not free while it has it.
 */
#include "drm.h"

#include "harness.h"

#define STRIDE (64 * KIB)
#define COUNT 4
/* Within the first buffer to within the third. */
#define OFFSET (STRIDE - 8 * KIB)
#define LENGTH (STRIDE + 16 * KIB)

static int load_vgem(void)
{
	int status = modprobe("vgem");

	if (status)
		fprintf(stderr, "cannot load vgem\n");
	return status;
}

static int unload_vgem(void)
{
	int status = modprobe_remove("vgem");

	if (status)
		fprintf(stderr, "cannot unload vgem\n");
	return status;
}

WITH_MODULES(load_vgem, unload_vgem)

FIXTURE(drm)
{
	int fd;
	char *map;
	int drm;
};

FIXTURE_SETUP(drm)
{
	self->drm = open_drm("vgem");
	ASSERT_GE(self->drm, 0);
	self->fd = new_pool(STRIDE, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, COUNT * STRIDE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
}

FIXTURE_TEARDOWN(drm)
{
	close(self->drm);
	munmap(self->map, COUNT * STRIDE);
	close(self->fd);
}

/* Drivers have imported objects mapped by the dma-buf that they share again. */
TEST_F(drm, object_is_the_pools_memory)
{
	int dmabuf = export(self->fd, OFFSET, LENGTH, 0), shared;
	uint32_t handle, again;
	char *shown;

	ASSERT_EQ(0, import(self->drm, dmabuf, &handle));
	ASSERT_EQ(0, import(self->drm, dmabuf, &again));
	EXPECT_EQ(handle, again);
	close(dmabuf);
	shared = share(self->drm, handle);
	ASSERT_GE(shared, 0);
	shown = map_pool(shared, LENGTH);
	ASSERT_NE(MAP_FAILED, (void *)shown);
	strcpy(self->map + OFFSET, "begins");
	strcpy(self->map + OFFSET + LENGTH - 8, "ends");
	EXPECT_STREQ("begins", shown);
	EXPECT_STREQ("ends", shown + LENGTH - 8);
	strcpy(shown + STRIDE, "by the object");
	EXPECT_STREQ("by the object", self->map + OFFSET + STRIDE);
	munmap(shown, LENGTH);
	close(shared);
}

TEST_F(drm, not_free_while_imported)
{
	int dmabuf = export(self->fd, OFFSET, LENGTH, 0), shared;
	uint32_t handle;
	char *shown;

	ASSERT_EQ(0, import(self->drm, dmabuf, &handle));
	close(dmabuf);
	ASSERT_EQ(3, get_now(self->fd));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	/* By the object, by what it shares, and by a mapping of that. */
	shared = share(self->drm, handle);
	ASSERT_EQ(0, close_handle(self->drm, handle));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	shown = map_pool(shared, LENGTH);
	close(shared);
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	munmap(shown, LENGTH);
	ASSERT_EQ(0, get_wait(self->fd));
	ASSERT_EQ(1, get_wait(self->fd));
	ASSERT_EQ(2, get_wait(self->fd));
}

TEST_F(drm, free_when_the_device_is_closed)
{
	int dmabuf = export(self->fd, OFFSET, LENGTH, 0);
	uint32_t handle;
	pid_t child;

	ASSERT_EQ(0, import(self->drm, dmabuf, &handle));
	close(dmabuf);
	ASSERT_EQ(3, get_now(self->fd));
	child = fork();
	if (!child) {
		close(self->drm);
		_exit(get_wait(self->fd));
	}
	ASSERT_TRUE(wait_asleep(child));
	close(self->drm);
	self->drm = -1;
	/* Any of the three. */
	EXPECT_LT((unsigned int)wait_status(child), 3);
}

/* Up to Linux 6.12 drivers map what they import in both directions at once. */
TEST_F(drm, read_only)
{
	int dmabuf = export(self->fd, 0, STRIDE, ZCPOOL_EXPORT_F_READ_ONLY), shared;
	uint32_t handle;
	int error = import(self->drm, dmabuf, &handle);

	if (error) {
		ASSERT_EQ(-EACCES, error);
		EXPECT_EQ(1, holder_of(self->fd, 0).exports);
	} else {
		shared = share(self->drm, handle);
		ASSERT_GE(shared, 0);
		ASSERT_EQ(MAP_FAILED, (void *)map_pool(shared, STRIDE));
		EXPECT_EQ(EACCES, errno);
		close(shared);
	}
	close(dmabuf);
}

TEST_HARNESS_MAIN
