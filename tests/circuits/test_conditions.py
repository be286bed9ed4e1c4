"""Conditions of branches against arithmetic on rows of bits, and against Aer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.circuit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr, types
from qiskit_aer import AerSimulator

from circuits.errors import CircuitsError
from circuits.exact.conditions import condition_of
from circuits.exact.evolve import distribution
from circuits.exact.lift import lift
from jobs.aer.executor import lower
from jobs.errors import SpecError

A, B = ClassicalRegister(3, "a"), ClassicalRegister(2, "b")
BITS = [*A, *B]


def numbers(width):
    """Unsigned integers of a width that read the two registers."""
    leaves = [
        st.just(expr.cast(A, types.Uint(width))),
        st.just(expr.cast(B, types.Uint(width))),
        st.sampled_from(BITS).map(lambda bit: expr.cast(bit, types.Uint(width))),
        st.integers(0, 2**width - 1).map(lambda value: expr.lift(value, types.Uint(width))),
    ]

    def larger(inner):
        pairs = st.tuples(inner, inner)
        narrow = st.integers(1, 4).map(types.Uint)
        return st.one_of(
            inner.map(expr.bit_not),
            pairs.map(lambda two: expr.bit_and(*two)),
            pairs.map(lambda two: expr.bit_or(*two)),
            pairs.map(lambda two: expr.bit_xor(*two)),
            pairs.map(lambda two: expr.shift_left(*two)),
            pairs.map(lambda two: expr.shift_right(*two)),
            st.tuples(inner, narrow).map(
                lambda pair: expr.cast(expr.cast(*pair), types.Uint(width))
            ),
            truths(inner).map(lambda one: expr.cast(one, types.Uint(width))),
        )

    return st.recursive(st.one_of(leaves), larger, max_leaves=4)


def truths(inner):
    pairs = st.tuples(inner, inner)
    compare = (expr.equal, expr.not_equal, expr.less, expr.less_equal, expr.greater)
    return st.one_of(
        st.tuples(st.sampled_from((*compare, expr.greater_equal)), pairs).map(
            lambda drawn: drawn[0](*drawn[1])
        ),
        inner.map(lambda one: expr.cast(one, types.Bool())),
        inner.map(expr.logic_not),
        pairs.map(lambda two: expr.logic_and(*two)),
        pairs.map(lambda two: expr.logic_or(*two)),
        st.tuples(inner, st.integers(0, 3)).map(lambda two: expr.index(*two)),
        pairs.map(lambda two: expr.index(*two)),
        st.sampled_from(BITS).map(expr.lift),
        st.sampled_from(BITS).map(expr.bit_not),
    )


CONDITIONS = st.integers(2, 4).flatmap(lambda width: truths(numbers(width)))


def row(node, values):
    """The bits of a value, the lowest first, by the rules of OpenQASM 3 as they are written."""
    width = getattr(node.type, "width", 1)
    if isinstance(node, expr.Value):
        return [int(node.value) >> k & 1 for k in range(width)]
    if isinstance(node, expr.Var):
        members = [node.var] if node.var in BITS else list(node.var)
        return [values[bit] for bit in members]
    if isinstance(node, expr.Cast):
        inner = row(node.operand, values)
        return [max(inner)] if node.type == types.Bool() else (inner + [0] * width)[:width]
    if isinstance(node, expr.Unary):
        return [1 - bit for bit in row(node.operand, values)]
    if isinstance(node, expr.Index):
        inner, place = row(node.target, values), number(node.index, values)
        return [inner[place] if place < len(inner) else 0]
    left, right = row(node.left, values), row(node.right, values)
    name = node.op.name.removeprefix("BIT_").removeprefix("LOGIC_")
    by_bit = {"AND": min, "OR": max, "XOR": lambda one, other: int(one != other)}
    if name in by_bit:
        return [by_bit[name](*two) for two in zip(left, right, strict=True)]
    amount = min(number(node.right, values), width)
    if name == "SHIFT_LEFT":
        return ([0] * amount + left)[:width]
    if name == "SHIFT_RIGHT":
        return left[amount:] + [0] * amount
    one, other = left[::-1], right[::-1]
    return [int({
        "EQUAL": one == other, "NOT_EQUAL": one != other, "LESS": one < other,
        "LESS_EQUAL": one <= other, "GREATER": one > other, "GREATER_EQUAL": one >= other,
    }[name])]  # fmt: skip


def number(node, values):
    return sum(bit << k for k, bit in enumerate(row(node, values)))


def prepared(values, condition):
    """A circuit whose bits are as given, and whose last bit tells whether the condition holds."""
    told = ClassicalRegister(1, "told")
    circuit = QuantumCircuit(QuantumRegister(2), A, B, told)
    circuit.x(0)
    for bit, value in zip(BITS, values, strict=True):
        if value:
            circuit.measure(0, bit)
    with circuit.if_test(condition):
        circuit.x(1)
    circuit.measure(1, told[0])
    return circuit


VALUES = st.tuples(*[st.integers(0, 1)] * len(BITS))


@settings(max_examples=100, deadline=None)
@given(CONDITIONS, VALUES)
def test_conditions_follow_the_widths_of_their_types(condition, values):
    (expected,) = row(condition, dict(zip(BITS, values, strict=True)))
    used, holds = condition_of(condition, {bit: k for k, bit in enumerate(BITS)})
    assert holds({k: values[k] for k in used}) == expected


@settings(max_examples=40, deadline=None)
@given(CONDITIONS, VALUES)
def test_aer_decides_what_it_is_given_as_the_exact_engine_does(condition, values):
    circuit = prepared(values, condition)
    (expected,) = row(condition, dict(zip(BITS, values, strict=True)))
    assert distribution(lift(circuit), np.zeros(0), [5])[expected] == pytest.approx(1)
    counts = AerSimulator().run(lower(circuit), shots=3).result().get_counts()
    assert {text.split()[0] for text in counts} == {str(expected)}


def test_numbers_as_booleans_and_places_of_wide_registers_reach_aer():
    wide = ClassicalRegister(30, "wide")
    for condition, expected in (
        (expr.cast(wide, types.Bool()), "1"),
        (expr.logic_not(wide), "0"),
        (expr.index(wide, 17), "1"),
        (expr.equal(expr.cast(wide, types.Uint(17)), 0), "1"),
    ):
        circuit = QuantumCircuit(QuantumRegister(2), wide, ClassicalRegister(1, "told"))
        circuit.x(0)
        circuit.measure(0, wide[17])
        with circuit.if_test(condition):
            circuit.x(1)
        circuit.measure(1, circuit.clbits[-1])
        counts = AerSimulator().run(lower(circuit), shots=3).result().get_counts()
        assert {text.split()[0] for text in counts} == {expected}


def test_what_cannot_be_decided_is_one_line():
    circuit = QuantumCircuit(1, 30)
    shifted = expr.equal(expr.shift_left(circuit.cregs[0], 1), 2)
    with circuit.if_test(shifted):
        circuit.x(0)
    with pytest.raises(SpecError, match="at most 8 bits.* Got 30"):
        lower(circuit)
    with pytest.raises(CircuitsError, match="whole numbers. Got a Float"):
        condition_of(expr.less(expr.lift(0.3), 0.5), {})
    narrow = {bit: k for k, bit in enumerate(circuit.clbits)}
    _, holds = condition_of(expr.equal(expr.shift_left(1, circuit.cregs[0]), 0), narrow)
    assert holds(dict.fromkeys(range(30), 1))  # shifted by 2**30 - 1 at once
