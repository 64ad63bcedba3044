// SPDX-License-Identifier: GPL-2.0-only
/*
 * libzcpool between processes: shares, handles of one's own, buffers handed over; and
 * what magazines hold is in nobody's way.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "library.h"
#include "reload.h"

#include "harness.h"

#define STRIDE (8 * KIB)
#define COUNT 64U

/* Of the thread that puts: a buffer, and how far it is. */
static atomic_uint shared_index, shared_done;

/* A second handle of a pool, NULL if there is none. */
static struct zcpool *attached(struct zcpool *pool, uint32_t queue_max)
{
	int share = zcpool_share(pool, 0);
	struct zcpool *other = NULL;

	zcpool_attach(share, 0, queue_max, &other);
	close(share);
	return other;
}

static int open_descriptors(void)
{
	int fd, nr = 0;

	for (fd = 0; fd < 256; fd++)
		nr += fcntl(fd, F_GETFD) >= 0;
	return nr;
}

FIXTURE(pair)
{
	struct zcpool *from, *to;
};

FIXTURE_SETUP(pair)
{
	self->from = library_pool(STRIDE, COUNT);
	ASSERT_NE(NULL, self->from);
	self->to = attached(self->from, 0);
	ASSERT_NE(NULL, self->to);
}

FIXTURE_TEARDOWN(pair)
{
	struct zcpool_query q = { 0 };

	/* Whatever a test did, nothing is lost. */
	zcpool_close(self->to);
	ASSERT_EQ(0, zcpool_flush(self->from));
	ASSERT_EQ(0, zcpool_query(self->from, &q));
	EXPECT_EQ(q.owned, q.owned_total);
	EXPECT_EQ(COUNT, q.owned + q.unowned);
	zcpool_close(self->from);
}

TEST_F(pair, geometry_and_number)
{
	EXPECT_EQ(COUNT, zcpool_count(self->to));
	EXPECT_EQ(STRIDE, zcpool_stride(self->to));
	EXPECT_GT(zcpool_handle_number(self->from), 0);
	EXPECT_GT(zcpool_handle_number(self->to), 0);
	EXPECT_NE(zcpool_handle_number(self->from), zcpool_handle_number(self->to));
	EXPECT_EQ(FD_CLOEXEC, fcntl(zcpool_fd(self->to), F_GETFD));
}

TEST_F(pair, errors_of_share_and_attach)
{
	int share = zcpool_share(self->from, 0), null = open("/dev/null", O_RDWR), before;
	struct zcpool *pool = (void *)1, *read_only;
	void *map;

	ASSERT_EQ(0, zcpool_open(0, &pool));
	EXPECT_EQ(0, zcpool_handle_number(pool));
	EXPECT_EQ(-ENXIO, zcpool_share(pool, 0));
	zcpool_close(pool);
	EXPECT_EQ(-EINVAL, zcpool_share(self->from, 2));

	pool = (void *)1;
	before = open_descriptors();
	EXPECT_EQ(-EINVAL, zcpool_attach(share, O_APPEND, 0, &pool));
	EXPECT_EQ(-EBADF, zcpool_attach(-1, 0, 0, &pool));
	EXPECT_EQ(-EINVAL, zcpool_attach(null, 0, 0, &pool));
	EXPECT_EQ(-EINVAL, zcpool_attach(zcpool_fd(self->from), 0, 0, &pool));
	allocations_left = 0;
	EXPECT_EQ(-ENOMEM, zcpool_attach(share, 0, 0, &pool));
	EXPECT_EQ((void *)1, pool);
	EXPECT_EQ(before, open_descriptors());
	close(share);
	close(null);

	share = zcpool_share(self->from, ZCPOOL_SHARE_F_READ_ONLY);
	ASSERT_EQ(0, zcpool_attach(share, O_NONBLOCK, 0, &read_only));
	close(share);
	EXPECT_EQ(-EACCES, zcpool_map(read_only, PROT_READ | PROT_WRITE, &map));
	EXPECT_EQ(0, zcpool_map(read_only, PROT_READ, &map));
	EXPECT_EQ(-EAGAIN, zcpool_receive(read_only, &(struct zcpool_item){ 0 }, 1, -1));
	zcpool_close(read_only);
}

TEST_F(pair, in_order_with_tags)
{
	uint32_t number = zcpool_handle_number(self->to), indices[COUNT], done = 99, i;
	struct zcpool_item items[COUNT], back[COUNT];

	ASSERT_EQ(COUNT, zcpool_get_batch(self->from, indices, COUNT, 0));
	for (i = 0; i < COUNT; i++)
		items[i] = (struct zcpool_item){ .index = indices[i], .tag = ~0ULL - i };
	ASSERT_EQ(0, zcpool_transfer(self->from, number, items, COUNT, &done));
	ASSERT_EQ(COUNT, done);
	ASSERT_EQ(10, zcpool_receive(self->to, back, 10, 0));
	ASSERT_EQ(COUNT - 10, zcpool_receive(self->to, back + 10, COUNT, -1));
	ASSERT_EQ(0, memcmp(items, back, sizeof(items)));
	ASSERT_EQ(0, zcpool_put_batch(self->to, indices, COUNT, NULL));
}

TEST_F(pair, errors_of_transfer_and_receive)
{
	struct zcpool_item items[] = { { .index = 0 }, { .index = 1 }, { .index = COUNT } }, item;
	struct zcpool *small = attached(self->from, 1), *none;
	uint32_t number = zcpool_handle_number(self->to), indices[COUNT], done = 99;

	ASSERT_EQ(COUNT, zcpool_get_batch(self->from, indices, COUNT, 0));
	ASSERT_EQ(-EAGAIN, zcpool_receive(self->to, &item, 1, 0));
	ASSERT_EQ(-ETIMEDOUT, zcpool_receive(self->to, &item, 1, NS_PER_MS));
	ASSERT_EQ(-EINVAL, zcpool_receive(self->to, &item, 0, 0));
	ASSERT_EQ(-EINVAL, zcpool_transfer(self->from, number, items, 0, &done));
	ASSERT_EQ(0, done);
	done = 99;
	ASSERT_EQ(-ESRCH, zcpool_transfer(self->from, 0, items, 1, &done));
	ASSERT_EQ(0, done);
	ASSERT_EQ(-EFAULT, zcpool_transfer(self->from, number, nowhere, 1, &done));
	ASSERT_EQ(0, done);
	ASSERT_EQ(-EAGAIN,
		  zcpool_transfer(self->from, zcpool_handle_number(small), items, 2, &done));
	ASSERT_EQ(1, done);
	ASSERT_EQ(-ERANGE, zcpool_transfer(self->from, number, items + 1, 2, &done));
	ASSERT_EQ(1, done);
	ASSERT_EQ(-EPERM, zcpool_transfer(self->from, number, items, 1, NULL));
	ASSERT_EQ(-EFAULT, zcpool_receive(self->to, nowhere, 1, 0));
	ASSERT_EQ(1, zcpool_receive(self->to, &item, 1, 0));
	ASSERT_EQ(0, zcpool_open(0, &none));
	ASSERT_EQ(-ENXIO, zcpool_transfer(none, number, items, 1, &done));
	ASSERT_EQ(0, done);
	ASSERT_EQ(-ENXIO, zcpool_receive(none, &item, 1, -1));
	zcpool_close(none);
	zcpool_close(small);
}

/* What zcpool_get() handed out is the caller's; what else the magazine holds stays there. */
TEST_F(pair, out_of_a_magazine)
{
	struct zcpool_item item = { 0 }, back;
	uint32_t i, owned;

	for (i = 0; i < 3 * COUNT; i++) {
		ASSERT_EQ(0, zcpool_get(self->from, &item.index, 0));
		owned = kernel_owned(self->from);
		ASSERT_EQ(0, zcpool_transfer(self->from, zcpool_handle_number(self->to), &item, 1,
					     NULL));
		ASSERT_EQ(owned - 1, kernel_owned(self->from));
		ASSERT_EQ(1, zcpool_receive(self->to, &back, 1, 0));
		ASSERT_EQ(item.index, back.index);
		ASSERT_EQ(0, zcpool_put(self->to, back.index));
	}
}

static void *put_thread(void *pool)
{
	uint32_t index;

	/* Stays in this thread's magazine until the thread ends. */
	if (zcpool_get(pool, &index, 0) || zcpool_put(pool, index))
		abort();
	shared_index = index;
	shared_done = 1;
	while (shared_done == 1)
		usleep(1000);
	return NULL;
}

/* A put that is deferred is a put: nothing is handed over that is nobody's. */
TEST_F(pair, what_was_put_is_EPERM)
{
	uint32_t number = zcpool_handle_number(self->to);
	struct zcpool_item item = { 0 };
	pthread_t thread;

	ASSERT_EQ(0, zcpool_get(self->from, &item.index, 0));
	ASSERT_EQ(0, zcpool_put(self->from, item.index));
	ASSERT_EQ(-EPERM, zcpool_transfer(self->from, number, &item, 1, NULL));
	ASSERT_EQ(0, zcpool_flush(self->from));

	shared_done = 0;
	ASSERT_EQ(0, pthread_create(&thread, NULL, put_thread, self->from));
	while (!shared_done)
		usleep(1000);
	item.index = shared_index;
	EXPECT_EQ(-EPERM, zcpool_transfer(self->from, number, &item, 1, NULL));
	shared_done = 2;
	pthread_join(thread, NULL);
	ASSERT_EQ(-EAGAIN, zcpool_receive(self->to, &item, 1, 0));
}

/* Another process waits for buffers; this one, which waits for it, keeps none back. */
TEST_F(pair, who_waits_keeps_nothing_back)
{
	uint32_t number = zcpool_handle_number(self->to), index, all[COUNT];
	struct zcpool_item item;
	pid_t child;

	ASSERT_EQ(0, zcpool_get(self->to, &index, 0));
	ASSERT_EQ(0, zcpool_put(self->to, index));
	ASSERT_GT(kernel_owned(self->to), 1);
	child = fork();
	if (!child) {
		uint32_t got = 0;

		/* All, and then it hands one over. */
		while (got < COUNT)
			got += zcpool_get_batch(self->from, all + got, COUNT - got, -1);
		item = (struct zcpool_item){ .index = 7, .tag = 77 };
		_exit(zcpool_transfer(self->from, number, &item, 1, NULL) ? 1 : 0);
	}
	ASSERT_EQ(1, zcpool_receive(self->to, &item, 1, -1));
	EXPECT_EQ(77, item.tag);
	ASSERT_EQ(0, wait_status(child));
	ASSERT_EQ(0, zcpool_put(self->to, item.index));
}

static void *receive_thread(void *pool)
{
	struct zcpool_item item;

	return (void *)(long)zcpool_receive(pool, &item, 1, -1);
}

/* While a thread waits, what the others put goes to the kernel at once. */
TEST_F(pair, puts_while_a_thread_waits)
{
	struct zcpool_item item = { 0 };
	uint32_t index, owned;
	pthread_t thread;
	void *result;

	ASSERT_EQ(0, zcpool_get(self->to, &index, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, receive_thread, self->to));
	/* It empties the magazine before it sleeps. */
	while (kernel_owned(self->to) > 1)
		usleep(1000);
	ASSERT_EQ(0, zcpool_put(self->to, index));
	EXPECT_EQ(0, kernel_owned(self->to));
	ASSERT_EQ(0, zcpool_get(self->from, &item.index, 0));
	ASSERT_EQ(0, zcpool_transfer(self->from, zcpool_handle_number(self->to), &item, 1, NULL));
	ASSERT_EQ(0, pthread_join(thread, &result));
	EXPECT_EQ(1, (long)result);
	/* And then no more. */
	ASSERT_EQ(0, zcpool_put(self->to, item.index));
	owned = kernel_owned(self->to);
	EXPECT_EQ(1, owned);
	ASSERT_EQ(0, zcpool_flush(self->to));
}

TEST_F(pair, slices_of_what_was_received)
{
	struct zcpool_slice *slice, *sub;
	struct zcpool_item item = { .tag = 100 };
	void *map;

	ASSERT_EQ(0, zcpool_map(self->from, PROT_READ | PROT_WRITE, &map));
	ASSERT_EQ(0, zcpool_map(self->to, PROT_READ | PROT_WRITE, &map));
	ASSERT_EQ(0, zcpool_get(self->from, &item.index, 0));
	strcpy(zcpool_addr(self->from, item.index), "handed over");
	ASSERT_EQ(0, zcpool_transfer(self->from, zcpool_handle_number(self->to), &item, 1, NULL));
	ASSERT_EQ(1, zcpool_receive(self->to, &item, 1, 0));
	ASSERT_EQ(0, zcpool_slice_create(self->to, item.index, 0, item.tag, &slice));
	EXPECT_STREQ("handed over", zcpool_slice_addr(slice));
	ASSERT_EQ(0, zcpool_slice_sub(slice, 7, 4, &sub));
	ASSERT_EQ(0, zcpool_slice_release(slice));
	EXPECT_EQ(1, kernel_owned(self->to));
	ASSERT_EQ(0, zcpool_slice_release(sub));
	ASSERT_EQ(0, zcpool_flush(self->to));
	EXPECT_EQ(0, kernel_owned(self->to));
}

#define THREADS 4
#define ROUNDS 500

static struct zcpool *source, *sink;
static atomic_int seen[THREADS * ROUNDS];
static atomic_int received;

static void *produce(void *arg)
{
	uint64_t tag = (uintptr_t)arg * ROUNDS;
	uint32_t number = zcpool_handle_number(sink);
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct zcpool_item item = { .tag = tag + i };

		if (zcpool_get(source, &item.index, -1) ||
		    zcpool_transfer(source, number, &item, 1, NULL))
			abort();
	}
	return NULL;
}

static void *consume(void *arg)
{
	struct zcpool_item items[3];
	int got, i;

	while (atomic_load(&received) < THREADS * ROUNDS) {
		got = zcpool_receive(sink, items, 3, 100 * NS_PER_MS);
		if (got < 0 && got != -ETIMEDOUT)
			return (void *)(long)got;
		for (i = 0; i < got; i++) {
			atomic_fetch_add(&seen[items[i].tag], 1);
			atomic_fetch_add(&received, 1);
			if (zcpool_put(sink, items[i].index))
				abort();
		}
	}
	return NULL;
}

/* Each once, whoever waits for whom. */
TEST_F(pair, threads)
{
	pthread_t threads[2 * THREADS];
	void *result;
	long i;

	source = self->from;
	sink = self->to;
	for (i = 0; i < THREADS; i++) {
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, produce, (void *)i));
		ASSERT_EQ(0, pthread_create(&threads[THREADS + i], NULL, consume, NULL));
	}
	for (i = 0; i < 2 * THREADS; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], &result));
		EXPECT_EQ(0, (long)result);
	}
	EXPECT_EQ(THREADS * ROUNDS, received);
	for (i = 0; i < THREADS * ROUNDS; i++)
		ASSERT_EQ(1, seen[i]);
	EXPECT_EQ(0, kernel_owned(sink));
}

/* A descriptor that came with a byte. */
static int take(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

#define LAST UINT64_MAX

/* What another program does, which knows of the pool by its share alone. */
static int check_and_answer(int socket)
{
	int share = take(socket), got, i;
	struct zcpool_item items[5];
	uint32_t number, to;
	struct zcpool *pool;
	void *map;

	if (zcpool_attach(share, 0, 0, &pool) || zcpool_map(pool, PROT_READ, &map))
		return 1;
	close(share);
	number = zcpool_handle_number(pool);
	if (write(socket, &number, 4) != 4 || read(socket, &to, 4) != 4)
		return 2;
	while ((got = zcpool_receive(pool, items, 5, -1)) > 0) {
		for (i = 0; i < got && items[i].tag != LAST; i++) {
			uint64_t *words = zcpool_addr(pool, items[i].index);

			if (words[0] != items[i].tag || words[STRIDE / 8 - 1] != items[i].tag)
				return 3;
		}
		if (i < got)
			break;
		/* One it answers with, the others it puts. */
		if (zcpool_transfer(pool, to, items, 1, NULL))
			return 4;
		for (i = 1; i < got; i++)
			if (zcpool_put(pool, items[i].index))
				return 5;
	}
	zcpool_close(pool);
	return got > 0 ? 0 : 6;
}

static int answers(struct zcpool *pool, uint32_t *answered)
{
	struct zcpool_item item;
	int error = 0;

	while (!error && zcpool_receive(pool, &item, 1, 0) == 1) {
		++*answered;
		error = zcpool_put(pool, item.index);
	}
	return error;
}

TEST(another_process_by_SCM_RIGHTS)
{
	const uint64_t tags = rounds(5000);
	struct zcpool_item item = { 0 };
	uint32_t number, own, answered = 0;
	struct zcpool *pool;
	int pair[2], share;
	pid_t child;
	void *map;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	child = fork();
	if (!child)
		_exit(check_and_answer(pair[1]));
	close(pair[1]);
	pool = library_pool(STRIDE, 16);
	ASSERT_EQ(0, zcpool_map(pool, PROT_READ | PROT_WRITE, &map));
	share = zcpool_share(pool, ZCPOOL_SHARE_F_READ_ONLY);
	ASSERT_EQ(0, pass(pair[0], share));
	close(share);
	ASSERT_EQ(4, read(pair[0], &number, 4));
	own = zcpool_handle_number(pool);
	ASSERT_EQ(4, write(pair[0], &own, 4));
	for (item.tag = 0; item.tag < tags; item.tag++) {
		uint64_t *words;

		/* Who waits for buffers takes the answers, which are buffers. */
		while (zcpool_get(pool, &item.index, NS_PER_MS))
			ASSERT_EQ(0, answers(pool, &answered));
		words = zcpool_addr(pool, item.index);
		words[0] = item.tag;
		words[STRIDE / 8 - 1] = item.tag;
		ASSERT_EQ(0, zcpool_transfer(pool, number, &item, 1, NULL));
	}
	while (zcpool_get(pool, &item.index, NS_PER_MS))
		ASSERT_EQ(0, answers(pool, &answered));
	item.tag = LAST;
	ASSERT_EQ(0, zcpool_transfer(pool, number, &item, 1, NULL));
	ASSERT_EQ(0, wait_status(child));
	ASSERT_EQ(0, answers(pool, &answered));
	EXPECT_GT(answered, (tags - 16) / 5);
	ASSERT_EQ(0, zcpool_flush(pool));
	EXPECT_EQ(0, kernel_owned(pool));
	zcpool_close(pool);
	close(pair[0]);
}

/* The child of a fork has the parent's handle, and by a share one of its own. */
TEST(fork_and_attach)
{
	struct zcpool *pool = library_pool(STRIDE, COUNT), *own;
	int share = zcpool_share(pool, 0), status;
	uint32_t index, before;
	struct zcpool_query q = { 0 };

	ASSERT_EQ(0, zcpool_get(pool, &index, 0));
	before = kernel_owned(pool);
	if (!fork()) {
		zcpool_close(pool);
		status = zcpool_attach(share, 0, 0, &own) ||
			 zcpool_put_batch(own, &index, 1, NULL) != -EPERM ||
			 zcpool_get(own, &index, 0);
		/* Killed with a full magazine. */
		kill(getpid(), status ? SIGTERM : SIGKILL);
	}
	wait(&status);
	ASSERT_EQ(SIGKILL, WTERMSIG(status));
	ASSERT_EQ(0, zcpool_query(pool, &q));
	EXPECT_EQ(before, q.owned);
	EXPECT_EQ(before, q.owned_total);
	close(share);
	zcpool_close(pool);
}

/* Whatever a consumer had, or was to have, comes back when it is killed. */
TEST(a_consumer_is_killed)
{
	struct zcpool *pool = library_pool(STRIDE, 8), *own;
	int share = zcpool_share(pool, 0), pipes[2], round, error;
	uint32_t number, indices[8];

	for (round = 0; round < rounds(20); round++) {
		struct zcpool_item item = { 0 };
		pid_t child;

		ASSERT_EQ(0, pipe(pipes));
		child = fork();
		if (!child) {
			zcpool_close(pool);
			if (zcpool_attach(share, 0, 2, &own))
				_exit(1);
			number = zcpool_handle_number(own);
			write(pipes[1], &number, 4);
			while (zcpool_receive(own, &item, 1, -1) == 1)
				if (item.tag % 2)
					zcpool_put(own, item.index);
			_exit(1);
		}
		ASSERT_EQ(4, read(pipes[0], &number, 4));
		close(pipes[0]);
		close(pipes[1]);
		error = 0;
		for (item.tag = 0; error != -ESRCH; item.tag++) {
			if (item.tag == 10)
				kill(child, SIGKILL);
			/* It keeps every other one: this waits until it is killed. */
			ASSERT_EQ(0, zcpool_get(pool, &item.index, -1));
			do
				error = zcpool_transfer(pool, number, &item, 1, NULL);
			while (error == -EAGAIN && !usleep(100));
			if (error)
				ASSERT_EQ(0, zcpool_put(pool, item.index));
		}
		ASSERT_EQ(-1, wait_status(child));
	}
	ASSERT_EQ(0, zcpool_flush(pool));
	ASSERT_EQ(8, zcpool_get_batch(pool, indices, 8, 0));
	close(share);
	zcpool_close(pool);
}

TEST_HARNESS_MAIN
