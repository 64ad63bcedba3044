// SPDX-License-Identifier: GPL-2.0-only
/* zcpoolctl list */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pools.h"
#include "tool.h"

static const char usage[] =
	"Usage: zcpoolctl list [OPTION...]\n"
	"List the pools of all processes that one may look into (all, for root).\n\n"
	"  -H, --holders           and the buffers that are held, and by how many of what:\n"
	"                          needs the right to trace the processes, as root has it\n"
	"  -o, --oldest COUNT      only those held longest, of each pool (default 10;\n"
	"                          0: all)\n"
	"  -j, --json              print the list as JSON\n";

struct list {
	struct common common;
	bool holders;
	uint64_t oldest;
};

static void print_handle(const struct handle *handle)
{
	char stride[32], size[32];

	printf("%6" PRIu64 " %6" PRIu64 " %8d %4d %-16s %6" PRIu64 " %8" PRIu64
	       " %10s %10s %8" PRIu64 " %8" PRIu64 " %8" PRIu64 " %9" PRIu64 " %8" PRIu64 "\n",
	       handle->pool, handle->number, handle->pid, handle->fd, handle->command, handle->user,
	       handle->count, format_size(handle->stride, stride, sizeof(stride)),
	       format_size(handle->size, size, sizeof(size)), handle->owned, handle->incoming,
	       handle->unowned, handle->in_flight, handle->overdue);
}

static void print_holders(const struct zcpool_holder *holder, int shown, int held)
{
	int i;

	if (shown)
		printf("%14s %-15s %8s %8s %8s %8s %10s %6s %10s\n", "BUFFER", "STATE", "MAPPINGS",
		       "SLOTS", "PINS", "EXPORTS", "REFERENCES", "SEALED", "SECONDS");
	for (i = 0; i < shown; i++, holder++)
		printf("%14u %-15s %8u %8u %8u %8u %10u %6s %10.3f\n", holder->index,
		       holder_state(holder), holder->mappings, holder->slots, holder->pins,
		       holder->exports, holder->references, holder_sealed(holder) ? "yes" : "no",
		       holder->age_ns / 1e9);
	if (shown < held)
		printf("%14s the %d held longest, of %d that are held\n", "", shown, held);
	else if (!held)
		printf("%14s no buffer is held\n", "");
}

/* Within an object. */
static void print_handle_json(const struct handle *handle)
{
	json_number("pool", handle->pool);
	json_number("handle", handle->number);
	json_number("pid", handle->pid);
	json_number("fd", handle->fd);
	json_string("command", handle->command);
	json_number("user", handle->user);
	json_number("count", handle->count);
	json_number("stride", handle->stride);
	json_number("size", handle->size);
	json_number("owned", handle->owned);
	json_number("incoming", handle->incoming);
	json_number("owned_total", handle->owned_total);
	json_number("unowned", handle->unowned);
	json_number("in_flight", handle->in_flight);
	json_number("overdue", handle->overdue);
	json_number("gets", handle->gets);
	json_number("puts", handle->puts);
	json_number("landed", handle->landed);
}

static void print_holders_json(const struct zcpool_holder *holder, int shown, int held)
{
	int i;

	json_number("held", held);
	json_array_begin("holders");
	for (i = 0; i < shown; i++, holder++) {
		json_begin(NULL);
		json_number("index", holder->index);
		json_string("state", holder_state(holder));
		json_number("mappings", holder->mappings);
		json_number("slots", holder->slots);
		json_number("pins", holder->pins);
		json_number("exports", holder->exports);
		json_number("references", holder->references);
		json_bool("sealed", holder_sealed(holder));
		json_real("age", holder->age_ns / 1e9);
		json_end();
	}
	json_array_end();
}

/* By the first of a pool's descriptors that lets one in; as holders_find(). */
static int find_holders(const struct handle *handle, int count, struct zcpool_holder **holders)
{
	int i, held, error = -ESRCH;

	for (i = 0; i < count; i++) {
		held = holders_find(&handle[i], holders);
		if (held >= 0)
			return held;
		if (held != -ESRCH)
			error = held;
	}
	return error;
}

static int fail_holders(const struct handle *handle, int error)
{
	if (error == -EPERM)
		return fail(EXIT_FAILED,
			    "no right to look into the buffers of pool %" PRIu64
			    ": --holders needs to trace process %d (%s), as root "
			    "or CAP_SYS_PTRACE may",
			    handle->pool, handle->pid, handle->command);
	return fail(EXIT_FAILED, "cannot look into the buffers of pool %" PRIu64 ": %s",
		    handle->pool, strerror(-error));
}

/* All descriptors of one pool. */
static int list_pool(const struct list *list, const struct handle *handle, int count)
{
	struct zcpool_holder *holders = NULL;
	int i, shown, held = -ESRCH, status = EXIT_OK;

	if (list->holders) {
		held = find_holders(handle, count, &holders);
		if (held < 0 && held != -ESRCH)
			status = fail_holders(handle, held);
	}
	shown = list->oldest && held > 0 && list->oldest < (uint64_t)held ? (int)list->oldest :
									    held;
	for (i = 0; i < count; i++) {
		if (!list->common.json) {
			print_handle(&handle[i]);
			continue;
		}
		json_begin(NULL);
		print_handle_json(&handle[i]);
		if (!i && held >= 0)
			print_holders_json(holders, shown, held);
		json_end();
	}
	if (held >= 0 && !list->common.json)
		print_holders(holders, shown, held);
	if (held >= 0)
		free(holders);
	return status;
}

static int list_pools(const struct list *list)
{
	struct handle *handles;
	int i, same, count, status = EXIT_OK;

	count = pools_find(&handles);
	if (count < 0)
		return EXIT_FAILED;
	if (list->common.json)
		json_array_begin(NULL);
	else
		printf("%6s %6s %8s %4s %-16s %6s %8s %10s %10s %8s %8s %8s %9s %8s\n", "POOL",
		       "HANDLE", "PID", "FD", "COMMAND", "UID", "BUFFERS", "STRIDE", "SIZE",
		       "OWNED", "INCOMING", "UNOWNED", "IN FLIGHT", "OVERDUE");
	for (i = 0; i < count; i += same) {
		same = pools_same(&handles[i], count - i);
		if (list_pool(list, &handles[i], same))
			status = EXIT_FAILED;
	}
	if (list->common.json)
		json_array_end();
	free(handles);
	return status;
}

int list_command(int argc, char **argv)
{
	static const struct option options[] = {
		OPTION_HELP,
		OPTION_JSON,
		{ "holders", no_argument, NULL, 'H' },
		{ "oldest", required_argument, NULL, 'o' },
		{},
	};
	struct list list = { .oldest = 10 };
	bool oldest = false;
	int letter;

	while ((letter = getopt_long(argc, argv, "hjHo:", options, NULL)) != -1) {
		if (letter == 'h') {
			fputs(usage, stdout);
			return EXIT_OK;
		} else if (letter == 'H') {
			list.holders = true;
		} else if (letter == 'o') {
			oldest = true;
			if (!parse_count(optarg, &list.oldest))
				return fail_usage(usage, "--oldest '%s' is no number", optarg);
		} else if (!parse_common(&list.common, letter)) {
			return fail_usage(usage, "see the options below");
		}
	}
	if (optind < argc)
		return fail_usage(usage, "unexpected argument '%s'", argv[optind]);
	if (oldest && !list.holders)
		return fail_usage(usage, "--oldest is of use with --holders only");
	if (access(ZCPOOL_DEVICE, F_OK))
		return fail_open(-errno);
	return list_pools(&list);
}
