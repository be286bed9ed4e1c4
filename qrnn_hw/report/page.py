"""One self-contained HTML page: no script, no outside request, light, dark and print."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

LONGEST_WORD = 24
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
:root { color-scheme: light dark; --page: #fdfdfc; --ink: #1c1e21; --faint: #9aa0a6;
  --accent: #2456a6; --panel: #f1f3f5; }
@media (prefers-color-scheme: dark) { :root { --page: #15181c; --ink: #e6e6e3; --faint: #6d747c;
  --accent: #7fb0ff; --panel: #1e2329; } }
@media print { :root { --page: #fff; --ink: #000; --faint: #777; --accent: #123a7a;
  --panel: #fff; } }
body { margin: 0 auto; max-width: 60rem; padding: 1.5rem 1rem 4rem; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.lead { background: var(--panel); border-left: 4px solid var(--accent);
  padding: .7rem 1rem .7rem 2rem; }
.lead li { margin: .2rem 0; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; min-width: 50%; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--faint);
  vertical-align: top; font-variant-numeric: tabular-nums; }
.long { overflow-wrap: anywhere; }
th { font-weight: 600; } figure { margin: 1rem 0; } svg { width: 100%; max-width: 44rem;
  height: auto; }
figcaption, .note { color: var(--ink); opacity: .8; font-size: .9rem; }
svg text { fill: var(--ink); } .wide svg text { fill: #000; }
.wide { background: #fff; }
"""
FRAGMENT_STYLE = """
.qrnn-hw svg { width: 100%; max-width: 44rem; height: auto; }
.qrnn-hw svg text { fill: var(--ink); }
"""
"""Of a part of a page inside another document, whose own figures it leaves alone."""


def page(title: str, parts: Sequence[str]) -> str:
    """Return a page; `parts` are already HTML."""
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """Return a section heading."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str) -> str:
    """Return a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def findings(lines: Sequence[str]) -> str:
    """Return the plain-language findings that stand in front."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="lead">{items}</ul>'


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table; cells are escaped.

    On a narrow screen the table scrolls; only words longer than a digest's start are broken.
    """
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(_cell(str(cell)) for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cell(text: str) -> str:
    longest = max(map(len, text.split()), default=0)
    long = ' class="long"' if longest > LONGEST_WORD else ""
    return f"<td{long}>{escape(text)}</td>"


def figure(svg: str, caption: str, *, wide: bool = False) -> str:
    """Return a figure with its caption; a wide one scrolls, on white ground."""
    kind = ' class="scroll wide"' if wide else ""
    return f"<figure><div{kind}>{svg}</div><figcaption>{escape(caption)}</figcaption></figure>"
