"""The pace at which the service takes jobs, kept by all processes that share a store."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from jobs.limits import DEFAULT_LIMITS
from jobs.service.backoff import Backoff
from jobs.store.store import Store

PERIOD_SECONDS = 61.0
"""A minute, and a moment for the way that a request takes."""


@contextmanager
def paced(key: str, store: Store, backoff: Backoff) -> Iterator[None]:
    """Wait until one more job may be posted, and say so on stderr where that is noticed.

    The service refuses more than so many in a minute; a refused one is not known for sure to have
    been refused, so that waiting first is the quicker way.
    """
    most = DEFAULT_LIMITS.posts_per_minute
    number, wait = store.ledger.reserve_post(key, most, PERIOD_SECONDS)
    if wait > 0:
        print(
            f"waiting {math.ceil(wait)} s: the service takes {most} jobs a minute",
            file=sys.stderr,
            flush=True,
        )
        backoff.sleep(wait)
    try:
        yield
    finally:
        store.ledger.note_post(number)


def sending_seconds(n_jobs: int) -> float:
    """Return how long sending so many jobs takes at the least, for the pace alone."""
    return 60.0 * (max(n_jobs - 1, 0) // DEFAULT_LIMITS.posts_per_minute)
