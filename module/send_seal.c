// SPDX-License-Identifier: GPL-2.0-only
/*
 * ZCPOOL_SEND_F_SEAL: what a SEND sends is sealed first, and from then on until it is free.
 *
 * Each buffer is held by a reference while the call lasts: between the look at its seal
 * and the socket's own reference nobody can unseal it, neither its owner nor another
 * SEND that takes back what it sealed.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "seal.h"
#include "send.h"
#include "slice.h"

static u64 zcpool_sealing_bound(const struct zcpool_sending *sending)
{
	u64 bound = 0;
	u32 i;

	for (i = 0; i < sending->count; i++) {
		struct zcpool_slice slice = {
			.offset = sending->elements[i].base,
			.length = sending->elements[i].length,
		};
		struct zcpool_span span;

		if (zcpool_element_is_inline(&sending->elements[i]))
			continue;
		span = zcpool_slice_span(sending->pool, &slice);
		bound += span.end - span.first;
	}
	return bound;
}

static int zcpool_sealing_add(struct zcpool_sealing *sealing, const struct zcpool_sending *sending,
			      u32 index)
{
	int ret;

	/* Messages are often many to a buffer. */
	if (sealing->nr && sealing->buffers[sealing->nr - 1] == index)
		return 0;
	if (fatal_signal_pending(current))
		return -EINTR;
	ret = zcpool_buffer_seal(sending->pool, sending->handle, index,
				 ZCPOOL_SEALED | ZCPOOL_SEAL_UNTIL_FREE | ZCPOOL_SEAL_REVOCABLE,
				 true);
	if (ret < 0)
		return ret;
	sealing->buffers[sealing->nr++] = index;
	return 0;
}

static int zcpool_sealing_fill(struct zcpool_sealing *sealing, const struct zcpool_sending *sending)
{
	u32 i;

	for (i = 0; i < sending->count; i++) {
		struct zcpool_slice slice = {
			.offset = sending->elements[i].base,
			.length = sending->elements[i].length,
		};
		struct zcpool_span span;

		if (zcpool_element_is_inline(&sending->elements[i]))
			continue;
		span = zcpool_slice_span(sending->pool, &slice);
		for (; span.first < span.end; span.first++) {
			int error = zcpool_sealing_add(sealing, sending, span.first);

			if (error)
				return error;
			cond_resched();
		}
	}
	return 0;
}

/**
 * zcpool_sealing_begin() - seal what is going to be sent
 * @sealing: to be ended by zcpool_sealing_end(), if this succeeds
 * @sending: what is going to be sent
 *
 * Context: process; waits for page faults on the buffers.
 *
 * Return: 0, -EPERM, -EACCES or -EBUSY as zcpool_buffer_seal(), -EINTR if the caller is being
 * killed, or -ENOMEM; then nothing was sealed.
 */
int zcpool_sealing_begin(struct zcpool_sealing *sealing, const struct zcpool_sending *sending)
{
	u64 bound = zcpool_sealing_bound(sending);
	int error;

	sealing->nr = 0;
	sealing->buffers = sealing->few;
	if (bound > ARRAY_SIZE(sealing->few)) {
		sealing->buffers = kvmalloc_array(bound, sizeof(*sealing->buffers),
						  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
		if (!sealing->buffers)
			return -ENOMEM;
	}
	error = zcpool_sealing_fill(sealing, sending);
	if (error)
		zcpool_sealing_end(sealing, sending);
	return error;
}

/**
 * zcpool_sealing_end() - let go of what was sent, or unseal what was not
 * @sealing: as zcpool_sealing_begin() left it
 * @sending: what was sent, sending->sent tells whether anything was
 *
 * What another SEND has found sealed, and may yet send, stays so, as does what one has sent or
 * SEAL was told is sealed.  Of several that send nothing the last one unseals it.
 */
void zcpool_sealing_end(struct zcpool_sealing *sealing, const struct zcpool_sending *sending)
{
	struct zcpool_pool *pool = sending->pool;
	u32 i;

	for (i = 0; i < sealing->nr; i++) {
		if (sending->sent)
			zcpool_buffer_stay_sealed(pool, sealing->buffers[i]);
		folio_put(zcpool_buffer_folio(pool, sealing->buffers[i]));
	}
	/* Behind all references, of which a buffer that is there twice has two. */
	for (i = 0; i < sealing->nr && !sending->sent; i++) {
		zcpool_buffer_unseal(pool, sending->handle, sealing->buffers[i],
				     ZCPOOL_SEAL_REVOCABLE);
		cond_resched();
	}
	if (sealing->buffers != sealing->few)
		kvfree(sealing->buffers);
}
