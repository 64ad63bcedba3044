// SPDX-License-Identifier: GPL-2.0-only
/*
 * Isolated pools: who does not own a buffer reaches none of its bytes, by no way; who
 * gives it up, no more; and who gets it next sees nothing of another user's.
 */
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/uio.h>

#include "export.h"
#include "isolated.h"
#include "send.h"
#include "view.h"

#include "harness.h"
#include "two_owners.h"

TEST_F(pool, query_says_so)
{
	struct zcpool_query q;
	int plain = new_pool(16 * KIB, 1);

	ASSERT_EQ(0, query(self->other, &q));
	EXPECT_EQ(ZCPOOL_CREATE_F_ISOLATED, q.pool_flags);
	EXPECT_TRUE(q.features & ZCPOOL_FEATURE_ISOLATED);
	ASSERT_EQ(0, query(plain, &q));
	EXPECT_EQ(0, q.pool_flags);
	close(plain);
}

/* Every way to memory that is not one's own, tried by another user. */
static void intrude(int fd, size_t stride)
{
	const uint64_t mine = get_now(fd) * stride;
	struct zcpool_element vector[2] = { slice(mine, 16), slice(0, 16) };
	struct zcpool_item item = { .index = 0 };
	int pipes[2], pair[2], null = open("/dev/null", O_WRONLY);
	char byte, *map = map_pool(fd, COUNT * stride);
	struct iovec local = { .iov_base = &byte, .iov_len = 1 };
	struct iovec remote = { .iov_base = map, .iov_len = 1 };
	loff_t offset = 0;
	off_t start = 0;

	MUST(mine > 0 && map != MAP_FAILED);
	MUST(!pipe(pipes) && !tcp_pair(pair));

	MUST(can_write(map + mine, 'm') && byte_at(map + mine) == 'm');
	MUST(byte_at(map) == -1 && !can_write(map, 'x'));
	MUST(byte_at(map + mine - 1) == -1 || mine != stride);
	MUST(pread(fd, &byte, 1, 0) == -1 && errno == EPERM);
	MUST(pwrite(fd, "x", 1, 0) == -1 && errno == EPERM);
	MUST(pread(fd, &byte, 1, mine) == 1 && byte == 'm');

	/* By system calls that take memory. */
	MUST(write(pipes[1], map, 1) == -1 && errno == EFAULT);
	MUST(vmsplice(pipes[1], &remote, 1, SPLICE_F_NONBLOCK) == -1 && errno == EFAULT);
	MUST(process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == -1 && errno == EFAULT);
	MUST(process_vm_writev(getpid(), &local, 1, &remote, 1, 0) == -1 && errno == EFAULT);
	MUST(write(pair[0], map, 1) == -1 && errno == EFAULT);

	MUST(splice(fd, &offset, pipes[1], NULL, 1, SPLICE_F_NONBLOCK) == -1 && errno == EPERM);
	MUST(sendfile(null, fd, &start, 1) == -1 && errno == EPERM);
	MUST(write(pipes[1], "x", 1) == 1);
	MUST(splice(pipes[0], NULL, fd, &offset, 1, 0) == -1 && errno == EPERM);
	MUST(send_vector(fd, pair[0], vector, 2, 0, NULL) == -EPERM);
	MUST(recv(pair[1], &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	MUST(send_vector(fd, pair[0], vector, 1, 0, NULL) == 16);

	MUST(put_one(fd, 0) == -EPERM);
	MUST(transfer(fd, 1, &item, 1, NULL) == -EPERM);
	MUST(view(fd, 0, 16, 0, 0600) == -EPERM);
	MUST(view(fd, 0, COUNT * stride, 0, 0600) == -EPERM);
	MUST(export(fd, 0, 4 * KIB, ZCPOOL_EXPORT_F_READ_ONLY) == -EPERM);
	MUST(export(fd, mine, 4 * KIB, ZCPOOL_EXPORT_F_UNHELD) == -EPERM);
	MUST(close(view(fd, mine, 16, 0, 0600)) == 0);
	MUST(close(export(fd, mine, 4 * KIB, 0)) == 0);
}

TEST_F(pool, another_user_reaches_nothing)
{
	struct zcpool_holder holder;
	pid_t child;

	ASSERT_EQ(0, get_now(self->fd));
	strcpy(self->map, "secret");
	child = fork();
	if (!child) {
		MUST(!become_nobody());
		MUST(!attach(self->unbound, self->share, 0));
		intrude(self->unbound, self->stride);
		_exit(0);
	}
	ASSERT_EQ(0, wait_status(child));
	ASSERT_STREQ("secret", self->map);
	/* Nor learns what is done with it. */
	holder = holder_of(self->fd, 0);
	ASSERT_GT(holder.mappings, 0);
	holder = holder_of(self->other, 0);
	ASSERT_EQ(ZCPOOL_STATE_OWNED_ELSEWHERE, holder.state);
	ASSERT_EQ(0, holder.mappings);
	ASSERT_EQ(0, holder.age_ns);
}

/* As much as is one's own: up to the next one's first byte. */
TEST_F(pool, a_read_ends_where_ownership_does)
{
	char *bytes = malloc(2 * self->stride);

	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(1, get_now(self->other));
	ASSERT_EQ(self->stride - 8, pread(self->fd, bytes, 2 * self->stride, 8));
	ASSERT_EQ(self->stride - 8, pwrite(self->fd, bytes, 2 * self->stride, 8));
	ASSERT_EQ(-1, pread(self->fd, bytes, 1, self->stride));
	ASSERT_EQ(EPERM, errno);
	free(bytes);
}

TEST_F(pool, put_takes_all_mappings)
{
	char *again = map_pool(self->fd, COUNT * self->stride);
	int control[2];
	char byte;
	pid_t child;

	ASSERT_EQ(0, pipe(control));
	ASSERT_EQ(0, get_now(self->fd));
	memset(self->map, 'a', self->stride);
	ASSERT_EQ('a', byte_at(again + self->stride - 1));
	child = fork();
	if (!child) {
		/* The same handle: the same owner. */
		MUST(byte_at(self->map) == 'a');
		MUST(write(control[1], "x", 1) == 1);
		close(control[1]);
		while (byte_at(self->map) == 'a')
			usleep(1000);
		MUST(read(control[0], &byte, 1) >= 0);
		_exit(byte_at(self->map) == -1 ? 0 : 1);
	}
	ASSERT_EQ(1, read(control[0], &byte, 1));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(-1, byte_at(self->map));
	ASSERT_EQ(-1, byte_at(self->map + self->stride - 1));
	ASSERT_EQ(-1, byte_at(again));
	ASSERT_FALSE(can_write(self->map, 'x'));
	/* Nor when another has it. */
	ASSERT_EQ(0, get_now(self->other));
	ASSERT_TRUE(can_write(self->other_map, 'b'));
	ASSERT_EQ(-1, byte_at(self->map));
	ASSERT_EQ(1, write(control[1], "x", 1));
	ASSERT_EQ(0, wait_status(child));
	ASSERT_EQ(0, put_one(self->other, 0));
	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ('b', byte_at(self->map));
	munmap(again, COUNT * self->stride);
}

TEST_F(pool, transfer_takes_all_mappings)
{
	struct zcpool_item item = { .tag = 7 };

	ASSERT_EQ(0, get_now(self->fd));
	memset(self->map, 'p', self->stride);
	ASSERT_EQ(0, transfer(self->fd, number_of(self->other), &item, 1, NULL));
	ASSERT_EQ(-1, byte_at(self->map));
	/* Not the receiver's yet. */
	ASSERT_EQ(-1, byte_at(self->other_map));
	ASSERT_EQ(1, receive_now(self->other, &item, 1));
	ASSERT_EQ(7, item.tag);
	ASSERT_EQ('p', byte_at(self->other_map));
	ASSERT_EQ('p', byte_at(self->other_map + self->stride - 1));
	ASSERT_EQ(-1, byte_at(self->map));
}

/* What is held may be read, or written, by who gives it away. */
TEST_F(pool, transfer_of_what_is_held_is_EBUSY)
{
	struct zcpool_item item = { .index = 0 };
	uint32_t to = number_of(self->other);
	struct iovec bytes = { .iov_base = self->map, .iov_len = 4 };
	loff_t offset = 0;
	char byte, read_back[4];
	int pipes[2], fd;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, get_now(self->fd));
	strcpy(self->map, "kept");

	ASSERT_EQ(1, splice(self->fd, &offset, pipes[1], NULL, 1, 0));
	ASSERT_EQ(-EBUSY, transfer(self->fd, to, &item, 1, NULL));
	ASSERT_STREQ("kept", self->map);
	ASSERT_EQ(1, read(pipes[0], &byte, 1));

	ASSERT_EQ(4, vmsplice(pipes[1], &bytes, 1, 0));
	ASSERT_EQ(-EBUSY, transfer(self->fd, to, &item, 1, NULL));
	ASSERT_EQ(4, read(pipes[0], read_back, 4));

	fd = view(self->fd, 0, 4 * KIB, 0, 0600);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(-EBUSY, transfer(self->fd, to, &item, 1, NULL));
	close(fd);

	fd = export(self->fd, 0, 4 * KIB, 0);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(-EBUSY, transfer(self->fd, to, &item, 1, NULL));
	close(fd);

	ASSERT_STREQ("kept", self->map);
	/* The export's end is told of a moment later: see fput(). */
	while (transfer(self->fd, to, &item, 1, NULL) == -EBUSY)
		usleep(1000);
	ASSERT_EQ(-EPERM, put_one(self->fd, 0));
	ASSERT_EQ(1, receive_now(self->other, &item, 1));
	ASSERT_STREQ("kept", self->other_map);
}

TEST_F(pool, what_is_pinned_is_not_free)
{
	struct iovec bytes = { .iov_base = self->map, .iov_len = 4 };
	char read_back[4];
	int pipes[2], i;

	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, get_now(self->fd));
	for (i = 1; i < COUNT; i++)
		ASSERT_EQ(i, get_now(self->other));
	strcpy(self->map, "pin");
	ASSERT_EQ(4, vmsplice(pipes[1], &bytes, 1, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(-EAGAIN, get_now(self->other));
	ASSERT_EQ(4, read(pipes[0], read_back, 4));
	ASSERT_EQ(0, get_now(self->other));
}

struct waiting_send {
	int fd, socket;
	size_t size;
	long sent;
};

static void *send_and_wait(void *arg)
{
	struct waiting_send *waiting = arg;
	struct zcpool_element element = slice(0, waiting->size);

	waiting->sent = send_vector(waiting->fd, waiting->socket, &element, 1,
				    ZCPOOL_SEND_F_NOSIGNAL, NULL);
	return NULL;
}

/* What a SEND will take when there is room is its own until then, put or not. */
TEST_F(pool, a_waiting_send_keeps_its_buffer)
{
	struct waiting_send waiting = { .fd = self->fd, .size = self->stride };
	char *received = malloc(self->stride), junk[4096] = "";
	size_t queued = 0, before, done, i;
	pthread_t thread;
	ssize_t sent;
	int pair[2];

	ASSERT_EQ(0, tcp_pair(pair));
	waiting.socket = pair[0];
	do {
		before = queued;
		while ((sent = send(pair[0], junk, sizeof(junk), MSG_DONTWAIT)) > 0)
			queued += sent;
		while (!settled(pair[0]))
			usleep(1000);
	} while (queued > before);
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(i, get_now(i ? self->other : self->fd));
	memset(self->map, 'w', self->stride);
	ASSERT_EQ(0, pthread_create(&thread, NULL, send_and_wait, &waiting));
	while (holder_of(self->fd, 0).references < 1 + (self->stride > 2 * MIB))
		usleep(1000);
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(-EAGAIN, get_now(self->other));
	for (; queued; queued -= done) {
		done = read_full(pair[1], junk, queued < sizeof(junk) ? queued : sizeof(junk));
		ASSERT_GT(done, 0);
	}
	/* A part of it may be all that the socket takes from a huge one. */
	for (done = 0; done < self->stride && done < 64 * KIB; done++) {
		ASSERT_EQ(1, read(pair[1], received, 1));
		ASSERT_EQ('w', *received);
	}
	close(pair[1]);
	pthread_join(thread, NULL);
	close(pair[0]);
	ASSERT_EQ(0, get_wait(self->other));
	free(received);
}

/* Memory whose second page is not there before fill_slow_memory(). */
static int slow_memory(char **memory)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	*memory = mmap(NULL, 8 * KIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)*memory + 4 * KIB;
	range.range.len = 4 * KIB;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range))
		return -errno;
	**memory = 0;
	return fd;
}

static int fill_slow_memory(int fd, char *memory)
{
	struct uffdio_zeropage zero = {
		.range.start = (uintptr_t)memory + 4 * KIB,
		.range.len = 4 * KIB,
	};

	return ioctl(fd, UFFDIO_ZEROPAGE, &zero);
}

struct slow_copy {
	int fd;
	bool write;
	char *memory;
	ssize_t copied;
};

static void *copy_slowly(void *arg)
{
	struct slow_copy *slow = arg;

	if (slow->write)
		slow->copied = pwrite(slow->fd, slow->memory, 8 * KIB, 0);
	else
		slow->copied = pread(slow->fd, slow->memory, 8 * KIB, 0);
	return NULL;
}

/* A copy that waits in its middle for the program's memory is of one's own bytes. */
TEST_F(pool, a_waiting_copy_keeps_its_buffer)
{
	struct slow_copy slow = { .fd = self->fd };
	struct uffd_msg fault;
	pthread_t thread;
	int faults, i;

	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(i, get_now(i ? self->other : self->fd));
	for (i = 0; i < 2; i++) {
		slow.write = i;
		faults = slow_memory(&slow.memory);
		ASSERT_GE(faults, 0);
		ASSERT_EQ(0, pthread_create(&thread, NULL, copy_slowly, &slow));
		ASSERT_EQ(sizeof(fault), read(faults, &fault, sizeof(fault)));
		ASSERT_EQ(0, put_one(self->fd, 0));
		ASSERT_EQ(-EAGAIN, get_now(self->other));
		ASSERT_EQ(0, fill_slow_memory(faults, slow.memory));
		pthread_join(thread, NULL);
		ASSERT_EQ(8 * KIB, slow.copied);
		ASSERT_EQ(0, get_wait(self->fd));
		munmap(slow.memory, 8 * KIB);
		close(faults);
	}
}

/* Until they end, a view and a dma-buf show their buffer, which is nobody else's. */
TEST_F(pool, views_and_exports_outlive_ownership)
{
	int i, shown, exported;
	char bytes[5] = "", *map;

	ASSERT_EQ(0, get_now(self->fd));
	for (i = 1; i < COUNT; i++)
		ASSERT_EQ(i, get_now(self->other));
	strcpy(self->map, "view");
	shown = view(self->fd, 0, 4 * KIB, 0, 0600);
	exported = export(self->fd, 0, 4 * KIB, 0);
	map = mmap(NULL, 4 * KIB, PROT_READ, MAP_SHARED, exported, 0);
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(-1, byte_at(self->map));
	ASSERT_EQ(4, pread(shown, bytes, 4, 0));
	ASSERT_STREQ("view", bytes);
	ASSERT_EQ('v', byte_at(map));
	ASSERT_EQ(-EAGAIN, get_now(self->other));
	close(shown);
	close(exported);
	ASSERT_EQ(-EAGAIN, get_now(self->other));
	munmap(map, 4 * KIB);
	ASSERT_EQ(0, get_wait(self->other));
}

static bool all_are(const char *bytes, char byte, size_t size)
{
	return bytes[0] == byte && !memcmp(bytes, bytes + 1, size - 1);
}

TEST_F(pool, cleared_between_users)
{
	int i;
	pid_t child;

	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(i, get_now(self->fd));
	memset(self->map, 's', COUNT * self->stride);
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(0, put_one(self->fd, i));
	/* The same user's handles see what that user left. */
	ASSERT_EQ(COUNT - 1, get_now(self->other));
	ASSERT_TRUE(all_are(self->other_map + (COUNT - 1) * self->stride, 's', self->stride));
	ASSERT_EQ(0, put_one(self->other, COUNT - 1));
	child = fork();
	if (!child) {
		char *map;

		MUST(!become_nobody());
		MUST(!attach(self->unbound, self->share, 0));
		map = map_pool(self->unbound, COUNT * self->stride);
		for (i = 0; i < COUNT; i++)
			MUST(get_now(self->unbound) >= 0);
		MUST(all_are(map, 0, COUNT * self->stride));
		memset(map, 'n', COUNT * self->stride);
		_exit(0);
	}
	ASSERT_EQ(0, wait_status(child));
	close(self->unbound);
	for (i = 0; i < COUNT; i++)
		ASSERT_GE(get_now(self->fd), 0);
	ASSERT_TRUE(all_are(self->map, 0, COUNT * self->stride));
}

/* What was sent to one who died before it came is not for others to see. */
TEST_F(pool, a_parcel_for_the_dead_is_cleared)
{
	struct zcpool_item item = { .index = 0 };
	int receiver = attach_by(self->share, 0), i;

	ASSERT_EQ(0, get_now(self->fd));
	for (i = 1; i < COUNT; i++)
		ASSERT_EQ(i, get_now(self->fd));
	memset(self->map, 's', self->stride);
	ASSERT_EQ(0, transfer(self->fd, number_of(receiver), &item, 1, NULL));
	close(receiver);
	ASSERT_EQ(0, get_now(self->other));
	ASSERT_TRUE(all_are(self->other_map, 0, self->stride));
}

/* A mapping outlives its handle, and shows nothing then. */
TEST_F(pool, a_mapping_ends_with_its_handle)
{
	char *map, *half;
	int fd = attach_by(self->share, 0), index;

	map = map_pool(fd, COUNT * self->stride);
	index = get_now(fd);
	ASSERT_TRUE(can_write(map + index * self->stride, 'x'));
	close(fd);
	ASSERT_EQ(-1, byte_at(map + index * self->stride));
	/* Not even if a new handle has the memory of the old one. */
	fd = attach_by(self->share, 0);
	index = get_now(fd);
	ASSERT_EQ(-1, byte_at(map + index * self->stride));
	half = mremap(map, COUNT * self->stride, 2 * self->stride, MREMAP_MAYMOVE);
	ASSERT_NE(MAP_FAILED, (void *)half);
	if (!fork()) {
		munmap(half, self->stride);
		_exit(0);
	}
	wait_status(-1);
	munmap(half, 2 * self->stride);
	close(fd);
}

/* A receiver that is not told of buffers keeps no way to them either. */
TEST_F(pool, received_and_not_told)
{
	struct zcpool_item item = { .index = 0 };
	int fd = attach_by(self->share, 0);
	char *map = map_pool(fd, COUNT * self->stride);

	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(0, transfer(self->fd, number_of(fd), &item, 1, NULL));
	ASSERT_EQ(-EFAULT, receive_now(fd, nowhere, 1));
	ASSERT_EQ(-1, byte_at(map));
	ASSERT_EQ(1, receive_now(fd, &item, 1));
	ASSERT_EQ(0, byte_at(map));
	close(fd);
	ASSERT_EQ(-1, byte_at(map));
	munmap(map, COUNT * self->stride);
}

TEST_F(pool, a_queue_that_is_full)
{
	struct zcpool_item items[2] = { { .index = 0 }, { .index = 1 } };
	int receiver = attach_by(self->share, 1);
	uint32_t done;

	ASSERT_EQ(0, get_now(self->fd));
	ASSERT_EQ(1, get_now(self->fd));
	ASSERT_TRUE(can_write(self->map + self->stride, 'k'));
	ASSERT_EQ(-EAGAIN, transfer(self->fd, number_of(receiver), items, 2, &done));
	ASSERT_EQ(1, done);
	ASSERT_EQ('k', byte_at(self->map + self->stride));
	ASSERT_EQ(0, put_one(self->fd, 1));
	close(receiver);
}

TEST_HARNESS_MAIN
