# SPDX-License-Identifier: GPL-2.0-only
"""What each kind of memory can do, as a program found out by trying."""
import document
import plot


def _shown(answer):
    return answer["detail"] if answer["answer"] == "errno" else answer["answer"]


def part(data):
    names = [feature["name"] for feature in data["features"]]
    rows = [[peer["name"]] + [_shown(peer["answers"][name]) for name in names]
            for peer in data["peers"]]
    table = document.Table(["memory"] + names, rows,
                           {number for number, peer in enumerate(data["peers"])
                            if plot.is_ours(peer["name"])})
    details = document.Table(
        ["memory", "feature", "answer", "why"],
        [[peer["name"], name, _shown(peer["answers"][name]), peer["answers"][name]["detail"]]
         for peer in data["peers"] for name in names
         if peer["answers"][name]["answer"] != "yes"])
    questions = "".join(f"<li><b>{document.escape(feature['name'])}</b>: "
                        f"{document.escape(feature['question'])}</li>"
                        for feature in data["features"])
    body = (document.paragraph(f"Linux {data['kernel']}. Each answer was tried, and what came of "
                               "it was looked at.")
            + document.table(table) + f"<h3>The questions</h3><ul>{questions}</ul>"
            + "<h3>What is not there, and why</h3>" + document.table(details))
    return document.Part("What each kind of memory can do", body,
                         {"features": table, "features-missing": details})
