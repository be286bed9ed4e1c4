"""The data qubits of every step as the inputs turn them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from circuits.exact.operations import Channel, Rotation
from circuits.exact.pauli import rotation_matrix
from circuits.exact.split import SplitStep

if TYPE_CHECKING:
    from circuits.exact.sequence import SequenceModel


def encoded_steps(model: SequenceModel, split: SplitStep, features: jax.Array) -> jax.Array:
    """Return the data qubits of each step after the encoding, the first step's from |0>.

    Args:
        model: whose step was split.
        split: of that step.
        features: shape (batch, T, d).

    Returns:
        Product vectors, shape (batch, T, 4**nd).
    """
    first = _encoded(model, split, features[:, :1], split.fresh)
    later = _encoded(model, split, features, split.reset_to)
    return later.at[:, 0].set(first[:, 0])


def _encoded(
    model: SequenceModel, split: SplitStep, features: jax.Array, start: Sequence[Any]
) -> jax.Array:
    def one(x: jax.Array) -> jax.Array:
        angles = model.step.angles(jnp.concatenate([x, jnp.zeros(model.n_weights)]))
        joint = jnp.ones((1,))
        for position, qubit in enumerate(model.data_qubits):
            vector = jnp.asarray(start[position])
            for operation in split.encoding:
                if isinstance(operation, Channel) and operation.qubits == (qubit,):
                    vector = jnp.asarray(operation.matrix) @ vector
                elif isinstance(operation, Rotation) and operation.qubit == qubit:
                    vector = rotation_matrix(operation.axis, angles[operation.angle]) @ vector
            joint = (joint[:, None] * vector[None, :]).ravel()
        return joint

    return jax.vmap(jax.vmap(one))(features)
