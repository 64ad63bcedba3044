# SPDX-License-Identifier: GPL-2.0-only
"""Web servers that send files by sendfile()."""
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from judge import MIB, SOON, same_bytes
from lab import DISK, FS, ODD, PAGE, Handed, Program, content, documented_block, make, make_view

NGINX = "nginx -e stderr -c /tmp/nginx.conf"
HTTPD = "busybox httpd -f -p 127.0.0.1:8080 -h /mnt/zcpool"


def fetch(port, name, to, *options):
    """By curl, as a user does."""
    path = os.path.join(DISK, to)
    subprocess.run(["curl", "-sSf", *options, "-o", path, f"http://127.0.0.1:{port}/{name}"],
                   check=True, timeout=SOON)
    return content(path)


def serve(port):
    """What a server serves of a named pool and of a view."""
    view = make_view(FS + "/view", ODD)
    pool = make(FS + "/pool")
    with Handed() as handed:
        same_bytes(pool, fetch(port, "pool", "copy"))
    handed.is_all(ODD)
    with Handed() as handed:
        same_bytes(view, fetch(port, "view", "copy"))
    handed.is_all(ODD, 2 * PAGE)
    return pool, view


def nginx():
    with open("/tmp/nginx.conf", "w", encoding="ascii") as config:
        config.write(documented_block("sendfile on;"))
    with Program(NGINX).listens(8080):
        pool, view = serve(8080)
        # From the middle, and the end.
        with Handed() as handed:
            same_bytes(pool[MIB + 1:2 * MIB],
                       fetch(8080, "pool", "copy", f"-r{MIB + 1}-{2 * MIB - 1}"))
        handed.is_all(MIB - 1, MIB + 1)
        same_bytes(view[-5:], fetch(8080, "view", "copy", "-r-5"))
        # Several at once.
        names = ["pool", "view", "pool", "view"]
        with ThreadPoolExecutor(len(names)) as clients:
            copies = list(clients.map(lambda i: fetch(8080, names[i], f"copy{i}"), range(4)))
        for name, copy in zip(names, copies):
            same_bytes({"pool": pool, "view": view}[name], copy, name)


def httpd():
    with Program(HTTPD).listens(8080):
        serve(8080)


TESTS = [nginx, httpd]
