// SPDX-License-Identifier: GPL-2.0-only
/* The files of selftests/copycount. */
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "ways.h"

#define DIRECTORY "/sys/kernel/debug/copycount/"

static void control(const char *word)
{
	static int fd = -1;

	if (fd < 0)
		fd = MUST(open(DIRECTORY "control", O_WRONLY | O_CLOEXEC));
	MUST(write(fd, word, strlen(word)));
}

void counter_be_peer(void)
{
	control("peer");
}

void counter_start(bool softirqs)
{
	control(softirqs ? "start softirqs" : "start");
}

void counter_stop(void)
{
	control("stop");
}

FILE *counter_open(const char *name)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), DIRECTORY "%s", name);
	file = fopen(path, "re");
	MUST(file ? 0 : -1);
	return file;
}

bool counter_read(FILE *file, struct counter_line *line)
{
	if (fscanf(file, "%39s %39s %" SCNu64 " %" SCNu64, line->kind, line->name, &line->bytes,
		   &line->times) == 4)
		return true;
	/* Not a line of another shape. */
	MUST(feof(file) ? 0 : -1);
	fclose(file);
	return false;
}

uint64_t counter_missed(char name[COUNTER_NAME_LENGTH])
{
	FILE *file = counter_open("probes");
	struct counter_line line;
	uint64_t missed = 0;

	while (counter_read(file, &line)) {
		if (strcmp(line.kind, "missed") || !line.times)
			continue;
		missed += line.times;
		memcpy(name, line.name, COUNTER_NAME_LENGTH);
	}
	return missed;
}
