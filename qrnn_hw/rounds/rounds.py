"""Host rounds as stored jobs: what has run is read from the store, on any machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from jobs.assess import Assessment, Conditions
from jobs.cost import Estimate
from jobs.executor import Executor, RemoteExecutor
from jobs.isa import transpile_round
from jobs.runner import run
from jobs.spec import JobSpec, Pub, PubResult
from jobs.store import Store
from jobs.submission import Terms
from qrnn_hw.networks.expectation import Compile
from qrnn_hw.submission import following
from qrnn_hw.submission.assessment import assess_jobs, conditions_of, priced
from qrnn_hw.submission.machine import Machine


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
    """Holds the jobs of all rounds against the machine and prices them; runs none.

    A round whose answer is in the store is answered from there, so that the rounds after it are
    the jobs that were sent; any other is answered by 0 everywhere.
    """

    store: Store | None = None
    jobs: list[Assessment] = field(default_factory=list)

    @cached_property
    def _conditions(self) -> Conditions:
        return conditions_of(self.machine)

    def __call__(self, pubs: Sequence[Pub]) -> NDArray[np.float64]:
        """Assess one round."""
        spec = self.job(pubs)
        self.jobs += assess_jobs([spec], self.machine, self._conditions)
        known = None if self.store is None else self.store.raw(spec.key)
        if known is not None:
            return _mean_z(known)
        n_bits = next(r.size for r in pubs[0].circuit.cregs if r.name == "out")
        return np.zeros((len(pubs), pubs[0].n_rows, n_bits))

    @property
    def estimate(self) -> Estimate:
        """The cost of all rounds."""
        return priced(self.jobs)


@dataclass
class StoredRounds(Rounds):
    """Runs each round as one job, or reads it from the store: none is paid twice."""

    executor: Executor | RemoteExecutor | None = None
    store: Store | None = None
    after_round: Callable[[int], None] = lambda done: None
    terms: Sequence[Sequence[Terms | None]] = ()
    """Of each part of each round; by default those of the executor."""

    def __call__(self, pubs: Sequence[Pub]) -> NDArray[np.float64]:
        """Return <Z> of the bits of `out`, shape (n_circuits, n_rows, m).

        Raises:
            JobsError: as `jobs.runner.run`.
        """
        assert self.executor is not None
        assert self.store is not None
        own = self.terms[len(self.specs)] if self.terms else ()
        spec = self.job(pubs)
        results = run(spec, self.executor, self.store, terms=own, backoff=following.POLLING)
        self.after_round(len(self.specs))
        return _mean_z(results)


def _mean_z(results: Sequence[PubResult]) -> NDArray[np.float64]:
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
