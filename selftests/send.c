// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEND hands slices to a socket by reference, in the order of the vector and with
 * inline bytes between them, and says how much went and how much was copied.
 */
#include "send.h"

#include "harness.h"

#define BUFFER (64 * KIB)
#define COUNT 32
#define SIZE (COUNT * BUFFER)

static int udp_pair(int pair[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t length = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pair[0] = socket(AF_INET, SOCK_DGRAM, 0);
	pair[1] = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(pair[1], (void *)&address, sizeof(address)) ||
	    getsockname(pair[1], (void *)&address, &length))
		return -1;
	return connect(pair[0], (void *)&address, length);
}

FIXTURE(sender)
{
	int fd;
	char *map;
	char *back;
	int pair[2];
};

/* What kind of socket, and whether slices go by reference. */
FIXTURE_VARIANT(sender)
{
	int domain;
	int type;
	bool references;
};

VARIANT(sender, tcp, .domain = AF_INET, .type = SOCK_STREAM, .references = true);
VARIANT(sender, unix_stream, .domain = AF_UNIX, .type = SOCK_STREAM, .references = true);
VARIANT(sender, udp, .domain = AF_INET, .type = SOCK_DGRAM, .references = true);
VARIANT(sender, unix_datagram, .domain = AF_UNIX, .type = SOCK_DGRAM, .references = false);
VARIANT(sender, unix_seqpacket, .domain = AF_UNIX, .type = SOCK_SEQPACKET, .references = false);

FIXTURE_SETUP(sender)
{
	self->fd = new_full_pool(BUFFER, COUNT, &self->map);
	ASSERT_GE(self->fd, 0);
	self->back = malloc(SIZE + 100000);
	if (variant->domain == AF_UNIX) {
		ASSERT_EQ(0, socketpair(AF_UNIX, variant->type, 0, self->pair));
	} else if (variant->type == SOCK_STREAM) {
		ASSERT_EQ(0, tcp_pair(self->pair));
	} else {
		ASSERT_EQ(0, udp_pair(self->pair));
	}
}

FIXTURE_TEARDOWN(sender)
{
	munmap(self->map, SIZE);
	close(self->fd);
	close(self->pair[0]);
	close(self->pair[1]);
	free(self->back);
}

TEST_F(sender, header_body_trailer)
{
	struct zcpool_element elements[] = {
		bytes("header:", 7),
		slice(1000, 3000),
		slice(BUFFER - 500, 1000),
		bytes(":trailer", 8),
	};
	uint64_t copied = 99;

	ASSERT_EQ(4015, send_vector(self->fd, self->pair[0], elements, 4, 0, &copied));
	EXPECT_EQ(variant->references ? 0 : 4000, copied);
	/* One message, or a stream. */
	if (variant->type == SOCK_STREAM) {
		ASSERT_EQ(4015, read_full(self->pair[1], self->back, 4015));
	} else {
		ASSERT_EQ(4015, recv(self->pair[1], self->back, 100000, 0));
	}
	EXPECT_EQ(0, memcmp(self->back, "header:", 7));
	EXPECT_EQ(0, memcmp(self->back + 7, self->map + 1000, 3000));
	EXPECT_EQ(0, memcmp(self->back + 3007, self->map + BUFFER - 500, 1000));
	EXPECT_EQ(0, memcmp(self->back + 4007, ":trailer", 8));
}

/* By reference: a change after the call is seen by the reader; by copy it is not. */
TEST_F(sender, references_or_copies)
{
	struct zcpool_element element = slice(BUFFER, 4000);

	self->map[BUFFER] = 'x';
	ASSERT_EQ(4000, send_vector(self->fd, self->pair[0], &element, 1, 0, NULL));
	self->map[BUFFER] = 'y';
	ASSERT_EQ(4000, recv(self->pair[1], self->back, 4000, MSG_WAITALL));
	EXPECT_EQ(variant->references ? 'y' : 'x', self->back[0]);
}

/* What a socket holds is not handed out again. */
TEST_F(sender, buffers_are_free_when_read)
{
	struct zcpool_element element = slice(0, 4000);
	int index;

	for (index = 0; index < COUNT; index++)
		ASSERT_EQ(index, get_now(self->fd));
	ASSERT_EQ(4000, send_vector(self->fd, self->pair[0], &element, 1, 0, NULL));
	ASSERT_EQ(0, put_one(self->fd, 0));
	ASSERT_EQ(variant->references ? -EAGAIN : 0, get_now(self->fd));
	ASSERT_EQ(4000, recv(self->pair[1], self->back, 4000, MSG_WAITALL));
	if (variant->references)
		ASSERT_EQ(0, get_wait(self->fd));
}

TEST_F(sender, errors_send_nothing)
{
	struct zcpool_element elements[] = { bytes("first", 5), slice(0, 100), slice(0, 100) };
	struct zcpool_send arg = { .elements = (uintptr_t)elements, .count = 3 };
	int unbound = open(DEVICE, O_RDWR), socket = self->pair[0];
	char *readable;

	ASSERT_EQ(-ENXIO, send_vector(unbound, socket, elements, 3, 0, NULL));
	ASSERT_EQ(-EINVAL, send_vector(self->fd, socket, elements, 0, 0, NULL));
	ASSERT_EQ(-EINVAL, send_vector(self->fd, socket, elements, 1025, 0, NULL));
	ASSERT_EQ(-EINVAL, send_vector(self->fd, socket, elements, 3, 1U << 31, NULL));
	arg.fd = socket;
	arg.reserved = 1;
	ASSERT_EQ(-1, ioctl(self->fd, ZCPOOL_IOC_SEND, &arg));
	ASSERT_EQ(EINVAL, errno);
	ASSERT_EQ(-EFAULT, send_vector(self->fd, socket, nowhere, 3, 0, NULL));
	ASSERT_EQ(-EBADF, send_vector(self->fd, 1000, elements, 3, 0, NULL));
	ASSERT_EQ(-ENOTSOCK, send_vector(self->fd, self->fd, elements, 3, 0, NULL));
	elements[2] = slice(0, 0);
	ASSERT_EQ(-EINVAL, send_vector(self->fd, socket, elements, 3, 0, NULL));
	elements[2] = slice(0, 1);
	elements[2].flags = 2;
	ASSERT_EQ(-EINVAL, send_vector(self->fd, socket, elements, 3, 0, NULL));
	elements[2] = slice(0, 1);
	elements[2].reserved = 1;
	ASSERT_EQ(-EINVAL, send_vector(self->fd, socket, elements, 3, 0, NULL));
	elements[2] = slice(SIZE, 1);
	ASSERT_EQ(-ERANGE, send_vector(self->fd, socket, elements, 3, 0, NULL));
	elements[2] = slice(SIZE - 1, 2);
	ASSERT_EQ(-ERANGE, send_vector(self->fd, socket, elements, 3, 0, NULL));
	elements[2] = slice(UINT64_MAX, 2);
	ASSERT_EQ(-ERANGE, send_vector(self->fd, socket, elements, 3, 0, NULL));
	elements[2] = slice(0, UINT64_MAX);
	ASSERT_EQ(-EMSGSIZE, send_vector(self->fd, socket, elements, 3, 0, NULL));
	elements[0] = bytes(nowhere, 5);
	elements[2] = slice(0, 100);
	ASSERT_EQ(-EFAULT, send_vector(self->fd, socket, elements, 3, 0, NULL));
	if (variant->type != SOCK_STREAM) {
		readable = calloc(1, MIB + 1);
		elements[0] = bytes(readable, MIB + 1);
		ASSERT_EQ(-EMSGSIZE, send_vector(self->fd, socket, elements, 3, 0, NULL));
		free(readable);
	}
	ASSERT_EQ(-1, recv(self->pair[1], self->back, 100, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
}

TEST_F(sender, broken_pipe)
{
	struct zcpool_element element = slice(0, 100);

	if (variant->domain != AF_UNIX)
		return;
	signal(SIGPIPE, SIG_IGN);
	close(self->pair[1]);
	ASSERT_EQ(variant->type == SOCK_DGRAM ? -ECONNREFUSED : -EPIPE,
		  send_vector(self->fd, self->pair[0], &element, 1, 0, NULL));
	/* Without the flag the signal kills. */
	if (variant->type == SOCK_STREAM) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			signal(SIGPIPE, SIG_DFL);
			send_vector(self->fd, self->pair[0], &element, 1, ZCPOOL_SEND_F_NOSIGNAL,
				    NULL);
			send_vector(self->fd, self->pair[0], &element, 1, 0, NULL);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
	}
	self->pair[1] = -1;
}

/* A stream takes what fits, and says how much that was. */
TEST_F(sender, nonblocking_is_partial)
{
	struct zcpool_element element = slice(0, SIZE);
	long total;

	if (variant->domain != AF_INET || variant->type != SOCK_STREAM)
		return;
	total = fill_socket(self->fd, self->pair[0], SIZE);
	ASSERT_GT(total, 0);
	/* O_NONBLOCK of the socket does the same. */
	ASSERT_EQ(0, fcntl(self->pair[0], F_SETFL, O_NONBLOCK));
	ASSERT_EQ(-EAGAIN, send_vector(self->fd, self->pair[0], &element, 1, 0, NULL));
	while (total) {
		ssize_t got = recv(self->pair[1], self->back, SIZE, 0);

		ASSERT_GT(got, 0);
		total -= got;
	}
}

/* Blocking, all of it goes: more than any socket holds, read meanwhile. */
TEST_F(sender, all_of_a_large_vector)
{
	struct zcpool_element elements[2 * COUNT];
	char *expected = malloc(2 * SIZE);
	size_t length = 0, i;
	pid_t pid;

	if (variant->type != SOCK_STREAM)
		return;
	for (i = 0; i < COUNT; i++) {
		elements[2 * i] = bytes("inline", 6);
		elements[2 * i + 1] = slice(i * 1000, SIZE - i * BUFFER);
		if (length + 6 + SIZE - i * BUFFER > 2 * SIZE)
			break;
		memcpy(expected + length, "inline", 6);
		memcpy(expected + length + 6, self->map + i * 1000, SIZE - i * BUFFER);
		length += 6 + SIZE - i * BUFFER;
	}
	pid = fork();
	if (!pid)
		_exit(send_vector(self->fd, self->pair[0], elements, 2 * i, 0, NULL) !=
		      (long)length);
	self->back = realloc(self->back, 2 * SIZE);
	ASSERT_EQ((ssize_t)length, read_full(self->pair[1], self->back, length));
	EXPECT_EQ(0, memcmp(expected, self->back, length));
	ASSERT_EQ(0, wait_status(pid));
	free(expected);
}

/* A bad inline element in the middle ends a stream there, and is no message. */
TEST_F(sender, bad_inline_bytes_in_the_middle)
{
	struct zcpool_element elements[] = { slice(0, 100), bytes(nowhere, 5), slice(0, 100) };
	long expected = variant->type == SOCK_STREAM ? 100 : -EFAULT;

	ASSERT_EQ(expected, send_vector(self->fd, self->pair[0], elements, 3, 0, NULL));
	/* And what was sent does not wait for what will not come. */
	if (expected == 100) {
		ASSERT_EQ(100, recv(self->pair[1], self->back, 100, MSG_WAITALL));
		EXPECT_EQ(0, memcmp(self->map, self->back, 100));
	}
	ASSERT_EQ(-1, recv(self->pair[1], self->back, 1, MSG_DONTWAIT));
}

TEST_F(sender, most_elements)
{
	struct zcpool_element elements[1024];
	uint64_t copied;
	int i;

	for (i = 0; i < 1024; i++)
		elements[i] = slice(i * 10, 10);
	ASSERT_EQ(10240, send_vector(self->fd, self->pair[0], elements, 1024, 0, &copied));
	EXPECT_EQ(variant->references ? 0 : 10240, copied);
	ASSERT_EQ(10240, recv(self->pair[1], self->back, 10240, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(self->map, self->back, 10240));
}

/* More pieces than are handed over at once, none beside the other. */
TEST_F(sender, scattered_slices)
{
	struct zcpool_element elements[1024];
	char expected[1024 * 10];
	uint64_t copied;
	int i;

	for (i = 0; i < 1024; i++) {
		elements[i] = slice((1023 - i) * 1000 + i % 7, 10);
		memcpy(expected + i * 10, self->map + elements[i].base, 10);
	}
	ASSERT_EQ(10240, send_vector(self->fd, self->pair[0], elements, 1024, 0, &copied));
	/* A packet has no room for so many references. */
	EXPECT_EQ(variant->references && variant->type == SOCK_STREAM ? 0 : 10240, copied);
	ASSERT_EQ(10240, recv(self->pair[1], self->back, 10240, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(expected, self->back, 10240));
}

/* Neighbours, overlaps, repeats, and inline bytes that lie side by side. */
TEST_F(sender, slices_side_by_side)
{
	struct zcpool_element elements[] = {
		slice(BUFFER - 100, 100), slice(BUFFER, 50),	  slice(BUFFER + 50, BUFFER - 50),
		slice(BUFFER, 70),	  slice(BUFFER, 70),	  bytes("ab", 2),
		bytes("efgh", 4),	  slice(BUFFER + 70, 30),
	};
	size_t length = 0;
	unsigned int i;
	char *expected = malloc(2 * BUFFER);

	for (i = 0; i < 8; i++) {
		const void *from = elements[i].flags ? (void *)(uintptr_t)elements[i].base :
						       self->map + elements[i].base;

		memcpy(expected + length, from, elements[i].length);
		length += elements[i].length;
	}
	if (variant->type == SOCK_DGRAM && variant->domain == AF_INET) {
		ASSERT_EQ(-EMSGSIZE, send_vector(self->fd, self->pair[0], elements, 8, 0, NULL));
	} else {
		ASSERT_EQ((long)length, send_vector(self->fd, self->pair[0], elements, 8, 0, NULL));
		ASSERT_EQ((ssize_t)length, recv(self->pair[1], self->back, length, MSG_WAITALL));
		EXPECT_EQ(0, memcmp(expected, self->back, length));
	}
	free(expected);
}

/* The socket's buffers outlive the pool, and the pool does not hold the socket. */
TEST_F(sender, pool_and_program_end_first)
{
	struct zcpool_element element = slice(100, 5000);
	char *expected = malloc(5000);

	memcpy(expected, self->map + 100, 5000);
	ASSERT_EQ(5000, send_vector(self->fd, self->pair[0], &element, 1, 0, NULL));
	munmap(self->map, SIZE);
	close(self->fd);
	close(self->pair[0]);
	ASSERT_EQ(5000, recv(self->pair[1], self->back, 5000, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(expected, self->back, 5000));
	if (variant->type != SOCK_DGRAM)
		EXPECT_EQ(0, recv(self->pair[1], self->back, 1, 0));
	self->pair[0] = -1;
	self->fd = -1;
	free(expected);
}

/* A datagram of several calls is one: copied, however many pieces it has. */
TEST_F(sender, parts_of_a_datagram)
{
	struct zcpool_element element = slice(0, 100);
	uint64_t copied;
	int i;

	if (variant->domain != AF_INET || variant->type != SOCK_DGRAM)
		return;
	for (i = 0; i < 100; i++) {
		element.base = i * 5000;
		ASSERT_EQ(100, send_vector(self->fd, self->pair[0], &element, 1,
					   i < 99 ? ZCPOOL_SEND_F_MORE : 0, &copied));
		EXPECT_EQ(100, copied);
	}
	ASSERT_EQ(10000, recv(self->pair[1], self->back, SIZE, 0));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(0, memcmp(self->map + i * 5000, self->back + i * 100, 100));
}

TEST_F(sender, io_uring)
{
	struct zcpool_element elements[] = { bytes("header:", 7), slice(1000, 3000) };
	struct zcpool_send arg = {
		.elements = (uintptr_t)elements,
		.count = 2,
		.fd = self->pair[0],
	};
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	prepare_send(&ring, self->fd, ZCPOOL_IOC_SEND, &arg);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(3007, result_of(&ring));
	EXPECT_EQ(3007, arg.sent);
	EXPECT_EQ(variant->references ? 0 : 3000, arg.copied);
	EXPECT_EQ(0, arg.flags);
	ASSERT_EQ(3007, recv(self->pair[1], self->back, 3007, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(self->back + 7, self->map + 1000, 3000));
	/* Errors. */
	prepare_send(&ring, self->fd, ZCPOOL_IOC_QUERY, &arg);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(-ENOTTY, result_of(&ring));
	prepare_send(&ring, self->fd, ZCPOOL_IOC_SEND, nowhere);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(-EFAULT, result_of(&ring));
	arg.reserved = 1;
	prepare_send(&ring, self->fd, ZCPOOL_IOC_SEND, &arg);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(-EINVAL, result_of(&ring));
	arg.reserved = 0;
	prepare_send(&ring, open(DEVICE, O_RDWR), ZCPOOL_IOC_SEND, &arg);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(-ENXIO, result_of(&ring));
	io_uring_queue_exit(&ring);
}

/* Submitted by a thread of the kernel's, in the program's memory and descriptors. */
TEST_F(sender, io_uring_submission_thread)
{
	struct zcpool_element elements[] = { bytes("header:", 7), slice(1000, 3000) };
	struct zcpool_send arg = {
		.elements = (uintptr_t)elements,
		.count = 2,
		.fd = self->pair[0],
	};
	struct io_uring ring;

	ASSERT_EQ(0, io_uring_queue_init(4, &ring, IORING_SETUP_SQPOLL));
	prepare_send(&ring, self->fd, ZCPOOL_IOC_SEND, &arg);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(3007, result_of(&ring));
	EXPECT_EQ(3007, arg.sent);
	ASSERT_EQ(3007, recv(self->pair[1], self->back, 3007, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(self->back + 7, self->map + 1000, 3000));
	io_uring_queue_exit(&ring);
}

/* A full socket does not keep the submitter waiting, but io_uring's thread. */
TEST_F(sender, io_uring_waits_elsewhere)
{
	struct zcpool_element element = slice(0, SIZE);
	struct zcpool_send arg = {
		.elements = (uintptr_t)&element,
		.count = 1,
		.fd = self->pair[0],
	};
	struct io_uring ring;
	long total;

	if (variant->domain != AF_INET || variant->type != SOCK_STREAM)
		return;
	/* Room for a part would be taken at once, and be the result. */
	total = fill_socket(self->fd, self->pair[0], SIZE);
	ASSERT_GT(total, 0);
	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	prepare_send(&ring, self->fd, ZCPOOL_IOC_SEND, &arg);
	ASSERT_EQ(1, io_uring_submit(&ring));
	total += SIZE;
	while (total) {
		ssize_t got = recv(self->pair[1], self->back, SIZE, 0);

		ASSERT_GT(got, 0);
		total -= got;
	}
	ASSERT_EQ(SIZE, result_of(&ring));
	io_uring_queue_exit(&ring);
}

/* MSG_MORE: what is held back goes with the next call. */
TEST(more_is_corked)
{
	int fd = new_pool(BUFFER, 1), pair[2];
	struct zcpool_element element = slice(0, 100);
	struct tcp_info info;
	socklen_t length = sizeof(info);
	long first, early, second;
	int64_t start;
	char back[200];

	for (;;) {
		ASSERT_EQ(0, tcp_pair(pair));
		start = now_ns();
		first = send_vector(fd, pair[0], &element, 1, ZCPOOL_SEND_F_MORE, NULL);
		early = recv(pair[1], back, 200, MSG_DONTWAIT);
		second = send_vector(fd, pair[0], &element, 1, 0, NULL);
		if (now_ns() - start < TCP_PATIENCE)
			break;
		/* Too late: TCP may have sent the first by itself. */
		close(pair[0]);
		close(pair[1]);
	}
	ASSERT_EQ(100, first);
	ASSERT_EQ(-1, early);
	ASSERT_EQ(100, second);
	ASSERT_EQ(200, recv(pair[1], back, 200, MSG_WAITALL));
	/* Both in one segment. */
	ASSERT_EQ(0, getsockopt(pair[0], IPPROTO_TCP, TCP_INFO, &info, &length));
	EXPECT_EQ(1, info.tcpi_data_segs_out);
}

/* Not for ever, as with send(): what was announced may not come. */
TEST(more_is_sent_after_a_while)
{
	int fd = new_pool(BUFFER, 1), pair[2];
	struct zcpool_element elements[] = { slice(0, 100), bytes("end", 3), bytes(nowhere, 1) };
	char back[200];
	uint32_t count;

	ASSERT_EQ(0, tcp_pair(pair));
	for (count = 1; count <= 3; count++) {
		const ssize_t length = count == 1 ? 100 : 103;

		ASSERT_EQ(length,
			  send_vector(fd, pair[0], elements, count, ZCPOOL_SEND_F_MORE, NULL));
		ASSERT_EQ(length, recv(pair[1], back, length, MSG_WAITALL));
	}
}

/* A part of a vector does not undo what the program asked of the socket. */
TEST(corked_part)
{
	int fd = new_pool(BUFFER, 1), pair[2], one = 1, cork = 0;
	struct zcpool_element elements[] = { slice(0, 100), bytes(nowhere, 1) };
	socklen_t length = sizeof(cork);
	char back[200];

	ASSERT_EQ(0, tcp_pair(pair));
	ASSERT_EQ(0, setsockopt(pair[0], IPPROTO_TCP, TCP_CORK, &one, sizeof(one)));
	ASSERT_EQ(100, send_vector(fd, pair[0], elements, 2, 0, NULL));
	ASSERT_EQ(0, getsockopt(pair[0], IPPROTO_TCP, TCP_CORK, &cork, &length));
	EXPECT_EQ(1, cork);
	ASSERT_EQ(100, send_vector(fd, pair[0], elements, 1, 0, NULL));
	ASSERT_EQ(200, recv(pair[1], back, 200, MSG_WAITALL));
}

/* What cannot be told afterwards is not sent. */
TEST(nowhere_to_say_how_much)
{
	int fd = new_pool(BUFFER, 1), pair[2];
	struct zcpool_element element = slice(0, 100);
	struct zcpool_send *send =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct io_uring ring;
	char back[100];

	ASSERT_EQ(0, tcp_pair(pair));
	*send = (struct zcpool_send){
		.elements = (uintptr_t)&element,
		.count = 1,
		.fd = pair[0],
	};
	ASSERT_EQ(0, mprotect(send, 4096, PROT_READ));
	ASSERT_EQ(-1, ioctl(fd, ZCPOOL_IOC_SEND, send));
	ASSERT_EQ(EFAULT, errno);
	ASSERT_EQ(0, io_uring_queue_init(4, &ring, 0));
	prepare_send(&ring, fd, ZCPOOL_IOC_SEND, send);
	ASSERT_EQ(1, io_uring_submit(&ring));
	ASSERT_EQ(-EFAULT, result_of(&ring));
	io_uring_queue_exit(&ring);
	ASSERT_EQ(-1, recv(pair[1], back, 100, MSG_DONTWAIT));
	ASSERT_EQ(EAGAIN, errno);
}

TEST(not_connected)
{
	int fd = new_pool(BUFFER, 1);
	struct zcpool_element element = slice(0, 100);

	signal(SIGPIPE, SIG_IGN);
	EXPECT_EQ(-EPIPE, send_vector(fd, socket(AF_INET, SOCK_STREAM, 0), &element, 1, 0, NULL));
	EXPECT_EQ(-ENOTCONN,
		  send_vector(fd, socket(AF_UNIX, SOCK_STREAM, 0), &element, 1, 0, NULL));
	EXPECT_EQ(-EDESTADDRREQ,
		  send_vector(fd, socket(AF_INET, SOCK_DGRAM, 0), &element, 1, 0, NULL));
}

TEST_HARNESS_MAIN
