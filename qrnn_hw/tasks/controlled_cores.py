"""The hybrid QRNN, and its controls: the same controller with the circuit taken away in parts.

- `qrnn`: the controller sets all angles of a circuit whose state is carried on.
- `product`: its entangling gates are removed, which leaves n Bloch vectors.
- `no-quantum`: a tanh layer of the same in- and output takes the circuit's place.
- `frozen`: the controller stays as it was drawn; only what reads it is trained.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from circuits.pure.hybrid_controller import WEIGHT_NAMES, Activation, Controller
from circuits.pure.hybrid_evolution import HybridState, evolve_hybrid_from
from circuits.pure.hybrid_layers import Readout
from qrnn_hw.tasks.core import Carry, Core, Parameters, normal, zeros


@dataclass(frozen=True)
class CircuitSize:
    """Sizes of the hybrid; the controls take the same."""

    n_qubits: int = 8
    n_layers: int = 2
    n_hidden: int = 32
    activation: Activation = "glu"
    readout: Readout = "z"
    dropout: float = 0.0
    start_scale: float = 0.1
    angle_rate: float = 0.3
    """Learning rate of the weights that give the angles, relative to that of all others. Adam moves
    each weight as far whatever its gradient, and an angle is pi times the sum of all hidden units':
    at one rate the angles are lost before the rest has learnt (docs/tasks.md)."""

    @property
    def n_readouts(self) -> int:
        """Read-outs of a step."""
        return self.n_qubits * len(self.readout)

    @property
    def angle_rates(self) -> dict[str, float]:
        """Relative learning rates by parameter."""
        return dict.fromkeys(("out", "out_bias"), self.angle_rate)

    def controller(self, n_inputs: int) -> Controller:
        """Return the controller of inputs (d,)."""
        return Controller(
            n_inputs,
            self.n_readouts,
            2 * self.n_qubits * self.n_layers,
            self.n_hidden,
            self.activation,
            self.dropout,
            self.start_scale,
        )


def qrnn(n_inputs: int, size: CircuitSize) -> Core:
    """Return the hybrid in `expectation` mode with exact read-outs."""
    controller = size.controller(n_inputs)

    def whole(p: Parameters, x: jax.Array, state: Carry, key: Any) -> tuple[jax.Array, Carry]:
        return evolve_hybrid_from(
            controller,
            p,
            x,
            state,
            n_qubits=size.n_qubits,
            n_layers=size.n_layers,
            readout=size.readout,
            key=key if size.dropout else None,
            precision="single",
        )

    def start(p: Parameters, batch: int) -> HybridState:
        ground = jnp.zeros((batch, 2**size.n_qubits), jnp.complex64).at[:, 0].set(1)
        return HybridState(ground, zeros(batch, size.n_readouts))

    def step(p: Parameters, state: Carry, u: jax.Array) -> tuple[Carry, jax.Array]:
        z, state = whole(p, u[:, None], state, None)
        return state, z[:, 0]

    return Core(
        _initial(controller),
        start,
        lambda p, x: x,
        step,
        size.n_readouts,
        whole=whole,
        rates=size.angle_rates,
    )


def frozen(n_inputs: int, size: CircuitSize) -> Core:
    """Return the hybrid whose controller is not trained."""
    return replace(qrnn(n_inputs, size), rates=dict.fromkeys(WEIGHT_NAMES, 0.0))


def product(n_inputs: int, size: CircuitSize) -> Core:
    """Return the hybrid without entangling gates: n Bloch vectors that the angles turn."""
    controller = size.controller(n_inputs)
    n, n_layers = size.n_qubits, size.n_layers

    def start(p: Parameters, batch: int) -> Carry:
        none = zeros(batch, n)
        return (none, none, none + 1), zeros(batch, size.n_readouts)

    def step(p: Parameters, state: Carry, u: jax.Array) -> tuple[Carry, jax.Array]:
        (x, y, z), before = state
        angles = controller.traced(p, u, before, None)[0].reshape(-1, n_layers, n, 2)
        for layer in range(n_layers):
            about_y, about_z = angles[:, layer, :, 0], angles[:, layer, :, 1]
            x, z = _turned(x, z, -about_y)
            x, y = _turned(x, y, about_z)
        read = jnp.concatenate([x, y, z], axis=-1) if size.readout == "xyz" else z
        return ((x, y, z), read), read

    return Core(
        _initial(controller),
        start,
        controller.projected,
        step,
        size.n_readouts,
        rates=size.angle_rates,
    )


def no_quantum(n_inputs: int, size: CircuitSize) -> Core:
    """Return the controller with a trained tanh layer from its angles to the read-outs."""
    controller = size.controller(n_inputs)

    def init(key: jax.Array) -> Parameters:
        own, mix = jax.random.split(key)
        # Angles that start small would leave the layer after them nothing to see.
        first = _initial(replace(controller, start_scale=1.0))(own)
        return {**first, "mix": normal(mix, controller.n_angles, size.n_readouts)}

    def step(p: Parameters, before: Carry, u: jax.Array) -> tuple[Carry, jax.Array]:
        read = jnp.tanh(controller.traced(p, u, before, None)[0] @ p["mix"])
        return read, read

    def start(p: Parameters, batch: int) -> Carry:
        return zeros(batch, size.n_readouts)

    return Core(init, start, controller.projected, step, size.n_readouts)


def _initial(controller: Controller) -> Any:
    def init(key: jax.Array) -> Parameters:
        drawn = controller.initial_weights(key)
        return {name: value.astype(jnp.float32) for name, value in drawn.items()}

    return init


def _turned(a: jax.Array, b: jax.Array, angle: jax.Array) -> tuple[jax.Array, jax.Array]:
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    return a * cosine - b * sine, a * sine + b * cosine
