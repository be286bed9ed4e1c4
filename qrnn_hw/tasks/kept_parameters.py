"""Parameters of a task on disk: one array for each leaf, by its place."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from qrnn_hw.tasks.core import Parameters
from qrnn_hw.training.checkpoint import as_trees, by_place, read_arrays, write_arrays


def save_parameters(path: Path, parameters: Parameters) -> None:
    """Write an .npz file; an interrupted write leaves the file of before."""
    write_arrays(path, by_place({"": parameters}), {})


def load_parameters(path: Path, like: Parameters) -> Parameters:
    """Read what `save_parameters` wrote.

    Args:
        path: of the file.
        like: parameters, or their shapes, of the same task, core and size.

    Raises:
        ConfigurationError: the file cannot be read, or is of others.
    """
    arrays, _ = read_arrays(path)
    return cast(Parameters, as_trees(path, arrays, {"": like})[""])
