"""Conditions in the words that Aer understands rightly."""

from __future__ import annotations

from functools import reduce
from itertools import product
from typing import Any, TypeAlias

from qiskit.circuit import ClassicalRegister
from qiskit.circuit.classical import expr, types

from circuits.exact.conditions import condition_of
from jobs.errors import SpecError
from jobs.preflight.broadcasts import condition_bits

Condition: TypeAlias = Any  # (Clbit, value), (ClassicalRegister, value) or an expr.Expr

MOST_BITS = 8
"""Of a condition that is written as the values for which it holds."""


def condition_for_aer(condition: Condition) -> Condition:
    """Return a condition that Aer decides as this one is meant.

    Aer (0.17 and 0.18) takes a number as a boolean for true when it is 0, and knows neither shifts
    nor a bit of a register by its place.

    Raises:
        SpecError: If a shift, or a place that is computed, depends on more than `MOST_BITS` bits.
        CircuitsError: If it is not built of bits and whole numbers.
    """
    if not isinstance(condition, expr.Expr):
        return condition
    plain = _plain(condition)
    return plain if _is_known(plain) else _as_values(plain)


def _plain(node: expr.Expr) -> expr.Expr:
    """Compare numbers that stand for booleans with 0, and name bits that are told by a place."""
    if isinstance(node, expr.Cast):
        inner = _plain(node.operand)
        if isinstance(node.type, types.Bool) and isinstance(inner.type, types.Uint):
            return expr.not_equal(inner, 0)
        return expr.Cast(inner, node.type, node.implicit)
    if isinstance(node, expr.Unary):
        return expr.Unary(node.op, _plain(node.operand), node.type)
    if isinstance(node, expr.Binary):
        return expr.Binary(node.op, _plain(node.left), _plain(node.right), node.type)
    if isinstance(node, expr.Index) and isinstance(node.index, expr.Value):
        register = getattr(node.target, "var", None)
        if isinstance(register, ClassicalRegister) and node.index.value < len(register):
            return expr.lift(register[int(node.index.value)])
    return node


def _is_known(node: expr.Expr) -> bool:
    if isinstance(node, expr.Cast | expr.Unary):
        return _is_known(node.operand)
    if isinstance(node, expr.Binary):
        shifts = (expr.Binary.Op.SHIFT_LEFT, expr.Binary.Op.SHIFT_RIGHT)
        return node.op not in shifts and _is_known(node.left) and _is_known(node.right)
    return isinstance(node, expr.Var | expr.Value)


def _as_values(condition: expr.Expr) -> expr.Expr:
    bits = list(condition_bits(condition))
    if len(bits) > MOST_BITS:
        raise SpecError(
            f"A condition for Aer should read at most {MOST_BITS} bits where it shifts a number or "
            f"computes the place of a bit. Got {len(bits)}. Compare registers with numbers."
        )
    _, holds = condition_of(condition, {bit: place for place, bit in enumerate(bits)})
    found: list[expr.Expr] = [expr.lift(False)]
    for values in product((0, 1), repeat=len(bits)):
        if holds(dict(enumerate(values))):
            terms = (
                expr.lift(bit) if value else expr.logic_not(bit)
                for bit, value in zip(bits, values, strict=True)
            )
            found.append(reduce(expr.logic_and, terms, expr.lift(True)))
    return reduce(expr.logic_or, found)
