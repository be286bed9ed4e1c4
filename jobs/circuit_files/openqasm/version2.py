"""OpenQASM 2, with the gates of Qiskit's own include as `qiskit.qasm2.dumps` writes them."""

import re
from itertools import chain

from qiskit import QuantumCircuit, qasm2

from jobs.circuit_files.standard_gates import STANDARD

_DEFINED = re.compile(r"\b(?:gate|opaque)\s+(\w+)")
_STANDARD = [
    qasm2.CustomInstruction(name, len(gate.params), gate.num_qubits, gate.base_class, builtin=True)
    for name, gate in STANDARD.items()
    if gate.num_qubits  # a phase of the whole has no statement in this version
]
_OTHERS = [one for one in qasm2.LEGACY_CUSTOM_INSTRUCTIONS if one.name not in STANDARD]


def read_version_2(text: str) -> QuantumCircuit:
    """Return the circuit of OpenQASM 2.

    Qiskit's standard gates are known without an include. A gate that the text defines itself is
    read with its own definition, whatever its name. A delay, which has no unit in this version, is
    a whole number of dt, as Qiskit takes it.

    Raises:
        QiskitError: the text is not valid, or a delay is not a whole number.
    """
    own = set(_DEFINED.findall(text)) - {"delay"}
    circuit: QuantumCircuit = qasm2.loads(
        text,
        include_path=qasm2.LEGACY_INCLUDE_PATH[:1],  # not the working folder
        custom_instructions=[one for one in chain(_STANDARD, _OTHERS) if one.name not in own],
        custom_classical=qasm2.LEGACY_CUSTOM_CLASSICAL,
    )
    return circuit
