"""The jobs of one evaluation: built, checked, priced, run, and read back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from qiskit.circuit import QuantumCircuit

from calibration.readout import readout_circuits
from jobs.assess import Assessment
from jobs.cost import Estimate
from jobs.executor import Executor, RemoteExecutor
from jobs.isa import TranspiledStep
from jobs.run_time import run_time
from jobs.runner import run
from jobs.spec import JobSpec, Pub
from jobs.store import Store
from jobs.submission import Terms
from qrnn_hw.mitigation.folding import fold
from qrnn_hw.mitigation.readout_calibration import from_shots
from qrnn_hw.networks.examples import Encoded
from qrnn_hw.predict import SentencePubs, sentence_pubs
from qrnn_hw.run.evaluate import ZNE, Measured, ShotPlan, plan_shots
from qrnn_hw.run.settings import RunSettings
from qrnn_hw.submission import following
from qrnn_hw.submission.assessment import assess_jobs, priced
from qrnn_hw.submission.machine import Machine


@dataclass(frozen=True, eq=False)
class PlannedJobs:
    """The jobs of one evaluation, before anything is sent."""

    jobs: tuple[Assessment, ...]
    """In the order in which they are sent: the readout calibration, and one job for each scale
    factor of the extrapolation, the raw one first."""

    sentences: SentencePubs
    shots: ShotPlan

    @property
    def estimate(self) -> Estimate:
        """Of all jobs together."""
        return priced(self.jobs)

    @property
    def specs(self) -> tuple[JobSpec, ...]:
        """All jobs, in the order in which they are sent."""
        return tuple(job.spec for job in self.jobs)


def plan_jobs(
    settings: RunSettings,
    machine: Machine,
    transpiled: TranspiledStep,
    test: Encoded,
) -> PlannedJobs:
    """Build every circuit of the device, hold it against the machine's rules and price it.

    The first scale factor gets all the shots of a raw prediction; the extrapolation uses a part
    of them again beside the folded circuits' own.

    Raises:
        PreflightError: a circuit has no price.
        UsageError: too few shots.
    """
    width, seeds = machine.snapshot.n_qubits, settings.seeds
    plan = plan_shots(settings.shots, len(test))
    read = [transpiled.wires[wire] for wire in transpiled.architecture.readout]
    calibration = tuple(
        Pub.bound(transpiled.embed(circuit, width))
        for circuit in readout_circuits(transpiled.n_active, read)
    )
    by_scale = [
        sentence_pubs(transpiled, test, _folded_on_device(transpiled, factor, width))
        for factor in ZNE.scale_factors
    ]
    jobs = [(calibration, plan.calibration, seeds["readout_calibration"])]
    for sentences, factor, shots in zip(
        by_scale, ZNE.scale_factors, (settings.shots, *plan.scaled[1:]), strict=True
    ):
        jobs.append((sentences.pubs, shots, seeds[f"shots_scale_{factor}"]))
    specs = [
        JobSpec(
            pubs=pubs,
            shots=shots,
            executor=machine.executor_name,
            backend=machine.name,
            seed=None if machine.is_real else seed,
            snapshot=machine.snapshot.digest,
        )
        for pubs, shots, seed in jobs
    ]
    return PlannedJobs(assess_jobs(specs, machine), by_scale[0], plan)


def _folded_on_device(
    transpiled: TranspiledStep, factor: float, width: int
) -> Callable[[QuantumCircuit], QuantumCircuit]:
    def prepare(circuit: QuantumCircuit) -> QuantumCircuit:
        folded = fold(circuit, factor) if factor != 1 else circuit
        return transpiled.embed(folded, width)

    return prepare


def measure(
    planned: PlannedJobs,
    executor: Executor | RemoteExecutor,
    store: Store,
    terms: Sequence[Sequence[Terms | None]],
    after_job: Callable[[int, int], None] = lambda done, total: None,
) -> Measured:
    """Run the jobs, or read them from the store, and decode the stored bits.

    Args:
        planned: from `plan_jobs`.
        executor: of the machine.
        store: where raw bits are kept before they are decoded.
        terms: of each part of each job, from `Consent.ask`.
        after_job: called with the number of finished jobs and of all.
    """
    raw = []
    for index, (spec, own) in enumerate(zip(planned.specs, terms, strict=True)):
        raw.append(run(spec, executor, store, terms=own, backoff=following.POLLING))
        after_job(index + 1, len(planned.specs))
    zeros, ones = (result.registers["out"][0] for result in raw[0])
    return Measured(
        scaled=tuple(planned.sentences.outcomes(results) for results in raw[1:]),
        calibration=from_shots(zeros, ones, run_time(planned.specs[0].key, store).at),
    )
