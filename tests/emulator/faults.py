"""What may go wrong on the way to the service and back."""

import re
from dataclasses import dataclass

from emulator.damage import DAMAGES

KINDS = (
    "status",
    "status after",
    "drop",
    "drop after",
    "twice",
    "twice lost",
    "truncate",
    "delay",
    "hold",
    "hold after",
    "restart",
    "page",
    "portal",
    "damage",
)


@dataclass
class Fault:
    """A fault of the next `times` requests that fit.

    "status" answers with `status` instead of acting; "status after" acts first; "drop" and "drop
    after" close the connection; "twice" acts twice, as where the network repeats a request, and
    "twice lost" drops the connection then; "truncate" acts and sends half of the answer; "delay"
    waits and acts; "hold" never answers, until the client is gone, and "hold after" acts before;
    "restart" drops the connection and closes the port for `seconds`; "page" answers with a web page
    and `status`, "portal" sends the client on to such a page; "damage" acts and spoils the answer
    as `damage` says, see `damage.py`.
    """

    kind: str
    method: str = "GET"
    path: str = ".*"
    times: int = 1
    status: int = 503
    retry_after: int | None = None
    seconds: float = 0.2
    damage: str = "missing register"
    crn: str = ""
    """Only requests to this instance."""

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"A fault should be one of {', '.join(KINDS)}. Got {self.kind!r}.")
        if self.damage not in DAMAGES:
            raise ValueError(
                f"A damage should be one of {', '.join(DAMAGES)}. Got {self.damage!r}."
            )

    def fits(self, method, path, crn=""):
        return (
            self.times > 0
            and self.method == method
            and re.search(self.path, path) is not None
            and self.crn in ("", crn)
        )
