// SPDX-License-Identifier: GPL-2.0-only
/* Ways to send by io_uring what a disk writes into the program's memory by DMA. */
#include <fcntl.h>
#include <liburing.h>
#include <string.h>
#include <sys/socket.h>

#include "census.h"

/* What a completion is of: the number of a buffer is in its lower bits. */
#define SENT 0x100

static struct io_uring ring;
static char *memory;
/* Of each buffer, the notifications that are still to come. */
static unsigned int under_way[BUFFERS];

static void open_ring(struct transfer *transfer)
{
	open_file(transfer, O_DIRECT);
	memory = map_memory(BUFFERS * PIECE);
	MUST(io_uring_queue_init(4 * BUFFERS, &ring, 0));
}

static void open_fixed(struct transfer *transfer)
{
	struct iovec iov[BUFFERS];
	unsigned int i;

	open_ring(transfer);
	for (i = 0; i < BUFFERS; i++)
		iov[i] = (struct iovec){ memory + i * PIECE, PIECE };
	MUST(io_uring_register_buffers(&ring, iov, BUFFERS));
}

/* Takes a completion.  Whether it is the result of an operation, not a notification. */
static bool take(long *result)
{
	struct io_uring_cqe *cqe;
	unsigned int buffer;
	bool notification;

	MUST(io_uring_wait_cqe(&ring, &cqe));
	buffer = cqe->user_data % BUFFERS;
	notification = cqe->flags & IORING_CQE_F_NOTIF;
	under_way[buffer] -= notification;
	under_way[buffer] += !notification && cqe->flags & IORING_CQE_F_MORE;
	*result = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return !notification;
}

/* The result of the operation that was prepared: there is one at a time. */
static long do_prepared(struct io_uring_sqe *sqe, uint64_t user_data)
{
	long result;

	sqe->user_data = user_data;
	MUST(io_uring_submit_and_wait(&ring, 1));
	while (!take(&result))
		;
	/* -1 would be taken for libc's. */
	errno = result < 0 ? -result : 0;
	return result < 0 ? -1 : result;
}

static void wait_buffer(unsigned int buffer)
{
	long result;

	while (under_way[buffer])
		take(&result);
}

/* A buffer that nobody refers to any more, with a piece of the file, changed. */
static unsigned int fill(uint64_t offset, size_t size, bool fixed)
{
	unsigned int buffer = offset / PIECE % BUFFERS;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
	char *data = memory + buffer * PIECE;
	long done;

	wait_buffer(buffer);
	if (fixed)
		io_uring_prep_read_fixed(sqe, file_fd(), data, size, offset, buffer);
	else
		io_uring_prep_read(sqe, file_fd(), data, size, offset);
	done = MUST(do_prepared(sqe, buffer));
	errno = ENODATA;
	MUST(done == (long)size ? 0 : -1);
	content_change(data, size);
	return buffer;
}

static void send_zc_full(struct transfer *transfer, uint64_t offset, size_t size, bool fixed)
{
	unsigned int buffer = fill(offset, size, fixed);
	char *data = memory + buffer * PIECE;

	while (size) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		long done;

		if (fixed)
			io_uring_prep_send_zc_fixed(sqe, transfer->socket, data, size, MSG_WAITALL,
						    0, buffer);
		else
			io_uring_prep_send_zc(sqe, transfer->socket, data, size, MSG_WAITALL, 0);
		done = MUST(do_prepared(sqe, SENT | buffer));
		data += done;
		size -= done;
	}
}

static void send_zc(struct transfer *transfer, uint64_t offset, size_t size)
{
	send_zc_full(transfer, offset, size, false);
}

static void send_zc_fixed(struct transfer *transfer, uint64_t offset, size_t size)
{
	send_zc_full(transfer, offset, size, true);
}

static void send_write_fixed(struct transfer *transfer, uint64_t offset, size_t size)
{
	unsigned int buffer = fill(offset, size, true);
	char *data = memory + buffer * PIECE;

	while (size) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
		long done;

		io_uring_prep_write_fixed(sqe, transfer->socket, data, size, 0, buffer);
		done = MUST(do_prepared(sqe, SENT | buffer));
		data += done;
		size -= done;
	}
}

static void close_ring(struct transfer *transfer)
{
	unsigned int i;

	(void)transfer;
	for (i = 0; i < BUFFERS; i++)
		wait_buffer(i);
}

const struct method uring_methods[] = {
	{
		.name = "io_uring SEND_ZC",
		.what = "io_uring: READ from disk past the page cache, changed, SEND_ZC",
		.knows = "notification",
		.optional = true,
		.open = open_ring,
		.send = send_zc,
		.close = close_ring,
	},
	{
		.name = "io_uring SEND_ZC, fixed",
		.what = "io_uring, fixed buffers: READ_FIXED past the page cache, changed, SEND_ZC",
		.knows = "notification",
		.optional = true,
		.open = open_fixed,
		.send = send_zc_fixed,
		.close = close_ring,
	},
	{
		.name = "io_uring WRITE_FIXED",
		.what = "io_uring, fixed buffers: READ_FIXED past the page cache, changed, "
			"WRITE_FIXED",
		.knows = "copied, at once",
		.optional = true,
		.open = open_fixed,
		.send = send_write_fixed,
	},
	{ 0 },
};
