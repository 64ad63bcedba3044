// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets of every kind as holders: a buffer that was sent by sendfile, splice or
 * SEND is not handed out while the peer could still see it change, what the peer
 * reads is what was sent, and then the buffer is free.
 */
#include "send.h"
#include "sockets.h"

#include "harness.h"

#define BUFFER (64 * KIB)
#define OFFSET 12001
#define LENGTH 5000

WITH_NETWORK

/* Which kernels send by reference, so that the socket holds the buffer. */
enum kernels {
	NONE = 0,
	WITH_SENDPAGE = 1,
	WITHOUT_SENDPAGE = 2,
	ALL = 3,
};

static bool is_one_of(enum kernels kernels)
{
	return kernels & (kernel_has_sendpage() ? WITH_SENDPAGE : WITHOUT_SENDPAGE);
}

FIXTURE(socket)
{
	int fd;
	int pair[2];
	char *map;
	char *sent;
	char back[LENGTH + 1];
};

FIXTURE_VARIANT(socket)
{
	int (*connect)(int pair[2]);
	enum kernels splice_holds;
	enum kernels send_holds;
};

VARIANT(socket, tcp_loopback, .connect = tcp_loopback, .splice_holds = ALL, .send_holds = ALL);
VARIANT(socket, tcp_veth, .connect = tcp_veth, .splice_holds = ALL, .send_holds = ALL);
VARIANT(socket, unix_stream, .connect = unix_stream, .splice_holds = ALL, .send_holds = ALL);
VARIANT(socket, unix_datagram, .connect = unix_datagram);
VARIANT(socket, unix_seqpacket, .connect = unix_seqpacket);
VARIANT(socket, udp_loopback, .connect = udp_loopback, .splice_holds = WITHOUT_SENDPAGE,
	.send_holds = ALL);
/* SEND copies what does not go as one packet. */
VARIANT(socket, udp_veth, .connect = udp_veth, .splice_holds = WITHOUT_SENDPAGE);
VARIANT(socket, vsock_stream, .connect = vsock_stream);
VARIANT(socket, vsock_seqpacket, .connect = vsock_seqpacket);
VARIANT(socket, mptcp_loopback, .connect = mptcp_loopback);
/* Encrypted into memory of its own before the call returns. */
VARIANT(socket, ktls, .connect = ktls);
VARIANT(socket, sockmap_pass, .connect = sockmap_pass);
VARIANT(socket, sockmap_redirect, .connect = sockmap_redirect, .splice_holds = WITH_SENDPAGE);

/* A pool of one buffer, owned and full of what depends on the place. */
FIXTURE_SETUP(socket)
{
	self->fd = new_full_pool(BUFFER, 1, &self->map);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, get_now(self->fd));
	self->sent = malloc(LENGTH);
	memcpy(self->sent, self->map + OFFSET, LENGTH);
	ASSERT_EQ(0, variant->connect(self->pair));
}

FIXTURE_TEARDOWN(socket)
{
	free(self->sent);
	munmap(self->map, BUFFER);
	close(self->fd);
}

static ssize_t by_sendfile(int fd, int socket)
{
	off_t offset = OFFSET;

	return sendfile(socket, fd, &offset, LENGTH);
}

static ssize_t by_splice(int fd, int socket)
{
	loff_t offset = OFFSET;
	int pipes[2];
	ssize_t ret;

	if (pipe(pipes))
		return -1;
	ret = splice(fd, &offset, pipes[1], NULL, LENGTH, 0);
	if (ret == LENGTH)
		ret = splice(pipes[0], NULL, socket, NULL, LENGTH, 0);
	close(pipes[0]);
	close(pipes[1]);
	return ret;
}

static ssize_t by_send(int fd, int socket)
{
	struct zcpool_element element = slice(OFFSET, LENGTH);

	return send_vector(fd, socket, &element, 1, 0, NULL);
}

/* The peer has all that was sent, and no more. */
static void expect_sent(struct __test_metadata *_metadata, FIXTURE_DATA(socket) * self)
{
	ssize_t got = recv(self->pair[1], self->back, sizeof(self->back), 0);

	ASSERT_GT(got, 0);
	if (got < LENGTH)
		got += read_full(self->pair[1], self->back + got, LENGTH - got);
	ASSERT_EQ(LENGTH, got);
	ASSERT_EQ(0, memcmp(self->sent, self->back, LENGTH));
}

static void expect_held(struct __test_metadata *_metadata, int fd)
{
	struct zcpool_holder holder = holder_of(fd, 0);

	ASSERT_EQ(-EAGAIN, get_now(fd));
	ASSERT_EQ(ZCPOOL_STATE_IN_FLIGHT, holder.state);
	ASSERT_GE(holder.references, 1);
	ASSERT_EQ(0, holder.slots);
	ASSERT_EQ(0, holder.pins);
}

static void expect_free(struct __test_metadata *_metadata, int fd)
{
	struct zcpool_holder holder;

	ASSERT_EQ(0, get_wait(fd));
	holder = holder_of(fd, 0);
	ASSERT_EQ(ZCPOOL_STATE_OWNED, holder.state);
	ASSERT_EQ(0, holder.references + holder.slots + holder.pins);
}

/* A buffer that GET hands out is written to at once: the peer must not see that. */
static void send_and_put(struct __test_metadata *_metadata, FIXTURE_DATA(socket) * self,
			 ssize_t (*send)(int fd, int socket), bool holds)
{
	ASSERT_EQ(LENGTH, send(self->fd, self->pair[0]));
	ASSERT_EQ(0, put_one(self->fd, 0));
	if (holds) {
		expect_held(_metadata, self->fd);
		/* Acknowledged or not, the reader reads these very pages. */
		usleep(1000);
		expect_held(_metadata, self->fd);
		expect_sent(_metadata, self);
		expect_free(_metadata, self->fd);
	} else {
		expect_free(_metadata, self->fd);
		memset(self->map, 'X', BUFFER);
		expect_sent(_metadata, self);
	}
	ASSERT_EQ(0, put_one(self->fd, 0));
	expect_free(_metadata, self->fd);
}

/*
 * Whether fragments of a spliced datagram get lost that begin at odd places: Linux 6.12
 * computes a wrong checksum then (skb_splice_csum_page()), of any file's pages.
 */
static bool kernel_loses_fragments(const int pair[2])
{
	struct pollfd arrived = { .fd = pair[1], .events = POLLIN };
	char bytes[OFFSET + LENGTH], back[LENGTH];
	int file = memfd_create("odd", 0), i;
	off_t offset = OFFSET;
	bool lost;

	for (i = 0; i < OFFSET + LENGTH; i++)
		bytes[i] = i * 31 >> 7;
	lost = write(file, bytes, sizeof(bytes)) != sizeof(bytes) ||
	       sendfile(pair[0], file, &offset, LENGTH) != LENGTH ||
	       poll(&arrived, 1, 10000) != 1 || recv(pair[1], back, LENGTH, 0) != LENGTH;
	close(file);
	return lost;
}

TEST_F(socket, unread_after_sendfile)
{
	if (variant->connect == udp_veth && kernel_loses_fragments(self->pair))
		SKIP(return, "the kernel loses spliced fragments");
	send_and_put(_metadata, self, by_sendfile, is_one_of(variant->splice_holds));
}

TEST_F(socket, unread_after_splice)
{
	if (variant->connect == udp_veth && kernel_loses_fragments(self->pair))
		SKIP(return, "the kernel loses spliced fragments");
	send_and_put(_metadata, self, by_splice, is_one_of(variant->splice_holds));
}

TEST_F(socket, unread_after_SEND)
{
	send_and_put(_metadata, self, by_send, is_one_of(variant->send_holds));
}

/* Both ends go away with the data unread. */
TEST_F(socket, closed_unread)
{
	ASSERT_EQ(LENGTH, by_send(self->fd, self->pair[0]));
	ASSERT_EQ(LENGTH, by_sendfile(self->fd, self->pair[0]));
	ASSERT_EQ(0, put_one(self->fd, 0));
	close(self->pair[1]);
	close(self->pair[0]);
	expect_free(_metadata, self->fd);
}

/* Where nothing arrives, the sender keeps the data, to send it again. */
FIXTURE(unacknowledged)
{
	int fd;
	int pair[2];
	char *map;
	char *sent;
};

FIXTURE_VARIANT(unacknowledged)
{
	ssize_t (*send)(int fd, int socket);
};

VARIANT(unacknowledged, sendfile, .send = by_sendfile);
VARIANT(unacknowledged, SEND, .send = by_send);

FIXTURE_SETUP(unacknowledged)
{
	self->fd = new_full_pool(BUFFER, 1, &self->map);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, get_now(self->fd));
	self->sent = malloc(LENGTH);
	memcpy(self->sent, self->map + OFFSET, LENGTH);
	ASSERT_EQ(0, tcp_veth(self->pair));
	ASSERT_EQ(0, far_listens(false));
}

FIXTURE_TEARDOWN(unacknowledged)
{
	free(self->sent);
	munmap(self->map, BUFFER);
	close(self->fd);
}

/* How often TCP has sent again what it has sent. */
static unsigned int retransmissions(int socket)
{
	struct tcp_info info = { 0 };
	socklen_t length = sizeof(info);

	getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &length);
	return info.tcpi_total_retrans + info.tcpi_backoff + info.tcpi_retransmits;
}

TEST_F(unacknowledged, arrives_unchanged_when_sent_again)
{
	char back[LENGTH];

	ASSERT_EQ(LENGTH, variant->send(self->fd, self->pair[0]));
	ASSERT_EQ(0, put_one(self->fd, 0));
	expect_held(_metadata, self->fd);
	while (!retransmissions(self->pair[0]))
		usleep(1000);
	expect_held(_metadata, self->fd);
	ASSERT_EQ(-1, recv(self->pair[1], back, LENGTH, MSG_DONTWAIT));
	ASSERT_EQ(0, far_listens(true));
	ASSERT_EQ(LENGTH, read_full(self->pair[1], back, LENGTH));
	ASSERT_EQ(0, memcmp(self->sent, back, LENGTH));
	expect_free(_metadata, self->fd);
}

/* The socket lives on without a program, until it got rid of its data. */
TEST_F(unacknowledged, arrives_unchanged_after_close)
{
	char back[LENGTH + 1];

	ASSERT_EQ(LENGTH, variant->send(self->fd, self->pair[0]));
	ASSERT_EQ(0, put_one(self->fd, 0));
	close(self->pair[0]);
	expect_held(_metadata, self->fd);
	ASSERT_EQ(0, far_listens(true));
	ASSERT_EQ(LENGTH, read_full(self->pair[1], back, LENGTH + 1));
	ASSERT_EQ(0, memcmp(self->sent, back, LENGTH));
	expect_free(_metadata, self->fd);
}

/* Given up by both ends, nothing is sent again. */
TEST_F(unacknowledged, free_after_abort)
{
	const struct linger abort = { .l_onoff = 1 };

	ASSERT_EQ(LENGTH, variant->send(self->fd, self->pair[0]));
	ASSERT_EQ(0, put_one(self->fd, 0));
	expect_held(_metadata, self->fd);
	ASSERT_EQ(0, setsockopt(self->pair[0], SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)));
	close(self->pair[0]);
	expect_free(_metadata, self->fd);
}

/* A record that SPLICE_F_MORE leaves open may have the pages until it is closed. */
TEST(open_tls_record)
{
	int fd = new_pool(BUFFER, 1), pair[2], pipes[2];
	char *map = map_pool(fd, BUFFER), back[LENGTH + 1], byte = 'Z';
	loff_t offset = OFFSET;

	ASSERT_EQ(0, ktls(pair));
	ASSERT_EQ(0, pipe(pipes));
	ASSERT_EQ(0, get_now(fd));
	memset(map, 'a', BUFFER);
	ASSERT_EQ(LENGTH, splice(fd, &offset, pipes[1], NULL, LENGTH, 0));
	ASSERT_EQ(LENGTH, splice(pipes[0], NULL, pair[0], NULL, LENGTH, SPLICE_F_MORE));
	ASSERT_EQ(0, put_one(fd, 0));
	if (get_now(fd) == 0) {
		memset(map, 'X', BUFFER);
		ASSERT_EQ(0, put_one(fd, 0));
	}
	ASSERT_EQ(1, send(pair[0], &byte, 1, 0));
	expect_free(_metadata, fd);
	memset(map, 'X', BUFFER);
	ASSERT_EQ(LENGTH + 1, read_full(pair[1], back, LENGTH + 1));
	ASSERT_EQ('a', back[0]);
	ASSERT_EQ(0, memcmp(back, back + 1, LENGTH - 1));
	ASSERT_EQ('Z', back[LENGTH]);
}

TEST_HARNESS_MAIN
