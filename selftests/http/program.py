# SPDX-License-Identifier: GPL-2.0-only
"""The program: its options, its limits and its end."""
import os
import signal
import subprocess
import time

from judge import KIB, MIB, SOON, check, eventually, same, same_bytes
from server import POOL, SERVER, Response, Server, ask, is_at_end, make, request


def stop_while_sending(root):
    data = make(root, "file", 2 * POOL)
    with Server(root) as server, server.connect(8 * KIB) as client, server.connect() as idle, \
            client.makefile("rb") as stream:
        client.sendall(request("file"))
        eventually(lambda: server.statistics()["sends"] > 0)
        server.process.send_signal(signal.SIGTERM)
        check(is_at_end(idle.makefile("rb")), "an idle connection goes on")
        same_bytes(data, Response(stream).body)
        check(is_at_end(stream))
        same(0, server.process.wait(SOON))
    # A second signal ends it at once.
    server = Server(root)
    with server.connect(8 * KIB) as client:
        client.sendall(request("file"))
        eventually(lambda: server.statistics()["sends"] > 0)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        same(None, server.process.poll(), "ended too early, status")
        server.process.send_signal(signal.SIGINT)
        same(1, server.process.wait(SOON))
    server.process.stdout.close()


def too_many_connections(root):
    data = make(root, "file", 1000)
    with Server(root, "--connections", "3") as server:
        clients = [server.connect() for _ in range(6)]
        for client in clients:
            client.sendall(request("file"))
        for client in clients:
            with client, client.makefile("rb") as stream:
                same_bytes(data, Response(stream).body)


def small_pools(root):
    """The wait is for the next buffer that comes free, not for the next second."""
    data = make(root, "file", 2 * MIB + 3)
    for options in (["--pool", "8", "--buffer", "8"], ["--pool", "64", "--buffer", "16"],
                    ["--pool", "8192", "--buffer", "4096"]):
        with Server(root, *options) as server:
            start = time.monotonic()
            same_bytes(data, ask(server, request("file")).body, options)
            check(time.monotonic() - start < 60, options, "took too long")


def usage(root):
    def run(*arguments):
        return subprocess.run([SERVER, *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=SOON)

    same(0, run("--help").returncode)
    for arguments in ([], ["a", "b"], ["--pool", "x", root], ["--pool", "0", root],
                      ["--port", "99999", root], ["--port", "http", root], ["--unknown", root]):
        result = run(*arguments)
        same(2, result.returncode, arguments)
        check("--" in result.stderr, arguments, result.stderr)
    same(1, run("/none").returncode)
    check("/none: No such file" in run("/none").stderr)
    check("lower --pool" in run("--pool", "20000000", root).stderr)
    os.rename("/dev/zcpool", "/dev/zcpool.away")
    check("modprobe zcpool" in run(root).stderr)
    os.rename("/dev/zcpool.away", "/dev/zcpool")
    with Server(root) as server:
        check("Address already in use" in run("--port", str(server.port), root).stderr)
    with Server(root, "--address", "::1") as server:
        same(b"404", server.curl("-w", "%{http_code}", "-o", "/dev/null",
                                 f"http://[::1]:{server.port}/none"))


TESTS = [stop_while_sending, too_many_connections, small_pools, usage]
