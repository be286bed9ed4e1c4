"""Training states on disk: arrays and a header, written at once or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qrnn_hw.errors import ConfigurationError
from qrnn_hw.train.exact import Epoch, TrainingState

FORMAT = 1


def fingerprint(run: dict[str, Any]) -> str:
    """Return the SHA-256 of everything that a run's numbers depend on."""
    text = json.dumps(run, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def save(path: Path, state: TrainingState, run: str) -> None:
    """Write a state; an interrupted write leaves the file of before.

    Args:
        path: `.npz` file.
        state: after some epoch.
        run: fingerprint of the run.
    """
    leaves = jax.tree.leaves(_arrays(state))
    header = {
        "format": FORMAT,
        "run": run,
        "best_epoch": state.best_epoch,
        "history": [list(epoch) for epoch in state.history],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        arrays: dict[str, Any] = {f"leaf{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
        arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
        np.savez(stream, **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def load(path: Path, like: TrainingState, run: str) -> TrainingState:
    """Read a state that `save` wrote.

    Args:
        path: `.npz` file.
        like: a fresh state of the same run, for the shapes.
        run: fingerprint of the run that wants to resume.

    Raises:
        ConfigurationError: not a checkpoint, one of another run, or one with numbers that are not
            finite.
    """
    remedy = "remove it to start anew, or choose another --output"
    try:
        with np.load(path, allow_pickle=False) as stored:
            header = json.loads(stored["header"].tobytes().decode())
            names = [name for name in stored.files if name.startswith("leaf")]
            leaves = [stored[f"leaf{i}"] for i in range(len(names))]
            history = tuple(Epoch(*map(float, row)) for row in header["history"])
            best_epoch = int(header["best_epoch"])
            if not (np.isfinite(history).all() and 0 <= best_epoch < max(1, len(history))):
                raise ValueError("history and best epoch")
            if any(leaf.dtype.kind not in "fiu" for leaf in leaves):
                raise ValueError("kind of numbers")
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
    ) as error:
        raise ConfigurationError(
            f"{path} should be a checkpoint of this program. Got a file that cannot be read "
            f"({type(error).__name__}); {remedy}."
        ) from error
    if header.get("format") != FORMAT or header.get("run") != run:
        raise ConfigurationError(
            f"{path} should be a checkpoint of the same run. Got one of other data, settings, "
            f"model or calibration; {remedy}."
        )
    expected, structure = jax.tree.flatten(_arrays(like))
    if [np.shape(a) for a in leaves] != [np.shape(a) for a in expected]:
        raise ConfigurationError(f"{path} should have this model's shapes. Got others; {remedy}.")
    if not all(np.isfinite(leaf).all() for leaf in leaves):
        raise ConfigurationError(
            f"weights in {path} should be finite. Got NaN or infinity; {remedy}."
        )
    weights, optimiser, average, best = jax.tree.unflatten(
        structure, [jnp.asarray(leaf) for leaf in leaves]
    )
    return TrainingState(
        weights=weights,
        optimiser=optimiser,
        average=average,
        best=best,
        best_epoch=best_epoch,
        history=history,
    )


def _arrays(state: TrainingState) -> tuple[Any, ...]:
    return state.weights, state.optimiser, state.average, state.best
