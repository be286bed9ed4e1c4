"""Classical recurrent cores: Elman's network, LSTM, GRU and one with an orthogonal matrix."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from qrnn_hw.tasks.core import Carry, Core, Parameters, normal, zeros


def rnn(n_inputs: int, n_hidden: int) -> Core:
    """Return Elman's network (1990), h = tanh(x W + h R + b), R orthogonal at the start."""

    def init(key: jax.Array) -> Parameters:
        first, second = jax.random.split(key)
        square = jax.nn.initializers.orthogonal()(second, (n_hidden, n_hidden), jnp.float32)
        return {"in": normal(first, n_inputs, n_hidden), "back": square, "b": zeros(n_hidden)}

    def step(p: Parameters, h: Carry, u: jax.Array) -> tuple[Carry, jax.Array]:
        h = jnp.tanh(u + h @ p["back"])
        return h, h

    return Core(init, lambda p, batch: zeros(batch, n_hidden), _driven, step, n_hidden)


def gru(n_inputs: int, n_hidden: int) -> Core:
    """Return the gated unit of Cho et al. (arXiv:1406.1078), reset after the product."""

    def step(p: Parameters, h: Carry, u: jax.Array) -> tuple[Carry, jax.Array]:
        update, reset, candidate = jnp.split(u, 3, axis=-1)
        of_update, of_reset, of_candidate = jnp.split(h @ p["back"], 3, axis=-1)
        kept = jax.nn.sigmoid(update + of_update)
        new = jnp.tanh(candidate + jax.nn.sigmoid(reset + of_reset) * of_candidate)
        h = kept * h + (1 - kept) * new
        return h, h

    init = _gated(n_inputs, n_hidden, 3, opened=None)
    return Core(init, lambda p, batch: zeros(batch, n_hidden), _driven, step, n_hidden)


def lstm(n_inputs: int, n_hidden: int) -> Core:
    """Return the cell of Hochreiter and Schmidhuber (1997), its forget gate open at the start."""

    def step(p: Parameters, state: Carry, u: jax.Array) -> tuple[Carry, jax.Array]:
        h, cell = state
        let_in, forget, candidate, let_out = jnp.split(u + h @ p["back"], 4, axis=-1)
        cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(let_in) * jnp.tanh(candidate)
        h = jax.nn.sigmoid(let_out) * jnp.tanh(cell)
        return (h, cell), h

    def start(p: Parameters, batch: int) -> Carry:
        return zeros(batch, n_hidden), zeros(batch, n_hidden)

    init = _gated(n_inputs, n_hidden, 4, opened=1)
    return Core(init, start, _driven, step, n_hidden)


def orthogonal(n_inputs: int, n_hidden: int) -> Core:
    """Return a network whose recurrent matrix W stays orthogonal, with modReLU units.

    W = (1 + A)^-1 (1 - A) of a skew-symmetric A, which starts with blocks of random rotations
    (Helfrich, Willmott and Ye, ICML 2018).
    """
    upper = np.triu_indices(n_hidden, 1)

    def init(key: jax.Array) -> Parameters:
        first, second, third = jax.random.split(key, 3)
        turned = jax.random.uniform(second, (n_hidden // 2,), jnp.float32, maxval=jnp.pi / 2)
        first_of_pair = 2 * jnp.arange(n_hidden // 2)
        # Half the tangent of an angle in A is a rotation by it in W.
        skew = zeros(n_hidden, n_hidden).at[first_of_pair, first_of_pair + 1]
        bias = jax.random.uniform(third, (n_hidden,), jnp.float32, -0.01, 0.01)
        return {
            "in": normal(first, n_inputs, n_hidden),
            "skew": skew.set(jnp.tan(turned / 2))[upper],
            "b": bias,
        }

    def prepared(p: Parameters) -> Parameters:
        skew = zeros(n_hidden, n_hidden).at[upper].set(p["skew"])
        skew = skew - skew.T
        one = jnp.eye(n_hidden, dtype=jnp.float32)
        return {**p, "back": jnp.linalg.solve(one + skew, one - skew).T}

    def step(p: Parameters, h: Carry, u: jax.Array) -> tuple[Carry, jax.Array]:
        h = h @ p["back"] + u
        h = jnp.sign(h) * jax.nn.relu(jnp.abs(h) + p["b"])
        return h, h

    return Core(
        init,
        lambda p, batch: zeros(batch, n_hidden),
        lambda p, x: x @ p["in"],
        step,
        n_hidden,
        prepared,
    )


def _driven(p: Parameters, x: jax.Array) -> jax.Array:
    driven: jax.Array = x @ p["in"] + p["b"]
    return driven


def _gated(
    n_inputs: int, n_hidden: int, n_gates: int, opened: int | None
) -> Callable[[jax.Array], Parameters]:
    def init(key: jax.Array) -> Parameters:
        first, second = jax.random.split(key)
        bias = zeros(n_gates, n_hidden)
        bias = bias if opened is None else bias.at[opened].set(1.0)
        return {
            "in": normal(first, n_inputs, n_gates * n_hidden),
            "back": normal(second, n_hidden, n_gates * n_hidden),
            "b": bias.ravel(),
        }

    return init
