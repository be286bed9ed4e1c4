"""The reverse pass of the hybrid's evolution, which keeps no state but the last.

Every layer is unitary and can be undone, so the backward pass walks back from the last state: from
the cotangent zbar_t of the read-outs,

    lambda_t <- lambda_t + (dz/dpsi)^T zbar_t,
    (psi_{t-1}, lambda_{t-1}, thetabar_t) <- layers undone (circuits.pure.hybrid_layers),
    zbar_{t-1} <- zbar_{t-1} + (d theta_t / d z_{t-1})^T thetabar_t.

The state may start and end anywhere: its cotangent after the last step is where the walk begins.
The thetabar_t are the cotangents of all angles with the recurrence already followed. The gradient
of weights and features is then that of f alone, all steps in one product. Slopes of f and sines of
the angles are kept from the way forward.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from circuits.pure.hybrid_controller import Controller, Trace, Weights
from circuits.pure.hybrid_layers import (
    Readout,
    State,
    apply_layers,
    half_angles,
    readouts,
    undo_layers,
)


@dataclass(frozen=True)
class Shape:
    """Sizes of the circuit and what is read of it."""

    n_qubits: int
    n_layers: int
    readout: Readout


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def evolved(
    controller: Controller, shape: Shape, weights: Weights, projected: jax.Array, *rest: Any
) -> tuple[jax.Array, State]:
    """Return the read-outs of all steps, shape (batch, T, r), and the last states, rows first.

    The rest are kept units, states to start from and read-outs before the first step, all by rows.
    """
    outputs, last, *_ = _forward(controller, shape)(weights, projected, *rest)
    return outputs, last


def _evolved_forward(
    controller: Controller, shape: Shape, weights: Weights, projected: jax.Array, *rest: Any
) -> tuple[Any, Any]:
    outputs, last, *traces = _forward(controller, shape)(weights, projected, *rest)
    return (outputs, last), (weights, rest[-1], outputs, last, *traces)


def _evolved_backward(controller: Controller, shape: Shape, residuals: Any, cotangents: Any) -> Any:
    weights, start, outputs, last, factors, trace = residuals
    angles, units, *of_start = _backward(controller, shape)(
        weights, last, factors, trace, *cotangents
    )
    before = jnp.concatenate([start[:, None], outputs[:, :-1]], axis=1)
    of_weights = controller.weight_cotangents(trace, before, angles, units)
    return of_weights, units, None, *of_start


evolved.defvjp(_evolved_forward, _evolved_backward)


def _by_rows(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let `jax.vmap` lengthen the batch of function(shared, *rows), which is faster than an axis.

    Calls that differ in what is shared are done one after the other.
    """
    mapped = custom_vmap(function)

    @mapped.def_vmap
    def rule(size: int, batched: Any, shared: Any, *rows: Any) -> Any:
        def full(leaf: jax.Array, has_axis: bool) -> jax.Array:
            return leaf if has_axis else jnp.broadcast_to(leaf, (size, *leaf.shape))

        arguments = jax.tree.map(full, (shared, *rows), tuple(batched))
        if any(jax.tree.leaves(batched[0])):
            result = jax.lax.map(lambda own: mapped(*own), arguments)
        else:
            merged = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), arguments[1:])
            result = mapped(shared, *merged)
            result = jax.tree.map(lambda leaf: leaf.reshape(size, -1, *leaf.shape[1:]), result)
        return result, jax.tree.map(lambda _: True, result)

    return mapped


def _forward(controller: Controller, shape: Shape) -> Callable[..., Any]:
    """Return the function of weights and of rows that gives, rows first, the read-outs, the last
    states, and of each step the sines and cosines and the controller's trace."""

    def forward(
        weights: Weights, projected: jax.Array, kept: Any, start: State, before: jax.Array
    ) -> tuple[Any, ...]:
        def turned(z: jax.Array, row: Any) -> tuple[jax.Array, Trace]:
            theta, trace = controller.traced(weights, row[0], z, row[1])
            return half_angles(_as_layers(theta, shape)), trace

        def advance(carry: Any, row: Any) -> tuple[Any, Any]:
            state, (factors, trace) = carry
            state = apply_layers(state, factors)
            z = readouts(state, shape.readout).T
            return (state, turned(z, row)), (z, factors, trace)

        by_step = _swapped((projected, kept))
        first = turned(before, jax.tree.map(lambda leaf: leaf[0], by_step))
        # The factors are carried from step to step because a compiler that sees sines and their
        # use in one step computes them again for every use. Those after the last step are unused.
        later = jax.tree.map(lambda leaf: jnp.roll(leaf, -1, axis=0), by_step)
        begun = jax.tree.map(jnp.transpose, start), first
        (state, _), (outputs, factors, trace) = jax.lax.scan(advance, begun, later)
        last = jax.tree.map(jnp.transpose, state)
        return _swapped(outputs), last, jnp.moveaxis(factors, -1, 0), _swapped(trace)

    return _by_rows(forward)


def _backward(controller: Controller, shape: Shape) -> Callable[..., Any]:
    """Return the function of weights and of rows that gives, rows first, the cotangents of what
    entered the angles and the hidden units of each step, and of the state and read-outs before."""

    def backward(
        weights: Weights,
        last: State,
        factors: jax.Array,
        trace: Trace,
        of_outputs: jax.Array,
        of_last: State,
    ) -> tuple[Any, ...]:
        def retreat(carry: Any, row: Any) -> tuple[Any, Any]:
            state, other, later = carry
            own_factors, own_trace, z_cotangent = row
            _, pull = jax.vjp(partial(readouts, readout=shape.readout), state)
            other = jax.tree.map(jnp.add, other, pull((z_cotangent + later).T)[0])
            state, other, layers = undo_layers(state, other, own_factors)
            theta = jnp.moveaxis(layers, -1, 0).swapaxes(2, 3).reshape(len(later), -1)
            angles, units, later = controller.pulled(weights, own_trace, theta)
            return (state, other, later), (angles, units)

        ends = jax.tree.map(jnp.transpose, (last, of_last))
        begun = *ends, jnp.zeros_like(of_outputs[:, 0])
        by_step = jnp.moveaxis(factors, 0, -1), *_swapped((trace, of_outputs))
        (_, other, later), (angles, units) = jax.lax.scan(retreat, begun, by_step, reverse=True)
        return _swapped(angles), _swapped(units), jax.tree.map(jnp.transpose, other), later

    return _by_rows(backward)


def _swapped(rows: Any) -> Any:
    """Exchange the axes of sequences and steps."""
    return jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), rows)


def _as_layers(theta: jax.Array, shape: Shape) -> jax.Array:
    """Return angles (batch, 2 n L) as shape (L, 2, n, batch)."""
    return jnp.transpose(theta.reshape(-1, shape.n_layers, shape.n_qubits, 2), (1, 3, 2, 0))
