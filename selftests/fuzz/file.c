// SPDX-License-Identifier: GPL-2.0-only
/* Reading, writing and sizing, of handles and whatever else there is. */
#include <linux/falloc.h>

#include "calls.h"
#include "fuzz.h"

static uint64_t some_position(int fd)
{
	uint64_t size = model_of(fd)->size;

	return bent(percent(70) && size ? below(size + 1) : below(64 * KIB));
}

/* What reads and what writes differ by their descriptors alone. */
static long copy(bool write_it)
{
	int fd = write_it ? slot_sink() : slot_source();
	size_t size = bent(some_length(64 * KIB));
	void *memory = POINTER(some_address(size));

	ABOUT("fd=%ld %#lx size=%#lx", fd, U64(memory), size);
	return RESULT(write_it ? write(fd, memory, size) : read(fd, memory, size));
}

static long call_read(void)
{
	return copy(false);
}

static long call_write(void)
{
	return copy(true);
}

static long copy_at(bool write_it)
{
	int fd = write_it ? slot_sink() : slot_source();
	size_t size = bent(some_length(64 * KIB));
	void *memory = POINTER(some_address(size));
	uint64_t at = some_position(fd);

	ABOUT("fd=%ld %#lx size=%#lx at=%#lx", fd, U64(memory), size, at);
	return RESULT(write_it ? pwrite(fd, memory, size, at) : pread(fd, memory, size, at));
}

static long call_pread(void)
{
	return copy_at(false);
}

static long call_pwrite(void)
{
	return copy_at(true);
}

static long copy_vector(bool write_it, int valid_flags)
{
	int fd = write_it ? slot_sink() : slot_source(), count = 1 + below(6);
	struct iovec *vector = some_vector(count);
	uint64_t at = some_position(fd);
	int flags = flags_of(valid_flags);

	ABOUT("fd=%ld count=%ld at=%#lx flags=%#lx", fd, count, at, flags);
	return RESULT(write_it ? pwritev2(fd, vector, count, at, flags) :
				 preadv2(fd, vector, count, at, flags));
}

static long call_preadv(void)
{
	return copy_vector(false, RWF_NOWAIT | RWF_HIPRI);
}

static long call_pwritev(void)
{
	return copy_vector(true, RWF_NOWAIT | RWF_DSYNC | RWF_SYNC | RWF_APPEND | RWF_HIPRI);
}

static long call_lseek(void)
{
	int fd = percent(80) ? slot_source() : slot_any();
	int64_t at = percent(85) ? some_position(fd) : random_word();
	int whence = bent(ONE_OF(SEEK_SET, SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE));

	if (whence == SEEK_END || whence == SEEK_CUR)
		at = percent(70) ? 0 : -at;
	ABOUT("fd=%ld at=%#lx whence=%ld", fd, at, whence);
	return lseek(fd, at, whence) < 0 ? -errno : 0;
}

static long call_ftruncate(void)
{
	int fd = percent(70) ? slot_of(SLOT_HANDLE) : slot_any();
	struct model *model = model_of(fd);
	uint64_t size = percent(50) ? model->size :
				      bent(percent(80) ? PAGE * (1 + below(64)) : below(MIB));
	long ret;

	ABOUT("fd=%ld size=%#lx", fd, size);
	ret = RESULT(ftruncate(fd, size));
	if (!ret && slot_kind_of(fd) == SLOT_HANDLE && !model->size) {
		model->size = size;
		model->stride = 8 * KIB;
		model->count = (size + 8 * KIB - 1) / (8 * KIB);
		model->handle = 1;
	}
	return ret;
}

static long call_fallocate(void)
{
	int fd = percent(70) ? slot_of(SLOT_HANDLE) : slot_of(SLOT_PLAIN);
	int mode = flags_of(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE |
			    FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE);
	uint64_t at = percent(60) ? 0 : some_position(fd);
	uint64_t size = bent(1 + below(256 * KIB));

	/* A plain file would fill the memory. */
	if (slot_kind_of(fd) == SLOT_PLAIN && (size > MIB || at > MIB))
		return RESULT_NONE;
	ABOUT("fd=%ld mode=%#lx at=%#lx size=%#lx", fd, mode, at, size);
	return RESULT(fallocate(fd, mode, at, size));
}

static long call_fsync(void)
{
	int fd = percent(70) ? slot_source() : slot_any();

	ABOUT("fd=%ld", fd);
	return RESULT(percent(50) ? fsync(fd) : fdatasync(fd));
}

static long call_fadvise(void)
{
	int fd = slot_source(), advice = bent(below(6));
	uint64_t at = some_position(fd);

	ABOUT("fd=%ld at=%#lx advice=%ld", fd, at, advice);
	return percent(80) ? -posix_fadvise(fd, at, some_length(MIB), advice) :
			     RESULT(readahead(fd, at, some_length(MIB)));
}

/* A file that has nothing to do with pools, to splice to and from; or a disk. */
long call_plain_open(void)
{
	int fd;

	ABOUT("", 0);
	switch (below(4)) {
	case 0:
		fd = open("/dev/nvme0n1", O_RDWR | O_CLOEXEC | (percent(80) ? O_DIRECT : 0));
		break;
	case 1:
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		break;
	default:
		fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (fd >= 0 && ftruncate(fd, 1 + below(256 * KIB)))
			fd = -1;
	}
	if (fd < 0)
		return -errno;
	return slot_fill(SLOT_PLAIN, fd, &(struct model){ .size = 64 * KIB });
}

const struct kind file_kinds[] = {
	{ "read", call_read, 10 },
	{ "write", call_write, 10 },
	{ "pread", call_pread, 6 },
	{ "pwrite", call_pwrite, 6 },
	{ "preadv2", call_preadv, 5 },
	{ "pwritev2", call_pwritev, 5 },
	{ "lseek", call_lseek, 4 },
	{ "ftruncate", call_ftruncate, 6 },
	{ "fallocate", call_fallocate, 4 },
	{ "fsync", call_fsync, 2 },
	{ "fadvise", call_fadvise, 2 },
	{ "open of a plain file", call_plain_open, 3 },
	{},
};
