// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring.  Each worker has a ring; its descriptor is also in a slot, for others to
 * poll and pass on.  Requests are counted by their completions.
 */
#include <liburing.h>
#include <poll.h>

#include "calls.h"
#include "fuzz.h"

/* Of completions whose results say nothing. */
#define NO_KIND UINT64_MAX
#define ENTRIES 16

static __thread struct io_uring ring;
static __thread bool have_ring, have_buffers;
/* What was registered last. */
static __thread struct iovec registered[2];

/* The memory of a ring is not the child's. */
void ring_forget(void)
{
	have_ring = false;
}

static void ring_end(void)
{
	if (have_ring)
		io_uring_queue_exit(&ring);
	have_ring = false;
	have_buffers = false;
}

long call_ring_setup(void)
{
	unsigned int flags = ONE_OF(0, 0, 0, IORING_SETUP_SQPOLL, IORING_SETUP_COOP_TASKRUN,
				    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	struct io_uring_params params = { .flags = flags, .sq_thread_idle = 1 };
	int ret;

	ring_end();
	ABOUT("flags=%#lx", flags);
	ret = io_uring_queue_init_params(ENTRIES, &ring, &params);
	if (ret < 0)
		return ret;
	have_ring = true;
	return slot_fill(SLOT_RING, dup(ring.ring_fd), NULL);
}

static long call_ring_end(void)
{
	if (!have_ring)
		return RESULT_NONE;
	ABOUT("", 0);
	ring_end();
	return 0;
}

/* Count what is complete. */
static unsigned int reap(void)
{
	struct io_uring_cqe *cqe;
	unsigned int count = 0;

	while (!io_uring_peek_cqe(&ring, &cqe)) {
		if (cqe->user_data < KINDS_MAX)
			count_result(cqe->user_data, cqe->res);
		io_uring_cqe_seen(&ring, cqe);
		count++;
	}
	return count;
}

static long call_reap(void)
{
	struct __kernel_timespec time = { .tv_nsec = 1 + below(2000000) };
	struct io_uring_cqe *cqe;
	long ret = 0;

	if (!have_ring)
		return call_ring_setup();
	ABOUT("%ld ns", time.tv_nsec);
	if (percent(50))
		ret = io_uring_wait_cqe_timeout(&ring, &cqe, &time);
	return reap() ? 0 : ret;
}

/* A request to fill, or none: then the worker makes its ring. */
static struct io_uring_sqe *request(void)
{
	struct io_uring_sqe *sqe;

	if (!have_ring && call_ring_setup() < 0)
		return NULL;
	sqe = io_uring_get_sqe(&ring);
	if (sqe)
		return sqe;
	io_uring_submit(&ring);
	reap();
	return io_uring_get_sqe(&ring);
}

static long submit(struct io_uring_sqe *sqe, long (*call)(void))
{
	long ret;

	sqe->user_data = kind_number(call);
	if (percent(15))
		sqe->flags |= IOSQE_ASYNC;
	if (percent(4))
		sqe->flags |= ONE_OF(IOSQE_IO_LINK, IOSQE_IO_DRAIN, IOSQE_IO_HARDLINK);
	ABOUT("opcode=%ld fd=%ld flags=%#lx offset=%#lx address=%#lx length=%#lx", sqe->opcode,
	      sqe->fd, sqe->flags, sqe->off, sqe->addr, sqe->len);
	/* Some wait for others. */
	if (percent(15))
		return RESULT_LATER;
	ret = io_uring_submit(&ring);
	reap();
	return ret < 0 ? ret : RESULT_LATER;
}

static long ring_copy(bool write, long (*call)(void))
{
	struct io_uring_sqe *sqe = request();
	int fd = write ? slot_sink() : slot_source();
	unsigned int size = some_length(32 * KIB);
	void *memory;
	uint64_t at;

	if (!sqe)
		return RESULT_NONE;
	memory = POINTER(some_address(size));
	at = percent(50) ? -1ULL : bent(below(64 * KIB));
	if (write)
		io_uring_prep_write(sqe, fd, memory, size, at);
	else
		io_uring_prep_read(sqe, fd, memory, size, at);
	return submit(sqe, call);
}

static long call_ring_read(void)
{
	return ring_copy(false, call_ring_read);
}

static long call_ring_write(void)
{
	return ring_copy(true, call_ring_write);
}

/*
 * Before it looks at the memory, Linux 7.2 allocates a list of all its pages, up to 2 GiB for
 * 1 TiB, page by page: minutes, where every page is checked.
 */
static size_t registered_length(void)
{
	size_t length = bent(PAGE * (1 + below(4)));

	return length <= 1024 * GIB ? length % GIB : length;
}

static long call_ring_register(void)
{
	struct iovec *vector = scratch(2 * sizeof(*vector));
	int i, ret;

	if (!have_ring && call_ring_setup() < 0)
		return RESULT_NONE;
	for (i = 0; i < 2; i++) {
		vector[i].iov_base =
			POINTER(percent(70) ? mapping_some() & -PAGE : U64(scratch(8 * KIB)));
		vector[i].iov_len = registered_length();
	}
	ABOUT("%#lx length=%#lx %#lx length=%#lx", U64(vector[0].iov_base), vector[0].iov_len,
	      U64(vector[1].iov_base), vector[1].iov_len);
	if (percent(80))
		io_uring_unregister_buffers(&ring);
	ret = io_uring_register_buffers(&ring, vector, percent(70) ? 1 : 2);
	if (!ret)
		memcpy(registered, vector, sizeof(registered));
	have_buffers = !ret;
	return ret;
}

/* What was registered, or registered just for this. */
static long call_ring_unregister(void)
{
	struct iovec vector = { scratch(8 * KIB), 8 * KIB };

	if (!have_ring && call_ring_setup() < 0)
		return RESULT_NONE;
	ABOUT("", 0);
	if (!have_buffers && percent(80))
		io_uring_register_buffers(&ring, &vector, 1);
	have_buffers = false;
	return io_uring_unregister_buffers(&ring);
}

static void *some_registered(unsigned int index)
{
	return registered[index < 2 ? index : 0].iov_base + (percent(50) ? 0 : below(2 * KIB));
}

static long ring_copy_fixed(bool write, long (*call)(void))
{
	struct io_uring_sqe *sqe = request();
	int fd = write ? slot_sink() : slot_source(), index = percent(70) ? 0 : bent(1);
	unsigned int size = 1 + below(PAGE);
	void *memory;
	uint64_t at;

	if (!sqe)
		return RESULT_NONE;
	memory = some_registered(index);
	at = percent(60) ? 0 : below(16 * KIB);
	if (write)
		io_uring_prep_write_fixed(sqe, fd, memory, size, at, index);
	else
		io_uring_prep_read_fixed(sqe, fd, memory, size, at, index);
	return submit(sqe, call);
}

static long call_ring_read_fixed(void)
{
	return ring_copy_fixed(false, call_ring_read_fixed);
}

static long call_ring_write_fixed(void)
{
	return ring_copy_fixed(true, call_ring_write_fixed);
}

static long call_ring_poll(void)
{
	struct io_uring_sqe *sqe = request();
	int fd = percent(60) ? slot_of(SLOT_HANDLE) : slot_any();

	if (!sqe)
		return RESULT_NONE;
	io_uring_prep_poll_add(sqe, fd, POLLIN | POLLOUT);
	if (percent(20))
		sqe->len = IORING_POLL_ADD_MULTI;
	return submit(sqe, call_ring_poll);
}

static long call_ring_splice(void)
{
	struct io_uring_sqe *sqe = request();
	bool in = percent(50);
	int from = in ? slot_of(SLOT_HANDLE) : slot_pair(SLOT_PIPE, 0);
	int to = in ? slot_pair(SLOT_PIPE, 1) : slot_sink();

	if (!sqe)
		return RESULT_NONE;
	io_uring_prep_splice(sqe, from, -1, to, -1, some_length(64 * KIB), SPLICE_F_NONBLOCK);
	return submit(sqe, call_ring_splice);
}

/*
 * The thread of a ring with SQPOLL waits at its end until the notification of every
 * SEND_ZC has come, in io_uring_cancel_generic(), and holds the program's descriptors
 * meanwhile.  One of them is the socket whose peer would have to read before the
 * notification can come: neither ever ends, on Linux 6.1, 6.12 and 7.2, whatever
 * memory is sent.
 */
static bool send_zc_ends(void)
{
	return !(ring.flags & IORING_SETUP_SQPOLL);
}

static long call_ring_send(void)
{
	struct io_uring_sqe *sqe = request();
	int fd = slot_of(SLOT_SOCKET);

	if (!sqe)
		return RESULT_NONE;
	if (percent(50) && send_zc_ends())
		io_uring_prep_send_zc(sqe, fd, POINTER(mapping_some()), some_length(32 * KIB),
				      MSG_NOSIGNAL | MSG_DONTWAIT, 0);
	else
		io_uring_prep_send(sqe, fd, POINTER(mapping_some()), some_length(32 * KIB),
				   MSG_NOSIGNAL | MSG_DONTWAIT);
	return submit(sqe, call_ring_send);
}

static long call_ring_recv(void)
{
	struct io_uring_sqe *sqe = request();
	int fd = slot_of(SLOT_SOCKET);

	if (!sqe)
		return RESULT_NONE;
	io_uring_prep_recv(sqe, fd, POINTER(mapping_some()), some_length(32 * KIB),
			   percent(70) ? MSG_DONTWAIT : 0);
	return submit(sqe, call_ring_recv);
}

/* A command of the device: the address of its struct is in the request. */
static long ring_command(struct io_uring_sqe *sqe, int fd, unsigned int number, const void *arg,
			 size_t size, long (*call)(void))
{
	uint64_t address = place(arg, size);

	io_uring_prep_rw(IORING_OP_URING_CMD, sqe, fd, NULL, 0, 0);
	sqe->cmd_op = percent(96) ? number : bent(number);
	memcpy(sqe->cmd, &address, sizeof(address));
	return submit(sqe, call);
}

static long call_ring_get(void)
{
	struct io_uring_sqe *sqe = request();
	int fd = slot_of(SLOT_HANDLE);
	uint32_t index = some_owned(model_of(fd));
	struct zcpool_get get = {
		.indices = some_address(16),
		/* Short, or long enough for something else to end it before. */
		.timeout_ns = percent(40) ? 0 : 1 + below(percent(50) ? 3000000 : 400000000),
		.count = bent(1 + below(4)),
		.flags = flags_of(ZCPOOL_GET_F_NONBLOCK),
	};

	if (!sqe)
		return RESULT_NONE;
	if (percent(model_of(fd)->owned ? 40 : 4)) {
		get.put_indices = place(&index, sizeof(index));
		get.put_count = 1;
	}
	return ring_command(sqe, fd, ZCPOOL_IOC_GET, &get, sizeof(get), call_ring_get);
}

static long call_ring_zcpool_send(void)
{
	struct io_uring_sqe *sqe = request();
	int fd = slot_owner(), count = 1 + below(3), i;
	struct zcpool_element *elements = scratch(count * sizeof(*elements));
	struct zcpool_send send = {
		.count = bent(count),
		.fd = slot_of(SLOT_SOCKET),
		.flags =
			flags_of(ZCPOOL_SEND_F_MORE | ZCPOOL_SEND_F_DONTWAIT | ZCPOOL_SEND_F_SEAL) |
			ZCPOOL_SEND_F_NOSIGNAL,
	};

	if (!sqe)
		return RESULT_NONE;
	for (i = 0; i < count; i++)
		some_slice(model_of(fd), &elements[i].base, &elements[i].length, false);
	send.elements = place(elements, count * sizeof(*elements));
	return ring_command(sqe, fd, ZCPOOL_IOC_SEND, &send, sizeof(send), call_ring_zcpool_send);
}

static long call_ring_cancel(void)
{
	struct io_uring_sqe *sqe = request();
	uint64_t what = kind_number(percent(50) ? call_ring_get : call_ring_poll);
	unsigned int flags = percent(30) ? IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL :
					   flags_of(IORING_ASYNC_CANCEL_ALL);

	if (!sqe)
		return RESULT_NONE;
	io_uring_prep_cancel64(sqe, what, flags);
	return submit(sqe, call_ring_cancel);
}

static long call_ring_sync(void)
{
	struct io_uring_sqe *sqe = request();
	int fd = slot_source();

	if (!sqe)
		return RESULT_NONE;
	if (percent(50))
		io_uring_prep_fsync(sqe, fd, 0);
	else
		io_uring_prep_fallocate(sqe, slot_of(SLOT_HANDLE), 0, 0, below(64 * KIB));
	return submit(sqe, call_ring_sync);
}

static long call_ring_files(void)
{
	int fds[4], i;

	if (!have_ring && call_ring_setup() < 0)
		return RESULT_NONE;
	for (i = 0; i < 4; i++)
		fds[i] = percent(60) ? slot_of(SLOT_HANDLE) : -1;
	ABOUT("%ld %ld %ld %ld", fds[0], fds[1], fds[2], fds[3]);
	if (percent(70))
		io_uring_unregister_files(&ring);
	return io_uring_register_files(&ring, fds, 4);
}

const struct kind ring_kinds[] = {
	{ "io_uring_setup", call_ring_setup, 2 },
	{ "io_uring's end", call_ring_end, 1 },
	{ "io_uring_enter", call_reap, 10 },
	{ "io_uring: READ", call_ring_read, 4 },
	{ "io_uring: WRITE", call_ring_write, 4 },
	{ "io_uring: register buffers", call_ring_register, 4 },
	{ "io_uring: unregister buffers", call_ring_unregister, 1 },
	{ "io_uring: READ_FIXED", call_ring_read_fixed, 6 },
	{ "io_uring: WRITE_FIXED", call_ring_write_fixed, 6 },
	{ "io_uring: POLL_ADD", call_ring_poll, 4 },
	{ "io_uring: SPLICE", call_ring_splice, 4 },
	{ "io_uring: SEND", call_ring_send, 4 },
	{ "io_uring: RECV", call_ring_recv, 4 },
	{ "io_uring: GET", call_ring_get, 8 },
	{ "io_uring: zcpool's SEND", call_ring_zcpool_send, 8 },
	{ "io_uring: ASYNC_CANCEL", call_ring_cancel, 5 },
	{ "io_uring: FSYNC", call_ring_sync, 2 },
	{ "io_uring: register files", call_ring_files, 1 },
	{},
};
