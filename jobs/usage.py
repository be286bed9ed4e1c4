"""What the service says that a job was charged."""

import math
from typing import Any

from jobs.errors import ServiceUnavailableError


def charged_seconds(metrics: Any) -> float | None:
    """Return the charged seconds in the service's answer, or None while they are not known.

    Raises:
        ServiceUnavailableError: If the answer is not in the service's format.
    """
    try:
        usage = metrics.get("usage", {})
        seconds = usage.get("qpu_charge_time_seconds", usage.get("quantum_seconds"))
        if seconds is None or usage.get("status", "complete") == "pending":
            return None
        if math.isfinite(number := float(seconds)):
            return number
    except (AttributeError, TypeError, ValueError):
        pass
    raise ServiceUnavailableError(
        "The service should say in seconds what a job was charged. Got something else. "
        "Try again later."
    )
