"""What the service's words for the state of a job mean."""

import re
from collections.abc import Mapping
from typing import Any

from jobs.errors import ServiceUnavailableError
from jobs.executor import ServiceJob, ServicePhase
from jobs.service.service_errors import one_line

RAN_TOO_LONG = 1305
"""The code of a job that was stopped at its maximum execution time."""

# By the first word that is known, since the service adds reasons: "Cancelled - Ran too long".
_WORDS: dict[ServicePhase, str] = {
    "queued": "queued pending initializing initialised initialized initialising created "
    "validating validated submitted accepted scheduled waiting queue",
    "running": "running executing processing progress cancelling canceling completing",
    "done": "completed complete done succeeded success successful finished",
    "failed": "failed failure error errored expired rejected aborted terminated timeout timedout "
    "timed stopped killed invalid refused lost",
    "cancelled": "cancelled canceled deleted removed",
}
_PHASES: dict[str, ServicePhase] = {
    word: phase for phase, words in _WORDS.items() for word in words.split()
}


def described(body: Any, job_id: str = "") -> ServiceJob:
    """Return what the service's document about a job says; phase "unknown" for new words.

    Args:
        body: The document.
        job_id: What it should be about; any job where it is empty.

    Raises:
        ServiceUnavailableError: If it is no such document, or about another job.
    """
    if isinstance(body, Mapping):
        state = body.get("state")
        state = state if isinstance(state, Mapping) else {}
        status = state.get("status") or body.get("status")
        name = body.get("id")
        if isinstance(status, str) and isinstance(name, str) and name and job_id in ("", name):
            return _described(name, status, state)
    raise ServiceUnavailableError(
        f"The service should say where job {job_id or 'each'} stands. Got something else: "
        f"{one_line(body, 80)} Try again later."
    )


def _described(job_id: str, status: str, state: Mapping[str, Any]) -> ServiceJob:
    words = re.findall(r"[a-z]+", status.casefold())
    known = (_PHASES[word] for word in words if word in _PHASES)
    phase: ServicePhase = "unknown" if "not" in words else next(known, "unknown")
    said = state.get("reason")
    reason = one_line(said) if isinstance(said, str) and said.strip() else ""
    code = state.get("reason_code", state.get("reasonCode"))
    too_long = "too long" in status.casefold() or code == RAN_TOO_LONG
    if phase in ("cancelled", "unknown") and too_long:
        return ServiceJob(job_id, "failed", "It ran longer than maximum execution time.")
    if phase == "cancelled":
        return ServiceJob(job_id, phase, _cancellation(status, words, reason))
    if phase == "failed":
        return ServiceJob(job_id, phase, _failure(status, words, reason, code))
    if phase == "unknown":
        return ServiceJob(job_id, phase, one_line(status, 80))
    return ServiceJob(job_id, phase)


def _cancellation(status: str, words: list[str], reason: str) -> str:
    said = "Cancelled at the service." if len(words) == 1 else one_line(status)
    return f"{said} {reason}".strip()


def _failure(status: str, words: list[str], reason: str, code: object) -> str:
    if reason and isinstance(code, int) and not isinstance(code, bool):
        reason = f"Error code {code}; {reason}"
    if words in (["failed"], ["error"]):
        return reason
    return f"{one_line(status)} {reason}".strip()
