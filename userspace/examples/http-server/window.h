/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * Windows: the parts of files that are in the pool, which is the server's cache.
 *
 * A small file has one window.  A large one is sent window by window, so that a
 * small pool serves files of any size.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include "file.h"
#include "ring.h"

/* Most buffers of a window. */
#define WINDOW_BUFFERS 16

enum window_state {
	WINDOW_QUEUED, /* needs buffers */
	WINDOW_READING,
	WINDOW_READY,
	WINDOW_FAILED,
};

/* Who uses a window: told once, when it is ready or has failed. */
struct waiter {
	void (*ready)(struct waiter *waiter);
	struct window *window;
	TAILQ_ENTRY(waiter) link;
};

struct window {
	struct windows *windows;
	struct file *file;
	/* Where in the file. */
	uint64_t offset;
	uint64_t length;
	enum window_state state;
	/* Of WINDOW_FAILED, a negative errno. */
	int error;
	/* Waiters, before and after they are told, and who fills the window. */
	uint32_t users;
	TAILQ_HEAD(, waiter) waiters;
	/* Of the file's; of those queued, or of those ready that nobody uses. */
	LIST_ENTRY(window) of_file;
	TAILQ_ENTRY(window) link;

	/* While it is queued or read. */
	struct operation read;
	struct iovec vector[WINDOW_BUFFERS];
	uint32_t buffers[WINDOW_BUFFERS];
	uint32_t count;

	/* When it is ready. */
	struct zcpool_composition *content;
};

struct windows {
	struct io_uring *ring;
	struct zcpool *pool;
	uint64_t buffer_size;
	uint64_t window_size;
	/* The first gets all its buffers before the second gets one. */
	TAILQ_HEAD(window_list, window) queue;
	/* Ready and in nobody's use, least recently used first. */
	struct window_list unused;
	/* Buffers that were given up for the first in the queue and have not come yet. */
	uint32_t coming;
	bool polling;
	struct operation poll;

	/* Buffers that hold windows; bytes read; windows given up for others. */
	uint32_t cached;
	uint64_t read;
	uint64_t evicted;
};

void windows_init(struct windows *windows, struct io_uring *ring, struct zcpool *pool);
/* Give up all that nobody uses. */
void windows_evict_all(struct windows *windows);
/* Once a second: do not wait for ever for buffers that do not come free. */
void windows_tick(struct windows *windows);

/*
 * Use the window in which a file's byte lies: waiter->ready() is called, perhaps
 * before this returns 0.  A negative errno: it is not called.
 */
int window_use(struct windows *windows, struct file *file, uint64_t at, struct waiter *waiter);
/* Also before the window is ready: then the waiter is not told any more. */
void window_release(struct waiter *waiter);

#endif /* WINDOW_H */
