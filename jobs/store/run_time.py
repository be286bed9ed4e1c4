"""When a job ran, as exactly as the store knows it, and how it knows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from jobs.errors import StoreError
from jobs.states import Done
from jobs.store.store import Store

RunTimeKind = Literal["finished", "done", "fetched", "created"]
# From the least exact to the most.
_KINDS: tuple[RunTimeKind, ...] = ("created", "fetched", "done", "finished")


@dataclass(frozen=True)
class RunTime:
    """A moment and what happened in it."""

    at: datetime
    kind: RunTimeKind
    """`finished`: the run ended, says the service that it ran at. `done`: the run ended in a
    process of ours. `fetched`: its bits came from the service, which did not say when the run
    ended; that was before, perhaps long before. `created`: the job was first stored, and nothing
    else is known; the run came after."""


def run_time(key: str, store: Store) -> RunTime:
    """Return when the run of a job ended, of the most exact kind that the store has.

    A job that was sent in parts ended with the last of them, and is known as exactly as the least
    exact of them; the time at which they were joined says nothing.

    Raises:
        StoreError: there is no such job.
    """
    parts = [run_time(part, store) for part in store.parts(key)]
    if parts:
        kind = min((part.kind for part in parts), key=_KINDS.index)
        return RunTime(max(part.at for part in parts), kind)
    finished, state = store.finished_at(key), store.state(key)
    if finished is not None:
        return RunTime(finished, "finished")
    if isinstance(state, Done):
        return RunTime(datetime.fromisoformat(state.at), "fetched" if state.id else "done")
    record = store.record(key)
    if record is None:
        raise StoreError(f"The store should hold the job {key[:12]}. Got none.")
    return RunTime(datetime.fromisoformat(record.created_at), "created")
