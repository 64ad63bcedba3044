// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds a buffer and might write keeps it from being sealed, which then leaves it as
 * it was; and what was sealed stays so while it is under way, and ends when it is free.
 */
#include <liburing.h>
#include <sys/uio.h>

#include "export.h"
#include "seal.h"
#include "send.h"
#include "share.h"
#include "view.h"

#include "harness.h"

#define BUFFER (16 * KIB)
/* An empty disk of the rig: selftests/vm/run --nvme. */
#define DISK "/dev/nvme0n1"

FIXTURE(owned)
{
	int fd;
	char *map;
	int pipes[2];
	int pair[2];
};

FIXTURE_SETUP(owned)
{
	catch_sigbus();
	self->fd = new_full_pool(BUFFER, 2, &self->map);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(0, pipe(self->pipes));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, self->pair));
}

FIXTURE_TEARDOWN(owned)
{
	munmap(self->map, 2 * BUFFER);
	close(self->fd);
	close(self->pipes[0]);
	close(self->pipes[1]);
	close(self->pair[0]);
	close(self->pair[1]);
}

/* All is as if nobody had ever tried to seal it. */
static void expect_writable(struct __test_metadata *_metadata, int fd, char *map)
{
	char *reading = mmap(NULL, BUFFER, PROT_READ, MAP_SHARED, fd, 0);

	ASSERT_FALSE(is_sealed(fd, 0));
	ASSERT_EQ(0, store_byte(map, 'x'));
	ASSERT_EQ(0, store_byte(map + BUFFER - 1, 'x'));
	ASSERT_EQ(1, pwrite(fd, "x", 1, 1));
	ASSERT_EQ(0, mprotect(reading, BUFFER, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, store_byte(reading + 2, 'x'));
	munmap(reading, BUFFER);
}

static void expect_busy(struct __test_metadata *_metadata, int fd, char *map)
{
	ASSERT_EQ(-EBUSY, seal(fd, 0, 0));
	expect_writable(_metadata, fd, map);
}

TEST_F(owned, a_pipe_slot_is_EBUSY)
{
	loff_t offset = 0;
	char byte;

	ASSERT_EQ(1, splice(self->fd, &offset, self->pipes[1], NULL, 1, 0));
	expect_busy(_metadata, self->fd, self->map);
	ASSERT_EQ(1, read(self->pipes[0], &byte, 1));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
}

TEST_F(owned, a_socket_buffer_is_EBUSY)
{
	const struct zcpool_element element = slice(0, BUFFER);
	static char bytes[BUFFER];

	ASSERT_EQ(BUFFER, send_vector(self->fd, self->pair[0], &element, 1, 0, NULL));
	expect_busy(_metadata, self->fd, self->map);
	ASSERT_EQ(BUFFER, read_full(self->pair[1], bytes, BUFFER));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
}

TEST_F(owned, a_pin_is_EBUSY)
{
	struct iovec iovec = { self->map + 5, 100 };
	char bytes[100];

	/* It may be one that writes: nobody can tell. */
	ASSERT_EQ(100, vmsplice(self->pipes[1], &iovec, 1, 0));
	expect_busy(_metadata, self->fd, self->map);
	ASSERT_EQ(100, read_full(self->pipes[0], bytes, 100));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
}

TEST_F(owned, a_registered_buffer_is_EBUSY)
{
	struct iovec iovec = { self->map, BUFFER };
	struct zcpool_query q;
	struct io_uring ring;

	ASSERT_EQ(0, query(self->fd, &q));
	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	if (q.features & ZCPOOL_FEATURE_FIXED_BUFFERS) {
		ASSERT_EQ(0, io_uring_register_buffers(&ring, &iovec, 1));
		expect_busy(_metadata, self->fd, self->map);
		ASSERT_EQ(0, io_uring_unregister_buffers(&ring));
		while (seal(self->fd, 0, 0) == -EBUSY)
			usleep(1000);
	} else {
		ASSERT_EQ(0, seal(self->fd, 0, 0));
	}
	ASSERT_EQ(-EFAULT, io_uring_register_buffers(&ring, &iovec, 1));
	io_uring_queue_exit(&ring);
}

TEST_F(owned, direct_io_into_what_is_sealed_is_EFAULT)
{
	int disk = open(DISK, O_RDWR | O_DIRECT);

	ASSERT_GE(disk, 0);
	ASSERT_EQ(BUFFER, pread(disk, self->map, BUFFER, 0));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(-1, pread(disk, self->map, BUFFER, 0));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(0, unseal(self->fd, 0));
	ASSERT_EQ(BUFFER, pread(disk, self->map, BUFFER, 0));
	close(disk);
}

/* An error in the middle of an array leaves what was before it. */
TEST_F(owned, the_second_of_two_is_EBUSY)
{
	uint32_t indices[] = { 0, 1 }, done;
	loff_t offset = BUFFER;

	ASSERT_EQ(1, get_now(self->fd));
	ASSERT_EQ(1, splice(self->fd, &offset, self->pipes[1], NULL, 1, 0));
	ASSERT_EQ(-EBUSY, seal_many(self->fd, indices, 2, 0, &done));
	ASSERT_EQ(1, done);
	ASSERT_TRUE(is_sealed(self->fd, 0));
	ASSERT_FALSE(is_sealed(self->fd, 1));
	ASSERT_EQ(0, store_byte(self->map + BUFFER, 'x'));
}

TEST_F(owned, a_holder_of_the_second_folio_is_EBUSY)
{
	int fd = new_pool(4 * MIB, 1);
	loff_t offset = 4 * MIB - 1;
	char *map, byte;

	ASSERT_GE(fd, 0);
	map = map_pool(fd, 4 * MIB);
	ASSERT_NE(MAP_FAILED, (void *)map);
	map[0] = 'a';
	map[4 * MIB - 1] = 'a';
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(1, splice(fd, &offset, self->pipes[1], NULL, 1, 0));
	ASSERT_EQ(-EBUSY, seal(fd, 0, 0));
	ASSERT_EQ(0, store_byte(map, 'b'));
	ASSERT_EQ(0, store_byte(map + 4 * MIB - 1, 'b'));
	ASSERT_EQ(1, read(self->pipes[0], &byte, 1));
	ASSERT_EQ(0, seal(fd, 0, 0));
	ASSERT_EQ(SIGBUS, store_byte(map, 'c'));
	ASSERT_EQ(SIGBUS, store_byte(map + 4 * MIB - 1, 'c'));
	munmap(map, 4 * MIB);
	close(fd);
}

FIXTURE(exported)
{
	int fd;
	char *map;
};

FIXTURE_VARIANT(exported)
{
	uint32_t flags;
};

VARIANT(exported, held, .flags = 0);
VARIANT(exported, unheld, .flags = ZCPOOL_EXPORT_F_UNHELD);

FIXTURE_SETUP(exported)
{
	catch_sigbus();
	self->fd = new_full_pool(BUFFER, 2, &self->map);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, get_now(self->fd));
}

FIXTURE_TEARDOWN(exported)
{
	munmap(self->map, 2 * BUFFER);
	close(self->fd);
}

TEST_F(exported, a_writable_export_is_EBUSY)
{
	int dmabuf = export(self->fd, 0, BUFFER, variant->flags);
	char *map;

	ASSERT_GE(dmabuf, 0);
	expect_busy(_metadata, self->fd, self->map);
	map = map_pool(dmabuf, BUFFER);
	ASSERT_NE(MAP_FAILED, (void *)map);
	close(dmabuf);
	/* It lives on by its mapping. */
	expect_busy(_metadata, self->fd, self->map);
	munmap(map, BUFFER);
	ASSERT_EQ(0, seal(self->fd, 0, 0));
}

TEST_F(exported, an_export_of_another_buffer_is_no_matter)
{
	int dmabuf = export(self->fd, BUFFER, BUFFER, variant->flags);

	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	close(dmabuf);
}

TEST_F(exported, a_writable_export_of_what_is_sealed_is_EBUSY)
{
	int dmabuf;

	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(-EBUSY, export(self->fd, 0, BUFFER, variant->flags));
	ASSERT_EQ(-EBUSY, export(self->fd, 0, 2 * BUFFER, variant->flags));
	dmabuf = export(self->fd, BUFFER, BUFFER, variant->flags);
	ASSERT_GE(dmabuf, 0);
	close(dmabuf);
	ASSERT_EQ(0, unseal(self->fd, 0));
	/* What failed has left nothing behind. */
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(0, unseal(self->fd, 0));
	dmabuf = export(self->fd, 0, 2 * BUFFER, variant->flags);
	ASSERT_GE(dmabuf, 0);
	close(dmabuf);
}

TEST_F(exported, a_read_only_export_is_no_matter)
{
	int before, behind;
	char *map;

	before = export(self->fd, 0, BUFFER, variant->flags | ZCPOOL_EXPORT_F_READ_ONLY);
	ASSERT_GE(before, 0);
	map = mmap(NULL, BUFFER, PROT_READ, MAP_SHARED, before, 0);
	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(0, load_byte(map));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	behind = export(self->fd, 0, BUFFER, variant->flags | ZCPOOL_EXPORT_F_READ_ONLY);
	ASSERT_GE(behind, 0);
	ASSERT_EQ(0, load_byte(map));
	ASSERT_EQ(0, unseal(self->fd, 0));
	munmap(map, BUFFER);
	close(before);
	close(behind);
}

TEST_F(owned, a_view_is_no_matter)
{
	int file = view(self->fd, 0, 2 * BUFFER, ZCPOOL_VIEW_F_WRITABLE, 0600);

	ASSERT_GE(file, 0);
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(0, unseal(self->fd, 0));
	close(file);
}

TEST_F(owned, unseal_in_flight_is_EBUSY)
{
	loff_t offset = 0;
	char byte;

	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(1, splice(self->fd, &offset, self->pipes[1], NULL, 1, 0));
	/* What is sealed may be sealed again, whatever holds it. */
	ASSERT_EQ(0, seal(self->fd, 0, ZCPOOL_SEAL_F_UNTIL_FREE));
	ASSERT_EQ(-EBUSY, unseal(self->fd, 0));
	ASSERT_TRUE(is_sealed(self->fd, 0));
	ASSERT_EQ(SIGBUS, store_byte(self->map, 'x'));
	ASSERT_EQ(1, read(self->pipes[0], &byte, 1));
	ASSERT_EQ(0, unseal(self->fd, 0));
	ASSERT_EQ(0, store_byte(self->map, 'x'));
}

TEST_F(owned, unseal_by_who_reads_it_by_a_mapping)
{
	char *reading = mmap(NULL, BUFFER, PROT_READ, MAP_SHARED, self->fd, 0);

	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(0, load_byte(reading));
	ASSERT_EQ(0, unseal(self->fd, 0));
	ASSERT_EQ(0, load_byte(reading));
	munmap(reading, BUFFER);
}

TEST_F(owned, until_free_holds_while_it_is_owned_or_in_flight)
{
	loff_t offset = 0;
	char byte;

	ASSERT_EQ(0, seal(self->fd, 0, ZCPOOL_SEAL_F_UNTIL_FREE));
	ASSERT_EQ(SIGBUS, store_byte(self->map, 'x'));
	ASSERT_EQ(-1, pwrite(self->fd, "x", 1, 0));
	ASSERT_EQ(1, splice(self->fd, &offset, self->pipes[1], NULL, 1, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_TRUE(is_sealed(self->fd, 0));
	ASSERT_EQ(SIGBUS, store_byte(self->map, 'x'));
	ASSERT_EQ(-1, pwrite(self->fd, "x", 1, 0));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-EBUSY, export(self->fd, 0, BUFFER, 0));
	ASSERT_EQ(1, read(self->pipes[0], &byte, 1));
	ASSERT_EQ(0, store_byte(self->map, 'x'));
	ASSERT_FALSE(is_sealed(self->fd, 0));
}

TEST_F(owned, until_free_ends_by_write)
{
	ASSERT_EQ(0, seal(self->fd, 0, ZCPOOL_SEAL_F_UNTIL_FREE));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(1, pwrite(self->fd, "x", 1, 0));
	ASSERT_EQ(0, store_byte(self->map, 'x'));
}

TEST_F(owned, until_free_ends_by_mprotect_and_export)
{
	char *reading = mmap(NULL, BUFFER, PROT_READ, MAP_SHARED, self->fd, 0);
	int dmabuf;

	ASSERT_EQ(0, seal(self->fd, 0, ZCPOOL_SEAL_F_UNTIL_FREE));
	ASSERT_EQ(0, load_byte(reading));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(0, mprotect(reading, BUFFER, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, store_byte(reading, 'x'));
	munmap(reading, BUFFER);
	ASSERT_EQ(0, get_wait(self->fd));
	ASSERT_EQ(0, seal(self->fd, 0, ZCPOOL_SEAL_F_UNTIL_FREE));
	ASSERT_EQ(0, put_one(self->fd, 0));
	dmabuf = export(self->fd, 0, BUFFER, 0);
	ASSERT_GE(dmabuf, 0);
	close(dmabuf);
}

TEST_F(owned, until_free_waits_for_views_too)
{
	int file = view(self->fd, 0, BUFFER, 0, 0);

	ASSERT_EQ(0, seal(self->fd, 0, ZCPOOL_SEAL_F_UNTIL_FREE));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(SIGBUS, store_byte(self->map, 'x'));
	close(file);
	while (store_byte(self->map, 'x'))
		usleep(1000);
}

TEST_F(owned, until_free_can_be_added_and_not_taken_away)
{
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(0, seal(self->fd, 0, ZCPOOL_SEAL_F_UNTIL_FREE));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(0, store_byte(self->map, 'x'));
}

TEST_F(owned, otherwise_it_ends_when_it_is_handed_out)
{
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(SIGBUS, store_byte(self->map, 'x'));
	ASSERT_EQ(-1, pwrite(self->fd, "x", 1, 0));
	ASSERT_EQ(0, get_wait(self->fd));
	ASSERT_FALSE(is_sealed(self->fd, 0));
	ASSERT_EQ(0, store_byte(self->map, 'x'));
}

TEST_F(owned, another_gets_it_unsealed)
{
	int other = attach_another(self->fd, 0);
	loff_t offset = 0;
	char byte;

	ASSERT_GE(other, 0);
	ASSERT_EQ(0, seal(self->fd, 0, ZCPOOL_SEAL_F_UNTIL_FREE));
	ASSERT_EQ(1, splice(self->fd, &offset, self->pipes[1], NULL, 1, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(1, get_now(other));
	ASSERT_EQ(-EAGAIN, get_now(other));
	ASSERT_EQ(1, read(self->pipes[0], &byte, 1));
	ASSERT_EQ(0, get_wait(other));
	ASSERT_FALSE(is_sealed(other, 0));
	ASSERT_EQ(0, store_byte(self->map, 'x'));
	close(other);
}

TEST_F(owned, the_owner_is_killed)
{
	int share_fd = share(self->fd, 0), ready[2];
	pid_t pid;
	char byte;

	ASSERT_EQ(0, pipe(ready));
	pid = fork();
	if (!pid) {
		int other = attach_by(share_fd, 0);

		if (get_now(other) != 1 || seal(other, 1, 0) || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	ASSERT_EQ(1, read(ready[0], &byte, 1));
	ASSERT_EQ(SIGBUS, store_byte(self->map + BUFFER, 'x'));
	kill(pid, SIGKILL);
	wait_status(pid);
	ASSERT_EQ(1, get_wait(self->fd));
	ASSERT_EQ(0, store_byte(self->map + BUFFER, 'x'));
	close(share_fd);
	close(ready[0]);
	close(ready[1]);
}

TEST_HARNESS_MAIN
