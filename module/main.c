// SPDX-License-Identifier: GPL-2.0-only
/* The module, its device node and its file system. */
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "fs.h"
#include "zcpool.h"

static struct miscdevice zcpool_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "zcpool",
	.fops = &zcpool_handle_fops,
	.mode = 0660,
};

static int __init zcpool_init(void)
{
	int error = zcpool_fs_init();

	if (error)
		return error;
	error = misc_register(&zcpool_device);
	if (error)
		zcpool_fs_exit();
	return error;
}
module_init(zcpool_init);

static void __exit zcpool_exit(void)
{
	misc_deregister(&zcpool_device);
	zcpool_fs_exit();
	zcpool_linger_end();
}
module_exit(zcpool_exit);

MODULE_DESCRIPTION("Pools of DMA-capable buffers to map, splice and send without a copy");
MODULE_AUTHOR("The zcpool authors");
MODULE_VERSION("0.1.0");
MODULE_LICENSE("GPL");
ZCPOOL_IMPORT_NS(DMA_BUF);
