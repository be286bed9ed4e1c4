"""What a recurrent core is: parameters, a state, and one step from inputs to read-outs.

Cores stand behind one interface so that a task never knows which one it trains. All arrays are in
single precision, whatever JAX's default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp

Parameters = dict[str, Any]
Carry = Any
"""State of a batch between two steps, a pytree with the batch first."""


@dataclass(frozen=True)
class Core:
    """A recurrent network without its head."""

    init: Callable[[jax.Array], Parameters]
    """Key to parameters."""

    start: Callable[[Parameters, int], Carry]
    """Parameters and number of sequences to the state before the first step."""

    drive: Callable[[Parameters, jax.Array], Any]
    """Inputs (..., d) to what enters the step: the part that needs no state, all steps at once."""

    step: Callable[[Parameters, Carry, Any], tuple[Carry, jax.Array]]
    """Parameters, state and one step's drive to the next state and read-outs (batch, n_out)."""

    n_out: int
    """Read-outs of a step."""

    prepared: Callable[[Parameters], Parameters] = lambda parameters: parameters
    """Parameters as the step takes them, made once for many steps; `run` does it itself."""

    whole: Callable[..., tuple[jax.Array, Carry]] | None = None
    """(parameters, inputs (batch, T, d), state, key) to all read-outs and the last state, where an
    engine has its own way over a sequence."""

    rates: Mapping[str, float] = field(default_factory=dict)
    """Learning rates of parameters by name, relative to the training's; 0 keeps what was drawn."""

    def run(
        self, parameters: Parameters, x: jax.Array, state: Carry = None, key: Any = None
    ) -> tuple[jax.Array, Carry]:
        """Return the read-outs of all steps, shape (batch, T, n_out), and the last state.

        Args:
            parameters: of the core.
            x: shape (batch, T, d).
            state: to go on from; None is the core's own start.
            key: draws dropout, in cores that have it.
        """
        state = self.start(parameters, len(x)) if state is None else state
        if self.whole is not None:
            return self.whole(parameters, x, state, key)
        parameters = self.prepared(parameters)
        by_step = jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), self.drive(parameters, x))
        last, z = jax.lax.scan(lambda c, u: self.step(parameters, c, u), state, by_step)
        return jnp.swapaxes(z, 0, 1), last


def normal(key: jax.Array, *shape: int, scale: float | None = None) -> jax.Array:
    """Draw weights in single precision, of variance 1 / (number of inputs) by default."""
    drawn = jax.random.normal(key, shape, jnp.float32)
    return drawn * (shape[0] ** -0.5 if scale is None else scale)


def zeros(*shape: int) -> jax.Array:
    """Return zeros in single precision."""
    return jnp.zeros(shape, jnp.float32)


def linear(key: jax.Array, n_in: int, n_out: int) -> Parameters:
    """Draw the weights of a linear map with a bias."""
    return {"w": normal(key, n_in, n_out), "b": zeros(n_out)}


def affine(parameters: Parameters, x: jax.Array) -> jax.Array:
    """Apply a linear map with a bias."""
    mapped: jax.Array = x @ parameters["w"] + parameters["b"]
    return mapped


def n_parameters(tree: Any) -> int:
    """Count the numbers in a pytree of arrays, or of their shapes."""
    return sum(int(leaf.size) for leaf in jax.tree.leaves(tree))
