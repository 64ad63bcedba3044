// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether an owner can know that memory which was sent is not read any more.
 *
 * The memory is sent, by every way that takes it, to a reader who does not read yet.  The
 * peer's own call is asked whether the memory is held or, of who has none, what the kernel
 * has for the way: what a socket has not sent yet, what is in a pipe, MSG_ZEROCOPY's
 * completion.  If it says "not held", now or within some time, the memory is changed: who
 * reads the change was lied about.  If it goes on saying "held", the reader reads, and then
 * it must come to say "not held".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "probe.h"

/* How long "held" has to last if nobody reads, and to end if somebody did, ms. */
#define UNREAD 1000
#define READ 10000

/**
 * struct way - of memory to a reader
 * @name: what is told of
 * @teller: the call that tells whether it is held, where the peer has none
 * @send: send PIECE bytes of the memory's beginning; from what @held tells, and to where the
 *        reader reads; a negative errno if the way does not take it
 * @held: whether by that call it is held: 1, 0, or a negative errno
 */
struct way {
	const char *name;
	const char *teller;
	int (*send)(struct object *object, int *sender, int *reader);
	int (*held)(int sender);
};

static int by_sendfile(struct object *object, int *sender, int *reader)
{
	int pair[2];

	tcp_pair(pair);
	*sender = pair[0];
	*reader = pair[1];
	if (object->fd < 0)
		return -EBADF;
	return sendfile(pair[0], object->fd, NULL, PIECE) == (ssize_t)PIECE ? 0 : -EINVAL;
}

static int held_by_socket(int sender)
{
	int bytes;

	return ioctl(sender, SIOCOUTQ, &bytes) ? -errno : bytes > 0;
}

/* Into a pipe, which another empties into its own. */
static int by_pipe(struct object *object, int *sender, int *reader)
{
	struct iovec piece = { .iov_base = object->map, .iov_len = PIECE };
	ssize_t moved = -1, done = 0;
	int first[2], second[2];

	if (pipe2(first, O_CLOEXEC) || pipe2(second, O_CLOEXEC))
		return -errno;
	*sender = first[0];
	*reader = second[0];
	/* sendfile() has moved it on. */
	lseek(object->fd, 0, SEEK_SET);
	if (object->fd >= 0)
		moved = splice(object->fd, NULL, first[1], NULL, PIECE, 0);
	if (moved < 0)
		moved = vmsplice(first[1], &piece, 1, 0);
	if (moved != (ssize_t)PIECE)
		return -EINVAL;
	while (done < (ssize_t)PIECE) {
		moved = splice(first[0], NULL, second[1], NULL, PIECE - done, 0);
		if (moved <= 0)
			return -EIO;
		done += moved;
	}
	return 0;
}

static int held_by_pipe(int sender)
{
	int bytes;

	return ioctl(sender, FIONREAD, &bytes) ? -errno : bytes > 0;
}

static bool completed;

static int by_zerocopy(struct object *object, int *sender, int *reader)
{
	int pair[2], one = 1;

	completed = false;
	tcp_pair(pair);
	*sender = pair[0];
	*reader = pair[1];
	if (setsockopt(pair[0], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return -errno;
	return send(pair[0], object->map, PIECE, MSG_ZEROCOPY) == (ssize_t)PIECE ? 0 : -EINVAL;
}

static int held_by_zerocopy(int sender)
{
	bool copied;
	int told = completed ? 1 : zerocopy_done(sender, &copied);

	completed |= told > 0;
	return told < 0 ? told : !told;
}

static const struct way ways[] = {
	{ "sendfile()", "SIOCOUTQ", by_sendfile, held_by_socket },
	{ "a pipe", "FIONREAD", by_pipe, held_by_pipe },
	{ "MSG_ZEROCOPY", "its completion", by_zerocopy, held_by_zerocopy },
};

#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int ask_held(struct object *object, const struct way *way, int sender)
{
	return object->peer->held ? object->peer->held(object, 0) : way->held(sender);
}

/* Asked until it says "not held" or patience, ms, is over: what it said last. */
static int wait_held(struct object *object, const struct way *way, int sender, int patience)
{
	int64_t end = now_ms() + patience;
	int held;

	do {
		held = ask_held(object, way, sender);
		if (held <= 0)
			return held;
		usleep(10000);
	} while (now_ms() < end);
	return held;
}

/* Whether the call told the truth of what was sent by a way, an answer. */
static struct answer judge(struct object *object, const struct way *way, int sender, int reader)
{
	const char *teller = object->peer->held ? object->call : way->teller;
	static char back[PIECE];
	int held = wait_held(object, way, sender, UNREAD);

	if (held < 0)
		return failed(held, "%s: %s", way->name, teller);
	if (!held)
		fill(object->map, PIECE, 2);
	if (read_full(reader, back, PIECE) != PIECE)
		return no("%s: fewer bytes arrive", way->name);
	if (!held && holds(back, PIECE, 2))
		return no("%s: %s says free, and a change still arrives", way->name, teller);
	if (!holds(back, PIECE, 1))
		return no("%s: other bytes arrive", way->name);
	if (held && wait_held(object, way, sender, READ))
		return no("%s: %s says held for ever", way->name, teller);
	return yes("%s: %s", way->name, held ? "held until read" : "copied");
}

struct answer ask_reuse(struct object *object)
{
	struct answer answers[NR_WAYS];
	int sender, reader;
	size_t i, tried = 0;

	if (!object->map)
		return no("it cannot be mapped");
	for (i = 0; i < NR_WAYS; i++) {
		answers[i] = yes("%s", "");
		fill(object->map, PIECE, 1);
		if (ways[i].send(object, &sender, &reader))
			continue;
		tried++;
		answers[i] = judge(object, &ways[i], sender, reader);
		if (!answers[i].yes)
			return answers[i];
	}
	if (!tried)
		return no("no way sends it by reference");
	return yes("%s%s%s%s%s", answers[0].detail, answers[0].detail[0] ? "; " : "",
		   answers[1].detail, answers[1].detail[0] ? "; " : "", answers[2].detail);
}
