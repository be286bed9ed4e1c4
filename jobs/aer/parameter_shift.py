"""Exact derivatives of a dynamic circuit by parameter shift, on Aer: a referee for gradients.

A rotation's outcome probabilities are sinusoids of its angle, so that their slope is half the
difference at angles shifted by a quarter turn up and down (Schuld et al., Phys. Rev. A 99, 032331,
2019). Noise after the rotation and a branch around it change nothing in this. A parameter that
stands in several gates is shifted in each of them apart and summed by the chain rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ControlFlowOp, Parameter, QuantumCircuit

from calibration.noise import DeviceNoise
from jobs.aer.static_rows import exact_distributions
from jobs.errors import SpecError

SHIFTABLE = frozenset({"p", "rx", "ry", "rz", "rzz"})
"""Gates with two eigenvalues whose difference is 1 in units of the angle."""


def parameter_shift(
    circuit: QuantumCircuit,
    parameters: Sequence[Parameter],
    values: NDArray[np.float64],
    noise: DeviceNoise | None,
    keep: Sequence[int],
) -> NDArray[np.float64]:
    """Return the derivatives of the distribution of some bits, by Aer's density matrix.

    Two simulations for each gate that has a free parameter: for checks, not for training.

    Args:
        circuit: with instruction names of the device and free parameters in rotations.
        parameters: all of the circuit, p of them.
        values: radians, shape (p,).
        noise: of the device; None is ideal.
        keep: bits whose distribution is wanted, m of them.

    Returns:
        Shape (2**m, p).

    Raises:
        SpecError: a free parameter stands in another gate.
    """
    occurrences: list[Any] = []  # the angle of each gate, as an expression of the parameters
    split = _split(circuit, occurrences)
    given = dict(zip(parameters, np.asarray(values, dtype=float).tolist(), strict=True))
    angles = np.array([_value(angle, given) for angle in occurrences])
    order = sorted(split.parameters, key=lambda p: int(p.name))
    turns = [sign * row for row in np.eye(len(order)) * np.pi / 2 for sign in (1, -1)]
    shifted = [
        split.assign_parameters(dict(zip(order, (angles + turn).tolist(), strict=True)))
        for turn in turns
    ]
    if not shifted:
        return np.zeros((2 ** len(keep), len(parameters)))
    ends = exact_distributions(shifted, noise, keep).reshape(len(order), 2, -1)
    by_angle = (ends[:, 0] - ends[:, 1]) / 2
    chain = np.array(
        [
            [_value(a.gradient(p), given) if p in a.parameters else 0.0 for p in parameters]
            for a in occurrences
        ]
    )
    return np.asarray(by_angle.T @ chain)


def _split(circuit: QuantumCircuit, occurrences: list[Any]) -> QuantumCircuit:
    """Return the circuit with a parameter of its own, named by its number, in each gate."""
    changed = circuit.copy_empty_like()
    for instruction in circuit.data:
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            operation = operation.replace_blocks([_split(b, occurrences) for b in operation.blocks])
        elif any(getattr(p, "parameters", None) for p in operation.params):
            if operation.name not in SHIFTABLE:
                raise SpecError(
                    "a free parameter should stand in one of "
                    f"{', '.join(sorted(SHIFTABLE))} to be shifted. Got {operation.name}; "
                    "transpile the circuit first."
                )
            own = Parameter(str(len(occurrences)))
            occurrences.append(operation.params[0])
            operation = operation.base_class(own)
        changed.append(operation, instruction.qubits, instruction.clbits)
    return changed


def _value(expression: Any, given: dict[Parameter, float]) -> float:
    free = getattr(expression, "parameters", ())
    return float(expression.bind({p: given[p] for p in free}) if free else expression)
