"""How long to wait before asking again."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Waits that double up to a ceiling, and an end to patience.

    `clock` and `sleep` are there for tests.
    """

    first_seconds: float = 1.0
    ceiling_seconds: float = 60.0
    patience_seconds: float = 300.0
    """How long a service that does not answer is asked again."""
    doubt_seconds: float = 60.0
    """How long a strange answer about one job is taken for one that passes."""
    listing_seconds: float = 15.0
    """For how long after a POST the service's list of jobs may lack the job; at most half of the
    patience is given to that."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @property
    def lag_seconds(self) -> float:
        """How long to look again for a job whose answer was lost before it is sent again."""
        return min(self.listing_seconds, self.patience_seconds / 2)

    def attempts(self) -> Iterator[None]:
        """Yield once, and again after each wait, until patience is over."""
        end = self.clock() + self.patience_seconds
        wait = self.first_seconds
        yield
        while self.clock() < end:
            self.sleep(wait)
            wait = min(2 * wait, self.ceiling_seconds)
            yield


DEFAULT_BACKOFF = Backoff()
