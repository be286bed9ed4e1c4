"""The process in which a circuit file is read: arguments root, kind, seconds, bytes of memory."""

import contextlib
import errno
import os
import pickle
import sys
from collections.abc import Sequence

from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError

from jobs.delays import check_units
from jobs.errors import JobsError, SpecError

LONGEST_REASON = 300
OUT_OF_MEMORY = 3


def read(data: bytes, kind: str) -> tuple[QuantumCircuit, ...]:
    """Return the circuits of QPY or OpenQASM.

    Raises:
        JobsError: the content is not valid; one line without the name of the file.
    """
    from jobs.circuit_files.openqasm.read import read_openqasm
    from jobs.circuit_files.standard_gates import with_standard_gates
    from jobs.circuit_files.whole_instructions import check_whole
    from jobs.store.packing import unpack_circuits

    circuits: Sequence[QuantumCircuit]
    circuits = unpack_circuits(data) if kind == "qpy" else (read_openqasm(data),)
    try:
        if kind == "qpy":
            for circuit in circuits:
                check_whole(circuit)
                check_units(circuit)
        return tuple(with_standard_gates(circuit) for circuit in circuits)
    except QiskitError as error:  # Qiskit makes the instructions of QPY when they are asked for
        reason = " ".join(str(error).strip("'\"").split())[:LONGEST_REASON]
        raise SpecError(
            f"A circuit file should hold instructions that Qiskit has. Got: {reason}"
        ) from None


def _is_short(error: BaseException) -> bool:
    """Say whether an error that is no refusal came where a sixteenth of the memory is not left."""
    if isinstance(error, JobsError | QiskitError):
        return False
    try:
        bytearray(int(sys.argv[4]) // 16)
    except MemoryError:
        return True
    return False


def main() -> None:
    """Read standard input and write `c` and a pickle of circuits, or `e` and a reason."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # parsers print
    if sys.platform != "win32":  # where time alone is bounded, by the parent
        with contextlib.suppress(
            ImportError, ValueError, OSError
        ):  # nor has every other all bounds
            import resource

            seconds, memory = int(sys.argv[3]), int(sys.argv[4])
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        circuits = read(sys.stdin.buffer.read(), sys.argv[2])
        content = b"c" + pickle.dumps(circuits, protocol=pickle.HIGHEST_PROTOCOL)
    except JobsError as error:
        content = b"e" + str(error).rstrip(".").encode(errors="replace")
    except RecursionError:
        content = b"eA circuit file should not be nested so deep. Got too many levels"
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except BaseException as error:  # a panic of Qiskit's own is no Exception
        # Where the memory ends while a module is imported, Python says so as an OSError, or as a
        # ValueError of a syntax tree that lacks a part.
        if (isinstance(error, OSError) and error.errno == errno.ENOMEM) or _is_short(error):
            os._exit(OUT_OF_MEMORY)
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        content = (
            f"eA circuit file should be readable. Got {type(error).__name__}: {reason}".encode(
                errors="replace"
            )
        )
    with answer:
        answer.write(content)
        answer.flush()
    os._exit(0)  # a deep structure is not taken apart
