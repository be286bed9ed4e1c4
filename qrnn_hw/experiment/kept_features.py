"""What a finished training binds to its circuits, written once beside the checkpoint.

Angles are products of floating-point numbers, whose last bits depend on the processor, and a job is
known by its angles. A run that goes on elsewhere binds the numbers that it first bound, and finds
its jobs.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np
from numpy.typing import NDArray

from jobs.spec import Pub
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.expectation import Measurement
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.training.checkpoint import REMEDY, Identity, read_arrays, write_arrays

FILE_NAME = "features.npz"
NAMES = ("circuit", "features", "lengths")

ROUNDS_FILE_NAME = "rounds.npz"
SAME = 1e-9
"""Radians by which what a round binds may differ from processor to processor."""


def encoded_once(
    trained: TrainedNetwork,
    sequences: Sequences,
    folder: Path,
    run: Identity,
    file_name: str = FILE_NAME,
) -> Encoded:
    """Return what is bound for some rows: what `folder` holds of them, else noted there now.

    A folder that cannot be written to stays as it is; no training ends in one.

    Args:
        trained: with its training over.
        sequences: all rows that the run may measure.
        folder: of the run.
        run: what the training depends on, the rows among it.
        file_name: of the rows in the folder.

    Raises:
        ConfigurationError: the file of this very training cannot be used.
    """
    path, header = folder / file_name, {"run": run.digest, "weights": weights_digest(trained)}
    if path.exists():
        arrays, found = read_arrays(path)
        if header.items() <= found.items():
            kept = [np.asarray(arrays.get(name, np.nan)) for name in NAMES]
            rows = {part.shape[:1] for part in kept[1:]}
            if rows != {(len(sequences),)} or not all(np.isfinite(part).all() for part in kept):
                raise ConfigurationError(
                    f"{path} should hold the features of {len(sequences)} rows. Got others; "
                    f"{REMEDY}."
                )
            return Encoded(*kept)
    made = trained.encoded(sequences)
    # A finished run that may only be read is studied all the same.
    if not os.access(folder, os.W_OK):
        return made
    write_arrays(path, {name: getattr(made, name) for name in NAMES}, header)
    return made


@dataclass
class KeptRounds:
    """Bind in every round what was first bound in it, where that differs by last bits only.

    The values fed back pass through functions such as tanh, whose last bits, too, depend on the
    processor; the bits that they come from are in the store.
    """

    measure: Measurement
    folder: Path
    is_planned: bool = False
    """Whether the rounds are priced only, and nothing new is bound."""

    n_rounds: int = 0

    def __call__(self, pubs: Sequence[Pub]) -> NDArray[np.float64]:
        """Measure one round."""
        path = self.folder / ROUNDS_FILE_NAME
        known = read_arrays(path)[0] if path.exists() else {}
        names = [f"round {self.n_rounds} circuit {place}" for place in range(len(pubs))]
        pairs = [(pub, known.get(name)) for pub, name in zip(pubs, names, strict=True)]
        if all(kept is not None and _are_close(kept, pub.parameters) for pub, kept in pairs):
            pubs = [Pub(pub.circuit, kept) for pub, kept in pairs if kept is not None]
        elif not self.is_planned:
            new = {name: pub.parameters for pub, name in zip(pubs, names, strict=True)}
            write_arrays(path, known | new, {})
        self.n_rounds += 1
        return self.measure(pubs)


def _are_close(kept: NDArray[np.float64], fresh: NDArray[np.float64]) -> bool:
    return kept.shape == fresh.shape and bool(np.abs(kept - fresh).max(initial=0.0) < SAME)


def weights_digest(trained: TrainedNetwork) -> str:
    """Return the SHA-256 of all trained numbers."""
    hashed = hashlib.sha256()
    for leaf in jax.tree.leaves(trained.parameters):
        hashed.update(np.ascontiguousarray(leaf).tobytes())
    return hashed.hexdigest()
