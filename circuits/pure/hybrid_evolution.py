"""The hybrid's exact evolution in `expectation` mode: a pure state, differentiable through time.

The recurrence is theta_t = f(weights, x_t, z_{t-1}), psi_t = U(theta_t) psi_{t-1}, and z_t are the
read-outs of psi_t. It starts from |0>^n or from any state, and gives the last one
(`circuits.pure.hybrid_reverse` has the gradient).
"""

from __future__ import annotations

from math import prod
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from circuits.errors import CircuitsError
from circuits.pure.hybrid_controller import Controller, Weights
from circuits.pure.hybrid_layers import Readout, in_frame, out_of_frame
from circuits.pure.hybrid_reverse import Shape, evolved

STATES_LIMIT = 4 * 2**30
"""Bytes of the states of a batch; above this it is refused."""


Precision = Literal["single", "double"]


class HybridState(NamedTuple):
    """What one step leaves to the next: the hidden state and what was read of it."""

    amplitudes: jax.Array
    """Of psi_t, shape (..., 2^n), complex; wire 0 is the highest bit."""

    readouts: jax.Array
    """z_t, shape (..., r); 0 before the first step."""


def evolve_hybrid(
    controller: Controller,
    weights: Weights,
    features: Any,
    *,
    n_qubits: int,
    n_layers: int,
    readout: Readout = "z",
    key: jax.Array | None = None,
    precision: Precision = "double",
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
        precision: `double` computes in float64 whatever is given, and switches JAX's 64 bits on
            where they are off; `single` computes in float32.

    Raises:
        CircuitsError: sizes of circuit, controller and features that do not fit each other, no
            step or sequence, no such precision, or states above `STATES_LIMIT`.
    """
    return evolve_hybrid_from(
        controller,
        weights,
        features,
        None,
        n_qubits=n_qubits,
        n_layers=n_layers,
        readout=readout,
        key=key,
        precision=precision,
    )[0]


def evolve_hybrid_from(
    controller: Controller,
    weights: Weights,
    features: Any,
    start: HybridState | None,
    *,
    n_qubits: int,
    n_layers: int,
    readout: Readout = "z",
    key: jax.Array | None = None,
    precision: Precision = "double",
) -> tuple[jax.Array, HybridState]:
    """Return z_1, ..., z_T from a state, and the state after the last step.

    Differentiable in the state, too: a sequence in parts has the values and gradients of the whole,
    an encoder's state can be a decoder's start, and `jax.lax.stop_gradient` of the state truncates
    the backpropagation. A single step is a sequence of one.

    Args:
        controller: as for `evolve_hybrid`, like all that is not said here.
        weights: of the controller.
        features: shape (..., T, d).
        start: amplitudes (..., 2^n), normalised, and readouts (..., r), with the leading shape of
            the features; None is |0>^n and 0.
        n_qubits: n.
        n_layers: L.
        readout: `z` or `xyz`.
        key: draws the dropout.
        precision: `single` or `double`.

    Raises:
        CircuitsError: as `evolve_hybrid`, or a state of another shape.
    """
    real, whole = _kinds(precision)
    # In one precision whatever is given: the way back adds to what the way forward computed.
    features = jnp.asarray(features, dtype=real)
    weights = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=real), weights)
    shape = Shape(n_qubits, n_layers, readout)
    _check_sizes(controller, features.shape, shape)
    leading, n_steps = features.shape[:-2], features.shape[-2]
    rows = features.reshape(-1, *features.shape[-2:])
    if start is None:
        nothing = jnp.zeros((len(rows), 2**n_qubits), real)
        frame = nothing.at[:, 0].set(1.0), nothing
        before = jnp.zeros((len(rows), controller.n_readouts), real)
    else:
        given = _checked_start(start, leading, shape, controller.n_readouts)
        amplitudes = jnp.asarray(given.amplitudes, whole).reshape(len(rows), -1)
        frame = jax.tree.map(jnp.transpose, in_frame(amplitudes))
        before = jnp.asarray(given.readouts, real).reshape(len(rows), -1)
    projected = controller.projected(weights, rows)
    kept = None if key is None else controller.kept(key, rows.shape[:2])

    outputs, last = evolved(controller, shape, weights, projected, kept, frame, before)
    amplitudes = out_of_frame(jax.tree.map(jnp.transpose, last)).reshape(*leading, -1)
    end = HybridState(amplitudes, outputs[:, -1].reshape(*leading, -1))
    return outputs.reshape(*leading, n_steps, -1), end


def _kinds(precision: Precision) -> tuple[Any, Any]:
    if precision not in get_args(Precision):
        raise CircuitsError(
            f"the precision should be one of {', '.join(get_args(Precision))}. Got {precision!r}."
        )
    if precision == "single":
        return jnp.float32, jnp.complex64
    if jax.dtypes.canonicalize_dtype(jnp.float64) != jnp.float64:
        jax.config.update("jax_enable_x64", True)  # type: ignore[no-untyped-call]
    return jnp.float64, jnp.complex128


def _checked_start(
    start: HybridState, leading: tuple[int, ...], shape: Shape, n_readouts: int
) -> HybridState:
    found = jnp.shape(start[0]), jnp.shape(start[1])
    expected = (*leading, 2**shape.n_qubits), (*leading, n_readouts)
    if found != expected:
        raise CircuitsError(
            f"a state to start from should have amplitudes of shape {expected[0]} and readouts of "
            f"shape {expected[1]}. Got {found[0]} and {found[1]}."
        )
    return start


def _check_sizes(controller: Controller, features: tuple[int, ...], shape: Shape) -> None:
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
