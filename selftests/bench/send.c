// SPDX-License-Identifier: GPL-2.0-only
/* Messages over TCP loopback, sent and received by the same thread. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

/* Bytes per repeat; small messages need fewer for the same precision. */
#define BYTES_PER_REPEAT (16UL << 20)
#define MESSAGES_MAX 1024
/* So that the largest message fits, and no method ever waits for the other end. */
#define SOCKET_BUFFER (8 << 20)
#define RECEIVE_BUFFER (256 << 10)

static const uint64_t sizes[] = { 4 << 10, 64 << 10, 1 << 20 };

static void connect_pair(int pair[2])
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const int buffer = SOCKET_BUFFER;
	socklen_t length = sizeof(address);
	int listener = MUST(socket(AF_INET, SOCK_STREAM, 0));

	MUST(setsockopt(listener, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)));
	MUST(bind(listener, (struct sockaddr *)&address, length));
	MUST(listen(listener, 1));
	MUST(getsockname(listener, (struct sockaddr *)&address, &length));
	pair[0] = MUST(socket(AF_INET, SOCK_STREAM, 0));
	MUST(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)));
	MUST(connect(pair[0], (struct sockaddr *)&address, length));
	pair[1] = MUST(accept(listener, NULL, NULL));
	close(listener);
	MUST(fcntl(pair[0], F_SETFL, O_NONBLOCK));
	MUST(fcntl(pair[1], F_SETFL, O_NONBLOCK));
}

static size_t drain(int socket)
{
	static char buffer[RECEIVE_BUFFER];
	size_t total = 0;
	ssize_t got;

	while ((got = recv(socket, buffer, sizeof(buffer), 0)) > 0)
		total += got;
	if (got < 0 && errno != EAGAIN)
		MUST(got);
	return total;
}

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
			received += drain(pair[1]);
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
