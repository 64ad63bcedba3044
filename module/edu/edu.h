/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's types, and who holds and locks what.
 *
 * Life times.  An edu_device is made by probe().  remove() takes the PCI device away
 * from it, and then all that is left to say is ENODEV; it is freed when the last open
 * file is closed.  An edu_file is an open file, an edu_memory a dma-buf that was
 * imported there, and an edu_request, once it is queued, is *pending*, and *ends* when
 * the memory has been unmapped and its completion can be taken.  A pending request
 * holds its memory; close() waits for the pending requests of its file, and remove()
 * for all.
 *
 * So memory is unmapped when its last transfer is over, or when the device can reach
 * no memory any more, and never before.
 *
 * Locks, outermost first:
 *   edu_device.presence  rw_semaphore; held for reading by calls that have to do with
 *                        the PCI device, attach and map dma-bufs; for writing by
 *                        remove(), which so knows that there are none.  Nothing waits
 *                        for user space under it
 *   edu_device.lock      spinlock, never taken in interrupt context; what is queued,
 *                        running, complete and imported
 *   edu_file.wait.lock   the wait queue's own
 * The interrupt handler takes none of them.  The registers need no lock: only the
 * engine, one work, starts transfers and looks whether they are over.
 */
#ifndef ZCPOOL_EDU_H
#define ZCPOOL_EDU_H

#include <linux/dma-direction.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/pci.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <linux/zcpool_edu.h>

/*
 * Bytes of the device's memory that can be used.  It has 4096, but QEMU 7.2 takes a
 * transfer that ends with the last one for one beyond the end, and aborts.
 */
#define EDU_MEMORY_SIZE 4095U
/* Longest request, bytes: what comes behind it has to wait. */
#define EDU_LENGTH_MAX SZ_1M
/* Most requests of a file in the queue, and most completions that wait to be taken. */
#define EDU_QUEUE_LIMIT 64U
/* Most memories of a file. */
#define EDU_IMPORTS_MAX 64U

/*
 * With ZCPOOL_EDU_STALE_DMA the driver is broken on purpose: it unmaps memory before
 * the transfer, not after it.  The tests then show that the IOMMU is on.
 */
#ifdef ZCPOOL_EDU_STALE_DMA
#define EDU_STALE_DMA 1
#else
#define EDU_STALE_DMA 0
#endif

/**
 * struct edu_transfer - what the hardware does in one go
 * @address: where it reads or writes memory, as the device has it
 * @position: first byte in the device's memory
 * @length: bytes
 * @direction: DMA_TO_DEVICE or DMA_FROM_DEVICE
 */
struct edu_transfer {
	dma_addr_t address;
	u32 position;
	u32 length;
	enum dma_data_direction direction;
};

/**
 * struct edu_device - a device and its requests
 * @refs: one of the PCI device, until remove(), and one of each open file
 * @pdev: PCI device; to be used only under @presence, or for a pending request
 * @registers: its registers; so, too
 * @misc: device node
 * @number: of the device node
 * @name: of the device node
 * @presence: see above
 * @lock: protects all that follows but @interrupted, and what files and requests say
 * @error: 0, -EIO once the device is stopped, -ENODEV once it is unbound
 * @files: open files
 * @memories: memories that are attached to the PCI device
 * @queue: requests that wait for the device
 * @running: request that the device works on
 * @transfer: what of it is under way
 * @deadline: jiffies when @transfer has taken too long
 * @pending: requests that have not ended
 * @idle: wakes remove() when there are none
 * @workqueue: runs @engine
 * @engine: starts transfers, and looks after them when interrupt or time-out comes
 * @interrupted: the interrupt of @transfer came; set by the handler, which queues
 *               @engine then, and cleared by @engine
 */
struct edu_device {
	struct kref refs;
	struct pci_dev *pdev;
	void __iomem *registers;
	struct miscdevice misc;
	int number;
	char name[24];

	struct rw_semaphore presence;
	spinlock_t lock;
	int error;
	struct list_head files;
	struct list_head memories;
	struct list_head queue;
	struct edu_request *running;
	struct edu_transfer transfer;
	unsigned long deadline;
	unsigned int pending;
	wait_queue_head_t idle;

	struct workqueue_struct *workqueue;
	struct delayed_work engine;
	bool interrupted;
};

/**
 * struct edu_file - an open file
 * @edu: device, by a reference
 * @link: in edu_device.files
 * @memories: by their numbers, NULL where there is none
 * @nr_memories: how many there are
 * @nr_queued: requests that are pending, or about to be
 * @completions: requests that have ended, first the one that ended first
 * @nr_completions: how many there are
 * @wait: those who wait for room, for completions, or poll
 *
 * All but @edu is protected by edu_device.lock.
 */
struct edu_file {
	struct edu_device *edu;
	struct list_head link;
	struct edu_memory *memories[EDU_IMPORTS_MAX];
	unsigned int nr_memories;
	unsigned int nr_queued;
	struct list_head completions;
	unsigned int nr_completions;
	wait_queue_head_t wait;
};

/**
 * struct edu_memory - a dma-buf attached to the device
 * @refs: one of the file's number, and one of each request
 * @edu: device
 * @link: in edu_device.memories, under edu_device.lock
 * @dmabuf: the dma-buf, by a reference; NULL once remove() has detached it
 * @attachments: one for transfers to the device, and one for those from it: an exporter
 *               may keep an attachment's first mapping, and refuse the other direction,
 *               or even undo the mapping for it
 *
 * The last reference is dropped under edu_device.presence, or for a pending request:
 * so remove() sees either the attachments, or their end.
 */
struct edu_memory {
	struct kref refs;
	struct edu_device *edu;
	struct list_head link;
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attachments[2];
};

/**
 * struct edu_request - bytes to move
 * @link: in edu_device.queue or edu_file.completions, under edu_device.lock
 * @file: where it was submitted
 * @memory: by a reference, until it ends
 * @table: the memory's addresses for the device, until it ends
 * @segment: entry of @table that holds byte @done
 * @segment_offset: where in that entry, bytes
 * @position: where byte @done is in the device's memory
 * @direction: DMA_TO_DEVICE or DMA_FROM_DEVICE
 * @cookie: the program's name for it
 * @length: bytes
 * @done: bytes that were moved
 * @result: 0 or a negative errno, when it ends
 * @cancelled: it is to end with the transfer under way; under edu_device.lock
 *
 * While it runs, it is the engine's alone.
 */
struct edu_request {
	struct list_head link;
	struct edu_file *file;
	struct edu_memory *memory;
	struct sg_table *table;
	struct scatterlist *segment;
	unsigned int segment_offset;
	u32 position;
	enum dma_data_direction direction;
	u64 cookie;
	u64 length;
	u64 done;
	int result;
	bool cancelled;
};

/* main.c */
u32 edu_dma_bits(void);
u32 edu_timeout_ms(void);
void edu_device_put(struct edu_device *edu);

/* hardware.c */
int edu_hardware_map(struct edu_device *edu);
void edu_hardware_unmap(struct edu_device *edu);
int edu_hardware_check(struct edu_device *edu);
int edu_hardware_settle(struct edu_device *edu);
void edu_hardware_start(struct edu_device *edu, const struct edu_transfer *transfer);
void edu_hardware_stop(struct edu_device *edu);
irqreturn_t edu_hardware_interrupt(int irq, void *data);

/* engine.c */
int edu_engine_init(struct edu_device *edu);
void edu_engine_destroy(struct edu_device *edu);
void edu_engine_kick(struct edu_device *edu);
void edu_engine_end(struct edu_device *edu);

/* request.c */
int edu_request_submit(struct edu_file *file, const struct zcpool_edu_submit *submit, bool wait);
struct edu_transfer edu_request_transfer(const struct edu_request *request);
void edu_request_advance(struct edu_request *request, u32 length);
void edu_request_unmap(struct edu_request *request);
void edu_requests_end(struct list_head *requests);
unsigned int edu_requests_cancel(struct edu_file *file, const u64 *cookie);

/* memory.c */
struct edu_memory *edu_memory_import(struct edu_device *edu, int fd);
struct dma_buf_attachment *edu_memory_attachment(const struct edu_memory *memory,
						 enum dma_data_direction direction);
void edu_memory_put(struct edu_memory *memory);
int edu_memory_number(struct edu_file *file, struct edu_memory *memory);
struct edu_memory *edu_memory_find(struct edu_file *file, u32 number);
struct edu_memory *edu_memory_take(struct edu_file *file, u32 number);
void edu_memories_detach(struct edu_device *edu);

/* file.c */
extern const struct file_operations edu_file_fops;
int edu_file_claim(struct edu_file *file, bool wait);
void edu_file_unclaim(struct edu_file *file);
void edu_file_complete(struct edu_request *request);
int edu_file_take(struct edu_file *file, struct list_head *completions, u32 count, bool wait,
		  u64 timeout_ns);
void edu_file_untake(struct edu_file *file, struct list_head *completions);

/* ioctl.c */
long edu_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* ZCPOOL_EDU_H */
