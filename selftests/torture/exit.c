// SPDX-License-Identifier: GPL-2.0-only
/* The ways out of a pool. */
#include <liburing.h>
#include <linux/fs.h>
#include <sys/uio.h>

#include "torture.h"

/* Of sockets and pipes: small, lest one reader holds the whole pool. */
#define QUEUE (64 * KIB)

const char *disk;

static void make_small(int fd)
{
	const int size = QUEUE;

	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int nonblocking(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int open_tcp(int pair[2])
{
	const int on = 1;

	if (tcp_pair(pair))
		return -1;
	make_small(pair[0]);
	make_small(pair[1]);
	setsockopt(pair[0], SOL_SOCKET, SO_ZEROCOPY, &on, sizeof(on));
	return nonblocking(pair[0]);
}

static int open_unix(int pair[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return -1;
	make_small(pair[0]);
	return nonblocking(pair[0]);
}

static int open_udp(int pair[2])
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);

	pair[0] = socket(AF_INET, SOCK_DGRAM, 0);
	pair[1] = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(pair[1], (void *)&address, length) ||
	    getsockname(pair[1], (void *)&address, &length) ||
	    connect(pair[0], (void *)&address, length))
		return -1;
	return nonblocking(pair[0]);
}

static int open_pipe(int pair[2])
{
	int ends[2];

	if (pipe(ends))
		return -1;
	pair[0] = ends[1];
	pair[1] = ends[0];
	return nonblocking(pair[0]);
}

/* Nobody reads a disk but the sender, when it is written. */
static int open_disk(int pair[2])
{
	pair[0] = open(disk, O_RDWR | O_DIRECT | O_CLOEXEC);
	pair[1] = -1;
	return pair[0] < 0 ? -1 : 0;
}

static ssize_t result(ssize_t ret)
{
	return ret < 0 ? -errno : ret;
}

static ssize_t by_sendfile(struct link *link, const struct zcpool_element *elements, uint32_t count)
{
	off_t offset = elements->base;

	(void)count;
	return result(sendfile(link->fd, link->pool, &offset, elements->length));
}

/* What is in the pipe goes first; 0 if all of it went. */
static int empty_pipe(struct link *link)
{
	while (link->in_pipe) {
		ssize_t moved = splice(link->pipe[0], NULL, link->fd, NULL, link->in_pipe,
				       SPLICE_F_NONBLOCK);

		if (moved <= 0)
			return moved ? -errno : -EPIPE;
		link->in_pipe -= moved;
	}
	return 0;
}

static void finish_pipe(struct link *link)
{
	empty_pipe(link);
}

/* Handed over as soon as it is in the pipe: pipe slots are holders too. */
static ssize_t through_pipe(struct link *link, ssize_t moved)
{
	int error;

	if (moved <= 0)
		return moved;
	link->in_pipe += moved;
	error = empty_pipe(link);
	return error && error != -EAGAIN ? error : moved;
}

static ssize_t by_splice(struct link *link, const struct zcpool_element *elements, uint32_t count)
{
	off_t offset = elements->base;
	int error = empty_pipe(link);

	(void)count;
	return error ?:
		       through_pipe(link, result(splice(link->pool, &offset, link->pipe[1], NULL,
							elements->length, SPLICE_F_NONBLOCK)));
}

static ssize_t by_vmsplice(struct link *link, const struct zcpool_element *elements, uint32_t count)
{
	struct iovec iov = { link->map + elements->base, elements->length };
	int error = empty_pipe(link);

	(void)count;
	return error ?:
		       through_pipe(link,
				    result(vmsplice(link->pipe[1], &iov, 1, SPLICE_F_NONBLOCK)));
}

static ssize_t into_pipe(struct link *link, const struct zcpool_element *elements, uint32_t count)
{
	off_t offset = elements->base;
	size_t length = elements->length;

	(void)count;
	return result(splice(link->pool, &offset, link->fd, NULL, length, SPLICE_F_NONBLOCK));
}

static ssize_t by_zerocopy(struct link *link, const struct zcpool_element *elements, uint32_t count)
{
	char control[128];
	struct msghdr message = { .msg_control = control, .msg_controllen = sizeof(control) };

	(void)count;
	/* Notifications that nobody takes would fill the queue. */
	while (recvmsg(link->fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0)
		message.msg_controllen = sizeof(control);
	return result(send(link->fd, link->map + elements->base, elements->length,
			   MSG_ZEROCOPY | MSG_NOSIGNAL));
}

static struct zcpool_send send_of(const struct link *link, const struct zcpool_element *elements,
				  uint32_t count)
{
	return (struct zcpool_send){
		.elements = (uintptr_t)elements,
		.count = count,
		.fd = link->fd,
		.flags = ZCPOOL_SEND_F_NOSIGNAL,
	};
}

static ssize_t by_send(struct link *link, const struct zcpool_element *elements, uint32_t count)
{
	struct zcpool_send send = send_of(link, elements, count);

	if (ioctl(link->pool, ZCPOOL_IOC_SEND, &send))
		return -errno;
	atomic_fetch_add(&link->tally->copied, send.copied);
	return send.sent;
}

static int complete(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int ret = io_uring_wait_cqe(ring, &cqe);

	if (ret)
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return ret;
}

static ssize_t by_uring_send(struct link *link, const struct zcpool_element *elements,
			     uint32_t count)
{
	struct zcpool_send send = send_of(link, elements, count);
	struct io_uring_sqe *sqe = io_uring_get_sqe(link->ring);
	const uint64_t address = (uintptr_t)&send;
	int ret;

	/* Elsewise a reader that never reads would keep the ring's thread waiting. */
	send.flags |= ZCPOOL_SEND_F_DONTWAIT;
	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, link->pool, NULL, 0, 0);
	sqe->cmd_op = ZCPOOL_IOC_SEND;
	memcpy(sqe->cmd, &address, sizeof(address));
	ret = io_uring_submit(link->ring);
	if (ret == 1)
		ret = complete(link->ring);
	if (ret > 0)
		atomic_fetch_add(&link->tally->copied, send.copied);
	return ret;
}

/* What was written last, read back past every cache. */
static void check_disk(struct link *link)
{
	void *back = aligned_alloc(4096, BUFFER);

	if (complete(link->ring) != (int)BUFFER || !back ||
	    pread(link->fd, back, BUFFER, link->place) != (ssize_t)BUFFER) {
		atomic_fetch_add(&link->tally->cut, 1);
	} else if (record_is_sound(back) && ((struct record *)back)->generation == link->on_disk) {
		atomic_fetch_add(&link->tally->sound, 1);
	} else {
		atomic_fetch_add(&link->tally->mismatches, 1);
	}
	link->on_disk = 0;
	free(back);
}

static void finish_disk_write(struct link *link)
{
	if (link->on_disk)
		check_disk(link);
}

/* Under way when the caller puts the buffer. */
static ssize_t by_disk_write(struct link *link, const struct zcpool_element *elements,
			     uint32_t count)
{
	const struct record *record = (void *)(link->map + elements->base);
	struct io_uring_sqe *sqe;
	int ret;

	(void)count;
	finish_disk_write(link);
	sqe = io_uring_get_sqe(link->ring);
	io_uring_prep_write(sqe, link->fd, record, BUFFER, link->place);
	ret = io_uring_submit(link->ring);
	if (ret != 1)
		return ret < 0 ? ret : -EIO;
	link->on_disk = record->generation;
	return elements->length;
}

static void finish_disk_read(struct link *link)
{
	if (!link->on_disk)
		return;
	atomic_fetch_add(complete(link->ring) == (int)BUFFER ? &link->tally->sound :
							       &link->tally->mismatches,
			 1);
	link->on_disk = 0;
}

/* The disk writes to the buffer when it is put already: others would see that. */
static ssize_t by_disk_read(struct link *link, const struct zcpool_element *elements,
			    uint32_t count)
{
	struct io_uring_sqe *sqe;
	int ret;

	(void)count;
	finish_disk_read(link);
	sqe = io_uring_get_sqe(link->ring);
	io_uring_prep_read(sqe, link->fd, link->map + elements->base, BUFFER, link->place);
	ret = io_uring_submit(link->ring);
	if (ret != 1)
		return ret < 0 ? ret : -EIO;
	link->on_disk = 1;
	return elements->length;
}

const struct exit exits[] = {
	{ "sendfile to TCP", open_tcp, by_sendfile, NULL, 1, .refers = true },
	{ "splice to TCP", open_tcp, by_splice, finish_pipe, 1, .refers = true },
	{ "vmsplice to TCP", open_tcp, by_vmsplice, finish_pipe, 1, .refers = true },
	/* Loopback copies at once. */
	{ "MSG_ZEROCOPY to TCP", open_tcp, by_zerocopy, NULL, 1 },
	{ "SEND to TCP", open_tcp, by_send, NULL, BATCH, .refers = true },
	{ "SEND by io_uring to TCP", open_tcp, by_uring_send, NULL, BATCH, .refers = true },
	{ "sendfile to unix", open_unix, by_sendfile, NULL, 1, .refers = true },
	{ "splice to unix", open_unix, by_splice, finish_pipe, 1, .refers = true },
	{ "SEND to unix", open_unix, by_send, NULL, BATCH, .refers = true },
	{ "splice to UDP", open_udp, by_splice, finish_pipe, 1, .datagrams = true, .refers = true },
	{ "SEND to UDP", open_udp, by_send, NULL, 1, .datagrams = true, .refers = true },
	{ "splice to a pipe", open_pipe, into_pipe, NULL, 1, .refers = true },
	{ "vmsplice to a pipe", open_pipe, by_vmsplice, finish_pipe, 1, .refers = true },
	{ "O_DIRECT to disk", open_disk, by_disk_write, finish_disk_write, 1 },
	{ "O_DIRECT from disk", open_disk, by_disk_read, finish_disk_read, 1 },
};

const unsigned int nr_exits = sizeof(exits) / sizeof(exits[0]);
