# SPDX-License-Identifier: GPL-2.0-only
"""Cost by size, number and company, and the other figures of zcpoolctl bench."""
import collections
import json

import document
import plot

# section: title, x axis, what the cost is of, and its scale
CURVES = {
    "sizes": ("Sending, by the message's size", "bytes of a message", "a byte", "log"),
    "pools": ("By the number of buffers in the pool", "buffers", "an operation", "linear"),
    "in flight": ("By the number of buffers in flight", "buffers in flight", "an operation",
                  "linear"),
    "processes": ("By the number of processes", "processes", "an operation", "linear"),
}


def _cell(value):
    return f"{value:.3f}" if value < 100 else f"{value:.0f}"


def _curve(section, results):
    """Its picture, and a table with a row for each method."""
    series = collections.defaultdict(list)
    for result in results:
        series[result["method"]].append((result["size"], result["median"]))
    sizes = sorted({result["size"] for result in results})
    rows = []
    for method, points in series.items():
        cost = dict(points)
        rows.append([method] + [_cell(cost[size]) if size in cost else "-" for size in sizes])
    _, x_label, of, scale = CURVES[section]
    # Where all are the pool's, none is told from the others.
    ours = {number for number, row in enumerate(rows) if plot.is_ours(row[0])}
    table = document.Table(["method"] + sizes, rows, ours if section == "sizes" else set())
    unit = f"{results[0]['unit']} {of}"
    return plot.lines({method: sorted(points) for method, points in series.items()},
                      x_label, unit, scale, section == "sizes"), table


def part(data):
    by_section = collections.defaultdict(list)
    for result in data["results"]:
        by_section[result["section"]].append(result)
    body = [document.paragraph(
        f"Linux {data['kernel']}, {data['machine']['processors']} processor, medians of "
        f"{data['repeats']}, in {data['unit']}. What processors do to each other does not show "
        "where there is one.")]
    body += [document.paragraph(f"Left out: {json.dumps(what)}") for what in data["left_out"]]
    tables, figures = {}, {}
    for section, results in by_section.items():
        name = section.replace(" ", "-").replace(",", "")
        if section in CURVES:
            figures[name], tables[name] = _curve(section, results)
            body += [f"<h3>{CURVES[section][0]}</h3>",
                     document.picture(figures[name], CURVES[section][0]),
                     document.table(tables[name])]
            continue
        tables[name] = document.Table(
            ["method", "size", "median", "worst", "unit"],
            [[result["method"], result["size"], _cell(result["median"]), _cell(result["worst"]),
              result["unit"]] for result in results])
        body += [f"<h3>{document.escape(section)}</h3>", document.table(tables[name])]
    return document.Part("What it costs", "".join(body), tables, figures)
