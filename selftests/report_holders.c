// SPDX-License-Identifier: GPL-2.0-only
/* HOLDERS reports who holds which buffer, and for how long. */
#include "util.h"

#include "harness.h"

#define COUNT 8

FIXTURE(pool)
{
	int fd;
};

FIXTURE_SETUP(pool)
{
	self->fd = new_pool(16 * KIB, COUNT);
	ASSERT_GE(self->fd, 0);
}

FIXTURE_TEARDOWN(pool)
{
	close(self->fd);
}

TEST_F(pool, errors)
{
	struct zcpool_holder entry;
	struct zcpool_holders arg = {
		.entries = (uintptr_t)&entry,
		.count = 1,
		.entry_size = sizeof(entry),
	};
	struct zcpool_holders bad;
	int unbound = open(DEVICE, O_RDWR);

	ASSERT_EQ(-1, ioctl(unbound, ZCPOOL_IOC_HOLDERS, &arg));
	ASSERT_EQ(ENXIO, errno);
	ASSERT_EQ(0, ioctl(self->fd, ZCPOOL_IOC_HOLDERS, &arg));
	bad = arg;
	bad.count = 0;
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_HOLDERS, &bad));
	ASSERT_EQ(EINVAL, errno);
	bad = arg;
	bad.flags = 2;
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_HOLDERS, &bad));
	ASSERT_EQ(EINVAL, errno);
	bad = arg;
	bad.entry_size = ZCPOOL_HOLDER_SIZE_VER0 - 8;
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_HOLDERS, &bad));
	ASSERT_EQ(EINVAL, errno);
	bad.entry_size = 5000;
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_HOLDERS, &bad));
	ASSERT_EQ(EINVAL, errno);
	bad = arg;
	bad.first = COUNT + 1;
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_HOLDERS, &bad));
	ASSERT_EQ(ERANGE, errno);
	bad = arg;
	bad.entries = (uintptr_t)nowhere;
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_HOLDERS, &bad));
	ASSERT_EQ(EFAULT, errno);
}

/* A newer program's entries are longer: what the kernel does not know is 0. */
TEST_F(pool, longer_entries)
{
	struct {
		struct zcpool_holder known;
		uint64_t unknown;
	} entries[COUNT];
	struct zcpool_holders arg = {
		.entries = (uintptr_t)entries,
		.count = COUNT,
		.entry_size = sizeof(entries[0]),
	};
	uint32_t i;

	memset(entries, 0xff, sizeof(entries));
	ASSERT_EQ(0, ioctl(self->fd, ZCPOOL_IOC_HOLDERS, &arg));
	ASSERT_EQ(COUNT, arg.count);
	for (i = 0; i < COUNT; i++) {
		EXPECT_EQ(i, entries[i].known.index);
		EXPECT_EQ(0, entries[i].unknown);
	}
}

TEST_F(pool, states)
{
	loff_t offset = 16 * KIB;
	int pipes[2];

	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(1, get_now(self->fd));
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(1, splice(self->fd, &offset, pipes[1], NULL, 1, 0));
	ASSERT_EQ(0, put_one(self->fd, 1));
	usleep(20000);
	EXPECT_EQ(ZCPOOL_STATE_OWNED, holder_of(self->fd, 0).state);
	EXPECT_EQ(ZCPOOL_STATE_IN_FLIGHT, holder_of(self->fd, 1).state);
	EXPECT_EQ(ZCPOOL_STATE_FREE, holder_of(self->fd, 2).state);
	EXPECT_GE(holder_of(self->fd, 0).age_ns, 2000000);
	EXPECT_GE(holder_of(self->fd, 1).age_ns, 2000000);
	EXPECT_EQ(0, holder_of(self->fd, 2).age_ns);
	close(pipes[0]);
	close(pipes[1]);
	EXPECT_EQ(ZCPOOL_STATE_FREE, holder_of(self->fd, 1).state);
}

/* Who sorts by age finds in one call what was got at one moment equal. */
TEST_F(pool, ages_of_one_call)
{
	struct zcpool_holder entries[COUNT];
	struct zcpool_holders arg = {
		.entries = (uintptr_t)entries,
		.count = COUNT,
		.entry_size = sizeof(entries[0]),
	};
	uint32_t indices[COUNT], i;

	ASSERT_EQ(COUNT, get_many(self->fd, indices, COUNT, 0, 0));
	usleep(1000);
	ASSERT_EQ(0, ioctl(self->fd, ZCPOOL_IOC_HOLDERS, &arg));
	ASSERT_EQ(COUNT, arg.count);
	EXPECT_GE(entries[0].age_ns, 1000000);
	for (i = 1; i < COUNT; i++)
		EXPECT_EQ(entries[0].age_ns, entries[i].age_ns);
}

TEST_F(pool, counts)
{
	char *map = map_pool(self->fd, COUNT * 16 * KIB), *second;
	struct zcpool_holder holder;
	loff_t offset = 0;
	off_t sent = 0;
	int pipes[2], copy[2], pair[2], page;

	ASSERT_EQ(0, get_now(self->fd));
	holder = holder_of(self->fd, 0);
	EXPECT_EQ(0, holder.mappings + holder.slots + holder.pins + holder.references);
	second = map_pool(self->fd, COUNT * 16 * KIB);
	/* All pages of both, since kernels differ in how many a touch maps. */
	for (page = 0; page < 16 * KIB; page += 4096) {
		map[page] = 1;
		second[page] = 1;
	}
	EXPECT_EQ(8, holder_of(self->fd, 0).mappings);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, pipe(copy));
	ASSERT_EQ(100, splice(self->fd, &offset, pipes[1], NULL, 100, 0));
	EXPECT_EQ(1, holder_of(self->fd, 0).slots);
	ASSERT_EQ(100, tee(pipes[0], copy[1], 100, 0));
	EXPECT_EQ(2, holder_of(self->fd, 0).slots);
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ASSERT_EQ(10, sendfile(pair[0], self->fd, &sent, 10));
	holder = holder_of(self->fd, 0);
	EXPECT_EQ(2, holder.slots);
	EXPECT_EQ(1, holder.references);
	EXPECT_EQ(0, holder.pins);
	EXPECT_EQ(8, holder.mappings);
	/* Out of the socket into a pipe, whose slots are not the pool's. */
	ASSERT_EQ(10, splice(pair[1], NULL, copy[1], NULL, 10, 0));
	holder = holder_of(self->fd, 0);
	EXPECT_EQ(2, holder.slots);
	EXPECT_EQ(1, holder.references);
	close(pipes[0]);
	close(pipes[1]);
	close(copy[0]);
	close(copy[1]);
	holder = holder_of(self->fd, 0);
	EXPECT_EQ(0, holder.slots + holder.references);
	munmap(map, COUNT * 16 * KIB);
	munmap(second, COUNT * 16 * KIB);
	EXPECT_EQ(0, holder_of(self->fd, 0).mappings);
}

TEST_F(pool, held_ones_only)
{
	struct zcpool_holder entries[COUNT];
	uint32_t first = 0;

	ASSERT_EQ(0, holders(self->fd, entries, &first, COUNT, ZCPOOL_HOLDERS_F_HELD));
	ASSERT_EQ(COUNT, first);
	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(1, get_now(self->fd));
	ASSERT_EQ(2, get_now(self->fd));
	ASSERT_EQ(0, put_one(self->fd, 1));
	first = 0;
	ASSERT_EQ(1, holders(self->fd, entries, &first, 1, ZCPOOL_HOLDERS_F_HELD));
	EXPECT_EQ(0, entries[0].index);
	ASSERT_EQ(1, first);
	ASSERT_EQ(1, holders(self->fd, entries, &first, COUNT, ZCPOOL_HOLDERS_F_HELD));
	EXPECT_EQ(2, entries[0].index);
	ASSERT_EQ(COUNT, first);
	ASSERT_EQ(0, holders(self->fd, entries, &first, COUNT, 0));
}

/*
 * Of a large pool, a call looks at part: the same for callers of 32 bits, and so much memory
 * takes its time.
 */
#ifdef __LP64__
TEST(large_pool)
{
	struct zcpool_holder entry;
	uint32_t first = 0;
	int fd;

	fd = new_pool(8 * KIB, 70000);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, holders(fd, &entry, &first, 1, ZCPOOL_HOLDERS_F_HELD));
	ASSERT_EQ(65536, first);
	ASSERT_EQ(0, holders(fd, &entry, &first, 1, ZCPOOL_HOLDERS_F_HELD));
	ASSERT_EQ(70000, first);
}
#endif

TEST_HARNESS_MAIN
