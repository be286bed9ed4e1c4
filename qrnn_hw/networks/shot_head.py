"""A trained head as it meets shots: which of their bits it reads, and what each adds to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from qrnn_hw.mitigation.shot_numbers import ShotNumbers
from qrnn_hw.networks.step_readings import StepReadings, signs

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ShotHead:
    """R, and the readings that it multiplies: of the outcome alone, or of every step too."""

    coefficients: Array  # R, shape (n_readings, k)
    steps: StepReadings | None = None
    per_step: bool = False
    """Whether there are outputs for every step."""

    n_bits: int = 0
    """Recorded in a step, where they are read."""

    n_readout: int = 0
    """Of the outcome, where steps are read beside it."""

    averages: bool = False
    """Whether an output is the mean over the steps of those of every step."""

    _numbers: dict[int, ShotNumbers] = field(default_factory=dict, repr=False)

    @property
    def n_outputs(self) -> int:
        """The number of outputs, k, of a sequence or of each of its steps."""
        return int(self.coefficients.shape[1])

    def with_columns(self, coefficients: Array) -> ShotHead:
        """Return a head of other outputs of the same readings, R of shape (n_readings, c)."""
        return replace(self, coefficients=coefficients, _numbers={})

    def averaged(self) -> ShotHead:
        """Return a head whose outputs are the means over a sequence's steps; itself if it has one
        output a sequence.
        """
        if not self.per_step:
            return self
        return replace(self, per_step=False, averages=True, _numbers={})

    def shape(self, length: int) -> tuple[int, ...]:
        """Return the shape of the outputs of a sequence of so many steps: (k,), per step (T, k)."""
        return (length, self.n_outputs) if self.per_step else (self.n_outputs,)

    def numbers(self, length: int) -> ShotNumbers:
        """Return what the bits of a sequence of so many steps add to its outputs.

        The c numbers are the k outputs, per step those of all steps one after the other.
        """
        if self.steps is None:
            return ShotNumbers(self.coefficients, np.zeros((0, 1, self.n_outputs)))
        if length not in self._numbers:
            self._numbers[length] = self._of_steps(self.steps, length)
        return self._numbers[length]

    def _of_steps(self, read: StepReadings, length: int) -> ShotNumbers:
        """Put each product of bits, one at a time, through what joins them and R."""
        step_signs = signs(self.n_bits, read.degree)  # (2**b, p)
        last_signs = signs(self.n_readout, read.degree)  # (2**m, q)
        p, q = step_signs.shape[1], last_signs.shape[1]
        n = length * p + q
        unit = np.eye(n)
        steps, last = unit[:, : length * p].reshape(n, length, p), unit[:, length * p :]
        joined = read.joined(
            jnp.asarray(np.concatenate([steps, np.zeros((1, length, p))])),
            jnp.asarray(np.pad(last, ((0, 1), (0, 0)))),
            jnp.full(n + 1, length),
            per_step=self.per_step or self.averages,
        )
        outputs = np.asarray(joined) @ self.coefficients
        outputs = (outputs.mean(axis=1) if self.averages else outputs).reshape(n + 1, -1)
        slopes, constant = outputs[:-1] - outputs[-1], outputs[-1]
        of_steps = np.einsum("rp,tpc->trc", step_signs, slopes[: length * p].reshape(length, p, -1))
        return ShotNumbers(constant + last_signs @ slopes[length * p :], of_steps)
