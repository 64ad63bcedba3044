// SPDX-License-Identifier: GPL-2.0-only
/* What each worker is doing, and how its calls ended. */
#include <sys/syscall.h>
#include <time.h>

#include "fuzz.h"

struct shared *shared;
__thread struct lane *lane;
int trace_to = -1;

void lane_begin(unsigned int number)
{
	lane = &shared->lanes[number];
	atomic_store(&lane->process, getpid());
	atomic_store(&lane->thread, syscall(SYS_gettid));
}

void lane_end(void)
{
	atomic_store(&lane->thread, 0);
}

static struct remark *remark_now(void)
{
	uint64_t calls = atomic_load_explicit(&lane->calls, memory_order_relaxed);

	return &lane->remarks[calls % REMEMBERED];
}

static int remark_text(char *text, size_t size, const struct lane *of, const struct remark *remark)
{
	const uint64_t *v = remark->values;
	int length;

	length = snprintf(text, size, "%ld: %lu: %s ", (long)(of - shared->lanes), remark->number,
			  kind_at(remark->kind)->name);
	if (remark->format)
		length += snprintf(text + length, size - length, remark->format, v[0], v[1], v[2],
				   v[3], v[4], v[5], v[6], v[7]);
	return length;
}

void lane_before(uint64_t number, unsigned int kind)
{
	struct remark *remark = remark_now();

	remark->format = NULL;
	remark->over = false;
	remark->kind = kind;
	remark->number = number;
}

/* The call is made next: remember it. */
void about(const char *format, unsigned int count, const uint64_t *values)
{
	struct remark *remark = remark_now();
	char text[300];
	int length;

	memcpy(remark->values, values, count * sizeof(*values));
	remark->format = format;
	if (trace_to < 0)
		return;
	length = remark_text(text, sizeof(text) - 1, lane, remark);
	text[length++] = '\n';
	if (write(trace_to, text, length) < 0)
		trace_to = -1;
}

void lane_after(long result)
{
	struct remark *remark = remark_now();

	remark->result = result;
	remark->over = true;
	atomic_fetch_add(&lane->calls, 1);
}

/* What was called last, the oldest first. */
void lane_print(int fd, const struct lane *of)
{
	uint64_t calls = atomic_load(&of->calls), i;
	char text[300];

	for (i = calls >= REMEMBERED ? calls - REMEMBERED + 1 : 0; i <= calls; i++) {
		const struct remark *remark = &of->remarks[i % REMEMBERED];

		remark_text(text, sizeof(text), of, remark);
		if (remark->over)
			dprintf(fd, "# %s = %ld\n", text, remark->result);
		else
			dprintf(fd, "# %s\n", text);
	}
}

uint64_t time_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

void count_result(unsigned int kind, long result)
{
	struct tally *tally = &shared->tally[kind];

	if (result >= 0)
		atomic_fetch_add_explicit(&tally->succeeded, 1, memory_order_relaxed);
	else if (-result < ERRNO_MAX)
		atomic_fetch_add_explicit(&tally->failed[-result], 1, memory_order_relaxed);
	else if (result != RESULT_LATER && result != RESULT_NONE)
		atomic_fetch_add_explicit(&tally->failed[0], 1, memory_order_relaxed);
}
