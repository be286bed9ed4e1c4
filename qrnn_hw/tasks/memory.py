"""What of a training does not fit into memory is said, before it starts where that is known."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from qrnn_hw.errors import ConfigurationError

REMEDY = "use a smaller batch, fewer qubits or hidden units, or shorter sequences"


def memory_bytes() -> float:
    """Return the memory of this machine, in bytes; no bound where the system does not say."""
    found = math.inf
    if sys.platform != "win32":
        found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return found


def check_memory(program: Any) -> None:
    """Check that a compiled program has room for its arguments, results and what is between.

    Args:
        program: of `jax.jit(...).lower(...).compile()`, on the host.

    Raises:
        ConfigurationError: it has not.
    """
    found = program.memory_analysis()
    if found is None or jax.default_backend() != "cpu":  # an accelerator has memory of its own
        return
    needed = found.argument_size_in_bytes + found.output_size_in_bytes + found.temp_size_in_bytes
    if needed > memory_bytes():
        room = f"{memory_bytes() / 2**30:,.1f} GiB"
        raise _too_large(f"a batch that needs {needed / 2**30:,.1f} GiB of the {room} here")


@contextmanager
def within_memory() -> Iterator[None]:
    """Say in one line what the system or an accelerator has no memory for.

    Raises:
        ConfigurationError: in place of the error of numpy or JAX.
    """
    try:
        yield
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if not isinstance(error, MemoryError) and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise _too_large("numbers that memory was refused for") from error


def _too_large(what: str) -> ConfigurationError:
    return ConfigurationError(f"a training should fit into memory. Got {what}; {REMEDY}.")
