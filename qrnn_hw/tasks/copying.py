"""Copying memory: symbols, a long wait, and the symbols again (Hochreiter and Schmidhuber 1997)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from qrnn_hw.tasks.core import Parameters, affine, linear
from qrnn_hw.tasks.cores import CoreOf
from qrnn_hw.tasks.task import Part, Task, cross_entropy

Rows = tuple[NDArray[np.float32], NDArray[np.int32]]


def draw(
    generator: np.random.Generator, n_rows: int, delay: int, n_symbols: int, n_copied: int
) -> Rows:
    """Return one-hot inputs (n, T, n_symbols + 2) and classes (n, T), T = delay + 2 n_copied.

    Symbols stand at the start, then blanks, one of which asks for the answer, and the symbols are
    the last classes; all others are the blank's.
    """
    blank, ask, n_steps = n_symbols, n_symbols + 1, delay + 2 * n_copied
    symbols = generator.integers(n_symbols, size=(n_rows, n_copied))
    given = np.full((n_rows, n_steps), blank)
    given[:, :n_copied] = symbols
    given[:, delay + n_copied - 1] = ask
    wanted = np.full((n_rows, n_steps), blank)
    wanted[:, -n_copied:] = symbols
    return np.eye(n_symbols + 2, dtype=np.float32)[given], wanted.astype(np.int32)


def chance(delay: int, n_symbols: int = 8, n_copied: int = 10) -> float:
    """Return the cross-entropy of the best answer without memory."""
    return float(n_copied * np.log(n_symbols) / (delay + 2 * n_copied))


def copying(
    core_of: CoreOf,
    *,
    delay: int = 50,
    n_symbols: int = 8,
    n_copied: int = 10,
    batch: int = 32,
    n_batches: int = 100,
    n_held: int = 256,
) -> Task:
    """Return the task; its rows are drawn, so that an epoch is just `n_batches` batches.

    Args:
        core_of: makes the core.
        delay: steps between the last symbol and the first answer.
        n_symbols: different symbols.
        n_copied: symbols of a sequence.
        batch: rows of a batch.
        n_batches: of an epoch.
        n_held: rows of the validation and of the test part, from seeds of their own.
    """
    core = core_of(n_symbols + 2)
    sizes = delay, n_symbols, n_copied

    def init(key: jax.Array) -> Parameters:
        first, second = jax.random.split(key)
        return {"core": core.init(first), "head": linear(second, core.n_out, n_symbols + 1)}

    def logits(p: Parameters, x: jax.Array, key: Any = None) -> jax.Array:
        return affine(p["head"], core.run(p["core"], x, key=key)[0])

    def loss(p: Parameters, given: Any, key: Any, state: Any) -> tuple[jax.Array, Any]:
        return cross_entropy(logits(p, given[0], key), given[1]).mean(), state

    def epoch(generator: np.random.Generator) -> Iterator[Rows]:
        for _ in range(n_batches):
            yield draw(generator, batch, *sizes)

    predict = jax.jit(logits)

    def evaluate(p: Parameters, part: Part) -> dict[str, float]:
        seed = {"validation": 1, "test": 2}[part]
        x, wanted = draw(np.random.default_rng([seed, *sizes]), n_held, *sizes)
        found = predict(p, x)
        recalled = np.asarray(found).argmax(axis=-1)[:, -n_copied:] == wanted[:, -n_copied:]
        return {
            "cross_entropy": float(jnp.mean(cross_entropy(found, jnp.asarray(wanted)))),
            "recalled": float(recalled.mean()),
        }

    facts = (("delay", delay), ("symbols", n_symbols), ("copied", n_copied))
    return Task(
        "copy",
        core,
        init,
        loss,
        epoch,
        n_batches,
        evaluate,
        "cross_entropy",
        higher_is_better=False,
        rates=core.rates,
        facts=(*facts, ("chance", chance(delay, n_symbols, n_copied))),
    )
