"""Classical conditions of `if_else` as functions of bit values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.circuit.classical import expr, types

from circuits.errors import CircuitsError

Values = Mapping[int, int]

WIDEST = 1 << 16
"""Bits; no classical register of a circuit has more."""

_BINARY: dict[str, Callable[[int, int], int]] = {
    "BIT_AND": lambda a, b: a & b,
    "BIT_OR": lambda a, b: a | b,
    "BIT_XOR": lambda a, b: a ^ b,
    "LOGIC_AND": lambda a, b: int(bool(a) and bool(b)),
    "LOGIC_OR": lambda a, b: int(bool(a) or bool(b)),
    "EQUAL": lambda a, b: int(a == b),
    "NOT_EQUAL": lambda a, b: int(a != b),
    "LESS": lambda a, b: int(a < b),
    "LESS_EQUAL": lambda a, b: int(a <= b),
    "GREATER": lambda a, b: int(a > b),
    "GREATER_EQUAL": lambda a, b: int(a >= b),
    # Beyond any register's width nothing is left; the amount itself may be a number of 32 bits.
    "SHIFT_LEFT": lambda a, b: a << b if b < WIDEST else 0,
    "SHIFT_RIGHT": lambda a, b: a >> b,
}


def condition_of(
    condition: Any, bits: Mapping[Clbit, int]
) -> tuple[tuple[int, ...], Callable[[Values], bool]]:
    """Return the bits that decide a condition and the function that decides it.

    Unsigned integers are those of OpenQASM 3: a cast or a shift drops the bits beyond the width of
    its type, and a number cast to a boolean is true unless it is 0.

    Args:
        condition: of an `IfElseOp`: (bit or register, value), or an expression.
        bits: index of each classical bit.

    Raises:
        CircuitsError: an expression with stored variables or arithmetic, which machines refuse, or
            with floating-point numbers or durations.
    """
    if isinstance(condition, expr.Expr):
        _check(condition)
        used = sorted(bits[bit] for bit in deciding_bits(condition))
        return tuple(used), lambda values: bool(_evaluate(condition, bits, values))
    where, wanted = condition
    indices = _indices(where, bits)
    return tuple(indices), lambda values: _integer(indices, values) == int(wanted)


def deciding_bits(condition: Any) -> tuple[Clbit, ...]:
    """Return the bits that may change what a condition gives, each once.

    Of a register under a fixed mask, `register & number`, the bits of the mask.

    Raises:
        CircuitsError: it reads a stored variable.
    """
    node = condition if isinstance(condition, expr.Expr) else None
    if node is None:
        return tuple(_bits_of(condition[0]))
    return tuple(dict.fromkeys(_deciding(node)))


def _deciding(node: expr.Expr) -> Iterator[Clbit]:
    if isinstance(node, expr.Var):
        yield from _bits_of(node.var)
    elif isinstance(node, expr.Binary):
        sides = (node.left, node.right)
        for one, other in (sides, sides[::-1]):
            masked = node.op is expr.Binary.Op.BIT_AND and isinstance(other, expr.Value)
            if masked and isinstance(one, expr.Var) and isinstance(one.type, types.Uint):
                mask = int(other.value)
                yield from (b for n, b in enumerate(_bits_of(one.var)) if mask >> n & 1)
            else:
                yield from _deciding(one)
    elif isinstance(node, expr.Unary | expr.Cast):
        yield from _deciding(node.operand)
    elif isinstance(node, expr.Index):
        yield from _deciding(node.target)
        yield from _deciding(node.index)


def _bits_of(where: Any) -> list[Clbit]:
    if isinstance(where, Clbit):
        return [where]
    if isinstance(where, ClassicalRegister):
        return list(where)
    raise CircuitsError(
        f"a condition should read classical bits or registers. Got a stored variable {where!r}."
    )


def _indices(where: Any, bits: Mapping[Clbit, int]) -> list[int]:
    return [bits[bit] for bit in _bits_of(where)]


def _integer(indices: list[int], values: Values) -> int:
    return sum(values.get(index, 0) << position for position, index in enumerate(indices))


def _check(node: expr.Expr) -> None:
    if not isinstance(node.type, types.Bool | types.Uint):
        raise CircuitsError(
            f"a condition should be built of bits and whole numbers. Got a {node.type!r}."
        )
    if isinstance(node, expr.Binary):
        if node.op.name not in _BINARY:
            raise CircuitsError(
                f"a condition should use comparisons and bit operations. Got {node.op.name}."
            )
        _check(node.left)
        _check(node.right)
    elif isinstance(node, expr.Unary | expr.Cast):
        _check(node.operand)
    elif isinstance(node, expr.Index):
        _check(node.target)
        _check(node.index)
    elif not isinstance(node, expr.Var | expr.Value):
        raise CircuitsError(f"a condition of this kind is not understood. Got {node!r}.")


def _evaluate(node: expr.Expr, bits: Mapping[Clbit, int], values: Values) -> int:
    if isinstance(node, expr.Value):
        return int(node.value)
    if isinstance(node, expr.Var):
        return _integer(_indices(node.var, bits), values)
    if isinstance(node, expr.Cast):
        return _of_type(node.type, _evaluate(node.operand, bits, values))
    if isinstance(node, expr.Unary):
        inner = _evaluate(node.operand, bits, values)
        return int(not inner) if isinstance(node.type, types.Bool) else _of_type(node.type, ~inner)
    if isinstance(node, expr.Index):
        return _evaluate(node.target, bits, values) >> _evaluate(node.index, bits, values) & 1
    assert isinstance(node, expr.Binary)
    left, right = (_evaluate(side, bits, values) for side in (node.left, node.right))
    return _of_type(node.type, _BINARY[node.op.name](left, right))


def _of_type(kind: types.Type, value: int) -> int:
    return int(bool(value)) if isinstance(kind, types.Bool) else value & ((1 << kind.width) - 1)
