"""What the whole chip gives: noise as data, placements, tiles, each figure beside its baseline.

Run by `make bench-qpu`; writes build/bench-qpu.json and prints the rows as they come. What is
timed runs by turns with its baseline in one process on one thread. `--only GROUP` runs one group
and writes no file.
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
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from qpu_guard import guard_rows
from qpu_noise import noise_grid
from qpu_placements import against_level_3, exact_placements
from qpu_tiles import tile_rows
from qpu_trained import placed_again
from timing import Row

GROUPS: dict[str, Callable[[], Iterator[Row]]] = {
    "noise": noise_grid,
    "placements": exact_placements,
    "level-3": against_level_3,
    "trained": placed_again,
    "tiles": tile_rows,
    "guard": guard_rows,
}
"""Rows by the name of their group; each group is a function in a module of its own."""


def main() -> None:
    """Run the groups and write the rows."""
    parser = argparse.ArgumentParser(description="Measure what the whole chip gives.")
    parser.add_argument("--only", choices=list(GROUPS), help="one group of rows")
    chosen = parser.parse_args().only
    warnings.filterwarnings("ignore")
    began, rows = time.monotonic(), []
    for name, group in GROUPS.items():
        if chosen not in (None, name):
            continue
        for row in group():
            rows.append(row)
            print(json.dumps(asdict(row)), flush=True)
    print(f"{time.monotonic() - began:.0f} s")
    if chosen is None:
        path = Path("build/bench-qpu.json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
