// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TCG plugin for QEMU: how many instructions the guest has executed where, between the
 * markers of a program in it.  One virtual processor.
 *
 * QEMU translates the guest's code by blocks without a jump inside.  Each has a counter, to
 * which it adds its instructions when it is entered: one that an exception leaves early counts
 * as if it had ended.
 *
 * Argument out=FILE: a line for each measurement and block, "MEASUREMENT ADDRESS INSTRUCTIONS",
 * the measurements counted from 0, the address in hexadecimal.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marker.h"
#include "plugin.h"

/* Of blocks; a kernel at work has some 100,000. */
#define LISTS 65536U

struct block {
	uint64_t address;
	uint64_t executed;
	/* When the measurement began. */
	uint64_t before;
	struct block *next;
};

int qemu_plugin_version = 1;

static struct block *lists[LISTS];
static FILE *out;
static unsigned int measurements;

static struct block *block_at(uint64_t address)
{
	struct block **list = &lists[(address ^ address >> 16) % LISTS], *block;

	for (block = *list; block; block = block->next)
		if (block->address == address)
			return block;
	block = calloc(1, sizeof(*block));
	if (!block)
		abort();
	block->address = address;
	block->next = *list;
	*list = block;
	return block;
}

static void visit_blocks(void (*act)(struct block *block))
{
	struct block *block;
	unsigned int list;

	for (list = 0; list < LISTS; list++)
		for (block = lists[list]; block; block = block->next)
			act(block);
}

static void note(struct block *block)
{
	block->before = block->executed;
}

static void tell(struct block *block)
{
	if (block->executed != block->before)
		fprintf(out, "%u %llx %llu\n", measurements, (unsigned long long)block->address,
			(unsigned long long)(block->executed - block->before));
}

static void begin(unsigned int cpu, void *unused)
{
	(void)cpu;
	(void)unused;
	visit_blocks(note);
}

static void end(unsigned int cpu, void *unused)
{
	(void)cpu;
	(void)unused;
	visit_blocks(tell);
	fflush(out);
	measurements++;
}

static bool is_marker(const struct qemu_plugin_insn *insn, uint32_t marker)
{
	static const unsigned char nop[] = { 0x0f, 0x1f, 0x80 };
	const char *bytes = qemu_plugin_insn_data(insn);

	return qemu_plugin_insn_size(insn) == sizeof(nop) + sizeof(marker) &&
	       !memcmp(bytes, nop, sizeof(nop)) &&
	       !memcmp(bytes + sizeof(nop), &marker, sizeof(marker));
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t nr = qemu_plugin_tb_n_insns(tb), at;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64,
						 &block_at(qemu_plugin_tb_vaddr(tb))->executed, nr);
	for (at = 0; at < nr; at++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, at);

		if (is_marker(insn, MARKER_BEGIN))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, begin, QEMU_PLUGIN_CB_NO_REGS,
							       NULL);
		if (is_marker(insn, MARKER_END))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, end, QEMU_PLUGIN_CB_NO_REGS,
							       NULL);
	}
}

int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info_t *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4)) {
		fprintf(stderr, "plugin: its argument is out=FILE\n");
		return -1;
	}
	out = fopen(argv[0] + 4, "w");
	if (!out) {
		perror(argv[0] + 4);
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
