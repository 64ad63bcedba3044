// SPDX-License-Identifier: GPL-2.0-only
/* Calls that move bytes from one descriptor to another. */
#include <sys/sendfile.h>
#include <sys/syscall.h>

#include "calls.h"
#include "fuzz.h"

long call_pipe(void)
{
	int ends[2],
		flags = O_CLOEXEC | (percent(75) ? O_NONBLOCK : 0) | (percent(5) ? O_DIRECT : 0);

	ABOUT("flags=%#lo", flags);
	if (pipe2(ends, flags))
		return -errno;
	return slot_fill_pair(SLOT_PIPE, ends);
}

static int64_t *some_offset(int fd)
{
	int64_t *offset;
	uint64_t size = model_of(fd)->size;

	if (percent(40))
		return NULL;
	if (percent(2))
		return POINTER(bad_address());
	offset = scratch(sizeof(*offset));
	*offset = bent(below(size ? size : 64 * KIB));
	return offset;
}

static unsigned int some_splice_flags(void)
{
	return flags_of(SPLICE_F_MOVE | SPLICE_F_MORE | SPLICE_F_GIFT) |
	       (percent(85) ? SPLICE_F_NONBLOCK : 0);
}

static long splice_it(int in, int64_t *in_offset, int out, int64_t *out_offset)
{
	size_t size = bent(some_length(256 * KIB));
	unsigned int flags = some_splice_flags();

	ABOUT("in=%ld at=%#lx out=%ld at=%#lx size=%#lx flags=%#lx", in, U64(in_offset), out,
	      U64(out_offset), size, flags);
	return RESULT(splice(in, in_offset, out, out_offset, size, flags));
}

static long call_splice_in(void)
{
	int in = slot_source();

	return splice_it(in, slot_kind_of(in) == SLOT_SOCKET ? NULL : some_offset(in),
			 slot_pair(SLOT_PIPE, 1), percent(3) ? some_offset(0) : NULL);
}

static long call_splice_out(void)
{
	int out = slot_sink();

	return splice_it(slot_pair(SLOT_PIPE, 0), percent(3) ? some_offset(0) : NULL, out,
			 slot_kind_of(out) == SLOT_HANDLE || slot_kind_of(out) == SLOT_VIEW ?
				 some_offset(out) :
				 NULL);
}

static long call_splice_pipes(void)
{
	return splice_it(slot_pair(SLOT_PIPE, 0), NULL, slot_pair(SLOT_PIPE, 1), NULL);
}

static long call_tee(void)
{
	int in = slot_pair(SLOT_PIPE, 0), out = slot_pair(SLOT_PIPE, 1);
	size_t size = bent(some_length(256 * KIB));
	unsigned int flags = some_splice_flags();

	ABOUT("in=%ld out=%ld size=%#lx flags=%#lx", in, out, size, flags);
	return RESULT(tee(in, out, size, flags));
}

static long call_vmsplice(void)
{
	int fd = slot_pair(SLOT_PIPE, percent(70)), count = 1 + below(4);
	struct iovec *vector = some_vector(count);
	unsigned int flags = some_splice_flags();

	ABOUT("fd=%ld count=%ld flags=%#lx", fd, count, flags);
	return RESULT(vmsplice(fd, vector, count, flags));
}

static long call_sendfile(void)
{
	int in = percent(80) ? slot_of(percent(75) ? SLOT_HANDLE : SLOT_VIEW) : slot_source();
	int out = slot_sink();
	int64_t *offset = some_offset(in);
	size_t size = bent(some_length(256 * KIB));

	ABOUT("out=%ld in=%ld at=%#lx size=%#lx", out, in, U64(offset), size);
	return RESULT(sendfile(out, in, offset, size));
}

static long call_copy_file_range(void)
{
	/* No pool takes part in one that succeeds. */
	int in = percent(30) ? slot_of(SLOT_PLAIN) : slot_source();
	int out = percent(30) ? slot_of(SLOT_PLAIN) : slot_sink();
	int64_t *in_offset = some_offset(in), *out_offset = some_offset(out);
	size_t size = bent(some_length(64 * KIB));

	ABOUT("in=%ld at=%#lx out=%ld at=%#lx size=%#lx", in, U64(in_offset), out, U64(out_offset),
	      size);
	return RESULT(copy_file_range(in, in_offset, out, out_offset, size, percent(97) ? 0 : 1));
}

const struct kind stream_kinds[] = {
	{ "pipe", call_pipe, 4 },
	{ "splice into a pipe", call_splice_in, 18 },
	{ "splice out of a pipe", call_splice_out, 14 },
	{ "splice between pipes", call_splice_pipes, 4 },
	{ "tee", call_tee, 5 },
	{ "vmsplice", call_vmsplice, 8 },
	{ "sendfile", call_sendfile, 14 },
	{ "copy_file_range", call_copy_file_range, 3 },
	{},
};
