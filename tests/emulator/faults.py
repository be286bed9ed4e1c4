"""What may go wrong on the way to the service and back."""

import re
from dataclasses import dataclass

KINDS = (
    "status",
    "status after",
    "drop",
    "drop after",
    "truncate",
    "delay",
    "hold after",
    "restart",
)


@dataclass
class Fault:
    """A fault of the next `times` requests that fit.

    "status" answers with `status` instead of acting; "status after" acts first; "drop" and "drop
    after" close the connection; "truncate" acts and sends half of the answer; "delay" waits and
    acts; "hold after" acts and never answers, until the client is gone; "restart" drops the
    connection and closes the port for `seconds`.
    """

    kind: str
    method: str = "GET"
    path: str = ".*"
    times: int = 1
    status: int = 503
    retry_after: int | None = None
    seconds: float = 0.2

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"A fault should be one of {', '.join(KINDS)}. Got {self.kind!r}.")

    def fits(self, method, path):
        return self.times > 0 and self.method == method and re.search(self.path, path) is not None
