"""How far the training of a task is, in memory and in a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qrnn_hw.tasks.core import Parameters
from qrnn_hw.training.checkpoint import (
    Identity,
    as_trees,
    by_place,
    check_run,
    read_arrays,
    unreadable,
    write_arrays,
)


@dataclass(frozen=True, eq=False)
class FitState:
    """All that a resumed training needs to give the numbers of an uninterrupted one."""

    parameters: Parameters
    moments: Any
    kept: Parameters
    """Those of the best validation so far."""

    carried: Any
    """State of the task from batch to batch of an epoch."""

    losses: NDArray[np.float64]  # shape (k,), of the batches since the last validation
    curve: tuple[dict[str, float], ...] = ()
    """What each validation showed, with its `step` and the mean `loss` before it."""

    done: int = 0
    """Batches behind."""

    seconds: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """A file to go on from, and what it must be of."""

    path: Path
    run: Identity

    def save(self, state: FitState) -> None:
        """Write a state; an interrupted write leaves the file of before."""
        header = {
            "run": self.run.content,
            "curve": list(state.curve),
            "done": state.done,
            "seconds": state.seconds,
        }
        write_arrays(self.path, {**by_place(_trees(state)), "losses": state.losses}, header)

    def load(self, like: FitState) -> FitState:
        """Return the state of the file, or the one given where there is no file.

        Args:
            like: before the first batch.

        Raises:
            ConfigurationError: not a checkpoint, one of another run, or one with numbers that are
                not finite.
        """
        if not self.path.exists():
            return like
        arrays, header = read_arrays(self.path)
        check_run(self.path, header, self.run)
        try:
            losses = np.asarray(arrays.pop("losses"), dtype=float)
            curve = tuple({k: float(v) for k, v in one.items()} for one in header["curve"])
            done, seconds = int(header["done"]), float(header["seconds"])
            steps = [one["step"] for one in curve]
            if losses.ndim != 1 or done != len(losses) + max(steps, default=0):
                raise ValueError("batches that were counted")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise unreadable(self.path, error) from error
        trees = as_trees(self.path, arrays, _trees(like))
        return replace(like, **trees, losses=losses, curve=curve, done=done, seconds=seconds)


def _trees(state: FitState) -> dict[str, Any]:
    return {
        "parameters": state.parameters,
        "moments": state.moments,
        "kept": state.kept,
        "carried": state.carried,
    }
