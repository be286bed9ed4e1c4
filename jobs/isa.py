"""Transpile a recurrent step for a machine, once, and unroll the transpiled step.

The layout is chosen on the full device; everything after it happens on the active qubits alone,
with a target of their own: scheduling of dynamic circuits fails on idle qubits of a large device,
and no simulator holds them. Circuits are embedded in the full device only to be submitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import (
    ClassicalRegister,
    Parameter,
    ParameterVector,
    QuantumCircuit,
)
from qiskit.transpiler import PassManager, generate_preset_pass_manager

from calibration.noise import assignment_errors
from calibration.snapshot import Snapshot
from circuits.definition import Architecture
from circuits.parametrised import QRNNCircuit
from circuits.unrolled import append_closing, append_step, unroll
from jobs.decoupling import DECOUPLING, with_pulses
from jobs.errors import SpecError

if TYPE_CHECKING:
    from qiskit.transpiler import Target

OPTIMIZATION_LEVEL = 3


@dataclass(frozen=True, eq=False)
class TranspiledStep:
    """One step and the closing part of an architecture, scheduled for the qubits of a device."""

    architecture: Architecture
    snapshot: Snapshot
    """Of the active qubits: qubit i of the circuits is `snapshot.physical[i]` of the device."""

    wires: tuple[int, ...]  # shape (n_qubits,)
    """Active qubit on which each wire of the architecture lies, at both ends of the step."""

    step: QuantumCircuit
    """Parameters `x[...]` and `w[...]`, mid-circuit bits in the register `m`."""

    closing: QuantumCircuit
    """Parameters `w[...]`, outcome in the register `out`."""

    features: tuple[Parameter, ...]  # shape (d,)
    weights: tuple[Parameter, ...]  # shape (p,)

    @property
    def data_qubits(self) -> tuple[int, ...]:
        """Active qubits that hold the architecture's data qubits."""
        return tuple(self.wires[wire] for wire in self.architecture.data_qubits)

    @property
    def n_active(self) -> int:
        """Number of active qubits."""
        return self.snapshot.n_qubits

    def unroll(self, steps: int) -> QRNNCircuit:
        """Repeat the transpiled step over time, on the active qubits.

        Args:
            steps: number of time steps T, at least 1.

        Raises:
            SpecError: `steps` is below 1.
        """
        if steps < 1:
            raise SpecError(f"the number of steps should be at least 1. Got {steps}.")
        d = self.architecture.n_features
        inputs = ParameterVector("x", steps * d)
        circuit = QuantumCircuit(self.n_active, name=f"{self.architecture.name}-{steps}")
        for t in range(steps):
            own = dict(zip(self.features, inputs[t * d : (t + 1) * d], strict=True))
            used = {old: new for old, new in own.items() if old in self.step.parameters}
            _append(circuit, self.step.assign_parameters(used), f"m{t}")
            circuit.barrier()
        _append(circuit, self.closing, "out")
        return QRNNCircuit(
            circuit=circuit,
            inputs=_array(inputs).reshape(steps, d),
            weights=_array(self.weights),
            readout=tuple(self.wires[wire] for wire in self.architecture.readout),
        )

    def embed(self, circuit: QuantumCircuit, n_qubits: int) -> QuantumCircuit:
        """Place a circuit of the active qubits on the full device, for submission.

        Args:
            circuit: on the active qubits.
            n_qubits: of the device.
        """
        wide = QuantumCircuit(n_qubits, name=circuit.name)
        for register in circuit.cregs:
            wide.add_register(register)
        physical = self.snapshot.physical
        for instruction in circuit.data:
            qubits = [physical[circuit.find_bit(q).index] for q in instruction.qubits]
            wide.append(instruction.operation, qubits, instruction.clbits)
        return wide


def transpile_step(
    architecture: Architecture, snapshot: Snapshot, *, seed: int, decoupling: str | None = None
) -> TranspiledStep:
    """Lay out, route, translate and schedule one step and the closing part.

    The step ends on the qubits where it began; where routing moves wires, swaps bring them back.
    Mid-circuit measurements and resets use the device's faster variants on the qubits where these
    are not worse.

    Args:
        architecture: whose step it is.
        snapshot: of the whole device.
        seed: of the transpiler.
        decoupling: echo idling by pulses in place of plain delays: "xx" or "xy4"; None for none.
            Aer and the exact engine relax idling without memory, so there pulses only cost. What
            has no delay in the circuit, as the wait for the controller, is not echoed.

    Raises:
        SpecError: the device has no `if_else` or too few qubits, or the model is not one repeated
            step.
    """
    if architecture.n_qubits > snapshot.n_qubits:
        raise SpecError(
            f"{architecture.name} needs {architecture.n_qubits} qubits. "
            f"Got {snapshot.backend} with {snapshot.n_qubits}."
        )
    in_rounds = architecture.mode == "expectation"
    if in_rounds or architecture.reads_previous:
        why = (
            "the host computes between steps"
            if in_rounds
            else ("a step reads bits of the step before")
        )
        raise SpecError(
            f"a model transpiled step by step should be one circuit of equal steps. Got "
            f"{architecture.name} in the mode {architecture.mode}, where {why}; "
            f"{'give --option mode=sampled where it is taken, or ' if in_rounds else ''}choose a "
            "model that `qrnn-hw models list` shows as coherent, or dynamic-line."
        )
    if architecture.mode == "sampled" and "if_else" not in snapshot.control_flow:
        raise SpecError(
            f"{architecture.name} feeds measured bits forward, which needs if_else. "
            f"Got {snapshot.backend} without it; choose another backend."
        )
    if decoupling is not None and decoupling not in DECOUPLING:
        raise SpecError(
            f"the decoupling should be None or one of {', '.join(DECOUPLING)}. Got {decoupling!r}."
        )
    physical = _choose_layout(architecture, snapshot, seed)
    active = snapshot.restrict(physical)
    target = active.target()
    wires = tuple(range(architecture.n_qubits))
    features = ParameterVector("x", architecture.n_features)
    weights = ParameterVector("w", architecture.n_weights)
    step = QuantumCircuit(architecture.n_qubits, name="step")
    bits: Sequence[object] = ()
    if architecture.n_bits:
        register = ClassicalRegister(architecture.n_bits, "m")
        step.add_register(register)
        bits = list(register)
    append_step(step, architecture, list(features), list(weights), bits)
    closing = QuantumCircuit(architecture.n_qubits, name="closing")
    append_closing(closing, architecture, list(weights))
    routed = _with_midcircuit_variants(_route_and_return(step, target, seed), active)
    return TranspiledStep(
        architecture=architecture,
        snapshot=active,
        wires=wires,
        step=_schedule(routed, target, decoupling),
        closing=_schedule(_route_and_return(closing, target, seed, back=False), target, decoupling),
        features=tuple(features),
        weights=tuple(weights),
    )


def _choose_layout(architecture: Architecture, snapshot: Snapshot, seed: int) -> tuple[int, ...]:
    """Return the device's qubits for the wires, then any other qubit that routing needs."""
    manager = generate_preset_pass_manager(
        optimization_level=OPTIMIZATION_LEVEL, target=snapshot.target(), seed_transpiler=seed
    )
    whole = manager.run(unroll(architecture, 1).circuit)
    chosen = list(whole.layout.initial_index_layout(filter_ancillas=True))
    touched = {
        whole.find_bit(qubit).index
        for instruction in whole.data
        if instruction.operation.name != "barrier"
        for qubit in instruction.qubits
    }
    return (*chosen, *sorted(touched - set(chosen)))


def _route_and_return(
    circuit: QuantumCircuit, target: Target, seed: int, *, back: bool = True
) -> QuantumCircuit:
    """Transpile onto the active qubits, wire i on qubit i, and undo what routing permuted."""
    manager = generate_preset_pass_manager(
        optimization_level=OPTIMIZATION_LEVEL,
        target=target,
        initial_layout=list(range(circuit.num_qubits)),
        seed_transpiler=seed,
    )
    routed = manager.run(circuit)
    plain = _without_layout(routed)
    final = routed.layout.final_index_layout() if routed.layout else []
    if not back or final == list(range(circuit.num_qubits)):
        return plain
    for a, b in _swaps_home(dict(enumerate(final)), target):
        plain.swap(a, b)
    return _without_layout(
        generate_preset_pass_manager(
            optimization_level=1,
            target=target,
            initial_layout=list(range(target.num_qubits)),
            seed_transpiler=seed,
        ).run(plain)
    )


def _swaps_home(at: dict[int, int], target: Target) -> list[tuple[int, int]]:
    """Return swaps along the coupling that bring each wire i from qubit at[i] to qubit i."""
    import rustworkx

    edges = {tuple(sorted(pair)) for pair in target.build_coupling_map().get_edges()}
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(target.num_qubits))
    graph.add_edges_from_no_data(list(edges))
    return list(rustworkx.graph_token_swapper(graph, {q: wire for wire, q in at.items()}))


def _with_midcircuit_variants(circuit: QuantumCircuit, snapshot: Snapshot) -> QuantumCircuit:
    from qiskit_ibm_runtime.circuit import MidCircuitMeasure
    from qiskit_ibm_runtime.circuit.library import MidCircuitReset

    changed = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        qubit = circuit.find_bit(instruction.qubits[0]).index
        if operation.name == "measure" and _variant_is_better(snapshot, "measure", qubit):
            operation = MidCircuitMeasure("measure_2")
        elif operation.name == "reset" and _variant_is_better(snapshot, "reset", qubit):
            operation = MidCircuitReset("reset_2")
        changed.append(operation, instruction.qubits, instruction.clbits)
    return changed


def _variant_is_better(snapshot: Snapshot, name: str, qubit: int) -> bool:
    plain, variant = (snapshot.record(n, (qubit,)) for n in (name, f"{name}_2"))
    if variant is None or plain is None:
        return False
    shorter = (variant.seconds or np.inf) <= (plain.seconds or np.inf)
    return shorter and sum(assignment_errors(variant)) <= sum(assignment_errors(plain))


def _schedule(circuit: QuantumCircuit, target: Target, decoupling: str | None) -> QuantumCircuit:
    """Return the circuit with its idling written out as delays or pulses, inside branches too."""
    from qiskit_ibm_runtime.transpiler.passes.scheduling import ALAPScheduleAnalysis, PadDelay

    passes = PassManager([ALAPScheduleAnalysis(target=target), PadDelay(target=target)])
    scheduled = _without_layout(passes.run(circuit))
    return scheduled if decoupling is None else with_pulses(scheduled, target, decoupling)


def _without_layout(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit on plain qubits 0 to n - 1, as physical as before."""
    plain = QuantumCircuit(circuit.num_qubits, name=circuit.name)
    for register in circuit.cregs:
        plain.add_register(register)
    for instruction in circuit.data:
        qubits = [circuit.find_bit(q).index for q in instruction.qubits]
        plain.append(instruction.operation, qubits, instruction.clbits)
    return plain


def _append(circuit: QuantumCircuit, part: QuantumCircuit, name: str) -> None:
    bits: Sequence[object] = ()
    if part.num_clbits:
        register = ClassicalRegister(part.num_clbits, name)
        circuit.add_register(register)
        bits = list(register)
    circuit.compose(part, qubits=range(part.num_qubits), clbits=bits, inplace=True)


def _array(parameters: Sequence[Parameter]) -> NDArray[np.object_]:
    array = np.empty(len(parameters), dtype=object)
    array[:] = list(parameters)
    return array
