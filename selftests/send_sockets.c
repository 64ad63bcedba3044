// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEND to sockets of every kind delivers what was sent and says truly how much of it
 * was copied; what takes no data gets an errno, and nothing is lost by that.
 */
#include <linux/if_alg.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "send.h"
#include "sockets.h"

#include "harness.h"

#define BUFFER (64 * KIB)
#define COUNT 4
#define SIZE (COUNT * BUFFER)

WITH_NETWORK

FIXTURE(to)
{
	int fd;
	int pair[2];
	char *map;
	char *back;
};

/*
 * copies: on every kernel; message: one, not a stream; gone: the errno when there is
 * nobody to receive, if not the usual ones.
 */
FIXTURE_VARIANT(to)
{
	int (*connect)(int pair[2]);
	bool copies;
	bool message;
	int gone;
};

static int tcp_without_gather(int pair[2])
{
	return make_network()				 ?:
		       set_scatter_gather("near", false) ?:
							   inet_pair(pair, SOCK_STREAM, 0);
}

/* With signatures the socket itself gathers no more, but for the device. */
static int tcp_signed_without_gather(int pair[2])
{
	struct tcp_md5sig md5 = { .tcpm_keylen = 3, .tcpm_key = "key" };
	struct sockaddr_in *in = (void *)&md5.tcpm_addr;
	struct sockaddr_in near = { .sin_family = AF_INET }, far = near;
	socklen_t length = sizeof(far);
	int listener, ret = make_network()			      ?:
				    set_scatter_gather("near", false) ?:
									enter(far_namespace);

	if (ret)
		return ret;
	in->sin_family = AF_INET;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	in->sin_addr.s_addr = htonl(NEAR_ADDRESS);
	far.sin_addr.s_addr = htonl(FAR_ADDRESS);
	if (setsockopt(listener, IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof(md5)) ||
	    bind(listener, (void *)&far, length) || listen(listener, 1) ||
	    getsockname(listener, (void *)&far, &length) || enter(near_namespace))
		return -errno;
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	in->sin_addr = far.sin_addr;
	if (setsockopt(pair[0], IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof(md5)) ||
	    connect(pair[0], (void *)&far, length))
		return -errno;
	pair[1] = accept(listener, NULL, NULL);
	close(listener);
	return pair[1] < 0 ? -errno : 0;
}

VARIANT(to, tcp_veth, .connect = tcp_veth);
VARIANT(to, tcp_without_gather, .connect = tcp_without_gather, .copies = true);
VARIANT(to, tcp_signed_without_gather, .connect = tcp_signed_without_gather, .copies = true);
/* The device's packets are too small. */
VARIANT(to, udp_veth, .connect = udp_veth, .copies = true, .message = true);
VARIANT(to, vsock_stream, .connect = vsock_stream, .copies = true);
VARIANT(to, vsock_seqpacket, .connect = vsock_seqpacket, .copies = true, .message = true);
VARIANT(to, mptcp_loopback, .connect = mptcp_loopback, .copies = true);
VARIANT(to, ktls, .connect = ktls, .copies = true);
VARIANT(to, sockmap_pass, .connect = sockmap_pass, .copies = true);
VARIANT(to, sockmap_redirect, .connect = sockmap_redirect, .copies = true, .gone = EACCES);

FIXTURE_SETUP(to)
{
	self->fd = new_full_pool(BUFFER, COUNT, &self->map);
	ASSERT_GE(self->fd, 0);
	self->back = malloc(SIZE);
	ASSERT_EQ(0, variant->connect(self->pair));
}

FIXTURE_TEARDOWN(to)
{
	free(self->back);
	munmap(self->map, SIZE);
	close(self->fd);
	close(self->pair[0]);
	close(self->pair[1]);
}

TEST_F(to, header_body_trailer)
{
	struct zcpool_element elements[] = {
		bytes("header:", 7),
		slice(1000, 3000),
		slice(BUFFER - 500, 1000),
		bytes(":trailer", 8),
	};
	uint64_t copied = 99;
	ssize_t got;

	ASSERT_EQ(4015, send_vector(self->fd, self->pair[0], elements, 4, 0, &copied));
	EXPECT_EQ(variant->copies ? 4000 : 0, copied);
	/* A stream may bring it piece by piece. */
	do {
		got = recv(self->pair[1], self->back, SIZE, variant->message ? 0 : MSG_PEEK);
	} while (!variant->message && got > 0 && got < 4015 && !usleep(1000));
	ASSERT_EQ(4015, got);
	if (!variant->message)
		ASSERT_EQ(4015, read_full(self->pair[1], self->back, 4015));
	EXPECT_EQ(0, memcmp(self->back, "header:", 7));
	EXPECT_EQ(0, memcmp(self->back + 7, self->map + 1000, 3000));
	EXPECT_EQ(0, memcmp(self->back + 3007, self->map + BUFFER - 500, 1000));
	EXPECT_EQ(0, memcmp(self->back + 4007, ":trailer", 8));
}

/* More than a record, packet or socket buffer has room for. */
TEST_F(to, all_of_the_pool_many_times)
{
	struct zcpool_element elements[] = { slice(1, SIZE - 1), slice(0, SIZE) };
	const int times = rounds(4);
	uint64_t copied = 99;
	int i;

	if (variant->message)
		return;
	if (!fork()) {
		for (i = 0; i < times; i++)
			if (send_vector(self->fd, self->pair[0], elements, 2, 0, &copied) !=
				    2 * SIZE - 1 ||
			    copied != (variant->copies ? 2 * SIZE - 1 : 0))
				_exit(1);
		_exit(0);
	}
	close(self->pair[0]);
	self->pair[0] = -1;
	for (i = 0; i < times; i++) {
		ASSERT_EQ(SIZE - 1, read_full(self->pair[1], self->back, SIZE - 1));
		ASSERT_EQ(0, memcmp(self->back, self->map + 1, SIZE - 1));
		ASSERT_EQ(SIZE, read_full(self->pair[1], self->back, SIZE));
		ASSERT_EQ(0, memcmp(self->back, self->map, SIZE));
	}
	ASSERT_EQ(0, wait_status(-1));
}

/* Sooner or later the sender hears of it. */
TEST_F(to, receiver_gone)
{
	struct zcpool_element element = slice(0, 1000);
	long ret;

	if (variant->message)
		return;
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(1000, send_vector(self->fd, self->pair[0], &element, 1, 0, NULL));
	close(self->pair[1]);
	self->pair[1] = -1;
	do {
		usleep(1000);
		ret = send_vector(self->fd, self->pair[0], &element, 1, ZCPOOL_SEND_F_DONTWAIT,
				  NULL);
	} while (ret > 0 || ret == -EAGAIN);
	EXPECT_TRUE(variant->gone ? ret == -variant->gone : ret == -EPIPE || ret == -ECONNRESET);
}

/*
 * A connection that begins with the first message sent: the first asks for a cookie,
 * the others have data in their SYN.
 */
TEST(connects_by_fast_open)
{
	const int on = 1;
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = new_pool(BUFFER, 1), listener = socket(AF_INET, SOCK_STREAM, 0), round;
	char *map = map_pool(fd, BUFFER), back[1007];
	socklen_t length = sizeof(address);

	memset(map, 'p', BUFFER);
	ASSERT_EQ(0, write_text("/proc/sys/net/ipv4/tcp_fastopen", "3"));
	ASSERT_EQ(0, bind(listener, (void *)&address, sizeof(address)));
	ASSERT_EQ(0, setsockopt(listener, IPPROTO_TCP, TCP_FASTOPEN, &on, sizeof(on)));
	ASSERT_EQ(0, listen(listener, 1));
	ASSERT_EQ(0, getsockname(listener, (void *)&address, &length));
	for (round = 0; round < 4; round++) {
		struct zcpool_element elements[] = { bytes("header:", 7), slice(0, 1000) };
		bool slice_first = round & 1;
		int client = socket(AF_INET, SOCK_STREAM, 0), peer;
		uint64_t copied;

		if (slice_first) {
			elements[1] = elements[0];
			elements[0] = slice(0, 1000);
		}
		ASSERT_EQ(0,
			  setsockopt(client, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on)));
		ASSERT_EQ(0, connect(client, (void *)&address, length));
		ASSERT_EQ(1007, send_vector(fd, client, elements, 2, 0, &copied));
		/* What is in the SYN was copied there. */
		EXPECT_EQ(slice_first && round ? 1000 : 0, copied);
		peer = accept(listener, NULL, NULL);
		ASSERT_EQ(1007, recv(peer, back, 1007, MSG_WAITALL));
		EXPECT_EQ(0, memcmp(back + (slice_first ? 1000 : 0), "header:", 7));
		EXPECT_EQ(0, memcmp(back + (slice_first ? 0 : 7), map, 1000));
		close(client);
		close(peer);
	}
}

/* A datagram that MSG_ZEROCOPY has begun is finished by a copy. */
TEST(datagram_begun_by_zerocopy)
{
	const int on = 1;
	int fd = new_pool(8 * KIB, 1), pair[2];
	char *map = map_pool(fd, 8 * KIB), back[300];
	struct zcpool_element element = slice(0, 100);
	uint64_t copied;

	memset(map, 'p', 8 * KIB);
	ASSERT_EQ(0, udp_loopback(pair));
	ASSERT_EQ(0, setsockopt(pair[0], SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on)));
	ASSERT_EQ(200, send(pair[0], map, 200, MSG_ZEROCOPY | MSG_MORE));
	ASSERT_EQ(100, send_vector(fd, pair[0], &element, 1, 0, &copied));
	EXPECT_EQ(100, copied);
	ASSERT_EQ(300, recv(pair[1], back, 300, 0));
	EXPECT_EQ(0, memcmp(back, map, 300));
}

FIXTURE(pool)
{
	int fd;
	char *map;
	char back[2 * BUFFER];
};

FIXTURE_SETUP(pool)
{
	self->fd = new_full_pool(BUFFER, COUNT, &self->map);
	ASSERT_GE(self->fd, 0);
	signal(SIGPIPE, SIG_IGN);
}

/* Whatever was tried, no buffer is held in the end: those that still were come last. */
FIXTURE_TEARDOWN(pool)
{
	int i;

	for (i = 0; i < COUNT; i++)
		EXPECT_LE(0, get_wait(self->fd));
	munmap(self->map, SIZE);
	close(self->fd);
}

TEST_F(pool, datagram_too_long)
{
	struct zcpool_element elements[] = { bytes("header", 6), slice(0, 65501) };
	int pair[2];

	ASSERT_EQ(0, udp_loopback(pair));
	/* The longest that goes has 65507 bytes. */
	EXPECT_EQ(65507, send_vector(self->fd, pair[0], elements, 2, 0, NULL));
	ASSERT_EQ(65507, recv(pair[1], self->back, sizeof(self->back), 0));
	EXPECT_EQ(0, memcmp(self->back + 6, self->map, 65501));
	elements[1].length++;
	EXPECT_EQ(-EMSGSIZE, send_vector(self->fd, pair[0], elements, 2, 0, NULL));
	elements[1].length = SIZE;
	EXPECT_EQ(-EMSGSIZE, send_vector(self->fd, pair[0], elements, 2, 0, NULL));
	ASSERT_EQ(-1, recv(pair[1], self->back, 1, MSG_DONTWAIT));
	close(pair[0]);
	close(pair[1]);
}

/* MSG_MORE makes one datagram of several SENDs. */
TEST_F(pool, datagram_corked)
{
	struct zcpool_element elements[] = { bytes("one", 3), slice(5, 1000), bytes("two", 3) };
	int pair[2];

	ASSERT_EQ(0, udp_loopback(pair));
	ASSERT_EQ(1003, send_vector(self->fd, pair[0], elements, 2, ZCPOOL_SEND_F_MORE, NULL));
	ASSERT_EQ(-1, recv(pair[1], self->back, 1, MSG_DONTWAIT));
	ASSERT_EQ(1003, send_vector(self->fd, pair[0], elements + 1, 2, 0, NULL));
	ASSERT_EQ(2006, recv(pair[1], self->back, sizeof(self->back), 0));
	EXPECT_EQ(0, memcmp(self->back, "one", 3));
	EXPECT_EQ(0, memcmp(self->back + 3, self->map + 5, 1000));
	EXPECT_EQ(0, memcmp(self->back + 1003, self->map + 5, 1000));
	EXPECT_EQ(0, memcmp(self->back + 2003, "two", 3));
	/* What is corked goes with its socket. */
	ASSERT_EQ(1003, send_vector(self->fd, pair[0], elements, 2, ZCPOOL_SEND_F_MORE, NULL));
	close(pair[0]);
	ASSERT_EQ(-1, recv(pair[1], self->back, 1, MSG_DONTWAIT));
	close(pair[1]);
}

/* Slices behind memory of the program's that the socket refers to as well. */
TEST_F(pool, beside_zerocopy)
{
	struct zcpool_element elements[] = { slice(999, 3000), bytes("end", 3) };
	int pair[2], one = 1, i;

	ASSERT_EQ(0, tcp_loopback(pair));
	ASSERT_EQ(0, setsockopt(pair[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(3000,
			  send(pair[0], self->map + 7, 3000, MSG_ZEROCOPY | (i ? MSG_MORE : 0)));
		ASSERT_EQ(3003, send_vector(self->fd, pair[0], elements, 2, 0, NULL));
		ASSERT_EQ(6003, recv(pair[1], self->back, 6003, MSG_WAITALL));
		EXPECT_EQ(0, memcmp(self->back, self->map + 7, 3000));
		EXPECT_EQ(0, memcmp(self->back + 3000, self->map + 999, 3000));
		EXPECT_EQ(0, memcmp(self->back + 6000, "end", 3));
	}
	close(pair[0]);
	close(pair[1]);
}

/* The kernel's hash of slices is that of the same bytes sent plainly. */
TEST_F(pool, hash_of_slices)
{
	struct sockaddr_alg address = {
		.salg_family = AF_ALG,
		.salg_type = "hash",
		.salg_name = "sha256",
	};
	struct zcpool_element elements[] = { bytes("salt", 4), slice(999, BUFFER), slice(1, 7) };
	unsigned char digest[32], expected[32];
	int algorithm = socket(AF_ALG, SOCK_SEQPACKET, 0), socket;

	ASSERT_EQ(0, bind(algorithm, (void *)&address, sizeof(address)));
	socket = accept(algorithm, NULL, NULL);
	ASSERT_GE(socket, 0);
	memcpy(self->back, "salt", 4);
	memcpy(self->back + 4, self->map + 999, BUFFER);
	memcpy(self->back + 4 + BUFFER, self->map + 1, 7);
	ASSERT_EQ(11 + BUFFER, send(socket, self->back, 11 + BUFFER, 0));
	ASSERT_EQ(32, read(socket, expected, 32));
	ASSERT_EQ(11 + BUFFER, send_vector(self->fd, socket, elements, 3, 0, NULL));
	ASSERT_EQ(32, read(socket, digest, 32));
	EXPECT_EQ(0, memcmp(digest, expected, 32));
	close(socket);
	/* The one that only names the algorithm takes no data. */
	EXPECT_GT(0, send_vector(self->fd, algorithm, elements, 3, 0, NULL));
	close(algorithm);
}

TEST_F(pool, netlink)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	struct zcpool_element elements[] = { bytes("header", 6), slice(999, 1000) };
	int from = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	int to = socket(AF_NETLINK, SOCK_RAW, NETLINK_USERSOCK);
	socklen_t length = sizeof(address);

	ASSERT_EQ(0, bind(to, (void *)&address, sizeof(address)));
	ASSERT_EQ(0, getsockname(to, (void *)&address, &length));
	ASSERT_EQ(0, connect(from, (void *)&address, sizeof(address)));
	ASSERT_EQ(1006, send_vector(self->fd, from, elements, 2, 0, NULL));
	ASSERT_EQ(1006, recv(to, self->back, sizeof(self->back), 0));
	EXPECT_EQ(0, memcmp(self->back + 6, self->map + 999, 1000));
	close(from);
	close(to);
}

TEST_F(pool, packet_socket)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(0x88b5),
	};
	struct zcpool_element elements[] = { bytes("tototofromfr\x88\xb5", 14), slice(999, 1000) };
	int from = socket(AF_PACKET, SOCK_RAW, htons(0x88b5));
	int to = socket(AF_PACKET, SOCK_RAW, htons(0x88b5));

	EXPECT_GT(0, send_vector(self->fd, from, elements, 2, 0, NULL));
	address.sll_ifindex = if_nametoindex("lo");
	ASSERT_EQ(0, bind(from, (void *)&address, sizeof(address)));
	ASSERT_EQ(0, bind(to, (void *)&address, sizeof(address)));
	ASSERT_EQ(1014, send_vector(self->fd, from, elements, 2, 0, NULL));
	ASSERT_EQ(1014, recv(to, self->back, sizeof(self->back), 0));
	EXPECT_EQ(0, memcmp(self->back + 14, self->map + 999, 1000));
	close(from);
	close(to);
}

TEST_F(pool, raw_socket)
{
	struct zcpool_element elements[] = { bytes("header", 6), slice(999, 1000) };
	struct sockaddr_in address = { .sin_family = AF_INET };
	int from = socket(AF_INET, SOCK_RAW, 253), to = socket(AF_INET, SOCK_RAW, 253);

	EXPECT_EQ(-EDESTADDRREQ, send_vector(self->fd, from, elements, 2, 0, NULL));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_EQ(0, connect(from, (void *)&address, sizeof(address)));
	ASSERT_EQ(1006, send_vector(self->fd, from, elements, 2, 0, NULL));
	/* An IP header of 20 bytes is ahead. */
	ASSERT_EQ(1026, recv(to, self->back, sizeof(self->back), 0));
	EXPECT_EQ(0, memcmp(self->back + 26, self->map + 999, 1000));
	close(from);
	close(to);
}

TEST_F(pool, no_socket)
{
	struct zcpool_element element = slice(0, 100);
	struct io_uring ring;
	int pipes[2], closed = dup(0), pair[2], path;

	ASSERT_EQ(0, io_uring_queue_init(1, &ring, 0));
	EXPECT_EQ(-ENOTSOCK, send_vector(self->fd, ring.ring_fd, &element, 1, 0, NULL));
	io_uring_queue_exit(&ring);
	ASSERT_EQ(0, pipe(pipes));
	EXPECT_EQ(-ENOTSOCK, send_vector(self->fd, pipes[1], &element, 1, 0, NULL));
	EXPECT_EQ(-ENOTSOCK, send_vector(self->fd, eventfd(0, 0), &element, 1, 0, NULL));
	EXPECT_EQ(-ENOTSOCK, send_vector(self->fd, epoll_create1(0), &element, 1, 0, NULL));
	EXPECT_EQ(-ENOTSOCK,
		  send_vector(self->fd, open("/dev/null", O_RDWR), &element, 1, 0, NULL));
	close(closed);
	EXPECT_EQ(-EBADF, send_vector(self->fd, closed, &element, 1, 0, NULL));
	EXPECT_EQ(-EBADF, send_vector(self->fd, -1, &element, 1, 0, NULL));
	EXPECT_EQ(-EBADF, send_vector(self->fd, AT_FDCWD, &element, 1, 0, NULL));
	/* A descriptor of a place, not of what is there. */
	path = open("/dev/null", O_PATH);
	EXPECT_EQ(-EBADF, send_vector(self->fd, path, &element, 1, 0, NULL));
	ASSERT_EQ(0, unix_stream(pair));
	EXPECT_EQ(100, send_vector(self->fd, pair[0], &element, 1, 0, NULL));
	close(pair[0]);
	close(pair[1]);
}

TEST_F(pool, listening_socket)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_un {
		sa_family_t family;
		char path[10];
	} un = { AF_UNIX, "\0zcpool" };
	struct zcpool_element elements[] = { bytes("first", 5), slice(0, 100) };
	int tcp = socket(AF_INET, SOCK_STREAM, 0), local = socket(AF_UNIX, SOCK_STREAM, 0), i;

	ASSERT_EQ(0, bind(tcp, (void *)&in, sizeof(in)));
	ASSERT_EQ(0, listen(tcp, 1));
	ASSERT_EQ(0, bind(local, (void *)&un, sizeof(un)));
	ASSERT_EQ(0, listen(local, 1));
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(-EPIPE, send_vector(self->fd, tcp, elements + i, 2 - i, 0, NULL));
		EXPECT_EQ(-ENOTCONN, send_vector(self->fd, local, elements + i, 2 - i, 0, NULL));
	}
	close(tcp);
	close(local);
}

TEST_F(pool, shut_down_socket)
{
	struct zcpool_element elements[] = { bytes("first", 5), slice(0, 100) };
	int (*const kinds[])(int pair[2]) = { tcp_loopback, unix_stream,    unix_seqpacket,
					      udp_loopback, mptcp_loopback, vsock_stream };
	unsigned int kind;
	int pair[2], i;

	for (kind = 0; kind < ARRAY_SIZE(kinds); kind++)
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0, kinds[kind](pair));
			ASSERT_EQ(0, shutdown(pair[0], SHUT_WR));
			EXPECT_EQ(-EPIPE,
				  send_vector(self->fd, pair[0], elements + i, 2 - i, 0, NULL));
			close(pair[0]);
			close(pair[1]);
		}
}

/* A datagram goes by reference as one packet, if the device takes it so. */
TEST(udp_packet)
{
	struct zcpool_element elements[] = { bytes("header:", 7), slice(1001, 1000) };
	int fd = new_pool(BUFFER, 1), pair[2], gathers;
	char *map = map_pool(fd, BUFFER), back[BUFFER];
	uint64_t copied;

	ASSERT_EQ(0, udp_veth(pair));
	for (gathers = 1; gathers >= 0; gathers--) {
		memset(map, 'x', BUFFER);
		ASSERT_EQ(0, set_scatter_gather("near", gathers));
		ASSERT_EQ(1007, send_vector(fd, pair[0], elements, 2, 0, &copied));
		EXPECT_EQ(gathers ? 0 : 1000, copied);
		map[1001] = 'y';
		ASSERT_EQ(1007, recv(pair[1], back, BUFFER, 0));
		EXPECT_EQ(0, memcmp(back, "header:", 7));
		EXPECT_EQ(gathers ? 'y' : 'x', back[7]);
		EXPECT_EQ(0, memcmp(back + 8, map + 1002, 999));
	}
}

TEST_HARNESS_MAIN
