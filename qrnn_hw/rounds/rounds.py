"""Host rounds as stored jobs: what has run is read from the store, on any machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from jobs.backoff import Backoff
from jobs.cost import Estimate, qpu_seconds
from jobs.executor import Executor, RemoteExecutor
from jobs.isa import transpile_round
from jobs.preflight import preflight, require
from jobs.runner import run
from jobs.spec import JobSpec, Pub
from jobs.splitting import split
from jobs.store import Store
from qrnn_hw.networks.expectation import Compile
from qrnn_hw.submission.machine import Machine

POLLING = Backoff()


@dataclass
class Rounds:
    """Turns the circuits of each round into the job of that round; a fresh one for each run."""

    machine: Machine
    shots: int
    """Of each row of each circuit."""

    seed: int
    """Of the first round's shots on a recorded device; each round takes the next."""

    specs: list[JobSpec] = field(default_factory=list)
    """The jobs so far, one for each round."""

    def job(self, pubs: Sequence[Pub]) -> JobSpec:
        """Return the job of the next round."""
        number = len(self.specs)
        spec = JobSpec(
            pubs=tuple(pubs),
            shots=self.shots,
            executor=self.machine.executor_name,
            backend=self.machine.name,
            seed=None if self.machine.is_real else self.seed + number,
            snapshot=self.machine.snapshot.digest,
            options={"round": number},
        )
        self.specs.append(spec)
        return spec


@dataclass
class PlannedRounds(Rounds):
    """Checks and prices the jobs of all rounds; runs none and answers 0 everywhere."""

    estimates: list[Estimate] = field(default_factory=list)

    def __call__(self, pubs: Sequence[Pub]) -> NDArray[np.float64]:
        """Check one round.

        Raises:
            PreflightError: the machine would refuse it.
        """
        target = self.machine.snapshot.target()
        spec = self.job(pubs)
        parts = split(spec)
        for part in parts:
            require(
                preflight(
                    part.pubs,
                    target,
                    shots=part.shots,
                    faulty_qubits=self.machine.faulty_qubits,
                )
            )
        self.estimates.append(
            qpu_seconds(
                spec.pubs,
                target,
                shots=spec.shots,
                n_jobs=len(parts),
                rep_delay_seconds=self.machine.snapshot.rep_delay_seconds,
            )
        )
        n_bits = next(r.size for r in pubs[0].circuit.cregs if r.name == "out")
        return np.zeros((len(pubs), pubs[0].n_rows, n_bits))

    @property
    def estimate(self) -> Estimate:
        """The cost of all rounds."""
        return sum(self.estimates[1:], start=self.estimates[0])


@dataclass
class StoredRounds(Rounds):
    """Runs each round as one job, or reads it from the store: none is paid twice."""

    executor: Executor | RemoteExecutor | None = None
    store: Store | None = None
    after_round: Callable[[int], None] = lambda done: None

    def __call__(self, pubs: Sequence[Pub]) -> NDArray[np.float64]:
        """Return <Z> of the bits of `out`, shape (n_circuits, n_rows, m).

        Raises:
            JobsError: as `jobs.runner.run`.
        """
        assert self.executor is not None
        assert self.store is not None
        results = run(self.job(pubs), self.executor, self.store, backoff=POLLING)
        self.after_round(len(self.specs))
        return np.stack(
            [1.0 - 2.0 * result.registers["out"].mean(axis=1, dtype=float) for result in results]
        )


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
