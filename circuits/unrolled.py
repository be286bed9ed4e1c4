"""Architecture x steps -> circuit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ClassicalRegister, Clbit, ParameterVector, QuantumCircuit

from circuits.definition import Architecture, Binding, Layer
from circuits.errors import CircuitsError

if TYPE_CHECKING:
    from qiskit.circuit import Parameter, ParameterExpression


@dataclass(frozen=True)
class QRNNCircuit:
    """A recurrent network unrolled over its time steps, with its parameters by meaning."""

    circuit: QuantumCircuit
    """Parametrised logical circuit; registers `m0`, `m1`, ... (mid-circuit bits) and `out`."""

    inputs: NDArray[np.object_]  # shape (T, d)
    """Parameters of the features, step by step."""

    weights: NDArray[np.object_]  # shape (p,)
    """Parameters of the weights, in the order in which the circuit applies them."""

    readout: tuple[int, ...]  # shape (m,)
    """Measured qubits: bit j of `out` is readout[j]."""

    def bind(self, features: NDArray[np.float64], weights: NDArray[np.float64]) -> QuantumCircuit:
        """Return the circuit with numbers in place of all parameters.

        Args:
            features: shape (T, d).
            weights: shape (p,).

        Raises:
            CircuitsError: a shape does not fit or a value is not finite.
        """
        values: dict[Parameter, float] = {}
        for name, parameters, given in (
            ("features", self.inputs, np.asarray(features, dtype=float)),
            ("weights", self.weights, np.asarray(weights, dtype=float)),
        ):
            if given.shape != parameters.shape:
                raise CircuitsError(
                    f"{name} should have shape {parameters.shape}. Got {given.shape}."
                )
            if not np.isfinite(given).all():
                raise CircuitsError(
                    f"{name} should be finite. Got {given[~np.isfinite(given)][0]}."
                )
            values.update(zip(parameters.ravel(), given.ravel().tolist(), strict=True))
        used = self.circuit.parameters
        return self.circuit.assign_parameters({p: v for p, v in values.items() if p in used})


def unroll(architecture: Architecture, steps: int) -> QRNNCircuit:
    """Repeat the architecture's step over time, close it and measure the readout wires.

    Args:
        architecture: what to build.
        steps: number of time steps T, at least 1.

    Raises:
        CircuitsError: `steps` is not a positive integer.
    """
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise CircuitsError(
            f"the number of steps should be an integer of at least 1. Got {steps!r}."
        )
    d, p = architecture.n_features, architecture.n_weights
    inputs = ParameterVector("x", int(steps) * d)
    weights = ParameterVector("w", p)
    circuit = QuantumCircuit(architecture.n_qubits, name=architecture.name)
    previous: Sequence[Clbit] = ()
    for t in range(int(steps)):
        bits = _bits(circuit, architecture.n_bits, f"m{t}")
        append_step(circuit, architecture, inputs[t * d : (t + 1) * d], weights, bits, previous)
        previous = bits
    append_closing(circuit, architecture, weights)
    return QRNNCircuit(
        circuit=circuit,
        inputs=_as_array(inputs, (int(steps), d)),
        weights=_as_array(weights, (p,)),
        readout=architecture.readout,
    )


def append_step(
    circuit: QuantumCircuit,
    architecture: Architecture,
    features: Sequence[Parameter],
    weights: Sequence[Parameter],
    bits: Sequence[Clbit] = (),
    previous: Sequence[Clbit] = (),
    fed_back: ParameterExpression | None = None,
) -> None:
    """Append one time step, on the qubits of `circuit` in order.

    A barrier parts encoder and cell: what follows it depends on weights alone, so that one
    compiled cell serves every input of a batch.

    Args:
        circuit: what to append to; its first `n_qubits` qubits are the wires.
        architecture: whose step it is.
        features: shape (d,).
        weights: shape (p,), all weights of the architecture.
        bits: mid-circuit bits of this step, shape (n_bits,).
        previous: mid-circuit bits of the step before, if any.
        fed_back: the value fed back by the host (`expectation` mode).
    """

    def append(layers: Sequence[Layer], start: int) -> int:
        for layer in layers:
            own = weights[start : start + layer.n_weights]
            layer.append(circuit, Binding(features, own, bits, previous, fed_back))
            start += layer.n_weights
        return start

    after_encoder = append(architecture.encoder, 0)
    if architecture.cell:
        circuit.barrier()
        for _ in range(architecture.repeats):
            append(architecture.cell, after_encoder)


def append_closing(
    circuit: QuantumCircuit, architecture: Architecture, weights: Sequence[Parameter]
) -> None:
    """Append the closing layers and measure the readout wires into a new register `out`."""
    start = sum(layer.n_weights for layer in (*architecture.encoder, *architecture.cell))
    if architecture.closing:
        circuit.barrier()
    for layer in architecture.closing:
        own = weights[start : start + layer.n_weights]
        layer.append(circuit, Binding((), own, (), (), None))
        start += layer.n_weights
    out = _bits(circuit, len(architecture.readout), "out")
    for wire, bit in zip(architecture.readout, out, strict=True):
        circuit.measure(wire, bit)


def _bits(circuit: QuantumCircuit, size: int, name: str) -> Sequence[Clbit]:
    if not size:
        return ()
    register = ClassicalRegister(size, name)
    circuit.add_register(register)
    return list(register)


def _as_array(parameters: Sequence[Any], shape: tuple[int, ...]) -> NDArray[np.object_]:
    array = np.empty(len(parameters), dtype=object)
    array[:] = list(parameters)
    return array.reshape(shape)
