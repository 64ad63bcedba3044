// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * A log as message brokers keep it: records are appended to segments in memory, and each
 * consumer is sent the log by sendfile(), at its own pace, from the very same pages.  A
 * segment that all consumers have been sent is given up, and is there again for new
 * records when the network has let go of it: who is slow holds up only what it needs.
 *
 *	nc -l 9000 >a & nc -l 9001 >b &	commit-log 127.0.0.1 9000 9001 <records
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zcpool.h>

#define SEGMENT_SIZE (64 * 1024)
#define SEGMENTS 16
#define CONSUMERS 8
/* Most of a record that is appended at once. */
#define RECORD_SIZE 512

struct segment {
	uint32_t index;
	size_t length;
};

struct consumer {
	int fd;
	unsigned long segment;
	size_t offset;
};

/* Segments are counted from the log's beginning: [first, end) are in memory. */
struct log {
	struct zcpool *pool;
	struct segment segments[SEGMENTS];
	unsigned long first, end;
	bool complete;
	struct consumer consumers[CONSUMERS];
	int nr_consumers;
};

static void check(int error, const char *what)
{
	if (error >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-error));
	exit(1);
}

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct segment *segment_of(struct log *log, unsigned long number)
{
	return &log->segments[number % SEGMENTS];
}

/* Whether there is room for a record, in the last segment or in a new one. */
static bool log_has_room(struct log *log)
{
	struct segment *segment;
	int error;

	if (log->end > log->first && segment_of(log, log->end - 1)->length < SEGMENT_SIZE)
		return true;
	if (log->end - log->first == SEGMENTS)
		return false;
	segment = segment_of(log, log->end);
	error = zcpool_get(log->pool, &segment->index, 0);
	if (error == -EAGAIN)
		return false;
	check(error, "get a segment");
	segment->length = 0;
	log->end++;
	return true;
}

/* Records are small, and written where they will be sent from. */
static void log_append(struct log *log)
{
	struct segment *segment = segment_of(log, log->end - 1);
	size_t room = SEGMENT_SIZE - segment->length;
	char *place = (char *)zcpool_addr(log->pool, segment->index) + segment->length;
	ssize_t got = read(STDIN_FILENO, place, room < RECORD_SIZE ? room : RECORD_SIZE);

	if (got < 0)
		fail("standard input");
	segment->length += got;
	log->complete = !got;
}

static bool has_backlog(struct log *log, const struct consumer *consumer)
{
	return consumer->segment < log->end &&
	       consumer->offset < segment_of(log, consumer->segment)->length;
}

static void log_send(struct log *log, struct consumer *consumer)
{
	struct segment *segment = segment_of(log, consumer->segment);
	off_t offset = zcpool_offset(log->pool, segment->index) + consumer->offset;
	ssize_t sent;

	sent = sendfile(consumer->fd, zcpool_fd(log->pool), &offset,
			segment->length - consumer->offset);
	if (sent < 0 && errno != EAGAIN)
		fail("sendfile");
	if (sent > 0)
		consumer->offset += sent;
	if (consumer->offset == SEGMENT_SIZE) {
		consumer->segment++;
		consumer->offset = 0;
	}
}

/* Give up what all consumers have been sent.  When it is free is for the pool to say. */
static void log_trim(struct log *log)
{
	unsigned long needed = log->end;
	int i;

	for (i = 0; i < log->nr_consumers; i++)
		if (log->consumers[i].segment < needed)
			needed = log->consumers[i].segment;
	for (; log->first < needed; log->first++)
		check(zcpool_put(log->pool, segment_of(log, log->first)->index), "put");
}

/* One round; whether there is something left to do. */
static bool log_run(struct log *log)
{
	struct pollfd fds[CONSUMERS + 2] = { { 0 } };
	bool backlog = false, room;
	int i;

	room = !log->complete && log_has_room(log);
	for (i = 0; i < log->nr_consumers; i++) {
		bool behind = has_backlog(log, &log->consumers[i]);

		fds[i] = (struct pollfd){
			.fd = behind ? log->consumers[i].fd : -1,
			.events = POLLOUT,
		};
		backlog |= behind;
	}
	if (log->complete && !backlog)
		return false;
	fds[i] = (struct pollfd){ .fd = room ? STDIN_FILENO : -1, .events = POLLIN };
	/* POLLOUT of a pool: a buffer is free.  Full of what is needed, it does not help. */
	fds[i + 1] = (struct pollfd){
		.fd = room || log->complete || log->end - log->first == SEGMENTS ?
			      -1 :
			      zcpool_fd(log->pool),
		.events = POLLOUT,
	};
	if (poll(fds, log->nr_consumers + 2, -1) < 0)
		fail("poll");
	if (fds[i].revents)
		log_append(log);
	for (i = 0; i < log->nr_consumers; i++)
		if (fds[i].revents)
			log_send(log, &log->consumers[i]);
	log_trim(log);
	check(zcpool_flush(log->pool), "put");
	return true;
}

int main(int argc, char **argv)
{
	struct zcpool_create create = { .buffer_size = SEGMENT_SIZE, .count = SEGMENTS };
	struct sockaddr_in to = { .sin_family = AF_INET };
	static struct log log;
	void *map;
	int i;

	if (argc < 3 || argc - 2 > CONSUMERS || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		printf("Usage: %s ADDRESS PORT... <FILE\n", argv[0]);
		return argc == 2 && !strcmp(argv[1], "--help") ? 0 : 2;
	}
	check(zcpool_open(0, &log.pool), "open /dev/zcpool");
	check(zcpool_create(log.pool, &create), "create a pool");
	check(zcpool_map(log.pool, PROT_READ | PROT_WRITE, &map), "map");
	for (i = 2; i < argc; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		to.sin_port = htons(atoi(argv[i]));
		if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
			fail(argv[i]);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		log.consumers[log.nr_consumers++].fd = fd;
	}
	while (log_run(&log))
		;
	zcpool_close(log.pool);
	return 0;
}
