/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Torture: processes stamp buffers, let them go by every exit, put them at once, and
 * others check the stamps, late, in pieces, or not at all.  A buffer that is handed
 * out while anybody could still read it shows as a stamp that does not add up.
 */
#ifndef ZCPOOL_TORTURE_H
#define ZCPOOL_TORTURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

#include "../util.h"

/* A record has a buffer of its own, or is sent inline. */
#define BUFFER (16 * KIB)
#define BUFFERS 256
/* Most records of one call. */
#define BATCH 8
/* Most exits in the table. */
#define EXITS_MAX 32
/* Processes that share a pool, and processes that have one of their own. */
#define SHARERS 4
#define LONERS 2
#define SENDERS (SHARERS + LONERS)

/* What has become of the records of an exit; in memory that all processes share. */
struct tally {
	atomic_ulong links;
	atomic_ulong sent;
	atomic_ulong copied;
	atomic_ulong sound;
	/* Ended in the middle, since somebody died. */
	atomic_ulong cut;
	atomic_ulong mismatches;
};

struct shared {
	atomic_bool stop;
	/* By index, 1 + the sharer that owns it: set after GET, cleared before PUT. */
	atomic_uint owner[BUFFERS];
	struct tally tally[EXITS_MAX];
};

extern struct shared *shared;

/* Numbers that the seed decides. */
extern unsigned int seed;
static inline unsigned int chance(unsigned int limit)
{
	return (unsigned int)rand_r(&seed) % limit;
}

static inline void doze(unsigned int most_us)
{
	usleep(chance(most_us) + 1);
}

/* record.c */

/* The stamp at the start of a record; numbers up to its end follow. */
struct record {
	uint64_t magic;
	uint64_t generation;
	uint64_t length;
	uint64_t checksum;
};

void record_stamp(void *memory, uint64_t length, uint64_t generation);
/* Whether a header can be one; else the rest is not worth reading. */
bool record_begins(const struct record *record);
/* Whether all of a record is as it was stamped. */
bool record_is_sound(const void *memory);

/* exit.c: the ways out of a pool */

struct link;

struct exit {
	const char *name;
	/* Fills pair: what the sender has, what the receiver has; 0 or -1. */
	int (*open)(int pair[2]);
	/* Let elements go, as far as it works now; bytes, or a negative errno. */
	ssize_t (*send)(struct link *link, const struct zcpool_element *elements, uint32_t count);
	/* For an end in order: what is not yet on its way. NULL: nothing. */
	void (*finish)(struct link *link);
	/* Most records of a call, 1 but for SEND. */
	unsigned int batch;
	bool datagrams;
	/* A receiver reads pages by reference, so that a weakened check must show. */
	bool refers;
};

extern const struct exit exits[];
extern const unsigned int nr_exits;

/* A connection of a sender's, and who reads at the other end. */
struct link {
	const struct exit *exit;
	struct tally *tally;
	/* The sender's end; the pool. */
	int fd;
	int pool;
	char *map;
	pid_t receiver;
	/* Records until it is closed. */
	unsigned int left;
	/* A pipe for splices, and what is in it. */
	int pipe[2];
	size_t in_pipe;
	/* For disks: where, what was written last, and the ring. */
	off_t place;
	uint64_t on_disk;
	struct io_uring *ring;
};

/* The disk that direct I/O may overwrite, NULL for none. */
extern const char *disk;

/* receiver.c: reads until the end, checks, and ends the process */
void receive(const struct exit *exit, struct tally *tally, int fd) __attribute__((noreturn));

/* sender.c: lets buffers go until told to stop; of a pool that is shared if pool >= 0 */
void send_until_stopped(unsigned int number, int pool) __attribute__((noreturn));

#endif /* ZCPOOL_TORTURE_H */
