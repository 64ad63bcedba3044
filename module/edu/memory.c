// SPDX-License-Identifier: GPL-2.0-only
/* Memories: dma-bufs that were imported. */
#include <linux/dma-buf.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "edu.h"

/* Also of a memory of which an attachment failed. */
static void edu_memory_unattach(struct edu_memory *memory)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(memory->attachments); i++)
		if (!IS_ERR_OR_NULL(memory->attachments[i]))
			dma_buf_detach(memory->dmabuf, memory->attachments[i]);
	dma_buf_put(memory->dmabuf);
	memory->dmabuf = NULL;
}

static int edu_memory_attach(struct edu_memory *memory)
{
	struct device *device = &memory->edu->pdev->dev;
	int i;

	for (i = 0; i < ARRAY_SIZE(memory->attachments); i++) {
		memory->attachments[i] = dma_buf_attach(memory->dmabuf, device);
		if (IS_ERR(memory->attachments[i]))
			return PTR_ERR(memory->attachments[i]);
	}
	return 0;
}

/* In one of the two contexts that struct edu_memory names. */
static void edu_memory_detach(struct edu_memory *memory)
{
	spin_lock(&memory->edu->lock);
	list_del(&memory->link);
	spin_unlock(&memory->edu->lock);
	edu_memory_unattach(memory);
}

static void edu_memory_release(struct kref *refs)
{
	struct edu_memory *memory = container_of(refs, struct edu_memory, refs);

	if (memory->dmabuf)
		edu_memory_detach(memory);
	kfree(memory);
}

/**
 * edu_memory_put() - drop a reference to a memory
 * @memory: memory
 *
 * Context: process; sleeps; see struct edu_memory.
 */
void edu_memory_put(struct edu_memory *memory)
{
	kref_put(&memory->refs, edu_memory_release);
}

/**
 * edu_memory_attachment() - find the attachment for a transfer
 * @memory: memory, with a reference of the caller's
 * @direction: DMA_TO_DEVICE or DMA_FROM_DEVICE
 */
struct dma_buf_attachment *edu_memory_attachment(const struct edu_memory *memory,
						 enum dma_data_direction direction)
{
	return memory->attachments[direction == DMA_FROM_DEVICE];
}

/**
 * edu_memory_import() - attach a dma-buf to the device
 * @edu: device, its presence held for reading
 * @fd: descriptor of the dma-buf
 *
 * Return: a memory without a number, with one reference; or -EBADF, -EINVAL,
 * -ENOMEM, or an error of the exporter.
 */
struct edu_memory *edu_memory_import(struct edu_device *edu, int fd)
{
	struct edu_memory *memory;
	int error;

	memory = kzalloc(sizeof(*memory), GFP_KERNEL_ACCOUNT);
	if (!memory)
		return ERR_PTR(-ENOMEM);
	kref_init(&memory->refs);
	memory->edu = edu;
	memory->dmabuf = dma_buf_get(fd);
	if (IS_ERR(memory->dmabuf)) {
		error = PTR_ERR(memory->dmabuf);
		goto err_free_memory;
	}
	error = edu_memory_attach(memory);
	if (error)
		goto err_unattach;
	spin_lock(&edu->lock);
	list_add(&memory->link, &edu->memories);
	spin_unlock(&edu->lock);
	return memory;

err_unattach:
	edu_memory_unattach(memory);
err_free_memory:
	kfree(memory);
	return ERR_PTR(error);
}

/**
 * edu_memory_number() - give a memory a number
 * @file: open file
 * @memory: memory; the number takes over the caller's reference
 *
 * Return: the number or -EMFILE.
 */
int edu_memory_number(struct edu_file *file, struct edu_memory *memory)
{
	int number = -EMFILE;
	unsigned int i;

	spin_lock(&file->edu->lock);
	for (i = 0; i < EDU_IMPORTS_MAX; i++) {
		if (file->memories[i])
			continue;
		file->memories[i] = memory;
		file->nr_memories++;
		number = i;
		break;
	}
	spin_unlock(&file->edu->lock);
	return number;
}

/* The place of a number, NULL if it is none; under edu_device.lock. */
static struct edu_memory **edu_memory_place(struct edu_file *file, u32 number)
{
	struct edu_memory **place;

	if (number >= EDU_IMPORTS_MAX)
		return NULL;
	place = &file->memories[array_index_nospec(number, EDU_IMPORTS_MAX)];
	return *place ? place : NULL;
}

/**
 * edu_memory_find() - look up a memory by its number
 * @file: open file, the presence of its device held
 * @number: what the program says is one
 *
 * Return: the memory with a reference for the caller, or -ENODEV or -ENOENT.
 */
struct edu_memory *edu_memory_find(struct edu_file *file, u32 number)
{
	struct edu_memory *memory = ERR_PTR(-ENOENT);
	struct edu_memory **place;

	spin_lock(&file->edu->lock);
	place = edu_memory_place(file, number);
	if (file->edu->error == -ENODEV) {
		memory = ERR_PTR(-ENODEV);
	} else if (place) {
		memory = *place;
		kref_get(&memory->refs);
	}
	spin_unlock(&file->edu->lock);
	return memory;
}

/**
 * edu_memory_take() - free a number
 * @file: open file
 * @number: what the program says is one
 *
 * Return: the memory, whose reference is the caller's now, or -ENOENT.
 */
struct edu_memory *edu_memory_take(struct edu_file *file, u32 number)
{
	struct edu_memory *memory = ERR_PTR(-ENOENT);
	struct edu_memory **place;

	spin_lock(&file->edu->lock);
	place = edu_memory_place(file, number);
	if (place) {
		memory = *place;
		*place = NULL;
		file->nr_memories--;
	}
	spin_unlock(&file->edu->lock);
	return memory;
}

/**
 * edu_memories_detach() - let go of all memory, since the PCI device goes
 * @edu: device, with no pending requests, its presence held for writing
 */
void edu_memories_detach(struct edu_device *edu)
{
	struct edu_memory *memory, *next;

	list_for_each_entry_safe(memory, next, &edu->memories, link)
		edu_memory_detach(memory);
}
