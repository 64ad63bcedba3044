// SPDX-License-Identifier: GPL-2.0-only
/* What selftests/copycount has counted of one transfer. */
#include <string.h>

#include "demo.h"

struct counts count_read(const char *disk, const char *card)
{
	FILE *file = counter_open("counts");
	struct counts counts = { 0 };
	struct counter_line line;

	while (counter_read(file, &line)) {
		if (!strcmp(line.kind, "payload"))
			counts.copied += line.bytes;
		else if (!strcmp(line.kind, "from_device") && !strcmp(line.name, disk))
			counts.disk += line.bytes;
		else if (!strcmp(line.kind, "to_device") && card && !strcmp(line.name, card))
			counts.card += line.bytes;
		else if (!strcmp(line.kind, "switch"))
			counts.switches += line.times;
		if (!strcmp(line.name, "system_call"))
			counts.calls = line.times;
	}
	counts.missed = counter_missed(counts.missed_by);
	return counts;
}
