// SPDX-License-Identifier: GPL-2.0-only
/* Receivers: processes that read records in their own way, and check them. */
#include "torture.h"

/* How one reads; NEVER holds what has arrived for a while and goes. */
enum temper {
	AT_ONCE,
	LATE,
	IN_PIECES,
	THROUGH_A_PIPE,
	TEED,
	NEVER,
	DYING,
	TEMPERS
};

struct receiver {
	enum temper temper;
	int fd;
	/* A pipe of its own, and what is in it. */
	int pipe[2];
	size_t in_pipe;
	/* Bytes that came by both ends of a tee. */
	char *teed;
	size_t teed_at, teed_end;
	struct tally *tally;
};

static _Noreturn void end(atomic_ulong *count)
{
	if (count)
		atomic_fetch_add(count, 1);
	_exit(0);
}

/* Move on into a pipe of its own, as a proxy does, and read there. */
static ssize_t take_through_pipe(struct receiver *receiver, void *memory, size_t size)
{
	ssize_t got;

	if (!receiver->in_pipe) {
		got = splice(receiver->fd, NULL, receiver->pipe[1], NULL, 64 * KIB, 0);
		if (got <= 0)
			return got;
		receiver->in_pipe = got;
		doze(20000);
	}
	got = read(receiver->pipe[0], memory, size < receiver->in_pipe ? size : receiver->in_pipe);
	if (got > 0)
		receiver->in_pipe -= got;
	return got;
}

/* Read both copies of what was teed; they are the same, however late. */
static ssize_t take_teed(struct receiver *receiver, void *memory, size_t size)
{
	char *copy = receiver->teed + 64 * KIB;
	ssize_t got;

	if (receiver->teed_at == receiver->teed_end) {
		got = tee(receiver->fd, receiver->pipe[1], 64 * KIB, 0);
		if (got <= 0)
			return got;
		if (read_full(receiver->fd, receiver->teed, got) != (size_t)got)
			return -1;
		doze(20000);
		if (read_full(receiver->pipe[0], copy, got) != (size_t)got)
			return -1;
		if (memcmp(receiver->teed, copy, got))
			end(&receiver->tally->mismatches);
		receiver->teed_at = 0;
		receiver->teed_end = got;
	}
	if (size > receiver->teed_end - receiver->teed_at)
		size = receiver->teed_end - receiver->teed_at;
	memcpy(memory, receiver->teed + receiver->teed_at, size);
	receiver->teed_at += size;
	return size;
}

static ssize_t take(struct receiver *receiver, void *memory, size_t size)
{
	switch (receiver->temper) {
	case LATE:
		doze(20000);
		return read(receiver->fd, memory, size);
	case IN_PIECES:
		if (!chance(16))
			doze(10000);
		return read(receiver->fd, memory, size < 700 ? size : chance(700) + 1);
	case THROUGH_A_PIPE:
		return take_through_pipe(receiver, memory, size);
	case TEED:
		return take_teed(receiver, memory, size);
	default:
		return read(receiver->fd, memory, size);
	}
}

/* Take exactly size bytes, or find that there is an end. */
static size_t take_full(struct receiver *receiver, char *memory, size_t size)
{
	size_t done = 0;
	ssize_t got;

	while (done < size && (got = take(receiver, memory + done, size - done)) > 0)
		done += got;
	return done;
}

static void receive_record(struct receiver *receiver, char *memory)
{
	struct record *record = (struct record *)memory;
	size_t rest, got = take_full(receiver, memory, sizeof(*record));

	if (!got)
		end(NULL);
	if (got < sizeof(*record))
		end(&receiver->tally->cut);
	if (!record_begins(record))
		end(&receiver->tally->mismatches);
	rest = record->length - sizeof(*record);
	if (receiver->temper == DYING && !chance(10)) {
		take_full(receiver, memory + sizeof(*record), chance(rest + 1));
		end(&receiver->tally->cut);
	}
	if (take_full(receiver, memory + sizeof(*record), rest) < rest)
		end(&receiver->tally->cut);
	if (!record_is_sound(memory))
		end(&receiver->tally->mismatches);
	atomic_fetch_add(&receiver->tally->sound, 1);
}

/* A datagram is a record; there is no end, but silence. */
static void receive_datagram(struct receiver *receiver, char *memory)
{
	ssize_t got;

	if (receiver->temper != AT_ONCE)
		doze(20000);
	got = recv(receiver->fd, memory, BUFFER, 0);
	if (got < 0)
		end(NULL);
	if ((size_t)got < sizeof(struct record) || !record_is_sound(memory) ||
	    ((struct record *)memory)->length != (uint64_t)got)
		end(&receiver->tally->mismatches);
	atomic_fetch_add(&receiver->tally->sound, 1);
}

static bool is_pipe(int fd)
{
	return fcntl(fd, F_GETPIPE_SZ) > 0;
}

void receive(const struct exit *exit, struct tally *tally, int fd)
{
	const struct timeval silence = { .tv_usec = 300000 };
	struct receiver receiver = {
		.temper = chance(TEMPERS),
		.fd = 3,
		.tally = tally,
		.teed = malloc(128 * KIB),
	};
	char *memory = malloc(BUFFER);

	/* Nothing of the sender's, lest its end never shows. */
	if (dup2(fd, 3) < 0 || syscall(SYS_close_range, 4, ~0U, 0) || pipe(receiver.pipe) ||
	    !memory || !receiver.teed)
		_exit(1);
	if (receiver.temper == TEED && !is_pipe(receiver.fd))
		receiver.temper = THROUGH_A_PIPE;
	if (receiver.temper == NEVER) {
		doze(1000000);
		_exit(0);
	}
	if (exit->datagrams)
		setsockopt(receiver.fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
	for (;;) {
		if (exit->datagrams)
			receive_datagram(&receiver, memory);
		else
			receive_record(&receiver, memory);
	}
}
