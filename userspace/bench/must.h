/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that must succeed, in programs that measure. */
#ifndef ZCPOOL_BENCH_MUST_H
#define ZCPOOL_BENCH_MUST_H

/* Each program's own: what becomes of a failed call and its errno. */
void must_fail(long ret, const char *what) __attribute__((noreturn));

/* ret is returned if >= 0. */
static inline long must(long ret, const char *what)
{
	if (__builtin_expect(ret < 0, 0))
		must_fail(ret, what);
	return ret;
}

#define MUST(call) must((long)(call), #call)

#endif /* ZCPOOL_BENCH_MUST_H */
