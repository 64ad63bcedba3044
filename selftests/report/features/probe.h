/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The feature probe: what can be done with the memory of zcpool and of its peers, found
 * out by doing it and looking at the effect.
 *
 * Every question is asked in a process of its own of memory of its own, so that what one
 * leaves behind, or dies of, is no part of another's answer.
 */
#ifndef ZCPOOL_PROBE_H
#define ZCPOOL_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB 1024UL
#define MIB (1024UL * KIB)
/* Of every peer's memory: as large as an entry of the page tables' next level maps. */
#define BUFFER (2 * MIB)
#define COUNT 4
#define SIZE (COUNT * BUFFER)
/* What is moved at a time: a pipe, and a socket whose peer does not read, take it at once. */
#define PIECE (32 * KIB)

struct io_uring;
struct peer;
struct zcpool;

/* What a question was answered; detail is a short reason, or how. */
struct answer {
	bool yes;
	/* If not 0, the errno that a call failed with. */
	int error;
	/* Not yes, and on this kernel nobody who makes such memory could change that. */
	bool kernels;
	char detail[160];
};

struct answer yes(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct answer no(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* error: positive or negative. */
struct answer failed(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A peer's memory: SIZE bytes, to be thought of as COUNT buffers. */
struct object {
	const struct peer *peer;
	/* -1: there is none. */
	int fd;
	/* NULL: it cannot be mapped, and why. */
	char *map;
	int map_error;
	/* The call that failed, for who is told of an error. */
	const char *call;
	struct zcpool *pool;
	/* The buffer of held() is not its owner's. */
	bool put;
	struct io_uring *ring;
};

/**
 * struct peer - a kind of memory
 * @name: in the table
 * @note: what it is, and how it was made, for the legend
 * @open: make it, with whatever helps it to give good answers
 * @export: make a dma-buf of all of it: a descriptor
 * @import: have it show the memory of a dma-buf, by the call that comes closest to that: a
 *          call that takes one, or sendfile(), which takes all files
 * @file: the descriptor to give to programs that look at a file's size
 * @seal: make a buffer immutable and leave the others writable
 * @write: write other than by a mapping: bytes
 * @writer: the call that @write is
 * @held: whether anything still reads a buffer that was sent: 1 or 0; NULL: there is no
 *        such call
 * @give: hand a buffer over to who does take() at the socket's other end
 * @take: get it, and where it is mapped
 *
 * All return a negative errno if they fail, with object->call set.
 */
struct peer {
	const char *name;
	const char *note;
	int (*open)(struct object *object);
	int (*export)(struct object *object);
	int (*import)(struct object *object, int dma_buf);
	int (*file)(struct object *object);
	int (*seal)(struct object *object, uint32_t index);
	long (*write)(struct object *object, size_t offset, const void *data, size_t size);
	const char *writer;
	int (*held)(struct object *object, uint32_t index);
	int (*give)(struct object *object, uint32_t index, int socket);
	int (*take)(struct object *object, int socket, char **buffer);
};

/* peer.c and zcpool.c */
extern const struct peer *const peers[];
extern const size_t nr_peers;
extern const struct peer peer_zcpool;
/* Make a dma-buf that is none of the peer's, full of a pattern of seed: descriptor, exporter. */
int foreign_dma_buf(unsigned int seed, const char **exporter);
int zcpool_dma_buf(unsigned int seed);

/**
 * struct feature - a question
 * @name: at the head of its column
 * @question: what yes means
 * @closed: it opens the memory itself
 * @ask: try it
 */
struct feature {
	const char *name;
	const char *question;
	bool closed;
	struct answer (*ask)(struct object *object);
};

/* feature.c */
extern const struct feature features[];
extern const size_t nr_features;

/* map.c */
struct answer ask_mmap(struct object *object);
struct answer ask_pmd(struct object *object);
struct answer ask_memcg(struct object *object);
struct answer ask_size(struct object *object);
/* disk.c */
struct answer ask_direct_in(struct object *object);
struct answer ask_direct_out(struct object *object);
struct answer ask_fixed(struct object *object);
/* send.c */
struct answer ask_zerocopy(struct object *object);
struct answer ask_sendfile(struct object *object);
struct answer ask_splice_in(struct object *object);
struct answer ask_splice_out(struct object *object);
/* dma_buf.c */
struct answer ask_export(struct object *object);
struct answer ask_import(struct object *object);
/* owner.c */
struct answer ask_seal(struct object *object);
struct answer ask_hand_over(struct object *object);
/* reuse.c */
struct answer ask_reuse(struct object *object);

/* object.c */
int object_open(const struct peer *peer, struct object *object);
/* Map a descriptor at an address that large entries could map from, shared; or NULL, errno. */
char *map_aligned(int fd, size_t size, int protection);
/* Where memory of that size can be mapped so, reserved; or NULL, errno. */
char *reserve_aligned(size_t size);
void fill(void *data, size_t size, unsigned int seed);
bool holds(const void *data, size_t size, unsigned int seed);
/* Store a byte; false: that raised a signal. */
bool store(char *to, char value);
/* The physical page behind an address, 0: unknown. */
uint64_t physical_page(const void *address);

/* socket.c: a connected TCP pair over loopback; it ends the process if it fails. */
void tcp_pair(int pair[2]);
size_t read_full(int fd, void *data, size_t size);
/* MSG_ZEROCOPY's completion: 1 told, 0 not yet, or a negative errno; *copied: what it says. */
int zerocopy_done(int socket, bool *copied);
int send_descriptor(int socket, int fd);
int receive_descriptor(int socket);

/* place.c: where files are, and the settings that some peers need. */
struct place {
	/* A file or device for direct I/O, of 4 MiB at least. */
	char disk[96];
	char tmpfs[96];
	char ext4[96];
	/* Why there is no tmpfs or ext4, an errno. */
	int tmpfs_error;
	int ext4_error;
	/* The control group's directory, and why there is none. */
	char cgroup[96];
	int cgroup_error;
};

extern struct place place;
/* The disk must be empty: it gets a file system.  Ends the program if it fails. */
void place_open(const char *disk);
void place_close(void);

/* output.c: answers are those of peer 0, feature by feature, then of peer 1... */
void print_table(const struct answer *answers);
bool write_json(const char *path, const struct answer *answers);

#endif /* ZCPOOL_PROBE_H */
