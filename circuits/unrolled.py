"""Architecture x steps -> circuit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import (
    ClassicalRegister,
    Clbit,
    Parameter,
    ParameterVector,
    QuantumCircuit,
)

from circuits.definition import Architecture, Binding, Layer, count_weights
from circuits.errors import CircuitsError
from circuits.integers import count
from circuits.parametrised import QRNNCircuit

if TYPE_CHECKING:
    from qiskit.circuit import ParameterExpression


MOST_STEPS = 10_000
"""Of one circuit: more would fill the memory before any machine could take it."""

FED_BACK = "h"
"""Name of the Parameter that takes the value fed back by the host."""


def unroll(architecture: Architecture, steps: int) -> QRNNCircuit:
    """Repeat the architecture's step over time, close it and measure the readout wires.

    Args:
        architecture: what to build.
        steps: number of time steps T, at least 1.

    Raises:
        CircuitsError: `steps` is not a positive integer, or above `MOST_STEPS`, or a name is given
            in place of its architecture.
    """
    if not isinstance(architecture, Architecture):
        raise CircuitsError(
            f"unroll should be given an architecture, as `architecture(name)` returns it. "
            f"Got {architecture!r}."
        )
    steps = check_steps(steps)
    d, p = architecture.n_features, architecture.n_weights
    inputs = ParameterVector("x", steps * d)
    weights = ParameterVector("w", p)
    fed_back = Parameter(FED_BACK) if architecture.in_rounds else None
    step_circuits: tuple[QuantumCircuit, ...] = ()
    if architecture.mode == "expectation":
        step_circuits = tuple(
            _sequence(architecture, 1, inputs, weights, fed_back, gate)
            for gate in range(len(architecture.cells))
        )
    if fed_back is not None:
        circuit = step_circuits[0]
    else:
        circuit = _sequence(architecture, steps, inputs, weights, None, 0)
    return QRNNCircuit(
        circuit=circuit,
        inputs=_as_array(inputs, (steps, d)),
        weights=_as_array(weights, (p,)),
        readout=architecture.readout,
        step_circuits=step_circuits,
        fed_back=fed_back,
        vectors=architecture.vectors,
    )


def check_steps(steps: int) -> int:
    """Return a number of steps that can be unrolled.

    Raises:
        CircuitsError: it is not a positive integer, or above `MOST_STEPS`.
    """
    found = count("the number of steps", steps)
    if found > MOST_STEPS:
        raise CircuitsError(f"the number of steps should be at most {MOST_STEPS:,}. Got {steps}.")
    return found


def _sequence(
    architecture: Architecture,
    steps: int,
    inputs: Sequence[Parameter],
    weights: Sequence[Parameter],
    fed_back: Parameter | None,
    gate: int,
) -> QuantumCircuit:
    circuit = QuantumCircuit(architecture.n_qubits, name=architecture.name)
    previous: Sequence[Clbit] = ()
    d = architecture.n_features
    for t in range(steps):
        bits = _bits(circuit, architecture.n_bits, f"m{t}")
        features = inputs[t * d : (t + 1) * d]
        append_step(circuit, architecture, features, weights, bits, previous, fed_back, gate)
        previous = bits
    append_closing(circuit, architecture, weights)
    return circuit


def append_step(
    circuit: QuantumCircuit,
    architecture: Architecture,
    features: Sequence[Parameter],
    weights: Sequence[Parameter],
    bits: Sequence[Clbit] = (),
    previous: Sequence[Clbit] = (),
    fed_back: ParameterExpression | None = None,
    gate: int = 0,
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
        gate: which of the cells side by side, for an architecture of gates.
    """

    def append(layers: Sequence[Layer], start: int) -> int:
        for layer in layers:
            own = weights[start : start + layer.n_weights]
            layer.append(circuit, Binding(features, own, bits, previous, fed_back))
            start += layer.n_weights
        return start

    cells = architecture.cells
    cell = cells[gate]
    starts = list(accumulate(map(count_weights, cells), initial=append(architecture.encoder, 0)))
    if cell or architecture.after_cell:
        circuit.barrier()
    for _ in range(architecture.repeats):
        append(cell, starts[gate])
    append(architecture.after_cell, starts[-1])


def step_circuit(
    architecture: Architecture,
    features: Sequence[Parameter],
    weights: Sequence[Parameter],
    *,
    later: bool,
) -> QuantumCircuit:
    """Return one time step by itself, its mid-circuit bits in a register `m`.

    Args:
        architecture: coherent or sampled.
        features: shape (d,).
        weights: shape (p,).
        later: whether a step came before; where steps read its bits, they are in a register
            `before`.
    """
    step = QuantumCircuit(architecture.n_qubits, name="step")
    bits = _bits(step, architecture.n_bits, "m")
    previous: Sequence[Clbit] = ()
    if later and architecture.reads_previous:
        previous = _bits(step, architecture.n_bits, "before")
    append_step(step, architecture, features, weights, bits, previous)
    return step


def append_closing(
    circuit: QuantumCircuit, architecture: Architecture, weights: Sequence[Parameter]
) -> None:
    """Append the closing layers and measure the readout wires into a new register `out`."""
    start = architecture.n_weights - count_weights(architecture.closing)
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
