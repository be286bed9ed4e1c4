"""L-BFGS on the exact loss of a network, on chunks of one shape.

Deterministic, without a learning rate or a validation part: for the small data of a scikit-learn
estimator. `qrnn_hw.training` is for all else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from circuits.definition import Architecture
from qrnn_hw.data.loss import losses
from qrnn_hw.data.target import Target
from qrnn_hw.networks.encoding import Control, Parameters, Projection
from qrnn_hw.networks.identity import architecture_digest
from qrnn_hw.networks.network import Network, network_of
from qrnn_hw.networks.readers import Reader
from qrnn_hw.networks.step_readings import StepReadings

Array = NDArray[np.float64]
Arrays = dict[str, Array]

Encoded = tuple[jax.Array, jax.Array]
"""Features of the circuits, and what reaches the outputs past them."""

CHUNK = 128
"""Rows evaluated at once; all data are cut into chunks of this size, so one shape is compiled."""

EMPTY_INPUT = 1.0
"""Of rows that only fill a chunk: zeros have no direction, which some models encode."""

DECAYED = ("projection", "head", "direct")

TRANSPILER_SEED = 7


@dataclass(frozen=True)
class Minimum:
    """What a minimisation found."""

    parameters: Arrays
    n_iterations: int
    loss: float


class Engine:
    """One network's compiled functions on chunks of a fixed size, shared by all estimators.

    The encoding is compiled apart: it alone depends on how wide the rows are, and the circuit,
    which takes seconds, is compiled once for all widths.
    """

    def __init__(self, network: Network, reader: Reader) -> None:
        self.network = network
        target, scale = network.target, network.scale

        def encoded(parameters: Parameters, inputs: jax.Array) -> Encoded:
            lengths = jnp.full(inputs.shape[0], inputs.shape[1])
            direct = network.direct_part(parameters, inputs, lengths)
            return network.features(parameters, inputs), direct

        def outputs(parameters: Parameters, given: Encoded) -> jax.Array:
            features, direct = given
            lengths = jnp.full(features.shape[0], features.shape[1])
            return network.outputs_of(parameters, features, lengths, reader) + direct

        def total(
            parameters: Parameters, given: Encoded, targets: jax.Array, counts: jax.Array
        ) -> jax.Array:
            found = losses(target, outputs(parameters, given), targets, scale=scale)
            return jnp.sum(jnp.where(counts, found, 0.0))

        def pulled_back(parameters: Parameters, inputs: jax.Array, slopes: Encoded) -> Parameters:
            _, pull = jax.vjp(lambda given: encoded(given, inputs), parameters)
            (found,) = pull(slopes)
            return cast(Parameters, found)

        self._encoded, self._pulled_back = jax.jit(encoded), jax.jit(pulled_back)
        self._outputs = jax.jit(outputs)
        self._total = jax.jit(jax.value_and_grad(total, (0, 1)))

    def outputs(self, parameters: Any, inputs: Array) -> Array:
        """Return the outputs of inputs (n, T, n_inputs), shape (n, k)."""
        parts = [
            self._outputs(_of_circuit(parameters), self._encoded(parameters, chunk))
            for chunk in _chunks(inputs, EMPTY_INPUT)
        ]
        return np.asarray(np.concatenate(parts)[: len(inputs)])

    def loss(self, parameters: Any, inputs: Array, targets: NDArray[Any]) -> tuple[float, Arrays]:
        """Return the mean loss and its slopes by all parameters."""
        given = _chunks(inputs, EMPTY_INPUT), _chunks(targets, 0), _chunks(_ones(inputs), False)
        own, value, slopes = _of_circuit(parameters), 0.0, []
        for chunk, *answers in zip(*given, strict=True):
            part, (of_circuit, others) = self._total(
                own, self._encoded(parameters, chunk), *answers
            )
            value += float(part)
            slopes.append(self._pulled_back(parameters, chunk, others) | of_circuit)
        # In numpy: outside of what is compiled, each sum would be compiled for its shape.
        mean = {
            name: np.sum([np.asarray(one[name]) for one in slopes], axis=0) / len(inputs)
            for name in parameters
        }
        return value / len(inputs), mean

    def fit(
        self, start: Arrays, inputs: Array, targets: NDArray[Any], *, alpha: float, max_iter: int
    ) -> Minimum:
        """Return the parameters of the least loss that so many iterations find.

        Args:
            start: from `initial`.
            inputs: shape (n, T, n_inputs).
            targets: as `qrnn_hw.data.target.check_targets` has them.
            alpha: factor of the squared entries of P and R in the loss.
            max_iter: most iterations.
        """
        shapes = {name: value.shape for name, value in sorted(start.items())}
        is_decayed = {name: np.full(shape, name in DECAYED) for name, shape in shapes.items()}
        decay = alpha * _flat(is_decayed, shapes)

        def loss(point: Array) -> tuple[float, Array]:
            value, slopes = self.loss(_shaped(point, shapes), inputs, targets)
            return value + float(decay @ point**2), _flat(slopes, shapes) + 2 * decay * point

        found = minimize(
            loss, _flat(start, shapes), jac=True, method="L-BFGS-B", options={"maxiter": max_iter}
        )
        return Minimum(_shaped(found.x, shapes), int(found.nit), float(found.fun))


def _of_circuit(parameters: Parameters) -> Parameters:
    return {name: parameters[name] for name in ("circuit", "head")}


def _flat(parameters: Mapping[str, NDArray[Any]], names: Iterable[str]) -> Array:
    parts = [np.asarray(parameters[name], dtype=np.float64).ravel() for name in names]
    return np.asarray(np.concatenate(parts))


def _shaped(point: Array, shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes.values()])
    parts = zip(shapes.items(), np.split(point, ends[:-1]), strict=True)
    return {name: part.reshape(shape) for (name, shape), part in parts}


def _ones(rows: Array) -> NDArray[np.bool_]:
    return np.ones(len(rows), dtype=bool)


def _chunks(rows: NDArray[Any], empty: Any) -> list[NDArray[Any]]:
    n_chunks = -(-len(rows) // CHUNK)
    filled = np.full((n_chunks * CHUNK, *rows.shape[1:]), empty, dtype=rows.dtype)
    filled[: len(rows)] = rows
    return np.split(filled, n_chunks)


def initial(network: Network, n_inputs: int, random: np.random.RandomState) -> Arrays:
    """Return small random parameters of a network whose inputs are of some width."""
    architecture, encoding = network.architecture, network.encoding
    controlled = encoding.controller if isinstance(encoding, Control) else None
    d = controlled.n_features if controlled else architecture.n_features
    found = {
        "projection": random.normal(0.0, 0.5 / np.sqrt(n_inputs), (n_inputs, d)),
        "offset": np.full(d, encoding.start if isinstance(encoding, Projection) else 0.0),
        "circuit": random.normal(0.0, 0.3, architecture.n_weights),
        "head": random.normal(0.0, 0.3, (network.n_readings, network.target.n_outputs)),
    }
    if network.direct:
        found["direct"] = np.zeros((network.direct * n_inputs, network.target.n_outputs))
    if controlled:
        own = controlled.initial_weights(jax.random.key(random.randint(2**31 - 1)))
        found |= {name: np.asarray(value) for name, value in own.items()}
    return found


@dataclass(frozen=True)
class Known:
    """An architecture that is known by its content alone."""

    digest: str
    architecture: Architecture = field(compare=False)

    @classmethod
    def of(cls, architecture: Architecture) -> Known:
        """Return an architecture with its digest."""
        return cls(architecture_digest(architecture), architecture)


@lru_cache(maxsize=8)
def compiled(
    known: Known,
    backend: str | None,
    target: Target,
    steps: StepReadings | None,
    direct: int = 0,
) -> Engine:
    """Return a network's engine, kept here so that estimators hold arrays only and are pickled.

    Args:
        known: the model.
        backend: a recorded device whose scheduled step and noise are trained through; None is the
            ideal circuit.
        target: what is learnt.
        steps: which bits of every step are read.
        direct: of how many last steps the inputs reach the outputs past the circuit.
    """
    from circuits.exact.logical import logical_model

    architecture = known.architecture
    if backend is None:
        model = logical_model(architecture)
    else:
        from calibration.library import snapshot
        from calibration.noise import DeviceNoise
        from jobs.transpile.isa import transpile_step
        from jobs.transpile.lifted_step import sequence_model
        from jobs.twin.name import device_of

        recorded = snapshot(device_of(backend))
        transpiled = transpile_step(architecture, recorded, seed=TRANSPILER_SEED)
        model = sequence_model(transpiled, DeviceNoise(transpiled.snapshot))
    # The width of the rows is that of P, which comes with the parameters.
    network = network_of(architecture, 0, target=target, steps=steps, direct=direct)
    return Engine(network, network.reader(model))
