"""Conditions and classical values of OpenQASM 3 as Qiskit's classical expressions."""

from collections.abc import Callable
from typing import Any, TypeAlias

from openqasm3 import ast
from openqasm3.visitor import QASMVisitor
from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.circuit.classical import expr
from qiskit.circuit.classical import types as widths
from qiskit_qasm3_import import types
from qiskit_qasm3_import.state import State

from jobs.circuit_files.openqasm.constants import (
    BINARY,
    Constant,
    ConstantValues,
    as_type,
    computed,
    is_number,
    unread,
)

Classical: TypeAlias = Constant | expr.Expr

_OPERATORS: dict[str, Callable[[Any, Any], expr.Expr]] = {
    "+": expr.add,
    "-": expr.sub,
    "*": expr.mul,
    "/": expr.div,
    "<<": expr.shift_left,
    ">>": expr.shift_right,
    "&": expr.bit_and,
    "|": expr.bit_or,
    "^": expr.bit_xor,
    "==": expr.equal,
    "!=": expr.not_equal,
    "<": expr.less,
    "<=": expr.less_equal,
    ">": expr.greater,
    ">=": expr.greater_equal,
    "&&": expr.logic_and,
    "||": expr.logic_or,
}
_ALWAYS = {"==": False, "!=": True, "<": True, "<=": True, ">": False, ">=": False}
"""What a comparison with a number above all that the other side can be gives."""
_WRAPPING = (expr.Binary.Op.ADD, expr.Binary.Op.SUB, expr.Binary.Op.MUL)
WORD = 32
"""Bits of an integer without a size, which OpenQASM leaves to the machine."""


class _Signs(QASMVisitor[None]):  # type: ignore[misc]
    """Notes whether there is a cast to a signed number."""

    found = False

    def visit_Cast(self, node: ast.Cast) -> None:
        self.found = self.found or isinstance(node.type, ast.IntType)
        self.visit(node.argument)


def classical(node: ast.Expression, context: State) -> Classical:
    """Return a classical expression: a number of Python where it is constant.

    Raises:
        ConversionError: Qiskit has no such expression.
    """
    if isinstance(node, ast.BinaryExpression):
        if node.op.name in ("==", "!="):
            compared = _compared_parts(node, context)
            if compared is not None:
                return compared
        left, right = classical(node.lhs, context), classical(node.rhs, context)
        return _binary(node, node.op.name, left, right)
    if isinstance(node, ast.UnaryExpression) and node.op.name in ("!", "~"):
        value = classical(node.expression, context)
        if not isinstance(value, expr.Expr):
            if node.op.name == "~":
                raise unread(node, "the complement of a number without a width is not read")
            return not value
        signs = _Signs()
        signs.visit(node.expression)
        if signs.found and node.op.name == "~":
            raise unread(node, "the complement of a signed number is not read; cast to uint")
        is_logic = node.op.name == "!" or isinstance(value.type, widths.Bool)
        return expr.logic_not(value) if is_logic else expr.bit_not(value)
    if isinstance(node, ast.Cast):
        value = classical(node.argument, context)
        return _cast(node, value, context)
    value, kind = ConstantValues(context).resolve(node)
    if is_number(value, kind):
        return value
    if isinstance(value, Clbit | ClassicalRegister | expr.Expr):
        return expr.lift(value)
    if isinstance(kind, types.BitArray):
        return _joined(value)
    raise unread(node, f"'{kind.pretty()}' is no classical value of Qiskit's")


def condition(
    node: ast.Expression, context: State
) -> bool | tuple[Clbit, bool] | tuple[ClassicalRegister, int] | expr.Expr:
    """Return a condition in the simplest form that Qiskit has; a bool where it is constant.

    Raises:
        ConversionError: Qiskit has no such condition.
    """
    found = classical(node, context)
    if not isinstance(found, expr.Expr):
        return bool(found)
    match found:
        case expr.Var(var=Clbit() as bit):
            return bit, True
        case expr.Unary(op=expr.Unary.Op.LOGIC_NOT, operand=expr.Var(var=Clbit() as bit)):
            return bit, False
        case expr.Binary(
            op=expr.Binary.Op.EQUAL,
            left=expr.Var(var=ClassicalRegister() as register),
            right=expr.Value(value=value),
        ):
            return register, int(value)
    return found if isinstance(found.type, widths.Bool) else expr.cast(found, widths.Bool())


def _binary(node: ast.QASMNode, name: str, left: Classical, right: Classical) -> Classical:
    if not isinstance(left, expr.Expr) and not isinstance(right, expr.Expr):
        return computed(node, BINARY[name], left, right)
    if name not in _OPERATORS:
        raise unread(node, f"the operator '{name}' is not read of values that a machine knows")
    mirrored = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
    if not isinstance(left, expr.Expr):
        if name in ("==", "!=", "&", "|", "^", "&&", "||", "+", "*"):
            left, right = right, left
        elif name in mirrored:
            left, right, name = right, left, mirrored[name]
        elif name in ("<<", ">>") and isinstance(left, int) and 0 <= left < 1 << WORD:
            left = expr.lift(int(left), widths.Uint(WORD))
    if isinstance(left, expr.Expr) and not isinstance(right, expr.Expr):
        return _with_constant(node, name, left, right)
    return _made(node, name, left, right)


def _compared_parts(node: ast.BinaryExpression, context: State) -> Classical | None:
    """Compare some bits of registers with a number bit by bit, as Aer knows no shifts."""
    for part, other in ((node.lhs, node.rhs), (node.rhs, node.lhs)):
        if not isinstance(part, ast.IndexExpression | ast.Concatenation):
            continue
        bits, kind = ConstantValues(context).resolve(part)
        number = classical(other, context)
        if not isinstance(kind, types.BitArray) or isinstance(number, expr.Expr):
            continue
        if not bits or number != int(number) or not 0 <= number < 1 << len(bits):
            return node.op.name == "!="
        joined: expr.Expr | None = None
        for place, bit in enumerate(bits):
            one = expr.lift(bit) if int(number) >> place & 1 else expr.logic_not(bit)
            joined = one if joined is None else expr.logic_and(joined, one)
        return joined if node.op.name == "==" else expr.logic_not(joined)
    return None


def _with_constant(node: ast.QASMNode, name: str, left: expr.Expr, right: Constant) -> Classical:
    """Combine a value of the machine with a number, at the width of the former."""
    if name in ("&&", "||"):
        decides = bool(right) is (name == "||")
        return bool(right) if decides else left
    if isinstance(left.type, widths.Bool):
        if right not in (0, 1):
            raise unread(node, f"a bit should be compared with 0 or 1, not with {right}")
        if name in ("==", "!="):
            return left if bool(right) is (name == "==") else expr.logic_not(left)
        return _made(node, name, left, bool(right))
    if isinstance(left.type, widths.Uint) and name in _ALWAYS:
        if isinstance(right, float):
            raise unread(node, "a register should be compared with a whole number")
        beyond = not 0 <= right < 1 << left.type.width
        if beyond and _wraps(left):
            raise unread(node, "a sum or a product should be compared with a number of its width")
        if right >= 1 << left.type.width:
            return _ALWAYS[name]
        if right < 0:
            return {"==": False, "!=": True, "<": False, "<=": False}.get(name, True)
        return _made(node, name, left, int(right))
    return _made(node, name, left, right)


def _wraps(node: expr.Expr) -> bool:
    if isinstance(node, expr.Binary):
        return node.op in _WRAPPING or _wraps(node.left) or _wraps(node.right)
    return isinstance(node, expr.Unary | expr.Cast) and _wraps(node.operand)


def _made(node: ast.QASMNode, name: str, left: Any, right: Any) -> expr.Expr:
    try:
        return _OPERATORS[name](left, right)
    except (TypeError, ValueError) as error:
        raise unread(node, f"Qiskit has no such expression: {error}") from None


def _cast(node: ast.Cast, value: Classical, context: State) -> Classical:
    if not isinstance(value, expr.Expr):
        return as_type(node, node.type, value, context)
    if isinstance(node.type, ast.BoolType):
        return value if isinstance(value.type, widths.Bool) else expr.cast(value, widths.Bool())
    own = 1 if isinstance(value.type, widths.Bool) else getattr(value.type, "width", None)
    if isinstance(node.type, ast.UintType | ast.IntType | ast.BitType) and own is not None:
        size = getattr(node.type, "size", None)
        if size is not None:
            width, _ = ConstantValues(context).resolve(size)
            if not isinstance(width, int) or not 1 <= width <= 64:
                raise unread(node, f"a cast should be to 1 to 64 bits, not to {width}")
        elif isinstance(node.type, ast.BitType):
            width = 1
        else:  # nothing of it may be cut, nor what is shifted out of a single bit
            width = max(WORD, own + 1)
        if isinstance(node.type, ast.IntType) and width <= own and size is not None:
            raise unread(node, "a cast to a signed number should leave a bit for its sign")
        return expr.cast(value, widths.Uint(width))
    raise unread(node, f"a cast to {type(node.type).__name__[:-4].lower()} is not read here")


def _joined(bits: Any) -> expr.Expr:
    """Return some bits as one number, the first of them lowest."""
    width = widths.Uint(len(bits))
    joined: expr.Expr | None = None
    for place, bit in enumerate(bits):
        one = expr.cast(expr.lift(bit), width)
        one = expr.shift_left(one, place) if place else one
        joined = one if joined is None else expr.bit_or(joined, one)
    if joined is None:
        raise ValueError("no bits")
    return joined
