// SPDX-License-Identifier: GPL-2.0-only
/* Messages over TCP loopback, sent and received by the same thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* Bytes per repeat; small messages need fewer for the same precision. */
#define BYTES_PER_REPEAT (16UL << 20)
#define MESSAGES_MAX 1024
static const uint64_t sizes[] = { 4 << 10, 64 << 10, 1 << 20 };

static void send_messages(const struct method *method, int pair[2], size_t size, size_t messages)
{
	size_t message, sent, received;
	long ret;

	for (message = 0; message < messages; message++) {
		sent = 0;
		received = 0;
		while (received < size) {
			ret = sent < size ? method->send(pair[0], sent, size) : 0;
			if (ret < 0 && errno != EAGAIN)
				must(ret, method->name);
			sent += ret > 0 ? ret : 0;
			received += drain(pair[1], 0);
		}
		method->finish(pair[0]);
	}
}

static size_t messages_of(size_t size)
{
	size_t messages = BYTES_PER_REPEAT / size;

	return messages > MESSAGES_MAX ? MESSAGES_MAX : messages;
}

static void measure(const struct method *method, uint64_t size)
{
	struct result *result = result_add("send", method->name, size);
	size_t messages = messages_of(size);
	uint64_t start;
	int pair[2];

	connect_pair(pair);
	method->open(size);
	/* Slow start and the first use of every slot are not to be measured. */
	send_messages(method, pair, size, messages / 4 + 20);
	start = clock_ns();
	send_messages(method, pair, size, messages);
	result_cost(result, (double)(clock_ns() - start) / (messages * size));
	method->close();
	close(pair[0]);
	close(pair[1]);
}

/* All methods in turn, and that several times: a drift meets them all alike. */
void bench_send(const struct bench_options *options)
{
	unsigned int repeat;
	size_t m, s;

	for (repeat = 0; repeat < options->repeats; repeat++) {
		fprintf(stderr, "sending: repeat %u of %u\n", repeat + 1, options->repeats);
		for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			for (m = 0; m < nr_methods; m++)
				measure(&methods[m], sizes[s]);
	}
}
