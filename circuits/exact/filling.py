"""Lifted circuits with their formulas filled in, by numbers or by what JAX traces."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from circuits.exact.formula import Formula
from circuits.exact.operations import Branch, Channel, Measurement, Operation, Program


def formulas_of(program: Program) -> tuple[Formula, ...]:
    """Return the formulas of a program, each once, in order."""
    found = (_map_of(operation) for operation in program.flat())
    return tuple(dict.fromkeys(one for one in found if isinstance(one, Formula)))


def filled(program: Program, formulas: Sequence[Formula], arrays: Sequence[Any]) -> Program:
    """Return a program with numbers in place of its formulas.

    Args:
        program: lifted.
        formulas: those of the program, others too.
        arrays: one for each; of NumPy's, those that change nothing are left out of the program.
    """
    number = dict(zip(formulas, arrays, strict=True))
    operations = tuple(_filled(program.operations, lambda formula: number[formula]))
    return replace(program, operations=operations)


def _filled(
    operations: Sequence[Operation], number: Callable[[Formula], Any]
) -> Iterator[Operation]:
    for operation in operations:
        if isinstance(operation, Branch):
            taken, otherwise = (
                tuple(_filled(part, number)) for part in (operation.taken, operation.otherwise)
            )
            yield replace(operation, taken=taken, otherwise=otherwise)
            continue
        formula = _map_of(operation)
        if not isinstance(formula, Formula):
            yield operation
        elif isinstance(operation, Measurement):
            yield replace(operation, confusion=number(formula))
        elif isinstance(operation, Channel) and not changes_nothing(number(formula)):
            yield replace(operation, matrix=number(formula))


def changes_nothing(matrix: Any) -> bool:
    """Say whether a map is the identity, in NumPy's numbers."""
    return isinstance(matrix, np.ndarray) and np.array_equal(matrix, np.eye(len(matrix)))


def _map_of(operation: Operation) -> Any:
    if isinstance(operation, Channel):
        return operation.matrix
    return operation.confusion if isinstance(operation, Measurement) else None
