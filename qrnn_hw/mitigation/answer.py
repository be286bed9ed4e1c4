"""An estimate with its two intervals: for this machine's own mean, and for the noiseless value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qrnn_hw.mitigation.canaries import Miss
from qrnn_hw.mitigation.estimate import ValueEstimate
from qrnn_hw.statistics.repetitions import Repeated

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answer:
    """Values with every error that is known of them, each in a field of its own.

    The mean that this machine would give after any number of shots is one thing, the noiseless
    value another: what lies between them is seen by canaries alone.
    """

    value: Array  # any shape
    shot_error: Array  # standard error as if all shots were alike, same shape
    repeated: Repeated | None = None
    """What the repetitions say; None where there were not two."""

    miss: Miss | None = None
    """What canaries missed under the same method; None where none were sent."""

    confidence: float = 0.95

    @property
    def standard_error(self) -> Array:
        """Of this machine's mean: the larger of shots and scatter between repetitions."""
        return self.shot_error if self.repeated is None else self.repeated.standard_error

    @property
    def machine(self) -> ValueEstimate:
        """The interval that covers this machine's own mean."""
        return self._around(self._own_half_width())

    @property
    def noiseless(self) -> ValueEstimate | None:
        """The interval that covers the noiseless value if canaries are representative.

        None without canaries: nothing in the job's own shots speaks of it.
        """
        if self.miss is None:
            return None
        half = self.miss.half_width(self.standard_error, self.confidence)
        return self._around(np.maximum(self._own_half_width(), half))

    @staticmethod
    def settled(interval: ValueEstimate) -> float:
        """Return the share of the items whose interval leaves 0 out."""
        return float(np.mean((interval.low > 0) | (interval.high < 0)))

    def to_json(self) -> dict[str, Any]:
        """Return every error in a field of its own, and both intervals, as a JSON object."""
        noiseless, repeated = self.noiseless, self.repeated
        return {
            "value": self.value.tolist(),
            "confidence": self.confidence,
            "shot_error": self.shot_error.tolist(),
            "scatter_error": None if repeated is None else repeated.scatter_error.tolist(),
            "repetitions": None if repeated is None else repeated.to_json(),
            "canaries": None if self.miss is None else self.miss.to_json(),
            "machine": {"low": self.machine.low.tolist(), "high": self.machine.high.tolist()},
            "noiseless": None
            if noiseless is None
            else {"low": noiseless.low.tolist(), "high": noiseless.high.tolist()},
        }

    def with_miss(self, miss: Miss | None) -> Answer:
        """Return the answer with what canaries missed."""
        return replace(self, miss=miss)

    def arranged(self, shape: tuple[int, ...], n_steps: int) -> Answer:
        """Return the c values of each item, shape (n, c), as outputs of some shape.

        Args:
            shape: of an item's outputs: (k,), or (T, k) where every step has some.
            n_steps: steps of the longest item; after an item's end all is 0.

        Returns:
            Shape (n, k) or (n, n_steps, k), without the last axis where k is 1.
        """

        def put(parts: Iterable[Array]) -> Array:
            (one,) = parts
            found = one.reshape(len(one), *shape)
            if len(shape) > 1:
                found = np.pad(found, ((0, 0), (0, n_steps - shape[0]), (0, 0)))
            return found[..., 0] if shape[-1] == 1 else found

        return _together([self], put)

    def shaped(self, shape: tuple[int, ...]) -> Answer:
        """Return the same numbers in arrays of another shape."""
        return _together([self], lambda parts: next(iter(parts)).reshape(shape))

    def _own_half_width(self) -> Array:
        if self.repeated is None:
            return float(special.ndtri((1 + self.confidence) / 2)) * self.shot_error
        return self.repeated.half_width(self.confidence)

    def _around(self, half: Array) -> ValueEstimate:
        return ValueEstimate(
            self.value, self.standard_error, self.value - half, self.value + half, self.confidence
        )


def joined(answers: Sequence[Answer], rows: Sequence[NDArray[np.int64]]) -> Answer:
    """Return one answer of several, each for some of the items.

    Args:
        answers: arrays of shape (n_i,), all with repetitions or none.
        rows: places of each one's items among all, shape (n_i,).
    """
    order = np.argsort(np.concatenate(rows))

    def put(parts: Iterable[Array]) -> Array:
        return np.asarray(np.concatenate(list(parts))[order])

    return _together(answers, put)


def _together(answers: Sequence[Answer], put: Callable[[Iterable[Array]], Array]) -> Answer:
    """Return one answer whose arrays are those of several, put together."""
    repeats = [one.repeated for one in answers if one.repeated is not None]
    repeated = None
    if len(repeats) == len(answers):
        repeated = Repeated(
            put(one.value for one in repeats),
            put(one.shot_error for one in repeats),
            put(one.scatter_error for one in repeats),
            repeats[0].n_repetitions,
            None
            if all(one.freedom is None for one in repeats)
            else put(
                np.full(one.value.shape, one.n_repetitions - 1.0)
                if one.freedom is None
                else one.freedom
                for one in repeats
            ),
        )
    return Answer(
        put(one.value for one in answers),
        put(one.shot_error for one in answers),
        repeated,
        confidence=answers[0].confidence,
    )
