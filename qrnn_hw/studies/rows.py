"""Rows of a study in an append-only file: one JSON object a line, one line a finished cell."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from calibration.documents import parsed
from jobs.errors import StoreError
from jobs.store.lock import held
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.studies.grid import Cell


@dataclass(frozen=True)
class CellRow:
    """What one cell gave: a result, or the error after its last try."""

    key: str
    kind: str
    parameters: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    tries: int
    seconds: float
    """The only field that another run of the cell need not repeat."""

    def lasting(self) -> dict[str, Any]:
        """Return the fields without the time."""
        return {name: value for name, value in asdict(self).items() if name != "seconds"}


class RowFile:
    """The rows of one study on disk.

    A row is one write at the end of the file, flushed to the disk before the next cell counts as
    done. A process that is killed within a write leaves a torn last line, which is ignored when
    read and cut off before the next row. Files of several shards add up with `merge`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, CellRow]:
        """Return the rows by key; of two rows of one key a result stands before an error.

        Raises:
            ConfigurationError: a line other than a torn last one is not a row.
        """
        if not self.path.exists():
            return {}
        *lines, _torn = self.path.read_bytes().split(b"\n")
        rows: dict[str, CellRow] = {}
        for number, line in enumerate(lines, start=1):
            try:
                row = _row(line)
            except (ValueError, TypeError) as error:
                raise ConfigurationError(
                    f"{self.path} should hold one row a line. Got something else in line {number}; "
                    "remove that line, and its cell runs again."
                ) from error
            if row.key not in rows or rows[row.key].result is None:
                rows[row.key] = row
        return rows

    def add(self, row: CellRow) -> None:
        """Append a row; several processes may add to one file.

        Raises:
            ConfigurationError: the folder of locks cannot be written to.
        """
        line = json.dumps(asdict(row), sort_keys=True, allow_nan=False).encode() + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._held("00"), self.path.open("ab+") as stream:
            stream.truncate(_whole_lines(stream.seek(0, os.SEEK_END), stream))
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes from running the same cells meanwhile.

        Raises:
            ConfigurationError: another process does now, or the folder of locks cannot be written
                to.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                stack.enter_context(self._held("study", wait=False))
            except BlockingIOError as error:
                raise ConfigurationError(
                    f"a study should be run by one process at a time. Got {self.path.parent}, "
                    "where another one is at work; wait for it, or give each a part with --shard "
                    "and a folder of its own."
                ) from error
            yield

    @contextmanager
    def _held(self, key: str, *, wait: bool = True) -> Iterator[None]:
        """Hold a lock of this folder, with its refusals in the words of a study."""
        folder = self.path.parent / ".locks"
        with ExitStack() as stack:
            try:
                stack.enter_context(held(folder, key, wait=wait))
            except StoreError as error:
                raise ConfigurationError(
                    "the locks of a study should be in a folder that can be written to. Got "
                    f"{folder}; change its permissions, or choose another --output."
                ) from error
            yield

    def merge(self, others: Iterable[Path]) -> int:
        """Add the rows of other files that this one lacks; return how many.

        Raises:
            ConfigurationError: a file is missing or not one of rows.
        """
        known, added = self.read(), 0
        for path in others:
            if not path.is_file():
                raise ConfigurationError(f"rows to merge should be a file. Got {path}.")
            rows = RowFile(path).read()
            if not rows and path.stat().st_size:
                raise ConfigurationError(f"rows to merge should be one a line. Got none in {path}.")
            for key, row in rows.items():
                if key not in known or (known[key].result is None and row.result is not None):
                    self.add(row)
                    known[key] = row
                    added += 1
        return added


def in_order(cells: Iterable[Cell], rows: dict[str, CellRow]) -> list[CellRow]:
    """Return the rows that there are in the order of the cells, whatever order they came in.

    Raises:
        ConfigurationError: a row names a cell and holds the parameters of another.
    """
    found = [(cell, rows[cell.key]) for cell in cells if cell.key in rows]
    for cell, row in found:
        if row.parameters != cell.values:
            raise ConfigurationError(
                f"a row should hold the parameters of its cell. Got others under {row.key[:12]}; "
                "remove that line of rows.jsonl, and its cell runs again."
            )
    return [row for _, row in found]


def _row(line: bytes) -> CellRow:
    """Read one line; ValueError or TypeError where it is no row."""
    row = CellRow(**parsed(line))
    failed, succeeded = isinstance(row.error, str), isinstance(row.result, dict)
    if failed == succeeded or None not in (row.error, row.result):
        raise ValueError(row.result)
    return row


def _whole_lines(size: int, stream: Any) -> int:
    """Return the length of the file up to its last newline."""
    end = size
    while end:
        start = max(0, end - 4096)
        stream.seek(start)
        place = stream.read(end - start).rfind(b"\n")
        if place >= 0:
            return int(start + place + 1)
        end = start
    return 0
