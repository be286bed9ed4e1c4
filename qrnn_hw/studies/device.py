"""Repeats on a machine: rounds interleaved in time, within a budget, resumed after days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from calibration.files import read_snapshot, write_snapshot
from jobs.assess import Assessment
from jobs.budget import Budget
from jobs.cost import Estimate
from jobs.errors import BudgetError
from jobs.executor import Executor, RemoteExecutor
from jobs.preflight import require
from jobs.runner import run
from jobs.service.submission import Terms
from jobs.spec import JobSpec
from jobs.splitting import split
from jobs.store.run_time import run_time
from jobs.store.store import Store
from qrnn_hw.errors import UsageError
from qrnn_hw.experiment.prepare import Prepared
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.networks.encoded import Encoded
from qrnn_hw.networks.shot_head import ShotHead
from qrnn_hw.predict import SentencePubs, sentence_pubs
from qrnn_hw.ranges import MOST_HOURS, MOST_ROUNDS, MOST_SECONDS, MOST_SHOTS
from qrnn_hw.studies.round_sums import RoundSums
from qrnn_hw.studies.trained import TrainedModel
from qrnn_hw.submission import following
from qrnn_hw.submission.assessment import assess_jobs, priced
from qrnn_hw.submission.machine import Machine

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class DevicePlan:
    """What is repeated, how often, how far apart, and what it may cost."""

    shot_counts: tuple[int, ...] = (100, 1000)
    n_rounds: int = 5
    hours_between: float = 0.0
    budget_seconds: float | None = None
    """QPU seconds of the whole study, over all days; None is no limit."""

    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        counts = self.shot_counts
        rising = list(counts) == sorted(set(counts))
        if not counts or min(counts) < 1 or max(counts) > MOST_SHOTS or not rising:
            raise UsageError(
                f"shot counts rise from at least 1 to at most {MOST_SHOTS:,}. Got {list(counts)}."
            )
        hours, seconds = self.hours_between, self.budget_seconds or 0.0
        if not (
            2 <= self.n_rounds <= MOST_ROUNDS
            and 0 <= hours * (self.n_rounds - 1) <= MOST_HOURS
            and 0 <= seconds <= MOST_SECONDS
        ):
            raise UsageError(
                f"a device study needs two rounds or more, at most {MOST_ROUNDS:,}, within a "
                "century, and a budget of at least 0 s. "
                f"Got {self.n_rounds} rounds, {self.hours_between} hours between them and "
                f"{self.budget_seconds} s."
            )

    def order(self) -> tuple[tuple[int, int], ...]:
        """Return (round, shots) in the order in which they are run: each round begins one later.

        With a fixed order a drift within a round would look like an effect of the shots.
        """
        n = len(self.shot_counts)
        return tuple(
            (number, self.shot_counts[(number + place) % n])
            for number in range(self.n_rounds)
            for place in range(n)
        )


@dataclass(frozen=True, eq=False)
class DeviceJob:
    """One number of shots in one round."""

    round: int
    shots: int
    assessed: Assessment

    @property
    def spec(self) -> JobSpec:
        """The job itself."""
        return self.assessed.spec

    @property
    def estimate(self) -> Estimate:
        """What it would be charged."""
        return priced([self.assessed])


@dataclass(frozen=True, eq=False)
class RoundMeasurement:
    """What one job gave."""

    round: int
    shots: int
    key: str
    sums: RoundSums
    ended: str
    """When, as the store has it."""


@dataclass(frozen=True, eq=False)
class Progression:
    """What there is so far, and why it is not all."""

    measured: tuple[RoundMeasurement, ...]
    n_jobs: int
    spent_seconds: float
    """Charged by the service for every job of the study, whatever its end, or still open; on a
    recorded device as estimated."""

    due: datetime | None = None
    """When the next round may begin, where it is not yet time."""

    over_budget: float | None = None
    """Seconds that the study could reach with its next job, where that is above the budget."""

    @property
    def is_complete(self) -> bool:
        """Whether every job of every round has run."""
        return len(self.measured) == self.n_jobs


def first_day(machine: Machine, folder: Path) -> Machine:
    """Return the machine as calibrated when a study or a prediction began; the first call notes it.

    The layout, the trained weights and the keys of all jobs follow from that calibration, so that
    what goes on another day asks the same question.

    Raises:
        CalibrationError: the file in the folder is no snapshot.
        UsageError: the folder holds one on another machine.
    """
    path = folder / "snapshot.json"
    if not path.exists():
        write_snapshot(replace(machine.snapshot, backend=machine.name), path)
        return machine
    noted = read_snapshot(path)
    if noted.backend != machine.name:
        raise UsageError(
            f"what began on a machine should go on where it began. Got {machine.name}, and "
            f"{folder} holds one on {noted.backend}; choose another --output."
        )
    return replace(machine, snapshot=replace(noted, backend=machine.snapshot.backend))


def device_jobs(model: TrainedModel, plan: DevicePlan) -> tuple[SentencePubs, list[DeviceJob]]:
    """Build, check and price every job of every round.

    Raises:
        UsageError: too few sentences.
    """
    sentences, specs = _once(model.prepared, model.encoded, plan)
    machine = model.prepared.machine
    # A repeat differs from the first round in nothing that the machine looks at.
    first = dict(zip(plan.shot_counts, assess_jobs(specs, machine), strict=True))
    return sentences, [
        DeviceJob(n, shots, _repeat(first[shots], _spec(machine, sentences, shots, n, plan.seed)))
        for n, shots in plan.order()
    ]


def check_before(prepared: Prepared, plan: DevicePlan) -> None:
    """Refuse what the machine would not take, before the model is trained.

    Raises:
        PreflightError: it would refuse a job.
        UsageError: too few sentences.
    """
    _, specs = _once(prepared, prepared.training.untrained.encoded(prepared.test), plan)
    for one in assess_jobs(specs, prepared.machine):
        require(one.findings)


def _once(
    prepared: Prepared, encoded: Encoded, plan: DevicePlan
) -> tuple[SentencePubs, list[JobSpec]]:
    """Return the circuits of the test rows, and the first round's job of each number of shots."""
    machine, transpiled = prepared.machine, prepared.circuit.transpiled
    if len(encoded) < 2:
        raise UsageError(f"a device study needs two rows or more. Got {len(encoded)}.")
    width = machine.snapshot.n_qubits
    sentences = sentence_pubs(transpiled, encoded, lambda circuit: transpiled.embed(circuit, width))
    specs = [_spec(machine, sentences, shots, 0, plan.seed) for shots in plan.shot_counts]
    return sentences, specs


def _repeat(assessed: Assessment, spec: JobSpec) -> Assessment:
    parts = zip(assessed.parts, split(spec), strict=True)
    return replace(assessed, spec=spec, parts=tuple(replace(part, spec=own) for part, own in parts))


def _spec(machine: Machine, sentences: SentencePubs, shots: int, number: int, seed: int) -> JobSpec:
    return JobSpec(
        pubs=sentences.pubs,
        shots=shots,
        executor=machine.executor_name,
        backend=machine.name,
        seed=None if machine.is_real else seed + number,
        snapshot=machine.snapshot.digest,
        # Jobs of one content have one key: the round tells the repeats apart.
        options={"study_round": number, "study_seed": seed},
    )


def run_rounds(
    jobs: Sequence[DeviceJob],
    sentences: SentencePubs,
    head: ShotHead,
    plan: DevicePlan,
    executor: Executor | RemoteExecutor,
    store: Store,
    progress: Progress,
    clock: Clock = lambda: datetime.now(UTC),
) -> Progression:
    """Run the jobs that are due and affordable, in order; those that have run come from the store.

    Args:
        jobs: of all rounds.
        sentences: whose they are.
        head: what their bits are read by.
        plan: how far apart they are, and what they may cost.
        executor: where they run.
        store: where their bits are kept.
        progress: told of each.
        clock: of today.

    Raises:
        JobsError: a job failed, or the service is away; calling again goes on.
    """
    measured: list[RoundMeasurement] = []
    assessed = [job.assessed for job in jobs]
    service = executor if isinstance(executor, RemoteExecutor) else None
    budget = Budget(store, service, plan.budget_seconds)
    for number, job in enumerate(jobs):
        terms: tuple[Terms | None, ...] = (None,) * len(job.assessed.parts)
        if unsent := budget.unsent([job.assessed]):
            due = _due(measured, job.round, plan.hours_between)
            if due is not None and clock() < due:
                return Progression(tuple(measured), len(jobs), budget.spent(assessed), due=due)
            try:
                (terms,) = budget.terms([job.assessed], of=assessed)
            except BudgetError:
                spent, reached = budget.spent(assessed), budget.reach(unsent, assessed)
                return Progression(tuple(measured), len(jobs), spent, over_budget=reached)
        results = run(job.spec, executor, store, terms=terms, backoff=following.POLLING)
        ended = run_time(job.spec.key, store).at.isoformat()
        sums = RoundSums.of(results, sentences, head)
        measured.append(RoundMeasurement(job.round, job.shots, job.spec.key, sums, ended))
        spent = budget.spent(assessed[: number + 1])
        progress.advance(number + 1, len(jobs), f"round {job.round + 1}, {spent:.0f} s")
    return Progression(tuple(measured), len(jobs), budget.spent(assessed))


def _due(measured: Sequence[RoundMeasurement], number: int, hours: float) -> datetime | None:
    """Return when a round may begin: so many hours after the last job of the one before."""
    before = [datetime.fromisoformat(one.ended) for one in measured if one.round < number]
    return max(before) + timedelta(hours=hours) if before and hours else None
