"""Files of a report, each written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def write_text(path: Path, text: str) -> None:
    """Write a file; an interrupted write leaves the file of before."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file; an interrupted write leaves the file of before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)  # left only where the disk is full


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON document; NaN and infinity are refused, as JSON has none."""
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n")


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one line a row under the first row's names; None is an empty cell."""
    stream = io.StringIO()
    names = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.DictWriter(stream, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())


def write_rows(folder: Path, rows: Sequence[Mapping[str, Any]], *, parquet: bool) -> None:
    """Write rows.csv, and rows.parquet where it is asked for.

    Raises:
        ConfigurationError: Parquet without its package.
    """
    write_csv(folder / "rows.csv", rows)
    if parquet:
        from qrnn_hw.report.parquet import write_parquet

        write_parquet(folder / "rows.parquet", rows)
