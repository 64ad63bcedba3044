# SPDX-License-Identifier: GPL-2.0-only
"""Run tests, functions, one after the other, and tell of each."""
import sys
import time
import traceback


def run(test, start):
    """One test, which start() starts; returns whether it passed."""
    begin = time.monotonic()
    try:
        start(test)
    except Exception as error:  # pylint: disable=broad-except
        lines = [str(frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        print(f"not ok - {test.__name__}\n# lines {', '.join(lines)}: "
              f"{type(error).__name__}: {str(error)[:2000]}", flush=True)
        return False
    print(f"ok - {test.__name__} ({time.monotonic() - begin:.1f} s)", flush=True)
    return True


def run_all(tests, start):
    """All, or those that the command line names; returns the results."""
    return [run(test, start) for test in tests
            if len(sys.argv) == 1 or test.__name__ in sys.argv[1:]]


def conclude(results):
    """Print "N passed, N failed, N skipped"; returns an exit status."""
    print(f"{results.count(True)} passed, {results.count(False)} failed, 0 skipped")
    return 0 if results and all(results) else 1
