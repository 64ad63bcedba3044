# SPDX-License-Identifier: GPL-2.0-only
"""What tests in Python judge by."""
import hashlib
import time

KIB = 1024
MIB = 1024 * KIB
# Seconds until what must come has come.
SOON = 60


def check(condition, *what):
    if not condition:
        raise AssertionError(" ".join(map(str, what)))


def same(expected, got, *what):
    check(expected == got, *what, "expected", expected, "got", got)


def digest(data):
    return f"{len(data)} bytes {hashlib.sha256(data).hexdigest()[:16]}"


def same_bytes(expected, got, *what):
    same(digest(expected), digest(got), *what)


def eventually(condition, *what):
    end = time.monotonic() + SOON
    while not condition():
        check(time.monotonic() < end, *what, "did not happen")
        time.sleep(0.02)
