# SPDX-License-Identifier: GPL-2.0-only
"""Java 17: the cases of Nio.java, all by one virtual machine, which starts slowly."""
import functools
import subprocess

from judge import check
from lab import DISK, FS, PAGE, Handed, documented, make, make_view

# A view to be mapped as a whole.
WHOLE = 700 * PAGE


@functools.lru_cache(maxsize=None)
def results():
    """What each case came to, by its name."""
    data = make_view(FS + "/pages", WHOLE)
    make_view(FS + "/writable", WHOLE, writable=True)
    make(FS + "/pool")
    with open(DISK + "/expected", "wb") as file:
        file.write(data)
    command = documented("java -Xshare:auto -XX:TieredStopAtLevel=1 -cp build/programs Nio")
    with Handed() as handed:
        done = subprocess.run([*command.split(), FS, DISK], timeout=240, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
    handed.is_all(WHOLE, 2 * PAGE)
    return done.stdout


def case(name):
    def test():
        check(f"ok {name}\n" in results().replace("not ok", "not-ok"), results())

    test.__name__ = "java_" + name
    return test


TESTS = [case(name) for name in
         ("transfer_to", "read", "map_read_only", "map_private", "map_read_write",
          "transfer_same_pages", "transfer_to_file", "transfer_from", "textbook")]
