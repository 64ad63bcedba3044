/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Two network cards on one wire, each in a namespace of its own, as near and far:
 * what the tests of cards share.  selftests/dma/guest has set them up.
 */
#ifndef ZCPOOL_SELFTEST_CARDS_H
#define ZCPOOL_SELFTEST_CARDS_H

#include <pthread.h>

#include "dma.h"
#include "../send.h"
#include "../sockets.h"

#include <linux/errqueue.h>

/* Whether the near card makes packets of large ones, which TCP then hands to it. */
static inline int set_segmentation(bool on)
{
	struct ethtool_value value = { .cmd = ETHTOOL_STSO, .data = on };
	struct ifreq ifreq = { .ifr_data = (void *)&value };

	return set_interface("near", SIOCETHTOOL, &ifreq);
}

/* A card that was taken up has no carrier for a while. */
static inline int wait_carrier(void)
{
	struct ifreq ifreq = { 0 };
	int ret, try;

	for (try = 0; try < 10000; try++) {
		ret = set_interface("near", SIOCGIFFLAGS, &ifreq);
		if (ret || ifreq.ifr_flags & IFF_RUNNING)
			return ret;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

/*
 * Moves the caller to the near namespace, and puts right what another test may have
 * left.  0 or a negative errno.
 */
static inline int join_cards(bool segmentation)
{
	near_namespace = open("/run/netns/near", O_RDONLY | O_CLOEXEC);
	far_namespace = open("/run/netns/far", O_RDONLY | O_CLOEXEC);
	if (near_namespace < 0 || far_namespace < 0)
		return -errno;
	return enter(near_namespace)		      ?:
		       set_segmentation(segmentation) ?:
		       far_listens(true)	      ?:
		       set_up("near", true)	      ?:
							wait_carrier();
}

/* Whether the near card's driver has this name. */
static inline bool driver_is(const char *name)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq ifreq = { .ifr_data = (void *)&info };

	return !set_interface("near", SIOCETHTOOL, &ifreq) && !strcmp(info.driver, name);
}

/* Headers for so many bytes, at most: a packet has 1448 of them.  Virtio adds its own. */
static inline uint64_t most_headers(uint64_t length)
{
	return (length / 1448 + 8) * 128;
}

/*
 * What the driver copies of them: that of e1000e has the headers of a large packet
 * followed by 4 bytes, for the sake of old cards.
 */
static inline uint64_t copied_by_driver(uint64_t length, bool segmentation)
{
	if (!segmentation || !driver_is("e1000e"))
		return 0;
	return (length / 1448 + 4) * 4;
}

/* Takes what comes until the end, or until size bytes came, on the other processor. */
struct receiver {
	pthread_t thread;
	int socket;
	char *data;
	size_t size;
	size_t got;
};

static inline void *receive(void *arg)
{
	struct receiver *receiver = arg;

	if (!bind_to(1))
		receiver->got = read_full(receiver->socket, receiver->data, receiver->size);
	return NULL;
}

static inline int start_receiver(struct receiver *receiver, int socket, size_t size)
{
	*receiver = (struct receiver){ .socket = socket, .size = size, .data = calloc(1, size) };
	return -pthread_create(&receiver->thread, NULL, receive, receiver);
}

/* Whether it got these bytes. */
static inline bool end_receiver(struct receiver *receiver, const char *data)
{
	bool same;

	pthread_join(receiver->thread, NULL);
	same = receiver->got == receiver->size && !memcmp(receiver->data, data, receiver->size);
	free(receiver->data);
	return same;
}

/* The ways to have a socket refer to the pool's memory.  Bytes, or a negative errno. */
enum route {
	BY_SENDFILE,
	BY_SPLICE,
	BY_SEND,
	BY_RING,
	BY_ZEROCOPY
};

static inline long send_by_splice(int fd, int socket, uint64_t offset, size_t length)
{
	loff_t at = offset;
	int pipes[2];
	long got, out = 0, ret = 1;

	if (pipe(pipes))
		return -errno;
	got = splice(fd, &at, pipes[1], NULL, length, 0);
	while (got > 0 && out < got && ret > 0) {
		ret = splice(pipes[0], NULL, socket, NULL, got - out, 0);
		out += ret > 0 ? ret : 0;
	}
	if (got < 0 || ret < 0)
		out = -errno;
	close(pipes[0]);
	close(pipes[1]);
	return out;
}

static inline long send_by_ring(int fd, int socket, uint64_t offset, size_t length)
{
	const struct zcpool_element element = slice(offset, length);
	struct zcpool_send arg = {
		.elements = (uintptr_t)&element,
		.count = 1,
		.fd = socket,
	};
	struct io_uring ring;
	int ret;

	ret = io_uring_queue_init(2, &ring, 0) ?: bind_workers(&ring);
	if (ret)
		return ret;
	prepare_send(&ring, fd, ZCPOOL_IOC_SEND, &arg);
	ret = io_uring_submit(&ring);
	ret = ret == 1 ? result_of(&ring) : -EIO;
	io_uring_queue_exit(&ring);
	return ret < 0 ? ret : (long)arg.sent;
}

/* Reads how many calls were completed of those by MSG_ZEROCOPY, and how. */
static inline int wait_zerocopy(int socket)
{
	struct pollfd poll_fd = { .fd = socket };
	struct sock_extended_err *error;
	char control[128];
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };

	if (poll(&poll_fd, 1, 10000) != 1)
		return -ETIMEDOUT;
	if (recvmsg(socket, &message, MSG_ERRQUEUE) < 0)
		return -errno;
	error = (void *)CMSG_DATA(CMSG_FIRSTHDR(&message));
	if (error->ee_code & SO_EE_CODE_ZEROCOPY_COPIED)
		return -EIO;
	return error->ee_data - error->ee_info + 1;
}

static inline long send_by_zerocopy(const char *map, int socket, uint64_t offset, size_t length)
{
	const int one = 1;
	long ret, done;

	if (setsockopt(socket, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return -errno;
	ret = send(socket, map + offset, length, MSG_ZEROCOPY);
	done = ret < 0 ? -errno : wait_zerocopy(socket);
	return done < 0 ? done : ret;
}

static inline long send_by(enum route route, int fd, const char *map, int socket, uint64_t offset,
			   size_t length)
{
	const struct zcpool_element element = slice(offset, length);
	off_t at = offset;
	long ret;

	switch (route) {
	case BY_SENDFILE:
		ret = sendfile(socket, fd, &at, length);
		return ret < 0 ? -errno : ret;
	case BY_SPLICE:
		return send_by_splice(fd, socket, offset, length);
	case BY_SEND:
		return send_vector(fd, socket, &element, 1, 0, NULL);
	case BY_RING:
		return send_by_ring(fd, socket, offset, length);
	case BY_ZEROCOPY:
		return send_by_zerocopy(map, socket, offset, length);
	}
	return -EINVAL;
}

/* All of it, by as many calls as it takes. */
static inline int send_all_by(enum route route, int fd, const char *map, int socket,
			      uint64_t offset, size_t length)
{
	while (length) {
		long sent = send_by(route, fd, map, socket, offset, length);

		if (sent <= 0)
			return sent ?: -EPIPE;
		offset += sent;
		length -= sent;
	}
	return 0;
}

#endif /* ZCPOOL_SELFTEST_CARDS_H */
