// SPDX-License-Identifier: GPL-2.0-only
/* Messages over TCP loopback, sent and received by the same thread. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "bench.h"

/* Bytes per repeat; small messages need fewer for the same precision. */
#define BYTES_PER_REPEAT (16UL << 20)
#define MESSAGES_MAX 1024
#define MESSAGES_MIN 4
static const uint64_t sizes[] = { 4 << 10, 64 << 10, 1 << 20 };

/* 0, or the errno of a message that could not be sent. */
static int send_messages(const struct sending *sending, const struct method *method, int pair[2],
			 size_t size, size_t messages)
{
	size_t message, sent, received;
	long ret;

	for (message = 0; message < messages; message++) {
		sent = 0;
		received = 0;
		while (received < size) {
			ret = sent < size ? method->send(pair[0], sent, size) : 0;
			if (ret < 0 && errno != EAGAIN)
				return errno;
			sent += ret > 0 ? (size_t)ret : 0;
			received += drain(pair[1], sending->receive);
		}
		method->finish(pair[0]);
	}
	return 0;
}

static size_t messages_of(size_t size)
{
	size_t messages = BYTES_PER_REPEAT / size;

	if (messages < MESSAGES_MIN)
		return MESSAGES_MIN;
	return messages > MESSAGES_MAX ? MESSAGES_MAX : messages;
}

/*
 * Slow start and the first use of every slot are not to be measured, nor the second, by
 * which the kernel knows a page of a file as one that is used.
 */
static size_t messages_before(size_t size)
{
	return messages_of(size) / 4 + 2 * method_slots(size) + 4;
}

void measure_send(const struct sending *sending, const struct method *method, uint64_t size)
{
	const char *section = sending->section;
	size_t messages = messages_of(size);
	struct stopwatch watch;
	struct cost cost;
	int pair[2], error;

	if (result_left_out(section, method->name, size))
		return;
	error = method->open(size);
	if (error) {
		result_leave_out(section, method->name, size, strerror(-error));
		return;
	}
	connect_pair(pair, sending->family);
	error = send_messages(sending, method, pair, size, messages_before(size));
	stopwatch_start(&watch);
	if (!error)
		error = send_messages(sending, method, pair, size, messages);
	cost = stopwatch_stop(&watch, (double)(messages * size));
	if (error)
		result_leave_out(section, method->name, size, strerror(error));
	else
		result_note(section, method->name, size, cost);
	method->close();
	close_pair(pair);
}

/* All methods in turn, and that several times: a drift meets them all alike. */
static void measure_all(const struct sending *sending)
{
	unsigned int repeat;
	size_t m, s;

	for (repeat = 0; repeat < bench_options.repeats; repeat++) {
		bench_progress("%s: repeat %u of %u", sending->section, repeat + 1,
			       bench_options.repeats);
		for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			for (m = 0; m < nr_methods; m++)
				measure_send(sending, &methods[m], sizes[s]);
	}
}

void bench_send(void)
{
	static const struct sending usual = { "send", AF_INET, 0 };
	static const struct sending discarded = { "send, discarded", AF_INET, MSG_TRUNC };

	measure_all(&usual);
	measure_all(&discarded);
}

void bench_segments(void)
{
	static const struct sending large = { "send, large segments", AF_INET6, MSG_TRUNC };
	int error = network_enter();
	size_t m, s;

	if (!error) {
		measure_all(&large);
		network_leave();
		return;
	}
	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (m = 0; m < nr_methods; m++)
			result_leave_out(large.section, methods[m].name, sizes[s],
					 strerror(-error));
}
