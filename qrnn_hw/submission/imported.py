"""A job of the account that was not sent by us, taken into the store."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from jobs.errors import JobFailedError, JobsError, PendingError, StoreError
from jobs.states import Done, now
from jobs.store.store import Store

if TYPE_CHECKING:
    from calibration.snapshot import Snapshot
    from jobs.service.foreign import ForeignJob


def import_job(job_id: str, store: Store) -> tuple[str, bool]:
    """Take circuits, parameters, bits, charge and calibration of a job into the store.

    Args:
        job_id: the service's id.
        store: where it goes; one that is there already is left as it is.

    Returns:
        Its key, and whether it is new in the store.

    Raises:
        JobNotFoundError: the account has no such job.
        PendingError: it has not ended.
        JobFailedError: it ended without bits.
        SpecError: it is of another kind, or its circuits cannot be told.
        MisreadAnswerError: its result cannot be read; it is kept as it came.
    """
    from jobs.service.foreign import read_answer, read_job
    from jobs.service.runtime import ServiceExecutor

    known = _known(job_id, store)
    if known is not None and store.raw(known) is not None:
        return known, False
    place = ServiceExecutor("").at("")
    found = place.look_up(job_id)
    if found.phase in ("failed", "cancelled"):
        raise JobFailedError(
            f"A job to import should have bits. Got one that ended without: {found.reason}"
        )
    if found.phase != "done":
        raise PendingError(
            f"A job to import should have ended. Got one that is {found.phase}. Import it later."
        )
    if known is not None:
        raise PendingError(
            f"A job to import should not be one of ours. Got {known[:12]}, which was sent from "
            f"here; fetch it with `qrnn-hw jobs fetch {known[:12]}`."
        )
    instance, body = place.description(job_id)
    job = read_job(body)
    metrics = place.metrics(job_id)
    snapshot = _calibration(job, metrics.finished_at)
    if snapshot is not None:
        store.put_snapshot(snapshot.digest, snapshot.to_json())
    spec = job.spec(snapshot.digest if snapshot else "")
    text = place.answer(job_id)
    store.keep_answer(spec.key, job_id, text)
    results = read_answer(text, job)
    store.put_spec(spec)
    store.put_instance(spec.key, instance)
    store.put_raw(spec.key, results, Done(now(), job_id))
    if metrics.quantum_seconds is not None:
        store.put_quantum_seconds(spec.key, metrics.quantum_seconds)
    if metrics.finished_at is not None:
        store.put_finished_at(spec.key, metrics.finished_at)
    told = "of its time" if snapshot else "not known: the service does not tell it any more"
    store.add_note(spec.key, f"Imported from the service; the calibration is {told}.")
    return spec.key, True


def _known(job_id: str, store: Store) -> str | None:
    try:
        return store.resolve(job_id)
    except StoreError:
        return None


def _calibration(job: ForeignJob, finished_at: str | None) -> Snapshot | None:
    """Return the machine's calibration when the job ran, if the service still has it."""
    from datetime import datetime

    from calibration.errors import CalibrationError
    from calibration.target import snapshot_of
    from jobs.service.foreign import BackendAt
    from jobs.service.runtime import ServiceExecutor

    moment = datetime.fromisoformat(finished_at) if finished_at else job.created
    if moment is None:
        return None
    with suppress(JobsError, CalibrationError):
        return snapshot_of(BackendAt(ServiceExecutor(job.backend).backend, moment))
    return None
