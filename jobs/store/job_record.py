"""One line of the list of jobs."""

import json
from dataclasses import dataclass
from typing import Any

from jobs.states import State, check_moment, state_from

RECORD_COLUMNS = (
    "key, executor, backend, shots, created_at, state, state_fields, estimate_low_seconds, "
    "estimate_best_seconds, estimate_high_seconds, "
    "coalesce((SELECT sum(seconds) FROM charges WHERE charges.key = jobs.key), quantum_seconds)"
)


@dataclass(frozen=True)
class JobRecord:
    """One line of the list of jobs."""

    key: str
    executor: str
    backend: str
    shots: int
    created_at: str
    state: State | None
    estimate_seconds: tuple[float, float, float] | None
    """Low, best and high, as estimated before submission."""
    quantum_seconds: float | None
    """What the service charged, over all sendings of the job."""


def record_from(row: tuple[Any, ...]) -> JobRecord:
    """Return the record of a row of `RECORD_COLUMNS`.

    Raises:
        StoreError, ValueError: If a column does not hold what was written there.
    """
    key, executor, backend, shots, created_at, state, fields, low, best, high, charged = row
    check_moment(created_at)
    return JobRecord(
        key=key,
        executor=executor,
        backend=backend,
        shots=shots,
        created_at=created_at,
        state=state_of_row(state, fields),
        estimate_seconds=None if best is None else (low, best, high),
        quantum_seconds=charged,
    )


def state_of_row(name: str | None, fields: str | None) -> State | None:
    """Return the state that the two columns hold, or None before there is one."""
    return None if name is None or fields is None else state_from(name, json.loads(fields))
