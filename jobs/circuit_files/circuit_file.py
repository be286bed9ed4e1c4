"""Circuits from files of other programs, which are not trusted."""

import stat
from pathlib import Path

from qiskit import QuantumCircuit

from jobs.circuit_files.bounded_reader import read_bounded
from jobs.errors import SpecError

LARGEST_FILE_BYTES = 64 * 1024 * 1024
SUFFIXES = (".qasm", ".qasm2", ".qasm3", ".qpy")


def read_circuits(path: Path) -> tuple[QuantumCircuit, ...]:
    """Return the circuits in a QPY or OpenQASM file; OpenQASM holds one.

    OpenQASM is taken as version 3 unless it says 2. QPY older than format 13 is refused, since it
    may carry what is executed on loading. A gate that the file defines as one of Qiskit's is that
    gate.

    Raises:
        SpecError: If the file is missing, too large, of another kind, or cannot be read within
            bounds of time and memory.
    """
    if path.suffix not in SUFFIXES:
        raise SpecError(
            f"A circuit file should end in one of {', '.join(SUFFIXES)}. Got {path.name!r}."
        )
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe may wait, a device go on, for ever
            raise SpecError(f"A circuit file should be a regular file. Got another kind, {path}.")
        if status.st_size > LARGEST_FILE_BYTES:
            raise SpecError(
                f"A circuit file should have at most {LARGEST_FILE_BYTES >> 20} MiB. "
                f"Got {status.st_size >> 20} MiB in {path}."
            )
        data = path.read_bytes()
    except OSError as error:
        raise SpecError(
            f"A circuit file should be readable. Got {path}: {error.strerror}."
        ) from None
    return read_bounded(data, path)
