// SPDX-License-Identifier: GPL-2.0-only
/* What it was that was measured on. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "bench.h"
#include "../tools/tool.h"

/* As the kernel names the first processor. */
static void find_processor(char *name, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256], *value;

	snprintf(name, size, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		value = strstr(line, ": ");
		if (strncmp(line, "model name", 10) || !value)
			continue;
		value[strcspn(value, "\n")] = 0;
		snprintf(name, size, "%s", value + 2);
		break;
	}
	if (file)
		fclose(file);
}

void machine_json(void)
{
	long page = sysconf(_SC_PAGESIZE);
	struct utsname system;
	char processor[128];

	MUST(uname(&system));
	find_processor(processor, sizeof(processor));
	json_string("kernel", system.release);
	json_begin("machine");
	json_string("architecture", system.machine);
	json_string("processor", processor);
	json_number("processors", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	json_number("memory", (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)page);
	json_number("page_size", (uint64_t)page);
	json_end();
}
