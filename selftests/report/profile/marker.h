/* SPDX-License-Identifier: GPL-2.0-only */
/* The instruction by which a program tells the plugin where its measurement begins and ends. */
#ifndef REPORT_MARKER_H
#define REPORT_MARKER_H

/* No operation, with an address that nothing else has: 0f 1f 80, and these four bytes. */
#define MARKER_BEGIN 0x7a637062
#define MARKER_END 0x7a637065

#define MARK(marker) asm volatile("nopl %c0(%%rax)" : : "i"(marker) : "memory")

#endif /* REPORT_MARKER_H */
