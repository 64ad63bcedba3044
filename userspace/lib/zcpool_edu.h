/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * QEMU's edu device by libzcpool: a thin wrapper of /dev/zcpool-edu0.
 *
 * A call that fails returns a negative errno value and has printed nothing.
 * What the driver promises, and every errno, is in <linux/zcpool_edu.h>.
 *
 * Threads: every function may be called from any thread at any time.
 */
#ifndef ZCPOOL_EDU_H
#define ZCPOOL_EDU_H

#include <stdint.h>

#include <linux/zcpool_edu.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Open /dev/zcpool-eduNUMBER; flags: 0 or O_NONBLOCK, O_CLOEXEC is always set.  Returns
 * a descriptor: poll() it, and end by close().
 */
int zcpool_edu_open(unsigned int number, int flags);

/* One ioctl each */

int zcpool_edu_query(int fd, struct zcpool_edu_query *query);
/* Returns the number of the new memory; the dma-buf's descriptor stays the caller's. */
int zcpool_edu_import(int fd, int dmabuf);
int zcpool_edu_release(int fd, uint32_t memory);
int zcpool_edu_submit(int fd, const struct zcpool_edu_submit *submit);
/*
 * Returns how many completions were filled in, at least 1.
 * timeout_ns: < 0 waits without limit, 0 does not wait.
 */
int zcpool_edu_complete(int fd, struct zcpool_edu_completion *completions, uint32_t count,
			int64_t timeout_ns);
/* flags as ZCPOOL_EDU_CANCEL_F_*.  Returns how many requests will end early. */
int zcpool_edu_cancel(int fd, uint64_t cookie, uint32_t flags);

#ifdef __cplusplus
}
#endif

#endif /* ZCPOOL_EDU_H */
