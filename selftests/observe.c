// SPDX-License-Identifier: GPL-2.0-only
/* An operator sees pools in fdinfo, and their life in tracepoints. */
#include "isolated.h"

#include "harness.h"

#define TRACING "/sys/kernel/tracing/"

static long long fdinfo_value(int fd, const char *key)
{
	char path[64], line[128];
	long long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			value = atoll(line + strlen(key) + 1);
	if (file)
		fclose(file);
	return value;
}

TEST(fdinfo_of_an_unbound_handle)
{
	int fd = open(DEVICE, O_RDWR);

	ASSERT_EQ(0, fdinfo_value(fd, "zcpool-pool"));
	ASSERT_EQ(-1, fdinfo_value(fd, "zcpool-count"));
}

TEST(fdinfo_of_a_pool)
{
	int fd = new_pool(12 * KIB, 10);
	struct zcpool_query q;
	uint32_t indices[3];

	ASSERT_EQ(3, get_many(fd, indices, 3, 0, 0));
	ASSERT_EQ(0, query(fd, &q));
	EXPECT_EQ(q.pool_id, fdinfo_value(fd, "zcpool-pool"));
	EXPECT_EQ(12 * KIB, fdinfo_value(fd, "zcpool-buffer-size"));
	EXPECT_EQ(16 * KIB, fdinfo_value(fd, "zcpool-stride"));
	EXPECT_EQ(10, fdinfo_value(fd, "zcpool-count"));
	EXPECT_EQ(160 * KIB, fdinfo_value(fd, "zcpool-size"));
	EXPECT_EQ(3, fdinfo_value(fd, "zcpool-owned"));
	EXPECT_EQ(3, fdinfo_value(fd, "zcpool-owned-total"));
	EXPECT_EQ(7, fdinfo_value(fd, "zcpool-unowned"));
	EXPECT_EQ(0, fdinfo_value(fd, "zcpool-in-flight"));
	EXPECT_EQ(0, fdinfo_value(fd, "zcpool-overdue"));
	EXPECT_EQ(3, fdinfo_value(fd, "zcpool-gets"));
	EXPECT_EQ(0, fdinfo_value(fd, "zcpool-puts"));
	EXPECT_EQ(0, fdinfo_value(fd, "zcpool-landed"));
	EXPECT_EQ(0, fdinfo_value(fd, "zcpool-user"));
}

TEST(fdinfo_of_an_isolated_pool)
{
	int fd = new_isolated_pool(16 * KIB, 4), plain = new_pool(16 * KIB, 4);

	EXPECT_EQ(1, fdinfo_value(fd, "zcpool-isolated"));
	EXPECT_EQ(0, fdinfo_value(plain, "zcpool-isolated"));
	close(plain);
	close(fd);
}

TEST(fdinfo_of_a_shared_pool)
{
	int fd = new_pool(16 * KIB, 4), other = attach_another(fd, 0), share_fd;
	struct zcpool_item item = { .index = get_now(fd) };
	struct zcpool_query q;

	ASSERT_EQ(0, query(other, &q));
	ASSERT_EQ(0, transfer(fd, q.handle, &item, 1, NULL));
	EXPECT_EQ(q.pool_id, fdinfo_value(other, "zcpool-pool"));
	EXPECT_EQ(q.handle, fdinfo_value(other, "zcpool-handle"));
	EXPECT_EQ(1, fdinfo_value(other, "zcpool-incoming"));
	EXPECT_EQ(0, fdinfo_value(other, "zcpool-owned"));
	EXPECT_EQ(1, fdinfo_value(other, "zcpool-owned-total"));
	EXPECT_EQ(0, fdinfo_value(fd, "zcpool-incoming"));
	share_fd = share(fd, 0);
	EXPECT_EQ(q.pool_id, fdinfo_value(share_fd, "zcpool-pool"));
	EXPECT_EQ(0, fdinfo_value(share_fd, "zcpool-read-only"));
	close(share_fd);
	share_fd = share(fd, ZCPOOL_SHARE_F_READ_ONLY);
	EXPECT_EQ(1, fdinfo_value(share_fd, "zcpool-read-only"));
	close(share_fd);
	close(other);
	close(fd);
}

static bool traced(const char *what)
{
	static char log[65536];
	FILE *file = fopen(TRACING "trace", "r");
	size_t size = fread(log, 1, sizeof(log) - 1, file);

	log[size] = 0;
	fclose(file);
	return strstr(log, what);
}

TEST(tracepoints_tell_the_life_of_a_buffer)
{
	struct zcpool_query q;
	char text[128];
	int fd, pipes[2];
	loff_t offset = 20;
	unsigned long long id;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, write_text(TRACING "trace", ""));
	ASSERT_EQ(0, truncate(TRACING "trace", 0));
	/* See wait.c. */
	ASSERT_EQ(0, write_text(TRACING "options/record-cmd", "0"));
	ASSERT_EQ(0, write_text(TRACING "events/zcpool/enable", "1"));
	fd = new_pool(8 * KIB, 1);
	ASSERT_EQ(0, query(fd, &q));
	id = q.pool_id;
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(0, put_one(fd, 0));
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(100, splice(fd, &offset, pipes[1], NULL, 100, 0));
	ASSERT_EQ(0, put_one(fd, 0));
	close(pipes[0]);
	close(pipes[1]);
	ASSERT_EQ(0, get_wait(fd));
	ASSERT_EQ(0, write_text(TRACING "events/zcpool/enable", "0"));

	snprintf(text, sizeof(text), "zcpool_create: pool=%llu count=1 stride=8192 order=1", id);
	EXPECT_TRUE(traced(text));
	snprintf(text, sizeof(text), "zcpool_get: pool=%llu index=0", id);
	EXPECT_TRUE(traced(text));
	snprintf(text, sizeof(text), "zcpool_put: pool=%llu index=0 in_flight=0", id);
	EXPECT_TRUE(traced(text));
	snprintf(text, sizeof(text), "zcpool_splice: pool=%llu offset=20 length=100", id);
	EXPECT_TRUE(traced(text));
	snprintf(text, sizeof(text), "zcpool_put: pool=%llu index=0 in_flight=1", id);
	EXPECT_TRUE(traced(text));
	snprintf(text, sizeof(text), "zcpool_free: pool=%llu index=0 in_flight_ns=", id);
	EXPECT_TRUE(traced(text));
}

TEST_HARNESS_MAIN
