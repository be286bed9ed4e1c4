"""The service's own check of a job, which costs nothing."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from jobs.executor import ServiceJob
from jobs.preflight import Finding
from jobs.service.backoff import Backoff
from jobs.service.pace import paced
from jobs.service.runtime import ServiceExecutor
from jobs.service.submission import TAG_PREFIX
from jobs.spec import JobSpec
from jobs.store.store import Store
from qrnn_hw.config import store_path
from qrnn_hw.errors import UsageError
from qrnn_hw.submission.assessment import Verdict


def with_dry_run(verdict: Verdict, backoff: Backoff) -> Verdict:
    """Let the service check each part of the job and add what it refuses to the findings.

    Raises:
        UsageError: the machine is a recorded device.
        PreflightError: the plan has no dry runs.
        ServiceUnavailableError: the service did not answer in time.
    """
    service = verdict.machine.service
    if service is None:
        raise UsageError(
            "only a real machine's service can be asked for a dry run. "
            f"Got {verdict.machine.name}; leave --remote out."
        )
    found = [
        _finding(job, number)
        for number, part in enumerate(verdict.parts)
        if (job := _ended(part, service, backoff)).phase != "done"
    ]
    return replace(verdict, circuit_findings=(*verdict.circuit_findings, *found))


def _ended(part: JobSpec, service: ServiceExecutor, backoff: Backoff) -> ServiceJob:
    from jobs.errors import ServiceUnavailableError

    with Store(store_path()) as store, paced(part.key, store, backoff):
        job_id = service.submit(part, f"{TAG_PREFIX}-dry-{uuid4().hex}", dry_run=True)
    place = service.at(service.instance)
    for _ in backoff.attempts():
        job = place.look_up(job_id)
        if job.phase not in ("queued", "running", "unknown"):
            return job
    place.cancel(job_id)
    raise ServiceUnavailableError(
        f"The dry run should end within {backoff.patience_seconds:g} s. Got {job.phase}; it was "
        "cancelled. Try again later, or leave --remote out."
    )


def _finding(job: ServiceJob, number: int) -> Finding:
    return Finding(
        rule="service-dry-run",
        severity="error",
        where=f"job {number}",
        found=job.reason,
        why="The service checks a job before it runs it.",
        remedy="Change what it names.",
        source="the service's dry run",
    )
