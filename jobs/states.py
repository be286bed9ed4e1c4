"""Where a job stands; each state carries only what is known in it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeAlias

from jobs.errors import StoreError


@dataclass(frozen=True)
class Intended:
    """Written before anything is sent, so that a lost answer can be looked up by its tag."""

    at: str
    tag: str


@dataclass(frozen=True)
class Submitted:
    """Accepted by the service under `id`, and queued."""

    at: str
    tag: str
    id: str


@dataclass(frozen=True)
class Running:
    """On the machine."""

    at: str
    tag: str
    id: str


@dataclass(frozen=True)
class Done:
    """Finished; the raw result is in the store. `id` is empty for runs in this process."""

    at: str
    id: str = ""


@dataclass(frozen=True)
class Failed:
    """Ended by a fault of the circuit or the machine."""

    at: str
    reason: str
    id: str = ""


@dataclass(frozen=True)
class Cancelled:
    """Ended on request, or by the service."""

    at: str
    reason: str
    id: str = ""


State: TypeAlias = Intended | Submitted | Running | Done | Failed | Cancelled
PENDING = (Intended, Submitted, Running)
_KINDS: dict[str, type[State]] = {
    kind.__name__.lower(): kind for kind in (Intended, Submitted, Running, Done, Failed, Cancelled)
}


def now() -> str:
    """Return the time in UTC as ISO 8601 with microseconds, which sorts as text."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def state_name(state: State) -> str:
    """Return the state's name as it is stored and shown, for example "submitted"."""
    return type(state).__name__.lower()


def state_fields(state: State) -> dict[str, str]:
    """Return the data of `state`, to be stored as JSON."""
    return dict(vars(state))


def state_from(name: str, fields: Any) -> State:
    """Return the state that `state_name` and `state_fields` described.

    Raises:
        StoreError: If there is no such state, a field is missing or no text, or its time is none.
    """
    try:
        check_moment(fields["at"])
        if all(isinstance(value, str) for value in fields.values()):
            return _KINDS[name](**fields)
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    raise StoreError(
        f"a state should be one of {', '.join(sorted(_KINDS))} with its own fields. "
        f"Got {name!r} with {str(fields)[:60]!r}"
    )


def check_moment(text: str) -> None:
    """Raise ValueError if `text` is not a time with its zone, as `now` writes it."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"{text!r} is a time without a zone")
