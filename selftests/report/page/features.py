# SPDX-License-Identifier: GPL-2.0-only
"""What each kind of memory can do, as a program found out by trying."""
import document
import plot


def _cells(peer, names):
    """What holds by a way that is worth a word is a yes with it."""
    return [peer["answers"][name]["answer"] for name in names]


def _next(data):
    """What zcpool's row lacks, and whose part that is."""
    lines = []
    if data["to_build_next"]:
        lines.append(f"To build next: {', '.join(data['to_build_next'])}.")
    if data["not_on_this_kernel"]:
        lines.append(f"This kernel does not let it: {', '.join(data['not_on_this_kernel'])}.")
    return "".join(document.paragraph(line) for line in lines + data["notes"])


def part(data):
    names = [feature["name"] for feature in data["features"]]
    table = document.Table(["memory"] + names,
                           [[peer["name"]] + _cells(peer, names) for peer in data["peers"]],
                           {number for number, peer in enumerate(data["peers"])
                            if plot.is_ours(peer["name"])})
    details = document.Table(
        ["memory", "feature", "answer", "how, or why not"],
        [[peer["name"], name, peer["answers"][name]["answer"], peer["answers"][name]["detail"]]
         for peer in data["peers"] for name in names if peer["answers"][name]["detail"]])
    notes = "".join(f"<li><b>{document.escape(peer['name'])}</b>: "
                    f"{document.escape(peer['note'])}</li>" for peer in data["peers"])
    questions = "".join(f"<li><b>{document.escape(feature['name'])}</b>: "
                        f"{document.escape(feature['question'])}</li>"
                        for feature in data["features"])
    body = (document.paragraph(f"Linux {data['kernel']}. Each answer was tried, and what came of "
                               "it was looked at.")
            + document.table(table) + _next(data)
            + f"<h3>What was asked</h3><ul>{notes}</ul>"
            + f"<h3>The questions</h3><ul>{questions}</ul>"
            + "<h3>How, and why not</h3>" + document.table(details))
    return document.Part("What each kind of memory can do", body,
                         {"features": table, "features-how": details})
