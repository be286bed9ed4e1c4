"""Sequences to classes: rows of images, and sentences as word vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from qrnn_hw.tasks.core import Parameters, affine, linear
from qrnn_hw.tasks.cores import CoreOf
from qrnn_hw.tasks.task import Part, Task, content_digest, cross_entropy, pooled, shuffled

ROWS_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class ClassRows:
    """One part of a data set."""

    values: NDArray[np.float32]  # shape (n, T, d)
    lengths: NDArray[np.int32]  # shape (n,)
    classes: NDArray[np.int32]  # shape (n,)

    def __len__(self) -> int:
        return len(self.classes)

    def take(self, rows: Any) -> ClassRows:
        """Return some rows."""
        return ClassRows(self.values[rows], self.lengths[rows], self.classes[rows])


@dataclass(frozen=True, eq=False)
class ClassData:
    """A data set in three parts."""

    name: str
    training: ClassRows
    validation: ClassRows
    test: ClassRows
    n_classes: int
    source: str

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all rows."""
        parts = (self.training, self.validation, self.test)
        return content_digest(
            self.n_classes,
            *(a for rows in parts for a in (rows.values, rows.lengths, rows.classes)),
        )


def classification(
    data: ClassData,
    core_of: CoreOf,
    *,
    head: Literal["last", "mean"] = "last",
    n_projected: int | None = None,
    batch: int = 64,
) -> Task:
    """Return the task of giving each sequence its class.

    Args:
        data: in three parts.
        core_of: makes the core.
        head: what is read of a sequence: its last read-outs or their mean.
        n_projected: numbers of a step after a trained projection, tanh(x P + b); None gives the
            core the inputs themselves.
        batch: rows of a batch.
    """
    n_inputs = data.training.values.shape[2]
    core = core_of(n_projected or n_inputs)

    def init(key: jax.Array) -> Parameters:
        first, second, third = jax.random.split(key, 3)
        found = {"core": core.init(first), "head": linear(second, core.n_out, data.n_classes)}
        if n_projected:
            found["projection"] = linear(third, n_inputs, n_projected)
        return found

    def logits(p: Parameters, x: jax.Array, lengths: jax.Array, key: Any = None) -> jax.Array:
        if n_projected:
            x = jnp.tanh(affine(p["projection"], x))
        z, _ = core.run(p["core"], x, key=key)
        return affine(p["head"], pooled(z, lengths, head))

    def loss(p: Parameters, given: Any, key: Any, state: Any) -> tuple[jax.Array, Any]:
        x, lengths, classes = given
        return cross_entropy(logits(p, x, lengths, key), classes).mean(), state

    def epoch(generator: np.random.Generator) -> Iterator[Any]:
        for rows in shuffled(len(data.training), batch, generator):
            one = data.training.take(rows)
            yield one.values, one.lengths, one.classes

    predict = jax.jit(logits)

    def evaluate(p: Parameters, part: Part) -> dict[str, float]:
        rows: ClassRows = getattr(data, part)
        found = []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            # The last batch is filled up, so that one compiled program serves all.
            index = np.minimum(np.arange(start, start + ROWS_AT_ONCE), len(rows) - 1)
            one = rows.take(index)
            found.append(np.asarray(predict(p, one.values, one.lengths)).argmax(axis=-1))
        answers = np.concatenate(found)[: len(rows)]
        return {"accuracy": float((answers == rows.classes).mean())}

    facts = tuple((part, len(getattr(data, part))) for part in ("training", "validation", "test"))
    return Task(
        data.name,
        core,
        init,
        loss,
        epoch,
        len(data.training) // min(batch, len(data.training)),
        evaluate,
        "accuracy",
        rates=core.rates,
        facts=(("source", data.source), *facts),
        digest=lambda: data.digest,
    )
