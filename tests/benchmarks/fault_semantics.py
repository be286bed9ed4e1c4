"""What the service itself may do while a job is on its way, one named behaviour each."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from emulator.account import CRN
from emulator.faults import Fault


def nothing(emulator, n_processes):
    """Leave the service as it is."""


def same_instance(emulator, n_processes):
    """Return the instance that a process is told to use."""
    return CRN


@dataclass(frozen=True)
class Semantics:
    """A behaviour, and how the job must end under it.

    `end` is "right", the bits come back; "failed", the service ended the job and says so; or
    "cleared", the service has the job no more, says so, and `jobs forget` clears it.
    """

    arm: Callable = nothing  # before each process
    faults: tuple[Fault, ...] = ()
    instance: Callable = same_instance
    end: str = "right"


def settings(**values):
    """Return what sets the service's settings before the first process."""

    def arm(emulator, n_processes):
        if n_processes == 1:
            for name, value in values.items():
                setattr(emulator.service.settings, name, value)

    return arm


def _used_up(emulator, n_processes):
    used = 600.0 if n_processes == 1 else 0.0
    emulator.service.settings.usage_consumed_seconds = used


def _closed_at_first(emulator, n_processes):
    emulator.service.settings.forbidden = n_processes == 2


def _deletes(emulator, n_processes):
    """Delete each job a moment after it was taken, long before it would run."""
    if n_processes > 1:
        return
    emulator.service.settings.queue_seconds = 60.0

    def delete():
        while emulator.service.settings.queue_seconds:
            time.sleep(0.2)
            emulator.service.jobs.clear()

    threading.Thread(target=delete, daemon=True).start()


def _two_instances(emulator):
    if len(emulator.service.instances) == 1:
        emulator.service.add_instance(plan="premium")
    return list(emulator.service.instances)[1]


def _other_from_the_second(emulator, n_processes):
    other = _two_instances(emulator)
    return CRN if n_processes == 1 else other


def _none_named(emulator, n_processes):
    _two_instances(emulator)
    return


def _lost(*more):
    """Return a POST that is taken and not answered, and what else happens."""
    return (Fault("drop after", "POST", "/jobs$"), *more)


SEMANTICS = {
    "list lags the POST": Semantics(settings(listing_lag_seconds=1.5), _lost()),
    "list lags a killed POST": Semantics(settings(listing_lag_seconds=1.5)),
    "instance changed": Semantics(instance=_other_from_the_second),
    "instance changed, answer lost": Semantics(
        faults=_lost(Fault("status", "GET", "/jobs$", status=403, times=2)),
        instance=_other_from_the_second,
    ),
    "instance closed for a while": Semantics(_closed_at_first, instance=_other_from_the_second),
    "no instance named, one closed": Semantics(
        faults=(Fault("status", "GET", "/backends$", status=403),), instance=_none_named
    ),
    "five jobs a minute": Semantics(settings(posts_per_minute=1, post_window_seconds=2.0), _lost()),
    "plan used up": Semantics(_used_up),
    "ran too long": Semantics(
        settings(end_status="Cancelled - Ran too long", results_status=204), end="failed"
    ),
    "expired": Semantics(settings(end_status="Expired", results_status=404), end="failed"),
    "failed without results": Semantics(
        settings(end_status="Failed", results_status=204), end="failed"
    ),
    "failed, results in error": Semantics(
        settings(end_status="FAILED", results_status=500), end="failed"
    ),
    "end in unknown words": Semantics(
        settings(end_status="Abgelaufen", results_status=204), end="failed"
    ),
    "done in unknown words": Semantics(settings(end_status="Fertig")),
    "live in unknown words": Semantics(settings(live_status="Parked", queue_seconds=1.0)),
    "deleted": Semantics(_deletes, end="cleared"),
    "clock 3 h ahead, tokens short": Semantics(settings(clock_seconds=10_800.0, token_seconds=5)),
    "clock 5 h behind": Semantics(settings(clock_seconds=-18_000.0)),
    "machine out of service": Semantics(settings(operational=False, status_message="internal")),
    "tokens fail in turn": Semantics(
        settings(token_seconds=5),
        tuple(
            Fault(kind, "POST", "/identity/token$", status=status, times=3)
            for kind, status in (("status", 503), ("status", 401), ("page", 200), ("drop", 0))
        ),
    ),
    "taken twice": Semantics(settings(queue_seconds=3.0), (Fault("twice", "POST", "/jobs$"),)),
    "taken twice, answer lost": Semantics(
        settings(queue_seconds=3.0), (Fault("twice lost", "POST", "/jobs$"),)
    ),
}
