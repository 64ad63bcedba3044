// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Serve the files of a directory by HTTP/1.1, without copying them: the disk writes
 * them into buffers by DMA (O_DIRECT), and sockets send these by reference.
 *
 *	http-server /usr/share/doc &	curl http://127.0.0.1:8080/bash/copyright
 *
 * A response is one SEND: the head, which is copied, and slices of the file.  What
 * was sent may be evicted at once and its buffers put, for the pool hands out none
 * that a socket still holds.  One thread does it all, by io_uring.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "options.h"
#include "server.h"

#define RING_ENTRIES 256

/* What main() waits for, beside the clients. */
struct signals {
	struct operation operation;
	struct server *server;
	int fd;
};

struct clock {
	struct operation operation;
	struct server *server;
	struct __kernel_timespec second;
};

static void check(int error, const char *what, const char *advice)
{
	if (!error)
		return;
	fprintf(stderr, "http-server: %s: %s%s\n", what, strerror(-error), advice);
	exit(1);
}

/* What helps against the errors that users meet. */
static const char *open_advice(int error)
{
	switch (error) {
	case -ENOENT:
		return "; load the module: modprobe zcpool";
	case -EACCES:
		return "; be a member of group zcpool, or root";
	default:
		return "";
	}
}

static const char *create_advice(int error)
{
	switch (error) {
	case -EDQUOT:
		return "; raise the limit of locked memory (ulimit -l), or lower --pool";
	case -EFBIG:
	case -ENOSPC:
	case -ENOMEM:
		return "; lower --pool";
	case -EINVAL:
		return "; see --pool and --buffer";
	default:
		return "";
	}
}

static void open_pool(struct server *server, const struct options *options)
{
	struct zcpool_create create = {
		.buffer_size = options->buffer_kib * 1024,
		.count = (uint32_t)(options->pool_kib / options->buffer_kib),
	};
	void *map;
	int error;

	error = zcpool_open(0, &server->pool);
	check(error, ZCPOOL_DEVICE, open_advice(error));
	error = zcpool_create(server->pool, &create);
	check(error, "create a pool", create_advice(error));
	check(zcpool_map(server->pool, PROT_READ | PROT_WRITE, &map), "map the pool", "");
}

static void open_ring(struct server *server)
{
	struct io_uring_probe *probe;
	int error = io_uring_queue_init(RING_ENTRIES, &server->ring, 0);

	check(error, "io_uring", error == -EPERM ? "; see sysctl kernel.io_uring_disabled" : "");
	probe = io_uring_get_probe_ring(&server->ring);
	if (!probe || !io_uring_opcode_supported(probe, IORING_OP_URING_CMD))
		check(-EOPNOTSUPP, "io_uring commands", "; they need Linux 5.19");
	io_uring_free_probe(probe);
}

/* A connection takes a descriptor, and another for its file. */
static void raise_files_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void print_statistics(const struct server *server)
{
	const struct statistics *statistics = &server->statistics;
	struct zcpool_query query = { 0 };

	zcpool_query(server->pool, &query);
	printf("connections=%" PRIu64 " requests=%" PRIu64 " sends=%" PRIu64 " sent=%" PRIu64
	       " referenced=%" PRIu64 " copied=%" PRIu64 " read=%" PRIu64 " evicted=%" PRIu64
	       " buffers=%" PRIu32 " cached=%" PRIu32 " owned=%" PRIu32 "\n",
	       statistics->connections, statistics->requests, statistics->sends, statistics->sent,
	       statistics->referenced, statistics->copied, server->windows.read,
	       server->windows.evicted, query.count, server->windows.cached, query.owned);
	fflush(stdout);
}

static void wait_signal(struct signals *signals);

static void signal_done(struct operation *operation, int result)
{
	struct signals *signals = part_of(operation, struct signals, operation);
	struct signalfd_siginfo info;

	(void)result;
	if (read(signals->fd, &info, sizeof(info)) != sizeof(info))
		exit(1);
	if (info.ssi_signo == SIGUSR1)
		print_statistics(signals->server);
	else if (signals->server->stopping)
		exit(1);
	else
		server_stop(signals->server);
	wait_signal(signals);
}

static void wait_signal(struct signals *signals)
{
	signals->operation.done = signal_done;
	ring_poll(&signals->server->ring, &signals->operation, signals->fd, POLLIN);
}

static void open_signals(struct signals *signals)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals->fd = signalfd(-1, &set, SFD_CLOEXEC);
	check(signals->fd < 0 ? -errno : 0, "signalfd", "");
	wait_signal(signals);
}

static void wait_second(struct clock *clock);

static void second_done(struct operation *operation, int result)
{
	struct clock *clock = part_of(operation, struct clock, operation);

	(void)result;
	server_tick(clock->server);
	wait_second(clock);
}

static void wait_second(struct clock *clock)
{
	clock->operation.done = second_done;
	ring_sleep(&clock->server->ring, &clock->operation, &clock->second);
}

static void close_server(struct server *server)
{
	windows_evict_all(&server->windows);
	print_statistics(server);
	io_uring_queue_exit(&server->ring);
	close(server->listener);
	files_close(&server->files);
	zcpool_close(server->pool);
}

int main(int argc, char **argv)
{
	struct options options = options_parse(argc, argv);
	struct server server = {
		.connections = TAILQ_HEAD_INITIALIZER(server.connections),
		.connections_max = options.connections,
		.timeout = options.timeout,
	};
	struct signals signals = { .server = &server };
	struct clock clock = { .server = &server, .second.tv_sec = 1 };
	char where[100];

	check(files_open(&server.files, options.directory), options.directory, "");
	raise_files_limit();
	open_pool(&server, &options);
	open_ring(&server);
	windows_init(&server.windows, &server.ring, server.pool);
	snprintf(where, sizeof(where), "%s port %s", options.address, options.port);
	check(server_listen(&server, options.address, options.port), where, "");
	open_signals(&signals);
	wait_second(&clock);
	printf("Serving %s at %s port %u\n", options.directory, options.address,
	       server_port(&server));
	fflush(stdout);

	while (!server.stopping || server.connected || server.accepting)
		check(ring_run(&server.ring), "io_uring", "");
	close_server(&server);
	return 0;
}
