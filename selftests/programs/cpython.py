# SPDX-License-Identifier: GPL-2.0-only
"""Python: os.sendfile(), socket.sendfile(), mmap and shutil, in this very process."""
import mmap
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from judge import check, same, same_bytes
from lab import (DISK, FS, ODD, PAGE, Handed, content, documented, documented_block, make,
                 make_view, receive, tcp_pair)

# A view to be mapped as a whole.
WHOLE = 700 * PAGE


def python_os_sendfile():
    for path, begin, data in ((FS + "/view", 2 * PAGE, make_view(FS + "/view", ODD)),
                              (FS + "/pool", 0, make(FS + "/pool"))):
        near, far = tcp_pair()
        with near, far, open(path, "rb") as file, ThreadPoolExecutor(1) as peer, \
                Handed() as handed:
            received = peer.submit(receive, far, ODD)
            done = 0
            while count := os.sendfile(near.fileno(), file.fileno(), done, ODD):
                done += count
            same_bytes(data, received.result())
        handed.is_all(ODD, begin)


def python_socket_sendfile():
    for path, data in ((FS + "/view", make_view(FS + "/view", ODD)),
                       (FS + "/pool", make(FS + "/pool"))):
        near, far = tcp_pair()
        with near, far, open(path, "rb") as file, ThreadPoolExecutor(1) as peer:
            received = peer.submit(receive, far, ODD)
            same(ODD, near.sendfile(file))
            same_bytes(data, received.result())


def python_sends_the_same_pages():
    """What is changed after sendfile(), and before it is read, the peer reads."""
    data = bytearray(make(FS + "/pool"))
    near, far = tcp_pair()
    with near, far, open(FS + "/pool", "r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        same(PAGE, os.sendfile(near.fileno(), file.fileno(), 0, PAGE))
        mapping[7:14] = b"changed"
        data[7:14] = b"changed"
        same_bytes(data[:PAGE], receive(far, PAGE))


def python_mmap():
    data = make(FS + "/pool")
    with open(FS + "/pool", "r+b") as file:
        with mmap.mmap(file.fileno(), 0) as mapping:
            same_bytes(data, mapping[:])
            mapping[ODD - 3:] = b"end"
            mapping.flush()
        same_bytes(data[:-3] + b"end", file.read())
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
            same(ODD - 3, mapping.find(b"end", ODD - 3))
    os.unlink(FS + "/pool")
    data = make_view(FS + "/pages", WHOLE)
    with open(FS + "/pages", "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapping:
            same_bytes(data, mapping[:])
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapping:
            same_bytes(data, mapping[:])
            mapping[:4] = b"mine"
            same(b"mine", mapping[:4])
        same_bytes(data, file.read())
        try:
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_WRITE)
            check(False, "a read-only view was mapped for writing")
        except PermissionError:
            pass


def python_shutil():
    data = make_view(FS + "/view", ODD)
    with Handed() as handed:
        shutil.copyfile(FS + "/view", DISK + "/copy")
    same_bytes(data, content(DISK + "/copy"))
    handed.is_all(ODD, 2 * PAGE)


def python_textbook():
    """The program of the manual, by itself."""
    with open("/tmp/textbook.py", "w", encoding="ascii") as program:
        program.write(documented_block("import mmap, sys"))
    subprocess.run(documented("python3 textbook.py /mnt/zcpool/numbers").split(), check=True,
                   cwd="/tmp", timeout=60)
    same_bytes(b"".join(b"%7d\n" % i for i in range(100000)), content(FS + "/numbers"))


TESTS = [python_os_sendfile, python_socket_sendfile, python_sends_the_same_pages, python_mmap,
         python_shutil, python_textbook]
