"""A report as a list of blocks, written once and rendered as HTML and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qrnn_hw.report import page


@dataclass(frozen=True)
class Findings:
    """Plain-language findings, in front."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Heading:
    """Begins a section."""

    text: str


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows under a header; cells are text."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Figure:
    """A drawing, in HTML only: Markdown says where it is."""

    svg: str
    caption: str
    is_wide: bool = False


Block = Findings | Heading | Text | Table | Figure


def to_html(title: str, blocks: Sequence[Block]) -> str:
    """Return one self-contained page."""
    return page.page(title, [html_of(block) for block in blocks])


def to_markdown(title: str, blocks: Sequence[Block]) -> str:
    """Return a Markdown document."""
    return "\n\n".join([f"# {title}", *map(_markdown, blocks)]) + "\n"


def html_of(block: Block) -> str:
    """Return one block as HTML."""
    match block:
        case Findings(lines):
            return page.findings(lines)
        case Heading(text):
            return page.heading(text)
        case Text(text):
            return page.paragraph(text)
        case Table(header, rows):
            return page.table(header, rows)
        case Figure(svg, caption, is_wide):
            return page.figure(svg, caption, wide=is_wide)


def _markdown(block: Block) -> str:
    match block:
        case Findings(lines):
            return "\n".join(f"- {line}" for line in lines)
        case Heading(text):
            return f"## {text}"
        case Text(text):
            return text
        case Table(header, rows):
            return "\n".join([_row(header), _row(["---"] * len(header)), *map(_row, rows)])
        case Figure(_, caption, _):
            return f"*Figure in report.html:* {caption}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
