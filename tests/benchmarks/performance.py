"""Every figure that the engine promises, beside its baseline.

Run by `make bench`; writes build/bench.json and prints the table kept in docs/performance.md. A
function and its baseline run by turns in one process on one thread, and the ratio of their median
CPU times is the figure. Aer's errors come in two forms, composed lists of terms and one Kraus
error each, which differ in speed. Rows against PennyLane and tensorcircuit-ng need the `peers`
extra and are skipped without it. `--only GROUP` runs one group and writes no file.
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
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from speed_engine import agreement, exact_against_shots, machine_step, training, wide_forward
from speed_peers import (
    against_qiskit_machine_learning,
    gradients_against_peers,
    hybrid_against_pennylane,
)
from timing import Row


def help_text() -> Iterator[Row]:
    """The command's help, in a process of its own."""
    command = [sys.executable, "-c", "from qrnn_hw.cli import main; main()", "--help"]
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    said = "none; a new process"
    yield Row.at_most("qrnn-hw --help (CPU s)", float(np.median(spent)), said, 0.3)
    script = (
        "import sys, qrnn_hw.cli.app; print(sum(m.split('.')[0] == 'qiskit' for m in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    yield Row.at_most("qiskit modules imported by the command's help", int(found.stdout), said, 0)


GROUPS: dict[str, Callable[[], Iterator[Row]]] = {
    "agreement": agreement,
    "shots": exact_against_shots,
    "peers": gradients_against_peers,
    "machine-learning": against_qiskit_machine_learning,
    "wide": wide_forward,
    "hybrid": hybrid_against_pennylane,
    "step": machine_step,
    "training": training,
    "help": help_text,
}


def main() -> None:
    """Run the groups, print the table, write the rows."""
    parser = argparse.ArgumentParser(description="Measure the engine beside its baselines.")
    parser.add_argument("--only", choices=list(GROUPS), help="one group of rows")
    chosen = parser.parse_args().only
    warnings.filterwarnings("ignore")
    began, rows = time.monotonic(), []
    print("| what | measured | target | holds | baseline |\n|---|--:|--:|---|---|")
    for name, group in GROUPS.items():
        if chosen in (None, name):
            for row in group():
                rows.append(row)
                measured = "" if row.measured is None else f"{row.measured:.3g}"
                holds = {True: "yes", False: "**no**", None: ""}[row.holds]
                print(
                    f"| {row.name} | {measured} | {row.target:g} | {holds} | {row.baseline} |",
                    flush=True,
                )
    if chosen is None:
        document = json.dumps([asdict(row) for row in rows], indent=2) + "\n"
        Path("build").mkdir(exist_ok=True)
        Path("build/bench.json").write_text(document)
    print(f"\n{time.monotonic() - began:.0f} s in all.")


if __name__ == "__main__":
    main()
