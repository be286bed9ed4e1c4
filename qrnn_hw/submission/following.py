"""Sending jobs, following them, and what can be said about them afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from jobs.errors import ServiceUnavailableError
from jobs.runner import run
from jobs.service.backoff import Backoff
from jobs.service.retrieval import watch
from jobs.service.submission import Terms, submit
from jobs.spec import JobSpec
from jobs.states import State
from jobs.store.store import Store
from qrnn_hw.submission.assessment import Verdict
from qrnn_hw.submission.machine import Machine

if TYPE_CHECKING:
    from jobs.service.runtime import ServiceExecutor

POLLING = Backoff()
Report = Callable[[str, State], None]


def known_keys(spec: JobSpec, store: Store) -> tuple[str, ...]:
    """Return the keys under which the store knows of a sending of the job, however it ended."""
    parts = store.parts(spec.key) or (spec.key,)
    return tuple(part for part in parts if store.state(part) is not None)


def send(
    verdict: Verdict,
    store: Store,
    terms: Sequence[Sequence[Terms | None]],
    backoff: Backoff | None = None,
) -> tuple[str, ...]:
    """Send an assessed workload to its machine, or run it on a recorded device, once.

    Args:
        verdict: without errors in what is not sent yet.
        store: where intents, states and bits go.
        terms: of each part of each job, from `Consent.ask`.
        backoff: the waits between attempts.

    Returns:
        The keys of what is at the service, or was run here.

    Raises:
        JobsError: see `jobs.service.submission.submit` and `jobs.runner.run`.
    """
    machine, service = verdict.machine, verdict.machine.service
    store.put_snapshot(machine.snapshot.digest, machine.snapshot.to_json())
    if service is None:
        for spec in verdict.specs:
            run(spec, machine.executor(), store)
        return tuple(spec.key for spec in verdict.specs)
    service.mode = verdict.mode
    keys: list[str] = []
    try:
        for spec, own in zip(verdict.specs, terms, strict=True):
            keys += submit(spec, service, store, terms=own, backoff=backoff or POLLING)
    finally:
        _note_calibration(verdict, terms, store)
        _close(service)
    return tuple(keys)


def _note_calibration(
    verdict: Verdict, terms: Sequence[Sequence[Terms | None]], store: Store
) -> None:
    """Say beside each job whose key does not which calibration it was sent under."""
    now_sent = [one for own in terms for one in own]
    for part, own in zip(verdict.parts, now_sent, strict=True):
        if own is not None and not part.snapshot and store.state(part.key) is not None:
            digest = verdict.machine.snapshot.digest[:12]
            store.add_note(part.key, f"The machine's calibration was {digest}.")


def _close(service: ServiceExecutor) -> None:
    # The jobs are sent; a batch that cannot be closed now ends by itself.
    with suppress(ServiceUnavailableError):
        service.close()


def follow(
    keys: Sequence[str],
    machine: Machine,
    store: Store,
    report: Report | None = None,
    backoff: Backoff | None = None,
) -> None:
    """Wait until all jobs of a real machine have ended; recorded devices have no waiting."""
    if machine.service is not None:
        watch(keys, machine.service, store, backoff=backoff or POLLING, report=report)
