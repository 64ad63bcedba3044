// SPDX-License-Identifier: GPL-2.0-only
/*
 * The edu device does not do what it should: no interrupt comes, it has been left busy,
 * or it is another device.  No request waits for ever, and no memory is let go that the
 * device may still write.
 */
#include "edu_bus.h"
#include "reload.h"

#include "harness.h"

/* Transfers of more than 25 s. */
#define SIZE MIB
#define GUARD 0xee
/*
 * How long a transfer may take, ms, as the driver's parameter has it.  One that goes well takes
 * 0.1 s, if the machine has the time: each test has as long a limit as it can wait for.
 */
#define LIMIT_DEFAULT 10000
#define LIMIT_SHORT 3000
#define LIMIT_LONG 60000

static int set_limit(int ms)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", ms);
	return write_text(EDU_TIMEOUT, text);
}

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
	set_limit(LIMIT_DEFAULT);
	edu_unbind();
	edu_bind();
}

/* The device reaches no memory any more, nor has it a way to say so. */
static int cut_off(void)
{
	return edu_configure(PCI_COMMAND, PCI_COMMAND_MASTER, 0);
}

static bool is_master(void)
{
	return edu_config(PCI_COMMAND) & PCI_COMMAND_MASTER;
}

/* A new file of the device works. */
static bool works(const struct edu *edu)
{
	struct edu again = *edu;
	bool works;

	/* What is right may be late. */
	set_limit(LIMIT_LONG);
	again.fd = zcpool_edu_open(0, 0);
	again.memory = zcpool_edu_import(again.fd, again.dmabuf);
	works = !edu_move(&again, 32 * KIB, 1000, 0, FROM_DEVICE) &&
		edu_same(again.map + 32 * KIB, 1000, 1) == 1000;
	close(again.fd);
	return works;
}

TEST_F(edu, no_interrupt)
{
	struct zcpool_edu_completion completion;
	struct zcpool_edu_query query = { 0 };
	struct edu other = self->edu;
	uint64_t cookie, queued;
	pid_t child;
	int error;

	other.fd = zcpool_edu_open(0, 0);
	ASSERT_EQ(0, zcpool_edu_import(other.fd, other.dmabuf));
	ASSERT_EQ(0, set_limit(LIMIT_SHORT));
	ASSERT_EQ(0, cut_off());
	for (queued = 0; queued < 3; queued++) {
		error = edu_submit(&self->edu, queued, 0, 1000, 0, FROM_DEVICE);
		/* Held up, the first one may have failed by now. */
		if (queued && error == -EIO)
			break;
		ASSERT_EQ(0, error);
	}
	for (cookie = 0; cookie < queued; cookie++) {
		completion = edu_wait(&self->edu);
		EXPECT_EQ(cookie, completion.cookie);
		EXPECT_EQ(-EIO, completion.result);
		EXPECT_EQ(0, completion.done);
	}
	EXPECT_EQ(SIZE, edu_all(self->edu.map, SIZE, GUARD));

	/* So for every file, until the driver begins anew. */
	EXPECT_EQ(POLLERR, polled(&other));
	EXPECT_EQ(-EIO, edu_submit(&other, 1, 0, 1, 0, 0));
	EXPECT_EQ(-EIO, edu_wait(&other).result);
	EXPECT_EQ(-ENOENT, zcpool_edu_cancel(other.fd, 1, 0));
	EXPECT_EQ(0, zcpool_edu_query(other.fd, &query));
	EXPECT_EQ(0, zcpool_edu_release(other.fd, 0));
	EXPECT_EQ(0, zcpool_edu_import(other.fd, other.dmabuf));
	child = fork();
	if (!child)
		_exit(-edu_submit(&other, 1, 0, 1, 0, 0));
	EXPECT_EQ(EIO, wait_status(child));
	ASSERT_EQ(0, edu_unbind());
	EXPECT_EQ(-ENODEV, edu_submit(&other, 1, 0, 1, 0, 0));
	ASSERT_EQ(0, edu_bind());
	EXPECT_TRUE(works(&self->edu));
	close(other.fd);
}

/* The data came, but nobody said so: it might as well be under way. */
TEST_F(edu, lost_interrupt)
{
	int flags = edu_capability(PCI_CAP_ID_MSI) + PCI_MSI_FLAGS;
	int error;

	ASSERT_LT(PCI_MSI_FLAGS, flags);
	/* Until then the data must be there. */
	ASSERT_EQ(0, set_limit(LIMIT_DEFAULT));
	ASSERT_EQ(0, edu_configure(flags, PCI_MSI_FLAGS_ENABLE, 0));
	ASSERT_EQ(0, edu_submit(&self->edu, 1, 0, 1000, 0, FROM_DEVICE));
	error = edu_submit(&self->edu, 2, 2000, 1000, 0, FROM_DEVICE);
	EXPECT_EQ(-EIO, edu_wait(&self->edu).result);
	EXPECT_EQ(-EIO, error ? error : edu_wait(&self->edu).result);
	EXPECT_EQ(1000, edu_same(self->edu.map, 1000, 1));
	EXPECT_EQ(SIZE - 2000, edu_all(self->edu.map + 2000, SIZE - 2000, GUARD));
	/* And the device was kept from going on. */
	EXPECT_FALSE(is_master());
	ASSERT_EQ(0, edu_unbind());
	ASSERT_EQ(0, edu_bind());
	EXPECT_TRUE(is_master());
	EXPECT_TRUE(works(&self->edu));
}

/* Waiting for room, and for completions, when it happens. */
TEST_F(edu, who_waits_is_told)
{
	int error;
	pid_t child;

	ASSERT_EQ(0, set_limit(LIMIT_DEFAULT));
	ASSERT_EQ(0, cut_off());
	do
		error = edu_submit(&self->edu, 1, 0, 1, 0, ZCPOOL_EDU_SUBMIT_F_NONBLOCK);
	while (!error);
	ASSERT_EQ(-EAGAIN, error);
	child = fork();
	if (!child)
		_exit(-edu_submit(&self->edu, 1, 0, 1, 0, 0));
	EXPECT_EQ(EIO, wait_status(child));
	EXPECT_EQ(-EIO, edu_wait(&self->edu).result);
}

/* So is who waits on a file that has no request, which alone would never end. */
TEST_F(edu, who_waits_on_another_file_is_told)
{
	struct pollfd poll_fd = { .fd = zcpool_edu_open(0, 0) };
	struct zcpool_edu_completion completion;
	pid_t taking, polling;

	ASSERT_LE(0, poll_fd.fd);
	taking = fork();
	if (!taking)
		_exit(-zcpool_edu_complete(poll_fd.fd, &completion, 1, -1));
	polling = fork();
	if (!polling)
		_exit(poll(&poll_fd, 1, -1) < 0 ? 255 : poll_fd.revents);
	ASSERT_TRUE(wait_asleep(taking));
	ASSERT_TRUE(wait_asleep(polling));
	ASSERT_EQ(0, set_limit(LIMIT_SHORT));
	ASSERT_EQ(0, cut_off());
	ASSERT_EQ(0, edu_submit(&self->edu, 1, 0, 1, 0, 0));
	EXPECT_EQ(-EIO, edu_wait(&self->edu).result);
	EXPECT_EQ(EIO, wait_status(taking));
	EXPECT_EQ(POLLERR, wait_status(polling));
	close(poll_fd.fd);
}

/* How many transfers of the request that fills the memory are over. */
static uint32_t transfers(const struct edu *edu)
{
	uint32_t count = 0;

	while (count < SIZE / edu->device_size &&
	       ((volatile unsigned char *)edu->map)[count * edu->device_size] != GUARD)
		count++;
	return count;
}

/*
 * Have a transfer under way that does not end, and has this limit, of many with a longer one.
 * Or it is yet to begin: there is no sign of that.
 */
static int hang(const struct edu *edu, int limit_ms)
{
	uint32_t over;
	int error = set_limit(LIMIT_LONG);

	if (!error)
		error = edu_occupy(edu, 1, FROM_DEVICE);
	if (!error)
		error = set_limit(limit_ms);
	/* The next has the limit of before, maybe; and held up, one that goes well may fail. */
	over = transfers(edu);
	while (!error && transfers(edu) < over + 2 && !(polled(edu) & POLLIN))
		usleep(1000);
	usleep(20000);
	return error ? error : cut_off();
}

/* close() waits for no longer than a transfer may take. */
TEST_F(edu, close_of_a_device_that_hangs)
{
	int64_t start, took;
	int try;

	for (try = 0;; try++) {
		ASSERT_EQ(0, hang(&self->edu, LIMIT_SHORT));
		start = ticks_ns();
		ASSERT_EQ(0, close(self->edu.fd));
		took = ticks_ns() - start;
		/* Nor shorter, but for how long it was under way, nor as by default. */
		if (took >= (LIMIT_SHORT - 500) * NS_PER_MS &&
		    took < (LIMIT_DEFAULT - 1000) * NS_PER_MS)
			break;
		TH_LOG("%lld ms, maybe held up, and so once more", (long long)(took / NS_PER_MS));
		ASSERT_LT(try, 5);
		ASSERT_EQ(0, edu_unbind());
		ASSERT_EQ(0, edu_bind());
		memset(self->edu.map, GUARD, SIZE);
		self->edu.fd = zcpool_edu_open(0, 0);
		ASSERT_EQ(0, zcpool_edu_import(self->edu.fd, self->edu.dmabuf));
	}
	close(self->edu.dmabuf);
	EXPECT_TRUE(edu_let_go(&self->edu));
}

/* Nor does the driver's end, and what it says then is that. */
TEST_F(edu, unbind_of_a_device_that_hangs)
{
	/* Enough to have begun before. */
	ASSERT_EQ(0, hang(&self->edu, LIMIT_DEFAULT));
	ASSERT_EQ(0, edu_unbind());
	EXPECT_EQ(-ENODEV, edu_wait(&self->edu).result);
	ASSERT_EQ(0, edu_bind());
	EXPECT_TRUE(works(&self->edu));
}

/* A limit is a transfer's: a request of many may take longer. */
TEST_F(edu, no_false_alarm)
{
	int64_t start = now_ns();

	ASSERT_EQ(0, set_limit(LIMIT_DEFAULT));
	ASSERT_EQ(0, edu_move(&self->edu, 0, SIZE / 2, 0, FROM_DEVICE));
	EXPECT_LT(LIMIT_DEFAULT * NS_PER_MS, now_ns() - start);
}

/*
 * A driver before this one left a transfer under way, to memory that is somebody else's
 * by now, and an interrupt.
 */
TEST_F(edu, busy_when_it_is_bound)
{
	volatile uint64_t *dma;
	int64_t start;
	char *registers;
	char path[300];
	int fd;

	ASSERT_EQ(0, set_limit(LIMIT_LONG));
	ASSERT_EQ(0, edu_unbind());
	ASSERT_EQ(0, pci_write(edu_address(), "enable", "1"));
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/resource0", edu_address());
	fd = open(path, O_RDWR | O_SYNC);
	registers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)registers);
	*(volatile uint32_t *)(registers + 0x60) = 1;
	dma = (volatile uint64_t *)(registers + 0x80);
	dma[0] = 0x40000;
	dma[1] = page_address(self->edu.map);
	dma[2] = 1000;
	start = now_ns();
	dma[3] = 7;
	ASSERT_EQ(0, edu_bind());
	EXPECT_LE(80 * NS_PER_MS, now_ns() - start);
	EXPECT_TRUE(works(&self->edu));
	usleep(200000);
	EXPECT_EQ(32 * KIB, edu_all(self->edu.map, 32 * KIB, GUARD));
	munmap(registers, 4096);
	close(fd);
	ASSERT_EQ(0, edu_unbind());
	ASSERT_EQ(0, pci_write(edu_address(), "enable", "0"));
}

/* Bind a device that is none of the driver's, as root can: what that fails with. */
static int bind_other(const char *device, const char *driver)
{
	int error;

	driver_write(driver, "unbind", device);
	pci_write(device, "driver_override", "zcpool_edu");
	error = driver_write(EDU_DRIVER, "bind", device);
	driver_write(EDU_DRIVER, "unbind", device);
	pci_write(device, "driver_override", "\n");
	driver_write(driver, "bind", device);
	return error;
}

/* One without such registers, and one with others, if the rig has it. */
TEST_F(edu, another_device)
{
	bool disk = !access("/dev/nvme0n1", F_OK);
	char device[256];

	strcpy(device, pci_find(0x1af4, 0x1005));
	EXPECT_EQ(-ENODEV, bind_other(device, "/sys/bus/pci/drivers/virtio-pci"));
	strcpy(device, pci_find(0x1b36, 0x0010));
	EXPECT_EQ(-ENODEV, bind_other(device, "/sys/bus/pci/drivers/nvme"));
	/* For who comes next. */
	while (disk && access("/dev/nvme0n1", F_OK))
		usleep(1000);
}

/* No memory is below the limit that the driver is told. */
TEST_F(edu, limit_too_low)
{
	int fd = open(getenv("ZCPOOL_EDU_MODULE"), O_RDONLY | O_CLOEXEC);

	edu_end(&self->edu);
	ASSERT_EQ(0, syscall(SYS_delete_module, "zcpool_edu", O_NONBLOCK));
	ASSERT_EQ(0, syscall(SYS_finit_module, fd, "dma_bits=12", 0));
	/* With an IOMMU any will do, as far as one can tell before it is used. */
	self->edu.fd = zcpool_edu_open(0, 0);
	EXPECT_EQ(has_iommu(), self->edu.fd >= 0);
	close(self->edu.fd);
	ASSERT_EQ(0, syscall(SYS_delete_module, "zcpool_edu", O_NONBLOCK));
	ASSERT_EQ(0, syscall(SYS_finit_module, fd, "", 0));
	ASSERT_TRUE(edu_begin(&self->edu, SIZE, 1));
	close(fd);
}

TEST_HARNESS_MAIN
