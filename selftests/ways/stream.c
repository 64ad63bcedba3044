// SPDX-License-Identifier: GPL-2.0-only
/* Bytes from a file to a socket, by the calls that every program has. */
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "ways.h"

/* Bytes that a call moved: that there are none left is no success. */
static size_t some(long ret)
{
	errno = ENODATA;
	return MUST(ret ? ret : -1);
}

void read_full(int file, char *data, uint64_t offset, size_t size)
{
	long done = MUST(pread(file, data, size, offset));

	/* The file is shorter than it was. */
	some(done == (long)size);
}

void write_full(int socket, const char *data, size_t size)
{
	while (size) {
		long done = MUST(write(socket, data, size));

		data += done;
		size -= done;
	}
}

void sendfile_full(int socket, int file, uint64_t offset, size_t size)
{
	off_t at = offset;

	while (size)
		size -= some(MUST(sendfile(socket, file, &at, size)));
}

void open_pipe(int ends[2], size_t size)
{
	MUST(pipe2(ends, O_CLOEXEC));
	MUST(fcntl(ends[1], F_SETPIPE_SZ, size));
}

size_t pipe_fill(int file, int64_t *offset, int to, size_t size)
{
	return some(MUST(splice(file, offset, to, NULL, size, 0)));
}

void pipe_drain(int from, int to, size_t size, unsigned int more)
{
	while (size)
		size -= MUST(splice(from, NULL, to, NULL, size, more));
}

void splice_full(int file, uint64_t offset, const int ends[2], int socket, size_t size)
{
	int64_t at = offset;

	while (size) {
		size_t in_pipe = pipe_fill(file, &at, ends[1], size);

		size -= in_pipe;
		pipe_drain(ends[0], socket, in_pipe, size ? SPLICE_F_MORE : 0);
	}
}

void copy_changed(int file, uint64_t offset, char *memory, int socket, size_t size)
{
	read_full(file, memory, offset, size);
	content_change(memory, size);
	write_full(socket, memory, size);
}
