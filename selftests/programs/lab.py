# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of programs share: commands, files, and what went by reference."""
import os
import re
import socket
import subprocess

from judge import MIB, SOON, check, eventually, same

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.realpath(os.path.join(HERE, "..", ".."))
FS = "/mnt/zcpool"
DISK = "/mnt/disk"
TRACING = "/sys/kernel/tracing"
PAGE = 4096
# No multiple of a page or a buffer.
ODD = 3 * MIB + 12345


def squeeze(text):
    """Without differences of layout."""
    return " ".join(text.replace("\\\n", " ").split())


with open(os.path.join(REPO, "Documentation", "programs.rst"), encoding="utf-8") as page:
    PAGE_TEXT = page.read()


def documented(text):
    """The same text, of which it is certain that users are told it."""
    check(squeeze(text) in squeeze(PAGE_TEXT), "Documentation/programs.rst lacks:", text)
    return text


def documented_block(marker):
    """The literal block of the manual that has a line with @marker, without indentation."""
    for block in re.findall(r"::\n\n((?:    .*\n|\n)+)", PAGE_TEXT):
        if marker in block:
            return re.sub(r"^    ", "", block, flags=re.MULTILINE).strip() + "\n"
    raise AssertionError(f"Documentation/programs.rst has no block with {marker}")


def documented_section(title):
    """All literal blocks of a section of the manual, one after the other."""
    section = re.search(rf"^{re.escape(title)}\n=+\n(.*?)^[^\n]+\n===", PAGE_TEXT,
                        re.MULTILINE | re.DOTALL)
    check(section, "Documentation/programs.rst has no section", title)
    blocks = re.findall(r"::\n\n((?:    .*\n|\n)+)", section.group(1))
    return re.sub(r"^    ", "", "".join(blocks), flags=re.MULTILINE)


def shell(command):
    """Run a documented command, which must succeed; return what it prints."""
    done = subprocess.run(["bash", "-c", documented(command)], cwd=REPO, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    check(done.returncode == 0, command, "exits with", done.returncode, done.stdout[-800:],
          done.stderr[-800:])
    return done.stdout


class Program:
    """A documented command that goes on in the background, until wait() or the end."""

    def __init__(self, command):
        self.command = command
        self.process = subprocess.Popen(["bash", "-c", "exec " + documented(command)], cwd=REPO,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.communicate(timeout=SOON)

    def wait(self):
        output, _ = self.process.communicate(timeout=SOON)
        same(0, self.process.returncode, self.command, output)

    def listens(self, port):
        """Wait until it does."""
        def is_listening():
            same(None, self.process.poll(), self.command, "has ended with status")
            with open("/proc/net/tcp", encoding="ascii") as table:
                return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"
                           for line in list(table)[1:])

        eventually(is_listening, self.command, "listens")
        return self


def make(path, size=ODD):
    """A file full of random bytes: a named pool if it is in the file system."""
    data = os.urandom(size)
    with open(path, "xb") as file:
        file.truncate(size)
        file.write(data)
    return data


def content(path):
    with open(path, "rb") as file:
        return file.read()


def make_view(path, size, writable=False):
    """A named view of part of FS/pool, made for it, which has no name any more then."""
    offset = 2 * PAGE
    pool = FS + "/pool"
    data = make(pool, offset + size + PAGE)
    shell(f"zcpoolctl view {'-w ' if writable else ''}-o {offset} -l {size} -m 644 {path} {pool}")
    os.unlink(pool)
    return data[offset:offset + size]


def zcpoolctl_info():
    return subprocess.run(["zcpoolctl", "info", "--json"], check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def feature(name):
    """Whether the device has it on this kernel."""
    return name in zcpoolctl_info()


def tcp_pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        return near, listener.accept()[0]


def receive(connection, size):
    with connection.makefile("rb") as stream:
        return stream.read(size)


class Handed:
    """What the device hands to pipes and sockets by reference meanwhile."""
    EVENT = TRACING + "/events/zcpool/zcpool_splice/enable"

    def __init__(self):
        self.pools = {}

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def __enter__(self):
        self.write(TRACING + "/trace", "")
        self.write(self.EVENT, "1")
        return self

    def __exit__(self, *_):
        self.write(self.EVENT, "0")
        with open(TRACING + "/trace", encoding="ascii") as trace:
            for line in trace:
                found = re.search(r"zcpool_splice: pool=(\d+) offset=(\d+) length=(\d+)", line)
                if found:
                    pool, offset, length = map(int, found.groups())
                    self.pools.setdefault(pool, []).append((offset, offset + length))

    def is_all(self, size, begin=0):
        """That every byte of so many of a pool was, and no other; some maybe twice."""
        check(self.pools, "nothing went by reference")
        spans = [joined(ranges) for ranges in self.pools.values()]
        check([(begin, begin + size)] in spans, "expected", (begin, begin + size), "got", spans)


def joined(ranges):
    """Ranges, as few as there can be."""
    spans = []
    for first, last in sorted(ranges):
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    return spans
