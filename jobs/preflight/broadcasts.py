"""How much feed-forward a circuit asks of the machine's controllers."""

from collections.abc import Iterator

from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Clbit, IfElseOp
from qiskit.circuit.classical import expr

_ONE_BIT, _WIDE_BITS, _WIDE_SLOTS = 1, 60, 8.0


def condition_bits(condition: object) -> frozenset[Clbit]:
    """Return the classical bits that a condition reads.

    Args:
        condition: A pair (bit or register, value), or a classical expression.
    """
    return frozenset(_bits(condition))


def _bits(condition: object) -> Iterator[Clbit]:
    if isinstance(condition, tuple):
        yield from _bits(condition[0])
    elif isinstance(condition, Clbit):
        yield condition
    elif isinstance(condition, ClassicalRegister):
        yield from condition
    elif isinstance(condition, expr.Expr):
        for variable in expr.iter_vars(condition):
            yield from _bits(variable.var)


def broadcast_slots(circuit: QuantumCircuit) -> float:
    """Return the broadcast slots that one execution of `circuit` takes, of 2,400 in a job.

    The bits of a condition are broadcast once, and again after one of them was measured anew. The
    documentation gives two points, about 2,400 broadcasts of one bit or 300 of 60 bits in a job;
    between them a straight line is assumed.

    Source: IBM Quantum documentation, "Classical feedforward and control flow", limitations.
    """
    writes: dict[Clbit, int] = {}
    sent: set[frozenset[tuple[Clbit, int]]] = set()
    slots = 0.0
    for position, instruction in enumerate(circuit.data):
        operation = instruction.operation
        if isinstance(operation, IfElseOp):
            bits = condition_bits(operation.condition)
            broadcast = frozenset((bit, writes.get(bit, -1)) for bit in bits)
            if broadcast and broadcast not in sent:
                sent.add(broadcast)
                slots += _slots(len(bits))
        elif operation.name.startswith("measure"):
            writes.update(dict.fromkeys(instruction.clbits, position))
    return slots


def _slots(n_bits: int) -> float:
    return 1.0 + (_WIDE_SLOTS - 1.0) * (n_bits - _ONE_BIT) / (_WIDE_BITS - _ONE_BIT)
