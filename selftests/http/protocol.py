# SPDX-License-Identifier: GPL-2.0-only
"""What HTTP demands, and what hostile clients try."""
import os
import socket
import subprocess

from judge import KIB, MIB, SOON, check, same, same_bytes
from server import (BUFFER, POOL, SERVER, WINDOW, Response, Server, ask, is_at_end, make, request,
                    write)


def whole_files(root):
    sizes = (0, 1, 4095, 4096, 64 * KIB, WINDOW, WINDOW + 1, 3 * MIB + 7, 2 * POOL + 12345)
    files = {f"file{size}": make(root, f"file{size}", size) for size in sizes}
    with Server(root) as server:
        for name, data in files.items():
            # From disk, and from the pool as far as it is there.
            same_bytes(data, server.get(name), name)
            same_bytes(data, ask(server, request(name)).body, name)
        small = [size for size in sizes if size <= WINDOW]
        before = server.statistics()
        for size in small:
            same_bytes(files[f"file{size}"], ask(server, request(f"file{size}")).body)
        after = server.statistics()
        same(len(small), after["requests"] - before["requests"], "requests")
        same(sum(small), after["referenced"] - before["referenced"], "bytes by reference")


def one_send_for_one_response(root):
    data = make(root, "file", 64 * KIB)
    with Server(root) as server:
        for _ in range(20):
            same_bytes(data, ask(server, request("file")).body)
        last = server.statistics()
        same(20, last["requests"], "requests")
        same(20, last["sends"], "SENDs")
        same(20 * len(data), last["referenced"], "bytes by reference")
        same(len(data), last["read"], "bytes read from disk")


def ranges(root):
    size = WINDOW + 100000
    data = make(root, "file", size)
    make(root, "empty", 0)
    # What is asked for; what comes, None: the whole file, (): nothing.
    cases = {
        "0-0": (0, 1),
        "0-99": (0, 100),
        "5-": (5, size),
        "-1": (size - 1, size),
        "-7": (size - 7, size),
        f"{size - 1}-": (size - 1, size),
        f"{size - 1}-{size - 1}": (size - 1, size),
        f"10-{size + 10}": (10, size),
        "100-99999999999999999999999": (100, size),
        f"-{size}": (0, size),
        f"-{size + 1}": (0, size),
        f"{WINDOW - 1}-{WINDOW}": (WINDOW - 1, WINDOW + 1),
        f"{WINDOW}-{WINDOW + 4}": (WINDOW, WINDOW + 5),
        f"{BUFFER - 1}-{BUFFER}": (BUFFER - 1, BUFFER + 1),
        f"{size}-": (),
        f"{size + 1}-{size + 2}": (),
        "99999999999999999999999-": (),
        "-0": (),
        "0-1,5-6": None,
        "5-4": None,
        "-": None,
        "": None,
        "x-5": None,
        "5": None,
        "+1-5": None,
        "1-5x": None,
        "--5": None,
        "1--5": None,
    }
    with Server(root) as server:
        for asked, part in cases.items():
            response = ask(server, request("file", f"Range: bytes={asked}"))
            got = response.fields.get("content-range")
            same("bytes", response.fields["accept-ranges"])
            if part is None:
                same(200, response.status, asked)
                same(None, got, asked)
                same_bytes(data, response.body, asked)
            elif part == ():
                same(416, response.status, asked)
                same(f"bytes */{size}", got, asked)
                same(b"", response.body, asked)
            else:
                first, end = part
                same(206, response.status, asked)
                same(f"bytes {first}-{end - 1}/{size}", got, asked)
                same_bytes(data[first:end], response.body, asked)
        same(200, ask(server, request("file", "Range: lines=1-2")).status)
        same(416, ask(server, request("empty", "Range: bytes=0-")).status)
        same(200, ask(server, request("empty", "Range: bytes=-5")).status)
        # A range is for GET alone.
        head = ask(server, request("file", "Range: bytes=0-1", method="HEAD"), has_body=False)
        same((200, size), (head.status, head.length))
        same_bytes(data[3:9], server.get("file", "-r", "3-8"))


def head(root):
    make(root, "file", 5000)
    with Server(root) as server, server.connect() as client, client.makefile("rb") as stream:
        client.sendall(request("file", method="HEAD") + request("none", method="HEAD") +
                       request("file"))
        same((200, 5000), (lambda r: (r.status, r.length))(Response(stream, has_body=False)))
        same(404, Response(stream, has_body=False).status)
        same(5000, len(Response(stream).body))
        same(5000, server.statistics()["referenced"])


def not_modified(root):
    data = make(root, "file", 5000)
    with Server(root) as server:
        first = ask(server, request("file"))
        tag, date = first.fields["etag"], first.fields["last-modified"]
        old = "Thu, 01 Jan 1970 00:00:01 GMT"
        cases = [
            (304, f"If-None-Match: {tag}"),
            (304, f"If-None-Match: W/{tag}"),
            (304, f'If-None-Match: "other", {tag}'),
            (304, "If-None-Match: *"),
            (200, 'If-None-Match: "other"'),
            (304, f"If-Modified-Since: {date}"),
            (200, f"If-Modified-Since: {old}"),
            (200, "If-Modified-Since: yesterday"),
            (200, f'If-None-Match: "other"\r\nIf-Modified-Since: {date}'),
            (206, f"Range: bytes=0-1\r\nIf-Range: {tag}"),
            (200, 'Range: bytes=0-1\r\nIf-Range: "other"'),
        ]
        for status, fields in cases:
            response = ask(server, request("file", fields), has_body=status != 304)
            same(status, response.status, fields)
        # Nothing follows a 304, and the connection goes on.
        with server.connect() as client, client.makefile("rb") as stream:
            client.sendall(request("file", f"If-None-Match: {tag}") + request("file"))
            same(304, Response(stream, has_body=False).status)
            same_bytes(data, Response(stream).body)
        # curl keeps the date by the file's.
        os.utime(server.path("file"), (10**9, 10**9))
        copy = os.path.join(root, "copy")
        server.curl("-R", "-o", copy, server.url + "file")
        same(b"304", server.get("file", "-z", copy, "-o", "/dev/null", "-w", "%{http_code}"))


def refusals(root):
    make(root, "file", 100)
    host = b"Host: guest\r\n"
    cases = [
        (400, b"GET\r\n\r\n"),
        (400, b"GET /file\r\n\r\n"),
        (400, b"GET file HTTP/1.1\r\n" + host + b"\r\n"),
        (400, b"GET  /file HTTP/1.1\r\n" + host + b"\r\n"),
        (400, b"GET /file HTTP/1.1 \r\n" + host + b"\r\n"),
        (400, b"GET /file HTTQ/1.1\r\n" + host + b"\r\n"),
        (400, b"G\x01T /file HTTP/1.1\r\n" + host + b"\r\n"),
        (400, b"GET /fi\0le HTTP/1.1\r\n" + host + b"\r\n"),
        (400, b"GET /file HTTP/1.1\r\n\r\n"),
        (400, b"GET /file HTTP/1.1\r\n" + 2 * host + b"\r\n"),
        (400, b"GET /file HTTP/1.1\r\n" + host + b" folded: x\r\n\r\n"),
        (400, b"GET /file HTTP/1.1\r\n" + host + b"name : x\r\n\r\n"),
        (400, b"GET /file HTTP/1.1\r\n" + host + b"no colon\r\n\r\n"),
        (400, b"GET /file HTTP/1.1\r\n" + host + b"a: b\rc: d\r\n\r\n"),
        (400, b"GET /fi%00le HTTP/1.1\r\n" + host + b"\r\n"),
        (400, b"GET /fi%zzle HTTP/1.1\r\n" + host + b"\r\n"),
        (400, b"GET /file% HTTP/1.1\r\n" + host + b"\r\n"),
        (400, request("file", "Content-Length: 1x")),
        (400, request("file", "Content-Length: -1")),
        (400, request("file", "Content-Length: 0", "Content-Length: 5")),
        (404, request("none")),
        (404, request("file/none")),
        (404, request("")),
        (404, request("x" * 5000)),
        (405, request("file", method="POST")),
        (405, request("file", method="DELETE")),
        (413, request("file", "Content-Length: 5") + b"12345"),
        (413, request("file", "Transfer-Encoding: chunked") + b"0\r\n\r\n"),
        (431, request("file", "Long: " + 8192 * "x")),
        (431, 9000 * b"x"),
        (501, request("file", method="BREW")),
        (505, request("file", version="2.0")),
        (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (200, b"GET /file HTTP/1.1\nHost: x\n\n"),
        (200, b"\r\n\r\n" + request("file")),
        (200, request("file", version="1.9")),
        (200, request("file?query#fragment")),
        (200, request("%66il%65")),
        (200, b"GET http://guest/file HTTP/1.1\r\n" + host + b"\r\n"),
        (200, request("file", "Content-Length: 0")),
    ]
    with Server(root) as server:
        for status, data in cases:
            same(status, ask(server, data).status, data[:200])
        same("GET, HEAD", ask(server, request("file", method="PUT")).fields["allow"])


def forbidden(root):
    """The server is not root, who may read what he likes."""
    write(os.path.join(root, "secret"), b"not for all")
    os.chmod(os.path.join(root, "secret"), 0)
    os.chmod("/dev/zcpool", 0o666)
    process = subprocess.Popen([SERVER, "--port", "0", root], stdout=subprocess.PIPE, text=True,
                               user=65534)
    port = process.stdout.readline().split()[-1]
    result = subprocess.run(["curl", "-s", "-w", "%{http_code}", "-o", "/dev/null",
                             f"http://127.0.0.1:{port}/secret"], stdout=subprocess.PIPE)
    process.terminate()
    same(0, process.wait(SOON))
    same(b"403", result.stdout)


def keep_alive(root):
    data = make(root, "file", 3000)
    with Server(root) as server:
        numbers = server.curl("-w", "%{num_connects}", "-o", "/dev/null", server.url + "file",
                              "-o", "/dev/null", server.url + "file")
        same(b"10", numbers, "connections of two requests")
        same(1, server.statistics()["connections"])
        cases = [
            ("1.1", [], True),
            ("1.1", ["Connection: close"], False),
            ("1.1", ["Connection: foo, Close"], False),
            ("1.0", [], False),
            ("1.0", ["Connection: keep-alive"], True),
            ("1.0", ["Connection: keep-alive", "Connection: close"], False),
        ]
        for version, fields, goes_on in cases:
            with server.connect() as client, client.makefile("rb") as stream:
                client.sendall(request("file", *fields, version=version))
                response = Response(stream)
                same_bytes(data, response.body, version, fields)
                same("keep-alive" if goes_on else "close", response.fields["connection"], version,
                     fields)
                if goes_on:
                    client.sendall(request("none", *fields, version=version))
                    same(404, Response(stream).status)
                else:
                    check(is_at_end(stream), version, fields, "goes on")


def pipelining(root):
    files = [(f"file{i}", make(root, f"file{i}", 1 + 777 * i)) for i in range(40)]
    with Server(root) as server:
        with server.connect() as client, client.makefile("rb") as stream:
            client.sendall(b"".join(request(name) for name, _ in files) + request("none") +
                           request("file1", "Connection: close") + request("file2"))
            for name, data in files:
                same_bytes(data, Response(stream).body, name)
            same(404, Response(stream).status)
            same_bytes(files[1][1], Response(stream).body)
            check(is_at_end(stream), "a response after the last one")
        # Byte by byte.
        with server.connect() as client, client.makefile("rb") as stream:
            for byte in request("file3") + request("file4"):
                client.send(bytes([byte]))
            same_bytes(files[3][1], Response(stream).body)
            same_bytes(files[4][1], Response(stream).body)
        # More requests at once than the server holds, and none read in time.
        with server.connect() as client, client.makefile("rb") as stream:
            client.sendall(500 * request("file9"))
            for _ in range(500):
                same_bytes(files[9][1], Response(stream).body)
        # Half closed.
        with server.connect() as client, client.makefile("rb") as stream:
            client.sendall(request("file5"))
            client.shutdown(socket.SHUT_WR)
            same_bytes(files[5][1], Response(stream).body)
            check(is_at_end(stream))


def paths(root):
    os.mkdir(os.path.join(root, "served"))
    served = os.path.join(root, "served")
    write(os.path.join(root, "outside"), b"outside")
    os.mkdir(os.path.join(served, "dir"))
    write(os.path.join(served, "dir", "index.html"), b"index")
    write(os.path.join(served, "a b"), b"space")
    os.symlink("dir/index.html", os.path.join(served, "inside"))
    os.symlink("../outside", os.path.join(served, "relative"))
    os.symlink(os.path.join(root, "outside"), os.path.join(served, "absolute"))
    os.symlink("/proc/self/root/etc/passwd", os.path.join(served, "magic"))
    os.symlink("loop", os.path.join(served, "loop"))
    os.mkfifo(os.path.join(served, "fifo"))
    cases = {
        "dir/": b"index",
        "/dir/": b"index",
        "dir/../dir/index.html": b"index",
        "inside": b"index",
        "a%20b": b"space",
        "dir": None,
        "": None,
        "fifo": None,
        "relative": None,
        "absolute": None,
        "magic": None,
        "loop": None,
        "../outside": None,
        "%2e%2e/outside": None,
        "..%2foutside": None,
        "%2e%2e%2foutside": None,
        "dir/../../outside": None,
        "./../outside": None,
        "%2fetc/passwd": None,
        "/etc/passwd": None,
        "../../../../../../../etc/passwd": None,
        "dir/%2e%2e/%2e%2e/%2e%2e/etc/passwd": None,
        "..\\outside": None,
        "%252e%252e/outside": None,
    }
    with Server(served) as server:
        for path, expected in cases.items():
            response = ask(server, request(path))
            same(404 if expected is None else 200, response.status, path)
            same(expected or b"Not Found\n", response.body, path)
        same("text/html; charset=utf-8", ask(server, request("dir/")).fields["content-type"])


TESTS = [whole_files, one_send_for_one_response, ranges, head, not_modified, refusals, forbidden,
         keep_alive, pipelining, paths]
