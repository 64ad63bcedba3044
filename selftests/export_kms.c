// SPDX-License-Identifier: GPL-2.0-only
/*
 * A display, vkms, shows exported slices: the checksum of its picture, which it takes for
 * each frame, follows what the program writes there.
 */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "drm.h"

#include <drm/drm_fourcc.h>
#include <drm/drm_mode.h>

#include "harness.h"

#define WIDTH 640
#define HEIGHT 480
/* Four bytes a pixel, of which the last shows nothing. */
#define FRAME (WIDTH * HEIGHT * 4)
#define STRIDE (2 * MIB)
#define COUNT 3

#define NO_VKMS "the kernel has no vkms"

/* Not every kernel has it. */
static int load_vkms(void)
{
	modprobe("vkms");
	return 0;
}

static int unload_vkms(void)
{
	int status = access("/sys/module/vkms", F_OK) ? 0 : modprobe_remove("vkms");

	if (status)
		fprintf(stderr, "cannot unload vkms\n");
	return status;
}

WITH_MODULES(load_vkms, unload_vkms)

/* What the display is made of. */
struct display {
	uint32_t crtc;
	uint32_t plane;
	uint32_t connector;
	struct drm_mode_modeinfo mode;
};

/* The number of a property and its value, or an error. */
static int find_property(int drm, uint32_t object, const char *name, uint32_t *id, uint64_t *value)
{
	uint32_t ids[64];
	uint64_t values[64];
	struct drm_mode_obj_get_properties list = {
		.props_ptr = (uintptr_t)ids,
		.prop_values_ptr = (uintptr_t)values,
		.count_props = 64,
		.obj_id = object,
	};
	struct drm_mode_get_property property;
	uint32_t i;

	if (drm_call(drm, DRM_IOCTL_MODE_OBJ_GETPROPERTIES, &list))
		return -errno;
	for (i = 0; i < list.count_props && i < 64; i++) {
		memset(&property, 0, sizeof(property));
		property.prop_id = ids[i];
		if (drm_call(drm, DRM_IOCTL_MODE_GETPROPERTY, &property) ||
		    strcmp(property.name, name))
			continue;
		*id = ids[i];
		*value = values[i];
		return 0;
	}
	return -ENOENT;
}

static int find_plane(int drm, struct display *display)
{
	uint32_t planes[16], id, i;
	struct drm_mode_get_plane_res list = {
		.plane_id_ptr = (uintptr_t)planes,
		.count_planes = 16,
	};
	uint64_t type;

	if (drm_call(drm, DRM_IOCTL_MODE_GETPLANERESOURCES, &list))
		return -errno;
	for (i = 0; i < list.count_planes && i < 16; i++) {
		display->plane = planes[i];
		/* The primary one has type 1. */
		if (!find_property(drm, planes[i], "type", &id, &type) && type == 1)
			return 0;
	}
	return -ENOENT;
}

static int find_mode(int drm, struct display *display)
{
	static struct drm_mode_modeinfo modes[128];
	struct drm_mode_get_connector connector = { .connector_id = display->connector };
	uint32_t i;

	/* The first call finds the modes. */
	if (drm_call(drm, DRM_IOCTL_MODE_GETCONNECTOR, &connector))
		return -errno;
	i = connector.count_modes;
	memset(&connector, 0, sizeof(connector));
	connector.connector_id = display->connector;
	connector.modes_ptr = (uintptr_t)modes;
	connector.count_modes = i < 128 ? i : 128;
	if (drm_call(drm, DRM_IOCTL_MODE_GETCONNECTOR, &connector))
		return -errno;
	for (i = 0; i < connector.count_modes && i < 128; i++) {
		display->mode = modes[i];
		if (modes[i].hdisplay == WIDTH && modes[i].vdisplay == HEIGHT)
			return 0;
	}
	return -ENOENT;
}

static int find_display(int drm, struct display *display)
{
	struct drm_set_client_cap atomic = { .capability = DRM_CLIENT_CAP_ATOMIC, .value = 1 };
	struct drm_mode_card_res resources = {
		.crtc_id_ptr = (uintptr_t)&display->crtc,
		.connector_id_ptr = (uintptr_t)&display->connector,
		.count_crtcs = 1,
		.count_connectors = 1,
	};
	int error = drm_call(drm, DRM_IOCTL_SET_CLIENT_CAP, &atomic);

	error = error ?: drm_call(drm, DRM_IOCTL_MODE_GETRESOURCES, &resources);
	error = error ?: find_plane(drm, display);
	return error ?: find_mode(drm, display);
}

/* Everything that an atomic commit sets, object by object. */
struct commit {
	int drm;
	uint32_t objects[8];
	uint32_t counts[8];
	uint32_t properties[32];
	uint64_t values[32];
	uint32_t nr_objects;
	uint32_t nr_properties;
	int error;
};

static void set(struct commit *commit, uint32_t object, const char *name, uint64_t value)
{
	uint32_t last = commit->nr_objects - 1, next = commit->nr_properties++;
	uint64_t old;

	if (!commit->nr_objects || commit->objects[last] != object) {
		last = commit->nr_objects++;
		commit->objects[last] = object;
	}
	if (!commit->error)
		commit->error =
			find_property(commit->drm, object, name, &commit->properties[next], &old);
	commit->values[next] = value;
	commit->counts[last]++;
}

static int show(int drm, const struct display *display, uint32_t frame)
{
	struct drm_mode_create_blob mode = {
		.data = (uintptr_t)&display->mode,
		.length = sizeof(display->mode),
	};
	struct commit commit = { .drm = drm };
	struct drm_mode_atomic arg = {
		.flags = DRM_MODE_ATOMIC_ALLOW_MODESET,
		.objs_ptr = (uintptr_t)commit.objects,
		.count_props_ptr = (uintptr_t)commit.counts,
		.props_ptr = (uintptr_t)commit.properties,
		.prop_values_ptr = (uintptr_t)commit.values,
	};
	int error = drm_call(drm, DRM_IOCTL_MODE_CREATEPROPBLOB, &mode);

	if (error)
		return error;
	set(&commit, display->crtc, "MODE_ID", mode.blob_id);
	set(&commit, display->crtc, "ACTIVE", 1);
	set(&commit, display->connector, "CRTC_ID", display->crtc);
	set(&commit, display->plane, "FB_ID", frame);
	set(&commit, display->plane, "CRTC_ID", display->crtc);
	/* The source's in 16.16 fixed point. */
	set(&commit, display->plane, "SRC_X", 0);
	set(&commit, display->plane, "SRC_Y", 0);
	set(&commit, display->plane, "SRC_W", WIDTH << 16);
	set(&commit, display->plane, "SRC_H", HEIGHT << 16);
	set(&commit, display->plane, "CRTC_X", 0);
	set(&commit, display->plane, "CRTC_Y", 0);
	set(&commit, display->plane, "CRTC_W", WIDTH);
	set(&commit, display->plane, "CRTC_H", HEIGHT);
	arg.count_objs = commit.nr_objects;
	return commit.error ?: drm_call(drm, DRM_IOCTL_MODE_ATOMIC, &arg);
}

/*
 * The checksum of the picture, by debugfs, as soon as it is not that of another picture any
 * more: frames may be behind what is there to be shown.  0 if there is none.
 */
static unsigned int checksum_after(int drm, unsigned int other)
{
	int64_t end = now_ns() + 30000 * NS_PER_MS;
	unsigned int frame, sum = 0;
	char path[128], line[64];
	struct stat stat;
	int file;

	if (fstat(drm, &stat))
		return 0;
	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/crtc-0/crc/control",
		 minor(stat.st_rdev));
	if (write_text(path, "auto"))
		return 0;
	snprintf(path, sizeof(path), "/sys/kernel/debug/dri/%u/crtc-0/crc/data",
		 minor(stat.st_rdev));
	file = open(path, O_RDONLY | O_CLOEXEC);
	do {
		/* A line at a time. */
		if (read(file, line, sizeof(line)) <= 0 || sscanf(line, "%x %x", &frame, &sum) != 2)
			sum = 0;
	} while (sum == other && sum && now_ns() < end);
	close(file);
	return sum;
}

static int add_frame(int drm, uint32_t handle, uint32_t *id)
{
	struct drm_mode_fb_cmd2 arg = {
		.width = WIDTH,
		.height = HEIGHT,
		.pixel_format = DRM_FORMAT_XRGB8888,
		.handles = { handle },
		.pitches = { WIDTH * 4 },
	};
	int error = drm_call(drm, DRM_IOCTL_MODE_ADDFB2, &arg);

	*id = arg.fb_id;
	return close_handle(drm, handle) ?: error;
}

/* Of an exported slice, of which nobody else knows then. */
static int add_exported(int drm, int fd, uint64_t offset, uint32_t *id)
{
	int dmabuf = export(fd, offset, FRAME, 0);
	uint32_t handle;
	int error;

	if (dmabuf < 0)
		return dmabuf;
	error = import(drm, dmabuf, &handle);
	close(dmabuf);
	return error ?: add_frame(drm, handle, id);
}

/* Of memory of the driver's, which shows what a slice has. */
static int add_copied(int drm, const char *slice, uint32_t *id)
{
	struct drm_mode_create_dumb dumb = { .width = WIDTH, .height = HEIGHT, .bpp = 32 };
	struct drm_mode_map_dumb where = { 0 };
	int error = drm_call(drm, DRM_IOCTL_MODE_CREATE_DUMB, &dumb);
	char *map;

	where.handle = dumb.handle;
	error = error ?: drm_call(drm, DRM_IOCTL_MODE_MAP_DUMB, &where);
	if (error)
		return error;
	map = mmap(NULL, FRAME, PROT_READ | PROT_WRITE, MAP_SHARED, drm, where.offset);
	if (map == MAP_FAILED)
		return -errno;
	memcpy(map, slice, FRAME);
	munmap(map, FRAME);
	return add_frame(drm, dumb.handle, id);
}

FIXTURE(display)
{
	int drm;
	int fd;
	char *map;
	struct display display;
	uint32_t frame;
};

/* Of a slice, from within the first buffer to within the second. */
#define OFFSET (STRIDE - MIB)

FIXTURE_SETUP(display)
{
	int i;

	self->drm = open_drm("vkms");
	if (self->drm == -ENODEV)
		SKIP(return, NO_VKMS);
	ASSERT_GE(self->drm, 0);
	ASSERT_EQ(0, find_display(self->drm, &self->display));
	self->fd = new_pool(STRIDE, COUNT);
	ASSERT_GE(self->fd, 0);
	self->map = map_pool(self->fd, COUNT * STRIDE);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	for (i = 0; i < WIDTH * HEIGHT; i++)
		((uint32_t *)(self->map + OFFSET))[i] = i * 5;
	ASSERT_EQ(0, add_exported(self->drm, self->fd, OFFSET, &self->frame));
}

FIXTURE_TEARDOWN(display)
{
	if (self->drm == -ENODEV)
		return;
	close(self->drm);
	munmap(self->map, COUNT * STRIDE);
	close(self->fd);
}

TEST_F(display, shows_the_slice)
{
	const int places[] = { MIB, FRAME - 4 };
	unsigned int sum, other, i;
	uint32_t copied;

	if (self->drm == -ENODEV)
		SKIP(return, NO_VKMS);
	ASSERT_EQ(0, add_copied(self->drm, self->map + OFFSET, &copied));
	/* Another picture before each that is looked for. */
	self->map[OFFSET] ^= 1;
	ASSERT_EQ(0, show(self->drm, &self->display, self->frame));
	other = checksum_after(self->drm, 0);
	ASSERT_NE(0, other);
	ASSERT_EQ(0, show(self->drm, &self->display, copied));
	sum = checksum_after(self->drm, other);
	ASSERT_NE(other, sum);
	ASSERT_EQ(0, show(self->drm, &self->display, self->frame));
	EXPECT_EQ(other, checksum_after(self->drm, sum));
	self->map[OFFSET] ^= 1;
	EXPECT_EQ(sum, checksum_after(self->drm, other));
	/* It follows any pixel of the slice. */
	for (i = 0; i < 2; i++) {
		self->map[OFFSET + places[i]] ^= 1;
		other = checksum_after(self->drm, sum);
		EXPECT_NE(sum, other);
		self->map[OFFSET + places[i]] ^= 1;
		EXPECT_EQ(sum, checksum_after(self->drm, other));
	}
}

TEST_F(display, not_free_while_shown)
{
	pid_t child;

	if (self->drm == -ENODEV)
		SKIP(return, NO_VKMS);
	ASSERT_EQ(0, show(self->drm, &self->display, self->frame));
	ASSERT_EQ(2, get_now(self->fd));
	ASSERT_EQ(-EAGAIN, get_now(self->fd));
	child = fork();
	if (!child) {
		close(self->drm);
		_exit(get_wait(self->fd) < 0 || get_wait(self->fd) < 0);
	}
	ASSERT_TRUE(wait_asleep(child));
	/* With its program's end the display goes dark. */
	close(self->drm);
	self->drm = -1;
	EXPECT_EQ(0, wait_status(child));
}

TEST_HARNESS_MAIN
