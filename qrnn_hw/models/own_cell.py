"""A start for a cell of the user's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from qrnn_hw.errors import UsageError


def start_of_cell(path: Path) -> bytes:
    """Return the content of a commented file with a step function that every command takes.

    Args:
        path: of the file that is to be written, named .py.

    Raises:
        UsageError: it is there already, or is named otherwise.
    """
    if path.suffix != ".py":
        raise UsageError(f"a cell should be written to a file named .py. Got {path}.")
    if path.exists():
        raise UsageError(f"a new cell should not replace a file. Got {path}; name another.")
    start = (files("qrnn_hw.models") / "my_cell.py.txt").read_text(encoding="utf-8")
    return start.replace("THIS_FILE", path.name).encode()
