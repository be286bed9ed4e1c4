"""What the whole chip gives: noise as data, placements, tiles, each figure beside its baseline.

Run by `make bench-qpu`, two groups at a time; writes build/bench-qpu.json and prints the rows as
they come. What is timed runs by turns with its baseline in one process on one thread. `--only
GROUP` runs one group and writes no file.
"""

from __future__ import annotations

import os

# One thread everywhere, before any array library starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import argparse
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from groups import side_by_side
from qpu_guard import guard_rows
from qpu_noise import noise_grid
from qpu_placements import against_level_3, exact_placements
from qpu_tiles import tile_rows
from qpu_trained import placed_again
from timing import Row

GROUPS: dict[str, Callable[[], Iterator[Row]]] = {
    "level-3": against_level_3,
    "tiles": tile_rows,
    "placements": exact_placements,
    "trained": placed_again,
    "noise": noise_grid,
    "guard": guard_rows,
}
"""Rows by the name of their group; each group is a function in a module of its own."""


def rows_of(name: str) -> list[dict[str, Any]]:
    """Run a group and return its rows, printed as they come."""
    warnings.filterwarnings("ignore")
    found = []
    for row in GROUPS[name]():
        found.append(asdict(row))
        print(json.dumps(found[-1]), flush=True)
    return found


def main() -> None:
    """Run the groups side by side and write the rows in their order."""
    parser = argparse.ArgumentParser(description="Measure what the whole chip gives.")
    parser.add_argument("--only", choices=list(GROUPS), help="one group of rows, no file")
    chosen = parser.parse_args().only
    if chosen is not None:
        rows_of(chosen)
        return
    side_by_side(rows_of, list(GROUPS), Path("build/bench-qpu.json"))


if __name__ == "__main__":
    main()
