/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queues of buffers, linked by zcpool_buffer.next: a buffer is in one at most.  All by
 * the pool's lock.
 */
#ifndef ZCPOOL_QUEUE_H
#define ZCPOOL_QUEUE_H

#include "zcpool.h"

static inline void zcpool_queue_init(struct zcpool_queue *queue)
{
	queue->first = ZCPOOL_NO_BUFFER;
	queue->last = ZCPOOL_NO_BUFFER;
	queue->nr = 0;
}

static inline void zcpool_queue_add_first(struct zcpool_pool *pool, struct zcpool_queue *queue,
					  u32 index)
{
	pool->buffers[index].next = queue->first;
	if (queue->first == ZCPOOL_NO_BUFFER)
		queue->last = index;
	queue->first = index;
	queue->nr++;
}

static inline void zcpool_queue_add_last(struct zcpool_pool *pool, struct zcpool_queue *queue,
					 u32 index)
{
	pool->buffers[index].next = ZCPOOL_NO_BUFFER;
	if (queue->first == ZCPOOL_NO_BUFFER)
		queue->first = index;
	else
		pool->buffers[queue->last].next = index;
	queue->last = index;
	queue->nr++;
}

/* Take the first buffer out, ZCPOOL_NO_BUFFER if there is none. */
static inline u32 zcpool_queue_pop(struct zcpool_pool *pool, struct zcpool_queue *queue)
{
	u32 index = queue->first;

	if (index != ZCPOOL_NO_BUFFER) {
		queue->first = pool->buffers[index].next;
		queue->nr--;
	}
	return index;
}

#endif /* ZCPOOL_QUEUE_H */
