# SPDX-License-Identifier: GPL-2.0-only
"""Make the report's page of what was measured.

Reads DIRECTORY/data/*.json and writes to DIRECTORY index.html, which needs no network,
each picture as SVG and PNG, each table as CSV, and report.json, which has all of it.
"""
import argparse
import csv
import json
import os
import sys

import census
import curves
import document
import features
import shares

# In the page's order: the data's name, and what makes a part of it.
PARTS = [
    ("census", census.part),
    ("features", features.part),
    ("curves", curves.part),
    ("profile", shares.part),
]


def read(directory):
    found = {}
    for name, _ in PARTS:
        path = os.path.join(directory, "data", f"{name}.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                found[name] = json.load(file)
    return found


def when(directory, name):
    """When it was measured, and how; another part may be of another time."""
    path = os.path.join(directory, "data", f"{name}.when")
    if not os.path.exists(path):
        return "at a time that is not known"
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def write_tables(directory, tables):
    for name, table in tables.items():
        with open(os.path.join(directory, f"{name}.csv"), "w", encoding="utf-8",
                  newline="") as file:
            writer = csv.writer(file)
            writer.writerow(table.heading)
            writer.writerows(table.rows)


def write_figures(directory, figures):
    for name, figure in figures.items():
        figure.savefig(os.path.join(directory, f"{name}.svg"), metadata={"Date": None})
        figure.savefig(os.path.join(directory, f"{name}.png"), dpi=150)


def main():
    parser = argparse.ArgumentParser(prog="page", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("directory", metavar="DIRECTORY")
    directory = parser.parse_args().directory
    data = read(directory)
    missing = [name for name, _ in PARTS if name not in data]
    if not data:
        sys.exit(f"page: nothing was measured: no {directory}/data/*.json")
    parts = []
    for name, make in PARTS:
        if name in data:
            part = make(data[name])
            part.when = when(directory, name)
            parts.append(part)
    for part in parts:
        write_tables(directory, part.tables)
        write_figures(directory, part.figures)
    with open(os.path.join(directory, "report.json"), "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
    with open(os.path.join(directory, "index.html"), "w", encoding="utf-8") as file:
        file.write(document.page(parts, missing))


if __name__ == "__main__":
    main()
