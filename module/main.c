// SPDX-License-Identifier: GPL-2.0-only
/* The module and its device node. */
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "zcpool.h"

static struct miscdevice zcpool_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "zcpool",
	.fops = &zcpool_handle_fops,
	.mode = 0660,
};
module_misc_device(zcpool_device);

MODULE_DESCRIPTION("Pools of DMA-capable buffers to map, splice and send without a copy");
MODULE_AUTHOR("The zcpool authors");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
