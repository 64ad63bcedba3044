/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of SEAL share. */
#ifndef ZCPOOL_SELFTEST_SEAL_H
#define ZCPOOL_SELFTEST_SEAL_H

#include <setjmp.h>

#include "util.h"

static inline int seal_many(int fd, const uint32_t *indices, uint32_t count, uint32_t flags,
			    uint32_t *done)
{
	struct zcpool_seal arg = {
		.indices = (uintptr_t)indices,
		.count = count,
		.flags = flags,
	};
	int ret = ioctl(fd, ZCPOOL_IOC_SEAL, &arg) ? -errno : 0;

	if (done)
		*done = arg.count;
	return ret;
}

static inline int unseal_many(int fd, const uint32_t *indices, uint32_t count, uint32_t *done)
{
	struct zcpool_unseal arg = { .indices = (uintptr_t)indices, .count = count };
	int ret = ioctl(fd, ZCPOOL_IOC_UNSEAL, &arg) ? -errno : 0;

	if (done)
		*done = arg.count;
	return ret;
}

static inline int seal(int fd, uint32_t index, uint32_t flags)
{
	return seal_many(fd, &index, 1, flags, NULL);
}

static inline int unseal(int fd, uint32_t index)
{
	return unseal_many(fd, &index, 1, NULL);
}

static inline bool is_sealed(int fd, uint32_t index)
{
	return holder_of(fd, index).flags & ZCPOOL_HOLDER_F_SEALED;
}

/* Each thread that touches what may be sealed comes back to where it was. */
static __thread sigjmp_buf touch_return;
static __thread volatile sig_atomic_t touching;

static void touch_failed(int signal)
{
	if (!touching) {
		static const char text[] = "a signal that no test expects\n";

		if (write(2, text, sizeof(text) - 1) < 0)
			_exit(2);
		_exit(1);
	}
	siglongjmp(touch_return, signal);
}

static inline void catch_sigbus(void)
{
	struct sigaction action = { .sa_handler = touch_failed };

	sigaction(SIGBUS, &action, NULL);
}

/* Store or load a byte: 0, or the signal that it raised, which catch_sigbus() catches. */
static inline int store_byte(volatile char *address, char byte)
{
	int signal = sigsetjmp(touch_return, 1);

	if (!signal) {
		touching = 1;
		*address = byte;
	}
	touching = 0;
	return signal;
}

static inline int load_byte(volatile char *address)
{
	int signal = sigsetjmp(touch_return, 1);

	if (!signal) {
		touching = 1;
		(void)*address;
	}
	touching = 0;
	return signal;
}

#endif /* ZCPOOL_SELFTEST_SEAL_H */
