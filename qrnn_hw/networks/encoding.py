"""From the inputs of a step to the features of its circuit: a projection, or a controller.

h = tanh(x P + b) is what either begins with. A projection's features are the angles pi h. A
controller takes h and the readouts z of the step before to all angles of the circuit: bits z of
the same shot are known to the machine alone, so the features are the table of theta(h, z) over all
values of z; expectation values z are known to the host, which asks the controller in every round.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from circuits.definition import Architecture
from circuits.pure.hybrid_controller import Controller
from circuits.zoo.hybrid import ControlledAnsatz

Parameters = dict[str, jax.Array]
Arrays = dict[str, NDArray[np.float64]]
Form = Literal["angles", "linear", "none"]

VECTOR_OFFSET = 0.1
"""Start of the offsets where features are encoded by their direction: that of zero has none."""

CONTROLLER_INPUTS = 4
"""Numbers of a word that a controller sees, after the trained projection."""

CONTROLLER_HIDDEN = 16


class Encoding(Protocol):
    """Inputs to features, with trained numbers of its own."""

    @property
    def n_inputs(self) -> int:
        """Numbers of a step."""

    def initial(
        self, generator: np.random.Generator, seed: int, projection: NDArray[np.float64] | None
    ) -> Arrays:
        """Return its numbers to start from, P from the columns of `projection` where given."""

    def features(self, parameters: Parameters, inputs: jax.Array) -> jax.Array:
        """Return features, shape (..., T, d), of inputs (..., T, n_inputs)."""


@dataclass(frozen=True)
class Projection:
    """A linear map of each step's inputs, bounded or not."""

    n_inputs: int
    n_features: int
    form: Form = "angles"
    """`angles`: pi tanh(x P + b); `linear`: x P + b; `none`: x itself."""

    start: float = 0.0
    """Of every offset."""

    def initial(
        self, generator: np.random.Generator, seed: int, projection: NDArray[np.float64] | None
    ) -> Arrays:
        """Return P, random or of repeated columns, and b."""
        if self.form == "none":
            return {}
        return _projection(
            generator, (self.n_inputs, self.n_features), projection, start=self.start
        )

    def features(self, parameters: Parameters, inputs: jax.Array) -> jax.Array:
        """Return features, shape (..., T, d)."""
        if self.form == "none":
            return inputs
        if self.form == "linear":
            return mapped(parameters, inputs)
        return jnp.pi * jnp.tanh(mapped(parameters, inputs))


@dataclass(frozen=True)
class Control:
    """A controller behind a bounded projection."""

    n_inputs: int
    controller: Controller
    n_bits: int = 0
    """Bits of the step before that act inside the shot; 0 where the host knows the readouts."""

    by_parity: bool = field(default=False, repr=False)
    """Whether the circuit turns by parities of the bits; known by the circuit, not by this."""

    def initial(
        self, generator: np.random.Generator, seed: int, projection: NDArray[np.float64] | None
    ) -> Arrays:
        """Return P, b and the controller's own weights."""
        shape = (self.n_inputs, self.controller.n_features)
        own = self.controller.initial_weights(jax.random.key(seed))
        return _projection(generator, shape, projection) | {
            name: np.asarray(value) for name, value in own.items()
        }

    def features(self, parameters: Parameters, inputs: jax.Array) -> jax.Array:
        """Return the angles for all bits, shape (..., T, 2**m n_angles), or its own inputs."""
        bounded = jnp.tanh(mapped(parameters, inputs))
        if not self.n_bits:
            return bounded
        angles = self.controller.parities if self.by_parity else self.controller.table
        return angles(parameters, bounded, self.n_bits)


def mapped(parameters: Parameters, inputs: jax.Array) -> jax.Array:
    """Return x P + b."""
    return inputs @ parameters["projection"] + parameters["offset"]


def _projection(
    generator: np.random.Generator,
    shape: tuple[int, int],
    columns: NDArray[np.float64] | None,
    start: float = 0.0,
) -> Arrays:
    n_inputs, width = shape
    random = generator.normal(0.0, n_inputs**-0.5, shape)
    if columns is not None:
        random = np.tile(columns, (1, -(-width // columns.shape[1])))[:, :width]
    return {"projection": random, "offset": np.full(width, start)}


STEP_OFFSET = 0.5
"""Start of the offsets where bits of every step are read: pi tanh(0.5) is near a right angle, about
which <Z> is odd in the inputs; about 0 it is even and cannot tell x from -x."""


def encoding_of(
    architecture: Architecture, n_inputs: int, form: Form = "angles", start: float = 0.0
) -> Encoding:
    """Return the encoding that a model's name claims: a controller where its circuit has one.

    Args:
        architecture: of the circuit.
        n_inputs: numbers of a step.
        form: of the projection where there is no controller.
        start: of every offset, where features are no vectors.
    """
    layer = architecture.encoder[0] if architecture.encoder else None
    if not isinstance(layer, ControlledAnsatz):
        start = VECTOR_OFFSET if architecture.vectors else start
        return Projection(n_inputs, architecture.n_features, form, start)
    n_readouts = layer.n_bits
    if not n_readouts:
        n_readouts = architecture.n_qubits * len(str(dict(architecture.options)["readout"]))
    controller = Controller(CONTROLLER_INPUTS, n_readouts, layer.n_angles, CONTROLLER_HIDDEN)
    return Control(n_inputs, controller, layer.n_bits, layer.form == "parity")
