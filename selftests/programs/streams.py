# SPDX-License-Identifier: GPL-2.0-only
"""socat, curl, and what else copies files, from and to named pools and views."""
import http.server
import os
import subprocess
import threading

from judge import same, same_bytes
from lab import DISK, FS, ODD, Program, content, documented_section, make, make_view, shell


def socat():
    """From one pool to another, by TCP."""
    data = make(FS + "/file")
    shell('truncate -s "$(stat -c %s /mnt/zcpool/file)" /mnt/zcpool/copy')
    with Program("socat -u TCP-LISTEN:9000,reuseaddr OPEN:/mnt/zcpool/copy").listens(9000) as peer:
        shell("socat -u OPEN:/mnt/zcpool/file,rdonly TCP:127.0.0.1:9000")
        peer.wait()
    same_bytes(data, content(FS + "/copy"))


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with what it was sent."""

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def curl():
    """From one pool to a server and back to another."""
    data = make(FS + "/file")
    shell('truncate -s "$(stat -c %s /mnt/zcpool/file)" /mnt/zcpool/copy')
    with http.server.HTTPServer(("127.0.0.1", 8080), Echo) as server:
        threading.Thread(target=server.serve_forever).start()
        shell("curl -sSf --data-binary @/mnt/zcpool/file http://127.0.0.1:8080/ "
              "1<>/mnt/zcpool/copy")
        server.shutdown()
    same_bytes(data, content(FS + "/copy"))


def coreutils():
    data = make(DISK + "/data")
    shell("truncate -s \"$(stat -c %s /mnt/disk/data)\" /mnt/zcpool/file && "
          "dd if=/mnt/disk/data of=/mnt/zcpool/file bs=1M conv=notrunc status=none")
    shell("cmp /mnt/disk/data /mnt/zcpool/file")
    view = make_view(FS + "/view", ODD)
    shell("cp /mnt/zcpool/view /mnt/disk/copy")
    same_bytes(view, content(DISK + "/copy"))
    shell("cat /mnt/zcpool/file | cmp - /mnt/disk/data")
    same_bytes(data, content(FS + "/file"))
    shell("tar -C /mnt/zcpool -cf - view | tar -C /mnt/disk -xf -")
    same_bytes(view, content(DISK + "/view"))


def first_section():
    """Typed from top to bottom, as it is there."""
    subprocess.check_call(["umount", FS])
    try:
        subprocess.run(["bash", "-euxo", "pipefail", "-c",
                        documented_section("A file that is a pool")], timeout=120, check=True)
    finally:
        if not os.path.ismount(FS):
            subprocess.check_call(["mount", "-t", "zcpool", "zcpool", FS])
    same(["file"], os.listdir(FS))
    data = content(DISK + "/data")
    same_bytes(data, content(FS + "/file"))
    same_bytes(data[8192:8192 + ODD], content(DISK + "/copy"))
    same_bytes(data[8192:8192 + ODD], content(DISK + "/view"))


TESTS = [socat, curl, coreutils, first_section]
