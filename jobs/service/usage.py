"""What the service's metrics say of a job: what it was charged, and when its run ended."""

import math
from datetime import UTC, datetime
from typing import Any

from jobs.errors import ServiceUnavailableError


def charged_seconds(metrics: Any) -> float | None:
    """Return the charged seconds in the service's answer, or None while they are not known.

    Raises:
        ServiceUnavailableError: If the answer is not in the service's format.
    """
    try:
        usage = metrics.get("usage") or {}
        seconds = usage.get("qpu_charge_time_seconds")
        if seconds is None:
            seconds = usage.get("quantum_seconds")
        if seconds is None or usage.get("status") == "pending":
            return None
        if math.isfinite(number := float(seconds)) and number >= 0:
            return number
    except (AttributeError, TypeError, ValueError):
        pass
    raise ServiceUnavailableError(
        "The service should say in seconds what a job was charged. Got something else. "
        "Try again later."
    )


def finished_at(metrics: Any) -> str | None:
    """Return when the run ended, in UTC as ISO 8601, or None where the answer does not say.

    A time without a zone is none: hours could be missing from it.
    """
    try:
        moment = datetime.fromisoformat(metrics["timestamps"]["finished"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def seconds_left(usage: Any) -> float | None:
    """Return the QPU seconds that an instance has left, or None when it has no limit.

    Raises:
        ServiceUnavailableError: If the answer is not in the service's format.
    """
    try:
        if usage.get("usage_limit_reached") is True:
            return 0.0
        limit = usage.get("usage_limit_seconds") or usage.get("usage_allocation_seconds")
        if not limit:
            return None
        left = float(limit) - float(usage.get("usage_consumed_seconds", 0))
        if math.isfinite(left):
            return max(left, 0.0)
    except (AttributeError, TypeError, ValueError):
        pass
    raise ServiceUnavailableError(
        "The service should say in seconds what an instance has used. Got something else. "
        "Try again later."
    )
