"""Circuits from files of other programs, which are not trusted."""

import io
import re
from contextlib import redirect_stderr
from pathlib import Path

from qiskit import QuantumCircuit, qasm2, qasm3
from qiskit.exceptions import QiskitError

from jobs.errors import SpecError, StoreError
from jobs.packing import unpack_circuit
from jobs.qpy_trial import require_readable

LARGEST_FILE_BYTES = 64 * 1024 * 1024
LARGEST_REGISTER = 10_000
"""Bits or qubits of one register; the parsers would make a billion of them one by one."""

_SIZE = re.compile(r"\[\s*([0-9][0-9_]*)\s*\]")
# Possessive, so that a file of nothing but comments takes time in proportion to its length.
_BEFORE_STATEMENTS = re.compile(r"(?:[\s;]++|//[^\n]*+|/\*.*?\*/)*+", re.DOTALL)
SUFFIXES = (".qasm", ".qasm2", ".qasm3", ".qpy")


def read_circuit(path: Path) -> QuantumCircuit:
    """Return the circuit in a QPY or OpenQASM file.

    OpenQASM is taken as version 3 unless it says 2. QPY older than format 13 is refused, since it
    may carry what is executed on loading.

    Raises:
        SpecError: If the file is missing, too large, of another kind, or cannot be read.
    """
    if path.suffix not in SUFFIXES:
        raise SpecError(
            f"A circuit file should end in one of {', '.join(SUFFIXES)}. Got {path.name!r}."
        )
    try:
        if path.stat().st_size > LARGEST_FILE_BYTES:
            raise SpecError(
                f"A circuit file should have at most {LARGEST_FILE_BYTES >> 20} MiB. "
                f"Got {path.stat().st_size >> 20} MiB in {path}."
            )
        data = path.read_bytes()
    except OSError as error:
        raise SpecError(
            f"A circuit file should be readable. Got {path}: {error.strerror}."
        ) from None
    if path.suffix == ".qpy":
        require_readable(data, path)
        try:
            return unpack_circuit(data)
        except StoreError as error:
            raise SpecError(f"{error} The file is {path}.") from None
    return _from_openqasm(data, path)


def _from_openqasm(data: bytes, path: Path) -> QuantumCircuit:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise SpecError(f"An OpenQASM file should be text. Got other bytes in {path}.") from None
    for match in _SIZE.finditer(text):
        digits = match[1].replace("_", "").lstrip("0")
        if len(digits) > 9 or int(digits or 0) > LARGEST_REGISTER:
            raise SpecError(
                f"A register of a circuit file should have at most {LARGEST_REGISTER:,} bits. "
                f"Got {digits[:20]} in {path}."
            )
    start = _BEFORE_STATEMENTS.match(text).end()  # type: ignore[union-attr]
    if start == len(text):
        raise SpecError(f"An OpenQASM file should hold a circuit. Got no statement in {path}.")
    parse = qasm2.loads if text.startswith("OPENQASM 2", start) else qasm3.loads
    said = io.StringIO()
    try:
        # The parser of version 3 also writes to stderr, sometimes instead of into its error.
        with redirect_stderr(said):
            return parse(text)
    except QiskitError as error:
        reason = " ".join(str(error).strip("'\"").split()) or "the parser names no reason"
    except Exception as error:  # the parser of version 3 lets its own errors through
        reason = f"{type(error).__name__}: {' '.join(f'{error} {said.getvalue()}'.split())}"
    raise SpecError(f"An OpenQASM file should be valid. Got {path}: {reason[:300]}")
