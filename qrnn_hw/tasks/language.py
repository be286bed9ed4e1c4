"""The next character or word of a text, with the state carried from window to window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import jax
import numpy as np
from numpy.typing import NDArray

from qrnn_hw.errors import DataError
from qrnn_hw.tasks.core import Parameters, affine, linear, normal
from qrnn_hw.tasks.cores import CoreOf
from qrnn_hw.tasks.task import Part, Task, cross_entropy
from qrnn_hw.tasks.text import TextData

HELD_STREAMS = 16
"""Streams that a held part is read in, side by side."""


def language(
    data: TextData,
    core_of: CoreOf,
    *,
    n_steps: int = 64,
    batch: int = 32,
    n_embedded: int = 16,
    state: Literal["carried", "fresh"] = "carried",
) -> Task:
    """Return the task; an epoch reads the text once, in `batch` streams side by side.

    The state goes on from one window to the next and the gradient does not: backpropagation is
    truncated to `n_steps`. Embeddings are trained with the rest. A circuit's state forgets nothing:
    after some hundred steps its read-outs are those of a random state, near 2^(-n/2). There each
    window may begin anew.

    Args:
        data: in three parts.
        core_of: makes the core.
        n_steps: of a window.
        batch: streams.
        n_embedded: numbers of a character or word.
        state: carried from window to window, or fresh in each, in training and when evaluated.

    Raises:
        DataError: the text is too short for the streams.
    """
    core, n_names = core_of(n_embedded), len(data.vocabulary)
    streams = _streams(data.training, batch)
    n_windows = (streams.shape[1] - 1) // n_steps
    if n_windows < 1:
        raise DataError(
            f"a text should have {batch} streams of {n_steps + 1} {data.unit} or more to train on. "
            f"Got {len(data.training):,} {data.unit} in {data.source}; use more text, or a smaller "
            "batch or n_steps."
        )

    def init(key: jax.Array) -> Parameters:
        first, second, third = jax.random.split(key, 3)
        return {
            "core": core.init(first),
            "head": linear(second, core.n_out, n_names),
            "embedding": normal(third, n_names, n_embedded, scale=1.0),
        }

    def losses(p: Parameters, ids: jax.Array, key: Any, before: Any) -> tuple[jax.Array, Any]:
        z, after = core.run(p["core"], p["embedding"][ids[:, :-1]], before, key)
        return cross_entropy(affine(p["head"], z), ids[:, 1:]), begun(p, len(ids), after)

    def begun(p: Parameters, n_streams: int, after: Any) -> Any:
        return after if state == "carried" else core.start(p["core"], n_streams)

    def loss(p: Parameters, ids: jax.Array, key: Any, before: Any) -> tuple[jax.Array, Any]:
        found, after = losses(p, ids, key, before)
        return found.mean(), after

    def epoch(generator: np.random.Generator) -> Iterator[NDArray[np.int32]]:
        # Another place to begin in each epoch, so that windows are not always cut alike.
        spare = (streams.shape[1] - 1) % n_steps
        at = int(generator.integers(spare + 1))
        for window in range(n_windows):
            begin = at + window * n_steps
            yield streams[:, begin : begin + n_steps + 1]

    follow = jax.jit(lambda p, ids, before: losses(p, ids, None, before))

    def evaluate(p: Parameters, part: Part) -> dict[str, float]:
        held = _streams(getattr(data, part), min(HELD_STREAMS, len(getattr(data, part)) // 2))
        before, total, count = core.start(p["core"], len(held)), 0.0, 0
        for begin in range(0, held.shape[1] - 1, n_steps):
            window = held[:, begin : begin + n_steps + 1]
            found, before = follow(p, window, before)
            total, count = total + float(found.sum()), count + found.size
        nats = total / count
        if data.unit == "words":
            return {"perplexity": float(np.exp(nats))}
        return {"bits_per_character": nats / float(np.log(2))}

    return Task(
        "language",
        core,
        init,
        loss,
        epoch,
        n_windows,
        evaluate,
        "perplexity" if data.unit == "words" else "bits_per_character",
        higher_is_better=False,
        state=lambda p: core.start(p["core"], batch),
        rates=core.rates,
        facts=(("source", data.source), ("vocabulary", n_names), (data.unit, len(data.training))),
        digest=lambda: data.digest,
    )


def _streams(ids: NDArray[np.int32], n_streams: int) -> NDArray[np.int32]:
    """Return the text as streams side by side, shape (n_streams, length); a rest is left out."""
    length = len(ids) // n_streams
    return ids[: length * n_streams].reshape(n_streams, length)
