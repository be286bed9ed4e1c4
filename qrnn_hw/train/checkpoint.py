"""Training states on disk: named arrays and a header, written at once or not at all."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from calibration.documents import parsed
from jobs.store.archives import read_archive
from qrnn_hw.errors import ConfigurationError
from qrnn_hw.networks.identity import digest
from qrnn_hw.train.trainer import Epoch, TrainingState

FORMAT = 2
REMEDY = "remove it to start anew, or choose another --output"


@dataclass(frozen=True)
class Identity:
    """Everything that the numbers of a training depend on, the number of epochs apart.

    A longer run may resume a shorter one.
    """

    content: dict[str, Any]
    """JSON-ready, by the name that an error calls it."""

    before: tuple[str, ...] = ()
    """Fingerprints by which the format of before knew the same training."""

    def differences(self, other: Any) -> list[str]:
        """Return the names whose content is another one there."""
        theirs = other if isinstance(other, dict) else {}
        names = sorted({*self.content, *theirs})
        ours = json.loads(json.dumps(self.content))
        return [name for name in names if ours.get(name) != theirs.get(name)]

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        return digest(self.content)


def save(path: Path, state: TrainingState, run: Identity) -> None:
    """Write a state; an interrupted write leaves the file of before.

    Args:
        path: `.npz` file.
        state: after some epoch.
        run: what was trained.
    """
    header = {"run": run.content, "best_epoch": state.best_epoch.tolist()}
    write_arrays(path, {**_arrays(state), "history": state.history}, header)


def load(path: Path, like: TrainingState, run: Identity) -> TrainingState:
    """Read a state that `save` wrote, or one of the format of before that is of the same run.

    Args:
        path: `.npz` file.
        like: a fresh state of the same run, for the shapes.
        run: what wants to resume.

    Raises:
        ConfigurationError: not a checkpoint, one of another run, or one with numbers that are not
            finite.
    """
    from qrnn_hw.train.checkpoint_before import is_before, read_before

    arrays, header = read_arrays(path)
    if is_before(header):
        arrays, header = read_before(path, arrays, header, like, run)
    elif different := run.differences(header.get("run")):
        raise ConfigurationError(
            f"{path} should be a checkpoint of the same run. Got one with other "
            f"{', '.join(different)}; {REMEDY}."
        )
    try:
        history = np.asarray(arrays.pop("history"), dtype=float)
        best_epoch = np.asarray(header["best_epoch"], dtype=np.int64)
        k = len(like.best_epoch)
        if history.shape[1:] != (k, len(Epoch._fields)) or best_epoch.shape != (k,):
            raise ValueError("shape of the history")
        losses, last = history[..., :2], max(1, len(history))
        if not (np.isfinite(losses).all() and (best_epoch >= 0).all() and best_epoch.max() < last):
            raise ValueError("history and best epoch")
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(path, error) from error
    expected = _arrays(like)
    if {name: np.shape(a) for name, a in arrays.items()} != {
        name: np.shape(a) for name, a in expected.items()
    }:
        raise ConfigurationError(f"{path} should have this model's shapes. Got others; {REMEDY}.")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ConfigurationError(
            f"weights in {path} should be finite. Got NaN or infinity; {REMEDY}."
        )
    structure = jax.tree.structure(_parts(like))
    leaves = [jnp.asarray(arrays[name]) for name in expected]
    parameters, optimiser, average, best = jax.tree.unflatten(structure, leaves)
    return replace(
        like,
        parameters=parameters,
        optimiser=optimiser,
        average=average,
        best=best,
        best_epoch=best_epoch,
        history=history,
    )


def write_arrays(path: Path, arrays: dict[str, Any], header: dict[str, Any]) -> None:
    """Write arrays and a header; an interrupted write leaves the file of before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as stream:
        text = json.dumps({"format": FORMAT, **header})
        content: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
        content["header"] = np.frombuffer(text.encode(), dtype=np.uint8)
        np.savez(stream, **content)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def read_arrays(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read arrays and header that `write_arrays` wrote.

    Raises:
        ConfigurationError: the file is none of them.
    """
    try:
        arrays = read_archive(path)
        header = parsed(arrays.pop("header").tobytes())
        if any(array.dtype.kind not in "fiu" for array in arrays.values()):
            raise ValueError("kind of numbers")
        if not isinstance(header, dict) or header.get("format") not in (1, FORMAT):
            raise ValueError("format")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise unreadable(path, error) from error
    return arrays, header


def unreadable(path: Path, error: Exception) -> ConfigurationError:
    """Return the error of a file that is no checkpoint."""
    return ConfigurationError(
        f"{path} should be a checkpoint of this program. Got a file that cannot be read "
        f"({type(error).__name__}); {REMEDY}."
    )


def _parts(state: TrainingState) -> tuple[Any, ...]:
    return (state.parameters, state.optimiser, state.average, state.best)


def _arrays(state: TrainingState) -> dict[str, Any]:
    """Return every array by its place, such as `parameters/circuit`."""
    names = ("parameters", "optimiser", "average", "best")
    found = {}
    for name, part in zip(names, _parts(state), strict=True):
        for place, leaf in jax.tree_util.tree_leaves_with_path(part):
            found[name + jax.tree_util.keystr(place)] = leaf
    return found
