"""What the service keeps, and what it answers."""

import time
import uuid
from dataclasses import dataclass, field


@dataclass
class Settings:
    """One instance of the account. What concerns all of them is read from the first."""

    plan: str = "open"
    queue_seconds: float = 0.0
    run_seconds: float = 0.0
    usage_limit_seconds: float = 600.0
    usage_consumed_seconds: float = 0.0
    operational: bool = True
    status_message: str = "active"
    token_seconds: int = 3600

    name: str = "loopback"
    listed: bool = True
    """Whether the account's search for instances finds it."""
    forbidden: bool = False
    """Whether every request to it is answered with 403."""

    posts_per_minute: int | None = None
    """Jobs taken a minute and user, 5 by the documentation; None takes any number."""
    post_window_seconds: float = 60.0
    """That minute, shorter where a test cannot wait."""
    retry_after: int | None = None
    """Seconds that the refusal of a POST asks for, where it says so."""
    listing_lag_seconds: float = 0.0
    """How long a new job is missing from the list of jobs, though its id is known."""

    live_status: str = ""
    """What a job that waits or runs is said to be, in place of "Queued" and "Running"."""
    end_status: str = ""
    """What a job that ran is said to be, in place of "Completed"."""
    end_code: int | None = None
    results_status: int | None = None
    """The status with which results of all jobs are withheld, such as 204, 404, 500."""

    clock_seconds: float = 0.0
    """How far the service's clock is ahead of ours: dates of answers, tokens, times of jobs."""


@dataclass
class Answer:
    status: int = 200
    body: object = None
    kind: str = "application/json"
    headers: tuple = ()


@dataclass
class Request:
    crn: str
    query: dict
    content: dict


@dataclass
class Job:
    id: str
    request: dict
    program: object
    crn: str
    created: str
    state: dict
    posted: float = field(default_factory=time.monotonic)
    running: str | None = None
    finished: str | None = None
    result: str | None = None
    seconds: float = 0.0

    def view(self, *, with_params=False):
        request = self.request
        shown = {
            "id": self.id,
            "backend": request["backend"],
            "program": {"id": request["program_id"]},
            "state": self.state,
            "status": self.state["status"],
            "created": self.created,
            "runtime": "",
            "tags": request.get("tags", []),
            "session_id": request.get("session_id"),
            "cost": request.get("cost"),
            "private": request.get("private", False),
            "usage": {"seconds": self.seconds},
        }
        return {**shown, "params": request["params"]} if with_params else shown


def refusal(status, message, code=None):
    error = {"code": code or status, "message": message}
    return Answer(status, {"errors": [error], "error": error, "trace": uuid.uuid4().hex})
