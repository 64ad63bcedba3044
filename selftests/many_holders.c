// SPDX-License-Identifier: GPL-2.0-only
/*
 * As many exports and views of a buffer as can be counted, and not one more: what fails
 * leaves nothing behind, and what ends makes room.
 */
#include <sys/resource.h>

#include "export.h"
#include "view.h"

#include "harness.h"

#define STRIDE (8 * KIB)
#define COUNT 2
/* The module's counters: 15 bits of exports, 16 of views and of what can write. */
#define EXPORTS_MAX 32767
#define VIEWS_MAX 65535
#define WRITERS_MAX 65535

FIXTURE(pool)
{
	int fd;
	int last;
};

FIXTURE_SETUP(pool)
{
	struct rlimit limit = { VIEWS_MAX + 1000, VIEWS_MAX + 1000 };

	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		SKIP(return, "the kernel takes minutes for so many");
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	self->fd = new_pool(STRIDE, COUNT);
	ASSERT_GE(self->fd, 0);
	self->last = self->fd;
}

FIXTURE_TEARDOWN(pool)
{
	int fd;

	for (fd = self->fd + 1; fd <= self->last; fd++)
		close(fd);
	/* Both are free, and nothing stands. */
	EXPECT_GE(get_wait(self->fd), 0);
	EXPECT_GE(get_wait(self->fd), 0);
	close(self->fd);
}

/* Exports of the first buffer until one fails; returns how many, *error is why. */
static int export_many(int fd, uint32_t flags, int *last, int *error)
{
	int dmabuf, count = 0;

	while ((dmabuf = export(fd, 0, STRIDE, flags)) >= 0) {
		*last = dmabuf;
		count++;
	}
	*error = dmabuf;
	return count;
}

TEST_F_TIMEOUT(pool, exports, 150)
{
	int error, dmabuf;

	EXPECT_EQ(EXPORTS_MAX, export_many(self->fd, 0, &self->last, &error));
	EXPECT_EQ(-EMLINK, error);
	EXPECT_EQ(EXPORTS_MAX, holder_of(self->fd, 0).exports);
	EXPECT_EQ(-EMLINK, export(self->fd, 0, STRIDE, ZCPOOL_EXPORT_F_READ_ONLY));
	/* Of the other buffer too nothing is left. */
	EXPECT_EQ(-EMLINK, export(self->fd, 0, COUNT * STRIDE, 0));
	EXPECT_EQ(0, holder_of(self->fd, 1).exports);
	dmabuf = export(self->fd, STRIDE, STRIDE, 0);
	EXPECT_GE(dmabuf, 0);
	close(dmabuf);
	close(self->last);
	EXPECT_EQ(self->last, export(self->fd, 0, STRIDE, 0));
	EXPECT_EQ(-EMLINK, export(self->fd, 0, STRIDE, 0));

	/* Those that do not hold it write nevertheless. */
	EXPECT_EQ(WRITERS_MAX - EXPORTS_MAX,
		  export_many(self->fd, ZCPOOL_EXPORT_F_UNHELD, &self->last, &error));
	EXPECT_EQ(-EMLINK, error);
	EXPECT_EQ(-EMLINK, export(self->fd, 0, COUNT * STRIDE, ZCPOOL_EXPORT_F_UNHELD));
	dmabuf = export(self->fd, 0, STRIDE, ZCPOOL_EXPORT_F_UNHELD | ZCPOOL_EXPORT_F_READ_ONLY);
	EXPECT_GE(dmabuf, 0);
	close(dmabuf);
}

TEST_F_TIMEOUT(pool, views, 150)
{
	int count = 0, file;

	while ((file = view(self->fd, 0, STRIDE, 0, 0600)) >= 0) {
		self->last = file;
		count++;
	}
	EXPECT_EQ(-EMLINK, file);
	EXPECT_EQ(VIEWS_MAX, count);
	EXPECT_EQ(VIEWS_MAX, holder_of(self->fd, 0).views);
	EXPECT_EQ(-EMLINK, view(self->fd, STRIDE - 1, 2, 0, 0600));
	EXPECT_EQ(-EMLINK, view(self->fd, 0, COUNT * STRIDE, 0, 0600));
	EXPECT_EQ(0, holder_of(self->fd, 1).views);
	close(self->last);
	EXPECT_EQ(self->last, view(self->fd, 0, STRIDE, 0, 0600));
}

TEST_HARNESS_MAIN
