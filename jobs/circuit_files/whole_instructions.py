"""Instructions that have all of their qubits and bits, which damaged QPY may break."""

from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp

from jobs.errors import SpecError


def check_whole(circuit: QuantumCircuit) -> None:
    """Refuse instructions whose places are not as many, or not as different, as they need.

    Qiskit's reader compares what an instruction says of itself with its places, and neither the
    bits of the blocks of control flow nor whether one qubit is named twice.

    Raises:
        SpecError: there is one; without the name of the file.
    """
    for number, one in enumerate(circuit.data):
        operation = one.operation
        blocks = operation.blocks if isinstance(operation, ControlFlowOp) else ()
        has = len(one.qubits), len(one.clbits)
        sizes = {(operation.num_qubits, operation.num_clbits)}
        sizes |= {(block.num_qubits, block.num_clbits) for block in blocks}
        if sizes != {has} or (len(set(one.qubits)), len(set(one.clbits))) != has:
            raise SpecError(
                "An instruction should have as many different qubits and bits as it and its "
                f"branches act on. Got {operation.name!r}, instruction {number}, with others; "
                "write the file again"
            )
        for block in blocks:
            check_whole(block)
