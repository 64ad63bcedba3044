// SPDX-License-Identifier: GPL-2.0-only
/* A fault for each checker of running programs to find, which the argument names. */
#include <pthread.h>

#include "../../util.h"

static int raced;

static void *race(void *unused)
{
	(void)unused;
	raced++;
	return NULL;
}

/* The optimizer must not see what is wrong. */
static volatile int eight = 8;
static char *volatile leaked;

int main(int argc, char **argv)
{
	char what = argc > 1 ? *argv[1] : 0;
	volatile char *volatile memory = malloc(8);
	uint32_t indices[2];
	pthread_t thread;

	indices[0] = 0;
	switch (what) {
	case 'o': /* verflow */
		memory[eight] = 1;
		break;
	case 'u': /* ndefined */
		eight = INT32_MAX / 2 * eight;
		break;
	case 'r': /* ace */
		pthread_create(&thread, NULL, race, NULL);
		raced++;
		pthread_join(thread, NULL);
		break;
	case 'p': /* ut of an index that nobody set */
		put_many(new_pool(8192, 2), indices, 2, NULL);
		break;
	case 'l': /* eak */
		leaked = malloc(8);
		leaked = NULL;
		break;
	}
	free((void *)memory);
	return 0;
}
