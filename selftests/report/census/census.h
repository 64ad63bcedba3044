/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the census share: ways to move data, over which path, and what it took. */
#ifndef ZCPOOL_REPORT_CENSUS_H
#define ZCPOOL_REPORT_CENSUS_H

#include <sys/types.h>

#include <ways.h>

/* What a method moves at a time. */
#define PIECE (64 * KIB)
#define PAGE 4096UL

enum side {
	SENDER,
	RECEIVER,
	NR_SIDES
};

#define NAME_LENGTH 40
#define NR_ROUTINES 16
#define NR_DEVICES 8

struct routine {
	char name[NAME_LENGTH];
	uint64_t bytes;
};

/**
 * struct counts - what one end's processor and program did; -1: this kernel cannot tell
 * @copied: bytes, by all routines
 * @routines: by each that copied any, until the first without a name
 * @system_calls: of the program
 * @user_faults: page faults in user mode
 * @kernel_faults: in kernel mode
 * @interrupts: that came in user mode
 * @voluntary: times that the program waited
 * @preempted: that it had to make room
 * @flushes_here: of its own processor's TLB
 * @flushes_there: of others'
 */
struct counts {
	int64_t copied;
	struct routine routines[NR_ROUTINES];
	int64_t system_calls;
	int64_t user_faults;
	int64_t kernel_faults;
	int64_t interrupts;
	int64_t voluntary;
	int64_t preempted;
	int64_t flushes_here;
	int64_t flushes_there;
};

/* DMA of a device: bytes that it was told to read and to write. */
struct dma {
	char name[NAME_LENGTH];
	uint64_t to_device;
	uint64_t from_device;
};

/**
 * struct outcome - what became of a transfer
 * @error: errno of a call that failed, 0 for none
 * @call: that call
 * @size: bytes to move
 * @received: bytes that came
 * @wrong: of them, that are neither what was in the file nor the program's mark
 * @changed: the program's marks came
 * @missed: calls that should have been counted and were not, of both ends
 * @missed_by: a function that was called then
 * @repeated: times that it was made anew, since calls had been missed
 * @mapped: bytes that the receiver mapped instead of having them copied; -1: it copied all
 * @sides: what each end did
 * @dma: what devices did
 */
struct outcome {
	int error;
	char call[128];
	uint64_t size;
	uint64_t received;
	uint64_t wrong;
	bool changed;
	uint64_t missed;
	char missed_by[COUNTER_NAME_LENGTH];
	unsigned int repeated;
	int64_t mapped;
	struct counts sides[NR_SIDES];
	struct dma dma[NR_DEVICES];
};

/* Between the processes of a transfer: what the one leaves for the other. */
struct shared {
	struct outcome outcome;
	/* TRANSFER: share of the pool, and the handle that buffers go to. */
	pid_t sender;
	int share;
	uint32_t handle;
};

struct method;
struct path;

/**
 * struct transfer - a transfer under way, in one of its processes
 * @method: how
 * @path: over what
 * @file: name of the file with the data
 * @size: its size
 * @socket: the connection; of the sender before open() not yet connected
 * @shared: for both ends
 */
struct transfer {
	const struct method *method;
	const struct path *path;
	const char *file;
	uint64_t size;
	int socket;
	struct shared *shared;
};

/**
 * struct method - a way to move data
 * @name: as an option, and in the table
 * @what: where the data comes from, and how it goes
 * @knows: what tells the program that the memory may be written again
 * @pool: it is zcpool's: the sender may copy nothing
 * @optional: not every kernel, device or machine has it
 * @no_socket: it moves data within the machine, to another process
 * @size: bytes to move, if it is slow; 0: as all others
 * @period: each piece repeats the first so many bytes of the data; 0: it does not
 * @open: of the sender, get ready, before anything is counted
 * @send: bring the bytes from offset on, change them if possible, and send them
 * @close: wait until the memory may be used again, if it can be known; NULL: it cannot, or
 *	   send() does
 * @prepare: of the receiver, get ready, before anything is counted; NULL: memory to receive into
 * @receive: receive all; NULL: by recv()
 */
struct method {
	const char *name;
	const char *what;
	const char *knows;
	bool pool;
	bool optional;
	bool no_socket;
	uint64_t size;
	uint64_t period;
	void (*open)(struct transfer *transfer);
	void (*send)(struct transfer *transfer, uint64_t offset, size_t size);
	void (*close)(struct transfer *transfer);
	void (*prepare)(struct transfer *transfer);
	void (*receive)(struct transfer *transfer);
};

/* Each ends with one without a name. */
extern const struct method cached_methods[]; /* cached.c */
extern const struct method memory_methods[]; /* memory.c */
extern const struct method uring_methods[]; /* uring.c */
extern const struct method pool_methods[]; /* pool.c */
extern const struct method edu_methods[]; /* edu.c */

/* cached.c, for other methods as well */
void open_file(struct transfer *transfer, int flags);
int file_fd(void);

/* memory.c: memory of the program that is there already */
char *map_memory(size_t size);

/**
 * struct path - what data goes over
 * @name: as an option, and in the table
 * @what: in words
 * @namespaces: names of the ends' network namespaces, NULL: the initial one
 * @address: of the receiver
 * @interface: the sender's
 * @card: a device of its own sends
 */
struct path {
	const char *name;
	const char *what;
	const char *namespaces[NR_SIDES];
	const char *address;
	const char *interface;
	bool card;
};

/* path.c */
extern const struct path paths[];
void path_enter(const struct path *path, enum side side);
/* As all methods but those that say otherwise want it. */
void path_settle(const struct path *path);
int path_set_gathering(const struct path *path, bool on);
bool path_exists(const struct path *path);

/* count.c: what selftests/copycount has counted */
void count_read(struct outcome *outcome);
/*
 * Names of functions of a kind of copycount's probes, with what comes before if there are
 * any: how many.
 */
unsigned int count_print_probes(FILE *file, const char *kind, const char *before,
				const char *quote);

/* receive.c */
void receive_prepare(struct transfer *transfer);
void receive_all(struct transfer *transfer);
/* The next bytes that were received, in receive(). */
void receive_check(struct transfer *transfer, const char *data, size_t length);
void receive_finish(struct transfer *transfer);
/* TCP_ZEROCOPY_RECEIVE: what the sender does for it before it connects, and the receiver. */
void set_segment(struct transfer *transfer);
void map_prepare(struct transfer *transfer);
void map_receive(struct transfer *transfer);

/* run.c: one transfer, in processes of its own */
void run(const struct method *method, const struct path *path, const char *file, uint64_t size,
	 struct outcome *outcome);

/* table.c */
void table_heading(FILE *file, const struct path *path);
void table_row(FILE *file, const struct method *method, const struct outcome *outcome);
void table_legend(FILE *file);
const char *error_name(const struct outcome *outcome);

/* json.c */
void json_begin(FILE *file, uint64_t size);
void json_path(FILE *file, const struct path *path);
void json_row(FILE *file, const struct method *method, const struct outcome *outcome);
void json_end(FILE *file);

/* For each MiB that was to be moved. */
static inline double per_mib(const struct outcome *outcome, int64_t count)
{
	return (double)count * MIB / outcome->size;
}

/* Sums of which any part may be unknown. */
static inline int64_t both(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : a + b;
}

static inline int64_t mode_switches(const struct counts *counts)
{
	return both(both(counts->system_calls, counts->user_faults), counts->interrupts);
}

static inline int64_t page_faults(const struct counts *counts)
{
	return both(counts->user_faults, counts->kernel_faults);
}

static inline int64_t context_switches(const struct counts *counts)
{
	return both(counts->voluntary, counts->preempted);
}

static inline int64_t tlb_flushes(const struct counts *counts)
{
	return both(counts->flushes_here, counts->flushes_there);
}

#endif /* ZCPOOL_REPORT_CENSUS_H */
