"""How time and memory of the exact engine grow with qubits, steps and batch.

Prints the table kept in docs/performance.md. Each cell runs in a process of its own, so that its
peak memory is its own; the memory of the interpreter with its libraries is given apart.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time

SECONDS_LIMIT = 90
QUBITS, STEPS, BATCHES = (3, 4, 5, 6, 7, 8, 9, 10), (4, 16, 64), (1, 32, 512)


def measure(n_qubits: int, n_steps: int, batch: int) -> dict[str, float]:
    """Return CPU seconds of compilation and of one value and gradient, and peak MiB."""
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
    start = time.process_time()
    jax.block_until_ready(step(weights))
    return {
        "compile": compiled,
        "step": time.process_time() - start,
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


def main() -> None:
    """Run each cell in a process of its own and print a row for it."""
    if len(sys.argv) == 4:
        print(json.dumps(measure(*map(int, sys.argv[1:]))))
        return
    print("| n | T | batch | compile s | value and gradient ms | a sample ms | peak MiB |")
    print("|--:|--:|--:|--:|--:|--:|--:|")
    one_thread = {
        "OMP_NUM_THREADS": "1",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    }
    for n, t, batch in cells():
        command = [sys.executable, __file__, str(n), str(t), str(batch)]
        try:
            done = subprocess.run(
                command,
                check=True,
                capture_output=True,
                timeout=SECONDS_LIMIT,
                env={**os.environ, **one_thread},
            )
        except subprocess.TimeoutExpired:
            print(f"| {n} | {t} | {batch} | over {SECONDS_LIMIT} s in all | | | |", flush=True)
            continue
        found = json.loads(done.stdout.splitlines()[-1])
        each = 1e3 * found["step"]
        print(
            f"| {n} | {t} | {batch} | {found['compile']:.1f} | {each:.1f} | {each / batch:.3f} | "
            f"{found['peak']:.0f} ({found['before']:.0f} before) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
