# SPDX-License-Identifier: GPL-2.0-only
"""Pictures, all in one manner."""
import itertools

import matplotlib

matplotlib.use("Agg")
# The same picture for the same data; text stays text.
matplotlib.rcParams.update({"svg.hashsalt": "zcpool", "svg.fonttype": "none", "font.size": 10})

from matplotlib import figure  # noqa: E402  after use()

OURS = "#2a7f3f"
OURS_IN_LINES = [OURS, "#6cbf5f", "#0b4f6c", "#b5d99c"]
OTHERS = ["#4c72b0", "#dd8452", "#8172b3", "#937860", "#c44e52", "#64b5cd", "#8c8c8c", "#ccb974"]


def is_ours(name):
    return name.startswith(("pool", "zcpool", "SEND", "TRANSFER"))


def stacked_bars(names, series, label):
    """series: (name, a number for each bar, color), from the axis outwards."""
    picture = figure.Figure(figsize=(9, 0.6 + 0.33 * len(names)), layout="constrained")
    axes = picture.subplots()
    left = [0.0] * len(names)
    for name, numbers, shade in series:
        axes.barh(range(len(names)), numbers, left=left, label=name, color=shade)
        left = [so_far + number for so_far, number in zip(left, numbers)]
    axes.set_yticks(range(len(names)), names)
    for tick, name in zip(axes.get_yticklabels(), names):
        if is_ours(name):
            tick.set_color(OURS)
            tick.set_fontweight("bold")
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncol=len(series), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return picture


def lines(series, x_label, y_label, y_scale="log", tell_ours=True):
    """series: name to points (x, y)."""
    picture = figure.Figure(figsize=(9, 5), layout="constrained")
    axes = picture.subplots()
    shades = {True: itertools.cycle(OURS_IN_LINES), False: itertools.cycle(OTHERS)}
    for name, points in series.items():
        ours = tell_ours and is_ours(name)
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", markersize=4,
                  label=name, linewidth=2.5 if ours else 1.2, color=next(shades[ours]))
    axes.set_xscale("log", base=2)
    axes.set_yscale(y_scale)
    if y_scale == "linear":
        axes.set_ylim(bottom=0)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.legend()
    axes.grid(alpha=.3)
    axes.spines[["top", "right"]].set_visible(False)
    return picture
