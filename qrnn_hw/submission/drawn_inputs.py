"""Random weights and sequences of a model that is not trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from calibration.snapshot import Snapshot
    from circuits.definition import Architecture
    from jobs.spec import Pub
    from jobs.transpile.isa import TranspiledStep
    from jobs.transpile.probe import Probe

MOST_PROBED = 64
"""Rows that placements are judged by, the first ones."""


@dataclass(frozen=True, eq=False)
class DrawnInputs:
    """Rows of one model, all with the same weights."""

    weights: NDArray[np.float64]  # shape (p,), radians
    features: NDArray[np.float64]  # shape (n, T, d)

    @property
    def n_rows(self) -> int:
        """Number of sequences."""
        return len(self.features)

    @property
    def n_steps(self) -> int:
        """Length of each."""
        return self.features.shape[1]

    @property
    def probe(self) -> Probe:
        """The rows as what placements are judged by."""
        from jobs.transpile.probe import Probe

        features = self.features[:MOST_PROBED]
        return Probe(np.tile(self.weights, (len(features), 1)), features)

    def pub(
        self, step: TranspiledStep, n_qubits: int | None, rows: NDArray[np.int64] | None = None
    ) -> Pub:
        """Return rows of the unrolled step.

        Args:
            step: scheduled.
            n_qubits: of the device that it is put on; None leaves it on its active qubits.
            rows: some of them; None is all.
        """
        from jobs.spec import Pub

        unrolled = step.unroll(self.n_steps)
        circuit = unrolled.circuit if n_qubits is None else step.embed(unrolled.circuit, n_qubits)
        features = self.features if rows is None else self.features[rows]
        known = dict(zip((one.name for one in unrolled.weights), self.weights, strict=True))
        columns = [
            np.full(len(features), known[one.name])
            if one.name in known
            else features[:, *_place(one.name, features.shape[2])]
            for one in circuit.parameters
        ]
        values = np.stack(columns, axis=1) if columns else np.empty((len(features), 0))
        return Pub(circuit, values)


def _place(name: str, d: int) -> tuple[int, int]:
    """Return step and feature of an input by its name, x[t * d + k]."""
    step, feature = divmod(int(name[2:-1]), d)
    return step, feature


def drawn_inputs(
    architecture: Architecture, snapshot: Snapshot, steps: int, rows: int, seed: int
) -> DrawnInputs:
    """Draw weights and sequences, all angles in [0, pi).

    They are drawn in the order of the parameters that level 3 leaves in the circuit, wherever it
    lies in the end; what has no effect is 0.

    Args:
        architecture: coherent or sampled.
        snapshot: of the whole device.
        steps: time steps T.
        rows: number of sequences.
        seed: of the draw, and of the transpiler.

    Raises:
        SpecError: the device has no `if_else` or too few qubits.
    """
    from jobs.transpile.isa import transpile_step

    unrolled = transpile_step(architecture, snapshot, seed=seed).unroll(steps)
    names = [one.name for one in unrolled.circuit.parameters]
    values = np.random.default_rng(seed).uniform(0, np.pi, (rows, len(names)))
    column = {name: number for number, name in enumerate(names)}
    features = np.zeros((rows, *unrolled.inputs.shape))
    for step, feature in np.ndindex(unrolled.inputs.shape):
        name = unrolled.inputs[step, feature].name
        if name in column:
            features[:, step, feature] = values[:, column[name]]
    weights = [values[0, column[one.name]] if one.name in column else 0 for one in unrolled.weights]
    return DrawnInputs(np.array(weights, dtype=float), features)
