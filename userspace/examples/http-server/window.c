// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "window.h"

/* So many windows fit into the pool at least. */
#define WINDOWS_MIN 8

static void poll_done(struct operation *operation, int result);

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void windows_init(struct windows *windows, struct io_uring *ring, struct zcpool *pool)
{
	uint64_t buffers = smaller(zcpool_count(pool) / WINDOWS_MIN ?: 1, WINDOW_BUFFERS);

	*windows = (struct windows){
		.ring = ring,
		.pool = pool,
		.buffer_size = zcpool_stride(pool),
		.window_size = buffers * zcpool_stride(pool),
		.poll.done = poll_done,
	};
	TAILQ_INIT(&windows->queue);
	TAILQ_INIT(&windows->unused);
}

/* Buffers that hold, or will hold, the window's bytes. */
static uint32_t buffers_of(const struct window *window)
{
	uint64_t size = window->windows->buffer_size;

	return (uint32_t)((window->length + size - 1) / size);
}

/* Sockets may hold the buffers: then GET hands them out when these are done. */
static void evict(struct window *window)
{
	struct windows *windows = window->windows;

	TAILQ_REMOVE(&windows->unused, window, link);
	LIST_REMOVE(window, of_file);
	file_lost_window(window->file);
	windows->cached -= buffers_of(window);
	zcpool_composition_release(window->content);
	free(window);
}

void windows_evict_all(struct windows *windows)
{
	struct window *window;

	while ((window = TAILQ_FIRST(&windows->unused)))
		evict(window);
	zcpool_flush(windows->pool);
}

/* Give up windows for so many buffers, which come when no socket holds them. */
static bool make_room(struct windows *windows, uint32_t wanted)
{
	struct window *oldest;
	const uint64_t before = windows->evicted;

	while (windows->coming < wanted && (oldest = TAILQ_FIRST(&windows->unused))) {
		windows->coming += buffers_of(oldest);
		evict(oldest);
		windows->evicted++;
	}
	return windows->evicted > before;
}

static bool collect(struct windows *windows, struct window *window)
{
	uint32_t missing;

	while ((missing = buffers_of(window) - window->count)) {
		int got = zcpool_get_batch(windows->pool, window->buffers + window->count, missing,
					   0);

		if (got > 0) {
			window->count += got;
			windows->coming -= smaller(windows->coming, got);
		} else if (!make_room(windows, missing)) {
			return false;
		}
	}
	return true;
}

/* Put those that belong to no slice. */
static void put_buffers(struct window *window, uint32_t first)
{
	if (first < window->count)
		zcpool_put_batch(window->windows->pool, window->buffers + first,
				 window->count - first, NULL);
	window->count = 0;
}

/* The buffer belongs to the slice, and goes when the last composition of that does. */
static int add_buffer(struct window *window, uint32_t buffer, uint64_t length)
{
	struct zcpool_slice *slice;
	int error = zcpool_slice_create(window->windows->pool, buffer, 0, length, &slice);

	if (error) {
		zcpool_put(window->windows->pool, buffer);
		return error;
	}
	error = zcpool_composition_add_slice(window->content, slice);
	zcpool_slice_release(slice);
	return error;
}

static int compose(struct window *window)
{
	uint64_t size = window->windows->buffer_size, left = window->length;
	int error = zcpool_compose(window->windows->pool, &window->content);
	uint32_t i;

	for (i = 0; i < window->count && !error; i++, left -= size)
		error = add_buffer(window, window->buffers[i], smaller(left, size));
	if (error && window->content)
		zcpool_composition_release(window->content);
	put_buffers(window, i);
	return error;
}

static void drop(struct window *window)
{
	if (--window->users)
		return;
	if (window->state == WINDOW_FAILED)
		free(window);
	else
		TAILQ_INSERT_TAIL(&window->windows->unused, window, link);
}

/* It is filled, or cannot be: tell those who wait. */
static void settle(struct window *window, int error)
{
	struct file *file = window->file;
	struct waiter *waiter;

	window->error = error;
	if (error) {
		window->state = WINDOW_FAILED;
		/* Who comes now is to try anew. */
		LIST_REMOVE(window, of_file);
		put_buffers(window, 0);
	} else {
		window->state = WINDOW_READY;
		window->windows->cached += buffers_of(window);
	}
	while ((waiter = TAILQ_FIRST(&window->waiters))) {
		TAILQ_REMOVE(&window->waiters, waiter, link);
		waiter->ready(waiter);
	}
	drop(window);
	file_release(file);
}

/* Ask for whole buffers, as DMA does: of the last, the file has less. */
static void submit_read(struct window *window)
{
	ring_read(window->windows->ring, &window->read, window->file->fd, window->vector,
		  window->count, window->offset);
}

static void start_read(struct window *window)
{
	struct windows *windows = window->windows;
	uint32_t i;

	for (i = 0; i < window->count; i++) {
		window->vector[i].iov_base = zcpool_addr(windows->pool, window->buffers[i]);
		window->vector[i].iov_len = windows->buffer_size;
	}
	window->state = WINDOW_READING;
	submit_read(window);
}

/* Give buffers to those queued, as far as there are any. */
static void serve_queue(struct windows *windows)
{
	struct window *first;

	while ((first = TAILQ_FIRST(&windows->queue)) && collect(windows, first)) {
		TAILQ_REMOVE(&windows->queue, first, link);
		start_read(first);
	}
	if (!first || windows->polling)
		return;
	windows->polling = true;
	ring_poll(windows->ring, &windows->poll, zcpool_fd(windows->pool), POLLOUT);
}

static void poll_done(struct operation *operation, int result)
{
	struct windows *windows = part_of(operation, struct windows, poll);

	(void)result;
	windows->polling = false;
	serve_queue(windows);
}

void windows_tick(struct windows *windows)
{
	/* What was given up is with clients that are slow to read: give up more. */
	windows->coming = 0;
	serve_queue(windows);
}

static void read_done(struct operation *operation, int result)
{
	struct window *window = part_of(operation, struct window, read);
	struct windows *windows = window->windows;

	/* Some file systems find out only now that they cannot do it by DMA. */
	if (result == -EINVAL && window->file->direct) {
		result = file_read_indirectly(window->file);
		if (!result) {
			submit_read(window);
			return;
		}
	}
	if (result >= 0 && ((uint64_t)result < window->length || file_has_changed(window->file)))
		result = -ESTALE;
	if (result >= 0) {
		windows->read += window->length;
		result = compose(window);
	}
	settle(window, result);
	/* Of one that failed, the buffers are there for the next. */
	serve_queue(windows);
}

static struct window *find(struct windows *windows, const struct file *file, uint64_t offset)
{
	struct window *window = LIST_FIRST(&file->windows);

	while (window && window->offset != offset)
		window = LIST_NEXT(window, of_file);
	if (window && !window->users)
		TAILQ_REMOVE(&windows->unused, window, link);
	return window;
}

static struct window *create(struct windows *windows, struct file *file, uint64_t offset)
{
	struct window *window = calloc(1, sizeof(*window));

	if (!window)
		return NULL;
	window->windows = windows;
	window->file = file;
	window->offset = offset;
	window->length = smaller(windows->window_size, file->stat.st_size - offset);
	window->state = WINDOW_QUEUED;
	window->users = 1;
	window->read.done = read_done;
	TAILQ_INIT(&window->waiters);
	file_retain(file);
	LIST_INSERT_HEAD(&file->windows, window, of_file);
	TAILQ_INSERT_TAIL(&windows->queue, window, link);
	return window;
}

int window_use(struct windows *windows, struct file *file, uint64_t at, struct waiter *waiter)
{
	uint64_t offset = at - at % windows->window_size;
	struct window *window = find(windows, file, offset);

	if (!window) {
		int error = file_make_readable(file);

		if (error)
			return error;
		window = create(windows, file, offset);
	}
	if (!window)
		return -ENOMEM;
	window->users++;
	waiter->window = window;
	if (window->state == WINDOW_READY) {
		waiter->ready(waiter);
		return 0;
	}
	TAILQ_INSERT_TAIL(&window->waiters, waiter, link);
	serve_queue(windows);
	return 0;
}

void window_release(struct waiter *waiter)
{
	struct window *window = waiter->window;
	struct windows *windows = window->windows;
	bool told = window->state == WINDOW_READY || window->state == WINDOW_FAILED;

	if (!told)
		TAILQ_REMOVE(&window->waiters, waiter, link);
	drop(window);
	/* Nobody wants it any more: then nobody fills it. */
	if (!told && window->state == WINDOW_QUEUED && window->users == 1) {
		TAILQ_REMOVE(&windows->queue, window, link);
		settle(window, -ECANCELED);
	}
	/* There may be one more to evict. */
	serve_queue(windows);
}
