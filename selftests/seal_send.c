// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is sent sealed arrives as it was sent, though a thread stores to it all the time;
 * and ZCPOOL_SEND_F_SEAL: what it seals, and what it takes back when nothing was sent.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "seal.h"
#include "send.h"
#include "share.h"
#include "sockets.h"

#include "harness.h"

#define BUFFER (16 * KIB)

/* How the buffer goes to the socket. */
enum way {
	BY_SEND,
	BY_URING,
	BY_SPLICE,
	BY_SENDFILE
};

/* Rounds without a seal, until the data is seen torn at the latest. */
#define TORN_ROUNDS 2000
#define SEALED_ROUNDS 150

FIXTURE(hostile)
{
	int fd;
	char *map;
	int pair[2];
	int pipes[2];
	struct io_uring ring;
	pthread_t writer;
};

FIXTURE_VARIANT(hostile)
{
	int (*pair)(int pair[2]);
	enum way way;
	uint64_t buffer;
};

VARIANT(hostile, tcp_by_send, .pair = tcp_pair, .way = BY_SEND, .buffer = BUFFER);
VARIANT(hostile, tcp_by_uring, .pair = tcp_pair, .way = BY_URING, .buffer = BUFFER);
VARIANT(hostile, tcp_by_splice, .pair = tcp_pair, .way = BY_SPLICE, .buffer = BUFFER);
VARIANT(hostile, tcp_by_sendfile, .pair = tcp_pair, .way = BY_SENDFILE, .buffer = BUFFER);
VARIANT(hostile, unix_by_send, .pair = unix_stream, .way = BY_SEND, .buffer = BUFFER);
VARIANT(hostile, unix_by_splice, .pair = unix_stream, .way = BY_SPLICE, .buffer = BUFFER);
VARIANT(hostile, huge_unix_by_send, .pair = unix_stream, .way = BY_SEND, .buffer = 2 * MIB);

static atomic_bool writer_stops;
/* How often the writer came round, and how often it got a SIGBUS. */
static atomic_ulong writer_rounds, writer_signals;

/* Stores to the buffer, again and again, whatever happens. */
static void *write_all_the_time(void *map)
{
	char byte = 0;
	size_t i;

	while (!atomic_load(&writer_stops)) {
		byte++;
		for (i = 0; i < BUFFER; i += 64)
			if (store_byte((char *)map + i, byte))
				break;
		if (i < BUFFER)
			atomic_fetch_add(&writer_signals, 1);
		atomic_fetch_add(&writer_rounds, 1);
	}
	return NULL;
}

/* Let the writer come round, so that it has had its chance. */
static void let_write(void)
{
	unsigned long before = atomic_load(&writer_rounds);

	while (atomic_load(&writer_rounds) < before + 3)
		sched_yield();
}

FIXTURE_SETUP(hostile)
{
	catch_sigbus();
	self->fd = new_pool(variant->buffer, 1);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, variant->buffer);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	memset(self->map, 0, BUFFER);
	ASSERT_EQ(0, variant->pair(self->pair));
	ASSERT_EQ(0, pipe(self->pipes));
	ASSERT_EQ(0, io_uring_queue_init(4, &self->ring, 0));
	atomic_store(&writer_stops, false);
	atomic_store(&writer_rounds, 0);
	atomic_store(&writer_signals, 0);
	ASSERT_EQ(0, pthread_create(&self->writer, NULL, write_all_the_time, self->map));
}

FIXTURE_TEARDOWN(hostile)
{
	atomic_store(&writer_stops, true);
	pthread_join(self->writer, NULL);
	io_uring_queue_exit(&self->ring);
	munmap(self->map, variant->buffer);
	close(self->pipes[0]);
	close(self->pipes[1]);
	close(self->pair[0]);
	close(self->pair[1]);
	close(self->fd);
}

static long send_by(FIXTURE_DATA(hostile) * self, enum way way, uint32_t flags)
{
	struct zcpool_element element = slice(0, BUFFER);
	struct zcpool_send arg = {
		.elements = (uintptr_t)&element,
		.count = 1,
		.fd = self->pair[0],
		.flags = flags,
	};
	loff_t offset = 0;
	off_t start = 0;

	switch (way) {
	case BY_SEND:
		return send_vector(self->fd, self->pair[0], &element, 1, flags, NULL);
	case BY_URING:
		prepare_send(&self->ring, self->fd, ZCPOOL_IOC_SEND, &arg);
		if (io_uring_submit(&self->ring) != 1)
			return -EIO;
		return result_of(&self->ring);
	case BY_SPLICE:
		if (splice(self->fd, &offset, self->pipes[1], NULL, BUFFER, 0) != BUFFER)
			return -errno;
		return splice(self->pipes[0], NULL, self->pair[0], NULL, BUFFER, 0);
	case BY_SENDFILE:
		return sendfile(self->pair[0], self->fd, &start, BUFFER);
	}
	return -EINVAL;
}

/*
 * Send the buffer, sealed or not, and receive it.  Returns 1 if what came is not what was
 * there when it was sent, 0 if it is, or an error.
 */
static int send_and_compare(FIXTURE_DATA(hostile) * self, enum way way, bool sealed)
{
	static char was[BUFFER], came[BUFFER];
	long sent;
	int ret;

	if (get_wait(self->fd))
		return -ENOENT;
	let_write();
	if (sealed && way != BY_SEND && way != BY_URING) {
		do
			ret = seal(self->fd, 0, 0);
		while (ret == -EBUSY);
		if (ret)
			return ret;
	}
	do
		sent = send_by(self, way,
			       sealed && (way == BY_SEND || way == BY_URING) ? ZCPOOL_SEND_F_SEAL :
									       0);
	while (sent == -EBUSY);
	if (sent != BUFFER)
		return sent < 0 ? sent : -EIO;
	if (pread(self->fd, was, BUFFER, 0) != BUFFER)
		return -errno;
	let_write();
	/* It is the kernel's by now, and stays what it was even so. */
	if (put_one(self->fd, 0))
		return -EPERM;
	let_write();
	if (read_full(self->pair[1], came, BUFFER) != BUFFER)
		return -EIO;
	return memcmp(was, came, BUFFER) ? 1 : 0;
}

TEST_F(hostile, unsealed_data_is_torn)
{
	int round, ret = 0;

	for (round = 0; round < TORN_ROUNDS && !ret; round++)
		ret = send_and_compare(self, variant->way, false);
	/* Otherwise the writer is not hostile, and the other test proves nothing. */
	ASSERT_EQ(1, ret);
	ASSERT_EQ(0, atomic_load(&writer_signals));
}

TEST_F(hostile, sealed_data_is_never_torn)
{
	const int most = rounds(SEALED_ROUNDS);
	int round;

	for (round = 0; round < most; round++)
		ASSERT_EQ(0, send_and_compare(self, variant->way, true));
	ASSERT_GE(atomic_load(&writer_signals), (unsigned long)most);
	/* And it was not the seal that kept it from ever writing. */
	ASSERT_GT(atomic_load(&writer_rounds), atomic_load(&writer_signals));
}

FIXTURE(sent)
{
	int fd;
	char *map;
	int pair[2];
};

FIXTURE_SETUP(sent)
{
	uint32_t indices[4];

	catch_sigbus();
	self->fd = new_full_pool(BUFFER, 4, &self->map);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(3, get_many(self->fd, indices, 3, 0, 0));
	ASSERT_EQ(0, unix_stream(self->pair));
}

FIXTURE_TEARDOWN(sent)
{
	munmap(self->map, 4 * BUFFER);
	close(self->fd);
	close(self->pair[0]);
	close(self->pair[1]);
}

TEST_F(sent, it_is_sealed_until_it_is_free)
{
	static const char header[] = "header";
	const struct zcpool_element elements[] = {
		bytes(header, 6),
		slice(0, 10),
		slice(BUFFER + 5, 10),
	};
	char came[26];

	ASSERT_EQ(26, send_vector(self->fd, self->pair[0], elements, 3, ZCPOOL_SEND_F_SEAL, NULL));
	ASSERT_EQ(SIGBUS, store_byte(self->map, 'x'));
	/* As a whole. */
	ASSERT_EQ(SIGBUS, store_byte(self->map + 2 * BUFFER - 1, 'x'));
	ASSERT_EQ(0, store_byte(self->map + 2 * BUFFER, 'x'));
	ASSERT_EQ(-EBUSY, unseal(self->fd, 0));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(SIGBUS, store_byte(self->map, 'x'));
	ASSERT_EQ(26, read_full(self->pair[1], came, 26));
	ASSERT_EQ(0, store_byte(self->map, 'x'));
	/* The owner is a holder too. */
	ASSERT_EQ(SIGBUS, store_byte(self->map + BUFFER, 'x'));
	ASSERT_EQ(0, unseal(self->fd, 1));
	ASSERT_EQ(0, store_byte(self->map + BUFFER, 'x'));
}

TEST_F(sent, a_slice_over_several_buffers_seals_them_all)
{
	const struct zcpool_element element = slice(BUFFER - 1, BUFFER + 2);
	static char came[BUFFER + 2];

	ASSERT_EQ(BUFFER + 2,
		  send_vector(self->fd, self->pair[0], &element, 1, ZCPOOL_SEND_F_SEAL, NULL));
	ASSERT_TRUE(is_sealed(self->fd, 0));
	ASSERT_TRUE(is_sealed(self->fd, 1));
	ASSERT_TRUE(is_sealed(self->fd, 2));
	ASSERT_EQ(BUFFER + 2, read_full(self->pair[1], came, BUFFER + 2));
}

TEST_F(sent, what_is_held_is_EBUSY_and_nothing_is_sealed)
{
	const struct zcpool_element plain = slice(2 * BUFFER, 1);
	const struct zcpool_element elements[] = { slice(0, 1), slice(BUFFER, 1), plain };
	char byte;

	ASSERT_EQ(1, send_vector(self->fd, self->pair[0], &plain, 1, 0, NULL));
	ASSERT_EQ(-EBUSY,
		  send_vector(self->fd, self->pair[0], elements, 3, ZCPOOL_SEND_F_SEAL, NULL));
	ASSERT_EQ(0, store_byte(self->map, 'x'));
	ASSERT_EQ(0, store_byte(self->map + BUFFER, 'x'));
	ASSERT_EQ(0, store_byte(self->map + 2 * BUFFER, 'x'));
	ASSERT_EQ(1, read(self->pair[1], &byte, 1));
	ASSERT_EQ(-1, recv(self->pair[1], &byte, 1, MSG_DONTWAIT));
	ASSERT_EQ(3, send_vector(self->fd, self->pair[0], elements, 3, ZCPOOL_SEND_F_SEAL, NULL));
}

TEST_F(sent, what_is_sealed_may_be_held)
{
	const struct zcpool_element element = slice(0, 1);
	int i;

	for (i = 0; i < 3; i++)
		ASSERT_EQ(1, send_vector(self->fd, self->pair[0], &element, 1, ZCPOOL_SEND_F_SEAL,
					 NULL));
	ASSERT_TRUE(is_sealed(self->fd, 0));
}

TEST_F(sent, what_is_not_owned_is_EPERM)
{
	const struct zcpool_element elements[] = { slice(0, 1), slice(3 * BUFFER, 1) };

	ASSERT_EQ(-EPERM,
		  send_vector(self->fd, self->pair[0], elements, 2, ZCPOOL_SEND_F_SEAL, NULL));
	ASSERT_FALSE(is_sealed(self->fd, 0));
	ASSERT_FALSE(is_sealed(self->fd, 3));
}

TEST_F(sent, if_nothing_is_sent_nothing_is_sealed)
{
	const struct zcpool_element elements[] = { slice(0, 1), slice(BUFFER, 1) };

	ASSERT_EQ(0, seal(self->fd, 1, 0));
	close(self->pair[1]);
	self->pair[1] = -1;
	ASSERT_EQ(-EPIPE, send_vector(self->fd, self->pair[0], elements, 2,
				      ZCPOOL_SEND_F_SEAL | ZCPOOL_SEND_F_NOSIGNAL, NULL));
	ASSERT_FALSE(is_sealed(self->fd, 0));
	ASSERT_EQ(0, store_byte(self->map, 'x'));
	/* What was sealed before stays so. */
	ASSERT_TRUE(is_sealed(self->fd, 1));
	ASSERT_EQ(-EBADF, send_vector(self->fd, -1, elements, 1, ZCPOOL_SEND_F_SEAL, NULL));
	ASSERT_FALSE(is_sealed(self->fd, 0));
}

TEST_F(sent, a_full_socket_takes_nothing)
{
	const struct zcpool_element element = slice(BUFFER, 1);

	ASSERT_GT(fill_socket(self->fd, self->pair[0], BUFFER), 0);
	ASSERT_EQ(-EAGAIN, send_vector(self->fd, self->pair[0], &element, 1,
				       ZCPOOL_SEND_F_SEAL | ZCPOOL_SEND_F_DONTWAIT, NULL));
	ASSERT_FALSE(is_sealed(self->fd, 1));
	ASSERT_EQ(0, store_byte(self->map + BUFFER, 'x'));
}

/* SEAL says that a buffer is sealed, by a SEND that ends without having sent anything. */
TEST_F(sent, what_SEAL_was_called_for_meanwhile_stays)
{
	const struct zcpool_element elements[] = { slice(BUFFER, 1), slice(2 * BUFFER, 1) };
	pid_t pid;

	ASSERT_GT(fill_socket(self->fd, self->pair[0], BUFFER), 0);
	pid = fork();
	if (!pid)
		_exit(send_vector(self->fd, self->pair[0], elements, 2, ZCPOOL_SEND_F_SEAL, NULL));
	ASSERT_TRUE(wait_asleep(pid));
	ASSERT_TRUE(is_sealed(self->fd, 1));
	ASSERT_EQ(0, seal(self->fd, 2, 0));
	kill(pid, SIGKILL);
	ASSERT_EQ(-1, wait_status(pid));
	EXPECT_EQ(0, store_byte(self->map + BUFFER, 'x'));
	EXPECT_EQ(SIGBUS, store_byte(self->map + 2 * BUFFER, 'x'));
	EXPECT_EQ(0, unseal(self->fd, 2));
	EXPECT_EQ(0, store_byte(self->map + 2 * BUFFER, 'x'));
}

/* A child in a SEND of the second buffer that seals it, and waits for room. */
static pid_t wait_in_send(FIXTURE_DATA(sent) * self)
{
	const struct zcpool_element element = slice(BUFFER, 1);
	pid_t pid = fork();

	if (!pid)
		_exit(send_vector(self->fd, self->pair[0], &element, 1, ZCPOOL_SEND_F_SEAL, NULL));
	return wait_asleep(pid) ? pid : -1;
}

/* Whichever began, the last of those that send nothing takes the seal back. */
TEST_F(sent, none_that_sends_nothing_leaves_a_seal)
{
	pid_t pids[2];
	int first;

	ASSERT_GT(fill_socket(self->fd, self->pair[0], BUFFER), 0);
	for (first = 0; first < 2; first++) {
		pids[0] = wait_in_send(self);
		pids[1] = wait_in_send(self);
		ASSERT_LT(0, pids[0]);
		ASSERT_LT(0, pids[1]);
		kill(pids[first], SIGKILL);
		ASSERT_EQ(-1, wait_status(pids[first]));
		ASSERT_TRUE(is_sealed(self->fd, 1));
		kill(pids[!first], SIGKILL);
		ASSERT_EQ(-1, wait_status(pids[!first]));
		ASSERT_FALSE(is_sealed(self->fd, 1));
		ASSERT_EQ(0, store_byte(self->map + BUFFER, 'x'));
	}
}

/* Though it found the buffer sealed by one that sends nothing, and nothing holds it any more. */
TEST_F(sent, what_another_has_sent_stays)
{
	const struct zcpool_element element = slice(BUFFER, 1);
	int pair[2];
	char byte;
	pid_t pid;

	ASSERT_EQ(0, unix_stream(pair));
	ASSERT_GT(fill_socket(self->fd, self->pair[0], BUFFER), 0);
	pid = wait_in_send(self);
	ASSERT_LT(0, pid);
	ASSERT_EQ(1, send_vector(self->fd, pair[0], &element, 1, ZCPOOL_SEND_F_SEAL, NULL));
	ASSERT_EQ(1, read(pair[1], &byte, 1));
	kill(pid, SIGKILL);
	ASSERT_EQ(-1, wait_status(pid));
	EXPECT_EQ(SIGBUS, store_byte(self->map + BUFFER, 'x'));
	EXPECT_EQ(0, unseal(self->fd, 1));
	EXPECT_EQ(0, store_byte(self->map + BUFFER, 'x'));
	close(pair[0]);
	close(pair[1]);
}

TEST(the_rest_of_a_vector_goes_by_the_same_flag)
{
	static char came[BUFFER], was[BUFFER];
	uint64_t size = 64 * BUFFER, done = 0, seen = 0;
	uint32_t indices[64];
	int fd, pair[2];
	char *map;

	catch_sigbus();
	fd = new_full_pool(BUFFER, 64, &map);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(64, get_many(fd, indices, 64, 0, 0));
	ASSERT_EQ(0, unix_stream(pair));
	while (done < size) {
		const struct zcpool_element rest = slice(done, size - done);
		long sent = send_vector(fd, pair[0], &rest, 1,
					ZCPOOL_SEND_F_SEAL | ZCPOOL_SEND_F_DONTWAIT, NULL);

		if (sent == -EAGAIN) {
			ASSERT_EQ(BUFFER, read_full(pair[1], came, BUFFER));
			ASSERT_EQ(BUFFER, pread(fd, was, BUFFER, seen));
			ASSERT_EQ(0, memcmp(came, was, BUFFER));
			seen += BUFFER;
			continue;
		}
		ASSERT_GT(sent, 0);
		/* As a whole, though it went in parts. */
		ASSERT_EQ(SIGBUS, store_byte(map + done, 'x'));
		ASSERT_EQ(SIGBUS, store_byte(map + size - 1, 'x'));
		done += sent;
	}
	ASSERT_LT(0, seen);
	munmap(map, size);
	close(pair[0]);
	close(pair[1]);
	close(fd);
}

TEST_F(sent, uring_seals_too)
{
	struct zcpool_element element = slice(0, 1);
	struct zcpool_send arg = {
		.elements = (uintptr_t)&element,
		.count = 1,
		.fd = self->pair[0],
		.flags = ZCPOOL_SEND_F_SEAL,
	};
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	prepare_send(&ring, self->fd, ZCPOOL_IOC_SEND, &arg);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(1, result_of(&ring));
	ASSERT_EQ(SIGBUS, store_byte(self->map, 'x'));
	io_uring_queue_exit(&ring);
}

TEST_HARNESS_MAIN
