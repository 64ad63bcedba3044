// SPDX-License-Identifier: GPL-2.0-only
/* The demonstration's program; selftests/demo/guest runs it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

static const char usage[] =
	"Usage: demo file PATH MIB\n"
	"       demo peer [--progress] ADDRESS PORT\n"
	"       demo send [OPTION...] PATH ADDRESS PORT\n\n"
	"file  makes a file of so many MiB of known bytes\n"
	"peer  receives it again and again, checks it, and answers\n"
	"send  sends it by one method after the other, and prints what it took, a line each\n"
	"  --disk NAME, --card NAME  the devices that it is read from and sent by, as\n"
	"                            DMA has them; no card: loopback\n"
	"  --interface NAME          the card's; it then makes no packets of large ones\n"
	"  --method NAME             only this one; may be repeated\n"
	"  --heading                 a heading above\n";

void must_fail(long ret, const char *what)
{
	/* The library returns what libc puts into errno. */
	fail("%s: %s", what, strerror(ret < -1 ? (int)-ret : errno));
}

static int file_command(int argc, char **argv)
{
	char *data = malloc(PIECE);
	uint64_t offset, size;
	int file;

	if (argc != 3) {
		fputs(usage, stderr);
		return 2;
	}
	size = strtoull(argv[2], NULL, 10) * MIB;
	file = MUST(open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
	for (offset = 0; offset < size; offset += PIECE) {
		content_fill(data, offset, PIECE);
		if (MUST(write(file, data, PIECE)) != PIECE)
			fail("cannot write %s: the disk is full", argv[1]);
	}
	MUST(fsync(file));
	MUST(close(file));
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";
	int status = 2;

	if (!strcmp(command, "file"))
		status = file_command(argc - 1, argv + 1);
	else if (!strcmp(command, "peer"))
		status = peer_command(argc - 1, argv + 1);
	else if (!strcmp(command, "send"))
		status = send_command(argc - 1, argv + 1);
	else
		fputs(usage, stderr);
	return status;
}
