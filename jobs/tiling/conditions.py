"""Conditions that read one register for all tiles, and back to the bits that matter.

What a branch is decided by is broadcast once for all branches that read the same bits: when each
reads the whole register and masks its own bits, one broadcast serves every tile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from itertools import product
from typing import Any, TypeAlias

from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.circuit.classical import expr

from circuits.exact.conditions import condition_of, deciding_bits
from jobs.errors import SpecError
from jobs.preflight.broadcasts import condition_bits

Condition: TypeAlias = Any  # (Clbit, value), (ClassicalRegister, value) or an expr.Expr

MOST_BITS = 8
"""That may decide one branch: its values are written out."""


def over_registers(
    condition: Condition, places: Mapping[Clbit, tuple[ClassicalRegister, int]]
) -> Condition:
    """Return the condition on bits that stand elsewhere, reading whole registers under a mask.

    Args:
        condition: of a branch.
        places: new register and place of each bit it reads.

    Raises:
        SpecError: more than `MOST_BITS` bits decide it.
        CircuitsError: it is not built of bits and whole numbers.
    """
    bits, values = _truth(condition)
    registers: dict[ClassicalRegister, list[int]] = {}
    for number, bit in enumerate(bits):
        registers.setdefault(places[bit][0], []).append(number)

    def holds(value: tuple[int, ...]) -> expr.Expr:
        parts = []
        for register, numbers in registers.items():
            mask = sum(1 << places[bits[n]][1] for n in numbers)
            wanted = sum(value[n] << places[bits[n]][1] for n in numbers)
            parts.append(expr.equal(expr.bit_and(register, mask), wanted))
        return reduce(expr.logic_and, parts)

    return _any(map(holds, values)) if bits else expr.lift(bool(values))


def over_bits(condition: Condition, places: Mapping[Clbit, Clbit]) -> Condition:
    """Return the condition as one on single bits, of those alone that decide it.

    Args:
        condition: of a branch.
        places: where each bit that decides it stands.

    Raises:
        SpecError: more than `MOST_BITS` bits decide it.
        CircuitsError: it is not built of bits and whole numbers.
    """
    bits, values = _truth(condition)
    if len(bits) == 1 and len(values) == 1:
        return (places[bits[0]], values[0][0])

    def holds(value: tuple[int, ...]) -> expr.Expr:
        terms = (
            expr.lift(places[bit]) if one else expr.logic_not(places[bit])
            for bit, one in zip(bits, value, strict=True)
        )
        return reduce(expr.logic_and, terms)

    return _any(map(holds, values)) if bits else expr.lift(bool(values))


def _truth(condition: Condition) -> tuple[list[Clbit], list[tuple[int, ...]]]:
    """Return the bits that decide a condition and the values of them for which it holds."""
    bits = list(deciding_bits(condition))
    if len(bits) > MOST_BITS:
        raise SpecError(
            f"a branch of a tile should be decided by at most {MOST_BITS} bits. Got {len(bits)}."
        )
    numbers = {bit: number for number, bit in enumerate(bits)}
    # Bits that do not decide are as good as 0.
    others = {bit: len(bits) + n for n, bit in enumerate(condition_bits(condition) - set(bits))}
    _, holds = condition_of(condition, numbers | others)
    values = [value for value in product((0, 1), repeat=len(bits)) if holds(dict(enumerate(value)))]
    return bits, values


def _any(conditions: Iterable[expr.Expr]) -> expr.Expr:
    found = list(conditions)
    return reduce(expr.logic_or, found) if found else expr.lift(False)
