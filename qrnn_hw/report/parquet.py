"""Rows as Parquet, with the extra of that name."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.report.files import write_bytes


def require_parquet() -> None:
    """Say before a long study that its rows could not be written.

    Raises:
        ConfigurationError: pyarrow is not installed.
    """
    if find_spec("pyarrow") is None:
        raise ConfigurationError(
            "Parquet needs the package pyarrow. Got none; install qrnn-hw[parquet], or leave "
            "--parquet out: rows.csv holds the same."
        )


def write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write one row a mapping, the columns those of rows.csv; a missing value is null.

    Raises:
        ConfigurationError: pyarrow is not installed.
    """
    require_parquet()
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = arrow.table({name: [row.get(name) for row in rows] for name in names})
    stream = io.BytesIO()
    parquet.write_table(table, stream)
    write_bytes(path, stream.getvalue())
