// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel complains of while calls are made. */
#include "fuzz.h"

/* Among what selftests/vm/guest looks for at the end, what needs no context. */
static const char *const complaints[] = {
	"BUG:",	      "WARNING:",      "Oops",	    "general protection",
	"Bad page",   "Bad rss-",      "UBSAN:",    "possible circular locking",
	"INFO: task", "refcount_t:",   "INFO: rcu", "possible recursive locking",
	"kernel BUG", "list_add corr", "list_del c"
};

static int log_fd = -1;

/* From here on. */
int kernel_log_start(void)
{
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return log_fd < 0 || lseek(log_fd, 0, SEEK_END) < 0 ? -1 : 0;
}

/* The next complaint, without the record's head and further lines, or NULL. */
const char *kernel_log_complaint(void)
{
	/* A record of the log, whole. */
	static char record[8 * KIB];
	unsigned int i;
	ssize_t length;
	char *text;

	/* EPIPE: some were lost, and the next is there. */
	while ((length = read(log_fd, record, sizeof(record) - 1)) >= 0 || errno == EPIPE) {
		record[length < 0 ? 0 : length] = 0;
		text = strchr(record, ';');
		if (!text)
			continue;
		text[strcspn(text, "\n")] = 0;
		for (i = 0; i < ARRAY_SIZE(complaints); i++)
			if (strstr(text, complaints[i]))
				return text + 1;
	}
	return NULL;
}
