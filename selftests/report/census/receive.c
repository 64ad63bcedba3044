// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ways to receive.  Every byte must be as in the file, or as the sending program changed
 * it.  What stays is checked when counting is over; to check costs no calls.
 */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "census.h"

static char *memory, *mapped;

/* How many bytes so far are not as in the file, and not as changed. */
static uint64_t not_original, not_changed;
static char original[PIECE], changed[PIECE];

void receive_prepare(struct transfer *transfer)
{
	memory = map_memory(transfer->size);
}

void receive_all(struct transfer *transfer)
{
	uint64_t done;

	for (done = 0; done < transfer->size; done += PIECE) {
		long got = MUST(recv(transfer->socket, memory + done, PIECE, MSG_WAITALL));

		errno = ENODATA;
		MUST(got == PIECE ? 0 : -1);
	}
}

/* With the time stamps of TCP that makes packets of 7 whole pages, where the device can. */
#define SEGMENT (7 * PAGE + 12)

void set_segment(struct transfer *transfer)
{
	const int segment = SEGMENT;

	MUST(setsockopt(transfer->socket, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof(segment)));
}

void map_prepare(struct transfer *transfer)
{
	memory = map_memory(PIECE);
	mapped = mmap(NULL, PIECE, PROT_READ, MAP_SHARED, transfer->socket, 0);
	MUST(mapped == MAP_FAILED ? -1 : 0);
	transfer->shared->outcome.mapped = 0;
}

/* What the kernel cannot map it says, and that has to be copied. */
static size_t receive_rest(struct transfer *transfer, size_t length)
{
	long got = MUST(recv(transfer->socket, memory, length, 0));

	errno = ENODATA;
	MUST(got ? 0 : -1);
	receive_check(transfer, memory, got);
	return got;
}

/* As a program does that goes on: the pages of one call make room for those of the next. */
void map_receive(struct transfer *transfer)
{
	struct pollfd readable = { .fd = transfer->socket, .events = POLLIN };
	uint64_t done = 0;

	while (done < transfer->size) {
		struct tcp_zerocopy_receive argument = {
			.address = (uintptr_t)mapped,
			.length = PIECE,
		};
		socklen_t length = sizeof(argument);
		size_t rest = transfer->size - done;

		MUST(poll(&readable, 1, -1));
		MUST(getsockopt(transfer->socket, IPPROTO_TCP, TCP_ZEROCOPY_RECEIVE, &argument,
				&length));
		if (argument.length) {
			receive_check(transfer, mapped, argument.length);
			transfer->shared->outcome.mapped += argument.length;
			done += argument.length;
			continue;
		}
		if (argument.recv_skip_hint && argument.recv_skip_hint < rest)
			rest = argument.recv_skip_hint;
		done += receive_rest(transfer, rest < PIECE ? rest : PIECE);
	}
}

/* What the bytes of a piece must be: as in the file, and as changed. */
static void expect(const struct transfer *transfer, uint64_t offset)
{
	uint64_t period = transfer->method->period, at;

	content_fill(original, period ? 0 : offset, PIECE);
	for (at = period; period && at < PIECE; at++)
		original[at] = original[at - period];
	memcpy(changed, original, PIECE);
	content_change(changed, PIECE);
}

void receive_check(struct transfer *transfer, const char *data, size_t length)
{
	uint64_t *received = &transfer->shared->outcome.received;

	while (length) {
		size_t at = *received % PIECE, part = PIECE - at;

		if (part > length)
			part = length;
		if (!at)
			expect(transfer, *received);
		not_original += content_wrong(data, original + at, part);
		not_changed += content_wrong(data, changed + at, part);
		*received += part;
		data += part;
		length -= part;
	}
}

void receive_finish(struct transfer *transfer)
{
	struct outcome *outcome = &transfer->shared->outcome;

	if (!transfer->method->receive)
		receive_check(transfer, memory, transfer->size);
	outcome->changed = not_changed < not_original;
	outcome->wrong = outcome->changed ? not_changed : not_original;
}
