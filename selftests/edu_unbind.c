// SPDX-License-Identifier: GPL-2.0-only
/*
 * The edu device is taken from its driver, or stops answering, while files are open and
 * requests under way: everything ends, with the documented errno, and no DMA comes to
 * memory that was let go.
 */
#include "edu_bus.h"

#include "harness.h"

/* Transfers of more than 25 s. */
#define SIZE MIB
#define GUARD 0xee

FIXTURE(edu)
{
	struct edu edu;
};

FIXTURE_SETUP(edu)
{
	ASSERT_TRUE(edu_begin(&self->edu, SIZE, 1));
	edu_fill(self->edu.map, 1000, 1);
	ASSERT_EQ(0, edu_move(&self->edu, 0, 1000, 0, 0));
	memset(self->edu.map, GUARD, SIZE);
}

/* Whatever became of the test, the device is there for the next one. */
FIXTURE_TEARDOWN(edu)
{
	edu_end(&self->edu);
	edu_bind();
}

static int take_one(const struct edu *edu)
{
	struct zcpool_edu_completion completion;

	return zcpool_edu_complete(edu->fd, &completion, 1, 0);
}

/* What every command but COMPLETE says, if it is always the same, else 0. */
static int all_say(const struct edu *edu)
{
	struct zcpool_edu_query query = { 0 };
	int said = zcpool_edu_query(edu->fd, &query);

	return zcpool_edu_import(edu->fd, edu->dmabuf) == said &&
			       zcpool_edu_release(edu->fd, 0) == said &&
			       edu_submit(edu, 1, 0, 1, 0, 0) == said &&
			       zcpool_edu_cancel(edu->fd, 1, 0) == said ?
		       said :
		       0;
}

/* A new file of the device works. */
static bool works(const struct edu *edu)
{
	struct edu again = *edu;
	bool works;

	again.fd = zcpool_edu_open(0, 0);
	again.memory = zcpool_edu_import(again.fd, again.dmabuf);
	works = !edu_move(&again, 32 * KIB, 1000, 0, FROM_DEVICE) &&
		edu_same(again.map + 32 * KIB, 1000, 1) == 1000;
	close(again.fd);
	return works;
}

/* The requests that were queued when the device went, and what is left of the file. */
static void expect_gone(struct __test_metadata *_metadata, struct edu *edu)
{
	struct zcpool_edu_completion completion;

	EXPECT_EQ(POLLIN | POLLERR | POLLHUP, polled(edu));
	/* All ended with the unbinding: nothing waits. */
	completion.result = take_one(edu);
	EXPECT_EQ(1, completion.result);
	EXPECT_EQ(1, take_one(edu));
	EXPECT_EQ(1, take_one(edu));
	EXPECT_EQ(POLLERR | POLLHUP, polled(edu));
	EXPECT_EQ(-ENODEV, take_one(edu));
	EXPECT_EQ(-ENODEV, edu_wait(edu).result);
	EXPECT_EQ(-ENODEV, all_say(edu));
	/* The file does not hold the pool. */
	close(edu->dmabuf);
	EXPECT_TRUE(edu_let_go(edu));
	edu->dmabuf = export(edu->pool, 0, SIZE, 0);
}

TEST_F(edu, unbind_while_busy)
{
	ASSERT_EQ(0, edu_occupy(&self->edu, 1, 0));
	ASSERT_EQ(0, edu_submit(&self->edu, 2, 0, SIZE, 0, 0));
	ASSERT_EQ(0, edu_submit(&self->edu, 3, 0, SIZE, 0, 0));
	ASSERT_EQ(0, edu_unbind());
	expect_gone(_metadata, &self->edu);
	ASSERT_EQ(-ENOENT, zcpool_edu_open(0, 0));
	ASSERT_EQ(0, edu_bind());
	EXPECT_EQ(-ENODEV, all_say(&self->edu));
	close(self->edu.fd);
	ASSERT_EQ(0, edu_unbind());
	ASSERT_EQ(0, edu_bind());
}

/* What each request is told. */
TEST_F(edu, results_of_unbinding)
{
	struct zcpool_edu_completion queued, running;
	uint64_t done;

	ASSERT_EQ(0, edu_occupy(&self->edu, 1, FROM_DEVICE));
	ASSERT_EQ(0, edu_submit(&self->edu, 2, 0, SIZE, 0, FROM_DEVICE));
	ASSERT_EQ(0, edu_unbind());
	queued = edu_wait(&self->edu);
	running = edu_wait(&self->edu);
	/* What is queued fails at once, but is told by another thread, which may be late. */
	if (queued.cookie == 1) {
		struct zcpool_edu_completion first = queued;

		queued = running;
		running = first;
	}
	EXPECT_EQ(2, queued.cookie);
	EXPECT_EQ(-ENODEV, queued.result);
	EXPECT_EQ(0, queued.done);
	/* The transfer that was under way is over, and counts. */
	EXPECT_EQ(1, running.cookie);
	EXPECT_EQ(-ENODEV, running.result);
	done = running.done;
	EXPECT_LT(0, done);
	EXPECT_EQ(0, done % self->edu.device_size);
	EXPECT_EQ(1000, edu_same(self->edu.map, 1000, 1));
	EXPECT_EQ(SIZE - done, edu_all(self->edu.map + done, SIZE - done, GUARD));
	ASSERT_EQ(0, edu_bind());
	EXPECT_TRUE(works(&self->edu));
}

/* A request whose last transfer is under way is done all the same. */
TEST_F(edu, unbind_during_the_last_transfer)
{
	ASSERT_EQ(0, edu_start(&self->edu, 1, 1000, FROM_DEVICE));
	ASSERT_EQ(0, edu_unbind());
	EXPECT_EQ(0, edu_wait(&self->edu).result);
	EXPECT_EQ(1000, edu_same(self->edu.map, 1000, 1));
}

/* Unplugged, in software: the device is found again when the bus is scanned. */
TEST_F(edu, removed_while_busy)
{
	ASSERT_EQ(0, edu_occupy(&self->edu, 1, 0));
	ASSERT_EQ(0, edu_submit(&self->edu, 2, 0, SIZE, 0, 0));
	ASSERT_EQ(0, edu_submit(&self->edu, 3, 0, SIZE, 0, 0));
	ASSERT_EQ(0, pci_write(edu_address(), "remove", "1"));
	expect_gone(_metadata, &self->edu);
	ASSERT_EQ(0, write_text("/sys/bus/pci/rescan", "1"));
	EXPECT_EQ(-ENODEV, all_say(&self->edu));
	EXPECT_EQ(0, edu_unbind());
	EXPECT_EQ(0, edu_bind());
}

TEST_F(edu, who_waits_is_told)
{
	struct edu other = self->edu;
	pid_t taking, submitting;
	int error;

	other.fd = zcpool_edu_open(0, 0);
	taking = fork();
	if (!taking)
		_exit(-edu_wait(&other).result);
	error = edu_occupy(&self->edu, 1, 0);
	while (!error)
		error = edu_submit(&self->edu, 1, 0, 1, 0, ZCPOOL_EDU_SUBMIT_F_NONBLOCK);
	ASSERT_EQ(-EAGAIN, error);
	submitting = fork();
	if (!submitting)
		_exit(-edu_submit(&self->edu, 1, 0, 1, 0, 0));
	ASSERT_TRUE(wait_asleep(taking));
	ASSERT_TRUE(wait_asleep(submitting));
	ASSERT_EQ(0, edu_unbind());
	EXPECT_EQ(ENODEV, wait_status(taking));
	EXPECT_EQ(ENODEV, wait_status(submitting));
	close(other.fd);
}

/* Submit, take and cancel for ever, or until there is an errno that must not be. */
static int use_for_ever(const struct edu *from)
{
	struct zcpool_edu_completion completions[64];
	struct edu edu = *from;
	int error;

	for (;;) {
		edu.fd = zcpool_edu_open(0, 0);
		if (edu.fd == -ENOENT || edu.fd == -ENODEV)
			continue;
		edu.memory = zcpool_edu_import(edu.fd, edu.dmabuf);
		error = edu.memory < 0 ? edu.memory : 0;
		while (!error) {
			error = edu_submit(&edu, 1, 0, 5000, 0,
					   FROM_DEVICE | ZCPOOL_EDU_SUBMIT_F_NONBLOCK);
			if (error == -EBUSY)
				error = zcpool_edu_complete(edu.fd, completions, 64, 0);
			else if (error == -EAGAIN)
				error = zcpool_edu_cancel(edu.fd, 1, 0);
			if (error > 0 || error == -ENOENT)
				error = 0;
		}
		close(edu.fd);
		if (error != -ENODEV)
			return -error;
	}
}

/* Whenever it comes: under way are opens, closes and all commands. */
TEST_F_TIMEOUT(edu, unbind_at_any_time, 60)
{
	pid_t children[3];
	int i, status;

	for (i = 0; i < 3; i++) {
		children[i] = fork();
		if (!children[i])
			_exit(use_for_ever(&self->edu));
	}
	for (i = 0; i < rounds(20); i++) {
		usleep(i * 17000);
		ASSERT_EQ(0, edu_unbind());
		ASSERT_EQ(0, edu_bind());
	}
	for (i = 0; i < 3; i++) {
		/* None has ended by itself, which would be by another errno. */
		EXPECT_EQ(0, waitpid(children[i], &status, WNOHANG));
		kill(children[i], SIGKILL);
		EXPECT_EQ(-1, wait_status(children[i]));
	}
	/* Nor has one a transfer left. */
	memset(self->edu.map, GUARD, SIZE);
	usleep(300000);
	EXPECT_EQ(SIZE, edu_all(self->edu.map, SIZE, GUARD));
}

TEST_HARNESS_MAIN
