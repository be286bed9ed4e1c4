"""Host rounds as requests: each is one job, whether it is priced or run and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from jobs.digest import circuit_digest
from jobs.spec import Pub
from jobs.transpile.isa import transpile_round
from qrnn_hw.experiment.kept_features import KeptRounds
from qrnn_hw.experiment.measure import Measure, Request
from qrnn_hw.mitigation.stack import Stack
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.expectation import Compile, Measurement
from qrnn_hw.networks.finite_shots import outputs_in_rounds
from qrnn_hw.networks.network import TrainedNetwork
from qrnn_hw.submission.machine import Machine


@dataclass(frozen=True, eq=False)
class Rounds:
    """The test rows of a trained model in rounds, and what is asked of them."""

    trained: TrainedNetwork
    encoded: Encoded
    compiled: Compile
    shots: int
    """Of each circuit in each round."""

    seed: int
    folder: Path
    """Keeps what each round bound."""

    stacks: tuple[Stack, ...] = (Stack(),)

    def check(self) -> None:
        """Find nothing to refuse."""

    def measure(self, measure: Measure) -> MeasuredRounds:
        """Ask for one round after the other.

        Args:
            measure: prices the rounds, runs them, or reads them from the store.
        """
        ask = as_rounds(measure, shots=self.shots, seed=self.seed)
        rows: list[int] = []

        def counted(pubs: Sequence[Pub]) -> NDArray[np.float64]:
            rows.append(sum(pub.n_rows for pub in pubs))
            return ask(pubs)

        kept = KeptRounds(counted, self.folder, is_planned=not measure.binds)
        outputs = outputs_in_rounds(self.trained, self.encoded, kept, self.compiled)
        return MeasuredRounds(outputs, self.shots * sum(rows) / len(outputs))


@dataclass(frozen=True, eq=False)
class MeasuredRounds:
    """The outputs that a run in rounds gave."""

    outputs: NDArray[np.float64]  # shape (n, k)
    shots_per_prediction: float
    """Of all circuits of all rounds together, on average."""

    def by_stack(self) -> dict[str, NDArray[np.float64]]:
        """Return the outputs by the name of the only stack."""
        return {Stack().name: self.outputs}


def as_rounds(measure: Measure, *, shots: int, seed: int) -> Measurement:
    """Return what asks for one round after the other; a fresh one for each run.

    Args:
        measure: prices, or runs and stores.
        shots: of each row of each circuit.
        seed: of the first round's shots on a recorded device; each round takes the next.
    """
    numbers = count()

    def ask(pubs: Sequence[Pub]) -> NDArray[np.float64]:
        n = next(numbers)
        role, options = f"round {n + 1}", {"round": n}
        (results,) = measure([Request(tuple(pubs), shots, role, seed + n, options)])
        return np.stack(
            [1.0 - 2.0 * result.registers["out"].mean(axis=1, dtype=float) for result in results]
        )

    return ask


def compiler(machine: Machine, *, seed: int, decoupling: str | None = None) -> Compile:
    """Return what makes a logical circuit one of the machine's; equal circuits are made once."""
    made: dict[tuple[str, int], QuantumCircuit] = {}

    def compiled(circuit: QuantumCircuit) -> QuantumCircuit:
        key = (circuit_digest(circuit), circuit.num_qubits)
        if key not in made:
            found = transpile_round(circuit, machine.snapshot, seed=seed, decoupling=decoupling)
            made[key] = found.whole
        # Parameters of an equal circuit built again are other objects with the same names.
        known = {parameter.name: parameter for parameter in circuit.parameters}
        whole = made[key]
        return whole.assign_parameters({p: known[p.name] for p in whole.parameters})

    return compiled
