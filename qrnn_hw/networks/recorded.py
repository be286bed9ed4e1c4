"""The bits of every step as shots record them, and what a trained head says of them.

A shot's output is its readings times R; a sequence's output is the mean over its shots, whose
covariance is that of the shots over their number. So the correlation of the steps, which one
history of measurements gives, needs no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.exact.record_paths import any_sampler
from circuits.exact.sequence import SequenceModel
from circuits.outcomes import bits_of
from jobs.spec import PubResult
from qrnn_hw.errors import DataError
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.step_readings import StepReadings, products_of


@dataclass(frozen=True, eq=False)
class Recorded:
    """All bits of N shots of n sequences."""

    steps: NDArray[np.uint8]  # shape (n, N, T, b)
    """Bits measured in each step; 0 after a sequence's end."""

    outcome: NDArray[np.uint8]  # shape (n, N, m)
    lengths: NDArray[np.int64]  # shape (n,)

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def shots(self) -> int:
        """The number of shots of a sequence."""
        return int(self.steps.shape[1])

    def take(self, rows: NDArray[np.int64]) -> Recorded:
        """Return some sequences."""
        return Recorded(self.steps[rows], self.outcome[rows], self.lengths[rows])

    def shot_readings(self, row: int, read: StepReadings, *, per_step: bool) -> NDArray[np.float64]:
        """Return the readings of each shot of a sequence, shape (N, r), per step (N, T, r)."""
        length = np.full(self.shots, self.lengths[row])
        steps = products_of(self.steps[row], read.degree)
        steps[:, self.lengths[row] :] = 0.0
        last = products_of(self.outcome[row], read.degree)
        given = jnp.asarray(steps), jnp.asarray(last), jnp.asarray(length)
        return np.asarray(read.joined(*given, per_step=per_step))

    def readings(self, read: StepReadings, *, per_step: bool) -> NDArray[np.float64]:
        """Return the mean readings of each sequence, shape (n, r), per step (n, T, r)."""
        rows = [products_of(one, read.degree).mean(axis=0) for one in self.steps]
        steps = np.stack(rows) * self._alive[:, :, None]
        last = np.stack([products_of(one, read.degree).mean(axis=0) for one in self.outcome])
        given = jnp.asarray(steps), jnp.asarray(last), jnp.asarray(self.lengths)
        return np.asarray(read.joined(*given, per_step=per_step))

    @property
    def _alive(self) -> NDArray[np.bool_]:
        return np.asarray(np.arange(self.steps.shape[2]) < self.lengths[:, None])


@dataclass(frozen=True, eq=False)
class Estimated:
    """Outputs of n sequences from shots."""

    value: NDArray[np.float64]  # shape (n, k), per step (n, T, k)
    covariance: NDArray[np.float64]  # shape (n, k, k), per step (n, T, k, k)
    """Of the value: that of a shot over the number of shots."""

    largest: NDArray[np.float64]  # shape (k,)
    """The largest |output| that a single shot can give: the sum of |R| of each column."""


def estimated(
    recorded: Recorded, read: StepReadings, coefficients: NDArray[np.float64], *, per_step: bool
) -> Estimated:
    """Return outputs from shots, with their covariance.

    Args:
        recorded: bits of n sequences, two shots or more.
        read: which readings the head takes.
        coefficients: R, shape (r, k).
        per_step: whether there are outputs for every step.

    Raises:
        DataError: a single shot, which has no spread.
    """
    if recorded.shots < 2:
        raise DataError(f"an interval needs two shots or more. Got {recorded.shots}.")
    value, covariance = [], []
    for row in range(len(recorded)):
        outputs = recorded.shot_readings(row, read, per_step=per_step) @ coefficients
        mean = outputs.mean(axis=0)
        spread = outputs - mean
        value.append(mean)
        covariance.append(
            np.einsum("s...a,s...b->...ab", spread, spread)
            / ((recorded.shots - 1) * recorded.shots)
        )
    return Estimated(np.stack(value), np.stack(covariance), np.abs(coefficients).sum(axis=0))


def drawn(
    model: SequenceModel, encoded: Encoded, shots: int, generator: np.random.Generator
) -> Recorded:
    """Draw shots of sequences from the exact law of a model, with its noise or without.

    Args:
        model: that records bits in its steps.
        encoded: n sequences of at least one step.
        shots: of each, at least 1.
        generator: of the draws.

    Raises:
        CircuitsError: a model without such bits, or too large.
    """
    sampler = any_sampler(model, encoded.circuit)
    n, n_steps = encoded.features.shape[:2]
    steps = np.zeros((n, shots, n_steps, sampler.n_bits), dtype=np.uint8)
    outcome = np.zeros((n, shots, len(model.out_bits)), dtype=np.uint8)
    for row, length in enumerate(encoded.lengths):
        found = sampler.sample(encoded.features[row, :length], shots, generator)
        steps[row, :, :length] = found.bits
        outcome[row] = bits_of(found.outcomes, outcome.shape[-1])
    return Recorded(steps, outcome, encoded.lengths)


def from_results(
    results: Sequence[PubResult], rows: Sequence[NDArray[np.int64]], lengths: NDArray[np.int64]
) -> Recorded:
    """Sort the bits of a job by sequence.

    Args:
        results: one for each pub, with registers `m0`, `m1`, ... and `out`.
        rows: sequence numbers of each pub's parameter rows, as `qrnn_hw.predict.sentence_pubs`
            gives them.
        lengths: steps of each sequence, shape (n,).

    Raises:
        DataError: a register of a step is missing.
    """
    n, n_steps = len(lengths), int(lengths.max())
    tables = [step_bits(result) for result in results]
    n_bits, outs = tables[0].shape[-1], [result.registers["out"] for result in results]
    shots = outs[0].shape[1]
    steps = np.zeros((n, shots, n_steps, n_bits), dtype=np.uint8)
    outcome = np.zeros((n, shots, outs[0].shape[-1]), dtype=np.uint8)
    for own, table, out in zip(rows, tables, outs, strict=True):
        outcome[own] = out
        steps[own, :, : table.shape[2]] = table
    return Recorded(steps, outcome, lengths)


def step_bits(result: PubResult) -> NDArray[np.uint8]:
    """Return the bits of every step of a pub, shape (rows, shots, T, b).

    Raises:
        DataError: it recorded none.
    """
    registers = result.registers
    n_steps = sum(name[:1] == "m" and name[1:].isdecimal() for name in registers)
    names = [f"m{step}" for step in range(n_steps)]
    if not n_steps or not all(name in registers for name in (*names, "out")):
        raise DataError(
            "bits of every step should be in the registers m0, m1, ... of a job. "
            f"Got {', '.join(sorted(registers))}."
        )
    return np.stack([registers[name] for name in names], axis=2)


def step_records(result: PubResult) -> NDArray[Any]:
    """Return the bits of every step of a pub as integers, shape (rows, shots, T)."""
    bits = step_bits(result)
    kind = np.min_scalar_type(2 ** bits.shape[-1] - 1)
    return (bits.astype(np.int64) @ (1 << np.arange(bits.shape[-1]))).astype(kind)
