"""What a finished training binds to its circuits, written once beside the checkpoint.

Angles are products of floating-point numbers, whose last bits depend on the processor, and a job is
known by its angles. A run that goes on elsewhere binds the numbers that it first bound, and finds
its jobs.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import jax
import numpy as np

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.examples import Encoded, Examples
from qrnn_hw.networks.network import TrainedNetwork
from qrnn_hw.train.checkpoint import REMEDY, Identity, read_arrays, write_arrays

FILE_NAME = "features.npz"
NAMES = ("circuit", "features", "lengths")


def encoded_once(
    trained: TrainedNetwork, examples: Examples, folder: Path, run: Identity
) -> Encoded:
    """Return what is bound for some rows: what `folder` holds of them, else noted there now.

    Args:
        trained: with its training over.
        examples: all rows that the run may measure.
        folder: of the run.
        run: what the training depends on, the rows among it.

    Raises:
        ConfigurationError: the file of this very training cannot be used.
    """
    path, header = folder / FILE_NAME, {"run": run.digest, "weights": _digest(trained)}
    if path.exists():
        arrays, found = read_arrays(path)
        if header.items() <= found.items():
            kept = [np.asarray(arrays.get(name, np.nan)) for name in NAMES]
            rows = {part.shape[:1] for part in kept[1:]}
            if rows != {(len(examples),)} or not all(np.isfinite(part).all() for part in kept):
                raise ConfigurationError(
                    f"{path} should hold the features of {len(examples)} rows. Got others; "
                    f"{REMEDY}."
                )
            return Encoded(*kept)
    made = trained.encoded(examples)
    write_arrays(path, {name: getattr(made, name) for name in NAMES}, header)
    return made


def _digest(trained: TrainedNetwork) -> str:
    hashed = hashlib.sha256()
    for leaf in jax.tree.leaves(trained.parameters):
        hashed.update(np.ascontiguousarray(leaf).tobytes())
    return hashed.hexdigest()
