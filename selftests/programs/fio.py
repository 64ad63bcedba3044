# SPDX-License-Identifier: GPL-2.0-only
"""fio: its buffers are the memory of a named pool, or its file is a named pool."""
import subprocess

from judge import MIB, same, same_bytes
from lab import DISK, FS, Handed, Program, content, feature, make, shell

VERIFY = "--bs=64k --size=1m --verify=crc32c --verify_state_save=0"
MEMORY = "--iomem=mmapshared:/mnt/zcpool/memory"
DIRECT = f"fio --name=direct --filename=/mnt/disk/data --direct=1 --rw=randrw {VERIFY} {MEMORY}"


def disk_sectors():
    """That were read from, and written to, the disk."""
    with open("/sys/block/nvme0n1/stat", encoding="ascii") as file:
        fields = file.read().split()
    return int(fields[2]), int(fields[6])


def direct(options):
    """The disk writes into the pool and reads from it, past the page cache."""
    shell("truncate -s 4M /mnt/zcpool/memory")
    before = disk_sectors()
    shell(f"{DIRECT} {options}")
    # Half of it is written, all that was written is read again, and the rest just read.
    after = disk_sectors()
    transferred = (after[0] - before[0] + after[1] - before[1]) * 512
    if transferred < 1.25 * MIB:
        raise AssertionError(f"only {transferred} bytes passed the disk")


def fio_psync():
    direct("--ioengine=psync")


def fio_libaio():
    direct("--ioengine=libaio --iodepth=8")


def fio_io_uring():
    direct("--ioengine=io_uring --iodepth=8")


def fio_io_uring_fixed_buffers():
    """Or refused, with an error, where the kernel takes no file's memory for them."""
    if feature("fixed-buffers"):
        direct("--ioengine=io_uring --iodepth=8 --fixedbufs")
        return
    shell("truncate -s 4M /mnt/zcpool/memory")
    refused = subprocess.run(f"{DIRECT} --ioengine=io_uring --fixedbufs".split(), timeout=60,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             check=False)
    same(1, refused.returncode, refused.stdout)
    same(True, "Operation not supported" in refused.stdout, refused.stdout)


def fio_reads_by_dma():
    """What the disk has is in the named pool, and nobody but the disk put it there."""
    data = make(DISK + "/data", MIB)
    subprocess.run(["sync", DISK + "/data"], check=True)
    shell("truncate -s 4M /mnt/zcpool/memory")
    before = disk_sectors()
    shell("fio --name=read --filename=/mnt/disk/data --direct=1 --rw=read --bs=1m --size=1m "
          f"--ioengine=psync {MEMORY}")
    same(True, disk_sectors()[0] - before[0] >= MIB // 512, "sectors were read:",
         disk_sectors()[0] - before[0])
    same_bytes(data, content(FS + "/memory")[:MIB])


def fio_splice():
    shell("truncate -s 4M /mnt/zcpool/memory")
    shell(f"fio --name=splice --filename=/mnt/disk/data --rw=randrw {VERIFY} --ioengine=splice "
          f"{MEMORY}")


def network(engine, verify):
    shell("truncate -s 1M /mnt/zcpool/sent && truncate -s 1M /mnt/zcpool/received")
    options = f"--port=9000 --bs=64k --size=1m {verify} --verify_state_save=0"
    with Program("fio --name=receive --ioengine=net --listen --rw=read "
                 f"{options} --iomem=mmapshared:/mnt/zcpool/received").listens(9000) as receiver:
        shell(f"fio --name=send --ioengine={engine} --hostname=127.0.0.1 --rw=write --do_verify=0 "
              f"{options} --iomem=mmapshared:/mnt/zcpool/sent")
        receiver.wait()
    # The last block is in the memory of either.
    same_bytes(content(FS + "/sent")[:65536], content(FS + "/received")[:65536])


def fio_net():
    network("net", "--verify=crc32c")


def fio_netsplice():
    """The same pages go to the socket, by vmsplice() and splice().  fio writes to them again
    before they are read, so there is but one content for which it cannot go wrong."""
    network("netsplice", "--verify=pattern --verify_pattern=0x5a637031")


def fio_file():
    """The file is a pool, which fio makes, by fallocate() or ftruncate()."""
    for engine in ("psync", "io_uring", "mmap"):
        shell(f"fio --name=file --filename=/mnt/zcpool/{engine} --rw=randrw {VERIFY} "
              f"--ioengine={engine}")
    with Handed() as handed:
        shell(f"fio --name=file --filename=/mnt/zcpool/splice --rw=write {VERIFY} "
              "--ioengine=splice")
    handed.is_all(MIB)


TESTS = [fio_psync, fio_libaio, fio_io_uring, fio_io_uring_fixed_buffers, fio_reads_by_dma,
         fio_splice, fio_net, fio_netsplice, fio_file]
