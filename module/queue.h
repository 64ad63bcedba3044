/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers by the pool's lock: whose one is, and queues, linked by zcpool_buffer.next, of
 * which it is in one at most.
 */
#ifndef ZCPOOL_QUEUE_H
#define ZCPOOL_QUEUE_H

#include <linux/nospec.h>

#include "zcpool.h"

/**
 * zcpool_buffer_check() - whether a handle owns a buffer, by the pool's lock
 * @buffers: the pool's
 * @count: how many
 * @handle: handle
 * @index: any number; afterwards one that no speculation takes beyond the pool
 *
 * Return: 0, -ERANGE if there is no such buffer, or -EPERM.
 */
static inline int zcpool_buffer_check(const struct zcpool_buffer *buffers, u32 count,
				      const struct zcpool_handle *handle, u32 *index)
{
	if (*index >= count)
		return -ERANGE;
	*index = array_index_nospec(*index, count);
	return buffers[*index].owner == handle ? 0 : -EPERM;
}

static inline void zcpool_queue_init(struct zcpool_queue *queue)
{
	queue->first = ZCPOOL_NO_BUFFER;
	queue->last = ZCPOOL_NO_BUFFER;
	queue->nr = 0;
}

static inline void zcpool_queue_count(struct zcpool_queue *queue, int more)
{
	/* Who waits for transfers looks without the lock whether there are any. */
	data_race(queue->nr += more);
}

static inline void zcpool_queue_add_first(struct zcpool_buffer *buffers, struct zcpool_queue *queue,
					  u32 index)
{
	buffers[index].next = queue->first;
	if (queue->first == ZCPOOL_NO_BUFFER)
		queue->last = index;
	queue->first = index;
	zcpool_queue_count(queue, 1);
}

static inline void zcpool_queue_add_last(struct zcpool_buffer *buffers, struct zcpool_queue *queue,
					 u32 index)
{
	buffers[index].next = ZCPOOL_NO_BUFFER;
	if (queue->first == ZCPOOL_NO_BUFFER)
		queue->first = index;
	else
		buffers[queue->last].next = index;
	queue->last = index;
	zcpool_queue_count(queue, 1);
}

/* Take the first buffer out, ZCPOOL_NO_BUFFER if there is none. */
static inline u32 zcpool_queue_pop(const struct zcpool_buffer *buffers, struct zcpool_queue *queue)
{
	u32 index = queue->first;

	if (index != ZCPOOL_NO_BUFFER) {
		queue->first = buffers[index].next;
		zcpool_queue_count(queue, -1);
	}
	return index;
}

/* Take the first @nr buffers out, behind which comes @first. */
static inline void zcpool_queue_advance(struct zcpool_queue *queue, u32 first, u32 nr)
{
	queue->first = first;
	zcpool_queue_count(queue, -nr);
}

#endif /* ZCPOOL_QUEUE_H */
