// SPDX-License-Identifier: GPL-2.0-only
/*
 * V4L2 captures into exported slices and outputs from them: vivid, by either of its ways
 * to memory.  One copies by the kernel's address of the slice (videobuf2-vmalloc), the
 * other attaches a device that wants the slice in one piece (videobuf2-dma-contig).
 */
#include <linux/v4l2-dv-timings.h>
#include <linux/videodev2.h>

#include "export.h"
#include "modules.h"

#include "harness.h"

#define WIDTH 640
#define HEIGHT 480
/* Two bytes a pixel. */
#define FRAME (WIDTH * HEIGHT * 2)
/* A slice begins within a buffer, and is longer than a frame. */
#define STRIDE MIB
#define START (8 * KIB)
#define SLICE (FRAME + 8 * KIB)
#define COUNT 8
#define QUEUED 4
#define POISON 0xa5

/* A camera's HDMI input and output each: 0 copies, 1 attaches. */
static int load_vivid(void)
{
	int status = modprobe("vivid", "n_devs=2", "node_types=0x101,0x101", "num_inputs=1,1",
			      "input_types=3,3", "num_outputs=1,1", "output_types=1,1",
			      "allocators=0,1");

	if (status)
		fprintf(stderr, "cannot load vivid\n");
	return status;
}

static int unload_vivid(void)
{
	int status = modprobe_remove("vivid");

	if (status)
		fprintf(stderr, "cannot unload vivid\n");
	return status;
}

WITH_MODULES(load_vivid, unload_vivid)

static int control(int video, unsigned long request, void *argument)
{
	return ioctl(video, request, argument) ? -errno : 0;
}

/* The capture or output node of a device of vivid's, set to this file's frames. */
static int open_video(int device, uint32_t capability)
{
	struct v4l2_dv_timings timings = V4L2_DV_BT_CEA_640X480P59_94;
	struct v4l2_format format = { 0 };
	struct v4l2_capability is;
	char path[32], bus[32];
	int video, i;

	snprintf(bus, sizeof(bus), "platform:vivid-%03d", device);
	for (i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/video%d", i);
		video = open(path, O_RDWR | O_CLOEXEC);
		if (video < 0)
			continue;
		if (!control(video, VIDIOC_QUERYCAP, &is) && !strcmp((char *)is.bus_info, bus) &&
		    is.device_caps & capability)
			break;
		close(video);
	}
	if (i == 64)
		return -ENODEV;
	format.type = capability == V4L2_CAP_VIDEO_CAPTURE ? V4L2_BUF_TYPE_VIDEO_CAPTURE :
							     V4L2_BUF_TYPE_VIDEO_OUTPUT;
	if (control(video, VIDIOC_S_DV_TIMINGS, &timings) || control(video, VIDIOC_G_FMT, &format))
		return -errno;
	format.fmt.pix.width = WIDTH;
	format.fmt.pix.height = HEIGHT;
	format.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
	if (control(video, VIDIOC_S_FMT, &format))
		return -errno;
	return format.fmt.pix.sizeimage == FRAME ? video : -EPROTO;
}

/* Find a control by its name, since vivid's have no numbers for programs. */
static int set_control(int video, const char *name, const char *choice, int value)
{
	struct v4l2_queryctrl query = { .id = V4L2_CTRL_FLAG_NEXT_CTRL };
	struct v4l2_control set = { .value = value };
	struct v4l2_querymenu menu;

	while (!control(video, VIDIOC_QUERYCTRL, &query) && strcmp((char *)query.name, name))
		query.id |= V4L2_CTRL_FLAG_NEXT_CTRL;
	if (strcmp((char *)query.name, name))
		return -ENOENT;
	set.id = query.id;
	menu.id = query.id;
	for (menu.index = 0; choice && (int)menu.index <= query.maximum; menu.index++)
		if (!control(video, VIDIOC_QUERYMENU, &menu) && !strcmp((char *)menu.name, choice))
			set.value = menu.index;
	return control(video, VIDIOC_S_CTRL, &set);
}

static int request(int video, uint32_t type, uint32_t memory, uint32_t count)
{
	struct v4l2_requestbuffers arg = { .count = count, .type = type, .memory = memory };

	return control(video, VIDIOC_REQBUFS, &arg) ?: (int)arg.count;
}

static int queue(int video, uint32_t type, uint32_t index, int dmabuf, uint32_t length)
{
	struct v4l2_buffer buffer = {
		.index = index,
		.type = type,
		.memory = V4L2_MEMORY_DMABUF,
		.m.fd = dmabuf,
		.length = length,
		.bytesused = FRAME,
		.field = V4L2_FIELD_NONE,
	};

	return control(video, VIDIOC_QBUF, &buffer);
}

static int dequeue(int video, uint32_t type, uint32_t memory)
{
	struct v4l2_buffer buffer = { .type = type, .memory = memory };
	int error = control(video, VIDIOC_DQBUF, &buffer);

	if (!error && (buffer.flags & V4L2_BUF_FLAG_ERROR || buffer.bytesused != FRAME))
		error = -EIO;
	return error ?: (int)buffer.index;
}

/* A frame as the driver captures it into memory of its own. */
static int capture_by_mmap(int video, char *frame)
{
	struct v4l2_buffer buffer = {
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.memory = V4L2_MEMORY_MMAP,
	};
	int ret = request(video, buffer.type, buffer.memory, 4), count = ret, i;
	char *map;

	for (i = 0; i < count && ret >= 0; i++) {
		buffer.index = i;
		ret = control(video, VIDIOC_QUERYBUF, &buffer);
		ret = ret ?: control(video, VIDIOC_QBUF, &buffer);
	}
	ret = ret ?: control(video, VIDIOC_STREAMON, &buffer.type);
	ret = ret ?: dequeue(video, buffer.type, buffer.memory);
	if (ret >= 0) {
		buffer.index = ret;
		ret = control(video, VIDIOC_QUERYBUF, &buffer);
		map = mmap(NULL, FRAME, PROT_READ, MAP_SHARED, video, buffer.m.offset);
		memcpy(frame, map, FRAME);
		munmap(map, FRAME);
	}
	ret = ret ?: control(video, VIDIOC_STREAMOFF, &buffer.type);
	return ret ?: request(video, buffer.type, buffer.memory, 0);
}

FIXTURE(video)
{
	int fd;
	char *map;
	int input;
	int output;
	int exports[COUNT];
};

FIXTURE_VARIANT(video)
{
	int device;
	/* What comes of an export that is read-only, as a buffer of either. */
	int read_only_capture;
	int read_only_output;
};

VARIANT(video, vmalloc, .device = 0, .read_only_capture = -EFAULT, .read_only_output = -EFAULT);
VARIANT(video, dma_contig, .device = 1, .read_only_capture = -EINVAL);

FIXTURE_SETUP(video)
{
	int i;

	self->fd = new_pool(STRIDE, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, COUNT * STRIDE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	self->input = open_video(variant->device, V4L2_CAP_VIDEO_CAPTURE);
	ASSERT_GE(self->input, 0);
	self->output = open_video(variant->device, V4L2_CAP_VIDEO_OUTPUT);
	ASSERT_GE(self->output, 0);
	/* No clock and no counter over the picture. */
	ASSERT_EQ(0, set_control(self->input, "OSD Text Mode", "None", 0));
	for (i = 0; i < COUNT; i++) {
		self->exports[i] = export(self->fd, i * STRIDE + START, SLICE, 0);
		ASSERT_GE(self->exports[i], 0);
	}
}

FIXTURE_TEARDOWN(video)
{
	int i;

	for (i = 0; i < COUNT; i++)
		close(self->exports[i]);
	close(self->output);
	close(self->input);
	munmap(self->map, COUNT * STRIDE);
	close(self->fd);
}

static char *slice_of(char *map, int index)
{
	return map + index * STRIDE + START;
}

/* Whether all of a part of memory has the value that it was filled with. */
static bool all_poison(const char *from, const char *to)
{
	while (from < to && (unsigned char)*from == POISON)
		from++;
	return from == to;
}

/* Frames come into the slices, and not a byte beside them. */
TEST_F(video, captures_into_slices)
{
	const uint32_t type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	static char expected[FRAME];
	int round, i;

	ASSERT_EQ(0, capture_by_mmap(self->input, expected));
	/* Bars: the first and the last pixels of a line are not alike, two lines are. */
	ASSERT_NE(0, memcmp(expected, expected + WIDTH * 2 - 4, 4));
	ASSERT_EQ(0, memcmp(expected, expected + WIDTH * 2, WIDTH * 2));

	memset(self->map, POISON, COUNT * STRIDE);
	ASSERT_EQ(QUEUED, request(self->input, type, V4L2_MEMORY_DMABUF, QUEUED));
	for (i = 0; i < QUEUED; i++)
		ASSERT_EQ(0, queue(self->input, type, i, self->exports[i], 0));
	ASSERT_EQ(0, control(self->input, VIDIOC_STREAMON, (void *)&type));
	for (round = 0; round < 3 * QUEUED; round++) {
		char *buffer, *slice;

		i = dequeue(self->input, type, V4L2_MEMORY_DMABUF);
		ASSERT_GE(i, 0);
		buffer = self->map + i * STRIDE;
		slice = slice_of(self->map, i);
		ASSERT_EQ(0, sync_access(self->exports[i], DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW));
		ASSERT_EQ(0, memcmp(expected, slice, FRAME));
		ASSERT_TRUE(all_poison(buffer, slice));
		ASSERT_TRUE(all_poison(slice + FRAME, buffer + STRIDE));
		memset(slice, POISON, FRAME);
		ASSERT_EQ(0, sync_access(self->exports[i], DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW));
		ASSERT_EQ(0, queue(self->input, type, i, self->exports[i], 0));
	}
	ASSERT_EQ(0, control(self->input, VIDIOC_STREAMOFF, (void *)&type));
	ASSERT_TRUE(all_poison(self->map + QUEUED * STRIDE, self->map + COUNT * STRIDE));
}

/* The queue has them, whatever becomes of the program's descriptors. */
TEST_F(video, queued_buffers_are_not_free)
{
	const uint32_t type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	uint32_t indices[COUNT];
	int i;

	ASSERT_EQ(QUEUED, request(self->input, type, V4L2_MEMORY_DMABUF, QUEUED));
	for (i = 0; i < QUEUED; i++)
		ASSERT_EQ(0, queue(self->input, type, i, self->exports[i], 0));
	for (i = 0; i < COUNT; i++)
		close(self->exports[i]);
	ASSERT_EQ(COUNT - QUEUED, get_many(self->fd, indices, COUNT, 0, 0));
	for (i = 0; i < COUNT - QUEUED; i++)
		ASSERT_GE(indices[i], QUEUED);
	ASSERT_EQ(0, control(self->input, VIDIOC_STREAMON, (void *)&type));
	for (i = 0; i < 2; i++)
		ASSERT_GE(dequeue(self->input, type, V4L2_MEMORY_DMABUF), 0);
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	/* It keeps them attached until it is told to forget them. */
	ASSERT_EQ(0, control(self->input, VIDIOC_STREAMOFF, (void *)&type));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	ASSERT_EQ(0, request(self->input, type, V4L2_MEMORY_DMABUF, 0));
	for (i = 0; i < QUEUED; i++)
		ASSERT_GE(get_wait(self->fd), 0);
}

TEST_F(video, killed_while_it_captures)
{
	const uint32_t type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	uint32_t indices[COUNT];
	int pipes[2], i;
	pid_t child;
	char byte;

	ASSERT_EQ(0, pipe(pipes));
	close(self->input);
	child = fork();
	if (!child) {
		self->input = open_video(variant->device, V4L2_CAP_VIDEO_CAPTURE);
		if (request(self->input, type, V4L2_MEMORY_DMABUF, QUEUED) != QUEUED)
			_exit(1);
		for (i = 0; i < QUEUED; i++)
			if (queue(self->input, type, i, self->exports[i], 0))
				_exit(2);
		for (i = 0; i < COUNT; i++)
			close(self->exports[i]);
		if (control(self->input, VIDIOC_STREAMON, (void *)&type) ||
		    dequeue(self->input, type, V4L2_MEMORY_DMABUF) < 0 ||
		    write(pipes[1], "", 1) != 1)
			_exit(3);
		pause();
	}
	ASSERT_EQ(1, read(pipes[0], &byte, 1));
	for (i = 0; i < COUNT; i++)
		close(self->exports[i]);
	ASSERT_EQ(COUNT - QUEUED, get_many(self->fd, indices, COUNT, 0, 0));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	kill(child, SIGKILL);
	ASSERT_EQ(-1, wait_status(child));
	for (i = 0; i < QUEUED; i++)
		ASSERT_GE(get_wait(self->fd), 0);
}

/* What is put out from slices is what comes in at the other end of the cable. */
TEST_F(video, outputs_from_slices)
{
	const uint32_t in = V4L2_BUF_TYPE_VIDEO_CAPTURE, out = V4L2_BUF_TYPE_VIDEO_OUTPUT;
	char name[64], choice[64];
	int i, j, round, last = -1;
	bool by_name;
	int64_t end;

	snprintf(name, sizeof(name), "HDMI %03d-0 Is Connected To", variant->device);
	snprintf(choice, sizeof(choice), "Output HDMI %03d-0", variant->device);
	by_name = set_control(self->input, "Loop Video", NULL, 1) == -ENOENT;
	if (by_name)
		ASSERT_EQ(0, set_control(self->input, name, choice, 0));

	/* Buffers 0 to 3 are put out, 4 to 7 captured. */
	for (i = 0; i < QUEUED; i++)
		for (j = 0; j < (int)FRAME; j += 4)
			*(uint32_t *)(slice_of(self->map, i) + j) = i << 28 | j;
	memset(self->map + QUEUED * STRIDE, POISON, QUEUED * STRIDE);
	ASSERT_EQ(QUEUED, request(self->output, out, V4L2_MEMORY_DMABUF, QUEUED));
	ASSERT_EQ(QUEUED, request(self->input, in, V4L2_MEMORY_DMABUF, QUEUED));
	for (i = 0; i < QUEUED; i++) {
		ASSERT_EQ(0, queue(self->output, out, i, self->exports[i], 0));
		ASSERT_EQ(0, queue(self->input, in, i, self->exports[QUEUED + i], 0));
	}
	ASSERT_EQ(0, control(self->output, VIDIOC_STREAMON, (void *)&out));
	ASSERT_EQ(0, control(self->input, VIDIOC_STREAMON, (void *)&in));
	end = now_ns() + 60000 * NS_PER_MS;
	/* The last is shown on and on. */
	for (round = 0; now_ns() < end && last != QUEUED - 1; round++) {
		uint32_t *slice;

		i = dequeue(self->input, in, V4L2_MEMORY_DMABUF);
		ASSERT_GE(i, 0);
		slice = (uint32_t *)slice_of(self->map, QUEUED + i);
		/*
		 * On a slow machine a pattern comes first.  For ever, if vivid disconnects
		 * them: what it does later when a control is set takes the choice for one
		 * not to be had, if it looks while that is being made.
		 */
		if (by_name && last < 0 && round % 8 == 7)
			ASSERT_EQ(0, set_control(self->input, name, choice, 0));
		if (last >= 0 || slice[0] >> 28 < QUEUED) {
			last = slice[0] >> 28;
			ASSERT_LT(last, QUEUED);
			ASSERT_EQ(0, memcmp(slice_of(self->map, last), slice, FRAME));
		}
		ASSERT_EQ(0, queue(self->input, in, i, self->exports[QUEUED + i], 0));
	}
	EXPECT_EQ(QUEUED - 1, last);
	ASSERT_GE(dequeue(self->output, out, V4L2_MEMORY_DMABUF), 0);
	ASSERT_EQ(0, control(self->input, VIDIOC_STREAMOFF, (void *)&in));
	ASSERT_EQ(0, control(self->output, VIDIOC_STREAMOFF, (void *)&out));
	set_control(self->input, "Loop Video", NULL, 0);
	set_control(self->input, name, "Test Pattern Generator", 0);
}

TEST_F(video, too_small)
{
	const uint32_t type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	int small = export(self->fd, START, FRAME - 4 * KIB, 0);

	ASSERT_EQ(QUEUED, request(self->input, type, V4L2_MEMORY_DMABUF, QUEUED));
	EXPECT_EQ(-EINVAL, queue(self->input, type, 0, small, 0));
	close(small);
	EXPECT_EQ(0, queue(self->input, type, 0, self->exports[0], 0));
}

/* What the driver refuses when it is about to attach it. */
TEST_F(video, smaller_than_told)
{
	const uint32_t type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
	int small;

	/* __prepare_dmabuf() drops no reference then, and with it the buffer is lost. */
	if (!kernel_before(6, 12))
		SKIP(return, "the kernel keeps a dma-buf that cannot be attached");
	small = export(self->fd, START, FRAME - 4 * KIB, 0);
	ASSERT_EQ(QUEUED, request(self->input, type, V4L2_MEMORY_DMABUF, QUEUED));
	EXPECT_EQ(-EFAULT, queue(self->input, type, 0, small, FRAME));
	close(small);
	close(self->exports[0]);
	EXPECT_EQ(0, get_wait(self->fd));
}

TEST_F(video, read_only)
{
	const uint32_t in = V4L2_BUF_TYPE_VIDEO_CAPTURE, out = V4L2_BUF_TYPE_VIDEO_OUTPUT;
	int dmabuf = export(self->fd, START, SLICE, ZCPOOL_EXPORT_F_READ_ONLY);

	ASSERT_EQ(QUEUED, request(self->input, in, V4L2_MEMORY_DMABUF, QUEUED));
	EXPECT_EQ(variant->read_only_capture, queue(self->input, in, 0, dmabuf, 0));
	ASSERT_EQ(QUEUED, request(self->output, out, V4L2_MEMORY_DMABUF, QUEUED));
	EXPECT_EQ(variant->read_only_output, queue(self->output, out, 0, dmabuf, 0));
	close(dmabuf);
}

TEST_HARNESS_MAIN
