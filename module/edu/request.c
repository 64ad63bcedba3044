// SPDX-License-Identifier: GPL-2.0-only
/* Requests, from SUBMIT until their completion can be taken. */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/minmax.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "edu.h"

static int edu_request_check(const struct zcpool_edu_submit *submit)
{
	const u32 flags = ZCPOOL_EDU_SUBMIT_F_FROM_DEVICE | ZCPOOL_EDU_SUBMIT_F_NONBLOCK;

	if ((submit->flags & ~flags) || submit->reserved || !submit->length)
		return -EINVAL;
	if (submit->length > EDU_LENGTH_MAX)
		return -EMSGSIZE;
	if (submit->position >= EDU_MEMORY_SIZE)
		return -ERANGE;
	return 0;
}

/*
 * Find where the request begins in its memory, and make sure that the device reaches
 * all of it: beyond its limit the hardware would cut the address off, without a word.
 * What the exporter mapped is not taken on trust.
 */
static int edu_request_seek(struct edu_request *request, u64 offset)
{
	u64 limit = dma_get_mask(&request->file->edu->pdev->dev);
	u64 left = request->length;
	struct scatterlist *sg;
	int i;

	for_each_sgtable_dma_sg(request->table, sg, i) {
		u64 length = sg_dma_len(sg);

		if (offset >= length) {
			offset -= length;
			continue;
		}
		if (!request->segment) {
			request->segment = sg;
			request->segment_offset = offset;
		}
		length = min(length - offset, left);
		if (sg_dma_address(sg) > limit || offset + length - 1 > limit - sg_dma_address(sg))
			return -EIO;
		left -= length;
		offset = 0;
		if (!left)
			return 0;
	}
	return -EIO;
}

static struct dma_buf_attachment *edu_request_attachment(const struct edu_request *request)
{
	return edu_memory_attachment(request->memory, request->direction);
}

/*
 * Map the memory as the exporter has it, which is all of it.  A driver for many small
 * requests would map at IMPORT, and then the programs would have to tell, by
 * DMA_BUF_IOCTL_SYNC, when they look at the memory.
 */
static int edu_request_map(struct edu_request *request, u64 offset)
{
	struct sg_table *table;

	if (offset > request->memory->dmabuf->size ||
	    request->length > request->memory->dmabuf->size - offset)
		return -ERANGE;
	table = dma_buf_map_attachment_unlocked(edu_request_attachment(request),
						request->direction);
	if (IS_ERR(table))
		return PTR_ERR(table);
	request->table = table;
	return edu_request_seek(request, offset);
}

/* The request's fields are the engine's from here on. */
static int edu_request_queue(struct edu_request *request)
{
	struct edu_device *edu = request->file->edu;
	int error;

	spin_lock(&edu->lock);
	error = edu->error;
	if (!error) {
		list_add_tail(&request->link, &edu->queue);
		edu->pending++;
	}
	spin_unlock(&edu->lock);
	if (!error)
		edu_engine_kick(edu);
	return error;
}

static void edu_request_free(struct edu_request *request)
{
	edu_request_unmap(request);
	edu_memory_put(request->memory);
	kfree(request);
}

/* With edu->presence held. */
static int edu_request_create(struct edu_file *file, const struct zcpool_edu_submit *submit)
{
	struct edu_memory *memory = edu_memory_find(file, submit->memory);
	struct edu_request *request;
	int error;

	if (IS_ERR(memory))
		return PTR_ERR(memory);
	request = kzalloc(sizeof(*request), GFP_KERNEL_ACCOUNT);
	if (!request) {
		edu_memory_put(memory);
		return -ENOMEM;
	}
	request->file = file;
	request->memory = memory;
	request->direction = DMA_TO_DEVICE;
	if (submit->flags & ZCPOOL_EDU_SUBMIT_F_FROM_DEVICE)
		request->direction = DMA_FROM_DEVICE;
	request->cookie = submit->cookie;
	request->length = submit->length;
	request->position = submit->position;

	error = edu_request_map(request, submit->offset);
	if (!error)
		error = edu_request_queue(request);
	if (error)
		edu_request_free(request);
	return error;
}

/**
 * edu_request_submit() - make a request and queue it
 * @file: open file
 * @submit: what is wanted
 * @wait: for room in the queue
 *
 * Context: process; sleeps.
 *
 * Return: 0, or what SUBMIT fails with.
 */
int edu_request_submit(struct edu_file *file, const struct zcpool_edu_submit *submit, bool wait)
{
	int error = edu_request_check(submit);

	if (error)
		return error;
	error = edu_file_claim(file, wait);
	if (error)
		return error;
	down_read(&file->edu->presence);
	error = edu_request_create(file, submit);
	up_read(&file->edu->presence);
	if (error)
		edu_file_unclaim(file);
	return error;
}

/**
 * edu_request_transfer() - what the hardware is to do next
 * @request: request that is running, and not done
 *
 * Return: as much as neither crosses the end of a segment nor that of the device's
 * memory.
 */
struct edu_transfer edu_request_transfer(const struct edu_request *request)
{
	u64 length =
		min_t(u64, request->length - request->done, EDU_MEMORY_SIZE - request->position);

	return (struct edu_transfer){
		.address = sg_dma_address(request->segment) + request->segment_offset,
		.position = request->position,
		.length =
			min_t(u64, length, sg_dma_len(request->segment) - request->segment_offset),
		.direction = request->direction,
	};
}

/**
 * edu_request_advance() - note that a transfer is over
 * @request: request that is running
 * @length: bytes that were moved
 */
void edu_request_advance(struct edu_request *request, u32 length)
{
	request->done += length;
	request->position = (request->position + length) % EDU_MEMORY_SIZE;
	request->segment_offset += length;
	/* edu_request_seek() has seen that there is one more; some may be empty. */
	while (request->done < request->length &&
	       request->segment_offset == sg_dma_len(request->segment)) {
		request->segment = sg_next(request->segment);
		request->segment_offset = 0;
	}
}

/**
 * edu_request_unmap() - take the memory away from the device
 * @request: request, of which no transfer is under way
 *
 * Does nothing the second time.
 */
void edu_request_unmap(struct edu_request *request)
{
	if (!request->table)
		return;
	dma_buf_unmap_attachment_unlocked(edu_request_attachment(request), request->table,
					  request->direction);
	request->table = NULL;
}

/**
 * edu_requests_end() - unmap requests and let their completions be taken
 * @requests: list of pending requests, which neither run nor are in the queue; empty
 *            afterwards
 *
 * Context: process; sleeps.  In the engine, or with edu_device.presence held.
 */
void edu_requests_end(struct list_head *requests)
{
	struct edu_request *request, *next;

	list_for_each_entry_safe(request, next, requests, link) {
		list_del(&request->link);
		edu_request_unmap(request);
		edu_memory_put(request->memory);
		request->memory = NULL;
		edu_file_complete(request);
	}
}

static bool edu_request_matches(const struct edu_request *request, const struct edu_file *file,
				const u64 *cookie)
{
	return request->file == file && (!cookie || request->cookie == *cookie);
}

/**
 * edu_requests_cancel() - cancel requests of a file
 * @file: open file
 * @cookie: cookie of the requests, NULL for all
 *
 * Those in the queue end here.  The one that runs ends with its transfer under way.
 *
 * Context: process; sleeps; with edu_device.presence held.
 *
 * Return: how many there are.
 */
unsigned int edu_requests_cancel(struct edu_file *file, const u64 *cookie)
{
	struct edu_device *edu = file->edu;
	struct edu_request *request, *next;
	unsigned int count = 0;
	LIST_HEAD(over);

	spin_lock(&edu->lock);
	list_for_each_entry_safe(request, next, &edu->queue, link) {
		if (!edu_request_matches(request, file, cookie))
			continue;
		request->result = -ECANCELED;
		list_move_tail(&request->link, &over);
		count++;
	}
	if (edu->running && edu_request_matches(edu->running, file, cookie)) {
		edu->running->cancelled = true;
		count++;
	}
	spin_unlock(&edu->lock);

	edu_requests_end(&over);
	return count;
}
