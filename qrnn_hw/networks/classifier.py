"""A sentence classifier: word vectors -> angles -> recurrent circuit -> decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.definition import Architecture
from circuits.exact.sequence import SequenceModel


class Weights(NamedTuple):
    """All trained numbers; a JAX pytree."""

    projection: jax.Array  # shape (dim, d)
    """Word vector to features: angles = pi tanh(vector @ projection + offset)."""

    offset: jax.Array  # shape (d,)
    quantum: jax.Array  # shape (p,)
    """Rotation angles of the circuit, radians."""

    decision: jax.Array  # shape (2**m,)
    """Score of each outcome; a sentence's score is the mean over shots, its class the sign."""

    @property
    def n_parameters(self) -> int:
        """Number of trained numbers."""
        return sum(int(np.size(part)) for part in self)

    def is_finite(self) -> bool:
        """Say whether every number is finite."""
        return all(bool(np.isfinite(part).all()) for part in self)


def angles(weights: Weights, vectors: jax.Array) -> jax.Array:
    """Return the encoded angles in (-pi, pi), shape (..., d), of word vectors (..., dim)."""
    return jnp.pi * jnp.tanh(vectors @ weights.projection + weights.offset)


def scores(
    model: SequenceModel, weights: Weights, vectors: jax.Array, lengths: jax.Array
) -> jax.Array:
    """Return the infinite-shot score of each sentence, shape (batch,).

    Args:
        model: exact engine of the circuit.
        weights: of the classifier.
        vectors: word vectors, zero beyond each length, shape (batch, T, dim).
        lengths: words of each sentence, shape (batch,).
    """
    distributions = model.distributions(weights.quantum, angles(weights, vectors), lengths)
    return distributions @ weights.decision


def initial_weights(
    architecture: Architecture, projection: NDArray[np.float64], *, seed: int
) -> Weights:
    """Return weights to start training from.

    Small random rotations; the given projection, repeated if the model takes more features than
    it has columns; a decision that sets the first readout bit against the second where there are
    two (the published models' difference of <Z>), and reads bit 0 where there is one.

    Args:
        architecture: of the circuit.
        projection: fitted on training rows, shape (dim, k).
        seed: of the random rotations.
    """
    generator = np.random.default_rng(seed)
    repeats = -(-architecture.n_features // projection.shape[1])
    columns = np.tile(projection, (1, repeats))[:, : architecture.n_features]
    n_bits = len(architecture.readout)
    outcomes = np.arange(2**n_bits)
    signs = 1.0 - 2.0 * ((outcomes[:, None] >> np.arange(n_bits)) & 1)
    decision = signs[:, 0] if n_bits == 1 else (signs[:, 0] - 0.5 * signs[:, 1:].sum(1))
    return Weights(
        projection=jnp.asarray(columns, dtype=float),
        offset=jnp.zeros(architecture.n_features),
        quantum=jnp.asarray(generator.normal(0.0, 0.3, architecture.n_weights)),
        decision=jnp.asarray(decision / np.abs(decision).max()),
    )


@dataclass(frozen=True)
class Examples:
    """Labelled sentences as arrays."""

    vectors: NDArray[np.float64]  # shape (n, T, dim)
    lengths: NDArray[np.int64]  # shape (n,)
    labels: NDArray[np.int64]  # shape (n,), 0 or 1

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: NDArray[np.int64]) -> Examples:
        """Return some rows."""
        return Examples(self.vectors[rows], self.lengths[rows], self.labels[rows])


def accuracy(scores_of: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the share of scores (n,) with the sign of their label; a score of 0 is class 0."""
    return float(np.mean((np.asarray(scores_of) > 0) == (labels == 1)))
