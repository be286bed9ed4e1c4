"""Lay a circuit out on a device, and route it so that its wires end where they began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qiskit.circuit import QuantumCircuit
from qiskit.passmanager import PassManagerError
from qiskit.transpiler import generate_preset_pass_manager

from calibration.snapshot import Snapshot
from circuits.known_operations import REMEDIES
from jobs.errors import SpecError

if TYPE_CHECKING:
    from qiskit.transpiler import Target

OPTIMIZATION_LEVEL = 3


def choose_layout(circuit: QuantumCircuit, snapshot: Snapshot, seed: int) -> tuple[int, ...]:
    """Return the device's qubits for the wires, then any other qubit that routing needs.

    Raises:
        SpecError: Qiskit's transpiler finds no circuit of the device's gates.
    """
    target = with_one_entangler(snapshot.target())
    whole = _transpiled(circuit, target, seed, optimization_level=OPTIMIZATION_LEVEL)
    chosen = list(whole.layout.initial_index_layout(filter_ancillas=True))
    touched = {
        whole.find_bit(qubit).index
        for instruction in whole.data
        if instruction.operation.name != "barrier"
        for qubit in instruction.qubits
    }
    return (*chosen, *sorted(touched - set(chosen)))


def route(
    circuit: QuantumCircuit, target: Target, seed: int, *, back: bool = True
) -> QuantumCircuit:
    """Transpile onto the active qubits, wire i on qubit i, and undo what routing permuted.

    Raises:
        SpecError: Qiskit's transpiler finds no circuit of the device's gates.
    """
    placed = list(range(circuit.num_qubits))
    alike = with_one_entangler(target)
    routed = _transpiled(
        circuit, alike, seed, optimization_level=OPTIMIZATION_LEVEL, initial_layout=placed
    )
    plain = without_layout(routed)
    final = routed.layout.final_index_layout() if routed.layout else []
    home = not back or final == list(range(circuit.num_qubits))
    if home and alike is target:
        return plain
    for a, b in [] if home else _swaps_home(dict(enumerate(final)), target, seed):
        plain.swap(a, b)
    everywhere = list(range(target.num_qubits))
    return without_layout(
        _transpiled(plain, target, seed, optimization_level=1, initial_layout=everywhere)
    )


def with_one_entangler(target: Target) -> Target:
    """Return the target, with ECR for CX where some pairs have only the one, some only the other.

    Qiskit 2.6 gives up such a device (recorded Cairo) as soon as a CX points the other way. Both
    turn alike, and one-qubit gates make each from the other in one direction (`ECRGate`), so that a
    circuit of ECR alone is translated afterwards, pair by pair.
    """
    from qiskit.circuit.library import ECRGate
    from qiskit.transpiler import Target

    if not {"cx", "ecr"} <= set(target.operation_names):
        return target
    alike = Target(
        num_qubits=target.num_qubits, dt=target.dt, qubit_properties=target.qubit_properties
    )
    for name in target.operation_names:
        operation = target.operation_from_name(name)
        everywhere = isinstance(operation, type)  # control flow, on all qubits
        if name not in ("cx", "ecr"):
            alike.add_instruction(operation, None if everywhere else target[name], name=name)
    alike.add_instruction(ECRGate(), {**target["cx"], **target["ecr"]})
    return alike


def _transpiled(
    circuit: QuantumCircuit, target: Target, seed: int, **options: Any
) -> QuantumCircuit:
    manager = generate_preset_pass_manager(target=target, seed_transpiler=seed, **options)
    try:
        return manager.run(circuit)
    except PassManagerError as error:  # the family of all errors of the transpiler
        said = error.message.rstrip(". ")
        kinds = circuit.count_ops()
        loops = [remedy for kind, remedy in REMEDIES.items() if kind in kinds]
        remedy = loops[0] if loops else ". Choose another backend"
        raise SpecError(
            f"{circuit.name} should be put into the gates of the device. Qiskit's transpiler said: "
            f"{said}{remedy}."
        ) from error


def _swaps_home(at: dict[int, int], target: Target, seed: int) -> list[tuple[int, int]]:
    """Return swaps along the coupling that bring each wire i from qubit at[i] to qubit i.

    The search is random, and a job is known by its circuits: without the seed another process would
    swap otherwise, not find the job in the store, and pay for it again.
    """
    import rustworkx

    edges = {tuple(sorted(pair)) for pair in target.build_coupling_map().get_edges()}
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(target.num_qubits))
    graph.add_edges_from_no_data(sorted(edges))
    wanted = {q: wire for wire, q in at.items()}
    found = rustworkx.graph_token_swapper(graph, wanted, seed=seed)
    return [(min(pair), max(pair)) for pair in found]


def without_layout(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit on plain qubits 0 to n - 1, as physical as before."""
    plain = QuantumCircuit(circuit.num_qubits, name=circuit.name)
    for register in circuit.cregs:
        plain.add_register(register)
    for instruction in circuit.data:
        qubits = [circuit.find_bit(q).index for q in instruction.qubits]
        plain.append(instruction.operation, qubits, instruction.clbits)
    return plain


def embed(circuit: QuantumCircuit, physical: Sequence[int], n_qubits: int) -> QuantumCircuit:
    """Return a circuit with qubit i placed on qubit physical[i] of a device of n_qubits."""
    wide = QuantumCircuit(n_qubits, name=circuit.name)
    for register in circuit.cregs:
        wide.add_register(register)
    for instruction in circuit.data:
        qubits = [physical[circuit.find_bit(q).index] for q in instruction.qubits]
        wide.append(instruction.operation, qubits, instruction.clbits)
    return wide
