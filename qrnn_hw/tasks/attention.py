"""Soft attention of a decoder's read-outs over an encoder's (Luong et al., arXiv:1508.04025)."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from qrnn_hw.tasks.core import Parameters, affine, linear, normal

NOWHERE = -1e9
"""Score of a step that is padding."""


def attention_parameters(key: jax.Array, n_read: int, n_mixed: int, n_words: int) -> Parameters:
    """Draw the query, the layer that mixes context and read-outs, and the output layer."""
    first, second, third = jax.random.split(key, 3)
    return {
        "query": normal(first, n_read, n_read),
        "mix": linear(second, 2 * n_read, n_mixed),
        "out": linear(third, n_mixed, n_words),
    }


def attend(
    p: Parameters, read: jax.Array, memory: jax.Array, is_word: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Return logits (batch, T, n_words) and where the decoder looked, (batch, T, S).

    Args:
        p: as `attention_parameters` gives them.
        read: of the decoder, shape (batch, T, n_read).
        memory: of the encoder, shape (batch, S, n_read).
        is_word: which steps of the memory count, shape (batch, S).
    """
    scores = jnp.einsum("btr,rk,bsk->bts", read, p["query"], memory)
    weights = jax.nn.softmax(jnp.where(is_word[:, None], scores, NOWHERE), axis=-1)
    context = jnp.einsum("bts,bsk->btk", weights, memory)
    mixed = jnp.tanh(affine(p["mix"], jnp.concatenate([context, read], axis=-1)))
    return affine(p["out"], mixed), weights
