// SPDX-License-Identifier: GPL-2.0-only
/*
 * A SEND that has to wait ends by signals, time limits and a peer that goes as the
 * kernel's own send() does, which is tried beside it; and one that has to wait for
 * memory finds it in the pool's own mapping.
 */
#include "send.h"
#include "sockets.h"

#include "harness.h"

#define BUFFER (32 * KIB)
#define COUNT 32
#define SIZE (COUNT * BUFFER)

static int interrupts;

static void interrupt(int number)
{
	interrupts++;
}

/* What a child has to say. */
struct said {
	long ret;
	uint64_t copied;
	int interrupts;
};

FIXTURE(waiting)
{
	int fd;
	int pair[2];
	char *map;
	char *back;
	struct said *said;
};

FIXTURE_VARIANT(waiting)
{
	int (*connect)(int pair[2]);
	bool by_send;
};

VARIANT(waiting, tcp, .connect = tcp_loopback);
VARIANT(waiting, tcp_by_send, .connect = tcp_loopback, .by_send = true);
VARIANT(waiting, unix_stream, .connect = unix_stream);
VARIANT(waiting, unix_stream_by_send, .connect = unix_stream, .by_send = true);
VARIANT(waiting, vsock, .connect = vsock_stream);

FIXTURE_SETUP(waiting)
{
	const int small = 64 * KIB;

	self->fd = new_full_pool(BUFFER, COUNT, &self->map);
	ASSERT_GE(self->fd, 0);
	self->back = malloc(SIZE);
	self->said = mmap(NULL, sizeof(*self->said), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(0, variant->connect(self->pair));
	setsockopt(self->pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(self->pair[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	signal(SIGPIPE, SIG_IGN);
}

FIXTURE_TEARDOWN(waiting)
{
	munmap(self->map, SIZE);
	close(self->fd);
	close(self->pair[0]);
	close(self->pair[1]);
	free(self->back);
}

/* Send all of the pool, by what the variant says, waiting for it. */
static long send_all(FIXTURE_DATA(waiting) * self, bool by_send, uint64_t *copied)
{
	struct zcpool_element element = slice(0, SIZE);
	long ret;

	*copied = 0;
	if (!by_send)
		return send_vector(self->fd, self->pair[0], &element, 1, 0, copied);
	ret = send(self->pair[0], self->map, SIZE, 0);
	return ret < 0 ? -errno : ret;
}

/* A child that sends, and waits in the kernel when this returns. */
static pid_t send_waiting(FIXTURE_DATA(waiting) * self, bool by_send, int sigaction_flags)
{
	pid_t pid = fork();

	if (!pid) {
		struct sigaction action = {
			.sa_handler = interrupt,
			.sa_flags = sigaction_flags,
		};

		close(self->pair[1]);
		sigaction(SIGUSR1, &action, NULL);
		sigaction(SIGPIPE, &action, NULL);
		self->said->ret = send_all(self, by_send, &self->said->copied);
		self->said->interrupts = interrupts;
		_exit(0);
	}
	return wait_asleep(pid) ? pid : -1;
}

/* The reader finds the pool's bytes, from its beginning on. */
static void expect_bytes(struct __test_metadata *_metadata, FIXTURE_DATA(waiting) * self,
			 size_t length)
{
	ASSERT_EQ(length, read_full(self->pair[1], self->back, length));
	ASSERT_EQ(0, memcmp(self->map, self->back, length));
	ASSERT_EQ(-1, recv(self->pair[1], self->back, 1, MSG_DONTWAIT));
}

TEST_F(waiting, signal_ends_it_with_EINTR)
{
	pid_t pid;

	ASSERT_GT(fill_socket(self->fd, self->pair[0], SIZE), 0);
	pid = send_waiting(self, variant->by_send, 0);
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	ASSERT_EQ(0, wait_status(pid));
	EXPECT_EQ(-EINTR, self->said->ret);
	EXPECT_EQ(1, self->said->interrupts);
}

TEST_F(waiting, restarted_under_SA_RESTART)
{
	long before = fill_socket(self->fd, self->pair[0], SIZE);
	pid_t pid;

	ASSERT_GT(before, 0);
	pid = send_waiting(self, variant->by_send, SA_RESTART);
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	ASSERT_TRUE(wait_asleep(pid));
	while (before) {
		ssize_t got = read(self->pair[1], self->back, before);

		ASSERT_GT(got, 0);
		before -= got;
	}
	expect_bytes(_metadata, self, SIZE);
	ASSERT_EQ(0, wait_status(pid));
	EXPECT_EQ(SIZE, self->said->ret);
	EXPECT_EQ(1, self->said->interrupts);
}

/* What was sent is told; the reader gets so much, and no more. */
TEST_F(waiting, signal_ends_it_with_a_part)
{
	pid_t pid = send_waiting(self, variant->by_send, SA_RESTART);

	ASSERT_EQ(0, kill(pid, SIGUSR1));
	ASSERT_EQ(0, wait_status(pid));
	ASSERT_GT(self->said->ret, 0);
	ASSERT_LT(self->said->ret, SIZE);
	EXPECT_EQ(1, self->said->interrupts);
	EXPECT_EQ(variant->connect == vsock_stream ? self->said->ret : 0, self->said->copied);
	expect_bytes(_metadata, self, self->said->ret);
}

TEST_F(waiting, time_limit)
{
	const struct timeval limit = { .tv_usec = 100000 };
	struct pollfd writable = { .fd = self->pair[0], .events = POLLOUT };
	uint64_t copied;
	int64_t start;
	long part;

	ASSERT_EQ(0, setsockopt(self->pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)));
	part = send_all(self, variant->by_send, &copied);
	ASSERT_GT(part, 0);
	ASSERT_LT(part, SIZE);
	expect_bytes(_metadata, self, part);
	/* A vsock's peer takes a while to say that it has room again. */
	ASSERT_EQ(1, poll(&writable, 1, -1));
	ASSERT_GT(fill_socket(self->fd, self->pair[0], SIZE), 0);
	start = ticks_ns();
	ASSERT_EQ(-EAGAIN, send_all(self, variant->by_send, &copied));
	EXPECT_GE(ticks_ns() - start, 90 * NS_PER_MS);
}

/* With a time limit no call is restarted. */
TEST_F(waiting, signal_under_a_time_limit)
{
	const struct timeval limit = { .tv_sec = 1000 };
	pid_t pid;

	ASSERT_EQ(0, setsockopt(self->pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)));
	ASSERT_GT(fill_socket(self->fd, self->pair[0], SIZE), 0);
	pid = send_waiting(self, variant->by_send, SA_RESTART);
	ASSERT_EQ(0, kill(pid, SIGUSR1));
	ASSERT_EQ(0, wait_status(pid));
	EXPECT_EQ(-EINTR, self->said->ret);
}

/* A part is no error: SIGPIPE and the errno come with the next call. */
TEST_F(waiting, peer_goes_after_a_part)
{
	pid_t pid = send_waiting(self, variant->by_send, SA_RESTART);
	uint64_t copied;
	long ret;

	ASSERT_GT(pid, 0);
	close(self->pair[1]);
	ASSERT_EQ(0, wait_status(pid));
	ASSERT_GT(self->said->ret, 0);
	ASSERT_LT(self->said->ret, SIZE);
	EXPECT_EQ(0, self->said->interrupts);
	EXPECT_EQ(variant->connect == vsock_stream ? self->said->ret : 0, self->said->copied);
	ret = send_all(self, variant->by_send, &copied);
	EXPECT_TRUE(ret == -EPIPE || ret == -ECONNRESET);
	self->pair[1] = -1;
}

TEST_F(waiting, peer_goes_before_anything_is_sent)
{
	pid_t pid;

	ASSERT_GT(fill_socket(self->fd, self->pair[0], SIZE), 0);
	pid = send_waiting(self, variant->by_send, SA_RESTART);
	ASSERT_GT(pid, 0);
	close(self->pair[1]);
	ASSERT_EQ(0, wait_status(pid));
	EXPECT_TRUE(self->said->ret == -EPIPE || self->said->ret == -ECONNRESET);
	/* vsock of Linux 6.1 gives no signal. */
	if (variant->connect != vsock_stream)
		EXPECT_EQ(self->said->ret == -EPIPE, self->said->interrupts);
	self->pair[1] = -1;
}

/* The same of a vector that waits between two elements. */
TEST_F(waiting, shut_down_between_elements)
{
	enum {
		ELEMENTS = 1000,
		LENGTH = 500,
	};
	struct zcpool_element elements[ELEMENTS];
	struct iovec iov[ELEMENTS];
	const struct msghdr message = { .msg_iov = iov, .msg_iovlen = ELEMENTS };
	pid_t pid;
	int i;

	/* Not joined, and so many that a packet ends with one of them. */
	for (i = 0; i < ELEMENTS; i++) {
		elements[i] = slice(i % 2 * BUFFER, LENGTH);
		iov[i] = (struct iovec){ self->map + i % 2 * BUFFER, LENGTH };
	}
	pid = fork();
	if (!pid) {
		signal(SIGPIPE, interrupt);
		self->said->ret = variant->by_send ? sendmsg(self->pair[0], &message, 0) :
						     send_vector(self->fd, self->pair[0], elements,
								 ELEMENTS, 0, NULL);
		self->said->interrupts = interrupts;
		_exit(0);
	}
	ASSERT_TRUE(wait_asleep(pid));
	ASSERT_EQ(0, shutdown(self->pair[0], SHUT_WR));
	ASSERT_EQ(0, wait_status(pid));
	ASSERT_GT(self->said->ret, 0);
	ASSERT_LT(self->said->ret, ELEMENTS * LENGTH);
	EXPECT_EQ(0, self->said->interrupts);
}

/* Own bytes that lie in the pool, seen by a mapping that may have to be filled first. */
FIXTURE(own)
{
	int fd;
	int pair[2];
	char *map;
	char back[12000];
};

FIXTURE_VARIANT(own)
{
	int (*connect)(int pair[2]);
	uint64_t buffer;
};

VARIANT(own, tcp, .connect = tcp_loopback, .buffer = 64 * KIB);
VARIANT(own, tcp_huge, .connect = tcp_loopback, .buffer = 2 * MIB);
VARIANT(own, unix_stream, .connect = unix_stream, .buffer = 64 * KIB);
VARIANT(own, unix_huge, .connect = unix_stream, .buffer = 2 * MIB);
VARIANT(own, udp, .connect = udp_loopback, .buffer = 64 * KIB);
VARIANT(own, udp_huge, .connect = udp_loopback, .buffer = 2 * MIB);

FIXTURE_SETUP(own)
{
	char *first;

	self->fd = new_pool(variant->buffer, 4);
	ASSERT_GE(self->fd, 0);
	/* Filled through one mapping, used through another that nobody touched. */
	first = map_pool(self->fd, 4 * variant->buffer);
	ASSERT_NE(MAP_FAILED, first);
	memset(first, 'a', variant->buffer);
	memset(first + variant->buffer, 'b', variant->buffer);
	ASSERT_EQ(0, munmap(first, 4 * variant->buffer));
	self->map = map_pool(self->fd, 4 * variant->buffer);
	ASSERT_NE(MAP_FAILED, self->map);
	ASSERT_EQ(0, variant->connect(self->pair));
}

FIXTURE_TEARDOWN(own)
{
	close(self->fd);
	close(self->pair[0]);
	close(self->pair[1]);
}

TEST_F(own, mapping_is_filled_on_the_way)
{
	struct zcpool_element elements[] = {
		bytes(self->map + variant->buffer - 1000, 3000),
		slice(variant->buffer - 2000, 3000),
		bytes(self->map + variant->buffer - 5000, 2000),
		slice(variant->buffer - 1000, 1000),
	};

	ASSERT_EQ(9000, send_vector(self->fd, self->pair[0], elements, 4, 0, NULL));
	ASSERT_EQ(9000, recv(self->pair[1], self->back, 9000, MSG_WAITALL));
	EXPECT_EQ(0, memcmp(self->back, self->map + variant->buffer - 1000, 3000));
	EXPECT_EQ(0, memcmp(self->back + 3000, self->map + variant->buffer - 2000, 3000));
	EXPECT_EQ(0, memcmp(self->back + 6000, self->map + variant->buffer - 5000, 2000));
	EXPECT_EQ(0, memcmp(self->back + 8000, self->map + variant->buffer - 1000, 1000));
}

TEST_F(own, mapping_is_gone)
{
	struct zcpool_element elements[] = { bytes(self->map, 3000), slice(0, 3000) };

	ASSERT_EQ(0, munmap(self->map, 4 * variant->buffer));
	ASSERT_EQ(-EFAULT, send_vector(self->fd, self->pair[0], elements, 2, 0, NULL));
	/* The socket is as it was. */
	ASSERT_EQ(3000, send_vector(self->fd, self->pair[0], elements + 1, 1, 0, NULL));
	ASSERT_EQ(3000, recv(self->pair[1], self->back, 3000, MSG_WAITALL));
	EXPECT_EQ('a', self->back[2999]);
}

/*
 * A connection that is reset under a SEND of many parts: what went is the result, and
 * the reset is for the next call to tell, without SIGPIPE.
 */
TEST(reset_is_told_once)
{
	const int small = 64 * KIB;
	const struct linger at_once = { .l_onoff = 1 };
	int fd = new_pool(BUFFER, COUNT), pair[2], i;
	struct zcpool_element elements[1000];
	char one = 1;
	pid_t pid;
	long sent;

	/* Of 16 slices and a byte each, so that a part begins where it must wait. */
	for (i = 0; i < 1000; i++)
		elements[i] = i % 17 == 16 ? bytes(&one, 1) :
					     slice(i % 17 * 8192 + i % 7 * 64, 2000);
	ASSERT_EQ(0, tcp_pair(pair));
	ASSERT_EQ(0, setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)));
	pid = fork();
	if (!pid) {
		close(pair[1]);
		sent = send_vector(fd, pair[0], elements, 1000, 0, NULL);
		if (sent <= 0)
			_exit(1);
		_exit(send(pair[0], &one, 1, 0) == -1 && errno == ECONNRESET ? 0 : 2);
	}
	ASSERT_TRUE(wait_asleep(pid));
	ASSERT_EQ(0, setsockopt(pair[1], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)));
	close(pair[1]);
	ASSERT_EQ(0, wait_status(pid));
}

TEST_HARNESS_MAIN
