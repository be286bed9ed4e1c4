"""How functions are timed beside each other, by turns in CPU time, and what they are given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from qiskit_aer import AerSimulator
from workloads import W1, Workload, WorkloadNoise

BATCH = 32
SEED = 0


@dataclass(frozen=True)
class Row:
    """A figure and its target; `measured` is None where the row was skipped."""

    name: str
    measured: float | None
    baseline: str
    target: float
    holds: bool | None

    @classmethod
    def at_least(cls, name: str, measured: float, baseline: str, target: float) -> Row:
        return cls(name, measured, baseline, target, bool(measured >= target))

    @classmethod
    def at_most(cls, name: str, measured: float, baseline: str, target: float) -> Row:
        return cls(name, measured, baseline, target, bool(measured <= target))

    @classmethod
    def skipped(cls, name: str, why: str, target: float) -> Row:
        return cls(name, None, f"skipped: {why}", target, None)


def by_turns(
    functions: dict[str, Callable[[], Any]], repeats: int, warm: bool = True
) -> dict[str, float]:
    """Return the median CPU milliseconds of each function, run one after the other by turns."""
    if warm:
        for function in functions.values():
            jax.block_until_ready(function())
    spent: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.process_time()
            jax.block_until_ready(function())
            spent[name].append(time.process_time() - start)
    return {name: 1e3 * float(np.median(times)) for name, times in spent.items()}


def often(function: Callable[[], Any], times: int) -> Callable[[], Any]:
    """Repeat a function that is short against the clock's grain."""

    def repeated() -> Any:
        for _ in range(times - 1):
            jax.block_until_ready(function())
        return function()

    return repeated


def values(work: Workload, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (p,) and inputs (batch, T, 2)."""
    rng = np.random.default_rng(SEED)
    return rng.uniform(-1, 1, work.n_weights), rng.uniform(-1, 1, (batch, work.n_steps, 2))


def shots_simulator(noise: WorkloadNoise, form: str) -> AerSimulator:
    return AerSimulator(
        method="statevector",
        noise_model=noise.aer_model(composed=form == "composed"),
        max_parallel_threads=1,
    )


def matrix_simulator(noise: WorkloadNoise, **options: Any) -> AerSimulator:
    return AerSimulator(
        method="density_matrix", noise_model=noise.aer_model(), max_parallel_threads=1, **options
    )


def gradient_step(noise: WorkloadNoise, inputs: np.ndarray) -> Any:
    """Return our compiled loss mean (z - 1)^2 and its gradient, z of hidden qubit 1."""
    model = W1.engine(noise)
    rows, lengths = jnp.asarray(inputs), jnp.full(len(inputs), W1.n_steps)
    signs = jnp.array([1.0, 1.0, -1.0, -1.0])

    def loss(w: jax.Array) -> jax.Array:
        return jnp.mean((model.distributions(w, rows, lengths) @ signs - 1) ** 2)

    return jax.jit(jax.value_and_grad(loss))
