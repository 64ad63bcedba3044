// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl send: a file by DMA into the pool, from there to a socket by reference. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"
#include "transfer.h"

static const char usage[] =
	"Usage: zcpoolctl send [OPTION...] FILE HOST PORT\n"
	"Read FILE with O_DIRECT into a pool and send it to 'zcpoolctl recv'.\n\n"
	"  -m, --method METHOD     sendfile (default) or splice, which pass references;\n"
	"                          copy: read() and write(), for comparison\n"
	"  -s, --buffer-size SIZE  bytes per buffer, with K, M or G (default 1M)\n"
	"  -n, --buffers COUNT     buffers in the pool (default 4)\n"
	"  -b, --buffered          read by way of the page cache, which copies: for file\n"
	"                          systems without O_DIRECT\n"
	"  -p, --progress          show progress even if stderr is no terminal\n"
	"  -q, --quiet             print errors only\n"
	"  -j, --json              print the result as JSON\n";

/* What O_DIRECT wants of sizes and offsets, at most. */
#define ALIGNMENT 4096

struct send {
	struct common common;
	const char *path;
	const char *method;
	uint64_t buffer_size;
	uint64_t buffers;
	bool buffered;
	struct zcpool *pool;
	int file;
	int socket;
	int pipe[2];
	uint64_t size;
	uint64_t waits;
	struct progress *progress;
};

static int fail_sending(int error)
{
	bool left = error == -EPIPE || error == -ECONNRESET || error == -ETIMEDOUT;

	return fail(left ? EXIT_INCOMPLETE : EXIT_FAILED, "sending failed: %s", strerror(-error));
}

static int write_full(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t done = send(fd, at, size, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		at += done;
		size -= done;
	}
	return 0;
}

/* Pass references to part of the pool to the socket. */
static int pass(struct send *send, uint64_t at, size_t size)
{
	int fd = zcpool_fd(send->pool);
	off_t offset = at;

	while (size) {
		ssize_t done, out = 0, moved;

		if (send->pipe[0] < 0) {
			done = sendfile(send->socket, fd, &offset, size);
		} else {
			done = splice(fd, &offset, send->pipe[1], NULL, size, 0);
			for (; out < done; out += moved) {
				moved = splice(send->pipe[0], NULL, send->socket, NULL, done - out,
					       out + done < (ssize_t)size ? SPLICE_F_MORE : 0);
				if (moved < 0 && errno == EINTR)
					moved = 0;
				else if (moved <= 0)
					return moved ? -errno : -EPIPE;
			}
		}
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -EPIPE;
		size -= done;
	}
	return 0;
}

/* One buffer: read it from the file, send it, give it up. */
static int send_buffer(struct send *send, uint64_t offset)
{
	uint32_t index;
	ssize_t got;
	int error;

	error = zcpool_get(send->pool, &index, 0);
	if (error == -EAGAIN) {
		send->waits++;
		error = zcpool_get(send->pool, &index, -1);
	}
	if (error)
		return fail(EXIT_FAILED, "no buffer: %s", strerror(-error));

	got = pread(send->file, zcpool_addr(send->pool, index), send->buffer_size, offset);
	if (got < 0)
		return fail(EXIT_FAILED, "cannot read %s: %s", send->path, strerror(errno));
	if ((uint64_t)got > send->size - offset)
		got = send->size - offset;
	if (!got || ((uint64_t)got < send->buffer_size && offset + got < send->size))
		return fail(EXIT_INCOMPLETE, "%s became shorter while it was sent", send->path);

	error = pass(send, zcpool_offset(send->pool, index), got);
	if (error)
		return fail_sending(error);
	progress_add(send->progress, got);
	error = zcpool_put(send->pool, index);
	return error ? fail(EXIT_FAILED, "cannot put a buffer: %s", strerror(-error)) : EXIT_OK;
}

/* What CREATE would charge: buffers at their stride, as zcpool(4) has it. */
static uint64_t pool_size(const struct send *send)
{
	const uint64_t large = 2 << 20;
	struct zcpool_query query = { 0 };
	uint64_t stride;

	if (send->buffer_size > large)
		return (send->buffer_size + large - 1) / large * large * send->buffers;
	zcpool_query(send->pool, &query);
	for (stride = 1; stride < query.min_stride || stride < send->buffer_size;)
		stride *= 2;
	return stride * send->buffers;
}

/* Before the receiver hears of it: what can fail here fails here. */
static int open_pool(struct send *send)
{
	struct zcpool_create create = { .buffer_size = send->buffer_size,
					.count = (uint32_t)send->buffers };
	void *map;
	int error;

	error = zcpool_open(0, &send->pool);
	if (error)
		return fail_open(error);
	error = zcpool_create(send->pool, &create);
	if (error)
		return fail_create(error, pool_size(send));
	error = zcpool_map(send->pool, PROT_READ | PROT_WRITE, &map);
	if (error)
		return fail(EXIT_FAILED, "cannot map the pool: %s", strerror(-error));
	return EXIT_OK;
}

static int send_by_pool(struct send *send)
{
	int status = EXIT_OK;
	uint64_t offset;

	for (offset = 0; !status && offset < send->size; offset += send->buffer_size)
		status = send_buffer(send, offset);
	zcpool_close(send->pool);
	return status;
}

static int send_by_copy(struct send *send)
{
	char *buffer = aligned_alloc(ALIGNMENT, send->buffer_size);
	int status = EXIT_OK, error;
	uint64_t offset = 0;

	if (!buffer)
		return fail(EXIT_FAILED, "not enough memory: take a smaller --buffer-size");
	while (!status && offset < send->size) {
		uint64_t left = send->size - offset;
		ssize_t got = read(send->file, buffer,
				   left < send->buffer_size ? left : send->buffer_size);

		if (got < 0) {
			status = fail(EXIT_FAILED, "cannot read %s: %s", send->path,
				      strerror(errno));
		} else if (!got) {
			status = fail(EXIT_INCOMPLETE, "%s became shorter while it was sent",
				      send->path);
		} else {
			error = write_full(send->socket, buffer, got);
			if (error)
				status = fail_sending(error);
			progress_add(send->progress, got);
			offset += got;
		}
	}
	free(buffer);
	return status;
}

/* The receiver says how much it has stored. */
static int check_answer(struct send *send)
{
	struct transfer_answer answer;

	if (recv(send->socket, &answer, sizeof(answer), MSG_WAITALL) != sizeof(answer) ||
	    be64toh(answer.magic) != TRANSFER_MAGIC)
		return fail(EXIT_INCOMPLETE, "the receiver gave no answer");
	if (be64toh(answer.received) != send->size)
		return fail(EXIT_INCOMPLETE, "the receiver stored %llu of %llu bytes",
			    (unsigned long long)be64toh(answer.received),
			    (unsigned long long)send->size);
	return EXIT_OK;
}

static void report(const struct send *send, double seconds)
{
	char size[32], rate[32];

	if (send->common.json) {
		json_begin(NULL);
		json_string("method", send->method);
		json_number("bytes", send->size);
		json_real("seconds", seconds);
		json_number("buffer_size", send->buffer_size);
		json_number("buffers", send->pool ? send->buffers : 0);
		json_number("waits", send->waits);
		json_end();
	} else if (!send->common.quiet) {
		printf("sent %s in %.2f s, %s/s, by %s\n",
		       format_size(send->size, size, sizeof(size)), seconds,
		       format_size(seconds > 0 ? (uint64_t)(send->size / seconds) : 0, rate,
				   sizeof(rate)),
		       send->method);
	}
}

static int transfer(struct send *send)
{
	struct transfer_header header = { htobe64(TRANSFER_MAGIC), htobe64(send->size) };
	double start = now();
	int error, status;

	error = write_full(send->socket, &header, sizeof(header));
	if (error)
		return fail_sending(error);
	send->progress = progress_start(&send->common, "sending", send->size);
	/* By this name tracing knows the thread while it moves the file. */
	prctl(PR_SET_NAME, "zcpool-data");
	status = strcmp(send->method, "copy") ? send_by_pool(send) : send_by_copy(send);
	prctl(PR_SET_NAME, "zcpoolctl");
	if (!status)
		status = check_answer(send);
	progress_stop(send->progress);
	if (!status)
		report(send, now() - start);
	return status;
}

static int open_file(struct send *send)
{
	bool direct = strcmp(send->method, "copy") && !send->buffered;
	struct stat stat_buffer;
	off_t end;

	/* Ahead of open(), which waits for the writer of a pipe. */
	if (stat(send->path, &stat_buffer))
		return fail(EXIT_FAILED, "cannot open %s: %s", send->path, strerror(errno));
	if (!S_ISREG(stat_buffer.st_mode) && !S_ISBLK(stat_buffer.st_mode))
		return fail(EXIT_FAILED, "%s is neither a file nor a disk", send->path);
	send->file = open(send->path, O_RDONLY | O_CLOEXEC | (direct ? O_DIRECT : 0));
	if (send->file < 0 && errno == EINVAL && direct)
		return fail(EXIT_FAILED,
			    "no O_DIRECT on the file system of %s: --buffered reads it with a copy",
			    send->path);
	if (send->file < 0)
		return fail(EXIT_FAILED, "cannot open %s: %s", send->path, strerror(errno));
	end = lseek(send->file, 0, SEEK_END);
	if (end < 0 || lseek(send->file, 0, SEEK_SET))
		return fail(EXIT_FAILED, "cannot tell the size of %s: %s", send->path,
			    strerror(errno));
	send->size = end;
	return EXIT_OK;
}

/* EXIT_OK, EXIT_USAGE, or -1 if there is nothing left to do. */
static int parse(struct send *send, int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_HELP,
		OPTION_JSON,
		OPTION_QUIET,
		OPTION_PROGRESS,
		{ "method", required_argument, NULL, 'm' },
		{ "buffer-size", required_argument, NULL, 's' },
		{ "buffers", required_argument, NULL, 'n' },
		{ "buffered", no_argument, NULL, 'b' },
		{},
	};
	int letter;

	while ((letter = getopt_long(argc, argv, "hjqpm:s:n:b", options, NULL)) != -1) {
		switch (letter) {
		case 'h':
			fputs(usage, stdout);
			return -1;
		case 'm':
			send->method = optarg;
			break;
		case 's':
			if (!parse_size(optarg, &send->buffer_size) ||
			    send->buffer_size % ALIGNMENT || send->buffer_size > 1U << 30)
				return fail_usage(usage, "--buffer-size '%s' is not 4K to 1G by 4K",
						  optarg);
			break;
		case 'n':
			if (!parse_size(optarg, &send->buffers) || send->buffers > 1000000)
				return fail_usage(usage, "--buffers '%s' is not 1 to 1000000",
						  optarg);
			break;
		case 'b':
			send->buffered = true;
			break;
		default:
			if (!parse_common(&send->common, letter))
				return fail_usage(usage, "see the options below");
		}
	}
	if (strcmp(send->method, "sendfile") && strcmp(send->method, "splice") &&
	    strcmp(send->method, "copy"))
		return fail_usage(usage, "no method '%s'", send->method);
	if (argc - optind != 3)
		return fail_usage(usage, "FILE, HOST and PORT are needed");
	send->path = argv[optind];
	return EXIT_OK;
}

int send_command(int argc, char **argv)
{
	struct send send = {
		.method = "sendfile",
		.buffer_size = 1 << 20,
		.buffers = 4,
		.pipe = { -1, -1 },
	};
	int status = parse(&send, argc, argv);

	if (status)
		return status < 0 ? EXIT_OK : status;
	signal(SIGPIPE, SIG_IGN);
	status = open_file(&send);
	if (status)
		return status;
	if (!strcmp(send.method, "splice")) {
		if (pipe2(send.pipe, O_CLOEXEC))
			return fail(EXIT_FAILED, "no pipe: %s", strerror(errno));
		/* As far as the user's limit allows; smaller works as well. */
		fcntl(send.pipe[1], F_SETPIPE_SZ, 1 << 20);
	}
	if (strcmp(send.method, "copy")) {
		status = open_pool(&send);
		if (status)
			return status;
	}
	send.socket = net_connect(argv[optind + 1], argv[optind + 2]);
	if (send.socket < 0)
		return EXIT_FAILED;
	return transfer(&send);
}
