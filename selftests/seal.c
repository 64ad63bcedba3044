// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEAL: a sealed buffer can be read by every way that cannot write, and written by none,
 * whoever has it mapped; and whose right it is to seal and unseal.
 */
#include <sys/uio.h>

#include "export.h"
#include "seal.h"
#include "share.h"
#include "view.h"

#include "harness.h"

#define COUNT 3

enum kind {
	HANDLE,
	ATTACHED,
	VIEW
};

FIXTURE(mapped)
{
	int fd;
	int other;
	size_t size;
	/* Of buffer 0, by the kind of mapping. */
	char *map;
};

FIXTURE_VARIANT(mapped)
{
	uint64_t buffer;
	enum kind kind;
};

VARIANT(mapped, small_by_handle, .buffer = 16 * KIB, .kind = HANDLE);
VARIANT(mapped, small_by_attached_handle, .buffer = 16 * KIB, .kind = ATTACHED);
VARIANT(mapped, small_by_view, .buffer = 16 * KIB, .kind = VIEW);
VARIANT(mapped, huge_by_handle, .buffer = 2 * MIB, .kind = HANDLE);
VARIANT(mapped, huge_by_attached_handle, .buffer = 2 * MIB, .kind = ATTACHED);
VARIANT(mapped, huge_by_view, .buffer = 2 * MIB, .kind = VIEW);
VARIANT(mapped, two_folios_by_handle, .buffer = 4 * MIB, .kind = HANDLE);
VARIANT(mapped, two_folios_by_attached_handle, .buffer = 4 * MIB, .kind = ATTACHED);
VARIANT(mapped, two_folios_by_view, .buffer = 4 * MIB, .kind = VIEW);

FIXTURE_SETUP(mapped)
{
	uint32_t indices[COUNT];

	catch_sigbus();
	self->size = COUNT * variant->buffer;
	self->fd = new_pool(variant->buffer, COUNT);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(COUNT, get_many(self->fd, indices, COUNT, 0, 0));
	switch (variant->kind) {
	case HANDLE:
		self->other = dup(self->fd);
		break;
	case ATTACHED:
		self->other = attach_another(self->fd, 0);
		break;
	case VIEW:
		self->other = view(self->fd, 0, self->size, ZCPOOL_VIEW_F_WRITABLE, 0600);
		break;
	}
	ASSERT_GE(self->other, 0);
	self->map = map_pool(self->other, self->size);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	memset(self->map, 'a', self->size);
}

FIXTURE_TEARDOWN(mapped)
{
	munmap(self->map, self->size);
	close(self->other);
	close(self->fd);
}

TEST_F(mapped, store_and_load_by_a_writable_mapping_raise_SIGBUS)
{
	size_t at;

	ASSERT_EQ(0, seal(self->fd, 1, 0));
	for (at = 0; at < variant->buffer; at += variant->buffer / 4) {
		ASSERT_EQ(SIGBUS, store_byte(self->map + variant->buffer + at, 'b'));
		ASSERT_EQ(SIGBUS, load_byte(self->map + variant->buffer + at));
	}
	ASSERT_EQ(SIGBUS, store_byte(self->map + 2 * variant->buffer - 1, 'b'));
	/* Its neighbours are as they were. */
	ASSERT_EQ(0, store_byte(self->map + variant->buffer - 1, 'b'));
	ASSERT_EQ(0, store_byte(self->map + 2 * variant->buffer, 'b'));
}

TEST_F(mapped, another_process_gets_SIGBUS)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, seal(self->fd, 1, 0));
	pid = fork();
	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		*(volatile char *)(self->map + variant->buffer) = 'b';
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFSIGNALED(status));
	ASSERT_EQ(SIGBUS, WTERMSIG(status));
}

TEST_F(mapped, a_mapping_made_while_it_is_sealed_raises_SIGBUS)
{
	char *map;

	ASSERT_EQ(0, seal(self->fd, 1, 0));
	map = map_pool(self->other, self->size);
	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(SIGBUS, store_byte(map + variant->buffer, 'b'));
	ASSERT_EQ(0, store_byte(map, 'b'));
	munmap(map, self->size);
}

TEST_F(mapped, reading_mappings_and_read_see_it)
{
	char *map, byte;

	map = mmap(NULL, self->size, PROT_READ, MAP_SHARED, self->other, 0);
	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ('a', map[variant->buffer]);
	ASSERT_EQ(0, seal(self->fd, 1, 0));
	ASSERT_EQ(0, load_byte(map + variant->buffer));
	ASSERT_EQ('a', map[variant->buffer]);
	ASSERT_EQ('a', map[2 * variant->buffer - 1]);
	ASSERT_EQ(1, pread(self->other, &byte, 1, variant->buffer));
	ASSERT_EQ('a', byte);
	munmap(map, self->size);
}

TEST_F(mapped, mprotect_makes_it_not_writable)
{
	char *map = mmap(NULL, self->size, PROT_READ, MAP_SHARED, self->other, 0);
	size_t size = variant->buffer;

	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ('a', map[size]);
	ASSERT_EQ(0, seal(self->fd, 1, 0));
	/* An entry is there, which would become writable without a fault. */
	ASSERT_EQ(0, load_byte(map + size));
	ASSERT_EQ(-1, mprotect(map, self->size, PROT_READ | PROT_WRITE));
	ASSERT_EQ(EACCES, errno);
	ASSERT_EQ(-1, mprotect(map + size, 4096, PROT_READ | PROT_WRITE));
	ASSERT_EQ(-1, mprotect(map + 2 * size - 4096, 4096, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, mprotect(map, size, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, mprotect(map + 2 * size, size, PROT_READ | PROT_WRITE));
	/* Less is always to be had. */
	ASSERT_EQ(0, mprotect(map + size, size, PROT_NONE));
	ASSERT_EQ(0, mprotect(map + size, size, PROT_READ));
	ASSERT_EQ(0, unseal(self->fd, 1));
	ASSERT_EQ(0, mprotect(map, self->size, PROT_READ | PROT_WRITE));
	ASSERT_EQ(0, store_byte(map + size, 'b'));
	munmap(map, self->size);
}

TEST_F(mapped, write_is_EPERM)
{
	off_t offset = variant->buffer;
	struct iovec iovec = { "bbbb", 4 };
	int pipes[2];

	ASSERT_EQ(0, seal(self->fd, 1, 0));
	ASSERT_EQ(-1, pwrite(self->other, "b", 1, offset));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(-1, pwritev(self->other, &iovec, 1, 2 * offset - 1));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(1, write(pipes[1], "b", 1));
	ASSERT_EQ(-1, splice(pipes[0], NULL, self->other, &offset, 1, 0));
	ASSERT_EQ(EPERM, errno);
	/* As far as it goes. */
	ASSERT_EQ(2, pwritev(self->other, &iovec, 1, variant->buffer - 2));
	ASSERT_EQ(0, unseal(self->fd, 1));
	ASSERT_EQ(1, pwrite(self->other, "b", 1, variant->buffer));
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(mapped, the_kernel_cannot_write_by_a_mapping)
{
	char *target = self->map + variant->buffer;
	int zero = open("/dev/zero", O_RDONLY);
	struct iovec local = { "b", 1 }, remote = { target, 1 };

	ASSERT_EQ(0, seal(self->fd, 1, 0));
	ASSERT_EQ(-1, read(zero, target, 4096));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(-1, process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	ASSERT_EQ(EFAULT, errno);
	close(zero);
}

TEST_F(mapped, unsealed_it_is_as_before)
{
	size_t i;

	ASSERT_EQ(0, seal(self->fd, 1, 0));
	ASSERT_EQ(SIGBUS, store_byte(self->map + variant->buffer, 'b'));
	ASSERT_TRUE(is_sealed(self->fd, 1));
	ASSERT_FALSE(is_sealed(self->fd, 0));
	ASSERT_EQ(0, unseal(self->fd, 1));
	ASSERT_FALSE(is_sealed(self->fd, 1));
	for (i = 0; i < variant->buffer; i += 512)
		ASSERT_EQ('a', self->map[variant->buffer + i]);
	ASSERT_EQ(0, store_byte(self->map + variant->buffer, 'b'));
}

TEST(private_mapping_of_a_view_is_its_own)
{
	int fd = new_pool(16 * KIB, 1), file;
	char *map, byte;

	catch_sigbus();
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(1, pwrite(fd, "a", 1, 0));
	file = view(fd, 0, 16 * KIB, 0, 0);
	ASSERT_GE(file, 0);
	map = mmap(NULL, 16 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ('a', map[0]);
	ASSERT_EQ(0, store_byte(map + 4096, 'b'));
	ASSERT_EQ(0, seal(fd, 0, 0));
	/* What was its own stays so. */
	ASSERT_EQ('b', map[4096]);
	ASSERT_EQ(0, load_byte(map));
	ASSERT_EQ(0, store_byte(map, 'b'));
	ASSERT_EQ(1, pread(fd, &byte, 1, 0));
	ASSERT_EQ('a', byte);
	munmap(map, 16 * KIB);
	close(file);
	close(fd);
}

TEST(a_view_of_what_is_sealed_cannot_write_it)
{
	int fd = new_pool(16 * KIB, 1), file;
	char *map;

	catch_sigbus();
	ASSERT_EQ(0, get_now(fd));
	ASSERT_EQ(0, seal(fd, 0, 0));
	file = view(fd, 0, 16 * KIB, ZCPOOL_VIEW_F_WRITABLE, 0600);
	ASSERT_GE(file, 0);
	map = map_pool(file, 16 * KIB);
	ASSERT_NE(MAP_FAILED, (void *)map);
	ASSERT_EQ(SIGBUS, store_byte(map, 'b'));
	ASSERT_EQ(-1, write(file, "b", 1));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(0, unseal(fd, 0));
	ASSERT_EQ(0, store_byte(map, 'b'));
	ASSERT_EQ(1, write(file, "b", 1));
	munmap(map, 16 * KIB);
	close(file);
	close(fd);
}

FIXTURE(rights)
{
	int fd, other;
	uint32_t indices[COUNT];
};

FIXTURE_SETUP(rights)
{
	catch_sigbus();
	self->fd = new_pool(16 * KIB, COUNT + 1);
	ASSERT_GE(self->fd, 0);
	self->other = attach_another(self->fd, 0);
	ASSERT_GE(self->other, 0);
	ASSERT_EQ(COUNT, get_many(self->fd, self->indices, COUNT, 0, 0));
}

FIXTURE_TEARDOWN(rights)
{
	close(self->other);
	close(self->fd);
}

TEST_F(rights, who_owns_it_not_is_EPERM)
{
	ASSERT_EQ(-EPERM, seal(self->other, 0, 0));
	ASSERT_EQ(-EPERM, seal(self->fd, COUNT, 0));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(-EPERM, seal(self->other, 0, 0));
	ASSERT_EQ(-EPERM, unseal(self->other, 0));
	ASSERT_EQ(-EPERM, unseal(self->fd, COUNT));
	ASSERT_TRUE(is_sealed(self->fd, 0));
}

TEST_F(rights, beyond_the_pool_is_ERANGE)
{
	ASSERT_EQ(-ERANGE, seal(self->fd, COUNT + 1, 0));
	ASSERT_EQ(-ERANGE, unseal(self->fd, UINT32_MAX));
}

TEST_F(rights, bad_values_are_EINVAL)
{
	struct zcpool_unseal arg = { .indices = (uintptr_t)self->indices, .count = 1, .flags = 1 };
	uint32_t flag;

	ASSERT_EQ(-EINVAL, seal_many(self->fd, self->indices, 0, 0, NULL));
	ASSERT_EQ(-EINVAL, unseal_many(self->fd, self->indices, 0, NULL));
	for (flag = 2; flag; flag <<= 1)
		ASSERT_EQ(-EINVAL, seal(self->fd, 0, flag));
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_UNSEAL, &arg));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_FALSE(is_sealed(self->fd, 0));
}

TEST_F(rights, an_array_is_taken_in_order)
{
	uint32_t indices[] = { 0, 1, COUNT, 2 };
	uint32_t done;

	ASSERT_EQ(-EPERM, seal_many(self->fd, indices, 4, 0, &done));
	ASSERT_EQ(2, done);
	ASSERT_TRUE(is_sealed(self->fd, 1));
	ASSERT_FALSE(is_sealed(self->fd, 2));
	ASSERT_EQ(-EPERM, unseal_many(self->fd, indices, 4, &done));
	ASSERT_EQ(2, done);
	ASSERT_FALSE(is_sealed(self->fd, 0));
	indices[1] = 1000;
	ASSERT_EQ(-ERANGE, seal_many(self->fd, indices, 4, 0, &done));
	ASSERT_EQ(1, done);
	ASSERT_EQ(0, seal_many(self->fd, self->indices, COUNT, 0, &done));
	ASSERT_EQ(COUNT, done);
}

TEST_F(rights, bad_array_is_EFAULT)
{
	uint32_t *end =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t done = 7;

	ASSERT_EQ(-EFAULT, seal_many(self->fd, nowhere, 1, 0, &done));
	ASSERT_EQ(0, done);
	ASSERT_EQ(-EFAULT, unseal_many(self->fd, nowhere, 1, &done));
	ASSERT_EQ(0, done);
	/* Those before it are done. */
	munmap((char *)end + 4096, 4096);
	end += 4096 / sizeof(*end) - 1;
	*end = 1;
	ASSERT_EQ(-EFAULT, seal_many(self->fd, end, 2, 0, &done));
	ASSERT_EQ(1, done);
	ASSERT_TRUE(is_sealed(self->fd, 1));
}

TEST_F(rights, both_can_be_done_twice)
{
	ASSERT_EQ(0, unseal(self->fd, 0));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(0, seal(self->fd, 0, 0));
	ASSERT_EQ(0, unseal(self->fd, 0));
	ASSERT_FALSE(is_sealed(self->fd, 0));
	ASSERT_EQ(0, unseal(self->fd, 0));
}

TEST_F(rights, transfer_keeps_the_seal)
{
	const struct zcpool_item item = { .index = 0 };
	struct zcpool_item got;

	ASSERT_EQ(0, seal(self->fd, 0, ZCPOOL_SEAL_F_UNTIL_FREE));
	ASSERT_EQ(0, transfer(self->fd, number_of(self->other), &item, 1, NULL));
	ASSERT_EQ(-1, pwrite(self->fd, "b", 1, 0));
	ASSERT_EQ(EPERM, errno);
	ASSERT_EQ(1, receive_now(self->other, &got, 1));
	ASSERT_TRUE(is_sealed(self->other, 0));
	ASSERT_EQ(-1, pwrite(self->other, "b", 1, 0));
	ASSERT_EQ(-EPERM, unseal(self->fd, 0));
	ASSERT_EQ(0, unseal(self->other, 0));
	ASSERT_EQ(1, pwrite(self->other, "b", 1, 0));
}

TEST_F(rights, without_a_pool_is_ENXIO)
{
	int fd = open(DEVICE, O_RDWR);

	ASSERT_EQ(-ENXIO, seal(fd, 0, 0));
	ASSERT_EQ(-ENXIO, unseal(fd, 0));
	close(fd);
}

TEST_F(rights, query_tells_of_it)
{
	struct zcpool_query q;

	ASSERT_EQ(0, query(self->fd, &q));
	ASSERT_NE(0, q.features & ZCPOOL_FEATURE_SEAL);
}

TEST_HARNESS_MAIN
