// SPDX-License-Identifier: GPL-2.0-only
/* Seals in isolated pools: of one's own buffers, and no others' affair. */
#include <pthread.h>
#include <stdatomic.h>

#include "export.h"
#include "isolated.h"
#include "seal.h"
#include "send.h"
#include "view.h"

#include "harness.h"
#include "two_owners.h"

TEST_F(pool, seals_are_the_owners)
{
	struct zcpool_element elements[] = { slice(0, 64), bytes("end", 3) };
	struct zcpool_item item = { .index = 0 };
	char back[67];
	int pair[2];

	ASSERT_EQ(0, tcp_pair(pair));
	ASSERT_EQ(0, get_now(self->fd));
	strcpy(self->map, "sealed");
	ASSERT_EQ(-EPERM, seal(self->other, 0, 0));
	/* What SEND takes for itself is no holder to its seal. */
	ASSERT_EQ(67, send_vector(self->fd, pair[0], elements, 2, ZCPOOL_SEND_F_SEAL, NULL));
	ASSERT_EQ(-EBUSY, transfer(self->fd, number_of(self->other), &item, 1, NULL));
	ASSERT_EQ(67, read_full(pair[1], back, 67));
	ASSERT_STREQ("sealed", back);
	ASSERT_FALSE(can_write(self->map, 'x'));
	ASSERT_EQ(-1, pwrite(self->fd, "x", 1, 0));
	ASSERT_EQ(EPERM, errno);
	while (transfer(self->fd, number_of(self->other), &item, 1, NULL) == -EBUSY)
		usleep(1000);
	ASSERT_EQ(1, receive_now(self->other, &item, 1));
	ASSERT_FALSE(can_write(self->other_map, 'x'));
	ASSERT_EQ(-EPERM, unseal(self->fd, 0));
	ASSERT_EQ(0, unseal(self->other, 0));
	ASSERT_TRUE(can_write(self->other_map, 'x'));
	close(pair[0]);
	close(pair[1]);
}

/* Whatever the others seal: a mapping is made writable but for one's own sealed buffers. */
TEST_F(pool, mprotect_asks_for_ones_own)
{
	char *map = mmap(NULL, COUNT * self->stride, PROT_READ, MAP_SHARED, self->fd, 0);

	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(1, get_now(self->other));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(0, byte_at(map));
	ASSERT_EQ(-1, mprotect(map, COUNT * self->stride, PROT_READ | PROT_WRITE));
	ASSERT_EQ(EACCES, errno);
	ASSERT_FALSE(can_write(self->map, 'x'));
	ASSERT_EQ(0, unseal(self->fd, 0));
	ASSERT_EQ(0, seal(self->other, 1, 0));
	ASSERT_EQ(0, mprotect(map, COUNT * self->stride, PROT_READ | PROT_WRITE));
	ASSERT_TRUE(can_write(map, 'x'));
	ASSERT_FALSE(can_write(map + self->stride, 'x'));
	munmap(map, COUNT * self->stride);
}

struct intruder {
	int fd;
	size_t size;
	atomic_bool stop;
	atomic_int wrong;
};

static void *export_of_others(void *arg)
{
	struct intruder *intruder = arg;

	while (!atomic_load(&intruder->stop)) {
		int fd = export(intruder->fd, 0, intruder->size, 0);

		atomic_fetch_add(&intruder->wrong, fd != -EPERM);
	}
	return NULL;
}

/* Who owns nothing cannot make others' calls fail, nor learn of their seals. */
TEST_F(pool, an_export_in_vain_disturbs_nobody)
{
	struct intruder intruder = { .fd = self->other, .size = COUNT * self->stride };
	pthread_t thread;
	int i;

	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, export_of_others, &intruder));
	for (i = 0; i < 2000; i++) {
		ASSERT_EQ(0, seal(self->fd, 0, 0));
		ASSERT_EQ(0, unseal(self->fd, 0));
	}
	atomic_store(&intruder.stop, true);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, intruder.wrong);
}

static void *mprotect_of_all(void *arg)
{
	struct intruder *intruder = arg;
	char *map = mmap(NULL, intruder->size, PROT_READ, MAP_SHARED, intruder->fd, 0);

	while (!atomic_load(&intruder->stop)) {
		if (mprotect(map, intruder->size, PROT_READ | PROT_WRITE) ||
		    mprotect(map, intruder->size, PROT_READ))
			atomic_fetch_add(&intruder->wrong, 1);
	}
	munmap(map, intruder->size);
	return NULL;
}

/* Bit 63 of its entry in /proc/self/pagemap. */
static bool is_present(const void *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry), (uintptr_t)page / 4096 * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry >> 63;
}

/* Nor can they have its pages taken from its mappings, nor its seals fail meanwhile. */
TEST_F(pool, mprotect_of_all_disturbs_nobody)
{
	struct intruder intruder = { .fd = self->other, .size = COUNT * self->stride };
	char *map = mmap(NULL, self->stride, PROT_READ, MAP_SHARED, self->fd, 0), *others, *seen;
	pthread_t thread;
	int view_fd, i;

	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(0, byte_at(map));
	ASSERT_TRUE(is_present(map));
	others = mmap(NULL, COUNT * self->stride, PROT_READ, MAP_SHARED, self->other, 0);
	ASSERT_EQ(0, mprotect(others, COUNT * self->stride, PROT_READ | PROT_WRITE));
	ASSERT_TRUE(is_present(map));
	/* Nor is what is nobody's theirs to take from who sees it by a view. */
	ASSERT_EQ(1, get_now(self->fd));
	ASSERT_EQ(0, seal(self->fd, 1, 0));
	view_fd = view(self->fd, self->stride, self->stride, 0, 0600);
	ASSERT_GE(view_fd, 0);
	seen = mmap(NULL, self->stride, PROT_READ, MAP_SHARED, view_fd, 0);
	ASSERT_EQ(0, put_one(self->fd, 1));
	ASSERT_EQ(0, byte_at(seen));
	ASSERT_EQ(0, mprotect(others, COUNT * self->stride, PROT_READ));
	ASSERT_EQ(0, mprotect(others, COUNT * self->stride, PROT_READ | PROT_WRITE));
	ASSERT_TRUE(is_present(seen));
	munmap(seen, self->stride);
	close(view_fd);
	munmap(others, COUNT * self->stride);

	ASSERT_EQ(0, pthread_create(&thread, NULL, mprotect_of_all, &intruder));
	for (i = 0; i < rounds(500); i++) {
		ASSERT_EQ(0, unseal(self->fd, 0));
		ASSERT_TRUE(can_write(self->map, i));
		ASSERT_EQ(0, seal(self->fd, 0, 0));
		ASSERT_EQ(i & 0xff, byte_at(map));
	}
	atomic_store(&intruder.stop, true);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, intruder.wrong);
	munmap(map, self->stride);
}

static void *store_to_first(void *arg)
{
	struct intruder *intruder = arg;
	char *map = map_pool(intruder->fd, intruder->size);

	while (!atomic_load(&intruder->stop))
		atomic_fetch_add(&intruder->wrong, can_write(map, 'x'));
	munmap(map, intruder->size);
	return NULL;
}

/* A buffer is somebody's all the time that it is handed over, so its seal stays. */
TEST_F(pool, a_transfer_ends_no_seal)
{
	struct intruder intruder = { .fd = self->fd, .size = self->stride };
	int handles[2] = { self->fd, self->other }, i;
	struct zcpool_item item = { .index = 0 };
	pthread_t thread;

	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(0, seal(self->fd, 0, ZCPOOL_SEAL_F_UNTIL_FREE));
	ASSERT_EQ(0, pthread_create(&thread, NULL, store_to_first, &intruder));
	for (i = 0; i < 1000; i++) {
		int from = handles[i % 2], to = handles[(i + 1) % 2];

		ASSERT_EQ(0, transfer(from, number_of(to), &item, 1, NULL));
		ASSERT_EQ(1, receive_now(to, &item, 1));
		ASSERT_TRUE(is_sealed(to, 0));
	}
	atomic_store(&intruder.stop, true);
	pthread_join(thread, NULL);
	ASSERT_EQ(0, intruder.wrong);
}

TEST_HARNESS_MAIN
