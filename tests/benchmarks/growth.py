"""How time and memory of the exact engine grow with qubits, steps and batch.

Prints the table kept in docs/performance.md, draws docs/images/growth.svg and writes
build/growth.json. Each cell runs in a process of its own, so that its peak memory is its own; the
memory of the interpreter with its libraries is given apart.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SECONDS_LIMIT = 90
REPEATS = 15
QUBITS, STEPS, BATCHES = (3, 4, 5, 6, 7, 8, 9, 10), (4, 8, 16, 32, 64), (1, 8, 32, 128, 512)
BUILD, FIGURE = Path("build/growth.json"), Path("docs/images/growth.svg")


def measure(n_qubits: int, n_steps: int, batch: int) -> dict[str, float]:
    """Return CPU seconds of compilation and, the median, of value and gradient; peak MiB."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    from workloads import N_DATA, Workload, WorkloadNoise

    work = Workload(n_qubits - N_DATA, n_steps)
    model = work.engine(WorkloadNoise())
    rng = np.random.default_rng(0)
    weights = jnp.asarray(rng.uniform(-1, 1, work.n_weights))
    inputs = jnp.asarray(rng.uniform(-1, 1, (batch, n_steps, N_DATA)))
    lengths = jnp.full(batch, n_steps)
    before = _peak()

    def loss(w: jax.Array) -> jax.Array:
        return jnp.mean(model.distributions(w, inputs, lengths)[:, 0] ** 2)

    start = time.process_time()
    step = jax.jit(jax.value_and_grad(loss)).lower(weights).compile()
    compiled = time.process_time() - start
    jax.block_until_ready(step(weights))
    times: list[float] = []
    while len(times) < REPEATS and sum(times) < 10:
        start = time.process_time()
        jax.block_until_ready(step(weights))
        times.append(time.process_time() - start)
    return {
        "compile": compiled,
        "step": float(np.median(times)),
        "before": before,
        "peak": _peak(),
    }


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cells() -> list[tuple[int, int, int]]:
    """Vary qubits at T = 4 and batch 1, then steps and batch at n = 4."""
    by_qubits = [(n, 4, 1) for n in QUBITS]
    by_steps = [(4, t, 32) for t in STEPS]
    by_batch = [(4, 16, b) for b in BATCHES]
    return list(dict.fromkeys([*by_qubits, *by_steps, *by_batch]))


def in_own_process(cell: tuple[int, int, int]) -> dict[str, float] | None:
    """Measure a cell on one thread; None if it takes too long."""
    one_thread = {
        "OMP_NUM_THREADS": "1",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    }
    command = [sys.executable, __file__, *map(str, cell)]
    try:
        done = subprocess.run(
            command,
            check=True,
            capture_output=True,
            timeout=SECONDS_LIMIT,
            env={**os.environ, **one_thread},
        )
    except subprocess.TimeoutExpired:
        return None
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def draw(found: dict[tuple[int, int, int], dict[str, float]]) -> None:
    """Draw time and memory against qubits, steps and batch."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.hashsalt": "qrnn-hw", "font.size": 12})
    figure, axes = plt.subplots(2, 3, figsize=(9, 5.5), sharey="row", constrained_layout=True)
    kinds: list[tuple[str, int, Any]] = [
        ("qubits (T = 4, batch 1)", 0, [(n, 4, 1) for n in QUBITS]),
        ("steps (n = 4, batch 32)", 1, [(4, t, 32) for t in STEPS]),
        ("batch (n = 4, T = 16)", 2, [(4, 16, b) for b in BATCHES]),
    ]
    for column, (label, place, wanted) in enumerate(kinds):
        known = [cell for cell in wanted if cell in found]
        x = [cell[place] for cell in known]
        axes[0, column].plot(x, [1e3 * found[cell]["step"] for cell in known], "o-", color="C0")
        axes[1, column].plot(x, [found[cell]["peak"] for cell in known], "o-", color="C1")
        axes[0, column].set_yscale("log")
        axes[1, column].set_ylim(bottom=0)
        axes[1, column].set_xlabel(label)
        for axis in axes[:, column]:
            axis.grid(alpha=0.3)
            if place:
                axis.set_xscale("log", base=2)
                axis.set_xticks(x, [str(value) for value in x])
    axes[0, 0].set_ylabel("value and gradient, ms")
    axes[1, 0].set_ylabel("peak memory, MiB")
    figure.savefig(FIGURE, metadata={"Date": None})


def main() -> None:
    """Run each cell in a process of its own, print a row for it, and draw all."""
    if len(sys.argv) == 4:
        print(json.dumps(measure(*map(int, sys.argv[1:]))))
        return
    print("| n | T | batch | compile s | value and gradient ms | a sample ms | peak MiB |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    measured = {}
    for cell in cells():
        n, t, batch = cell
        found = in_own_process(cell)
        if found is None:
            print(f"| {n} | {t} | {batch} | over {SECONDS_LIMIT} s in all | | | |", flush=True)
            continue
        measured[cell] = found
        each = 1e3 * found["step"]
        print(
            f"| {n} | {t} | {batch} | {found['compile']:.1f} | {each:.1f} | {each / batch:.3f} | "
            f"{found['peak']:.0f} ({found['before']:.0f} before) |",
            flush=True,
        )
    BUILD.parent.mkdir(exist_ok=True)
    rows = [dict(zip(("n", "T", "batch"), c, strict=True)) | f for c, f in measured.items()]
    BUILD.write_text(json.dumps(rows, indent=2), encoding="utf-8")
    draw(measured)


if __name__ == "__main__":
    main()
