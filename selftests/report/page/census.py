# SPDX-License-Identifier: GPL-2.0-only
"""The copy census: what each way to move data takes, path by path."""
import document
import plot

COLUMNS = [
    ("copied_sender", "copied, sender"),
    ("copied_receiver", "copied, receiver"),
    ("dma_from_device", "DMA in"),
    ("dma_to_device", "DMA out"),
    ("system_calls", "calls"),
    ("mode_switches", "mode switches"),
    ("context_switches", "context switches"),
    ("page_faults", "page faults"),
    ("tlb_flushes", "TLB flushes"),
]

def _number(key, value):
    if value is None or value < 0:
        return "-"
    if key.startswith(("copied", "dma")):
        return f"{value / (1 << 20):.2f}"
    return f"{value:.1f}"


def _row(row):
    if row.get("error"):
        return [row["method"]] + [row["error"]] + ["-"] * (len(COLUMNS) + 1)
    counts = row["per_mib"]
    return ([row["method"]] + [_number(key, counts.get(key)) for key, _ in COLUMNS]
            + ["yes" if row["changes_data"] else "no", row["knows_reuse"]])


def _table(path):
    return document.Table(
        ["method"] + [title for _, title in COLUMNS] + ["changes data", "knows reuse by (stated)"],
        [_row(row) for row in path["rows"]],
        {number for number, row in enumerate(path["rows"]) if plot.is_ours(row["method"])})


def _picture(path):
    rows = [row for row in path["rows"] if not row.get("error")]

    def mib(key):
        return [max(row["per_mib"].get(key) or 0, 0) / (1 << 20) for row in rows]

    return plot.stacked_bars(
        [row["method"] for row in rows],
        [("copied by the sender", mib("copied_sender"), "#c44e52"),
         ("copied by the receiver", mib("copied_receiver"), "#e8b4b6")],
        "copies of each byte that is moved")


def _unprobed(data):
    """What the compiler has left no place to probe, and what that does to the numbers."""
    lines = []
    if data.get("not_told_apart"):
        lines.append(f"Not told apart on this kernel: what {', '.join(data['not_told_apart'])} "
                     "copies in a softirq for the receiver is the sender's here, since the "
                     "compiler has made it a part of other functions.")
    if data.get("not_counted"):
        lines.append("Not counted on this kernel, likewise: what is copied by "
                     f"{', '.join(data['not_counted'])}.")
    return [document.paragraph(line) for line in lines]


def part(data):
    body = [document.paragraph(
        f"Linux {data['kernel']}. For each MiB moved: MiB that a processor copied, counted in the "
        "kernel's copy routines, at both ends apart; MiB that devices moved by DMA; calls, "
        "switches and faults of the sender; what softirqs do on either processor is that side's "
        "whose data it is. Changes data: the sender left a mark in the data, and the receiver, who "
        "checks every byte, found it; no: the method gives it no place to leave one. By what a "
        "program knows that the memory may be used again is stated, not measured here; of kinds "
        "of memory the column \"reuse\" below was tried."), *_unprobed(data)]
    tables, figures = {}, {}
    for path in data["paths"]:
        name = f"census-{path['name']}"
        tables[name] = _table(path)
        figures[name] = _picture(path)
        body += [f"<h3>{document.escape(path['name'])}</h3>",
                 document.picture(figures[name], f"Bytes copied, {path['name']}"),
                 document.table(tables[name])]
    return document.Part("Copy census", "".join(body), tables, figures)
