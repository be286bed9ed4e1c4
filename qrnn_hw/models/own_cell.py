"""A start for a cell of the user's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from qrnn_hw.config import writable_folder
from qrnn_hw.errors import UsageError
from qrnn_hw.report.files import write_bytes


def write_start(path: Path) -> None:
    """Write a commented step function that every command takes.

    Args:
        path: of the new file, named .py.

    Raises:
        UsageError: it is there already, or is named otherwise.
        ConfigurationError: it cannot be written.
    """
    if path.suffix != ".py":
        raise UsageError(f"a cell should be written to a file named .py. Got {path}.")
    if path.exists():
        raise UsageError(f"a new cell should not replace a file. Got {path}; name another.")
    writable_folder(path.parent)
    start = (files("qrnn_hw.models") / "my_cell.py.txt").read_text(encoding="utf-8")
    write_bytes(path, start.replace("THIS_FILE", path.name).encode())
