/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the demonstration and the report's census share: the data, ways to move it from a
 * disk to a socket, and what selftests/copycount counts meanwhile.
 *
 * All that fails ends the process by the program's must_fail() or by fail().
 */
#ifndef ZCPOOL_WAYS_H
#define ZCPOOL_WAYS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../../userspace/bench/must.h"

#define KIB 1024UL
#define MIB (1024 * KIB)

/* fail.c: ends the program with a message. */
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/*
 * content.c: bytes that both ends know, no two pages alike, and what a program changes in
 * them on the way: a mark at each 64 KiB.  Offsets and sizes are multiples of 8; of a
 * change, of 64 KiB.
 */
void content_fill(void *data, uint64_t offset, size_t size);
void content_change(void *data, size_t size);
/* Bytes that are not as expected. */
uint64_t content_wrong(const char *data, const char *expected, size_t size);

/* counter.c: between start and stop selftests/copycount counts what happens. */
#define COUNTER_NAME_LENGTH 40

/**
 * struct counter_line - what there is of one thing
 * @kind: see selftests/copycount/main.c
 * @name: of the routine, device or event
 * @bytes: in all
 * @times: likewise
 */
struct counter_line {
	char kind[COUNTER_NAME_LENGTH];
	char name[COUNTER_NAME_LENGTH];
	uint64_t bytes;
	uint64_t times;
};

/* The caller's are counted apart from those of who starts. */
void counter_be_peer(void);
/* softirqs: of other processors too, as loopback needs it. */
void counter_start(bool softirqs);
void counter_stop(void);
/* "counts", "peer" or "probes", line by line; after the last the file is closed. */
FILE *counter_open(const char *name);
bool counter_read(FILE *file, struct counter_line *line);
/*
 * How often a transfer is made anew of which probes missed a call: an interrupt may find the
 * processor in a probe's handler, and what it does then no probe sees.  Of 16 MiB by a card
 * about one in six is such.
 */
#define COUNTER_TRIES 10
/* Calls that no probe saw, so that they are not in the counts; name: of what was called. */
uint64_t counter_missed(char name[COUNTER_NAME_LENGTH]);

/* stream.c: all of size bytes, or it fails; ENODATA if there are fewer. */
void read_full(int file, char *data, uint64_t offset, size_t size);
void write_full(int socket, const char *data, size_t size);
void sendfile_full(int socket, int file, uint64_t offset, size_t size);
/* A pipe that holds so many. */
void open_pipe(int ends[2], size_t size);
/* From the file to a pipe what goes at once: bytes; and from there on, all of them. */
size_t pipe_fill(int file, int64_t *offset, int to, size_t size);
void pipe_drain(int from, int to, size_t size, unsigned int more);
void splice_full(int file, uint64_t offset, const int ends[2], int socket, size_t size);
/* Through a program's memory: read, changed, written. */
void copy_changed(int file, uint64_t offset, char *memory, int socket, size_t size);

/*
 * zerocopy.c: MSG_ZEROCOPY from BUFFERS pieces of memory in turn, each of which is used again
 * when the socket's error queue tells that nobody reads it any more.
 */
#define BUFFERS 16
void zerocopy_open(int socket, char *memory, size_t piece);
/* A piece of the file, changed. */
void zerocopy_send(int file, uint64_t offset, size_t size);
/* Until all is known to be free. */
void zerocopy_wait(void);

/* pool.c: the same by way of a pool's buffers. */
struct zcpool;
/* Mapped, and touched: the first touch is no part of sending. */
struct zcpool *pool_open(size_t piece, uint32_t count, uint32_t dma_bits);
/* A buffer that nobody refers to any more, with a piece of the file, changed. */
uint32_t pool_fill(struct zcpool *pool, int file, uint64_t offset, size_t size);
/* What a buffer begins with, by a call each; then it is put. */
void pool_sendfile(struct zcpool *pool, uint32_t index, int socket, size_t size);
void pool_send(struct zcpool *pool, uint32_t index, int socket, size_t size, uint32_t flags);
/* Until all buffers are free again: the receiver has everything, and has acknowledged it. */
void pool_wait(struct zcpool *pool);

#endif /* ZCPOOL_WAYS_H */
