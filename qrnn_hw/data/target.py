"""What is learnt of a sequence: classes or numbers, once or at every step.

A model's outputs are p(outcome) @ R with R of shape (2**m, k): two classes are one score and its
sign (k = 1), K classes are K scores and the largest, numbers are the outputs themselves. With a
target per step the outputs have an axis of T steps before that of the k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qrnn_hw.data.sequences import Sequences
from qrnn_hw.errors import UsageError


@dataclass(frozen=True)
class Classes:
    """One of at least two classes; a target is the place of its name."""

    names: tuple[str, ...]
    per_step: bool = False

    def __post_init__(self) -> None:
        """Check that the names tell at least two classes apart."""
        if len(self.names) < 2 or len(set(self.names)) != len(self.names):
            raise UsageError(f"classes should be two or more distinct names. Got {self.names}.")

    @property
    def n_outputs(self) -> int:
        """The number of outputs, k: two classes share one score."""
        return 1 if len(self.names) == 2 else len(self.names)


@dataclass(frozen=True)
class Numbers:
    """One or more real numbers."""

    names: tuple[str, ...]
    per_step: bool = False

    def __post_init__(self) -> None:
        """Check that each number has a name of its own."""
        if not self.names or len(set(self.names)) != len(self.names):
            raise UsageError(f"numbers should have one or more distinct names. Got {self.names}.")

    @property
    def n_outputs(self) -> int:
        """The number of outputs, k."""
        return len(self.names)


Target = Classes | Numbers


def known_names(known: Target | None) -> tuple[str, ...]:
    """Return the classes that are known of a target, none of numbers or of no target."""
    return known.names if isinstance(known, Classes) else ()


TWO_CLASSES = Classes(("0", "1"))
"""Labels 0 and 1, once for each sequence."""


def check_targets(target: Target, sequences: Sequences) -> None:
    """Refuse sequences whose targets are not those of `target`.

    Classes are whole numbers from 0, shape (n,); numbers are finite, shape (n, k). Per step there
    is an axis of T after the first.

    Raises:
        UsageError: there are none, or their shape or values do not fit.
    """
    found = sequences.targets
    shape: tuple[int, ...] = (len(sequences),)
    shape += (sequences.n_steps,) if target.per_step else ()
    shape += () if isinstance(target, Classes) else (target.n_outputs,)
    if found is None or found.shape != shape:
        got = "none" if found is None else str(found.shape)
        raise UsageError(f"targets should have the shape {shape}. Got {got}.")
    if isinstance(target, Classes):
        fits = found.dtype.kind in "iu" and bool(np.isin(found, range(len(target.names))).all())
        if not fits:
            raise UsageError(
                f"targets should be whole numbers from 0 to {len(target.names) - 1}. "
                f"Got {found.dtype}, {np.unique(found)[:5].tolist()}."
            )
    elif found.dtype.kind not in "iuf" or not np.isfinite(found).all():
        raise UsageError(f"targets should be finite numbers. Got {found.dtype}.")


def answer(target: Target, outputs: ArrayLike) -> NDArray[Any]:
    """Return the answers of outputs (..., k): places of names, shape (...), or the numbers.

    Of two classes the second where the score is above 0; of more the one with the largest score,
    the first of equal ones.
    """
    found = _outputs(target, outputs)
    if isinstance(target, Numbers):
        return found
    if target.n_outputs == 1:
        return (found[..., 0] > 0).astype(np.int64)
    return np.asarray(found.argmax(axis=-1), dtype=np.int64)


def quality(
    target: Target, outputs: ArrayLike, targets: ArrayLike, lengths: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Return how good the answer to each sequence is, shape (n,); the mean is that of the data.

    Classes: the share of right answers, 1 or 0 unless there is one per step. Numbers: the mean
    squared error over the outputs, and the steps if there is one per step.

    Args:
        target: classes or numbers.
        outputs: shape (n, k), per step (n, T, k).
        targets: as `check_targets` has them.
        lengths: steps that count of each sequence, shape (n,), at least 1; None for all T.
    """
    found, wanted = answer(target, outputs), np.asarray(targets)
    right = isinstance(target, Classes)
    each = np.asarray(found == wanted if right else ((found - wanted) ** 2).mean(axis=-1), float)
    if not target.per_step:
        return each
    weights = step_weights(each.shape[1], lengths, len(each))
    return np.asarray((each * weights).sum(axis=1) / weights.sum(axis=1))


def score(
    target: Target, outputs: ArrayLike, targets: ArrayLike, lengths: ArrayLike | None = None
) -> float:
    """Return how good all answers are, 1 at best: the share of right ones, or R squared.

    R^2 = 1 - mean((o - y)^2) / mean((y - mean y)^2), its mean over the k numbers; 0 is the mean as
    the answer, and of a number that never changes any answer but that one. Arguments are those of
    `quality`; steps that do not count are left out.
    """
    found, wanted = answer(target, outputs), np.asarray(targets)
    if target.per_step:
        counts = step_weights(wanted.shape[1], lengths, len(wanted)) > 0
        found, wanted = found[counts], wanted[counts]
    if isinstance(target, Classes):
        return float(np.mean(found == wanted))
    spread = ((wanted - wanted.mean(axis=0)) ** 2).mean(axis=0)
    missed = ((found - wanted) ** 2).mean(axis=0)
    explained = 1 - missed / np.where(spread > 0, spread, 1.0)
    return float(np.mean(np.where(spread > 0, explained, missed == 0)))


def step_weights(n_steps: int, lengths: ArrayLike | None, n_sequences: int) -> NDArray[np.float64]:
    """Return 1 for the steps that count and 0 for padding, shape (n, T)."""
    counted = np.full(n_sequences, n_steps) if lengths is None else np.asarray(lengths)
    return (np.arange(n_steps) < counted[:, None]).astype(np.float64)


def _outputs(target: Target, outputs: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(outputs, dtype=np.float64)
    if found.ndim == 0 or found.shape[-1] != target.n_outputs:
        raise UsageError(
            f"outputs should have {target.n_outputs} columns. Got the shape {found.shape}."
        )
    return found
