"""An OpenQASM file of either version as a circuit."""

import io
from contextlib import redirect_stderr

from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError

from jobs.circuit_files.openqasm.text import source_of
from jobs.errors import SpecError

LONGEST_REASON = 300


def read_openqasm(data: bytes) -> QuantumCircuit:
    """Return the circuit of an OpenQASM file, of version 3 unless it says 2.

    Raises:
        SpecError: the text is not valid, or uses what is not read.
    """
    source = source_of(data)
    said = io.StringIO()
    try:
        # The parser of version 3 also writes to stderr, sometimes instead of into its error.
        with redirect_stderr(said):
            if source.version == 2:
                from jobs.circuit_files.openqasm.version2 import read_version_2

                return read_version_2(source.text)
            from jobs.circuit_files.openqasm.version3 import read_version_3

            return read_version_3(source.text)
    except SpecError:
        raise
    except QiskitError as error:
        reason = " ".join(str(error).strip("'\"").split()) or "the parser names no reason"
    except (MemoryError, RecursionError, OSError):  # told by the caller
        raise
    except Exception as error:  # the parser of version 3 lets its own errors through
        reason = f"{type(error).__name__}: {' '.join(f'{error} {said.getvalue()}'.split())}"
    raise SpecError(f"An OpenQASM file should be valid. Got {reason[:LONGEST_REASON]}")
