"""Sentences word by word from a step: the best beams of each sentence, one beam being greedy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

Advance = Callable[[Any, jax.Array], tuple[Any, jax.Array]]
"""State of k n rows and the words (k n,) before to the next state and log p, (k n, n_words)."""


def decode(
    advance: Advance,
    state: Any,
    n_rows: int,
    *,
    begin: int,
    end: int,
    n_beams: int = 1,
    longest: int = 32,
) -> NDArray[np.int32]:
    """Return the likeliest sentence of each row, shape (n_rows, longest), `end` after its end.

    Sentences compete by their mean log p a word, ends included, so that short ones have no
    advantage. One beam is greedy decoding.

    Args:
        advance: one step for all beams of all rows.
        state: a pytree with the rows first; each is given `n_beams` times.
        n_rows: sentences.
        begin: the word before the first.
        end: the word that ends a sentence.
        n_beams: sentences that are followed at once.
        longest: most words.
    """
    k = n_beams
    state = jax.tree.map(lambda leaf: jnp.repeat(leaf, k, axis=0), state)
    words = np.full(n_rows * k, begin, np.int32)
    total = np.full((n_rows, k), -np.inf)
    total[:, 0] = 0.0  # at first all beams of a row are one
    ended = np.zeros((n_rows, k), bool)
    length = np.zeros((n_rows, k))
    found = np.full((n_rows, k, longest), end, np.int32)
    for place in range(longest):
        state, log_p = advance(state, jnp.asarray(words))
        step = np.array(log_p, dtype=float).reshape(n_rows, k, -1)
        step[ended] = -np.inf
        step[ended, end] = 0.0  # what has ended stays as it is
        n_words = step.shape[-1]
        grown = total[..., None] + step
        long = (length + ~ended)[..., None]
        best = np.argsort(-(grown / long).reshape(n_rows, -1), axis=1, kind="stable")[:, :k]
        beam, word = best // n_words, (best % n_words).astype(np.int32)
        rows = np.arange(n_rows)[:, None]
        total = grown.reshape(n_rows, -1)[rows, best]
        length = np.broadcast_to(long, grown.shape).reshape(n_rows, -1)[rows, best]
        ended, found = ended[rows, beam], found[rows, beam]
        found[..., place] = np.where(ended, end, word)
        ended |= word == end
        if ended.all():
            break
        words = word.ravel()
        taken = jnp.asarray((rows * k + beam).ravel())
        state = jax.tree.map(lambda leaf, taken=taken: jnp.take(leaf, taken, axis=0), state)
    mean = np.where(np.isfinite(total), total, -np.inf) / np.maximum(length, 1)
    return np.asarray(found[np.arange(n_rows), mean.argmax(axis=1)])
