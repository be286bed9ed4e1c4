"""A small autoencoder of word vectors, 100-64-d-64-100, as the first source reduced them."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from qrnn_hw.errors import UsageError

HIDDEN = 64
EPOCHS = 100
LEARNING_RATE = 1e-3

Layers = list[tuple[jax.Array, jax.Array]]


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """Linear, ReLU, Linear to the code; Linear, ReLU, Linear back."""

    layers: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...]
    """Matrix and offset of the four layers; the first two are the encoder."""

    losses: tuple[float, ...]
    """Mean squared error before each epoch."""

    def encode(self, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the codes, shape (..., d), of word vectors, shape (..., 100)."""
        (first, offset), (second, shift) = self.layers[:2]
        return np.asarray(np.maximum(vectors @ first + offset, 0) @ second + shift)


def fit_autoencoder(words: NDArray[np.float64], n_codes: int, *, seed: int) -> Autoencoder:
    """Train on word vectors: full batch, Adam 1e-3, 100 epochs, mean squared error.

    The code itself has no ReLU, a reading: codes would else be zero for many words. Weights start
    uniform in +-1 / sqrt(number of inputs).

    Args:
        words: of training rows, shape (m, dim).
        n_codes: d.
        seed: of the start.

    Raises:
        UsageError: no words, or d is not between 1 and dim.
    """
    if not (len(words) and 1 <= n_codes <= words.shape[1]):
        raise UsageError(
            f"an autoencoder should have words and 1 to {words.shape[1]} codes. "
            f"Got {len(words)} words and {n_codes} codes."
        )
    dim = words.shape[1]
    generator = np.random.default_rng(seed)
    sizes = ((dim, HIDDEN), (HIDDEN, n_codes), (n_codes, HIDDEN), (HIDDEN, dim))
    layers = [
        tuple(
            jnp.asarray(generator.uniform(-(inputs**-0.5), inputs**-0.5, shape))
            for shape in ((inputs, outputs), (outputs,))
        )
        for inputs, outputs in sizes
    ]
    fitted, losses = _fit(layers, jnp.asarray(words))
    return Autoencoder(
        tuple((np.asarray(matrix), np.asarray(offset)) for matrix, offset in fitted),
        tuple(np.asarray(losses).tolist()),
    )


@jax.jit
def _fit(layers: Layers, words: jax.Array) -> tuple[Layers, jax.Array]:
    optimiser = optax.adam(LEARNING_RATE)

    def loss(parameters: Layers) -> jax.Array:
        values = words
        for place, (matrix, offset) in enumerate(parameters):
            values = values @ matrix + offset
            if place in (0, 2):
                values = jax.nn.relu(values)
        return jnp.mean((values - words) ** 2)

    def epoch(
        carry: tuple[Layers, optax.OptState], _: None
    ) -> tuple[tuple[Layers, optax.OptState], jax.Array]:
        parameters, state = carry
        value, slopes = jax.value_and_grad(loss)(parameters)
        updates, state = optimiser.update(slopes, state)
        return (optax.apply_updates(parameters, updates), state), value

    (fitted, _), losses = jax.lax.scan(epoch, (layers, optimiser.init(layers)), None, length=EPOCHS)
    return fitted, losses
