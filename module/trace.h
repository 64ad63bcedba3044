/* SPDX-License-Identifier: GPL-2.0-only */
/* Tracepoints, in the group "zcpool". */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM zcpool

#if !defined(ZCPOOL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ZCPOOL_TRACE_H

#include <linux/tracepoint.h>

#include "zcpool.h"

/* A pool was made. */
TRACE_EVENT(zcpool_create, TP_PROTO(const struct zcpool_pool *pool), TP_ARGS(pool),
	    TP_STRUCT__entry(__field(u64, pool) __field(u64, stride) __field(u32, count)
				     __field(u32, order)),
	    TP_fast_assign(__entry->pool = pool->id; __entry->stride = pool->geometry.stride;
			   __entry->count = pool->geometry.count;
			   __entry->order = pool->geometry.order;),
	    TP_printk("pool=%llu count=%u stride=%llu order=%u", __entry->pool, __entry->count,
		      __entry->stride, __entry->order));

DECLARE_EVENT_CLASS(zcpool_buffer, TP_PROTO(const struct zcpool_pool *pool, u32 index),
		    TP_ARGS(pool, index), TP_STRUCT__entry(__field(u64, pool) __field(u32, index)),
		    TP_fast_assign(__entry->pool = pool->id; __entry->index = index;),
		    TP_printk("pool=%llu index=%u", __entry->pool, __entry->index));

/* A buffer was handed out. */
DEFINE_EVENT(zcpool_buffer, zcpool_get, TP_PROTO(const struct zcpool_pool *pool, u32 index),
	     TP_ARGS(pool, index));

/* A buffer that was in flight was found to be free, so long after its PUT. */
TRACE_EVENT(zcpool_free, TP_PROTO(const struct zcpool_pool *pool, u32 index, u64 in_flight_ns),
	    TP_ARGS(pool, index, in_flight_ns),
	    TP_STRUCT__entry(__field(u64, pool) __field(u32, index) __field(u64, in_flight_ns)),
	    TP_fast_assign(__entry->pool = pool->id; __entry->index = index;
			   __entry->in_flight_ns = in_flight_ns;),
	    TP_printk("pool=%llu index=%u in_flight_ns=%llu", __entry->pool, __entry->index,
		      __entry->in_flight_ns));

/* A buffer was given up, free or in flight. */
TRACE_EVENT(zcpool_put, TP_PROTO(const struct zcpool_pool *pool, u32 index, bool in_flight),
	    TP_ARGS(pool, index, in_flight),
	    TP_STRUCT__entry(__field(u64, pool) __field(u32, index) __field(bool, in_flight)),
	    TP_fast_assign(__entry->pool = pool->id; __entry->index = index;
			   __entry->in_flight = in_flight;),
	    TP_printk("pool=%llu index=%u in_flight=%d", __entry->pool, __entry->index,
		      __entry->in_flight));

/* References to part of the pool went to a pipe. */
TRACE_EVENT(zcpool_splice, TP_PROTO(const struct zcpool_pool *pool, u64 offset, u64 length),
	    TP_ARGS(pool, offset, length),
	    TP_STRUCT__entry(__field(u64, pool) __field(u64, offset) __field(u64, length)),
	    TP_fast_assign(__entry->pool = pool->id; __entry->offset = offset;
			   __entry->length = length;),
	    TP_printk("pool=%llu offset=%llu length=%llu", __entry->pool, __entry->offset,
		      __entry->length));

/* A vector went to a socket, so much of its slices by copy. */
TRACE_EVENT(zcpool_send, TP_PROTO(const struct zcpool_pool *pool, u32 count, u64 sent, u64 copied),
	    TP_ARGS(pool, count, sent, copied),
	    TP_STRUCT__entry(__field(u64, pool) __field(u32, count) __field(u64, sent)
				     __field(u64, copied)),
	    TP_fast_assign(__entry->pool = pool->id; __entry->count = count; __entry->sent = sent;
			   __entry->copied = copied;),
	    TP_printk("pool=%llu count=%u sent=%llu copied=%llu", __entry->pool, __entry->count,
		      __entry->sent, __entry->copied));

#endif /* ZCPOOL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
