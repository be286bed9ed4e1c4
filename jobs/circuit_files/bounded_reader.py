"""A circuit file read in a process of its own, since hostile bytes can hang or abort a reader."""

import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from qiskit import QuantumCircuit

from jobs.errors import SpecError


@dataclass(frozen=True)
class Bounds:
    """What reading a file may take: Qiskit itself, and so much more for each part of the file."""

    seconds: float = 30.0
    """Of the processor."""
    seconds_per_mib: float = 3.0
    bytes_of_memory: int = 4 << 30
    memory_per_byte: int = 100

    def of(self, n_bytes: int) -> tuple[int, int]:
        """Return seconds and bytes of memory for a file of a size."""
        seconds = self.seconds + self.seconds_per_mib * n_bytes / (1 << 20)
        return max(1, round(seconds)), self.bytes_of_memory + self.memory_per_byte * n_bytes


QPY = Bounds()
OPENQASM = Bounds(seconds_per_mib=240.0, memory_per_byte=4_000)
"""The reference parser of version 3 takes a minute for a MiB."""

PATIENCE = 4
"""Time may pass so much faster than the processor works for us."""

_ROOT = str(Path(__file__).parents[2])
# What the child writes is a circuit that our own code made there, so it may be a pickle; QPY
# would lose the units of delays. -P: a folder of the user's called qiskit is not imported.
_CHILD = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from jobs.circuit_files.bounded_child import main; main()"
)


def read_bounded(data: bytes, path: Path) -> tuple[QuantumCircuit, ...]:
    """Return the circuits of a file, read within bounds of time and memory.

    Args:
        data: content of the file.
        path: of the file, whose suffix tells QPY from OpenQASM, for the message.

    Raises:
        SpecError: the content is not valid, or its reader takes too long or too much memory, or is
            aborted.
    """
    is_qpy = path.suffix == ".qpy"
    seconds, memory = (QPY if is_qpy else OPENQASM).of(len(data))
    limits = [str(seconds), str(memory)]
    command = [sys.executable, "-P", "-c", _CHILD, _ROOT, "qpy" if is_qpy else "openqasm", *limits]
    try:
        ended = subprocess.run(command, input=data, capture_output=True, timeout=PATIENCE * seconds)
    except subprocess.TimeoutExpired:
        raise _unbounded(path, f"takes more than {PATIENCE * seconds} s") from None
    if ended.returncode == 0 and ended.stdout[:1] == b"e":
        raise SpecError(f"{ended.stdout[1:].decode(errors='replace')} in {path}.")
    if ended.returncode == 0 and ended.stdout[:1] == b"c":
        circuits: tuple[QuantumCircuit, ...] = pickle.loads(ended.stdout[1:])
        return circuits
    if -ended.returncode == _OVERTIME_SIGNAL:
        raise _unbounded(path, f"takes more than {seconds} s")
    raise _unbounded(path, f"needs more than {memory >> 20:,} MiB or is aborted")


_OVERTIME_SIGNAL = 24  # SIGXCPU, which Windows has no name for


def _unbounded(path: Path, how: str) -> SpecError:
    return SpecError(
        f"A circuit file should be readable within bounds. Got {path}, whose reader {how}, as on "
        "damaged or hostile content; write it again."
    )
