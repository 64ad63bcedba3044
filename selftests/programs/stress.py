# SPDX-License-Identifier: GPL-2.0-only
"""stress-ng: every call that it knows on the device node, and on files; the rig looks
after what the kernel says of it, and whether the module goes afterwards."""
import json

from judge import eventually
from lab import shell, zcpoolctl_info

NOBODY = "setpriv --reuid=nobody --regid=nogroup --clear-groups "


def memory():
    """Of all pools, bytes."""
    return json.loads(zcpoolctl_info())["total_bytes"]


def stress_device():
    """As root and as anybody, whom the node's mode lets."""
    before = memory()
    shell("chmod 666 /dev/zcpool")
    for who in ("", NOBODY):
        shell(f"{who}stress-ng --temp-path /tmp --timeout 5 --dev 2 --dev-file /dev/zcpool")
    eventually(lambda: memory() == before, "memory came back")


def stress_file_system():
    """Directories, names, modes, times, owners, locks; and files that are mapped and sent."""
    for who in ("", NOBODY):
        shell(f"{who}stress-ng --temp-path /mnt/zcpool --timeout 5 --dir 1 --rename 1 --chmod 1 "
              "--chown 1 --utime 1 --dentry 1 --flock 1 --fcntl 1 --lease 1 --inotify 1 "
              "--open 1 --msync 1 --msync-bytes 1m --sendfile 1")


TESTS = [stress_device, stress_file_system]
