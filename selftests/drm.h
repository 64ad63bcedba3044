/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests with graphics drivers share: finding one, and PRIME. */
#ifndef ZCPOOL_SELFTEST_DRM_H
#define ZCPOOL_SELFTEST_DRM_H

/* The kernel's headers are not installed here. */
#define __user
#include <drm/drm.h>

#include "export.h"
#include "modules.h"

/* All return what the call does, or a negative errno. */

static inline int drm_call(int drm, unsigned long request, void *argument)
{
	return ioctl(drm, request, argument) ? -errno : 0;
}

/* The first device of a driver. */
static inline int open_drm(const char *driver)
{
	char path[32], name[32];
	struct drm_version version;
	int i, drm;

	for (i = 0; i < 16; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		drm = open(path, O_RDWR | O_CLOEXEC);
		if (drm < 0)
			continue;
		memset(&version, 0, sizeof(version));
		memset(name, 0, sizeof(name));
		version.name = name;
		version.name_len = sizeof(name) - 1;
		if (!drm_call(drm, DRM_IOCTL_VERSION, &version) && !strcmp(name, driver))
			return drm;
		close(drm);
	}
	return -ENODEV;
}

static inline int import(int drm, int dmabuf, uint32_t *handle)
{
	struct drm_prime_handle arg = { .fd = dmabuf };
	int error = drm_call(drm, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);

	*handle = arg.handle;
	return error;
}

/* A dma-buf of an object. */
static inline int share(int drm, uint32_t handle)
{
	struct drm_prime_handle arg = { .handle = handle, .flags = DRM_CLOEXEC | DRM_RDWR };

	return drm_call(drm, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg) ?: arg.fd;
}

static inline int close_handle(int drm, uint32_t handle)
{
	struct drm_gem_close arg = { .handle = handle };

	return drm_call(drm, DRM_IOCTL_GEM_CLOSE, &arg);
}

#endif /* ZCPOOL_SELFTEST_DRM_H */
