// SPDX-License-Identifier: GPL-2.0-only
/* Commands of the device that concern a handle and its pool. */
#include "calls.h"
#include "fuzz.h"

/* A command by the 32-bit way into the kernel; the address has to be below 4 GiB. */
static long command_32(int fd, unsigned int number, uint64_t address)
{
#ifdef __x86_64__
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(54L), "b"((long)fd), "c"((long)number), "d"(address)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
#else
	return RESULT(ioctl(fd, number, address));
#endif
}

/*
 * A command with its struct, mostly as it is.  What the kernel writes is in the struct
 * afterwards.
 */
long command(int fd, unsigned int number, void *arg, size_t size)
{
	unsigned char *given = scratch(512);
	size_t given_size = size;
	uint64_t address;
	long ret;

	memcpy(given, arg, size);
	if (percent(3))
		given[below(size)] = random_word();
	if (percent(3)) {
		given_size = ONE_OF(0, 1, 4, 8, size - 1, size - 4, size + 1, size + 8, size * 2);
		if (percent(30))
			given[below(size * 2)] = 1;
	}
	address = percent(85) ? U64(given) : place(given, given_size > size ? given_size : size);
	number = _IOC(_IOC_DIR(number), _IOC_TYPE(number), _IOC_NR(number), given_size);
	/* The struct in words, as far as they fit. */
	ABOUT("fd=%ld arg=%#lx size=%ld: %lx %lx %lx %lx %lx", fd, address, given_size,
	      ((uint64_t *)given)[0], ((uint64_t *)given)[1], ((uint64_t *)given)[2],
	      ((uint64_t *)given)[3], ((uint64_t *)given)[4]);
	if (percent(5) && address < 1ULL << 32)
		ret = command_32(fd, number, address);
	else
		ret = RESULT(ioctl(fd, number, address));
	fetch(arg, address, size);
	return ret;
}

int open_device(void)
{
	static const int flags[] = { O_RDWR, O_RDWR, O_RDWR, O_RDWR, O_RDONLY, O_WRONLY };
	int how = flags[below(ARRAY_SIZE(flags))] | O_CLOEXEC;

	if (percent(15))
		how |= O_NONBLOCK;
	if (percent(2))
		how |= O_DIRECT;
	if (percent(2))
		how |= O_PATH;
	if (percent(2))
		how |= random_word() &
		       (O_APPEND | O_ASYNC | O_SYNC | O_TRUNC | O_EXCL | O_NOFOLLOW);
	ABOUT("%#lo", how);
	return RESULT(open(DEVICE, how, 0600));
}

/* Which pool a handle is of: 0, if of none. */
uint64_t pool_of(int fd)
{
	struct zcpool_query query = { 0 };

	return ioctl(fd, ZCPOOL_IOC_QUERY, &query) ? 0 : query.pool_id;
}

long call_open(void)
{
	return slot_fill(SLOT_HANDLE, open_device(), NULL);
}

static long call_query(void)
{
	struct zcpool_query arg = { .flags = flags_of(0) };
	int fd = slot_of(SLOT_HANDLE);
	long ret = command(fd, ZCPOOL_IOC_QUERY, &arg, sizeof(arg));
	struct model *model = model_of(fd);

	if (!ret && arg.pool_id) {
		model->size = arg.size;
		model->stride = arg.stride;
		model->count = arg.count;
		model->handle = arg.handle;
		model->pool = arg.pool_id;
	}
	return ret;
}

static uint64_t some_buffer_size(void)
{
	/* Few are large: to clear those takes more time than all else. */
	switch (below(64)) {
	case 0 ... 1:
		return 2 * MIB;
	case 2:
		return 1 + below(3 * MIB);
	case 3:
		return 4 * MIB;
	case 4 ... 20:
		return 1 + below(64 * KIB);
	default:
		return ONE_OF(8 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, 64 * KIB);
	}
}

long call_create(void)
{
	struct zcpool_create arg = {
		.buffer_size = some_buffer_size(),
		.flags = flags_of(percent(20) ? ZCPOOL_CREATE_F_NUMA_NODE : 0),
		.dma_bits = percent(80) ? 0 : below(66),
	};
	int fd = slot_unbound();
	long ret;

	/* Pools are small, so that many fit, and what is free is soon seen again. */
	arg.count = arg.buffer_size > 512 * KIB ? 1 + below(3) : 1 + below(percent(80) ? 12 : 70);
	if (percent(35))
		arg.flags |= ZCPOOL_CREATE_F_ISOLATED;
	arg.buffer_size = bent(arg.buffer_size);
	arg.count = bent(arg.count);
	arg.numa_node = bent(0);
	ret = command(fd, ZCPOOL_IOC_CREATE, &arg, sizeof(arg));
	if (!ret)
		*model_of(fd) = (struct model){
			.size = arg.size,
			.stride = arg.stride,
			.count = arg.count,
			.handle = 1,
			.pool = pool_of(fd),
			.filled = true,
		};
	return ret;
}

long call_share(void)
{
	struct zcpool_share arg = { .flags = flags_of(ZCPOOL_SHARE_F_READ_ONLY), .fd = -1 };
	int fd = slot_of(SLOT_HANDLE);
	long ret = command(fd, ZCPOOL_IOC_SHARE, &arg, sizeof(arg));

	if (ret)
		return ret;
	return arg.fd > 2 && arg.fd < SLOT_FIRST - 8 ? slot_fill(SLOT_SHARE, arg.fd, model_of(fd)) :
						       0;
}

static long call_attach(void)
{
	struct zcpool_attach arg = {
		.fd = slot_of(SLOT_SHARE),
		.flags = flags_of(0),
		.queue_max = percent(60) ? 0 : bent(1 + below(8)),
	};
	const struct model share = *model_of(arg.fd);
	int fd = slot_unbound();
	long ret = command(fd, ZCPOOL_IOC_ATTACH, &arg, sizeof(arg));

	if (!ret) {
		*model_of(fd) = share;
		model_of(fd)->handle = arg.handle;
		model_of(fd)->pool = pool_of(fd);
		model_of(fd)->owned = 0;
		model_of(fd)->queued = false;
		model_of(fd)->filled = true;
	}
	return ret;
}

static long call_unknown(void)
{
	unsigned int number = _IOC(below(4), percent(80) ? ZCPOOL_IOC_TYPE : below(256),
				   percent(50) ? below(256) : below(16), below(200));
	int fd = slot_any();
	uint64_t address = some_address(KIB);

	/* What others know would do something that is not bounded, or not known to be. */
	if (_IOC_TYPE(number) != ZCPOOL_IOC_TYPE && slot_kind_of(fd) != SLOT_HANDLE)
		fd = slot_of(SLOT_HANDLE);
	ABOUT("fd=%ld %#lx %#lx", fd, number, address);
	return RESULT(ioctl(fd, number, address));
}

const struct kind pool_kinds[] = {
	{ "open", call_open, 12 },
	{ "QUERY", call_query, 6 },
	{ "CREATE", call_create, 12 },
	{ "SHARE", call_share, 6 },
	{ "ATTACH", call_attach, 8 },
	{ "some command", call_unknown, 3, "there are no others" },
	{},
};
