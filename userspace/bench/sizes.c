// SPDX-License-Identifier: GPL-2.0-only
/* What a byte costs, of messages of 64 bytes to 16 MiB. */
#include <string.h>
#include <sys/socket.h>

#include "bench.h"

#define SMALLEST 64UL
#define LARGEST (16UL << 20)

/* Of the ways to send, those that differ in what they do. */
static bool is_compared(const char *name)
{
	return !strcmp(name, "write") || !strcmp(name, "memfd+sendfile") ||
	       !strcmp(name, "MSG_ZEROCOPY") || !strcmp(name, "pool+sendfile") ||
	       !strcmp(name, "pool+SEND");
}

void bench_sizes(void)
{
	static const struct sending sending = { "sizes", AF_INET, 0 };
	unsigned int repeat;
	size_t m, size;

	for (repeat = 0; repeat < bench_options.repeats; repeat++) {
		bench_progress("sizes: repeat %u of %u", repeat + 1, bench_options.repeats);
		for (size = SMALLEST; size <= LARGEST; size *= 4)
			for (m = 0; m < nr_methods; m++)
				if (is_compared(methods[m].name))
					measure_send(&sending, &methods[m], size);
	}
}
