"""Training states on disk: named arrays and a header, written at once or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
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
from qrnn_hw.training.trainer import Epoch, TrainingState

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
    write_arrays(path, {**by_place(_parts(state)), "history": state.history}, header)


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
    from qrnn_hw.training.checkpoint_before import is_before, read_before

    arrays, header = read_arrays(path)
    if is_before(header):
        arrays, header = read_before(path, arrays, header, like, run)
    else:
        check_run(path, header, run)
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
    parts = as_trees(path, arrays, _parts(like))
    return replace(
        like,
        **parts,
        best_epoch=best_epoch,
        history=history,
    )


def check_run(path: Path, header: dict[str, Any], run: Identity) -> None:
    """Check that a file of this format is of the same run.

    Raises:
        ConfigurationError: it is of another; the error names what differs.
    """
    if different := run.differences(header.get("run")):
        raise ConfigurationError(
            f"{path} should be a checkpoint of the same run. Got one with other "
            f"{', '.join(different)}: put that back to go on; {REMEDY}."
        )


def by_place(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return every array of named trees by its place, such as `parameters['circuit']`."""
    return {
        name + jax.tree_util.keystr(place): leaf
        for name, tree in parts.items()
        for place, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def as_trees(path: Path, arrays: dict[str, Any], like: Mapping[str, Any]) -> dict[str, Any]:
    """Return the named trees that `by_place` took apart.

    Args:
        path: of the file, for errors.
        arrays: by place.
        like: trees of the same run, for the structure and the shapes.

    Raises:
        ConfigurationError: arrays of other shapes or names, or numbers that are not finite.
    """
    expected = by_place(like)
    if _kinds(arrays) != _kinds(expected):
        raise ConfigurationError(f"{path} should have this model's shapes. Got others; {REMEDY}.")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise ConfigurationError(
            f"weights in {path} should be finite. Got NaN or infinity; {REMEDY}."
        )
    found = {}
    for name, tree in like.items():
        leaves = [jnp.asarray(arrays[place]) for place in by_place({name: tree})]
        found[name] = jax.tree.unflatten(jax.tree.structure(tree), leaves)
    return found


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
        if any(array.dtype.kind not in "cfiu" for array in arrays.values()):
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


def _kinds(arrays: Mapping[str, Any]) -> dict[str, tuple[Any, bool]]:
    return {name: (np.shape(array), np.iscomplexobj(array)) for name, array in arrays.items()}


def _parts(state: TrainingState) -> dict[str, Any]:
    return {
        "parameters": state.parameters,
        "optimiser": state.optimiser,
        "average": state.average,
        "best": state.best,
    }
