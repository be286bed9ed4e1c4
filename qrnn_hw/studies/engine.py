"""Runs the cells of a study that have no row yet: in this process, in several, on a cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

from jobs.counted import counted
from qrnn_hw.errors import ConfigurationError, UsageError, exit_code
from qrnn_hw.experiment.progress import Progress
from qrnn_hw.studies.cluster import finished_on_cluster
from qrnn_hw.studies.grid import Cell
from qrnn_hw.studies.rows import CellRow, RowFile

Evaluate = Callable[[dict[str, Any]], dict[str, Any]]
"""A cell's parameters to its result, JSON-ready; it depends on nothing else."""

MAX_TRIES = 2
MAX_DEATHS = 3
"""Worker deaths after which the study stops; rows so far are kept."""


@dataclass(frozen=True)
class Tally:
    """What one run of a study did."""

    n_cells: int
    n_known: int
    n_run: int
    n_failed: int
    """Cells whose row holds an error, from this run or an earlier one."""


def run_cells(
    cells: Sequence[Cell],
    rows: RowFile,
    evaluate: Evaluate,
    progress: Progress,
    *,
    n_workers: int = 1,
    cluster: str | None = None,
    retry_failed: bool = False,
) -> Tally:
    """Run the cells that have no row and add each row as soon as its cell is done.

    A cell that raises is tried again, then recorded with its error; the others go on. When a
    worker dies, the cells that have no row run again, up to `MAX_DEATHS` times.

    Args:
        cells: of the study, or of one shard.
        rows: where rows are read and added.
        evaluate: computes a cell; it must be importable in the workers.
        progress: told of each finished cell.
        n_workers: processes; 1 runs in this one.
        cluster: address of a Dask scheduler; its workers decide how many run at once.
        retry_failed: run cells again whose row holds an error.

    Raises:
        UsageError: fewer than one worker.
        ConfigurationError: another process runs the same study now, the cluster cannot be used, or
            workers keep dying.
        ClusterLostError: the scheduler or all workers of the cluster died.
    """
    check_workers(n_workers)
    with rows.alone():
        return _run_alone(cells, rows, evaluate, progress, n_workers, cluster, retry_failed)


def _run_alone(
    cells: Sequence[Cell],
    rows: RowFile,
    evaluate: Evaluate,
    progress: Progress,
    n_workers: int,
    cluster: str | None,
    retry_failed: bool,
) -> Tally:
    known = rows.read()
    waiting = {
        cell.key: cell
        for cell in cells
        if cell.key not in known or (retry_failed and known[cell.key].result is None)
    }
    n_known, n_run = len(cells) - len(waiting), len(waiting)
    progress.stage(f"{counted(n_run, 'cell')} to run, {n_known} of {len(cells)} have their row")
    deaths = 0
    while waiting:
        try:
            left = list(waiting.values())
            for row in _finished(left, evaluate, progress, n_workers, cluster):
                rows.add(row)
                del waiting[row.key]
                done = n_run - len(waiting)
                progress.advance(done, n_run, f"{row.seconds:.1f} s a cell")
        except Exception as error:
            if not _is_death(error):
                raise
            deaths += 1
            if deaths >= MAX_DEATHS:
                raise ConfigurationError(
                    f"workers should live through a cell. Got {deaths} deaths, {len(waiting)} "
                    "cells left; use fewer --workers if memory is short, then run again to go on."
                ) from error
            progress.stage(f"a worker died; {counted(len(waiting), 'cell')} to run again")
    found = rows.read()
    failed = sum(found[cell.key].result is None for cell in cells)
    return Tally(len(cells), n_known, n_run, failed)


def check_workers(n_workers: int) -> None:
    """Check a number of processes.

    Raises:
        UsageError: fewer than one.
    """
    if n_workers < 1:
        raise UsageError(f"the number of workers should be at least 1. Got {n_workers}.")


def evaluated(cell: Cell, evaluate: Evaluate) -> CellRow:
    """Compute one cell, at most `MAX_TRIES` times; what it raises becomes its row's error."""
    start, tries = perf_counter(), 0
    result, error = None, None
    while result is None and tries < MAX_TRIES:
        tries += 1
        try:
            result, error = evaluate(cell.values), None
            json.dumps(result, allow_nan=False)  # a figure that is not finite is no result
        except Exception as raised:  # one bad cell must not end a study of hundreds
            result = None
            error = f"{type(raised).__name__}: {' '.join(str(raised).split())}"
            # What the user got wrong stays wrong.
            if exit_code(raised) is not None:
                break
    seconds = perf_counter() - start
    return CellRow(cell.key, cell.kind, cell.values, result, error, tries, seconds)


def _finished(
    cells: Sequence[Cell],
    evaluate: Evaluate,
    progress: Progress,
    n_workers: int,
    cluster: str | None,
) -> Iterator[CellRow]:
    """Yield rows as cells finish, in any order."""
    if cluster is not None:
        one = partial(evaluated, evaluate=evaluate)
        yield from finished_on_cluster(cells, one, cluster, progress.stage)
        return
    if n_workers == 1:
        yield from (evaluated(cell, evaluate) for cell in cells)
        return
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=n_workers, return_as="generator_unordered", batch_size=1)
    tasks: Iterable[Any] = (delayed(evaluated)(cell, evaluate) for cell in cells)
    yield from parallel(tasks)


def _is_death(error: Exception) -> bool:
    """Say whether an error is the end of one of joblib's own processes."""
    return type(error).__name__ in ("TerminatedWorkerError", "BrokenProcessPool")
