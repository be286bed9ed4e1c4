"""How long one execution of a dynamic circuit takes on the machine."""

from collections.abc import Mapping

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Clbit, Delay, IfElseOp, Qubit
from qiskit.transpiler import Target

from jobs.delays import whole_dt
from jobs.errors import SpecError

# A trace in IBM's documentation shows 2.65 microseconds from the start of a measurement to the gate
# that depends on it; a measurement takes 2.2 of them on the machines of that generation.
FEED_FORWARD_SECONDS = 0.45e-6


def longest_path_seconds(
    circuit: QuantumCircuit,
    target: Target,
    *,
    feed_forward_seconds: float = FEED_FORWARD_SECONDS,
) -> float:
    """Return the time from the first operation of `circuit` to the end of its last, in seconds.

    An operation starts when its qubits are free. A branch also waits for the last measurement of a
    bit that it reads and for that bit to arrive, and takes as long as the longer alternative on all
    its qubits. Qiskit's own estimate refuses control flow.

    Args:
        circuit: ISA circuit, scheduled or not, on the qubits of `target`.
        target: The machine, whole or reduced to the active qubits.
        feed_forward_seconds: From the end of a measurement to the start of a branch on its bit.

    Raises:
        SpecError: If an operation has no duration in `target`, or is a loop, switch or box.
    """
    times = instruction_seconds(circuit, target, feed_forward_seconds=feed_forward_seconds)
    return max((end for _, end in times), default=0.0)


def instruction_seconds(
    circuit: QuantumCircuit,
    target: Target,
    *,
    feed_forward_seconds: float = FEED_FORWARD_SECONDS,
) -> list[tuple[float, float]]:
    """Return start and end of each operation of `circuit`; see `longest_path_seconds`."""
    indices = {qubit: index for index, qubit in enumerate(circuit.qubits)}
    return _times(circuit, indices, target, feed_forward_seconds)


def _times(
    circuit: QuantumCircuit,
    indices: Mapping[Qubit, int],
    target: Target,
    feed_forward_seconds: float,
) -> list[tuple[float, float]]:
    free: dict[Qubit, float] = dict.fromkeys(circuit.qubits, 0.0)
    known: dict[Clbit, float] = {}
    times = []
    for instruction in circuit.data:
        operation = instruction.operation
        start = max((free[qubit] for qubit in instruction.qubits), default=0.0)
        seconds = 0.0
        if isinstance(operation, IfElseOp):
            arrivals = [known[bit] for bit in instruction.clbits if bit in known]
            start = max([start, *(arrival + feed_forward_seconds for arrival in arrivals)])
            outer = [indices[qubit] for qubit in instruction.qubits]
            seconds = max(
                (
                    end
                    for block in operation.blocks
                    for _, end in _times(
                        block,
                        dict(zip(block.qubits, outer, strict=True)),
                        target,
                        feed_forward_seconds,
                    )
                ),
                default=0.0,
            )
        elif operation.name not in ("barrier", "store"):
            seconds = _duration_seconds(instruction, indices, target)
        for qubit in instruction.qubits:
            free[qubit] = start + seconds
        if operation.name.startswith("measure"):
            known.update(dict.fromkeys(instruction.clbits, start + seconds))
        times.append((start, start + seconds))
    return times


def _duration_seconds(
    instruction: CircuitInstruction, indices: Mapping[Qubit, int], target: Target
) -> float:
    operation = instruction.operation
    qubits = tuple(indices[qubit] for qubit in instruction.qubits)
    if isinstance(operation, Delay) and target.dt is not None:
        length = whole_dt(operation, target.dt)
        if length is not None:
            return length * float(target.dt)
    elif operation.name in target.operation_names:
        properties = target[operation.name].get(qubits)
        if properties is not None and properties.duration is not None:
            return float(properties.duration)
    raise SpecError(
        "Each operation should have a duration on the machine. "
        f"Got {operation.name} on qubits {list(qubits)}. Transpile for this backend first."
    )
