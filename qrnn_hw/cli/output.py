"""Documents and tables on stdout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

Parquet = Annotated[bool, typer.Option("--parquet", help="Also write rows.parquet.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def print_json(document: Any) -> None:
    """Print one JSON document."""
    import json

    typer.echo(json.dumps(document, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows under their columns; empty column names leave the header out."""
    from rich.table import Table

    from qrnn_hw.cli.console import PlainConsole, cell

    table = Table(show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(cell, row))
    PlainConsole().print(table)


def print_lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows as aligned lines under their columns; quick for thousands of rows."""
    from qrnn_hw.cli.terminal import one_line

    lines = [tuple(columns), *(tuple(map(one_line, row)) for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    typer.echo(
        "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )
    )
