"""What the service keeps, and what it answers."""

import uuid
from dataclasses import dataclass, field

from emulator.execution import now


@dataclass
class Settings:
    plan: str = "open"
    queue_seconds: float = 0.0
    run_seconds: float = 0.0
    usage_limit_seconds: float = 600.0
    usage_consumed_seconds: float = 0.0
    operational: bool = True
    token_seconds: int = 3600


@dataclass
class Answer:
    status: int = 200
    body: object = None
    kind: str = "application/json"


@dataclass
class Job:
    id: str
    request: dict
    program: object
    created: str = field(default_factory=now)
    state: dict = field(default_factory=lambda: {"status": "Queued"})
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
