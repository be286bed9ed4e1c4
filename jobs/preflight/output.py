"""Whether the bits of a circuit come back, under names that the client can use."""

import keyword
import re
from collections.abc import Iterator, Sequence

from qiskit import QuantumCircuit
from qiskit.circuit import Clbit
from qiskit.primitives import DataBin

from jobs.preflight.rules import Finding, finding
from jobs.preflight.walk import Place

# Words of OpenQASM 3 in which the service writes circuits. Source: OpenQASM 3.0 specification.
_OPENQASM_WORDS = (
    "OPENQASM include defcalgrammar def cal defcal gate extern box let break continue if else end "
    "return for while in switch case default pragma input output const readonly mutable qreg "
    "qubit creg bool bit int uint float angle complex array void duration stretch gphase inv pow "
    "ctrl negctrl durationof delay reset measure barrier true false im pi tau euler sizeof"
)
# Registers are arguments and attributes of what the client reads their bits into.
_RESULT_WORDS = ("self", *dir(DataBin))
_RESERVED = frozenset((*_OPENQASM_WORDS.split(), *_RESULT_WORDS))
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def output_findings(circuit: QuantumCircuit, places: Sequence[Place]) -> Iterator[Finding]:
    """Yield what is wrong with the registers of `circuit`, given its operations."""
    kept: set[Clbit] = set()
    for register in circuit.cregs:
        kept.update(register)
        if register.size == 0:
            yield finding("empty-register", "", f"register {register.name}")
        reserved = register.name in _RESERVED or keyword.iskeyword(register.name)
        if reserved or not _NAME.fullmatch(register.name):
            yield finding("register-name", "", repr(register.name))
    measured = {
        clbit: place.where
        for place in places
        if place.operation.name.startswith("measure")
        for clbit in place.clbits
    }
    if not kept & measured.keys():
        yield finding("no-output", "", "no measured register")
    for clbit, place_where in measured.items():
        if clbit not in kept:
            yield finding("loose-bit", place_where, "a bit outside all registers")
