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
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # Cells may hold what came from outside, so none of it is read as markup.
        table.add_row(*(Text(str(cell)) for cell in row))
    Console(highlight=False).print(table)


def print_lines(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows as aligned lines under their columns; quick for thousands of rows."""
    lines = [tuple(columns), *map(tuple, rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    typer.echo(
        "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in lines
        )
    )
