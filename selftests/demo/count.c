// SPDX-License-Identifier: GPL-2.0-only
/* What selftests/copycount counts, between start and stop. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

#define COUNTER "/sys/kernel/debug/copycount/"

static void control(const char *word)
{
	static int fd = -1;

	if (fd < 0)
		fd = MUST(open(COUNTER "control", O_WRONLY | O_CLOEXEC));
	MUST(write(fd, word, strlen(word)));
}

void count_start(bool loopback)
{
	control(loopback ? "start softirqs" : "start");
}

void count_stop(void)
{
	control("stop");
}

struct counts count_read(const char *disk, const char *card)
{
	FILE *file = fopen(COUNTER "counts", "r");
	unsigned long long bytes, times;
	struct counts counts = { 0 };
	char kind[32], name[64];

	if (!file)
		fail("cannot read " COUNTER "counts");
	while (fscanf(file, "%31s %63s %llu %llu", kind, name, &bytes, &times) == 4) {
		if (!strcmp(kind, "payload"))
			counts.copied += bytes;
		else if (!strcmp(kind, "from_device") && !strcmp(name, disk))
			counts.disk += bytes;
		else if (!strcmp(kind, "to_device") && card && !strcmp(name, card))
			counts.card += bytes;
		else if (!strcmp(kind, "switch"))
			counts.switches += times;
		if (!strcmp(name, "system_call"))
			counts.calls = times;
	}
	fclose(file);
	return counts;
}
