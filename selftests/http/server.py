# SPDX-License-Identifier: GPL-2.0-only
"""The http-server under test, and what a client of it needs."""
import json
import os
import re
import signal
import socket
import subprocess
import time

from judge import KIB, MIB, SOON, check, eventually, same

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(HERE, "..", "..", "build")
SERVER = os.path.join(BUILD, "examples", "http-server", "http-server")
ZCPOOLCTL = os.path.join(BUILD, "bin", "zcpoolctl")
# Of <linux/time.h>: the clock of files.
CLOCK_REALTIME_COARSE = 5
# The server's own, by default: a window of 16 buffers, and a pool of 8 windows.
BUFFER = 32 * KIB
WINDOW = 16 * BUFFER
POOL = 4 * MIB


class Server:
    """A server of a directory, and what it says of itself."""

    def __init__(self, root, *options):
        self.root = root
        self.process = subprocess.Popen([SERVER, "--port", "0", *options, root],
                                        stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[-1])
        self.url = f"http://127.0.0.1:{self.port}/"

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        if failure:
            self.process.kill()
        else:
            self.stop()
        self.process.stdout.close()
        self.process.wait()

    def path(self, name):
        return os.path.join(self.root, name)

    def read_statistics(self):
        pairs = re.findall(r"(\w+)=(\d+)", self.process.stdout.readline())
        return {name: int(value) for name, value in pairs}

    def statistics(self):
        self.process.send_signal(signal.SIGUSR1)
        return self.read_statistics()

    def stop(self):
        """All that was sent went by reference, and every buffer is put."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        last = self.read_statistics()
        same(0, self.process.wait(SOON), "exit status")
        same(0, last["copied"], "bytes copied")
        same(0, last["owned"], "buffers owned at the end")
        return last

    def in_flight(self):
        """How many buffers are in flight at this moment."""
        pools = json.loads(subprocess.check_output([ZCPOOLCTL, "list", "--holders", "--oldest",
                                                    "0", "--json"]))
        pool = next(pool for pool in pools if pool["pid"] == self.process.pid)
        return sum(holder["state"] == "in-flight" for holder in pool["holders"])

    def wait_for_buffers(self):
        """All are free, but those that are cached."""

        def nothing_is_out():
            statistics = self.statistics()
            return statistics["owned"] == statistics["cached"] and not self.in_flight()

        eventually(nothing_is_out, "all buffers back")

    def connect(self, receive_buffer=None):
        client = socket.socket()
        client.settimeout(SOON)
        if receive_buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        client.connect(("127.0.0.1", self.port))
        return client

    def curl(self, *arguments):
        return subprocess.run(["curl", "-s", "--no-progress-meter", "--path-as-is", "--max-time", "60", *arguments],
                              stdout=subprocess.PIPE, check=True).stdout

    def get(self, name, *arguments):
        return self.curl(*arguments, self.url + name)


class Response:
    """One response from a stream, of which no byte too many is read."""

    def __init__(self, stream, has_body=True):
        line = stream.readline().decode()
        check(line.startswith("HTTP/1.1 "), "no status line:", repr(line))
        self.status = int(line.split()[1])
        self.fields = {}
        while (line := stream.readline()) not in (b"\r\n", b""):
            name, value = line.decode().strip().split(": ", 1)
            check(name.lower() not in self.fields, "twice:", name)
            self.fields[name.lower()] = value
        check("date" in self.fields, "no date")
        self.length = int(self.fields.get("content-length", 0))
        self.body = stream.read(self.length) if has_body else b""


def request(name, *fields, method="GET", version="1.1"):
    lines = [f"{method} /{name} HTTP/{version}", "Host: guest", *fields]
    return "".join(line + "\r\n" for line in [*lines, ""]).encode()


def is_at_end(stream):
    """Nothing more comes, and the server has closed."""
    return stream.read(1) == b""


def ask(server, data, has_body=True):
    """Send bytes, and take one response."""
    with server.connect() as client, client.makefile("rb") as stream:
        client.sendall(data)
        response = Response(stream, has_body)
        check(response.fields["connection"] == "keep-alive" or is_at_end(stream), "no end")
        return response


def make(root, name, size):
    """A file of random bytes."""
    data = os.urandom(size)
    write(os.path.join(root, name), data)
    return data


def write(path, data):
    """Returns when the file is old enough to be cached."""
    with open(path, "wb") as file:
        file.write(data)
    while time.clock_gettime(CLOCK_REALTIME_COARSE) < os.stat(path).st_ctime + 0.12:
        time.sleep(0.02)
