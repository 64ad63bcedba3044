/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory that may raise SIGBUS when it is touched. */
#ifndef ZCPOOL_SELFTEST_TOUCH_H
#define ZCPOOL_SELFTEST_TOUCH_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

/* Each thread that touches such memory comes back to where it was. */
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
static inline int touch_byte(volatile char *address, const char *store, volatile char *load)
{
	int signal = sigsetjmp(touch_return, 1);

	if (!signal) {
		touching = 1;
		if (store)
			*address = *store;
		else
			*load = *address;
	}
	touching = 0;
	return signal;
}

static inline int store_byte(volatile char *address, char byte)
{
	return touch_byte(address, &byte, NULL);
}

static inline int load_byte(volatile char *address)
{
	volatile char byte;

	return touch_byte(address, NULL, &byte);
}

/* What is read at an address, or -1 if that raises SIGBUS. */
static inline int byte_at(volatile char *address)
{
	volatile char byte = 0;

	catch_sigbus();
	return touch_byte(address, NULL, &byte) ? -1 : (unsigned char)byte;
}

/* Whether a byte can be written. */
static inline bool can_write(volatile char *address, char byte)
{
	catch_sigbus();
	return !store_byte(address, byte);
}

#endif /* ZCPOOL_SELFTEST_TOUCH_H */
