"""Cells on a Dask cluster: each is one task, and what dies there is noticed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, Literal
from uuid import uuid4

from jobs.counted import counted
from qrnn_hw.errors import ClusterLostError, ConfigurationError
from qrnn_hw.studies.grid import Cell
from qrnn_hw.studies.rows import CellRow

CONNECT_SECONDS = 10
CHECK_SECONDS = 5.0
"""So often the scheduler is asked for its workers while no cell finishes."""

REPLY_SECONDS = 30.0
"""A scheduler that gives no answer for so long counts as dead."""

WORKERLESS_SECONDS = 300.0
"""A study waits so long for the first worker, or for one after the last has gone."""

KEPT = "finished cells are kept; run the same command again to go on"

Evaluated = Callable[[Cell], CellRow]


def finished_on_cluster(
    cells: Sequence[Cell], evaluated: Evaluated, address: str, say: Callable[[str], None]
) -> Iterator[CellRow]:
    """Yield rows as cells finish on the cluster, in any order.

    When a worker dies, Dask runs its cells on another. A cell whose workers die again and again
    is left out, and the others finish first.

    Args:
        cells: to run.
        evaluated: computes a cell's row; it must be importable in the workers.
        address: of the scheduler.
        say: told when there is no worker.

    Raises:
        ConfigurationError: an address that cannot be one, workers that cannot run a cell, or
            cells that kill their workers.
        ClusterLostError: no scheduler answers there, it died, or no worker came.
    """
    with _client(address) as client:
        done: SimpleQueue[Any] = SimpleQueue()
        batch = uuid4().hex  # Dask would answer a repeated key with what it remembers
        futures = [
            client.submit(evaluated, cell, key=f"{cell.kind}-{cell.key[:16]}-{batch}", pure=False)
            for cell in cells
        ]
        for future in futures:
            future.add_done_callback(done.put)
        del futures  # a row is freed on its worker once its future is gone
        n_left, n_deadly, workers_seen = len(cells), 0, monotonic()
        while n_left > n_deadly:
            future = _next(done)
            if future is None:
                workers_seen = _workers_seen(client, address, workers_seen, say)
                continue
            found = _row(future, address)
            if found == "again":
                workers_seen = _workers_seen(client, address, workers_seen, say)
                future.add_done_callback(done.put)
            elif found == "deadly":
                n_deadly += 1
            else:
                n_left -= 1
                yield found
    if n_deadly:
        raise ConfigurationError(
            f"workers should live through a cell. Got {counted(n_deadly, 'cell')} whose workers "
            f"died at every try; the rows of all others are kept. Give "
            "the workers more memory and run again."
        )


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise ConfigurationError(
            "a cluster needs the package distributed. Got none; install qrnn-hw[dask]."
        ) from None
    try:
        client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        # An address that cannot be one is a mistake; one that does not answer may do so later.
        kind = ConfigurationError if isinstance(error, ValueError) else ClusterLostError
        raise kind(
            f"a cluster should be the address of a running Dask scheduler. Got {address} ({error})."
        ) from None
    with _quiet():
        try:
            yield client
        finally:
            client.close(timeout=CONNECT_SECONDS)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the client's own log of what dies, tracebacks included, from the user: we say it."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _next(done: SimpleQueue[Any]) -> Any:
    try:
        return done.get(timeout=CHECK_SECONDS)
    except Empty:
        return None


def _row(future: Any, address: str) -> CellRow | Literal["again", "deadly"]:
    """Return the row of a future that was finished when it was queued.

    "again" where its worker died before the row was fetched, so that the cell runs again;
    "deadly" where the cell's workers died at every try.
    """
    if future.status == "finished":
        try:
            row: CellRow = future.result(timeout=REPLY_SECONDS)
            return row
        except TimeoutError:
            return "again"
        except Exception as error:
            name = type(error).__name__
            if name in ("FutureCancelledError", "CommClosedError"):
                raise _lost(address, "it closed the connection") from error
            if name == "KilledWorker":
                return "deadly"
            raise
    if future.status in ("pending", "lost"):
        return "again"
    if future.status != "error":
        raise _lost(address, "it closed the connection")
    died = future.exception(timeout=REPLY_SECONDS)
    if type(died).__name__ == "KilledWorker":
        return "deadly"
    # What a cell itself raises is in its row: this comes from the worker.
    raise ConfigurationError(
        "every worker should be able to run a cell. Got "
        f"{type(died).__name__}: {' '.join(str(died).split())}; install the same qrnn-hw there."
    )


def _workers_seen(client: Any, address: str, before: float, say: Callable[[str], None]) -> float:
    """Return when there was a worker last; `before` is what this returned the time before."""
    try:
        workers = client.nthreads(callback_timeout=REPLY_SECONDS)
    except (OSError, TimeoutError):
        raise _lost(address, "it gives no answer") from None
    if workers:
        return monotonic()
    waited = monotonic() - before
    if waited > WORKERLESS_SECONDS:
        raise ClusterLostError(
            f"a cluster should have workers. Got none at {address} for {waited:.0f} s; {KEPT}."
        )
    say(f"the cluster has no worker; waiting {WORKERLESS_SECONDS - waited:.0f} s more")
    return before


def _lost(address: str, how: str) -> ClusterLostError:
    return ClusterLostError(
        f"the scheduler should live until the study ends. Got none at {address} any more: {how}; "
        f"{KEPT}, with the address of a running scheduler or without --cluster."
    )
