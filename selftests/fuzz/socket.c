// SPDX-License-Identifier: GPL-2.0-only
/* Sockets: pairs of them, what is sent and received, options. */
#include <linux/if_alg.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <linux/vm_sockets.h>

#include "calls.h"
#include "fuzz.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* Connected to itself by way of a listener; an error if anything goes wrong. */
static int stream_pair(const struct sockaddr *any, socklen_t length, int protocol, int pair[2])
{
	int listener = socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, protocol);
	struct sockaddr_storage address;
	int error = 0;

	memcpy(&address, any, length);
	pair[0] = socket(any->sa_family, SOCK_STREAM | SOCK_CLOEXEC, protocol);
	pair[1] = -1;
	if (listener < 0 || pair[0] < 0 || bind(listener, any, length) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &length))
		error = -errno;
	if (!error && any->sa_family == AF_VSOCK)
		((struct sockaddr_vm *)&address)->svm_cid = VMADDR_CID_LOCAL;
	if (!error && connect(pair[0], (struct sockaddr *)&address, length))
		error = -errno;
	if (!error) {
		pair[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		error = pair[1] < 0 ? -errno : 0;
	}
	close(listener);
	if (error)
		close(pair[0]);
	return error;
}

static int udp_pair(int pair[2])
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);
	int error = 0;

	pair[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	pair[1] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(pair[1], (struct sockaddr *)&address, length) ||
	    getsockname(pair[1], (struct sockaddr *)&address, &length) ||
	    connect(pair[0], (struct sockaddr *)&address, length))
		error = -errno;
	if (error) {
		close(pair[0]);
		close(pair[1]);
	}
	return error;
}

/* Something that takes bytes to compute with. */
static int alg_pair(int pair[2])
{
	struct sockaddr_alg address = {
		.salg_family = AF_ALG,
		.salg_type = "hash",
		.salg_name = "sha256",
	};

	pair[0] = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (pair[0] < 0)
		return -errno;
	if (!bind(pair[0], (struct sockaddr *)&address, sizeof(address))) {
		pair[1] = accept4(pair[0], NULL, 0, SOCK_CLOEXEC);
		if (pair[1] >= 0)
			return 0;
	}
	close(pair[0]);
	return -EOPNOTSUPP;
}

static int some_pair(int pair[2])
{
	struct sockaddr_in loopback = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_vm local = {
		.svm_family = AF_VSOCK,
		.svm_port = VMADDR_PORT_ANY,
		.svm_cid = VMADDR_CID_ANY,
	};
	struct sockaddr_in6 loopback6 = {
		.sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	unsigned int kind = below(20);

	ABOUT("%ld", kind);
	switch (kind) {
	case 0 ... 7:
		return stream_pair((void *)&loopback, sizeof(loopback), 0, pair);
	case 8:
		return stream_pair((void *)&loopback6, sizeof(loopback6), 0, pair);
	case 9:
		return stream_pair((void *)&loopback, sizeof(loopback), IPPROTO_MPTCP, pair);
	case 10:
		return stream_pair((void *)&local, sizeof(local), 0, pair);
	case 11:
		return alg_pair(pair);
	case 12 ... 13:
		return udp_pair(pair);
	case 14:
		return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) ? -errno : 0;
	case 15:
		return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) ? -errno : 0;
	default:
		return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ? -errno : 0;
	}
}

long call_socket_pair(void)
{
	/*
	 * The most that a thread of io_uring waits, which no timer's signal reaches: a splice
	 * holds the pipe meanwhile, against all.
	 */
	const struct timeval patience = { .tv_usec = 30000 };
	int pair[2], error = some_pair(pair), one = 1, end;

	if (error)
		return error;
	for (end = 0; end < 2; end++) {
		if (percent(85))
			fcntl(pair[end], F_SETFL, O_NONBLOCK);
		setsockopt(pair[end], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
		setsockopt(pair[end], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		if (percent(50))
			setsockopt(pair[end], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
	}
	return slot_fill_pair(SLOT_SOCKET, pair);
}

static int some_send_flags(void)
{
	return flags_of(MSG_MORE | MSG_OOB | MSG_EOR | MSG_CONFIRM) | MSG_NOSIGNAL |
	       (percent(85) ? MSG_DONTWAIT : 0) | (percent(40) ? MSG_ZEROCOPY : 0);
}

static long call_sendmsg(void)
{
	int fd = slot_of(SLOT_SOCKET), count = 1 + below(5), flags = some_send_flags();
	struct msghdr *message = scratch(sizeof(*message));

	message->msg_iov = some_vector(count);
	message->msg_iovlen = count;
	ABOUT("fd=%ld count=%ld flags=%#lx", fd, count, flags);
	return RESULT(sendmsg(fd, message, flags));
}

static long call_sendto(void)
{
	int fd = slot_of(SLOT_SOCKET), flags = some_send_flags();
	size_t size = bent(some_length(128 * KIB));
	uint64_t from = percent(70) ? mapping_some() : some_address(size);

	ABOUT("fd=%ld %#lx size=%#lx flags=%#lx", fd, from, size, flags);
	return RESULT(sendto(fd, POINTER(from), size, flags, NULL, 0));
}

static long call_recv(void)
{
	int fd = slot_of(SLOT_SOCKET);
	int flags = flags_of(MSG_PEEK | MSG_TRUNC | MSG_WAITALL | MSG_OOB) |
		    (percent(85) ? MSG_DONTWAIT : 0);
	size_t size = bent(some_length(256 * KIB));
	uint64_t to = some_address(size);

	ABOUT("fd=%ld %#lx size=%#lx flags=%#lx", fd, to, size, flags);
	return RESULT(recv(fd, POINTER(to), size, flags));
}

/* What became of MSG_ZEROCOPY. */
static long call_error_queue(void)
{
	int fd = slot_of(SLOT_SOCKET);
	struct msghdr message = { .msg_control = scratch(256), .msg_controllen = 256 };

	ABOUT("fd=%ld", fd);
	return RESULT(recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT));
}

static long call_shutdown(void)
{
	int fd = slot_of(SLOT_SOCKET), how = bent(below(3));

	ABOUT("fd=%ld how=%ld", fd, how);
	return RESULT(shutdown(fd, how));
}

static long call_setsockopt(void)
{
	static const struct {
		int level;
		int option;
		unsigned int most;
	} options[] = {
		{ SOL_SOCKET, SO_SNDBUF, 1 << 20 },
		{ SOL_SOCKET, SO_RCVBUF, 1 << 20 },
		{ SOL_SOCKET, SO_ZEROCOPY, 2 },
		{ SOL_SOCKET, SO_RCVLOWAT, 1 << 16 },
		{ SOL_SOCKET, SO_LINGER, 2 },
		{ SOL_SOCKET, SO_NO_CHECK, 2 },
		{ IPPROTO_TCP, TCP_NODELAY, 2 },
		{ IPPROTO_TCP, TCP_CORK, 2 },
		{ IPPROTO_TCP, TCP_MAXSEG, 1500 },
		{ IPPROTO_TCP, TCP_WINDOW_CLAMP, 1 << 16 },
		{ IPPROTO_TCP, TCP_NOTSENT_LOWAT, 1 << 16 },
		{ IPPROTO_UDP, UDP_CORK, 2 },
		{ IPPROTO_UDP, UDP_SEGMENT, 3000 },
	};
	int fd = slot_of(SLOT_SOCKET), values[2] = { 0 };
	unsigned int i = below(ARRAY_SIZE(options));

	if (percent(5)) {
		ABOUT("fd=%ld TCP_ULP tls", fd);
		return RESULT(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 3));
	}
	values[0] = bent(below(options[i].most));
	ABOUT("fd=%ld level=%ld option=%ld value=%ld", fd, options[i].level, options[i].option,
	      values[0]);
	return RESULT(setsockopt(fd, options[i].level, options[i].option, values,
				 options[i].option == SO_LINGER ? 8 : 4));
}

/* Pages of a socket mapped, not copied, where a mapping of the socket itself is. */
static long call_zerocopy_receive(void)
{
	struct tcp_zerocopy_receive arg = {
		.address = mapping_some() & -PAGE,
		.length = PAGE * (1 + below(16)),
	};
	socklen_t length = sizeof(arg);
	int fd = slot_of(SLOT_SOCKET);

	ABOUT("fd=%ld %#lx length=%#lx", fd, arg.address, arg.length);
	if (percent(70) && mmap(POINTER(arg.address), arg.length, PROT_READ, MAP_SHARED | MAP_FIXED,
				fd, 0) == MAP_FAILED)
		return -errno;
	return RESULT(getsockopt(fd, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &arg, &length));
}

const struct kind socket_kinds[] = {
	{ "socket pair", call_socket_pair, 4 },
	{ "sendmsg", call_sendmsg, 8 },
	{ "sendto", call_sendto, 6 },
	{ "recv", call_recv, 16 },
	{ "error queue", call_error_queue, 3 },
	{ "shutdown", call_shutdown, 1 },
	{ "setsockopt", call_setsockopt, 3 },
	{ "TCP_ZEROCOPY_RECEIVE", call_zerocopy_receive, 2 },
	{},
};
