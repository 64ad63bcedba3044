// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine: one work that has the device move bytes, request by request and
 * transfer by transfer.  Interrupts, submissions and time-outs do no more than
 * queue it, so nothing of what it does happens twice at a time.
 */
#include "edu.h"

/* Have the next transfer of the request that is running begin. */
static void edu_engine_start(struct edu_device *edu)
{
	struct edu_request *request = edu->running;
	unsigned long timeout = msecs_to_jiffies(edu_timeout_ms());

	edu->transfer = edu_request_transfer(request);
	/* Only with the last transfer: the addresses go with the mapping. */
	if (EDU_STALE_DMA && request->done + edu->transfer.length == request->length)
		edu_request_unmap(request);
	/* No interrupt is due until the device is started. */
	WRITE_ONCE(edu->interrupted, false);
	edu->deadline = jiffies + timeout;
	edu_hardware_start(edu, &edu->transfer);
	queue_delayed_work(edu->workqueue, &edu->engine, timeout);
}

/*
 * Look after the transfer under way: 0 if it is over, -EINPROGRESS if not, or -EIO if it
 * took too long.  An interrupt that was lost is no better than none: it is a write like
 * the data, and comes behind it, so without it nobody knows of the data either.
 */
static int edu_engine_look(struct edu_device *edu)
{
	if (READ_ONCE(edu->interrupted))
		return 0;
	if (time_before(jiffies, edu->deadline)) {
		/* Does nothing if the interrupt came by now. */
		queue_delayed_work(edu->workqueue, &edu->engine, edu->deadline - jiffies);
		return -EINPROGRESS;
	}
	edu_hardware_stop(edu);
	pci_err(edu->pdev, "stopped, since a transfer took more than %u ms\n", edu_timeout_ms());
	return -EIO;
}

/* The request that is running is over: it goes to @over.  Under edu->lock. */
static void edu_engine_finish(struct edu_device *edu, int result, struct list_head *over)
{
	edu->running->result = result;
	list_add_tail(&edu->running->link, over);
	edu->running = NULL;
}

/* All requests in the queue are over.  Under edu->lock. */
static void edu_engine_fail_queue(struct edu_device *edu, struct list_head *over)
{
	struct edu_request *request;

	list_for_each_entry(request, &edu->queue, link)
		request->result = edu->error;
	list_splice_tail_init(&edu->queue, over);
}

/*
 * There is an error from now on: who waits on any file is to see it, also on one that has
 * no request that would end.  Under edu->lock.
 */
static void edu_engine_set_error(struct edu_device *edu, int error)
{
	struct edu_file *file;

	edu->error = error;
	list_for_each_entry(file, &edu->files, link)
		wake_up_all(&file->wait);
}

/* The device was stopped.  Under edu->lock. */
static void edu_engine_die(struct edu_device *edu, struct list_head *over)
{
	if (!edu->error)
		edu_engine_set_error(edu, -EIO);
	edu_engine_finish(edu, edu->error, over);
	edu_engine_fail_queue(edu, over);
}

/* The transfer under way is over.  Under edu->lock. */
static void edu_engine_advance(struct edu_device *edu, struct list_head *over)
{
	struct edu_request *request = edu->running;

	edu_request_advance(request, edu->transfer.length);
	if (request->done == request->length)
		edu_engine_finish(edu, 0, over);
	else if (edu->error)
		edu_engine_finish(edu, edu->error, over);
	else if (request->cancelled)
		edu_engine_finish(edu, -ECANCELED, over);
}

static void edu_engine_work(struct work_struct *work)
{
	struct edu_device *edu = container_of(work, struct edu_device, engine.work);
	int error = edu->running ? edu_engine_look(edu) : 0;
	LIST_HEAD(over);

	if (error == -EINPROGRESS)
		return;
	spin_lock(&edu->lock);
	if (error)
		edu_engine_die(edu, &over);
	else if (edu->running)
		edu_engine_advance(edu, &over);
	if (!edu->running && !list_empty(&edu->queue)) {
		edu->running = list_first_entry(&edu->queue, struct edu_request, link);
		list_del(&edu->running->link);
	}
	spin_unlock(&edu->lock);

	/* Unmapping and waking can wait until the device is busy again. */
	if (edu->running)
		edu_engine_start(edu);
	edu_requests_end(&over);
}

/**
 * edu_engine_init() - prepare a device for requests
 * @edu: new device
 *
 * Return: 0 or -ENOMEM.
 */
int edu_engine_init(struct edu_device *edu)
{
	INIT_LIST_HEAD(&edu->queue);
	init_waitqueue_head(&edu->idle);
	INIT_DELAYED_WORK(&edu->engine, edu_engine_work);
	edu->workqueue = alloc_ordered_workqueue("%s", 0, edu->name);
	return edu->workqueue ? 0 : -ENOMEM;
}

/**
 * edu_engine_destroy() - undo edu_engine_init()
 * @edu: device, with no requests, and no interrupt any more
 */
void edu_engine_destroy(struct edu_device *edu)
{
	cancel_delayed_work_sync(&edu->engine);
	destroy_workqueue(edu->workqueue);
}

/**
 * edu_engine_kick() - have the engine look what there is to do
 * @edu: device
 *
 * Context: any.
 */
void edu_engine_kick(struct edu_device *edu)
{
	mod_delayed_work(edu->workqueue, &edu->engine, 0);
}

/**
 * edu_engine_end() - take no more requests, and wait until there are none
 * @edu: device, its presence held for writing
 *
 * What is queued fails with -ENODEV; the transfer under way is waited for, for as long
 * as one may take.
 *
 * Context: process; sleeps.
 */
void edu_engine_end(struct edu_device *edu)
{
	LIST_HEAD(over);

	spin_lock(&edu->lock);
	edu_engine_set_error(edu, -ENODEV);
	edu_engine_fail_queue(edu, &over);
	spin_unlock(&edu->lock);

	edu_requests_end(&over);
	wait_event(edu->idle, !READ_ONCE(edu->pending));
}
