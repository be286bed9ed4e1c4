"""Figures as inline SVG that follow the page's colours, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Collection, Sequence
from functools import wraps
from html import escape
from itertools import cycle
from typing import TYPE_CHECKING, Any, ParamSpec

from qrnn_hw.statistics.intervals import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from qiskit.circuit import QuantumCircuit

# Drawn in these colours, which are replaced by the page's own after rendering.
THEME = {"#010101": "var(--ink)", "#020202": "var(--faint)", "#030303": "var(--accent)"}
INK, FAINT, ACCENT = THEME
P = ParamSpec("P")
LONGEST_REASON = 200
FOLD = 10
"""Columns of a drawing before it goes on below; more would be cut on a narrow screen."""
FONT_POINTS = 12
WIDTH_INCHES = 6.0  # shrunk to a window of 400 px, such text still has 10 px
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "qrnn-hw",
    "font.family": "sans-serif",
    "font.size": FONT_POINTS,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": FAINT,
    "grid.alpha": 0.35,
    "legend.frameon": False,
}


def _or_note(draw: Callable[P, str]) -> Callable[P, str]:
    """Let a picture that cannot be drawn be a note in its place: the figures stand without it."""

    @wraps(draw)
    def drawn(*arguments: P.args, **named: P.kwargs) -> str:
        try:
            return draw(*arguments, **named)
        # Fonts, caches, backends and missing packages each fail in their own way.
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_REASON]
            return f'<p class="note">This picture could not be drawn ({escape(reason)}).</p>'

    return drawn


@_or_note
def interval_figure(rows: Sequence[tuple[str, Interval]], label: str) -> str:
    """Draw one dot with its interval a row, first row on top.

    Names stand above their rows, so that the plot keeps the whole width on a narrow screen.
    """
    figure, axes = _figure(WIDTH_INCHES, 0.8 + 0.52 * len(rows))
    for position, (name, interval) in enumerate(rows):
        axes.plot([interval.low, interval.high], [position] * 2, color=ACCENT, linewidth=2)
        axes.plot([interval.value], [position], "o", color=ACCENT)
        axes.annotate(
            f"{name}  {interval.value:.3f}",
            (0, position),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            xytext=(2, 7),
        )
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.6, -0.8)
    axes.set_xlabel(label)
    axes.grid(axis="x")
    return _svg(figure, label)


@_or_note
def line_figure(
    x: Sequence[float],
    lines: Sequence[tuple[str, Sequence[float]]],
    *,
    labels: tuple[str, str],
    log_x: bool = False,
    mark_x: float | None = None,
) -> str:
    """Draw lines over x, told apart by dashes and labelled in a legend.

    Args:
        x: shape (k,).
        lines: (name, values of shape (k,)).
        labels: of the two axes.
        log_x: logarithmic x.
        mark_x: where to draw a vertical line.
    """
    figure, axes = _figure(WIDTH_INCHES, 3.1)
    # More lines than dashes: the next ones have dots as well.
    # A single point has no line to be seen by.
    marks = ("", "o", "s", "^") if len(x) > 1 else ("o", "s", "^")
    styles = [(dash, mark) for mark in marks for dash in ("-", "--", ":", "-.")]
    for (name, values), (dash, mark) in zip(lines, cycle(styles)):
        colour = ACCENT if dash == "-" else INK
        axes.plot(x, values, mark + dash, color=colour, label=name, linewidth=1.8)
    if mark_x is not None:
        axes.axvline(mark_x, color=FAINT, linewidth=1)
    if log_x:
        axes.set_xscale("log")
        # Powers of ten as raised figures cannot be read on a narrow screen.
        axes.xaxis.set_major_formatter("{x:,.10g}")
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.grid()
    if len(lines) > 1:
        axes.legend(frameon=False, fontsize=FONT_POINTS)
    return _svg(figure, " against ".join(reversed(labels)))


@_or_note
def histogram_figure(values: Sequence[float], *, label: str) -> str:
    """Draw how often values fall where, with a line at zero."""
    figure, axes = _figure(WIDTH_INCHES, 2.4)
    axes.hist(values, bins=31, color=ACCENT)
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_xlabel(label)
    axes.set_ylabel("sentences")
    return _svg(figure, label)


@_or_note
def chip_figure(
    points: Sequence[tuple[float, float]],
    pairs: Sequence[tuple[int, int]],
    scores: Sequence[float | None],
    full: Sequence[Sequence[int]],
    *,
    dotted: Sequence[int] = (),
    out: Collection[int] = (),
    label: str,
) -> str:
    """Draw a device: qubits the fuller the smaller their score, crosses where they are out.

    Args:
        points: where each qubit lies.
        pairs: of coupled qubits.
        scores: of each qubit, None where it is in no placement.
        full: placements that are drawn in full lines; of a single one the qubits are named.
        dotted: a placement to compare with, named.
        out: qubits that do not work.
        label: what the picture is of.
    """
    known = [score for score in scores if score is not None]
    order = {score: rank for rank, score in enumerate(sorted(set(known)))}
    across, down = zip(*points, strict=True)
    width, height = max(across) - min(across) + 2, max(down) - min(down) + 2
    figure, axes = _figure(WIDTH_INCHES, max(1.0, WIDTH_INCHES * height / width))
    for a, b in pairs:
        ends = zip(points[a], points[b], strict=True)
        axes.plot(*ends, color=FAINT, linewidth=1, zorder=1)
    named = {*dotted, *(full[0] if len(full) == 1 else ())}
    for qubit, ((x, y), score) in enumerate(zip(points, scores, strict=True)):
        if qubit in out:
            axes.plot([x], [y], "x", color=INK, markersize=6, zorder=3)
        elif score is None:
            axes.plot([x], [y], "o", color=FAINT, markersize=4, zorder=2)
        else:
            shade = 0.12 + 0.88 * (1 - order[score] / max(1, len(order) - 1))
            axes.plot([x], [y], "o", color=ACCENT, markersize=11, alpha=shade, zorder=2)
        if qubit in named:
            # Between the lines that may lead up and to the right.
            axes.annotate(str(qubit), (x, y), textcoords="offset points", xytext=(5, 6), ha="left")
    covered = {pair for pair in pairs for one in full if set(pair) <= set(one)}
    for style, placement in (*(("-", one) for one in full), (":", dotted)):
        for pair in (pair for pair in pairs if set(pair) <= set(placement)):
            ends = zip(*(points[qubit] for qubit in pair), strict=True)
            # Dots on a full line are seen only in another colour.
            colour = ACCENT if style == ":" and pair in covered else INK
            axes.plot(*ends, style, color=colour, linewidth=3, zorder=2)
    axes.set_xlim(min(across) - 1, max(across) + 1)
    axes.set_ylim(max(down) + 1, min(down) - 1)
    axes.set_aspect("equal")
    axes.set_axis_off()
    return _svg(figure, label)


@_or_note
def circuit_figure(circuit: QuantumCircuit) -> str:
    """Draw a circuit in Qiskit's black-and-white style, for a white ground."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure as NewFigure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "qrnn-hw"}):
        figure: Figure = circuit.draw("mpl", style="bw", fold=FOLD, idle_wires=False)
        assert isinstance(figure, NewFigure)
        return _svg(figure, f"circuit {circuit.name}")


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib import rc_context
    from matplotlib.figure import Figure as NewFigure

    with rc_context(_STYLE):
        figure = NewFigure(figsize=(width, height), layout="constrained")
        return figure, figure.add_subplot()


def _svg(figure: Any, title: str) -> str:
    from matplotlib import rc_context

    stream = io.StringIO()
    with rc_context(_STYLE):
        figure.savefig(
            stream, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None}
        )
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*pt"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*pt"', r"\1", text, count=1)
    for drawn, themed in THEME.items():
        text = text.replace(drawn, themed)
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
