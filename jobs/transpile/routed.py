"""A recurrent step laid out and routed, before it is given time on any qubits of a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qiskit.circuit import Parameter, ParameterVector, QuantumCircuit

from calibration.snapshot import Snapshot
from calibration.working import are_connected, working_pairs, working_qubits
from circuits.definition import Architecture
from circuits.unrolled import append_closing, step_circuit, unroll
from jobs.errors import SpecError
from jobs.transpile.routing import choose_layout, route


@dataclass(frozen=True, eq=False)
class RoutedStep:
    """One step and the closing part in a device's gates, the same wherever it lies."""

    architecture: Architecture
    qubits: tuple[int, ...]
    """Of the device, those that it was routed on: one for each wire, then what routing needs."""

    step: QuantumCircuit
    closing: QuantumCircuit
    first: QuantumCircuit | None
    features: tuple[Parameter, ...]  # shape (d,)
    weights: tuple[Parameter, ...]  # shape (p,)

    @property
    def circuits(self) -> tuple[QuantumCircuit, ...]:
        """The first step where it differs, the step, the closing part."""
        own = (self.step, self.closing)
        return own if self.first is None else (self.first, *own)

    @property
    def midcircuit(self) -> dict[str, frozenset[int]]:
        """Qubits of the step that it measures, and those that it resets."""
        own = [circuit for circuit in self.circuits if circuit is not self.closing]
        return {
            name: frozenset(
                circuit.find_bit(one.qubits[0]).index
                for circuit in own
                for one in circuit.data
                if one.operation.name == name
            )
            for name in ("measure", "reset")
        }


def route_step(
    architecture: Architecture,
    snapshot: Snapshot,
    *,
    seed: int,
    qubits: Sequence[int] | None = None,
) -> RoutedStep:
    """Lay out, route and translate one step and the closing part.

    The step ends on the qubits where it began; where routing moves wires, swaps bring them back.

    Args:
        architecture: whose step it is.
        snapshot: of the whole device.
        seed: of the transpiler.
        qubits: of the device, one for each wire, and others that routing may use; None lets the
            transpiler's level 3 choose.
    """
    if qubits is None:
        n_steps = 2 if architecture.reads_previous else 1  # a first step alone has no branches
        qubits = choose_layout(unroll(architecture, n_steps).circuit, snapshot, seed)
    target = snapshot.restrict(qubits).target()
    features = ParameterVector("x", architecture.n_features)
    weights = ParameterVector("w", architecture.n_weights)

    def step(later: bool) -> QuantumCircuit:
        logical = step_circuit(architecture, list(features), list(weights), later=later)
        return route(logical, target, seed)

    closing = QuantumCircuit(architecture.n_qubits, name="closing")
    append_closing(closing, architecture, list(weights))
    return RoutedStep(
        architecture=architecture,
        qubits=tuple(qubits),
        step=step(later=True),
        closing=route(closing, target, seed, back=False),
        first=step(later=False) if architecture.reads_previous else None,
        features=tuple(features),
        weights=tuple(weights),
    )


def check_qubits(
    architecture: Architecture,
    snapshot: Snapshot,
    qubits: Sequence[int],
    broken: Sequence[int] = (),
) -> None:
    """Refuse qubits of a device that a model cannot lie on.

    Args:
        architecture: the model.
        snapshot: of the whole device.
        qubits: one for each wire, then any that routing may use.
        broken: qubits that the device says are not operational.

    Raises:
        SpecError: too few, one twice or not of the device, broken or not calibrated, or not
            connected.
    """
    said, n = ",".join(map(str, qubits)), snapshot.n_qubits
    if len(qubits) < architecture.n_qubits:
        raise SpecError(
            f"a placement of {architecture.name} should name {architecture.n_qubits} qubits, one "
            f"for each wire. Got {said}."
        )
    if len(set(qubits)) < len(qubits) or not all(0 <= qubit < n for qubit in qubits):
        raise SpecError(
            f"a placement on {snapshot.backend} should name each of its qubits, 0 to {n - 1}, at "
            f"most once. Got {said}."
        )
    ready = working_qubits(snapshot, broken)
    out = [qubit for qubit in qubits if qubit not in ready]
    if out:
        raise SpecError(
            f"a placement on {snapshot.backend} should name qubits that work and are calibrated. "
            f"Got {said}, of which {out[0]} is not; leave it out."
        )
    if not are_connected(working_pairs(snapshot, broken), qubits):
        raise SpecError(
            f"a placement on {snapshot.backend} should name qubits that are connected with each "
            f"other by gates that work. Got {said}."
        )
