"""OpenQASM 3 by Qiskit's converter, taught more of the language."""

from typing import Any

from openqasm3 import ast, parse
from openqasm3.visitor import QASMVisitor
from qiskit import QuantumCircuit
from qiskit.circuit.classical import expr
from qiskit.circuit.classical import types as widths
from qiskit_qasm3_import import types
from qiskit_qasm3_import.converter import ConvertVisitor
from qiskit_qasm3_import.data import Scope, Symbol
from qiskit_qasm3_import.state import LocalScope, State

from jobs.circuit_files.openqasm.conditions import classical, condition
from jobs.circuit_files.openqasm.constants import (
    ConstantValues,
    as_type,
    constant_type,
    is_number,
    unread,
)
from jobs.circuit_files.openqasm.text import check_register
from jobs.circuit_files.standard_gates import STANDARD

MOST_ROUNDS = 100_000
"""Of a loop that is written out."""


def read_version_3(text: str) -> QuantumCircuit:
    """Return the circuit of OpenQASM 3.

    Beside what Qiskit's converter reads: constants, their operators, functions and casts; bits that
    begin with a value; every condition that Qiskit's classical expressions have; variables and
    assignments; loops over constants, which are written out; switches; stretches; Qiskit's standard
    gates without a definition.

    Raises:
        ConversionError, QASM3ParsingError, SpecError: the text is not valid, or not among that.
    """
    program = parse(text)
    _PhysicalQubits().visit(program)
    converter = _Converter()
    circuit: QuantumCircuit = converter.convert(program, source=text).circuit
    return circuit


class _PhysicalQubits(QASMVisitor[None]):  # type: ignore[misc]
    """Refuses numbers of qubits that nothing holds; all below them would be made."""

    def visit_Identifier(self, node: ast.Identifier, context: None = None) -> None:
        if node.name.startswith("$") and node.name[1:].isdecimal():
            check_register(int(node.name[1:13]))


class _Jumps(QASMVisitor[None]):  # type: ignore[misc]
    """Notes whether there is a break or a continue."""

    found = False

    def visit_BreakStatement(self, node: ast.BreakStatement) -> None:
        self.found = True

    def visit_ContinueStatement(self, node: ast.ContinueStatement) -> None:
        self.found = True


class _Converter(ConvertVisitor):  # type: ignore[misc]
    def _resolve_generic(
        self, node: ast.Expression, context: State, strict: bool
    ) -> tuple[Any, types.Type]:
        return ConstantValues(context, strict).resolve(node)  # type: ignore[no-any-return]

    def _resolve_condition(self, node: ast.Expression, context: State) -> Any:
        return condition(node, context)

    def visit_Include(self, node: ast.Include, context: State) -> State:
        # Gates of Qiskit's own include are found by name when they are used.
        return context

    def visit_Pragma(self, node: ast.Pragma, context: State) -> State:
        raise unread(node, "pragmas are not read; what they ask for is not known")

    def visit_CompoundStatement(self, node: ast.CompoundStatement, context: State) -> State:
        return self._scoped(node.statements, context)

    def visit_QubitDeclaration(self, node: ast.QubitDeclaration, context: State) -> State:
        if node.size is not None:
            check_register(self._resolve_constant_int(node.size, context))
        return super().visit_QubitDeclaration(node, context)

    def visit_QuantumGate(self, node: ast.QuantumGate, context: State) -> State:
        name = node.name.name
        standard = STANDARD.get("cx" if name == "CX" else name)
        known = {"phase": "p", "cphase": "cp"}.get(name)
        standard = STANDARD[known] if known is not None else standard
        if standard is not None and name not in context.symbol_table:
            kind = types.Gate(len(standard.params), standard.num_qubits)
            symbol = Symbol(name, standard.base_class, kind, Scope.GLOBAL, node)
            context.symbol_table.insert(symbol)
        return super().visit_QuantumGate(node, context)

    def visit_ConstantDeclaration(self, node: ast.ConstantDeclaration, context: State) -> State:
        value, kind = self._resolve_generic(node.init_expression, context, strict=False)
        if isinstance(node.type, ast.DurationType) and isinstance(kind, types.Duration):
            pass
        elif is_number(value, kind):
            value = as_type(node, node.type, value, context)
            kind = constant_type(value)
        else:
            raise unread(node, "a constant should be a number or a duration")
        context.symbol_table.insert(Symbol(node.identifier.name, value, kind, context.scope, node))
        return context

    def visit_IODeclaration(self, node: ast.IODeclaration, context: State) -> State:
        if node.io_identifier is ast.IOKeyword.output:
            return self._declare(node, None, context)
        return super().visit_IODeclaration(node, context)

    def visit_ClassicalDeclaration(self, node: ast.ClassicalDeclaration, context: State) -> State:
        return self._declare(node, node.init_expression, context)

    def _declare(
        self,
        node: ast.ClassicalDeclaration | ast.IODeclaration,
        first: ast.Expression | None,
        context: State,
    ) -> State:
        if isinstance(node.type, ast.BitType):
            if node.type.size is not None:
                check_register(self._resolve_constant_int(node.type.size, context))
            is_measured = isinstance(first, ast.QuantumMeasurement)
            bare = ast.ClassicalDeclaration(
                type=node.type,
                identifier=node.identifier,
                init_expression=first if is_measured else None,
            )
            bare.span = node.span
            context = super().visit_ClassicalDeclaration(bare, context)
            if first is not None and not is_measured:
                self._store(node.identifier, classical(first, context), context, is_first=True)
            return context
        kind = self._variable_type(node, context)
        name = node.identifier.name
        if kind is None:
            stretch = context.circuit.add_stretch(name)
            symbol = Symbol(name, stretch, types.Duration(const=True), context.scope, node)
            context.symbol_table.insert(symbol)
            return context
        if first is None:
            variable = expr.Var.new(name, kind)
            context.circuit.add_uninitialized_var(variable)
        else:
            variable = context.circuit.add_var(name, _typed(node, classical(first, context), kind))
        is_bool = isinstance(kind, widths.Bool)
        own = types.Bool(const=False) if is_bool else types.Uint(const=False)
        context.symbol_table.insert(Symbol(name, variable, own, context.scope, node))
        return context

    def _variable_type(self, node: Any, context: State) -> widths.Type | None:
        """Return Qiskit's type of a variable; None for a stretch."""
        if isinstance(node.type, ast.BoolType):
            return widths.Bool()
        if isinstance(node.type, ast.UintType) and node.type.size is not None:
            width = self._resolve_constant_int(node.type.size, context)
            if 1 <= width <= 64:
                return widths.Uint(width)
        if isinstance(node.type, ast.StretchType):
            return None
        raise unread(
            node,
            "variables should be bit, bool, uint[1] to uint[64] or stretch, not "
            f"{type(node.type).__name__[:-4].lower()}",
        )

    def visit_ClassicalAssignment(self, node: ast.ClassicalAssignment, context: State) -> State:
        value = node.rvalue
        if node.op.name != "=":
            operation = ast.BinaryOperator[node.op.name.removesuffix("=")]
            value = ast.BinaryExpression(op=operation, lhs=_read(node.lvalue), rhs=node.rvalue)
            value.span = node.span
        self._store(node.lvalue, classical(value, context), context)
        return context

    def _store(self, target: Any, value: Any, context: State, *, is_first: bool = False) -> None:
        place, _ = self._resolve_generic(target, context, strict=True)
        try:
            place = expr.lift(place)
        except TypeError:
            raise unread(
                target, "an assignment should be to a bit, a register or a variable"
            ) from None
        if is_first and not isinstance(value, expr.Expr) and value == 0:
            return  # as bits begin
        context.circuit.store(place, _typed(target, value, place.type))

    def visit_BranchingStatement(self, node: ast.BranchingStatement, context: State) -> State:
        found = condition(node.condition, context)
        if isinstance(found, bool):
            return self._scoped(node.if_block if found else node.else_block, context)
        return super().visit_BranchingStatement(node, context)

    def visit_WhileLoop(self, node: ast.WhileLoop, context: State) -> State:
        if isinstance(condition(node.while_condition, context), bool):
            raise unread(node, "a loop's condition should depend on a bit")
        return super().visit_WhileLoop(node, context)

    def visit_ForInLoop(self, node: ast.ForInLoop, context: State) -> State:
        jumps = _Jumps()
        for statement in node.block:
            jumps.visit(statement)
        if jumps.found:
            return super().visit_ForInLoop(node, context)
        values, _ = self._resolve_generic(node.set_declaration, context, strict=True)
        if isinstance(values, slice):
            if values.start is None or values.stop is None or values.step == 0:
                raise unread(node, "a loop's range should have a start, an end and a step")
            values = range(values.start, values.stop, values.step or 1)
        if not isinstance(values, range | tuple):
            raise unread(node, "a loop should be over a range or a set of whole numbers")
        if len(values) > MOST_ROUNDS:
            raise unread(node, f"a loop should have at most {MOST_ROUNDS:,} rounds")
        for value in values:
            with LocalScope(context) as inner:
                symbol = Symbol(
                    node.identifier.name, value, types.Int(const=True), Scope.LOCAL, node
                )
                inner.symbol_table.insert(symbol)
                for statement in node.block:
                    self.visit(statement, inner)
        return context

    def visit_SwitchStatement(self, node: ast.SwitchStatement, context: State) -> State:
        target = classical(node.target, context)
        if not isinstance(target, expr.Expr):
            raise unread(node, "a switch should be over a bit or a register")
        with context.circuit.switch(target) as case:
            for values, block in node.cases:
                with case(*(classical(value, context) for value in values)):
                    self._scoped(block.statements, context)
            if node.default is not None:
                with case(case.DEFAULT):
                    self._scoped(node.default.statements, context)
        return context

    def _resolve_constant_duration(self, node: ast.Expression, context: State) -> Any:
        value = super()._resolve_constant_duration(node, context)
        return value if isinstance(value, tuple) else (value, None)

    def _scoped(self, statements: list[ast.Statement], context: State) -> State:
        with LocalScope(context) as inner:
            for statement in statements:
                self.visit(statement, inner)
        return context


def _read(target: ast.Identifier | ast.IndexedIdentifier) -> ast.Expression:
    """Return what an assignment's target is when it is read."""
    if isinstance(target, ast.Identifier):
        return target
    found: ast.Expression = target.name
    for index in target.indices:
        found = ast.IndexExpression(collection=found, index=index)
        found.span = target.span
    return found


def _typed(node: ast.QASMNode, value: Any, kind: widths.Type) -> expr.Expr:
    """Return a value as the type that it is stored as."""
    is_bool = isinstance(kind, widths.Bool)
    try:
        if not isinstance(value, expr.Expr):
            return expr.lift(bool(value) if is_bool else int(value), kind)
        return value if value.type == kind else expr.cast(value, kind)
    except (TypeError, ValueError) as error:
        raise unread(node, f"the value does not fit: {error}") from None
