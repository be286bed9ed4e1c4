"""The hybrid's exact evolution in `expectation` mode: a pure state, differentiable through time.

The recurrence is theta_t = f(weights, x_t, z_{t-1}), psi_t = U(theta_t) psi_{t-1}, and z_t are the
read-outs of psi_t. Every layer is unitary and can be undone, so the backward pass keeps the last
state alone and walks back from it: from the cotangent zbar_t of the read-outs,

    lambda_t <- lambda_t + (dz/dpsi)^T zbar_t,
    (psi_{t-1}, lambda_{t-1}, thetabar_t) <- layers undone (circuits.pure.hybrid_layers),
    zbar_{t-1} <- zbar_{t-1} + (d theta_t / d z_{t-1})^T thetabar_t.

The thetabar_t are the cotangents of all angles with the recurrence already followed. The gradient
of weights and features is then that of f alone, all steps in one product. Slopes of f and sines of
the angles are kept from the way forward.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap

from circuits.errors import CircuitsError
from circuits.pure.hybrid_controller import Controller, Trace, Weights
from circuits.pure.hybrid_layers import (
    Readout,
    State,
    apply_layers,
    half_angles,
    readouts,
    undo_layers,
)

STATES_LIMIT = 4 * 2**30
"""Bytes of the states of a batch; above this it is refused."""


@dataclass(frozen=True)
class _Shape:
    n_qubits: int
    n_layers: int
    readout: Readout


def evolve_hybrid(
    controller: Controller,
    weights: Weights,
    features: Any,
    *,
    n_qubits: int,
    n_layers: int,
    readout: Readout = "z",
    key: jax.Array | None = None,
) -> jax.Array:
    """Return z_1, ..., z_T of sequences, shape (..., T, r), r = n for `z` and 3 n for `xyz`.

    Differentiable in `weights` and `features`, in reverse mode and once. `jax.vmap` over sequences
    costs no more than a batch; over weights it is a loop.

    Args:
        controller: gives 2 n L angles from d features and r readouts.
        weights: of the controller.
        features: shape (..., T, d).
        n_qubits: n, practical up to 14.
        n_layers: L.
        readout: `z` for <Z> of each wire, `xyz` for <X> of all wires, then <Y>, then <Z>.
        key: draws the dropout of each step; None while predicting.

    Raises:
        CircuitsError: sizes of circuit, controller and features that do not fit each other, no
            step or sequence, or states above `STATES_LIMIT`.
    """
    # In double precision whatever is given: the way back adds to what the way forward computed.
    features = jnp.asarray(features, dtype=float)
    weights = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=float), weights)
    _check_sizes(controller, features.shape, _Shape(n_qubits, n_layers, readout))
    leading, n_steps = features.shape[:-2], features.shape[-2]
    rows = features.reshape(-1, *features.shape[-2:])
    projected = controller.projected(weights, rows)
    kept = None if key is None else controller.kept(key, rows.shape[:2])
    shape = _Shape(n_qubits, n_layers, readout)

    outputs = _evolved(controller, shape, weights, projected, kept)
    return outputs.reshape(*leading, n_steps, -1)


def _check_sizes(controller: Controller, features: tuple[int, ...], shape: _Shape) -> None:
    n, n_angles = shape.n_qubits, 2 * shape.n_qubits * shape.n_layers
    n_readouts = (3 if shape.readout == "xyz" else 1) * n
    if (controller.n_angles, controller.n_readouts) != (n_angles, n_readouts):
        raise CircuitsError(
            f"a controller of {n} qubits, {shape.n_layers} layers and readout {shape.readout} "
            f"should have {n_angles} angles and {n_readouts} readouts. "
            f"Got {controller.n_angles} and {controller.n_readouts}."
        )
    if len(features) < 2 or features[-1] != controller.n_features or 0 in features:
        raise CircuitsError(
            f"features should have shape (..., T, {controller.n_features}) with at least one step "
            f"and one sequence. Got {features}."
        )
    needed = 16 * 2**n * prod(features[:-2])
    if needed > STATES_LIMIT:
        raise CircuitsError(
            f"the states of a batch should need at most {STATES_LIMIT // 2**30} GiB. Got {n} "
            f"qubits and {prod(features[:-2])} sequences, {needed / 2**30:.0f} GiB; "
            "take fewer of either."
        )


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _evolved(
    controller: Controller, shape: _Shape, weights: Weights, projected: jax.Array, kept: Any
) -> jax.Array:
    """Return the read-outs of all steps, shape (batch, T, r)."""
    outputs: jax.Array = _forward(controller, shape)(weights, projected, kept)[0]
    return outputs


def _evolved_forward(
    controller: Controller, shape: _Shape, weights: Weights, projected: jax.Array, kept: Any
) -> tuple[jax.Array, Any]:
    outputs, *rest = _forward(controller, shape)(weights, projected, kept)
    return outputs, (weights, outputs, *rest)


def _evolved_backward(
    controller: Controller, shape: _Shape, residuals: Any, cotangent: jax.Array
) -> Any:
    weights, outputs, last, factors, trace = residuals
    angles, units = _backward(controller, shape)(weights, last, factors, trace, cotangent)
    before = jnp.pad(outputs[:, :-1], ((0, 0), (1, 0), (0, 0)))
    return controller.weight_cotangents(trace, before, angles, units), units, None


_evolved.defvjp(_evolved_forward, _evolved_backward)


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


def _forward(controller: Controller, shape: _Shape) -> Callable[..., Any]:
    """Return the function of weights and of rows that gives, rows first, the read-outs, the last
    states, and of each step the sines and cosines and the controller's trace."""

    def forward(weights: Weights, projected: jax.Array, kept: Any) -> tuple[Any, ...]:
        batch = len(projected)

        def turned(z: jax.Array, row: Any) -> tuple[jax.Array, Trace]:
            theta, trace = controller.traced(weights, row[0], z, row[1])
            return half_angles(_as_layers(theta, shape)), trace

        def advance(carry: Any, row: Any) -> tuple[Any, Any]:
            state, (factors, trace) = carry
            state = apply_layers(state, factors)
            z = readouts(state, shape.readout).T
            return (state, turned(z, row)), (z, factors, trace)

        nothing = jnp.zeros((2**shape.n_qubits, batch))
        start = nothing.at[0].set(1.0), nothing
        by_step = _swapped((projected, kept))
        first = turned(
            jnp.zeros((batch, controller.n_readouts)), jax.tree.map(lambda leaf: leaf[0], by_step)
        )
        # The factors are carried from step to step because a compiler that sees sines and their
        # use in one step computes them again for every use. Those after the last step are unused.
        later = jax.tree.map(lambda leaf: jnp.roll(leaf, -1, axis=0), by_step)
        (state, _), (outputs, factors, trace) = jax.lax.scan(advance, (start, first), later)
        last = jax.tree.map(jnp.transpose, state)
        return _swapped(outputs), last, jnp.moveaxis(factors, -1, 0), _swapped(trace)

    return _by_rows(forward)


def _backward(controller: Controller, shape: _Shape) -> Callable[..., Any]:
    """Return the function of weights and of rows that gives, rows first, the cotangents of what
    entered the angles and the hidden units of each step."""

    def backward(
        weights: Weights, last: State, factors: jax.Array, trace: Trace, cotangent: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        def retreat(carry: Any, row: Any) -> tuple[Any, Any]:
            state, other, later = carry
            own_factors, own_trace, z_cotangent = row
            _, pull = jax.vjp(partial(readouts, readout=shape.readout), state)
            other = jax.tree.map(jnp.add, other, pull((z_cotangent + later).T)[0])
            state, other, layers = undo_layers(state, other, own_factors)
            theta = jnp.moveaxis(layers, -1, 0).swapaxes(2, 3).reshape(len(later), -1)
            angles, units, later = controller.pulled(weights, own_trace, theta)
            return (state, other, later), (angles, units)

        state = jax.tree.map(jnp.transpose, last)
        start = state, jax.tree.map(jnp.zeros_like, state), jnp.zeros_like(cotangent[:, 0])
        by_step = jnp.moveaxis(factors, 0, -1), *_swapped((trace, cotangent))
        _, (angles, units) = jax.lax.scan(retreat, start, by_step, reverse=True)
        return _swapped(angles), _swapped(units)

    return _by_rows(backward)


def _swapped(rows: Any) -> Any:
    """Exchange the axes of sequences and steps."""
    return jax.tree.map(lambda leaf: jnp.swapaxes(leaf, 0, 1), rows)


def _as_layers(theta: jax.Array, shape: _Shape) -> jax.Array:
    """Return angles (batch, 2 n L) as shape (L, 2, n, batch)."""
    return jnp.transpose(theta.reshape(-1, shape.n_layers, shape.n_qubits, 2), (1, 3, 2, 0))
