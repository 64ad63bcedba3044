# SPDX-License-Identifier: GPL-2.0-only
"""What is in flight stays as it is, and comes back: the pool under clients of all kinds."""
import os
import re
import select
import socket
import struct
import subprocess
import tempfile
import time

from judge import KIB, MIB, check, eventually, same, same_bytes
from server import POOL, WINDOW, Response, Server, ask, is_at_end, make, request, write


def slow_reader(root):
    """What a socket holds stays as it is, while others use every buffer again."""
    slow = make(root, "slow", WINDOW)
    others = [(f"other{i}", make(root, f"other{i}", 300 * KIB + i)) for i in range(30)]
    with Server(root, "--timeout", "300") as server, server.connect() as client, \
            client.makefile("rb") as stream:
        client.sendall(request("slow"))
        eventually(lambda: server.statistics()["referenced"] > 0, "sending")
        for _ in range(2):
            for name, data in others:
                same_bytes(data, ask(server, request(name)).body, name)
        check(server.statistics()["evicted"] > len(others), "too few windows were evicted")
        check(server.in_flight(), "no buffer is in flight: all was copied")
        same_bytes(slow, Response(stream).body)
        same_bytes(slow, server.get("slow"))


def many_slow_readers(root):
    """Of a file that is larger than the pool, each at another place."""
    size = 2 * POOL
    data = make(root, "file", size)
    with Server(root) as server:
        clients = [server.connect(16 * KIB) for _ in range(6)]
        for i, client in enumerate(clients):
            client.sendall(request("file", f"Range: bytes={i * 100001}-", "Connection: close"))
        time.sleep(1)
        for i, client in enumerate(clients):
            with client, client.makefile("rb") as stream:
                same_bytes(data[i * 100001:], Response(stream).body, i)


def dead_clients(root):
    """They reset the connection, or just leave, in the middle of a response."""
    data = make(root, "file", 3 * MIB)
    with Server(root) as server:
        for i in range(30):
            client = server.connect()
            client.sendall(request("file"))
            client.recv(1000)
            if i % 2:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
        same_bytes(data, server.get("file"))
        server.wait_for_buffers()


def never_reads(root):
    """The server gives up a client that stands still, and gets its buffers back."""
    make(root, "file", 3 * MIB)
    make(root, "small", 1000)
    with Server(root, "--timeout", "2") as server:
        client = server.connect(4 * KIB)
        client.sendall(request("file"))
        start = time.monotonic()
        eventually(lambda: server.statistics()["sends"] > 0)
        # It ends by ETIMEDOUT on the server's side.
        eventually(lambda: not has_connection(server.port, client.getsockname()[1]), "reset")
        check(time.monotonic() - start > 1.5, "reset too early")
        with client, client.makefile("rb") as stream:
            try:
                check(len(stream.read()) < 3 * MIB, "it was sent after all")
            except ConnectionResetError:
                pass
        same(1000, len(server.get("small")))
        server.wait_for_buffers()


def has_connection(server_port, client_port):
    """Whether the server's end of a connection exists, in whatever state."""
    output = subprocess.check_output(["ss", "-Htan", "sport", f"= :{server_port}", "dport",
                                      f"= :{client_port}"], text=True)
    return bool(output.strip())


def slow_requests(root):
    make(root, "file", 1000)
    with Server(root, "--timeout", "2") as server:
        with server.connect() as idle, server.connect() as partial, server.connect() as drip, \
                server.connect() as after:
            after.sendall(request("file"))
            partial.sendall(b"GET /file HTTP/1.1\r\n")
            start = time.monotonic()
            # A byte now and then does not help.
            while not select.select([drip], [], [], 0.2)[0]:
                check(time.monotonic() - start < 10, "a request may drip in for ever")
                drip.sendall(b"x")
            same(408, Response(drip.makefile("rb")).status)
            same(408, Response(partial.makefile("rb")).status)
            check(is_at_end(idle.makefile("rb")), "an idle connection goes on")
            stream = after.makefile("rb")
            same(200, Response(stream).status)
            check(is_at_end(stream), "an idle connection goes on")


def unavailable(root):
    """Clients that read nothing have the whole pool: others are told to come again."""
    data = make(root, "file", 3 * MIB)
    make(root, "small", 1000)
    with Server(root, "--pool", "256", "--timeout", "2") as server:
        greedy = []

        # Each wants other windows, since what one has they all have.
        def is_refused():
            greedy.append(server.connect())
            greedy[-1].sendall(request("file", f"Range: bytes={len(greedy) * 50000 % len(data)}-"))
            response = ask(server, request("small"))
            same(response.status == 503, "retry-after" in response.fields)
            return response.status == 503

        eventually(is_refused, "503")
        for client in greedy:
            client.close()
        eventually(lambda: ask(server, request("small")).status == 200, "service")
        same_bytes(data, ask(server, request("file")).body)
        server.wait_for_buffers()


def replaced_while_sent(root):
    """By rename: who has begun gets the old file to its end, also if it is large."""
    for size in (WINDOW // 2, 2 * POOL):
        old = make(root, "file", size)
        with Server(root) as server, server.connect(8 * KIB) as client, \
                client.makefile("rb") as stream:
            client.sendall(request("file"))
            eventually(lambda: server.statistics()["sends"] > 0)
            new = make(root, "new", size)
            os.rename(server.path("new"), server.path("file"))
            same_bytes(new, server.get("file"), "new")
            same_bytes(old, Response(stream).body, "old")


def overwritten_while_sent(root):
    """In place: who has begun gets the old content, or the connection ends."""
    for size in (WINDOW // 2, 2 * POOL):
        old = make(root, "file", size)
        with Server(root) as server, server.connect(8 * KIB) as client, \
                client.makefile("rb") as stream:
            client.sendall(request("file"))
            eventually(lambda: server.statistics()["sends"] > 0)
            new = os.urandom(size)
            with open(server.path("file"), "r+b") as file:
                file.write(new)
            same_bytes(new, server.get("file"), "new")
            response = Response(stream)
            same(size, response.length)
            same_bytes(old[:len(response.body)], response.body, "old")
            same(size <= WINDOW, len(response.body) == size, "all of a window, not of more")
            check(size <= WINDOW or is_at_end(stream), "more came")


def truncated(root):
    make(root, "file", 100000)
    with Server(root) as server:
        same(100000, len(server.get("file")))
        short = make(root, "file", 50)
        same_bytes(short, server.get("file"))
        long = make(root, "file", 200000)
        same_bytes(long, server.get("file"))


def changed_within_a_tick(_):
    """Times do not tell such versions apart: only what is old is taken from the pool."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        make(memory, "file", 3)
        with Server(memory) as server, server.connect() as client, \
                client.makefile("rb") as stream, \
                open(server.path("file"), "r+b", buffering=0) as file:
            for i in range(500):
                data = b"%03d" % i
                os.pwrite(file.fileno(), data, 0)
                client.sendall(request("file"))
                same(data, Response(stream).body)


def direct_or_not(root):
    """A disk's files are read by O_DIRECT; a tmpfs, which cannot, is served as well."""
    data = make(root, "file", 2 * POOL)
    with Server(root) as server, server.connect(8 * KIB) as client, \
            client.makefile("rb") as stream:
        client.sendall(request("file"))
        eventually(lambda: server.statistics()["sends"] > 0)
        check(is_open_direct(server), "the file is not open with O_DIRECT")
        same_bytes(data, Response(stream).body)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        data = make(memory, "file", 2 * POOL + 1)
        with Server(memory) as server:
            same_bytes(data, server.get("file"))


def is_open_direct(server):
    directory = f"/proc/{server.process.pid}/fd"
    for fd in os.listdir(directory):
        if os.readlink(f"{directory}/{fd}") == os.path.realpath(server.path("file")):
            with open(f"/proc/{server.process.pid}/fdinfo/{fd}") as info:
                flags = int(re.search(r"flags:\s+(\d+)", info.read())[1], 8)
            return bool(flags & os.O_DIRECT)
    return False


def parallel_downloads(root):
    files = {f"file{i}": make(root, f"file{i}", 30000 * i) for i in range(40)}
    with Server(root) as server, tempfile.TemporaryDirectory() as out:
        arguments = []
        for _ in range(3):
            for name in files:
                arguments += ["-o", f"{out}/{len(arguments)}-{name}", server.url + name]
        server.curl("--parallel", "--parallel-max", "24", *arguments)
        got = os.listdir(out)
        same(3 * len(files), len(got))
        for name in got:
            with open(f"{out}/{name}", "rb") as file:
                same_bytes(files[name.split("-")[1]], file.read(), name)
        server.wait_for_buffers()


# Each file says in every line which one it is; the body of a response is all of one.
WRK = """
local files, size = %d, %d
local at = 0
function setup(thread) threads = threads or {}; table.insert(threads, thread) end
function init() wrong, right = 0, 0; math.randomseed(os.time()) end
function request()
  return wrk.format("GET", "/file" .. math.random(0, files - 1))
end
function response(status, headers, body)
  local line = string.match(body, "^file%%d+\\n")
  if status == 200 and line and #body == size and
     body == string.sub(string.rep(line, math.ceil(size / #line)), 1, size) then
    right = right + 1
  else
    wrong = wrong + 1
  end
end
function done()
  local r, w = 0, 0
  for _, thread in ipairs(threads) do
    r, w = r + thread:get("right"), w + thread:get("wrong")
  end
  io.write("right=" .. r .. " wrong=" .. w .. "\\n")
end
"""


def under_load(root):
    """More files than the pool has room for, so that buffers are used again and again."""
    files, size = 200, 48 * KIB + 5
    for i in range(files):
        line = b"file%d\n" % i
        with open(os.path.join(root, f"file{i}"), "wb") as file:
            file.write((line * (size // len(line) + 1))[:size])
    script = os.path.join(root, "load.lua")
    write(script, (WRK % (files, size)).encode())
    with Server(root) as server:
        output = subprocess.check_output(["wrk", "-t", "2", "-c", "32", "-d", "10s", "--timeout",
                                          "20s", "-s", script, server.url], text=True)
        right, wrong = map(int, re.search(r"right=(\d+) wrong=(\d+)", output).groups())
        statistics = server.statistics()
        print("#", right, "right,", wrong, "wrong;", statistics)
        same(0, wrong, "wrong responses")
        check("Socket errors" not in output, output)
        check(right > 100, right, "responses are too few to mean anything")
        check(statistics["evicted"] > 10, statistics["evicted"], "windows were evicted")
        # wrk leaves its last responses unread.
        check(statistics["requests"] >= right, statistics["requests"], "requests")
        check(statistics["sends"] <= statistics["requests"] * 1.02 + 32, "too many SENDs")
        server.wait_for_buffers()


TESTS = [slow_reader, many_slow_readers, dead_clients, never_reads, slow_requests, unavailable,
         replaced_while_sent, overwritten_while_sent, truncated, changed_within_a_tick,
         direct_or_not, parallel_downloads, under_load]
