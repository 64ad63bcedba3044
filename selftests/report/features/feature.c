// SPDX-License-Identifier: GPL-2.0-only
/* The questions, the same to everybody, and what exactly is a yes. */
#include "probe.h"

const struct feature features[] = {
	{
		.name = "mmap",
		.question = "It can be mapped for reading and writing, and what a mapping stores, "
			    "another mapping of its descriptor, if it has one, shows.",
		.ask = ask_mmap,
	},
	{
		.name = "direct in",
		.question = "read() of a disk with O_DIRECT into its mapping brings the disk's "
			    "bytes.",
		.ask = ask_direct_in,
	},
	{
		.name = "direct out",
		.question = "write() to a disk with O_DIRECT from its mapping takes its bytes "
			    "there.",
		.ask = ask_direct_out,
	},
	{
		.name = "fixed",
		.question = "Its mapping can be registered with io_uring, and READ_FIXED and "
			    "WRITE_FIXED move bytes between it and a disk.",
		.ask = ask_fixed,
	},
	{
		.name = "zerocopy",
		.question = "send() with MSG_ZEROCOPY takes its mapping, the bytes arrive, and the "
			    "completion is told.  (Loopback copies them whosever they are.)",
		.ask = ask_zerocopy,
	},
	{
		.name = "sendfile",
		.question = "sendfile() from its descriptor to TCP brings its bytes, and by "
			    "reference: what is stored afterwards is what an unread peer gets.",
		.ask = ask_sendfile,
	},
	{
		.name = "splice in",
		.question = "splice() from a pipe to its descriptor brings the pipe's bytes, by "
			    "copy or by reference.",
		.ask = ask_splice_in,
	},
	{
		.name = "splice out",
		.question = "splice() from its descriptor to a pipe brings its bytes, and by "
			    "reference: what is stored afterwards is what the pipe has.",
		.ask = ask_splice_out,
	},
	{
		.name = "export",
		.question = "A dma-buf can be made of it, whose mapping shows its bytes and what "
			    "is stored later.",
		.ask = ask_export,
	},
	{
		.name = "import",
		.question = "By some call of its own it takes a dma-buf that another made, and "
			    "shows that memory, not a copy.",
		.ask = ask_import,
	},
	{
		.name = "PMD",
		.question = "A mapping of it, aligned to 2 MiB and touched, consists of entries of "
			    "2 MiB alone.",
		.ask = ask_pmd,
	},
	{
		.name = "seal",
		.question = "One buffer of several that are mapped for writing can be made "
			    "immutable for everybody, by mappings made before and after and by "
			    "other ways to write, while the next one is still written.",
		.ask = ask_seal,
	},
	{
		.name = "reuse",
		.question = "However it was sent by reference, to a socket or to a pipe that "
			    "others emptied into theirs, a call tells that it is held, and says "
			    "otherwise only when what is stored in it reaches nobody any more.",
		.ask = ask_reuse,
	},
	{
		.name = "memcg",
		.question = "The memory control group of who makes and touches it is charged for "
			    "it: memory.current rises by its size.",
		.closed = true,
		.ask = ask_memcg,
	},
	{
		.name = "hand-over",
		.question = "A buffer can be handed over to another process, which is told which, "
			    "has the same pages, and can rely on it that the giver writes to it "
			    "no more, neither by its mapping nor by its descriptor.",
		.ask = ask_hand_over,
	},
	{
		.name = "st_size",
		.question = "It has a descriptor whose fstat() tells its size.",
		.ask = ask_size,
	},
};

const size_t nr_features = sizeof(features) / sizeof(features[0]);
