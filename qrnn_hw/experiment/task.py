"""From a data set to a task: its parts, and what the training part teaches before a circuit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.classical.task_baselines import task_baselines
from qrnn_hw.data.dataset import Dataset, Parts
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.split import Split
from qrnn_hw.data.target import Target
from qrnn_hw.data.usage import Usage, usage
from qrnn_hw.errors import DataError, UsageError
from qrnn_hw.features import fit_pls
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.networks.network import Network

PROJECTION_SCALE = 0.5
"""Of the initial projection: unit word vectors then turn qubits by about a radian."""

PROJECTION_COLUMNS = 4

SMALL = 0.2
"""Deviation of a step's features before the tanh at the start, where several classes are told by
the bits of every step: there an angle is linear in the inputs, whatever their number and units.
Numbers would pay for small angles with large coefficients, whose noise of shots is large."""


@dataclass(frozen=True, eq=False)
class ModelTask:
    """A data set, parted, with the start of a model's projection."""

    data: Dataset
    parts: Parts
    projection: NDArray[np.float64] | None  # shape (d, k)
    """Directions of the inputs that covary most with the target; None where it has none to give."""

    @property
    def target(self) -> Target:
        """What is learnt."""
        return self.data.target

    @property
    def rows(self) -> Split:
        """Row numbers of the parts."""
        return self.parts.rows

    @property
    def training(self) -> Sequences:
        """The rows that are learnt from."""
        return self.parts.training

    @property
    def validation(self) -> Sequences:
        """The rows that say when to stop."""
        return self.parts.validation

    @property
    def test(self) -> Sequences:
        """The rows that measure."""
        return self.parts.test

    @property
    def usage(self) -> Usage | None:
        """What of a text is used, and what is not; None for other data."""
        if self.data.text is None or self.data.vectors is None:
            return None
        return usage(self.data.text, self.rows, self.data.vectors)

    def start(self, network: Network, seed: int) -> Parameters:
        """Return the parameters from which the training of a network begins.

        Args:
            network: for this task.
            seed: of what is drawn.
        """
        drawn = network.initial(seed, self.projection)
        # Words have length 1, and what suits their angles is known.
        if not network.tells_many_by_steps or self.data.text is not None:
            return drawn
        projection = np.asarray(drawn["projection"])
        spread = (self.training.values[self.training.mask] @ projection).std(axis=0)
        factors = np.divide(SMALL, spread, out=np.ones_like(spread), where=spread > 0)
        return {**drawn, "projection": jnp.asarray(projection * factors)}

    def classical(self, *, n_parameters: int, seed: int) -> tuple[Baseline, ...]:
        """Train the classical models that belong to the task on its rows; answer its test rows.

        Args:
            n_parameters: of the quantum model; recurrent networks get as many, as nearly as can be.
            seed: of the networks.
        """
        return task_baselines(
            self.data,
            self.parts,
            n_parameters=n_parameters,
            seed=seed,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the data: what was read of each row of each part, and the targets.

        Not of products of them, whose last bits depend on the processor.
        """
        rows = (self.rows.train, self.rows.validation, self.rows.test)
        parts = [self.data.sequences.take(part).digest for part in rows]
        parts.append(f"PLS {PROJECTION_COLUMNS} x {PROJECTION_SCALE}")
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    @property
    def arrays_digest(self) -> str:
        """SHA-256 of all arrays that training and prediction see: the digest of before."""
        hashed = hashlib.sha256()
        for part in (self.training, self.validation, self.test):
            for array in (part.values, part.lengths, part.known_targets):
                hashed.update(np.ascontiguousarray(array).tobytes())
        if self.projection is not None:
            hashed.update(np.ascontiguousarray(self.projection).tobytes())
        return hashed.hexdigest()


def load_task(data: Dataset, seed: int) -> ModelTask:
    """Part a data set, scale it, and fit what comes before the circuit on its training rows.

    Args:
        data: as it was read.
        seed: of the split.

    Raises:
        DataError: a text whose words span too few directions, or too few rows to part.
    """
    parts = data.parts(seed)
    if data.text is None:
        return ModelTask(data, parts, _start(parts, data.target))
    # A sentence in which no word has a vector says nothing of the words of its class.
    empty = ~data.sequences.values.any(axis=(1, 2))
    read = replace(data.sequences, lengths=np.where(empty, 0, data.sequences.lengths))
    columns = data.sequences.known_targets
    try:
        fitted = fit_pls(read, columns, parts.rows.train, PROJECTION_COLUMNS)
    except UsageError as error:
        raise DataError(
            f"the training sentences of {data.name} should hold words with vectors that span "
            f"{PROJECTION_COLUMNS} directions, in all classes. Got too few; use more text or other "
            f"vectors. ({error})"
        ) from error
    return ModelTask(data, parts, PROJECTION_SCALE * fitted.matrix)


def _start(parts: Parts, target: Target) -> NDArray[np.float64] | None:
    """Return the directions of the scaled inputs that covary with the target, as far as any do."""
    if target.per_step:
        return None
    training = parts.training
    steps = training.values[training.mask]
    rank = int(np.linalg.matrix_rank(steps - steps.mean(axis=0)))
    rows, columns = np.arange(len(training)), training.known_targets
    try:
        fitted = fit_pls(training, columns, rows, min(PROJECTION_COLUMNS, rank))
    except UsageError:  # nothing varies
        return None
    return PROJECTION_SCALE * fitted.matrix
