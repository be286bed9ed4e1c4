"""The engine of studies: one process, two, a cluster of two; what it adds to a cell."""

import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from rows import Row, row

from qrnn_hw.studies.engine import run_cells
from qrnn_hw.studies.grid import Cell, grid
from qrnn_hw.studies.rows import RowFile, in_order

CELL_SECONDS, N_CELLS = 0.25, 48


class Said:
    """Progress on stderr."""

    def stage(self, text):
        print(text, file=sys.stderr, flush=True)

    def advance(self, done, total, note=""): ...


def busy(values):
    """Use a core for a while: what a cell costs without what the engine adds."""
    end = time.process_time() + values["seconds"]
    while time.process_time() < end:
        pass
    return {"square": values["cell"] ** 2}


def scaling_rows(folder: Path) -> Iterator[Row]:
    """Run equal cells in one process, in two and on a cluster of two."""
    cells = _cells(N_CELLS, CELL_SECONDS)
    _timed(_cells(2, 0.0), folder / "warm.jsonl", n_workers=2)
    load = round(os.getloadavg()[0], 1)
    one = _timed(cells, folder / "one.jsonl")
    two = _timed(cells, folder / "two.jsonl", n_workers=2)
    ratio = one / two
    name = f"2 processes over 1 (load of the machine before: {load})"
    yield row(name, round(ratio, 2), 1.8, ratio >= 1.8)
    empty = _timed(_cells(500, 0.0), folder / "empty.jsonl") / 500
    yield row("overhead per cell, one process: ms", round(1000 * empty, 2), None, True)
    if not importlib.util.find_spec("distributed"):
        yield row("LocalCluster of 2 over 1", "skipped: no distributed", 1.6, True)
        return
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        _timed(_cells(3, 0.0), folder / "warm2.jsonl", cluster=address)
        on_cluster = _timed(cells, folder / "cluster.jsonl", cluster=address)
        empty = _timed(_cells(500, 0.0), folder / "empty2.jsonl", cluster=address) / 500
    ratio = one / on_cluster
    yield row(f"LocalCluster of 2 over 1 (load {load})", round(ratio, 2), 1.6, ratio >= 1.6)
    yield row("overhead per cell, LocalCluster of 2: ms", round(1000 * empty, 2), None, True)
    same = _lasting(cells, folder / "cluster.jsonl") == _lasting(cells, folder / "one.jsonl")
    yield row("rows of the cluster and of one process alike", same, True, same)


def _cells(n: int, seconds: float) -> tuple[Cell, ...]:
    defaults = {"cell": 0, "seconds": 0.0}
    return grid("busy", {"cell": list(range(n))}, {"seconds": seconds}, defaults).cells()


def _timed(cells, path, **options) -> float:
    start = time.perf_counter()
    run_cells(cells, RowFile(path), busy, Said(), **options)
    return time.perf_counter() - start


def _lasting(cells, path) -> list[str]:
    return [json.dumps(one.lasting()) for one in in_order(cells, RowFile(path).read())]
