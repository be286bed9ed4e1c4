"""Results as tables on stdout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from jobs.counted import counted
from qrnn_hw.cli.console import PlainConsole, cell
from qrnn_hw.cli.terminal import one_line
from qrnn_hw.data.usage import data_lines
from qrnn_hw.report.labels import MEASURES, between, label
from qrnn_hw.report.tile_blocks import said_tiling

if TYPE_CHECKING:
    from qrnn_hw.report.blocks import Table as ReportTable

WIDEST = 10_000
"""Characters of a line, where no terminal bounds it."""


def print_outcome(document: dict[str, Any]) -> None:
    """Print the accuracies and where to look further."""
    console = PlainConsole(soft_wrap=True)
    shots = f"{counted(document['shots'], 'shot')} per prediction"
    if "rounds" in document:
        shots = (
            f"{document['shots']} shots of each circuit in each round, "
            f"{document['shots_per_prediction']:,.0f} per prediction on average"
        )
    table = Table(
        title=f"{document['model']} on {document['dataset']}, {document['backend']}, {shots}",
        title_justify="left",
    )
    measures = [one for one in MEASURES if document.get(one)]
    columns = [column for one in measures for column in (f"test {MEASURES[one]}", "95 % interval")]
    rows = "sentences" if document["data"] else "rows"
    for column in ("", *columns, rows):
        table.add_column(column)
    for name in document[measures[0]] if measures else ():
        table.add_row(label(name), *_cells([document[one][name] for one in measures]))
    for control in document["controls"]:
        found = [control if one == "accuracy" else control.get(one) for one in measures]
        if found and all(found):
            table.add_row(cell(f"{control['name']} (classical)"), *_cells(found))
    console.print(table)
    for line in data_lines(document):
        console.print(f"data: {line}")
    if direct := document.get("head", {}).get("direct"):
        console.print(f"direct: {direct['said']}")
    spread = document["qpu_seconds_range"]
    if "agreement" in document:
        console.print(
            f"exact engine against Aer: {document['agreement']['exact_vs_aer']:.1e} "
            f"(shots: p = {document['agreement']['p_value']:.2f})"
        )
    for name, answer in document.get("answers", {}).items():
        console.print(f"{label(name)}: {_trust(answer)}")
    for line in document.get("assumptions", ()):
        console.print(f"assumed: {line}")
    if "tiling" in document:
        console.print(said_tiling(document["tiling"]))
    if "rounds" in document:
        told = f"in rounds: {counted(document['rounds'], 'job')}, one for each time step"
        repeated = document.get("rounds_repeated")
        if repeated is not None and repeated["disagree"]:
            told += "; readings scatter more than their shots: the machine changed"
        console.print(told)
    console.print(
        f"on the machine: about {document['qpu_seconds']:.0f} s of QPU time "
        f"({spread['low']:.0f} to {spread['high']:.0f} s)"
    )
    console.print(f"report: {document['report']}")


def _trust(answer: dict[str, Any]) -> str:
    """Say in a line whether repetitions agreed, and what canaries missed."""
    repeated, canaries = answer["repetitions"], answer["canaries"]
    said = "run once" if repeated is None else counted(repeated["number"], "repetition")
    if repeated is not None:
        said += " disagree: the machine changed" if repeated["disagree"] else " agree"
    if canaries is None:
        return f"{said}; no canaries, the interval covers this machine's own mean only"
    missed, n = canaries["beyond_shots"], canaries["n_canaries"]
    return f"{said}; {counted(n, 'canary', 'canaries')} missed by {missed:.3f} beyond their shots"


def _cells(found: Sequence[dict[str, Any]]) -> list[str]:
    cells = []
    for one in found:
        cells += [f"{one['value']:.3f}", between(one["low"], one["high"])]
    return [*cells, str(found[0]["n"])]


def print_findings(lines: Sequence[str]) -> None:
    """Print plain-language findings, one a line."""
    console = PlainConsole(soft_wrap=True)
    for line in lines:
        console.print(f"- {one_line(line)}")


def print_table(title: str, table: ReportTable) -> None:
    """Print a table of a report."""
    shown = Table(title=title, title_justify="left")
    for column in table.header:
        shown.add_column(column, overflow="fold")
    for row in table.rows:
        shown.add_row(*map(cell, row))
    console = PlainConsole()
    if not console.is_terminal:  # a file or a pipe is as wide as what is written to it
        unbound = console.options.update(width=WIDEST)
        console.width = max(console.width, console.measure(shown, options=unbound).maximum)
    console.print(shown)
