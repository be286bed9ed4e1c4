"""A QPY file tried in a process of its own, since damaged bytes can hang or abort its reader."""

import subprocess
import sys
from pathlib import Path

from jobs.errors import SpecError

SECONDS = 60.0
SECONDS_PER_MIB = 3.0
BYTES_OF_MEMORY = 4 << 30
MEMORY_PER_BYTE = 100
"""What a sound file may take: Qiskit itself, and so much more for each part of the file."""

_TOO_LARGE = 3
_TRIAL = f"""
import contextlib, io, resource, sys
with contextlib.suppress(ValueError, OSError):  # some systems bound no memory; time is bounded
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
from qiskit import qpy
try:
    qpy.load(io.BytesIO(sys.stdin.buffer.read()))
except MemoryError:
    sys.exit({_TOO_LARGE})
except Exception:
    pass  # what ends in an error of Python does no harm in the process that asked
"""


def require_readable(data: bytes, path: Path) -> None:
    """Check that the reader comes to an end on QPY bytes, with a circuit or an error.

    Args:
        data: content of the file.
        path: of the file, for the message.

    Raises:
        SpecError: the reader takes too long or too much memory, or its process is aborted.
    """
    seconds = SECONDS + SECONDS_PER_MIB * len(data) / (1 << 20)
    memory = BYTES_OF_MEMORY + MEMORY_PER_BYTE * len(data)
    # -P: a folder of the user's called qiskit is not imported.
    command = [sys.executable, "-P", "-c", _TRIAL, str(memory)]
    try:
        ended = subprocess.run(command, input=data, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        how = f"takes more than {seconds:.0f} s"
    else:
        if not ended.returncode:
            return
        how = f"needs more than {memory >> 20:,} MiB or is aborted"
    raise SpecError(
        f"A circuit should be readable QPY. Got {path}, whose reader {how}, as on damaged bytes; "
        "write it again."
    )
