"""Tables in Parquet files, with the extra of that name."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.data.lines import regular_file, shown, trimmed
from qrnn_hw.data.number_cells import LARGEST
from qrnn_hw.data.table import column_place
from qrnn_hw.errors import ConfigurationError, DataError


@dataclass(frozen=True, eq=False)
class ParquetTable:
    """Columns of a Parquet file, each with a type of its own."""

    path: Path
    names: tuple[str, ...]
    columns: Any
    """An Arrow table."""

    @property
    def header(self) -> str:
        """Say where the names stand."""
        return str(self.path)

    def __len__(self) -> int:
        return int(self.columns.num_rows)

    def place(self, row: int, name: str) -> str:
        """Say where a cell stands."""
        return f"{self.path}, row {row + 1}, column {shown(name)}"

    def cells(self, name: str) -> list[str]:
        """Return a column as text, stripped of blanks around it; a null is empty, and so is NaN.

        Raises:
            DataError: its cells are bytes, lists or the like, which no text stands for.
        """
        column = self.columns.column(column_place(self, name))
        cells = column.to_pylist()
        if any(isinstance(one, bytes | list | dict) for one in cells):
            remedy = ": write texts as strings" if any(isinstance(c, bytes) for c in cells) else ""
            raise DataError(
                f"{self.path}, column {shown(name)}: should hold texts, numbers or times. Got the "
                f"type {column.type}{remedy}."
            )
        # Of all values NaN alone differs from itself.
        return ["" if one is None or one != one else trimmed(str(one)) for one in cells]

    def has_decimal_commas(self, name: str) -> bool:
        """Tell whether a comma parts the decimals of a column's numbers: none is written."""
        return False

    def n_gaps(self, name: str) -> int:
        """Return how many cells of a column are gaps, those before the first number aside."""
        missing = np.isnan(self._column(name))
        return int(missing[int((~missing).argmax()) :].sum())

    def numbers(self, name: str, *, fill: bool = False) -> NDArray[np.float64]:
        """Return a column of finite numbers, shape (n,).

        Raises:
            DataError: the column has another type, or a gap that is not to be filled.
        """
        found = self._column(name)
        if fill:
            known = np.maximum.accumulate(np.where(np.isnan(found), 0, np.arange(len(found))))
            found = found[known]
        unfit = ~(np.abs(found) <= LARGEST)
        if unfit.any():
            row = int(unfit.argmax())
            remedy = "a gap: fill it (a series by --gaps last), or leave its rows out"
            raise DataError(
                f"{self.place(row, name)}: should be a number of at most {LARGEST:g} in size. "
                f"Got {remedy if np.isnan(found[row]) else f'{found[row]:g}'}."
            )
        return found

    def _column(self, name: str) -> NDArray[np.float64]:
        """Return a column of numbers, a gap being none."""
        types = import_module("pyarrow.types")
        column = self.columns.column(column_place(self, name))
        if not (
            types.is_integer(column.type)
            or types.is_floating(column.type)
            or types.is_decimal(column.type)
        ):
            raise DataError(
                f"{self.path}, column {shown(name)}: should hold numbers. Got the type "
                f"{column.type}."
            )
        # As in text, whole numbers beyond 2**53 are the nearest fraction.
        fractions = column.cast("float64", safe=False).fill_null(np.nan)
        return np.asarray(fractions.to_numpy(), dtype=np.float64)


def read_parquet(path: Path) -> ParquetTable:
    """Read a Parquet file with pyarrow.

    Raises:
        ConfigurationError: pyarrow is not installed.
        DataError: the file cannot be read, or holds no rows.
    """
    with regular_file(path):
        pass
    if find_spec("pyarrow") is None:
        raise ConfigurationError(
            f"{path}: Parquet needs the package pyarrow. Got none; install qrnn-hw[parquet], or "
            "write the table as CSV."
        )
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    try:
        table = parquet.ParquetFile(path).read()
    except (arrow.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: should be a Parquet file. Got: {shown(reason)}.") from error
    if table.num_rows == 0:
        raise DataError(f"{path}: should hold rows. Got none.")
    return ParquetTable(path, tuple(map(str, table.column_names)), table)
