"""A recurrent step divided into the encoding of fresh qubits and what does not see the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from circuits.exact.operations import Branch, Channel, Operation, Program, Rotation, touched
from circuits.exact.pauli import ZERO


@dataclass(frozen=True, eq=False)
class SplitStep:
    """A step as encoding of fresh data qubits, then operations that know nothing of the input."""

    encoding: tuple[Operation, ...]
    rest: tuple[Operation, ...]
    fresh: Sequence[Any]  # shape (nd, 4): data qubits before the first step
    reset_to: Sequence[Any]  # shape (nd, 4): data qubits after every step


def split_step(step: Program, n_features: int, data_qubits: Sequence[int]) -> SplitStep | None:
    """Divide a step for compilation, or return None where it cannot be.

    Encoding: one-qubit operations on data qubits before anything else touches the qubit. The rest
    must not depend on the features, and must reset every data qubit last but for fixed
    one-qubit maps.
    """
    encoding: list[Operation] = []
    rest: list[Operation] = []
    closed: set[int] = set()
    for operation in step.operations:
        qubits = touched(operation)
        uses_input, uses_weight = _dependence(step, operation, n_features)
        free = len(qubits) == 1 and qubits <= set(data_qubits) - closed and not uses_weight
        if free and isinstance(operation, Channel | Rotation):
            encoding.append(operation)
            continue
        if uses_input:
            return None
        closed |= qubits
        rest.append(operation)
    ends = [end_state(rest, qubit) for qubit in data_qubits]
    if any(end is None for end in ends):
        return None
    return SplitStep(
        tuple(encoding),
        tuple(rest),
        (ZERO,) * len(data_qubits),
        tuple(ends),
    )


def _dependence(step: Program, operation: Operation, n_features: int) -> tuple[bool, bool]:
    if isinstance(operation, Branch):
        inner = [_dependence(step, part, n_features) for part in operation.inner]
        return any(i for i, _ in inner), any(w for _, w in inner)
    if not isinstance(operation, Rotation):
        return False, False
    used = step.angles.uses(operation.angle)
    return bool((used < n_features).any()), bool((used >= n_features).any())


def end_state(rest: Sequence[Operation], qubit: int) -> Any | None:
    """Return the state that a data qubit is left in, None where it depends on what came before."""
    maps: list[Any] = []
    for operation in reversed(rest):
        if qubit not in touched(operation):
            continue
        if not isinstance(operation, Channel) or len(operation.qubits) > 1:
            return None
        if operation.forgets:  # only the trace survives: a reset
            state = operation.matrix[:, 0] / np.sqrt(2)
            return reduce(lambda vector, later: later @ vector, reversed(maps), state)
        maps.append(operation.matrix)
    return None
