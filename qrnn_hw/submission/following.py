"""Sending jobs, following them, and what can be said about them afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jobs.backoff import Backoff
from jobs.cost import DEFAULT_FORMULA, qpu_seconds
from jobs.errors import ServiceUnavailableError
from jobs.retrieval import watch
from jobs.runner import run
from jobs.spec import JobSpec
from jobs.states import Done, Running, State, Submitted
from jobs.store import Store
from jobs.submission import submit
from qrnn_hw.submission.assessment import Assessment, execution_limit_seconds

if TYPE_CHECKING:
    from jobs.runtime import Mode

POLLING = Backoff()
Report = Callable[[str, State], None]


def is_under_way(spec: JobSpec, store: Store) -> bool:
    """Return whether all of a job is done or sent already, so that nothing would be spent."""
    if store.raw(spec.key) is not None:
        return True
    parts = store.parts(spec.key) or (spec.key,)
    return all(isinstance(store.state(part), Submitted | Running | Done) for part in parts)


def known_keys(spec: JobSpec, store: Store) -> tuple[str, ...]:
    """Return the keys under which the store knows of a sending of the job, however it ended."""
    parts = store.parts(spec.key) or (spec.key,)
    return tuple(part for part in parts if store.state(part) is not None)


def send(
    assessment: Assessment,
    store: Store,
    *,
    mode: Mode = "job",
    budget_seconds: float | None = None,
    backoff: Backoff | None = None,
) -> tuple[str, ...]:
    """Send an assessed job to its machine, or run it on a recorded device, and return its keys.

    Raises:
        JobsError: see `jobs.submission.submit` and `jobs.runner.run`.
    """
    spec, machine = assessment.spec, assessment.machine
    if spec is None or assessment.errors:
        raise ValueError("only what passed preflight is sent")
    store.put_snapshot(machine.snapshot.digest, machine.snapshot.to_json())
    service = machine.service
    if service is None:
        run(spec, machine.executor(), store)
        return (spec.key,)
    service.mode = mode
    service.max_execution_seconds = execution_limit_seconds(assessment.estimates, budget_seconds)
    try:
        keys = submit(spec, service, store, backoff=backoff or POLLING)
    finally:
        _record_estimates(assessment, store)
        _close(assessment)
    return keys


def _record_estimates(assessment: Assessment, store: Store) -> None:
    """Keep the estimate by the documented formula beside each job, for when it is charged."""
    snapshot = assessment.machine.snapshot
    for part in assessment.parts:
        record = store.record(part.key)
        if record is None or record.estimate_seconds is not None:
            continue
        priced = qpu_seconds(
            part.pubs,
            snapshot.target(),
            shots=part.shots,
            rep_delay_seconds=snapshot.rep_delay_seconds,
            formula=DEFAULT_FORMULA,
        )
        store.put_estimate(part.key, priced.low_seconds, priced.best_seconds, priced.high_seconds)
        if not part.snapshot:
            store.add_note(part.key, f"The machine's calibration was {snapshot.digest[:12]}.")


def _close(assessment: Assessment) -> None:
    # The jobs are sent; a batch that cannot be closed now ends by itself.
    service = assessment.machine.service
    if service is not None:
        try:
            service.close()
        except ServiceUnavailableError:
            return


def follow(
    keys: Sequence[str],
    assessment: Assessment,
    store: Store,
    report: Report | None = None,
    backoff: Backoff | None = None,
) -> None:
    """Wait until all jobs of a real machine have ended; recorded devices have no waiting."""
    if assessment.machine.service is not None:
        watch(keys, assessment.machine.service, store, backoff=backoff or POLLING, report=report)
