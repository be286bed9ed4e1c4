"""Amplify the gate and idling noise of a dynamic circuit by folding, branches included."""

import math
from collections import deque
from collections.abc import Callable
from itertools import count, islice
from typing import Literal

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ControlFlowOp, Delay, Gate, Instruction
from qiskit.circuit.library import RZGate, SXGate, XGate

from qrnn_hw.errors import UsageError

FoldedGates = Literal["all", "two-qubit"]
GATE_CHOICES: tuple[FoldedGates, ...] = ("all", "two-qubit")

# Changes of reference frame: they take no time and make no error.
VIRTUAL_GATES = frozenset({"rz", "p", "u1", "z", "s", "sdg", "t", "tdg", "global_phase"})
# Matched by the start of the name, so that a machine's own kinds (measure_2, reset_2) are known.
UNFOLDED_PREFIXES = (
    "measure",
    "reset",
    "barrier",
    "store",
    "break_loop",
    "continue_loop",
    "save_",
)


def fold(
    circuit: QuantumCircuit,
    scale_factor: float,
    *,
    gates: FoldedGates = "all",
    stretch_delays: bool = True,
    seed: int | None = None,
) -> QuantumCircuit:
    """Replace each gate G by G (G^-1 G)^k, so that its noise grows by `scale_factor` = 2k + 1.

    Works on a scheduled ISA circuit without converting it, and recurses into the blocks of control
    flow. Measurements, resets, barriers and virtual gates (rz) stay as they are, so readout and
    reset errors are not amplified. The result holds only operations of the original's kind (an
    inverted sx is rz(pi) sx rz(pi); an inverted rzz keeps its angle between two x), with barriers
    that keep the transpiler from cancelling the folds. The unitary, its phase included, and thus
    the ideal distribution are those of the original.

    Args:
        circuit: Scheduled ISA circuit; parameters may be unbound.
        scale_factor: 1 or more. Odd integers fold every gate alike. Any other factor folds a random
            subset once more and needs `seed`: one subset alone is a biased sample of the circuit's
            noise, so average over `fold_ensemble` instead of using it by itself.
        gates: "all" for every gate that takes time, "two-qubit" for those on two qubits or more.
        stretch_delays: Multiply every delay by the same factor (rounded to whole dt).
        seed: Seed of the random subset of a factor that is not an odd integer.

    Returns:
        A new circuit with the layout and the metadata of the original.

    Raises:
        UsageError: If the factor is below 1 or not finite, the gates are of an unknown choice, a
            factor that is not odd has no seed, or an instruction is neither a gate nor known.

    Source: Giurgica-Tiron et al., arXiv 2005.10921 (local folding).
    """
    n_folds, n_extra = _fold_counts(circuit, scale_factor, gates)
    if scale_factor % 2 != 1 and seed is None:
        raise UsageError(
            f"the scale factor should be an odd integer, or come with a seed. Got {scale_factor}. "
            "Use 1, 3, 5, ..., or average over fold_ensemble."
        )
    extra = _subsets(count_folded(circuit, gates=gates), n_extra, 1, seed)[0]
    return _fold(circuit, scale_factor, n_folds, extra, gates, stretch_delays)


def unfold(
    circuit: QuantumCircuit,
    scale_factor: float,
    *,
    gates: FoldedGates = "all",
    stretch_delays: bool = True,
) -> QuantumCircuit:
    """Return the circuit that `fold` made this one of, by an odd factor.

    Another circuit gives one whose fold is not it: whoever cannot be sure folds again and compares.
    """
    n_folds = _fold_counts(circuit, scale_factor, gates)[0]

    def walk(block: QuantumCircuit) -> QuantumCircuit:
        plain, rest = block.copy_empty_like(), iter(block.data)
        for instruction in rest:
            operation = instruction.operation
            if isinstance(operation, ControlFlowOp):
                operation = operation.replace_blocks(walk(inner) for inner in operation.blocks)
            elif isinstance(operation, Delay) and stretch_delays:
                operation = _stretched(operation, 1 / scale_factor)
            elif _is_folded(operation, gates) and n_folds:
                n_inverse = 3 if operation.name in ("sx", "rzz") else 1
                deque(islice(rest, n_folds * (n_inverse + 3) + 1), maxlen=0)
            plain.append(operation, instruction.qubits, instruction.clbits)
        return plain

    return walk(circuit)


def fold_ensemble(
    circuit: QuantumCircuit,
    scale_factor: float,
    *,
    n_subsets: int,
    seed: int,
    gates: FoldedGates = "all",
    stretch_delays: bool = True,
) -> list[QuantumCircuit]:
    """Fold by a factor that need not be odd, with `n_subsets` random subsets folded once more.

    The values of the circuits are to be averaged. The subsets are balanced: over the ensemble every
    gate is folded equally often (to within one), so the average is right to first order in the
    error rates. The share of gates is rounded to whole gates. For an odd factor all circuits are
    equal.

    Raises:
        UsageError: As `fold`, and if `n_subsets` is below 1.
    """
    if n_subsets < 1:
        raise UsageError(f"an ensemble should have 1 subset or more. Got {n_subsets}.")
    n_folds, n_extra = _fold_counts(circuit, scale_factor, gates)
    subsets = _subsets(count_folded(circuit, gates=gates), n_extra, n_subsets, seed)
    return [
        _fold(circuit, scale_factor, n_folds, extra, gates, stretch_delays) for extra in subsets
    ]


def count_folded(circuit: QuantumCircuit, *, gates: FoldedGates = "all") -> int:
    """Count the gates that `fold` multiplies, those in every branch included.

    Raises:
        UsageError: If the gates are of an unknown choice or an instruction is not known.
    """
    _check_choice(gates)
    return sum(
        sum(count_folded(block, gates=gates) for block in operation.blocks)
        if isinstance(operation, ControlFlowOp)
        else int(_is_folded(operation, gates))
        for operation in (instruction.operation for instruction in circuit.data)
    )


def _check_choice(gates: str) -> None:
    if gates not in GATE_CHOICES:
        raise UsageError(f"gates should be one of {', '.join(GATE_CHOICES)}. Got {gates!r}.")


def _check_factor(scale_factor: float) -> None:
    if not (math.isfinite(scale_factor) and scale_factor >= 1):
        raise UsageError(f"the scale factor should be 1 or more. Got {scale_factor}.")


def _fold_counts(circuit: QuantumCircuit, scale_factor: float, gates: str) -> tuple[int, int]:
    """Split the factor into folds of every gate and the number of gates folded once more."""
    _check_choice(gates)
    _check_factor(scale_factor)
    n_folds, share = divmod((scale_factor - 1) / 2, 1)
    n_gates = count_folded(circuit, gates=gates) if share else 0  # type: ignore[arg-type]
    return int(n_folds), round(share * n_gates)


def _subsets(n_gates: int, n_extra: int, n_subsets: int, seed: int | None) -> list[frozenset[int]]:
    """Draw equally spaced windows of one random order, which cover all gates evenly."""
    if not n_extra:
        return [frozenset()] * n_subsets
    order = np.random.default_rng(seed).permutation(n_gates)
    starts = (index * n_gates // n_subsets for index in range(n_subsets))
    return [frozenset(np.roll(order, -start)[:n_extra].tolist()) for start in starts]


def _is_folded(operation: Instruction, gates: str) -> bool:
    if isinstance(operation, Gate):
        n_least = 2 if gates == "two-qubit" else 1
        return operation.name not in VIRTUAL_GATES and operation.num_qubits >= n_least
    if isinstance(operation, Delay) or operation.name.startswith(UNFOLDED_PREFIXES):
        return False
    raise UsageError(
        "a circuit to fold should hold gates, measurements, resets, delays, barriers and control "
        f"flow. Got {operation.name!r}. Decompose it first."
    )


def _fold(
    circuit: QuantumCircuit,
    scale_factor: float,
    n_folds: int,
    extra: frozenset[int],
    gates: str,
    stretch_delays: bool,
) -> QuantumCircuit:
    positions = count()

    def walk(block: QuantumCircuit) -> QuantumCircuit:
        folded = block.copy_empty_like()
        for instruction in block.data:
            operation, qubits = instruction.operation, instruction.qubits
            if isinstance(operation, ControlFlowOp):
                operation = operation.replace_blocks(walk(inner) for inner in operation.blocks)
            elif isinstance(operation, Delay) and stretch_delays:
                operation = _stretched(operation, scale_factor)
            folded.append(operation, qubits, instruction.clbits)
            if isinstance(operation, ControlFlowOp) or not _is_folded(operation, gates):
                continue
            n_times = n_folds + (next(positions) in extra)
            for _ in range(n_times):
                folded.barrier(*qubits)
                folded.global_phase += _append_inverse(folded.append, operation, qubits)
                folded.barrier(*qubits)
                folded.append(operation, qubits)
            if n_times:
                folded.barrier(*qubits)
        return folded

    return walk(circuit)


def _append_inverse(
    append: Callable[..., object], operation: Gate, qubits: tuple[object, ...]
) -> float:
    """Append the inverse in the operations of the machine; return the global phase it lacks."""
    if operation.name == "sx":
        for gate in (RZGate(math.pi), SXGate(), RZGate(math.pi)):
            append(gate, qubits)
        return math.pi / 2
    if operation.name == "rzz":  # the machine takes angles in [0, pi/2] only
        for gate, on in ((XGate(), qubits[:1]), (operation, qubits), (XGate(), qubits[:1])):
            append(gate, on)
        return 0.0
    append(operation.inverse(), qubits)
    return 0.0


def _stretched(delay: Delay, scale_factor: float) -> Delay:
    if delay.unit == "expr":
        raise UsageError(
            "delays to stretch should have a fixed length. Got a stretch. Schedule the circuit "
            "first, or leave the delays with stretch_delays=False."
        )
    duration = delay.duration * scale_factor
    if delay.unit == "dt" and not hasattr(duration, "parameters"):
        duration = round(duration)
    return Delay(duration, delay.unit)
