/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the fuzzer share.
 *
 * A worker is a thread that makes calls one after the other.  Each call is of a kind,
 * which a table names with its weight; what it does is drawn from random numbers that
 * depend on seed, worker and number of the call alone, so that a sequence can be made
 * anew, whatever the calls before led to.  Descriptors and mappings are at fixed
 * numbers and addresses, their slots, for calls to fill, use and empty.
 */
#ifndef ZCPOOL_FUZZ_H
#define ZCPOOL_FUZZ_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/zcpool.h>

#define DEVICE "/dev/zcpool"
#define PAGE 4096UL
#define KIB 1024UL
#define MIB (1024UL * KIB)
#define GIB (1024UL * MIB)
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Who a child may become. */
#define NOBODY 65534

/* random.c: all of the calling thread. */
void random_start(uint64_t seed, uint64_t worker, uint64_t number);
uint64_t random_word(void);
uint64_t below(uint64_t limit);
bool percent(unsigned int chance);
uint64_t bent(uint64_t value);
uint32_t flags_of(uint32_t valid);
size_t some_length(size_t most);
#define ONE_OF(...) \
	(((const uint64_t[]){ __VA_ARGS__ })[below(sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8)])

/* slot.c: descriptors.  Of pairs the first is the lower end, an even number. */
enum slot_kind {
	SLOT_HANDLE,
	SLOT_SHARE,
	SLOT_VIEW,
	SLOT_EXPORT,
	SLOT_PIPE,
	SLOT_SOCKET,
	SLOT_EVENTFD,
	SLOT_EPOLL,
	SLOT_RING,
	SLOT_DIRECTORY,
	SLOT_PLAIN,
	SLOT_KINDS
};

/**
 * struct model - what a slot is believed to be, by what calls returned
 * @size: bytes that it shows
 * @stride: distance of two buffers; 0: it has no pool
 * @count: buffers
 * @handle: number of the handle in its pool; of a view the directory that it was made for
 * @pool: number of the pool, if it is known
 * @owned: buffers that it got and did not put, the first 64
 * @queued: buffers were transferred to it
 * @filled: there is a descriptor
 *
 * Threads of a process change it without a lock, and other processes change what it
 * tells of: it is a guess.
 */
struct model {
	uint64_t size;
	uint64_t stride;
	uint32_t count;
	uint32_t handle;
	uint64_t pool;
	uint64_t owned;
	bool queued;
	bool filled;
};

#define SLOT_FIRST 64
#define SLOT_END 256
/* Where all processes pass descriptors to each other. */
#define SLOT_EXCHANGE (SLOT_FIRST - 2)
/* Where calls are traced to, and where messages go that no call may close. */
#define SLOT_TRACE (SLOT_FIRST - 3)
#define SLOT_MESSAGES (SLOT_FIRST - 4)

int slot_of(enum slot_kind kind);
int slot_any(void);
int slot_unbound(void);
int slot_owner(void);
int slot_receiver(void);
int slot_peer(int fd);
int slot_mounted_view(void);
int slot_pair(enum slot_kind kind, int end);
int slot_source(void);
int slot_sink(void);
long slot_fill(enum slot_kind kind, int fd, const struct model *model);
long slot_fill_pair(enum slot_kind kind, int pair[2]);
enum slot_kind slot_kind_of(int fd);
struct model *model_of(int fd);
uint32_t some_index(const struct model *model);
uint32_t some_owned(const struct model *model);
void some_slice(const struct model *model, __u64 *offset, __u64 *length, bool whole_pages);

/* address.c: memory.  Scratch is the thread's, mappings are the process's. */
#define MAPPINGS 16
#define MAPPING_ROOM (16 * MIB)
#define MAPPING_MOST (4 * MIB)
#define SCRATCH_SIZE (64 * KIB)
/* No length of this or more fits into the memory of a process, with 5-level tables too. */
#define BEYOND 0x200000000000000UL

int address_start(unsigned int thread);
void scratch_reset(void);
void *scratch(size_t size);
uint64_t mapping_at(unsigned int number);
uint64_t mapping_some(void);
void mapping_made(uint64_t address, uint64_t length);
uint64_t bad_address(void);
uint64_t some_address(size_t size);
uint64_t place(const void *data, size_t size);
void fetch(void *data, uint64_t address, size_t size);
struct iovec *some_vector(unsigned int count);
bool touch_copy(void *to, const void *from, size_t size);
void touch_catch(void);

/* lane.c: what a worker, or a child of one, is doing, for all processes to see. */
#define LANES_EACH 4
#define WORKERS_MAX 64
#define REMEMBERED 16
#define ABOUT_MAX 8
#define ERRNO_MAX 134
#define KINDS_MAX 256

struct remark {
	uint64_t number;
	unsigned int kind;
	const char *format;
	uint64_t values[ABOUT_MAX];
	long result;
	bool over;
};

struct lane {
	_Atomic uint64_t calls;
	_Atomic pid_t thread;
	_Atomic pid_t process;
	struct remark remarks[REMEMBERED];
};

struct tally {
	_Atomic uint64_t succeeded;
	_Atomic uint64_t failed[ERRNO_MAX];
	_Atomic uint64_t time_ns;
};

struct shared {
	atomic_bool stop;
	_Atomic uint64_t reached[WORKERS_MAX];
	struct tally tally[KINDS_MAX];
	struct lane lanes[WORKERS_MAX * LANES_EACH];
};

extern struct shared *shared;
extern __thread struct lane *lane;
extern int trace_to;

void lane_begin(unsigned int number);
void lane_end(void);
void lane_before(uint64_t number, unsigned int kind);
void lane_after(long result);
void lane_print(int fd, const struct lane *of);
void about(const char *format, unsigned int count, const uint64_t *values);
void count_result(unsigned int kind, long result);
uint64_t time_now(void);
/* Say what is about to be called: all values are longs to the format. */
#define ABOUT(format, ...) \
	about(format, sizeof((uint64_t[]){ 0, ##__VA_ARGS__ }) / 8 - 1, \
	      (uint64_t[]){ 0, ##__VA_ARGS__ } + 1)
#define U64(pointer) ((uint64_t)(uintptr_t)(pointer))
#define POINTER(value) ((void *)(uintptr_t)(value))
/* What a system call returned, or a negative errno. */
#define RESULT(call) \
	({ \
		long result_ = (long)(call); \
		result_ == -1 ? -errno : result_; \
	})
/* The call's result comes later, by a completion. */
#define RESULT_LATER (-100000L)
/* There was nothing to call. */
#define RESULT_NONE (-100001L)

/* kind.c, and the calls, grouped by room. */

/**
 * struct kind - one kind of call
 * @name: for the report
 * @call: makes it
 * @weight: how often, compared with others
 * @never: why it may never succeed
 */
struct kind {
	const char *name;
	long (*call)(void);
	unsigned int weight;
	const char *never;
};

extern const struct kind pool_kinds[], buffer_kinds[], slice_kinds[], memory_kinds[], page_kinds[],
	file_kinds[], stream_kinds[], descriptor_kinds[], process_kinds[], socket_kinds[],
	ring_kinds[], mount_kinds[];

void kinds_start(void);
unsigned int kinds_count(void);
const struct kind *kind_at(unsigned int number);
unsigned int kind_some(void);
bool kind_leave_out(const char *name);
bool kind_left_out(unsigned int number);
unsigned int kind_number(long (*call)(void));
long command(int fd, unsigned int number, void *arg, size_t size);
int open_device(void);
uint64_t pool_of(int fd);
bool may_lack(const char *what);

/* worker.c */
struct job {
	uint64_t seed;
	uint64_t calls;
	unsigned int workers;
	int only;
};

extern struct job job;
extern __thread unsigned int worker_number;
extern __thread uint64_t call_number;
extern __thread bool is_child;

void patience_measure(void);
pid_t worker_start(unsigned int first);
void child_run(unsigned int which, uint64_t calls) __attribute__((noreturn));
void ring_forget(void);
void children_forget(void);

/* mount.c */
int mount_start(void);
int mount_end(void);

/* kernel_log.c */
int kernel_log_start(void);
const char *kernel_log_complaint(void);

/* main.c: where messages count from */
int main(int argc, char **argv);

/* report.c */
int report(double seconds);

#endif /* ZCPOOL_FUZZ_H */
