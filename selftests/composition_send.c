// SPDX-License-Identifier: GPL-2.0-only
/*
 * A composition of libzcpool goes to a socket as a whole, in as many turns as it
 * takes, and its buffers are free when it and the socket have let go of them.
 */
#include <liburing.h>
#include <linux/tcp.h>
#include <pthread.h>

#include "composition.h"

static uint64_t add_up(const struct zcpool_element *elements, uint32_t count)
{
	uint64_t length = 0;
	uint32_t i;

	for (i = 0; i < count; i++)
		length += elements[i].length;
	return length;
}

TEST_F(composition, header_body_trailer)
{
	uint64_t done = 0, copied = 99;

	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "header:", 7));
	ASSERT_EQ(0, zcpool_composition_add_slice(self->whole, self->slices[3]));
	ASSERT_EQ(0, add_part(self->whole, self->slices[1], 1000, 3000));
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, ":trailer", 8));
	ASSERT_EQ(7 + BUFFER + 3000 + 8, zcpool_composition_length(self->whole));

	ASSERT_EQ(0, zcpool_send_composition(self->whole, self->pair[0], &done, 0, &copied));
	EXPECT_EQ(7 + BUFFER + 3000 + 8, done);
	EXPECT_EQ(0, copied);
	ASSERT_EQ(done, read_full(self->pair[1], self->back, done));
	EXPECT_EQ(0, memcmp(self->back, "header:", 7));
	EXPECT_EQ(0, memcmp(self->back + 7, self->map + 3 * BUFFER, BUFFER));
	EXPECT_EQ(0, memcmp(self->back + 7 + BUFFER, self->map + BUFFER + 1000, 3000));
	EXPECT_EQ(0, memcmp(self->back + 7 + BUFFER + 3000, ":trailer", 8));
	/* All of it has gone: nothing happens, on no socket even. */
	EXPECT_EQ(0, zcpool_send_composition(self->whole, -1, &done, 0, &copied));
	EXPECT_EQ(0, copied);
}

/* From the middle of it, as after a part of it was sent. */
TEST_F(composition, from_any_byte_on)
{
	static const char text[] = "headerbodytrailer";
	const uint64_t length = strlen(text);
	uint64_t offset, done;

	memcpy(self->map, "body", 4);
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "header", 6));
	ASSERT_EQ(0, add_part(self->whole, self->slices[0], 0, 4));
	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "trailer", 7));
	for (offset = 0; offset < length; offset++) {
		done = offset;
		ASSERT_EQ(0, zcpool_send_composition(self->whole, self->pair[0], &done, 0, NULL));
		ASSERT_EQ(length, done);
		ASSERT_EQ(length - offset, read_full(self->pair[1], self->back, length - offset));
		ASSERT_EQ(0, memcmp(text + offset, self->back, length - offset));
	}
	EXPECT_EQ(0, zcpool_composition_elements(self->whole, length, NULL, 1));
	EXPECT_EQ(0, zcpool_composition_elements(self->whole, UINT64_MAX, NULL, 1));
	EXPECT_EQ(0, zcpool_composition_elements(self->whole, 0, NULL, 0));
}

/* Bytes are copied when they are added; slices are what they are when sent. */
TEST_F(composition, bytes_are_copied_and_slices_are_not)
{
	char text[] = "copied";
	uint64_t done = 0;

	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, text, 6));
	ASSERT_EQ(0, add_part(self->whole, self->slices[0], 0, 4));
	memset(text, 'x', 6);
	memcpy(self->map, "late", 4);
	ASSERT_EQ(0, zcpool_send_composition(self->whole, self->pair[0], &done, 0, NULL));
	memcpy(self->map, "last", 4);
	ASSERT_EQ(10, read_full(self->pair[1], self->back, 10));
	EXPECT_EQ(0, memcmp(self->back, "copiedlast", 10));
}

/* A composition keeps its buffers owned; then the socket keeps them in flight. */
TEST_F(composition, buffers_are_free_when_read)
{
	struct zcpool_composition *last;
	uint64_t done = 0;
	uint32_t index;
	int i;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(0, add_part(self->whole, self->slices[i], 0, 1000));
		ASSERT_EQ(0, zcpool_slice_release(self->slices[i]));
		self->slices[i] = NULL;
	}
	ASSERT_EQ(0, zcpool_composition_sub(self->whole, 3000, 1000, &last));
	zcpool_composition_retain(self->whole);
	ASSERT_EQ(0, zcpool_composition_release(self->whole));
	ASSERT_EQ(0, zcpool_flush(self->pool));
	ASSERT_EQ(COUNT, kernel_owned(self->pool));
	ASSERT_EQ(0, zcpool_send_composition(self->whole, self->pair[0], &done, 0, NULL));
	ASSERT_EQ(0, zcpool_composition_release(self->whole));
	self->whole = NULL;
	ASSERT_EQ(0, zcpool_flush(self->pool));
	ASSERT_EQ(COUNT - 3, kernel_owned(self->pool));
	ASSERT_EQ(0, zcpool_composition_release(last));
	ASSERT_EQ(0, zcpool_flush(self->pool));
	ASSERT_EQ(COUNT - 4, kernel_owned(self->pool));
	ASSERT_EQ(-EAGAIN, zcpool_get_batch(self->pool, &index, 1, 0));
	ASSERT_EQ(4000, read_full(self->pair[1], self->back, 4000));
	for (i = 0; i < 4; i++)
		ASSERT_EQ(1, zcpool_get_batch(self->pool, &index, 1, -1));
	ASSERT_EQ(-EAGAIN, zcpool_get_batch(self->pool, &index, 1, 0));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(0, memcmp(self->back + i * 1000, self->map + i * BUFFER, 1000));
	for (index = 0; index < 4; index++)
		ASSERT_EQ(0, zcpool_put(self->pool, index));
}

TEST_F(composition, full_socket_is_resumed)
{
	uint64_t length, done = 0, copied = 0, all_copied = 0, read = 0, before;
	int size = 64 * KIB, turns, error, i;

	ASSERT_EQ(0, compose_chunks(self->whole, self->slices));
	length = gather(self->whole, self->map, 0, 7, self->expected);
	ASSERT_EQ(0, setsockopt(self->pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	ASSERT_EQ(0, setsockopt(self->pair[1], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	ASSERT_EQ(0, fcntl(self->pair[0], F_SETFL, O_NONBLOCK));
	for (turns = 0;; turns++) {
		before = done;
		error = zcpool_send_composition(self->whole, self->pair[0], &done, 0, &copied);
		all_copied += copied;
		ASSERT_GE(done, before);
		if (!error)
			break;
		ASSERT_EQ(-EAGAIN, error);
		ASSERT_LT(done, length);
		ASSERT_EQ(1000, read_full(self->pair[1], self->back + read, 1000));
		read += 1000;
		while (done - read > 200000)
			read += recv(self->pair[1], self->back + read, 50000, 0);
	}
	EXPECT_GT(turns, 3);
	EXPECT_EQ(length, done);
	EXPECT_EQ(0, all_copied);
	/* The end of it is still in the sockets. */
	ASSERT_GT(done, read);
	ASSERT_EQ(0, zcpool_composition_release(self->whole));
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(0, zcpool_slice_release(self->slices[i]));
	self->whole = NULL;
	memset(self->slices, 0, sizeof(self->slices));
	ASSERT_EQ(length - read, read_full(self->pair[1], self->back + read, length - read));
	EXPECT_EQ(0, memcmp(self->expected, self->back, length));
}

/* More elements than a SEND takes. */
TEST_F(composition, thousands_of_elements)
{
	uint64_t length, done = 0, copied;
	int i;

	for (i = 0; i < 5000; i++) {
		ASSERT_EQ(0, add_part(self->whole, self->slices[i % COUNT], i, 3));
		if (i % 7 == 0)
			ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "bytes", 5));
	}
	length = gather(self->whole, self->map, 0, 64, self->expected);
	ASSERT_EQ(0, zcpool_send_composition(self->whole, self->pair[0], &done, 0, &copied));
	EXPECT_EQ(length, done);
	EXPECT_EQ(0, copied);
	ASSERT_EQ(length, read_full(self->pair[1], self->back, length));
	EXPECT_EQ(0, memcmp(self->expected, self->back, length));
}

static int segments_sent(int socket)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	return getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) ?
		       -errno :
		       (int)info.tcpi_data_segs_out;
}

/* Bytes that are one segment, although they take two calls. */
TEST_F(composition, calls_but_the_last_say_that_more_follows)
{
	uint64_t done = 0;
	int64_t start;
	long early;
	int i;

	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "x", 1));
	for (i = 0; i < 11; i++)
		ASSERT_EQ(0, zcpool_composition_add(self->whole, self->whole));
again:
	start = now_ns();
	done = 0;
	ASSERT_EQ(0, zcpool_send_composition(self->whole, self->pair[0], &done, 0, NULL));
	ASSERT_EQ(2048, done);
	ASSERT_EQ(2048, recv(self->pair[1], self->back, 2048, MSG_WAITALL));
	/* And the last one if it is told so. */
	done = 0;
	ASSERT_EQ(0, zcpool_send_composition(self->whole, self->pair[0], &done, ZCPOOL_SEND_F_MORE,
					     NULL));
	early = recv(self->pair[1], self->back, 1, MSG_DONTWAIT | MSG_PEEK);
	done = 2047;
	ASSERT_EQ(0, zcpool_send_composition(self->whole, self->pair[0], &done, 0, NULL));
	ASSERT_EQ(2049, recv(self->pair[1], self->back, 2049, MSG_WAITALL));
	if (now_ns() - start > TCP_PATIENCE) {
		/* TCP may have sent some by itself. */
		close(self->pair[0]);
		close(self->pair[1]);
		ASSERT_EQ(0, tcp_pair(self->pair));
		goto again;
	}
	EXPECT_EQ(-1, early);
	EXPECT_EQ(2, segments_sent(self->pair[0]));
}

/* A message goes by one SEND: what does not fit goes not at all. */
TEST_F(composition, a_message_is_one_message)
{
	static const int types[] = { SOCK_DGRAM, SOCK_SEQPACKET };
	struct zcpool_element elements[1024];
	uint64_t done, copied = 99;
	struct zcpool_sent sent;
	int i, t, pair[2];

	for (i = 0; i < 1024; i++)
		ASSERT_EQ(0, add_part(self->whole, self->slices[0], 2 * i, 1));
	for (t = 0; t < 2; t++) {
		ASSERT_EQ(0, socketpair(AF_UNIX, types[t], 0, pair));
		done = 0;
		ASSERT_EQ(0, zcpool_send_composition(self->whole, pair[0], &done, 0, &copied));
		ASSERT_EQ(1024, done);
		ASSERT_EQ(1024, recv(pair[1], self->back, 2048, 0));
		/* Whether such a socket copies is the kernel's affair, and told. */
		ASSERT_EQ(1024, zcpool_composition_elements(self->whole, 0, elements, 1024));
		ASSERT_EQ(0, zcpool_send(self->pool, pair[0], elements, 1024, 0, &sent));
		ASSERT_EQ(1024, recv(pair[1], self->back, 2048, 0));
		EXPECT_EQ(sent.copied, copied);
		/* The rest of a message is another message. */
		done = 1;
		ASSERT_EQ(-EMSGSIZE, zcpool_send_composition(self->whole, pair[0], &done, 0, NULL));
		ASSERT_EQ(1, done);
		close(pair[0]);
		close(pair[1]);
	}
	/* Contiguous with the last one: no more elements; but then one more. */
	ASSERT_EQ(0, add_part(self->whole, self->slices[0], 2047, 100));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	done = 0;
	ASSERT_EQ(0, zcpool_send_composition(self->whole, pair[0], &done, 0, NULL));
	ASSERT_EQ(1124, recv(pair[1], self->back, 2048, 0));
	ASSERT_EQ(0, add_part(self->whole, self->slices[0], 0, 1));
	done = 0;
	ASSERT_EQ(-EMSGSIZE, zcpool_send_composition(self->whole, pair[0], &done, 0, NULL));
	ASSERT_EQ(0, done);
	ASSERT_EQ(-1, recv(pair[1], self->back, 2048, MSG_DONTWAIT));
	close(pair[0]);
	close(pair[1]);
}

/* More than SEND takes at once, in few elements. */
TEST(gigabytes)
{
	struct zcpool *pool = library_pool(2 * MIB, 8);
	struct zcpool_element elements[100];
	struct zcpool_composition *composition;
	struct zcpool_slice *slice;
	uint64_t done = 0, length;
	uint32_t indices[8], i;
	int pair[2], nr;

	ASSERT_EQ(8, zcpool_get_batch(pool, indices, 8, 0));
	ASSERT_EQ(0, zcpool_compose(pool, &composition));
	for (i = 0; i < 8; i++) {
		ASSERT_EQ(0, zcpool_slice_create(pool, i, 0, 2 * MIB, &slice));
		ASSERT_EQ(0, zcpool_composition_add_slice(composition, slice));
		ASSERT_EQ(0, zcpool_slice_release(slice));
	}
	for (length = 16 * MIB; length < 4096 * MIB; length *= 2)
		ASSERT_EQ(0, zcpool_composition_add(composition, composition));
	ASSERT_EQ(length, zcpool_composition_length(composition));
	ASSERT_EQ(64, zcpool_composition_elements(composition, 0, elements, 100));
	ASSERT_EQ(1024 * MIB, add_up(elements, 64));
	ASSERT_EQ(65, zcpool_composition_elements(composition, 1, elements, 100));
	ASSERT_EQ(1024 * MIB, add_up(elements, 65));
	ASSERT_EQ(1, elements[64].length);
	nr = zcpool_composition_elements(composition, length - 24 * MIB, elements, 100);
	ASSERT_EQ(2, nr);
	ASSERT_EQ(24 * MIB, add_up(elements, nr));

	ASSERT_EQ(0, tcp_pair(pair));
	ASSERT_EQ(-EAGAIN, zcpool_send_composition(composition, pair[0], &done,
						   ZCPOOL_SEND_F_DONTWAIT, NULL));
	ASSERT_GT(done, 0);
	done = 0;
	ASSERT_EQ(-EMSGSIZE, zcpool_send_composition(composition, socket(AF_INET, SOCK_DGRAM, 0),
						     &done, 0, NULL));
	close(pair[0]);
	close(pair[1]);
	ASSERT_EQ(0, zcpool_composition_release(composition));
	ASSERT_EQ(0, zcpool_flush(pool));
	ASSERT_EQ(0, kernel_owned(pool));
	zcpool_close(pool);
}

TEST_F(composition, errors_of_sending)
{
	struct zcpool_composition *other;
	uint64_t done = 0, copied = 99;
	int null = open("/dev/null", O_RDWR);
	struct zcpool *unbound;

	ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "12345", 5));
	/* Of the socket, by SEND and by the question what it is. */
	ASSERT_EQ(-EBADF, zcpool_send_composition(self->whole, -1, &done, 0, &copied));
	ASSERT_EQ(0, copied);
	ASSERT_EQ(-ENOTSOCK, zcpool_send_composition(self->whole, null, &done, 0, NULL));
	ASSERT_EQ(-EINVAL,
		  zcpool_send_composition(self->whole, self->pair[0], &done, 1U << 31, NULL));
	ASSERT_EQ(0, done);
	done = 1;
	ASSERT_EQ(-EBADF, zcpool_send_composition(self->whole, -1, &done, 0, NULL));
	ASSERT_EQ(-ENOTSOCK, zcpool_send_composition(self->whole, null, &done, 0, NULL));
	ASSERT_EQ(-EINVAL,
		  zcpool_send_composition(self->whole, self->pair[0], &done, 1U << 31, NULL));
	ASSERT_EQ(1, done);
	/* A peer that is gone. */
	signal(SIGPIPE, SIG_DFL);
	ASSERT_EQ(0, shutdown(self->pair[0], SHUT_WR));
	ASSERT_EQ(-EPIPE, zcpool_send_composition(self->whole, self->pair[0], &done,
						  ZCPOOL_SEND_F_NOSIGNAL, NULL));
	ASSERT_EQ(1, done);
	close(null);

	ASSERT_EQ(0, zcpool_open(0, &unbound));
	ASSERT_EQ(0, zcpool_compose(unbound, &other));
	ASSERT_EQ(0, zcpool_composition_add_bytes(other, "x", 1));
	done = 0;
	ASSERT_EQ(-ENXIO, zcpool_send_composition(other, self->pair[0], &done, 0, NULL));
	ASSERT_EQ(0, zcpool_composition_release(other));
	zcpool_close(unbound);
}

static int submit_and_wait(struct io_uring *ring, struct zcpool *pool, struct zcpool_send *send)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	const uint64_t address = (uintptr_t)send;
	struct io_uring_cqe *cqe;
	int ret;

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, zcpool_fd(pool), NULL, 0, 0);
	sqe->cmd_op = ZCPOOL_IOC_SEND;
	memcpy(sqe->cmd, &address, sizeof(address));
	ret = io_uring_submit_and_wait(ring, 1);
	if (ret != 1)
		return ret < 0 ? ret : -EIO;
	ret = io_uring_peek_cqe(ring, &cqe);
	if (!ret) {
		ret = cqe->res;
		io_uring_cqe_seen(ring, cqe);
	}
	return ret;
}

TEST_F(composition, elements_feed_io_uring)
{
	struct zcpool_element elements[3];
	struct zcpool_send send = { .elements = (uintptr_t)elements, .fd = self->pair[0] };
	uint64_t done = 0, length;
	struct io_uring ring;
	int i, sent;

	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, "header", 6));
		ASSERT_EQ(0, add_part(self->whole, self->slices[i], i, 1000));
	}
	length = gather(self->whole, self->map, 0, 64, self->expected);
	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	while ((send.count = zcpool_composition_elements(self->whole, done, elements, 3))) {
		/* More may be added meanwhile. */
		if (length < 20000) {
			ASSERT_EQ(0, zcpool_composition_add_bytes(self->whole, self->map, 3000));
			memcpy(self->expected + length, self->map, 3000);
			length += 3000;
		}
		sent = submit_and_wait(&ring, self->pool, &send);
		ASSERT_EQ(add_up(elements, send.count), sent);
		EXPECT_EQ(0, send.copied);
		done += sent;
	}
	ASSERT_EQ(length, done);
	ASSERT_EQ(done, read_full(self->pair[1], self->back, done));
	EXPECT_EQ(0, memcmp(self->expected, self->back, done));
	io_uring_queue_exit(&ring);
}

#define THREADS 4

struct sender {
	struct zcpool_composition *composition;
	const char *expected;
	unsigned int seed;
	int failures;
};

/* Parts of a shared composition to a socket of the thread's own. */
static void *sender_thread(void *arg)
{
	struct sender *sender = arg;
	uint64_t length = zcpool_composition_length(sender->composition);
	char *back = malloc(length);
	int pair[2], round;

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	for (round = 0; round < 200; round++) {
		uint64_t offset = below(&sender->seed, length);
		uint64_t size = 1 + below(&sender->seed, 3000), done = 0;
		struct zcpool_composition *sub;

		if (size > length - offset)
			size = length - offset;
		zcpool_composition_retain(sender->composition);
		if (zcpool_composition_sub(sender->composition, offset, size, &sub) ||
		    zcpool_send_composition(sub, pair[0], &done, 0, NULL) ||
		    zcpool_composition_release(sub) || read_full(pair[1], back, size) != size ||
		    memcmp(back, sender->expected + offset, size) ||
		    zcpool_composition_release(sender->composition))
			sender->failures++;
	}
	sender->failures += !!zcpool_composition_release(sender->composition);
	close(pair[0]);
	close(pair[1]);
	free(back);
	return NULL;
}

/* The last of the threads, whichever it is, puts the buffers. */
TEST_F(composition, threads_share_one)
{
	struct sender senders[THREADS];
	pthread_t threads[THREADS];
	int i;

	ASSERT_EQ(0, compose_chunks(self->whole, self->slices));
	gather(self->whole, self->map, 0, 64, self->expected);
	for (i = 0; i < COUNT; i++)
		ASSERT_EQ(0, zcpool_slice_release(self->slices[i]));
	memset(self->slices, 0, sizeof(self->slices));
	for (i = 0; i < THREADS; i++) {
		senders[i] = (struct sender){ self->whole, self->expected, i, 0 };
		zcpool_composition_retain(self->whole);
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, sender_thread, &senders[i]));
	}
	ASSERT_EQ(0, zcpool_composition_release(self->whole));
	self->whole = NULL;
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		EXPECT_EQ(0, senders[i].failures);
	}
}

TEST_HARNESS_MAIN
