// SPDX-License-Identifier: GPL-2.0-only
/* Ways to send what is in the page cache. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "census.h"

static int file;
static char *memory;
static int pipe_ends[2], second_pipe[2];
static int sink;

int file_fd(void)
{
	return file;
}

/* What is read past the page cache is to come from the disk. */
void open_file(struct transfer *transfer, int flags)
{
	file = MUST(open(transfer->file, O_RDONLY | O_CLOEXEC | flags));
	if (flags & O_DIRECT)
		MUST(-posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED));
}

/* All of the file is in the page cache, whatever was done to it before. */
static void open_cached(struct transfer *transfer)
{
	char *data = malloc(PIECE);
	uint64_t offset;

	open_file(transfer, 0);
	for (offset = 0; offset < transfer->size; offset += PIECE)
		read_full(file, data, offset, PIECE);
	free(data);
}

static void open_read(struct transfer *transfer)
{
	open_cached(transfer);
	memory = map_memory(PIECE);
}

static void send_read(struct transfer *transfer, uint64_t offset, size_t size)
{
	copy_changed(file, offset, memory, transfer->socket, size);
}

static void open_shared(struct transfer *transfer)
{
	open_cached(transfer);
	memory = mmap(NULL, transfer->size, PROT_READ, MAP_SHARED, file, 0);
	MUST(memory == MAP_FAILED ? -1 : 0);
}

/* To change the data would be to change the file. */
static void send_shared(struct transfer *transfer, uint64_t offset, size_t size)
{
	write_full(transfer->socket, memory + offset, size);
}

static void open_private(struct transfer *transfer)
{
	open_cached(transfer);
	memory = mmap(NULL, transfer->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	MUST(memory == MAP_FAILED ? -1 : 0);
}

static void send_private(struct transfer *transfer, uint64_t offset, size_t size)
{
	content_change(memory + offset, size);
	write_full(transfer->socket, memory + offset, size);
}

static void send_sendfile(struct transfer *transfer, uint64_t offset, size_t size)
{
	sendfile_full(transfer->socket, file, offset, size);
}

/* For a card that cannot gather, a packet must be in one piece of memory. */
static void open_ungathered(struct transfer *transfer)
{
	open_cached(transfer);
	MUST(path_set_gathering(transfer->path, false));
}

static void open_mappable(struct transfer *transfer)
{
	open_cached(transfer);
	set_segment(transfer);
}

static void open_memfd(struct transfer *transfer)
{
	file = MUST(memfd_create("census", MFD_CLOEXEC));
	MUST(ftruncate(file, transfer->size));
	memory = mmap(NULL, transfer->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file,
		      0);
	MUST(memory == MAP_FAILED ? -1 : 0);
	content_fill(memory, 0, transfer->size);
}

static void send_memfd(struct transfer *transfer, uint64_t offset, size_t size)
{
	content_change(memory + offset, size);
	sendfile_full(transfer->socket, file, offset, size);
}

static void open_splice(struct transfer *transfer)
{
	open_cached(transfer);
	open_pipe(pipe_ends, MIB);
}

static void send_splice(struct transfer *transfer, uint64_t offset, size_t size)
{
	splice_full(file, offset, pipe_ends, transfer->socket, size);
}

static void open_tee(struct transfer *transfer)
{
	open_splice(transfer);
	open_pipe(second_pipe, MIB);
	sink = MUST(open("/dev/null", O_WRONLY | O_CLOEXEC));
}

static void send_tee(struct transfer *transfer, uint64_t offset, size_t size)
{
	int64_t at = offset;

	while (size) {
		size_t in_pipe = pipe_fill(file, &at, pipe_ends[1], size), left = in_pipe;

		while (left) {
			size_t both = MUST(tee(pipe_ends[0], second_pipe[1], left, 0));

			pipe_drain(second_pipe[0], transfer->socket, both, 0);
			pipe_drain(pipe_ends[0], sink, both, 0);
			left -= both;
		}
		size -= in_pipe;
	}
}

/* The memory is the page cache's, which the kernel writes to whenever the file is written. */
static const char nobody[] = "no";

const struct method cached_methods[] = {
	{
		.name = "read, write",
		.what = "read() from the page cache, changed in the program, write()",
		.knows = "copied, at once",
		.open = open_read,
		.send = send_read,
	},
	{
		.name = "mmap, write",
		.what = "shared mapping of a cached file, write()",
		.knows = "copied, at once",
		.open = open_shared,
		.send = send_shared,
	},
	{
		.name = "mmap copy-on-write, write",
		.what = "private mapping of a cached file, one page of 16 changed in it, write()",
		.knows = "copied, at once",
		.open = open_private,
		.send = send_private,
	},
	{
		.name = "sendfile, file",
		.what = "sendfile() from the page cache",
		.knows = nobody,
		.open = open_cached,
		.send = send_sendfile,
	},
	{
		.name = "sendfile, no gathering",
		.what = "sendfile() from the page cache, by a device without scatter-gather",
		.knows = nobody,
		.optional = true,
		.open = open_ungathered,
		.send = send_sendfile,
	},
	{
		.name = "sendfile, ZC_RECEIVE",
		.what = "sendfile() from page cache, in packets of whole pages where the device "
			"can, to a receiver that asks TCP_ZEROCOPY_RECEIVE to map them",
		.knows = nobody,
		.optional = true,
		.open = open_mappable,
		.send = send_sendfile,
		.prepare = map_prepare,
		.receive = map_receive,
	},
	{
		.name = "sendfile, memfd",
		.what = "memfd with the data, changed in its mapping, sendfile()",
		.knows = nobody,
		.open = open_memfd,
		.send = send_memfd,
	},
	{
		.name = "splice",
		.what = "splice() from the page cache to a pipe, and on to the socket",
		.knows = nobody,
		.open = open_splice,
		.send = send_splice,
	},
	{
		.name = "tee",
		.what = "splice() from the page cache to a pipe, tee() to a second one, of which "
			"one goes to the socket and one to /dev/null",
		.knows = nobody,
		.open = open_tee,
		.send = send_tee,
	},
	{ 0 },
};
