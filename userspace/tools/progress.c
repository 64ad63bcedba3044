// SPDX-License-Identifier: GPL-2.0-only
/*
 * The progress bar, or lines where there is no terminal.  It is drawn by a thread of
 * its own, so that the thread that moves the data makes no system call for it and can
 * be traced by itself.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tool.h"

#define WIDTH 30
/* Where a bar cannot be drawn over: so many lines in all, and the last. */
#define LINES 10

struct progress {
	const char *what;
	bool terminal;
	uint64_t total;
	double start;
	atomic_uint_least64_t done;
	atomic_bool stop;
	pthread_t thread;
};

/* Whether the cursor is behind a bar, on a terminal; under the lock of stderr. */
static bool drawn;

static void draw(struct progress *progress, const char *end)
{
	uint64_t done = atomic_load(&progress->done);
	double share = progress->total ? (double)done / progress->total : 1;
	double seconds = now() - progress->start;
	char size[32], rate[32], bar[WIDTH + 1];
	int i;

	for (i = 0; i < WIDTH; i++)
		bar[i] = i < share * WIDTH ? '#' : '.';
	bar[WIDTH] = 0;
	format_size(done, size, sizeof(size));
	format_size(seconds > 0 ? (uint64_t)(done / seconds) : 0, rate, sizeof(rate));
	flockfile(stderr);
	fprintf(stderr, "%s%s [%s] %3.0f %% %10s %10s/s%s", progress->terminal ? "\r" : "",
		progress->what, bar, share * 100, size, rate, end);
	drawn = !*end;
	funlockfile(stderr);
}

/* Whether enough has been done since the line before. */
static bool line_is_due(const struct progress *progress, uint64_t *next)
{
	uint64_t lines =
		progress->total ?
			(uint64_t)((double)atomic_load(&progress->done) / progress->total * LINES) :
			0;

	if (lines < *next || lines == LINES)
		return false;
	*next = lines + 1;
	return true;
}

static void *draw_thread(void *arg)
{
	const struct timespec tick = { .tv_nsec = 100000000 };
	struct progress *progress = arg;
	uint64_t next = 0;

	while (!atomic_load(&progress->stop)) {
		if (progress->terminal)
			draw(progress, "");
		else if (line_is_due(progress, &next))
			draw(progress, "\n");
		nanosleep(&tick, NULL);
	}
	draw(progress, "\n");
	return NULL;
}

/* NULL, which the other functions accept, where no bar is wanted. */
struct progress *progress_start(const struct common *common, const char *what, uint64_t total)
{
	struct progress *progress;

	if (common->quiet || (!common->progress && !isatty(STDERR_FILENO)))
		return NULL;
	progress = calloc(1, sizeof(*progress));
	if (!progress)
		return NULL;
	progress->what = what;
	progress->terminal = isatty(STDERR_FILENO);
	progress->total = total;
	progress->start = now();
	if (pthread_create(&progress->thread, NULL, draw_thread, progress)) {
		free(progress);
		return NULL;
	}
	return progress;
}

void progress_add(struct progress *progress, uint64_t bytes)
{
	if (progress)
		atomic_fetch_add_explicit(&progress->done, bytes, memory_order_relaxed);
}

void progress_break(void)
{
	flockfile(stderr);
	if (drawn)
		fputc('\n', stderr);
	drawn = false;
	funlockfile(stderr);
}

void progress_stop(struct progress *progress)
{
	if (!progress)
		return;
	atomic_store(&progress->stop, true);
	pthread_join(progress->thread, NULL);
	free(progress);
}
