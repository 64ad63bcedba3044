/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the demonstration's program share. */
#ifndef ZCPOOL_DEMO_H
#define ZCPOOL_DEMO_H

#include <ways.h>

/* What a method reads, changes and sends at a time. */
#define PIECE MIB
/* What O_DIRECT wants of addresses. */
#define ALIGNMENT 4096

/* What the sender says first. */
struct greeting {
	uint64_t size;
	uint32_t changed;
	char method[44];
};

/* And what the peer says last. */
struct answer {
	uint64_t received;
	/* Bytes that are not what they must be. */
	uint64_t wrong;
};

/* A transfer under way. */
struct transfer {
	const char *path;
	int socket;
	uint64_t size;
};

/**
 * struct method - a way to send a file
 * @name: as an option
 * @title: as the table has it
 * @reuse: what tells that the memory may be used again
 * @copies: how often at least each byte is copied on the way, where the card gathers
 * @changes: the program can change the data on the way, and does
 * @pool: it is the pool's: no byte may be copied
 * @open: get ready, before anything is counted
 * @send: read, change if possible, and send the bytes of the file from offset on
 * @close: what is counted still: wait until the memory may be used again
 */
struct method {
	const char *name;
	const char *title;
	const char *reuse;
	unsigned int copies;
	bool changes;
	bool pool;
	void (*open)(const struct transfer *transfer);
	void (*send)(const struct transfer *transfer, uint64_t offset, size_t size);
	void (*close)(const struct transfer *transfer);
};

/* method.c: ends with one without a name. */
extern const struct method methods[];

/* count.c: what selftests/copycount has counted. */
struct counts {
	/* Bytes that the processor copied. */
	uint64_t copied;
	/* Bytes that the disk wrote, and that the card read. */
	uint64_t disk;
	uint64_t card;
	uint64_t calls;
	/* With calls: page faults and interrupts too. */
	uint64_t switches;
	/* Calls that should have been counted and were not. */
	uint64_t missed;
	char missed_by[COUNTER_NAME_LENGTH];
};

struct counts count_read(const char *disk, const char *card);

/* The commands: send.c, peer.c */
int send_command(int argc, char **argv);
int peer_command(int argc, char **argv);

#endif /* ZCPOOL_DEMO_H */
