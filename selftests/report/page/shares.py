# SPDX-License-Identifier: GPL-2.0-only
"""Where the instructions go: zcpool's share, the kernel's and the program's."""
import document
import plot

# Functions shown of each case.
SHOWN = 12


OWNERS = ("kernel", "zcpool", "library", "program")


def _others(case):
    return sum(share for whose, share in case["shares"].items() if whose not in OWNERS)


def _title(case):
    size = case["bytes"]
    return f"{case['case']}, {size >> 20} MiB" if size >> 20 else f"{case['case']}, {size >> 10} KiB"


def part(data):
    cases = data["cases"]
    shares = document.Table(
        ["operation", "instructions", "kernel", "zcpool", "library", "program", "other modules"],
        [[_title(case), f"{case['instructions']:.0f}"]
         + [f"{100 * case['shares'].get(whose, 0):.1f} %" for whose in OWNERS]
         + [f"{100 * _others(case):.1f} %"] for case in cases],
        {number for number, case in enumerate(cases) if plot.is_ours(case["case"])})
    functions = document.Table(
        ["operation", "function", "of", "instructions"],
        [[_title(case), function["name"], function["of"], f"{function['instructions']:.1f}"]
         for case in cases for function in case["functions"]])

    def of(whose):
        return [100 * case["shares"].get(whose, 0) for case in cases]

    picture = plot.stacked_bars([_title(case) for case in cases],
                                [("zcpool", of("zcpool"), plot.OURS),
                                 ("library", of("library"), "#9fd0aa"),
                                 ("program", of("program"), "#cccccc"),
                                 ("the rest of the kernel", of("kernel"), "#4c72b0")],
                                "percent of the instructions")
    body = [document.paragraph(f"Linux {data['kernel']}; every instruction between two markers in "
                               "the program, of both ends; the receiver does not copy."),
            document.picture(picture, "Whose the instructions are"), document.table(shares)]
    for case in cases:
        rows = [[function["name"], function["of"], f"{function['instructions']:.1f}"]
                for function in case["functions"][:SHOWN]]
        body.append(f"<details><summary>{document.escape(_title(case))}</summary>"
                    + document.table(document.Table(["function", "of", "instructions"], rows))
                    + "</details>")
    return document.Part("Where the instructions go", "".join(body),
                         {"profile-shares": shares, "profile-functions": functions},
                         {"profile": picture})
