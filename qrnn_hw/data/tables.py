"""Open a table by the ending of its name."""

from __future__ import annotations

from pathlib import Path

from qrnn_hw.data.lines import regular_file, shown, trimmed
from qrnn_hw.data.table import DataTable, TextTable, read_table
from qrnn_hw.errors import DataError

_NO_TABLES = {
    ".xlsx": "an Excel workbook: save the sheet as CSV UTF-8",
    ".xls": "an Excel workbook: save the sheet as CSV UTF-8",
    ".ods": "a spreadsheet: save the sheet as CSV, in UTF-8",
    ".json": "JSON: write a table with a column for each field",
    ".jsonl": "JSON lines: write a table with a column for each field",
    ".npy": "a single array: write an .npz with the arrays X and y",
    ".mat": "a MATLAB file: write an .npz with the arrays X and y",
    ".h5": "HDF5: write an .npz with the arrays X and y",
    ".hdf5": "HDF5: write an .npz with the arrays X and y",
    ".pkl": "a pickle, which could run code when it is read: write an .npz or a table",
    ".pickle": "a pickle, which could run code when it is read: write an .npz or a table",
    ".feather": "a Feather file: write it as Parquet",
    ".arff": "ARFF: write it as .ts, as aeon and sktime do",
    ".tsf": "a collection of forecasting series: write the one that is meant as CSV",
    ".gz": "a gzip archive: unpack it first (gunzip)",
    ".zip": "a zip archive: unpack it first (unzip)",
    ".bz2": "a bzip2 archive: unpack it first (bunzip2)",
    ".xz": "an xz archive: unpack it first (unxz)",
    ".zst": "a Zstandard archive: unpack it first (unzstd)",
}
_MAGIC = {b"PK\x03\x04": ".zip", b"\x1f\x8b": ".gz", b"\x89HDF": ".h5", b"\x93NUMPY": ".npy"}
ENDINGS = ".csv, .tsv, .parquet, .npz or .ts"


TOTALS = frozenset(
    (
        *("total", "totals", "grand total", "sum", "average", "mean", "summe", "gesamt"),
        *("gesamtergebnis", "mittelwert", "somme", "total général", "suma", "totale", "totaal"),
    )
)
"""What spreadsheets write into the row below the last."""


def open_table(path: Path) -> DataTable:
    """Return the table of a file: `.parquet`, `.csv`, or any other text parted by tabs.

    Raises:
        DataError: it is of another kind, which the message names, or cannot be read.
    """
    if path.suffix.lower() == ".parquet":
        from qrnn_hw.data.parquet_table import read_parquet

        return read_parquet(path)
    refuse_other_kinds(path)
    return read_table(path)


def refuse_other_kinds(path: Path) -> None:
    """Refuse files that are no tables of text, known by their names or first bytes.

    Raises:
        DataError: it is one, or cannot be read; the message names what to do instead.
    """
    with regular_file(path) as file:
        start = file.read(8)
    ending = path.suffix.lower()
    if ending not in _NO_TABLES:
        ending = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), ending)
    if ending in _NO_TABLES:
        raise DataError(f"{path}: data should be {ENDINGS}. Got {_NO_TABLES[ending]}.")


def refuse_totals(table: DataTable) -> None:
    """Refuse a last row of totals, which is no row of a series.

    Raises:
        DataError: the last row of a text is one.
    """
    if not isinstance(table, TextTable):
        return
    said = [cell for cell in map(trimmed, table.rows[-1]) if cell.casefold() in TOTALS]
    if said:
        raise DataError(
            f"{table.path}, line {table.lines[-1]}: the last row should be one of the series. Got "
            f"{shown(said[0])}: leave the row out."
        )
