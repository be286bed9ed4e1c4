"""Neighbouring fixed maps multiplied: fewer passes over the state."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from circuits.exact.formula import after, beside
from circuits.exact.operations import Channel, Operation, touched


def fuse(operations: tuple[Operation, ...]) -> tuple[Operation, ...]:
    """Multiply neighbouring fixed one-qubit maps, and fixed one-qubit maps into two-qubit ones."""
    done: list[Operation] = []
    pending: dict[int, Channel] = {}

    def flush(qubits: Sequence[int]) -> None:
        done.extend(pending.pop(q) for q in qubits if q in pending)

    for operation in operations:
        if isinstance(operation, Channel) and len(operation.qubits) == 1:
            (qubit,) = operation.qubits
            before = pending.get(qubit)
            if before is not None:
                matrix = after(operation.matrix, before.matrix)
                operation = Channel((qubit,), matrix, operation.resets or before.resets)
            pending[qubit] = operation
        elif isinstance(operation, Channel):
            matrix = operation.matrix
            if any(q in pending for q in operation.qubits):
                own = [
                    pending.pop(q).matrix if q in pending else _NOTHING for q in operation.qubits
                ]
                matrix = after(matrix, beside(own))
            done.append(Channel(operation.qubits, matrix))
        else:
            flush(sorted(touched(operation)))
            done.append(operation)
    flush(sorted(pending))
    return tuple(done)


_NOTHING = np.eye(4)
