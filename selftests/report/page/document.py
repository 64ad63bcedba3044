# SPDX-License-Identifier: GPL-2.0-only
"""Parts of the page, and how they become HTML."""
import dataclasses
import html
import io

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff; }
h1 { font-size: 1.8rem; } h2 { margin-top: 3rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .85rem; }
th, td { padding: .2rem .6rem; border-bottom: 1px solid #ddd; text-align: right;
         vertical-align: top; }
th { background: #f4f4f4; } th:first-child, td:first-child, td.text { text-align: left; }
tr.ours { background: #eef6ee; font-weight: 600; }
td.yes { color: #176117; } td.no { color: #8a1c1c; }
div.wide { overflow-x: auto; } figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
figcaption, .note { color: #555; font-size: .9rem; } code { background: #f4f4f4; }
"""


@dataclasses.dataclass
class Table:
    """A cell is shown as it is; ours: numbers of the rows that are zcpool's."""
    heading: list
    rows: list
    ours: set = dataclasses.field(default_factory=set)


@dataclasses.dataclass
class Part:
    """body: HTML; tables and figures, by name, are written to files as well."""
    title: str
    body: str
    tables: dict = dataclasses.field(default_factory=dict)
    figures: dict = dataclasses.field(default_factory=dict)
    when: str = ""


def escape(text):
    return html.escape(str(text))


def paragraph(text, kind=""):
    return f'<p class="{kind}">{escape(text)}</p>'


def _cell(value):
    kind = ""
    text = str(value)
    if text in ("yes", "no") or (text.isupper() and text.startswith("E")):
        kind = "yes" if text == "yes" else "no"
    elif text[:1].isalpha():
        kind = "text"
    return f'<td class="{kind}">{escape(text)}</td>'


def table(content):
    heading = "".join(f"<th>{escape(cell)}</th>" for cell in content.heading)
    rows = "".join(
        f'<tr class="{"ours" if number in content.ours else ""}">'
        + "".join(_cell(cell) for cell in row) + "</tr>"
        for number, row in enumerate(content.rows))
    return f'<div class="wide"><table><tr>{heading}</tr>{rows}</table></div>'


def picture(figure, caption):
    """Inside the page, so that it is one file."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return (f"<figure>{svg[svg.index('<svg'):]}"
            f"<figcaption>{escape(caption)}</figcaption></figure>")


def page(parts, missing):
    contents = "".join(f'<li><a href="#part{number}">{escape(part.title)}</a></li>'
                       for number, part in enumerate(parts))
    bodies = "".join(f'<h2 id="part{number}">{escape(part.title)}</h2>'
                     + paragraph(f"Measured {part.when}.", "note") + part.body
                     for number, part in enumerate(parts))
    lacking = paragraph(f"Not measured in this run: {', '.join(missing)}.") if missing else ""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>zcpool: the report</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{STYLE}</style></head><body>
<h1>zcpool beside every other way to move data without copying it</h1>
<p>What this page shows was measured by <code>make report</code>, in a virtual machine, but for
what is said to be stated; nothing is drawn by hand. The tables are beside this file as CSV, the pictures as SVG
and PNG, and all of it as <code>report.json</code>.</p>
{lacking}<ul>{contents}</ul>{bodies}</body></html>
"""
