"""Values of OpenQASM 3 that are known while a file is read."""

import math
import operator
from collections.abc import Callable
from typing import Any, TypeAlias

from openqasm3 import ast
from qiskit.circuit import ParameterExpression
from qiskit_qasm3_import import types
from qiskit_qasm3_import.exceptions import ConversionError
from qiskit_qasm3_import.expression import ValueResolver
from qiskit_qasm3_import.state import State

Constant: TypeAlias = bool | int | float

MOST_DIGITS = 4_000
"""Of a whole number, in bits; what exceeds them is no index and no angle."""


def _divided(left: Any, right: Any) -> Any:
    whole = isinstance(left, int) and isinstance(right, int)
    return int(left / right) if whole else left / right


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and abs(right) * max(left.bit_length(), 1) > MOST_DIGITS:
        raise OverflowError("a power is too large")
    return left**right


def _shifted(left: int, right: int) -> int:
    if right > MOST_DIGITS:
        raise OverflowError("a shift is too large")
    return left << right


BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": math.fmod,
    "**": _power,
    "<<": _shifted,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "&&": lambda left, right: bool(left) and bool(right),
    "||": lambda left, right: bool(left) or bool(right),
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "arccos": math.acos,
    "arcsin": math.asin,
    "arctan": math.atan,
    "ceiling": math.ceil,
    "cos": math.cos,
    "exp": math.exp,
    "floor": math.floor,
    "log": math.log,
    "mod": math.fmod,
    "pow": _power,
    "sin": math.sin,
    "sqrt": math.sqrt,
    "tan": math.tan,
}
OF_PARAMETERS = ("cos", "exp", "log", "sin", "tan")


def unread(node: ast.QASMNode, reason: str) -> Exception:
    """Return the converter's error of a place in a file."""
    error: Exception = ConversionError(reason, node)
    return error


def constant_type(value: Constant) -> types.Type:
    """Return the converter's type of a value of Python."""
    if isinstance(value, bool):
        return types.Bool(const=True)
    return types.Int(const=True) if isinstance(value, int) else types.Float(const=True)


def computed(node: ast.QASMNode, function: Callable[..., Any], *values: Any) -> Any:
    """Return a function's value; what mathematics forbids is an error of the file."""
    try:
        value = function(*values)
    except (ArithmeticError, ValueError, TypeError) as error:
        raise unread(node, f"{type(error).__name__} in a constant: {error}") from None
    if isinstance(value, complex) or (isinstance(value, float) and not math.isfinite(value)):
        raise unread(node, f"a constant should be a finite real number, not {value}")
    if function is math.fmod and all(isinstance(one, int) for one in values):
        return int(value)
    return value


def as_type(
    node: ast.QASMNode, kind: ast.ClassicalType, value: Constant, context: State
) -> Constant:
    """Return a constant as a cast or a declaration makes it, cut to its width.

    Raises:
        ConversionError: a type that constants of this reader do not have.
    """
    if isinstance(kind, ast.BoolType):
        return bool(value)
    if isinstance(kind, ast.IntType | ast.UintType | ast.BitType):
        width = None if kind.size is None else ConstantValues(context).resolve(kind.size)[0]
        if width is None:
            return int(value) & 1 if isinstance(kind, ast.BitType) else int(value)
        if not isinstance(width, int) or not 1 <= width <= MOST_DIGITS:
            raise unread(node, f"a number should have 1 to {MOST_DIGITS:,} bits, not {width}")
        low = int(value) & ((1 << width) - 1)
        is_negative = isinstance(kind, ast.IntType) and low >> (width - 1)
        return low - (1 << width) if is_negative else low
    if isinstance(kind, ast.FloatType | ast.AngleType):
        return float(value)
    raise unread(node, f"constants of type {type(kind).__name__[:-4].lower()} are not read")


class ConstantValues(ValueResolver):  # type: ignore[misc]
    """The converter's resolver, with the rest of the operators and functions on constants."""

    def visit_BinaryExpression(self, node: ast.BinaryExpression) -> tuple[Any, types.Type]:
        """Compute what has two constants; scale durations; leave the rest to the converter."""
        left, left_type = self.visit(node.lhs)
        right, right_type = self.visit(node.rhs)
        name = node.op.name
        if is_number(left, left_type) and is_number(right, right_type):
            value = computed(node, BINARY[name], left, right)
            return value, constant_type(value)
        if isinstance(left_type, types.Duration) and name in ("*", "/"):
            return (computed(node, BINARY[name], left[0], right), left[1]), left_type
        if isinstance(right_type, types.Duration) and name == "*":
            return (computed(node, BINARY[name], left, right[0]), right[1]), right_type
        return super().visit_BinaryExpression(node)  # type: ignore[no-any-return]

    def _index_collection(
        self, collection: Any, kind: types.Type, indexer: Any, base: Any
    ) -> tuple[Any, types.Type]:
        """Take ranges by their places: both ends are in, and negative ones count from the last."""
        if isinstance(indexer, list) and len(indexer) == 1:
            (node,) = indexer
            if isinstance(node, ast.RangeDefinition) and isinstance(
                kind, types.BitArray | types.QubitArray
            ):
                places = self._places(node, len(collection))
                return [collection[place] for place in places], type(kind)(len(places))
        return super()._index_collection(  # type: ignore[no-any-return]
            collection, kind, indexer, base
        )

    def _places(self, node: ast.RangeDefinition, size: int) -> range:
        ends = [
            None if one is None else self.visit(one)[0] for one in (node.start, node.end, node.step)
        ]
        if not all(one is None or isinstance(one, int) for one in ends) or ends[2] == 0:
            raise unread(node, "a range should be of whole numbers that are known, its step not 0")
        step = 1 if ends[2] is None else ends[2]
        whole = (0, size - 1) if step > 0 else (size - 1, 0)
        first, last = (
            default if end is None else end + size * (end < 0)
            for end, default in zip(ends[:2], whole, strict=True)
        )
        places = range(first, last + (1 if step > 0 else -1), step)
        if not places or min(places) < 0 or max(places) >= size:
            raise unread(node, f"a range should hold places of the register's 0 to {size - 1}")
        return places

    def visit_UnaryExpression(self, node: ast.UnaryExpression) -> tuple[Any, types.Type]:
        """Negate constants."""
        value, kind = self.visit(node.expression)
        if node.op.name == "!" and is_number(value, kind):
            return not value, types.Bool(const=True)
        if node.op.name == "-" and is_number(value, kind):
            return -value, constant_type(-value)
        return super().visit_UnaryExpression(node)  # type: ignore[no-any-return]

    def visit_FunctionCall(self, node: ast.FunctionCall) -> tuple[Any, types.Type]:
        """Compute the language's functions of numbers; some of free parameters too."""
        name = node.name.name
        values = [self.visit(argument) for argument in node.arguments]
        numbers = [value for value, _ in values]
        if name not in FUNCTIONS:
            raise unread(node, f"the function '{name}' is not read")
        if all(is_number(*one) for one in values):
            found = computed(node, FUNCTIONS[name], *numbers)
            return found, constant_type(found)
        is_free = len(numbers) == 1 and isinstance(numbers[0], ParameterExpression)
        if is_free and name in OF_PARAMETERS:
            return getattr(numbers[0], name)(), values[0][1]
        raise unread(node, f"the function '{name}' is not read of this argument")

    def visit_Cast(self, node: ast.Cast) -> tuple[Any, types.Type]:
        """Cast constants; free parameters stay what they are among angles and floats."""
        value, kind = self.visit(node.argument)
        if is_number(value, kind):
            cast = as_type(node, node.type, value, self._context)
            return cast, constant_type(cast)
        if isinstance(value, ParameterExpression) and isinstance(
            node.type, ast.AngleType | ast.FloatType
        ):
            return value, kind
        raise unread(node, "a cast here should be of a constant")


def is_number(value: Any, kind: types.Type) -> bool:
    """Tell whether a resolved value is a number that is known now."""
    known = isinstance(kind, types.Bool | types.Int | types.Uint | types.Float | types.Angle)
    return known and isinstance(value, bool | int | float)
