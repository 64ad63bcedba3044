// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded under valgrind, which knows of zcpool's commands no more than their structs'
 * sizes: checks what the kernel is going to read by the addresses in these, and tells what
 * it has written.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/zcpool.h>
#include <valgrind/memcheck.h>

static void *at(__u64 address)
{
	return (void *)(uintptr_t)address;
}

/* The answers do not matter: valgrind reports. */
static void reads(__u64 address, __u64 size)
{
	/* Where nothing can be mapped, a test has the kernel look on purpose. */
	if (address >= 4096)
		(void)VALGRIND_CHECK_MEM_IS_DEFINED(at(address), size);
}

static void writes(__u64 address, __u64 size)
{
	(void)VALGRIND_MAKE_MEM_DEFINED(at(address), size);
}

static void read_elements(const struct zcpool_send *send)
{
	const struct zcpool_element *element = at(send->elements);
	__u32 i;

	/* What the kernel would refuse is not looked at. */
	if (send->count > 1024)
		return;
	reads(send->elements, send->count * sizeof(*element));
	for (i = 0; i < send->count; i++)
		if (element[i].flags & ZCPOOL_ELEMENT_F_INLINE && element[i].length < 1 << 20)
			reads(element[i].base, element[i].length);
}

static void before(unsigned long command, const void *arg)
{
	const struct zcpool_get *get = arg;
	const struct zcpool_put *put = arg;
	const struct zcpool_transfer *transfer = arg;

	switch (command) {
	case ZCPOOL_IOC_GET:
		reads(get->put_indices, get->put_count * sizeof(__u32));
		break;
	case ZCPOOL_IOC_PUT:
	/* Structs of the same layout. */
	case ZCPOOL_IOC_SEAL:
	case ZCPOOL_IOC_UNSEAL:
		reads(put->indices, put->count * sizeof(__u32));
		break;
	case ZCPOOL_IOC_TRANSFER:
		reads(transfer->items, transfer->count * sizeof(struct zcpool_item));
		break;
	case ZCPOOL_IOC_SEND:
		read_elements(arg);
		break;
	}
}

static void after(unsigned long command, const void *arg)
{
	const struct zcpool_get *get = arg;
	const struct zcpool_holders *holders = arg;
	const struct zcpool_receive *receive = arg;

	switch (command) {
	case ZCPOOL_IOC_GET:
		writes(get->indices, get->count * sizeof(__u32));
		break;
	case ZCPOOL_IOC_HOLDERS:
		writes(holders->entries, (__u64)holders->count * holders->entry_size);
		break;
	case ZCPOOL_IOC_RECEIVE:
		writes(receive->items, receive->count * sizeof(struct zcpool_item));
		break;
	}
}

int ioctl(int fd, unsigned long command, ...)
{
	va_list list;
	long ret;
	void *arg;

	va_start(list, command);
	arg = va_arg(list, void *);
	va_end(list);
	before(command, arg);
	ret = syscall(SYS_ioctl, fd, command, arg);
	if (ret >= 0)
		after(command, arg);
	return (int)ret;
}
