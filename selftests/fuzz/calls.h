/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that others than the table of kinds name. */
#ifndef ZCPOOL_FUZZ_CALLS_H
#define ZCPOOL_FUZZ_CALLS_H

long call_open(void);
long call_create(void);
long call_share(void);
long call_get(void);
long call_put(void);
long call_view(void);
long call_mmap_pool(void);
long call_mmap_anonymous(void);
long call_pipe(void);
long call_socket_pair(void);
long call_plain_open(void);
long call_mount_open(void);
long call_ring_setup(void);

#endif /* ZCPOOL_FUZZ_CALLS_H */
