"""Host rounds as requests: each is one job, whether it is priced or run and stored."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from jobs.spec import Pub
from jobs.transpile.isa import transpile_round
from qrnn_hw.experiment.measure import Measure, Request
from qrnn_hw.networks.expectation import Compile, Measurement
from qrnn_hw.submission.machine import Machine


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
        from jobs.digest import circuit_digest

        key = (circuit_digest(circuit), circuit.num_qubits)
        if key not in made:
            found = transpile_round(circuit, machine.snapshot, seed=seed, decoupling=decoupling)
            made[key] = found.whole
        # Parameters of an equal circuit built again are other objects with the same names.
        known = {parameter.name: parameter for parameter in circuit.parameters}
        whole = made[key]
        return whole.assign_parameters({p: known[p.name] for p in whole.parameters})

    return compiled
