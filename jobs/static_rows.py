"""Exact distributions of dynamic circuits by Aer's density matrix, many parameter rows in one run.

Each circuit is rewritten once (`jobs.static_form`). What is the same in all rows is bound before,
what differs is bound by Aer while it runs, so a batch of inputs costs one transpilation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ControlFlowOp, Parameter, QuantumCircuit

from calibration.noise import DeviceNoise
from jobs.bindable import check_for_aer
from jobs.errors import SpecError
from jobs.spec import Pub
from jobs.static_form import static_form


def exact_distribution(
    circuit: QuantumCircuit, noise: DeviceNoise | None, keep: Sequence[int]
) -> NDArray[np.float64]:
    """Return the exact joint distribution of some bits, computed by Aer's density matrix.

    Args:
        circuit: bound dynamic circuit, with instruction names of the device.
        noise: of the device; None is ideal.
        keep: bits whose distribution is wanted, m of them.

    Returns:
        Shape (2**m,); bit j of the outcome integer is keep[j].
    """
    return np.asarray(exact_distributions([circuit], noise, keep)[0])


def exact_distributions(
    circuits: Sequence[QuantumCircuit], noise: DeviceNoise | None, keep: Sequence[int]
) -> NDArray[np.float64]:
    """Return `exact_distribution` of several circuits from one run, shape (n, 2**m)."""
    return np.asarray(_run([(circuit, {}) for circuit in circuits], noise, [keep] * len(circuits)))


def row_distributions(
    pubs: Sequence[Pub], noise: DeviceNoise | None, register: str = "out"
) -> tuple[NDArray[np.float64], ...]:
    """Return the exact distribution of a register for every parameter row of every pub.

    Args:
        pubs: dynamic circuits with instruction names of the device, and their rows.
        noise: of the device; None is ideal.
        register: name of a classical register of m bits that each circuit has.

    Returns:
        One array of shape (rows, 2**m) for each pub; bit j of the outcome is bit j of the register.

    Raises:
        SpecError: a parameter that differs between rows stands where Aer cannot bind it.
    """
    jobs: list[tuple[QuantumCircuit, dict[Parameter, list[float]]]] = []
    keeps = []
    for pub in pubs:
        circuits = _with_constants_bound(pub)
        keeps += [_bits(pub.circuit, register)] * len(circuits)
        jobs += circuits
    rows = iter(_run(jobs, noise, keeps))
    return tuple(np.asarray([next(rows) for _ in range(pub.n_rows)]) for pub in pubs)


def _with_constants_bound(pub: Pub) -> list[tuple[QuantumCircuit, dict[Parameter, list[float]]]]:
    """Return circuits with the values of what is still free, in the order of the rows."""
    columns = dict(zip(pub.circuit.parameters, pub.parameters.T.tolist(), strict=True))
    varying = {p for p, values in columns.items() if len(set(values)) > 1}
    if varying & _in_branches(pub.circuit):  # a branch becomes a matrix, which has no parameters
        rows = [dict(zip(columns, row, strict=True)) for row in pub.parameters.tolist()]
        return [(pub.circuit.assign_parameters(row), {}) for row in rows]
    constants = {p: values[0] for p, values in columns.items() if p not in varying}
    return [(pub.circuit.assign_parameters(constants), {p: columns[p] for p in varying})]


def _in_branches(circuit: QuantumCircuit) -> set[Parameter]:
    return {
        parameter
        for instruction in circuit.data
        if isinstance(instruction.operation, ControlFlowOp)
        for block in instruction.operation.blocks
        for parameter in block.parameters
    }


def _bits(circuit: QuantumCircuit, register: str) -> list[int]:
    (found,) = (one for one in circuit.cregs if one.name == register)
    return [circuit.find_bit(bit).index for bit in found]


def _run(
    jobs: Sequence[tuple[QuantumCircuit, dict[Parameter, list[float]]]],
    noise: DeviceNoise | None,
    keeps: Sequence[Sequence[int]],
) -> list[Any]:
    """Return the probabilities of the kept bits of every row of every circuit."""
    from qiskit_aer import AerSimulator

    static = []
    for (circuit, _), keep in zip(jobs, keeps, strict=True):
        form = static_form(circuit, noise, keep)
        form.circuit.save_probabilities(list(form.kept_qubits))
        check_for_aer(form.circuit)
        static.append(form.circuit)
    simulator = AerSimulator(
        method="density_matrix",
        noise_model=noise.aer_model() if noise is not None else None,
        runtime_parameter_bind_enable=True,
    )
    result = simulator.run(static, parameter_binds=[free for _, free in jobs]).result()
    if not result.success:
        raise SpecError(f"Aer should simulate the rewritten circuit. Got: {result.status}")
    return [result.data(index)["probabilities"] for index in range(len(result.results))]
