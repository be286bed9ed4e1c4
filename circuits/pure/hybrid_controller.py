"""The classical network of the hybrid: theta_t = pi tanh(network([x_t; z_{t-1}])).

The network is Linear, one of {linear, ReLU, GELU, GLU}, dropout, Linear. Published are the kinds
of activation and the dropout; the sizes and the tanh that bounds the angles are readings.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, pi, sqrt
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from circuits.errors import CircuitsError
from circuits.outcomes import outcome_signs

Activation = Literal["linear", "relu", "gelu", "glu"]
Weights = dict[str, jax.Array]
WEIGHT_NAMES = ("in", "in_bias", "out", "out_bias")

START_SCALE = 0.1
"""Of the output weights at the start, beside variance 1 / (number of inputs). At 1 the first
angles are random over the whole circle and training does not recover (docs/models.md)."""


class Trace(NamedTuple):
    """What the derivatives of the angles need, rows first."""

    hidden: jax.Array
    """Shape (..., n_hidden)."""

    hidden_slope: jax.Array
    """Of the hidden units by what enters them, shape (..., width); width is twice n_hidden for
    `glu`, where each unit has two inputs."""

    angle_slope: jax.Array
    """Of the angles by what enters them, shape (..., n_angles)."""


@dataclass(frozen=True)
class Controller:
    """Shapes and kind of the network; its weights are a dict of arrays."""

    n_features: int
    n_readouts: int
    n_angles: int
    n_hidden: int = 32
    activation: Activation = "gelu"
    dropout: float = 0.0
    """Probability that a hidden unit is left out while training."""

    start_scale: float = field(default=START_SCALE, repr=False)
    """Factor of the output weights at the start: small angles, a circuit near the identity. Not
    part of what a trained controller is known by."""

    def __post_init__(self) -> None:
        """Check the activation and the dropout."""
        if self.activation not in get_args(Activation):
            raise CircuitsError(
                f"the activation should be one of {', '.join(sorted(get_args(Activation)))}. "
                f"Got {self.activation!r}."
            )
        if not 0 <= self.dropout < 1:
            raise CircuitsError(f"dropout should be in [0, 1). Got {self.dropout}.")
        if not (isfinite(self.start_scale) and self.start_scale > 0):
            raise CircuitsError(
                "the start scale should be a positive number, since a controller whose output "
                f"weights are 0 sees no input. Got {self.start_scale}."
            )

    @property
    def n_weights(self) -> int:
        """Number of trainable classical weights."""
        width = self._width
        inputs = self.n_features + self.n_readouts
        return (inputs + 1) * width + (self.n_hidden + 1) * self.n_angles

    @property
    def _width(self) -> int:
        return 2 * self.n_hidden if self.activation == "glu" else self.n_hidden

    def initial_weights(self, key: jax.Array) -> Weights:
        """Draw weights of variance 1 / (number of inputs), those of the output times the start
        scale; biases are 0."""
        first, second = jax.random.split(key)
        inputs = self.n_features + self.n_readouts
        return {
            "in": jax.random.normal(first, (inputs, self._width)) / sqrt(inputs),
            "in_bias": jnp.zeros(self._width),
            "out": jax.random.normal(second, (self.n_hidden, self.n_angles))
            * (self.start_scale / sqrt(self.n_hidden)),
            "out_bias": jnp.zeros(self.n_angles),
        }

    def angles(self, weights: Weights, x: Any, z: Any, key: jax.Array | None = None) -> jax.Array:
        """Return theta, shape (..., n_angles), in [-pi, pi].

        Args:
            weights: as `initial_weights` gives them.
            x: features, shape (..., n_features).
            z: readouts of the step before, shape (..., n_readouts); 0 in the first step.
            key: draws the dropout; None while predicting.
        """
        x, z = jnp.asarray(x), jnp.asarray(z)
        kept = (
            None
            if key is None
            else self.kept(key, jnp.broadcast_shapes(x.shape[:-1], z.shape[:-1]))
        )
        return self.traced(weights, self.projected(weights, x), z, kept)[0]

    def projected(self, weights: Weights, x: jax.Array) -> jax.Array:
        """Return what features (..., n_features) add to the first layer, bias included."""
        return x @ weights["in"][: self.n_features] + weights["in_bias"]

    def kept(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array | None:
        """Draw which hidden units stay, shape (..., n_hidden); None without dropout."""
        if not self.dropout:
            return None
        return jax.random.bernoulli(key, 1 - self.dropout, (*shape, self.n_hidden))

    def traced(
        self, weights: Weights, projected: jax.Array, z: jax.Array, kept: jax.Array | None
    ) -> tuple[jax.Array, Trace]:
        """Return theta, from `projected` features, readouts and `kept` units (None for all).

        Both are taken in one pass: the activation, the dearest part of a step of few qubits, is
        then computed once for a value and its gradient.
        """
        hidden, slope = self._activated(projected + z @ weights["in"][self.n_features :])
        if kept is not None:
            factor = kept.astype(hidden.dtype) / (1 - self.dropout)
            hidden, slope = hidden * factor, slope * self._by_input(factor)
        bounded = jnp.tanh(hidden @ weights["out"] + weights["out_bias"])
        return pi * bounded, Trace(hidden, slope, pi * (1 - bounded**2))

    def pulled(
        self, weights: Weights, trace: Trace, cotangent: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """Carry the cotangent of theta back to what enters the angles, the hidden units, and z."""
        angles = cotangent * trace.angle_slope
        units = trace.hidden_slope * self._by_input(angles @ weights["out"].T)
        return angles, units, units @ weights["in"][self.n_features :].T

    def weight_cotangents(
        self, trace: Trace, z: jax.Array, angles: jax.Array, units: jax.Array
    ) -> Weights:
        """Return the cotangent of the weights, what they do to `projected` left out.

        Args:
            trace: of the rows.
            z: read-outs that the rows were given.
            angles: cotangents of what entered the angles, as `pulled` gives them.
            units: the same of the hidden units.
        """
        rows = tuple(range(angles.ndim - 1))
        features = jnp.zeros((self.n_features, self._width), units.dtype)
        return {
            "in": jnp.concatenate([features, jnp.tensordot(z, units, (rows, rows))]),
            "in_bias": jnp.zeros(self._width, units.dtype),
            "out": jnp.tensordot(trace.hidden, angles, (rows, rows)),
            "out_bias": angles.sum(rows),
        }

    def _by_input(self, units: jax.Array) -> jax.Array:
        """Give each input of the hidden units its unit's value."""
        return jnp.concatenate([units, units], axis=-1) if self.activation == "glu" else units

    def _activated(self, into: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the hidden units and their slopes by each input."""
        if self.activation == "linear":
            return into, jnp.ones_like(into)
        if self.activation == "relu":
            return jax.nn.relu(into), (into > 0).astype(into.dtype)
        if self.activation == "gelu":
            below = 0.5 * (1 + jax.lax.erf(into / sqrt(2)))
            return into * below, below + into * jnp.exp(-(into**2) / 2) / sqrt(2 * pi)
        value, gate = jnp.split(into, 2, axis=-1)
        opened = jax.nn.sigmoid(gate)
        return value * opened, jnp.concatenate([opened, value * opened * (1 - opened)], axis=-1)

    def table(self, weights: Weights, x: Any, n_bits: int) -> jax.Array:
        """Return the features of a `sampled` circuit: theta(x_t, z) for every value of the bits.

        Differentiable in weights and features.

        Args:
            weights: as `initial_weights` gives them.
            x: features of sequences, shape (..., T, n_features).
            n_bits: m, measured qubits a step; z = (-1)^bit, so `n_readouts` should be m.

        Returns:
            Shape (..., T, 2^m n_angles), block b for the bits that read b. The first step has no
            bits: its block 0 is theta(x_0, 0), and the others are not used.
        """
        blocks = self._blocks(weights, x, n_bits)
        return blocks.reshape(*blocks.shape[:-2], -1)

    def parities(self, weights: Weights, x: Any, n_bits: int) -> jax.Array:
        """Return the features of a `sampled` circuit in parity form: the angles of its rotations.

        With the Walsh-Hadamard coefficients c_S of theta(x_t, z) block 0 is sum_S c_S, the angle
        that every shot takes, and block S is -2 c_S, added where the bits of S are odd together
        (`circuits.layers.controllers`). Arguments and shape as for `table`; the first step has
        block 0 alone.
        """
        blocks = self._blocks(weights, x, n_bits)
        index = np.arange(2**n_bits)
        odd = np.bitwise_count(index[:, None] & index) & 1
        # Row S takes -2 c_S; row 0 the sum of all c_S, which is theta where no bit is set.
        transform = np.where(odd, 2.0, -2.0) / 2**n_bits
        transform[0] = index == 0
        found = jnp.einsum("sb,...ba->...sa", jnp.asarray(transform, blocks.dtype), blocks)
        return found.reshape(*blocks.shape[:-2], -1)

    def _blocks(self, weights: Weights, x: Any, n_bits: int) -> jax.Array:
        """Return theta(x_t, z) for every value of the bits, shape (..., T, 2^m, n_angles)."""
        if self.n_readouts != n_bits:
            raise CircuitsError(
                f"a sampled controller should read its {n_bits} bits. "
                f"Got {self.n_readouts} readouts."
            )
        x = jnp.asarray(x, dtype=float)
        signs = outcome_signs(n_bits)
        z = np.broadcast_to(signs, (x.shape[-2], *signs.shape)).copy()
        z[0] = 0.0
        return self.angles(weights, x[..., None, :], z)
