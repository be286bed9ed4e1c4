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
REMEDY = "remove it to start anew, or choose another --output"


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
    header = {
        "run": run,
        "best_epoch": state.best_epoch,
        "history": [list(epoch) for epoch in state.history],
    }
    write_arrays(path, jax.tree.leaves(_arrays(state)), header)


def write_arrays(path: Path, leaves: list[Any], header: dict[str, Any]) -> None:
    """Write arrays and a header; an interrupted write leaves the file of before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        arrays: dict[str, Any] = {f"leaf{i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}
        text = json.dumps({"format": FORMAT, **header})
        arrays["header"] = np.frombuffer(text.encode(), dtype=np.uint8)
        np.savez(stream, **arrays)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def read_arrays(path: Path, like: list[Any], run: str) -> tuple[list[Any], dict[str, Any]]:
    """Read arrays and header that `write_arrays` wrote.

    Args:
        path: `.npz` file.
        like: arrays of the expected shapes.
        run: fingerprint of the run that wants to resume; the header's `run` must be the same.

    Raises:
        ConfigurationError: not a checkpoint, one of another run, or one with numbers that are not
            finite.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            header = json.loads(stored["header"].tobytes().decode())
            names = [name for name in stored.files if name.startswith("leaf")]
            leaves = [stored[f"leaf{i}"] for i in range(len(names))]
            if any(leaf.dtype.kind not in "fiu" for leaf in leaves):
                raise ValueError("kind of numbers")
            is_ours = header.get("format") == FORMAT and header.get("run") == run
    except (
        OSError,
        ValueError,
        KeyError,
        EOFError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
    ) as error:
        raise unreadable(path, error) from error
    if not is_ours:
        raise ConfigurationError(
            f"{path} should be a checkpoint of the same run. Got one of other data, settings, "
            f"model or calibration; {REMEDY}."
        )
    if [np.shape(a) for a in leaves] != [np.shape(a) for a in like]:
        raise ConfigurationError(f"{path} should have this model's shapes. Got others; {REMEDY}.")
    if not all(np.isfinite(leaf).all() for leaf in leaves):
        raise ConfigurationError(
            f"weights in {path} should be finite. Got NaN or infinity; {REMEDY}."
        )
    return [jnp.asarray(leaf) for leaf in leaves], header


def unreadable(path: Path, error: Exception) -> ConfigurationError:
    """Return the error of a file that is no checkpoint."""
    return ConfigurationError(
        f"{path} should be a checkpoint of this program. Got a file that cannot be read "
        f"({type(error).__name__}); {REMEDY}."
    )


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
    expected, structure = jax.tree.flatten(_arrays(like))
    leaves, header = read_arrays(path, expected, run)
    try:
        history = tuple(Epoch(*map(float, row)) for row in header["history"])
        best_epoch = int(header["best_epoch"])
        if not (np.isfinite(history).all() and 0 <= best_epoch < max(1, len(history))):
            raise ValueError("history and best epoch")
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(path, error) from error
    weights, optimiser, average, best = jax.tree.unflatten(structure, leaves)
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
