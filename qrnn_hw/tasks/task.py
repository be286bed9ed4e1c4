"""What a task is: parameters, a loss on batches, a quality on the validation and test parts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qrnn_hw.tasks.core import Core, Parameters

Part = Literal["validation", "test"]
Batch = Any


@dataclass(frozen=True)
class Task:
    """A data set with a network on it; the core is one of its parts."""

    name: str
    core: Core
    init: Callable[[jax.Array], Parameters]
    """Key to parameters; those of the core stand under `core`."""

    loss: Callable[..., tuple[jax.Array, Any]]
    """(parameters, batch, key, state) to the loss and the state for the next batch."""

    epoch: Callable[[np.random.Generator], Iterator[Batch]]
    """The batches of one pass over the training part."""

    n_batches: int
    """Of an epoch."""

    evaluate: Callable[[Parameters, Part], dict[str, float]]
    quality: str
    """The entry of `evaluate` that decides between settings."""

    higher_is_better: bool = True
    state: Callable[[Parameters], Any] = lambda parameters: None
    """What is carried from the start of an epoch from batch to batch; None for nothing."""

    rates: Mapping[str, float] = field(default_factory=dict)
    """Learning rates of what stands under `core`, as `Core.rates` has them."""

    facts: tuple[tuple[str, Any], ...] = ()
    """What was read, for the record."""

    digest: Callable[[], str] = lambda: ""
    """SHA-256 of all rows and names that were read; of nothing where the rows are drawn."""


def content_digest(*content: Any) -> str:
    """Return the SHA-256 of arrays, and of other things by their `repr`."""
    found = hashlib.sha256()
    for one in content:
        if isinstance(one, np.ndarray):
            found.update(f"{one.dtype.str}{one.shape}".encode())
            found.update(np.ascontiguousarray(one).data)
        else:
            found.update(repr(one).encode())
    return found.hexdigest()


def cross_entropy(logits: jax.Array, classes: jax.Array) -> jax.Array:
    """Return -log p of the true classes, in nats, shape as the classes."""
    found: jax.Array = optax.softmax_cross_entropy_with_integer_labels(logits, classes)
    return found


def shuffled(
    n_rows: int, batch: int, generator: np.random.Generator
) -> Iterator[np.ndarray[Any, np.dtype[np.int64]]]:
    """Yield row numbers of an epoch in batches; a short rest waits for the next."""
    order = generator.permutation(n_rows)
    size = min(batch, n_rows)
    for start in range(0, n_rows - size + 1, size):
        yield order[start : start + size]


def pooled(z: jax.Array, lengths: jax.Array | None, head: Literal["last", "mean"]) -> jax.Array:
    """Return one vector a sequence from read-outs (batch, T, r): the last, or the mean.

    A sequence of no steps has read nothing: 0.
    """
    if lengths is None:
        return z[:, -1] if head == "last" else z.mean(axis=1)
    if head == "last":
        place = jnp.maximum(lengths - 1, 0)[:, None, None]
        return jnp.take_along_axis(z, place, axis=1)[:, 0] * (lengths > 0)[:, None]
    alive = (jnp.arange(z.shape[1]) < lengths[:, None]).astype(z.dtype)[..., None]
    return (z * alive).sum(axis=1) / jnp.maximum(lengths, 1)[:, None].astype(z.dtype)
