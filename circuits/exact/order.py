"""The order of a program's operations: resets as early as they commute.

Between its measurement and its reset a qubit only carries numbers that nobody will read. Operations
on other qubits may as well follow the reset, and then they meet a smaller state.
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.exact.operations import (
    Channel,
    Instrument,
    Measurement,
    Operation,
    Rotation,
    touched,
    used_bits,
)


def resets_early(operations: Sequence[Operation]) -> tuple[Operation, ...]:
    """Move each reset, and the measurement before it, in front of what does not touch its qubit.

    Args:
        operations: of one program, maps that keep the trace.

    Returns:
        The same channel; operations that share a qubit or a bit keep their order, and one-qubit
        maps that a reset forgets are gone.
    """
    done: list[Operation] = []
    for operation in operations:
        if not forgets(operation):
            done.append(operation)
            continue
        (qubit,) = touched(operation)
        at = _last(done, qubit)
        while at >= 0 and isinstance(done[at], Channel | Rotation) and len(touched(done[at])) == 1:
            del done[at]  # a reset forgets it
            at = _last(done, qubit)
        before = done[at] if at >= 0 else None
        if isinstance(before, Measurement | Instrument):
            del done[at]
            others = (_last_with_bit(done[:at], bit) for bit in before.bits)
            at = max(_last(done[:at], qubit), *others) + 1
            done.insert(at, before)
        done.insert(at + 1, operation)
    return tuple(done)


def forgets(operation: Operation) -> bool:
    """Say whether an operation leaves its qubit in a state that does not depend on the past."""
    return isinstance(operation, Channel) and operation.forgets


def _last(operations: Sequence[Operation], qubit: int) -> int:
    """Return the position of the last operation on a qubit, -1 where there is none."""
    found = [at for at, operation in enumerate(operations) if qubit in touched(operation)]
    return found[-1] if found else -1


def _last_with_bit(operations: Sequence[Operation], bit: int) -> int:
    """Return the position of the last operation that reads or writes a bit, -1 without one."""
    found = [at for at, operation in enumerate(operations) if bit in used_bits(operation)]
    return found[-1] if found else -1
