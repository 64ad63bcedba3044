/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What zcpoolctl send and recv say to each other over one TCP connection: the
 * sender a header and then size bytes, the receiver, when it has written them
 * all, an answer.  Numbers are big-endian.
 */
#ifndef ZCPOOLCTL_TRANSFER_H
#define ZCPOOLCTL_TRANSFER_H

#include <stdint.h>

#define TRANSFER_MAGIC 0x7A63706F6F6C3031ULL /* "zcpool01" */

struct transfer_header {
	uint64_t magic;
	uint64_t size;
};

struct transfer_answer {
	uint64_t magic;
	uint64_t received;
};

#endif /* ZCPOOLCTL_TRANSFER_H */
