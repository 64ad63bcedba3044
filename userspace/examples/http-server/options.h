/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/* What is asked for on the command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdint.h>

struct options {
	const char *directory;
	const char *address;
	const char *port;
	uint64_t pool_kib;
	uint64_t buffer_kib;
	uint32_t timeout;
	uint32_t connections;
};

/* Of what is wrong it tells, and ends the program; so does --help. */
struct options options_parse(int argc, char **argv);

#endif /* OPTIONS_H */
