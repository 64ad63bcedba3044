/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs share that do the same thing at random, thousands of times. */
#ifndef ZCPOOL_SOAK_H
#define ZCPOOL_SOAK_H

#include "../reload.h"
#include "../torture/torture.h"

/* Of a TCG guest on a busy machine. */
#define PATIENCE (20 * 1000 * NS_PER_MS)
#define COUNT 64
#define SIZE (COUNT * BUFFER)

/* Say where and why, and return false. */
#define NEED(condition) \
	do { \
		if (!(condition)) { \
			complain(__FILE__, __LINE__, #condition); \
			return false; \
		} \
	} while (0)
/* The same of a child, which it ends. */
#define MUST(condition) \
	do { \
		if (!(condition)) { \
			complain(__FILE__, __LINE__, #condition); \
			_exit(1); \
		} \
	} while (0)

void complain(const char *file, int line, const char *condition);

/* Whether something comes true while there is patience. */
#define EVENTUALLY(condition) \
	({ \
		int64_t end_ = now_ns() + PATIENCE; \
		bool so_; \
		while (!(so_ = (condition)) && now_ns() < end_) \
			usleep(2000); \
		so_; \
	})

struct rounds {
	bool (*round)(unsigned int number);
	/* What was done, for the end; may be NULL. */
	void (*tell)(char *text, size_t size);
	/* Whoever else is at work rests, or goes on; may be NULL. */
	void (*quiet)(bool on);
};

/* As --rounds and --seed say; memory is to be the same after the last. */
int run_rounds(int argc, char **argv, const char *name, const struct rounds *rounds);

/* A new pool of COUNT buffers, a record in each; the mapping, of SIZE bytes. */
int stamped_pool(char **map);
/* How many of a stream's records are as they were stamped; negative: one is not. */
int check_stream(int fd, unsigned int most);
/* Get every buffer of a pool, each once, with what this handle owns already. */
bool get_all(int pool, unsigned int owned);
/* Bytes that all pools have, by the module's own account; negative errno without it. */
int64_t total_bytes(void);

/* Memory that the kernel has for all that it does, bytes. */
struct account {
	/* Of this cgroup, without what processes map. */
	long kernel;
	long slab;
	long vmalloc;
	/* Pages in nobody's count, such as a pool's. */
	long uncounted;
};

/* Once what is only cached is gone. */
struct account account_now(void);
/* Bytes that could be had. */
long available_now(void);

#endif /* ZCPOOL_SOAK_H */
