"""Parameters of a task on disk: one array for each leaf, by its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import jax
import jax.numpy as jnp

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.tasks.core import Parameters
from qrnn_hw.train.checkpoint import read_arrays, write_arrays


def save_parameters(path: Path, parameters: Parameters) -> None:
    """Write an .npz file; an interrupted write leaves the file of before."""
    write_arrays(path, _by_place(parameters), {})


def load_parameters(path: Path, like: Parameters) -> Parameters:
    """Read what `save_parameters` wrote.

    Args:
        path: of the file.
        like: parameters, or their shapes, of the same task, core and size.

    Raises:
        ConfigurationError: the file cannot be read, or is of others.
    """
    arrays, _ = read_arrays(path)
    shapes = {name: tuple(leaf.shape) for name, leaf in _by_place(like).items()}
    if {name: array.shape for name, array in arrays.items()} != shapes:
        raise ConfigurationError(
            f"{path} should hold the parameters of this task, core and size. Got others."
        )
    leaves = [jnp.asarray(arrays[name]) for name in shapes]
    return cast(Parameters, jax.tree.unflatten(jax.tree.structure(like), leaves))


def _by_place(parameters: Parameters) -> dict[str, Any]:
    return {
        jax.tree_util.keystr(place): leaf
        for place, leaf in jax.tree_util.tree_leaves_with_path(parameters)
    }
