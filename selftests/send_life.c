// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whatever ends while a SEND waits, program, socket, peer, ring or the pool's
 * descriptors: the SEND ends too, or goes on as it should, all buffers come back,
 * the peer sees the end, and the module can go.
 */
#include <pthread.h>

#include "reload.h"
#include "send.h"
#include "sockets.h"

#include "harness.h"

#define BUFFER (16 * KIB)
/* More than the pages that one buffer of a unix socket takes, however small it is. */
#define COUNT 48
#define SIZE (COUNT * BUFFER)

FIXTURE(life)
{
	int fd;
	int pair[2];
	char *map;
	char *back;
	int signals[2];
};

FIXTURE_VARIANT(life)
{
	int (*connect)(int pair[2]);
	bool ring;
};

VARIANT(life, tcp, .connect = tcp_loopback);
VARIANT(life, tcp_ring, .connect = tcp_loopback, .ring = true);
VARIANT(life, unix_stream, .connect = unix_stream);
VARIANT(life, unix_stream_ring, .connect = unix_stream, .ring = true);
VARIANT(life, vsock, .connect = vsock_stream);
VARIANT(life, vsock_ring, .connect = vsock_stream, .ring = true);

/* A pool, all of it owned, and sockets that hold little. */
FIXTURE_SETUP(life)
{
	const int small = 64 * KIB;
	uint32_t indices[COUNT];

	self->fd = new_full_pool(BUFFER, COUNT, &self->map);
	ASSERT_GE(self->fd, 0);
	self->back = malloc(SIZE);
	ASSERT_EQ(COUNT, get_many(self->fd, indices, COUNT, 0, 0));
	ASSERT_EQ(0, variant->connect(self->pair));
	setsockopt(self->pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(self->pair[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	signal(SIGPIPE, SIG_IGN);
	ASSERT_EQ(0, pipe(self->signals));
}

FIXTURE_TEARDOWN(life)
{
	free(self->back);
	if (self->map)
		munmap(self->map, SIZE);
	close(self->fd);
	close(self->pair[0]);
	close(self->pair[1]);
}

/* Nobody holds a buffer any more. */
static void expect_all_back(struct __test_metadata *_metadata, FIXTURE_DATA(life) * self)
{
	uint32_t indices[COUNT], i;

	for (i = 0; i < COUNT; i++)
		indices[i] = i;
	ASSERT_EQ(0, put_many(self->fd, indices, COUNT, NULL));
	for (i = 0; i < COUNT;) {
		int got = get_many(self->fd, indices, COUNT - i, 0, 0);

		ASSERT_GT(got, 0);
		i += got;
	}
}

/* The reader finds the pool's bytes again and again, and then the end. */
static long expect_bytes_and_end(struct __test_metadata *_metadata, FIXTURE_DATA(life) * self)
{
	long sum = 0, got;

	while ((got = read(self->pair[1], self->back, SIZE - sum % SIZE)) > 0) {
		ASSERT_EQ(0, memcmp(self->map + sum % SIZE, self->back, got));
		sum += got;
	}
	/* A sender that had unread bytes itself would reset the connection. */
	ASSERT_EQ(0, got);
	return sum;
}

/* What a sending child has: the socket's other end stays with the parent alone. */
struct sender {
	int fd;
	int socket;
	bool by_ring;
	struct io_uring ring;
	struct zcpool_element element;
	struct zcpool_send arg;
};

static struct sender new_sender(FIXTURE_DATA(life) * self, bool by_ring)
{
	struct sender sender = {
		.fd = self->fd,
		.socket = self->pair[0],
		.by_ring = by_ring,
		.element = slice(0, SIZE),
	};

	if (by_ring)
		io_uring_queue_init(8, &sender.ring, 0);
	return sender;
}

/* Send all of the pool and wait for it, by ioctl or by a thread of io_uring's. */
static long send_and_wait(struct sender *sender)
{
	struct io_uring_cqe *cqe;
	int ret;

	sender->arg = (struct zcpool_send){
		.elements = (uintptr_t)&sender->element,
		.count = 1,
		.fd = sender->socket,
	};
	if (!sender->by_ring)
		return send_vector(sender->fd, sender->socket, &sender->element, 1, 0, NULL);
	prepare_send(&sender->ring, sender->fd, ZCPOOL_IOC_SEND, &sender->arg);
	/* Straight to a thread, where it may wait. */
	sender->ring.sq.sqes[(sender->ring.sq.sqe_tail - 1) & *sender->ring.sq.kring_mask].flags |=
		IOSQE_ASYNC;
	ret = io_uring_submit_and_wait(&sender->ring, 1);
	if (ret < 0 || io_uring_peek_cqe(&sender->ring, &cqe))
		return ret;
	ret = cqe->res;
	io_uring_cqe_seen(&sender->ring, cqe);
	return ret;
}

/* A ring's commands are carried out by threads of io_uring's. */
static void wait_for_sleep(pid_t pid, bool by_ring)
{
	wait_threads_asleep(pid, by_ring ? "iou-wrk" : "", 1);
}

/* Bytes that have come and wait for the reader, or a part of them. */
static bool readable(int socket)
{
	struct pollfd poll_fd = { .fd = socket, .events = POLLIN };

	return poll(&poll_fd, 1, 0) == 1;
}

/* A child in whose SEND the socket is full: it waits when this returns. */
static pid_t wait_in_send(FIXTURE_DATA(life) * self, bool by_ring)
{
	pid_t pid = fork();

	if (!pid) {
		struct sender sender = new_sender(self, by_ring);

		close(self->pair[1]);
		while (send_and_wait(&sender) > 0)
			continue;
		_exit(0);
	}
	close(self->pair[0]);
	self->pair[0] = -1;
	while (!readable(self->pair[1]))
		usleep(1000);
	wait_for_sleep(pid, by_ring);
	return pid;
}

/* The pool lives on in the parent, and does not hold the child's socket. */
TEST_F(life, killed)
{
	pid_t pid = wait_in_send(self, variant->ring);

	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(-1, wait_status(pid));
	ASSERT_GT(expect_bytes_and_end(_metadata, self), 0);
	expect_all_back(_metadata, self);
}

TEST_F(life, peer_ends)
{
	pid_t pid = wait_in_send(self, variant->ring);

	close(self->pair[1]);
	ASSERT_EQ(0, wait_status(pid));
	self->pair[1] = -1;
	expect_all_back(_metadata, self);
}

TEST_F(life, peer_shuts_down)
{
	pid_t pid = wait_in_send(self, variant->ring);

	/* TCP goes on: its peer only takes no more, without a word. */
	ASSERT_EQ(0, shutdown(self->pair[1], SHUT_RD));
	if (variant->connect == tcp_loopback)
		close(self->pair[1]);
	ASSERT_EQ(0, wait_status(pid));
	close(self->pair[1]);
	self->pair[1] = -1;
	expect_all_back(_metadata, self);
}

/* At many points of a SEND under way, the reader reading or not. */
TEST_F(life, killed_at_any_point)
{
	int round;

	for (round = 0; round < rounds(25); round++) {
		const struct timespec soon = { .tv_nsec = round % 13 * 300000 };
		pid_t pid, reader;

		if (round)
			ASSERT_EQ(0, variant->connect(self->pair));
		pid = fork();
		if (!pid) {
			struct sender sender = new_sender(self, variant->ring);

			close(self->pair[1]);
			close(self->signals[0]);
			if (write(self->signals[1], "", 1) != 1)
				_exit(1);
			while (send_and_wait(&sender) > 0)
				continue;
			_exit(0);
		}
		close(self->pair[0]);
		self->pair[0] = -1;
		reader = round % 2 ? fork() : 0;
		if (round % 2 && !reader) {
			expect_bytes_and_end(_metadata, self);
			_exit(_metadata->passed ? 0 : 1);
		}
		ASSERT_EQ(1, read(self->signals[0], self->back, 1));
		nanosleep(&soon, NULL);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		waitpid(pid, NULL, 0);
		if (reader) {
			ASSERT_EQ(0, wait_status(reader));
		} else if (round % 4) {
			expect_bytes_and_end(_metadata, self);
		}
		close(self->pair[1]);
		self->pair[1] = -1;
		expect_all_back(_metadata, self);
	}
}

/* The peer goes at many points, and the program goes on with the next one. */
TEST_F(life, peer_ends_at_any_point)
{
	struct sender sender = new_sender(self, variant->ring);
	int round;

	for (round = 0; round < rounds(25); round++) {
		const struct timespec soon = { .tv_nsec = round % 13 * 300000 };
		pid_t pid;

		if (round)
			ASSERT_EQ(0, variant->connect(self->pair));
		pid = fork();
		if (!pid) {
			close(self->pair[0]);
			nanosleep(&soon, NULL);
			if (round % 2 && read(self->pair[1], self->back, SIZE) < 0)
				_exit(1);
			_exit(0);
		}
		close(self->pair[1]);
		self->pair[1] = -1;
		sender.socket = self->pair[0];
		while (send_and_wait(&sender) > 0)
			continue;
		ASSERT_EQ(0, wait_status(pid));
		close(self->pair[0]);
		expect_all_back(_metadata, self);
	}
	self->pair[0] = -1;
}

struct sending_thread {
	struct sender *sender;
	long ret;
};

static void *run_sender(void *arg)
{
	struct sending_thread *thread = arg;

	thread->ret = send_and_wait(thread->sender);
	return NULL;
}

/* As send() does, a SEND goes on when its descriptor is closed by another thread. */
TEST_F(life, socket_closed_meanwhile)
{
	struct sender sender = new_sender(self, variant->ring);
	struct sending_thread thread = { .sender = &sender };
	pthread_t id;

	ASSERT_EQ(0, pthread_create(&id, NULL, run_sender, &thread));
	while (!readable(self->pair[1]))
		usleep(1000);
	close(self->pair[0]);
	self->pair[0] = -1;
	/* To the end, which comes when the SEND lets go of the socket. */
	ASSERT_EQ(SIZE, expect_bytes_and_end(_metadata, self));
	ASSERT_EQ(0, pthread_join(id, NULL));
	EXPECT_EQ(SIZE, thread.ret);
	expect_all_back(_metadata, self);
}

/* And when the pool's are, and its mapping: it all ends with the SEND. */
TEST_F(life, pool_closed_meanwhile)
{
	struct sender sender = new_sender(self, variant->ring);
	struct sending_thread thread = { .sender = &sender };
	char *expected = malloc(SIZE);
	pthread_t id;

	memcpy(expected, self->map, SIZE);
	ASSERT_EQ(0, pthread_create(&id, NULL, run_sender, &thread));
	while (!readable(self->pair[1]))
		usleep(1000);
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, munmap(self->map, SIZE));
	self->map = NULL;
	EXPECT_BUSY();
	ASSERT_EQ(SIZE, read_full(self->pair[1], self->back, SIZE));
	ASSERT_EQ(0, memcmp(expected, self->back, SIZE));
	ASSERT_EQ(0, pthread_join(id, NULL));
	EXPECT_EQ(SIZE, thread.ret);
	if (variant->ring)
		io_uring_queue_exit(&sender.ring);
	close(self->pair[0]);
	self->pair[0] = -1;
	EXPECT_UNLOAD();
	free(expected);
}

/* Killed while nothing but its SEND has the pool. */
TEST_F(life, module_goes_after_the_last_SEND)
{
	pid_t pid = wait_in_send(self, variant->ring);

	close(self->fd);
	self->fd = -1;
	munmap(self->map, SIZE);
	self->map = NULL;
	EXPECT_BUSY();
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(-1, wait_status(pid));
	EXPECT_UNLOAD();
	/* What was sent is there all the same. */
	while (read(self->pair[1], self->back, SIZE) > 0)
		continue;
}

/* Several commands wait in a ring that goes. */
TEST_F(life, ring_ends)
{
	struct sender sender = new_sender(self, true);
	struct zcpool_send args[4];
	int i;

	if (!variant->ring)
		return;
	for (i = 0; i < 4; i++) {
		args[i] = (struct zcpool_send){
			.elements = (uintptr_t)&sender.element,
			.count = 1,
			.fd = self->pair[0],
		};
		prepare_send(&sender.ring, self->fd, ZCPOOL_IOC_SEND, &args[i]);
	}
	ASSERT_EQ(4, io_uring_submit(&sender.ring));
	while (!readable(self->pair[1]))
		usleep(1000);
	io_uring_queue_exit(&sender.ring);
	close(self->pair[0]);
	self->pair[0] = -1;
	/* The ring's requests, and the socket with them, end in their own time. */
	while (read(self->pair[1], self->back, SIZE) > 0)
		continue;
	expect_all_back(_metadata, self);
}

/* A full socket, so that nothing was sent when the command is cancelled. */
TEST_F(life, ring_cancels)
{
	struct sender sender = new_sender(self, true);
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	int completions, result = 0;

	if (!variant->ring)
		return;
	ASSERT_GT(fill_socket(self->fd, self->pair[0], SIZE), 0);
	sender.arg = (struct zcpool_send){
		.elements = (uintptr_t)&sender.element,
		.count = 1,
		.fd = self->pair[0],
	};
	prepare_send(&sender.ring, self->fd, ZCPOOL_IOC_SEND, &sender.arg);
	ASSERT_EQ(1, io_uring_submit(&sender.ring));
	wait_for_sleep(getpid(), true);
	sqe = io_uring_get_sqe(&sender.ring);
	io_uring_prep_cancel(sqe, NULL, 0);
	sqe->user_data = 2;
	ASSERT_EQ(1, io_uring_submit(&sender.ring));
	for (completions = 0; completions < 2; completions++) {
		ASSERT_EQ(0, io_uring_wait_cqe(&sender.ring, &cqe));
		if (cqe->user_data != 2)
			result = cqe->res;
		io_uring_cqe_seen(&sender.ring, cqe);
	}
	EXPECT_EQ(-EINTR, result);
	io_uring_queue_exit(&sender.ring);
	close(self->pair[0]);
	close(self->pair[1]);
	self->pair[0] = -1;
	self->pair[1] = -1;
	expect_all_back(_metadata, self);
}

/*
 * The pool's descriptor and the sockets themselves in flight in the sockets: nobody
 * can reach them, and the next unix socket that closes has them collected.
 */
TEST(cycle_through_a_socket_is_collected)
{
	struct zcpool_element element = slice(0, 5000);
	int fd = new_pool(BUFFER, COUNT), pair[2], other[2];

	ASSERT_EQ(0, unix_stream(pair));
	ASSERT_EQ(5000, send_vector(fd, pair[0], &element, 1, 0, NULL));
	ASSERT_EQ(5000, send_vector(fd, pair[1], &element, 1, 0, NULL));
	ASSERT_EQ(0, pass(pair[0], fd));
	ASSERT_EQ(0, pass(pair[1], fd));
	ASSERT_EQ(0, pass(pair[0], pair[1]));
	ASSERT_EQ(0, pass(pair[1], pair[0]));
	ASSERT_EQ(5000, send_vector(fd, pair[0], &element, 1, 0, NULL));
	ASSERT_EQ(5000, send_vector(fd, pair[1], &element, 1, 0, NULL));
	close(fd);
	close(pair[0]);
	EXPECT_BUSY();
	close(pair[1]);
	ASSERT_EQ(0, unix_stream(other));
	close(other[0]);
	close(other[1]);
	EXPECT_UNLOAD();
}

TEST_HARNESS_MAIN
