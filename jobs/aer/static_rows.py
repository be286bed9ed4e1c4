"""Exact distributions of dynamic circuits by Aer's density matrix, many parameter rows in one run.

Each circuit is rewritten once (`jobs.aer.static_form`), its parameters left free. Aer binds them
while it runs, so that rows of inputs and weights cost one rewriting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import ControlFlowOp, Parameter, QuantumCircuit

from calibration.noise import DeviceNoise
from jobs.aer.free_rotation import is_free_rotation
from jobs.aer.static_form import static_form
from jobs.bindable import check_for_aer
from jobs.errors import SpecError
from jobs.spec import Pub

if TYPE_CHECKING:
    from qiskit_aer import AerSimulator

_Job = tuple[QuantumCircuit, dict[Parameter, list[float]]]


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
    jobs: list[_Job] = [(_rewritten(circuit, noise, keep), {}) for circuit in circuits]
    return np.asarray(_run(jobs, _density_matrix(noise)))


def row_distributions(
    pubs: Sequence[Pub], noise: DeviceNoise | None, register: str = "out"
) -> tuple[NDArray[np.float64], ...]:
    """Return what `RowSimulator` does, once."""
    return RowSimulator(noise, register).distributions(pubs)


@dataclass(frozen=True, eq=False)
class RowSimulator:
    """Exact distributions of parameter rows; what it found of a circuit serves the next rows."""

    noise: DeviceNoise | None
    """Of the device; None is ideal."""

    register: str = "out"
    """Name of the classical register of m bits whose distribution is wanted."""

    def distributions(self, pubs: Sequence[Pub]) -> tuple[NDArray[np.float64], ...]:
        """Return the exact distribution of the register for every parameter row of every pub.

        Args:
            pubs: dynamic circuits with instruction names of the device, and their rows.

        Returns:
            One array of shape (rows, 2**m) for each pub; bit j of the outcome is bit j of the
            register.

        Raises:
            SpecError: a free parameter stands where Aer cannot bind it.
        """
        jobs: list[_Job] = []
        for pub in pubs:
            columns = dict(zip(pub.circuit.parameters, pub.parameters.T.tolist(), strict=True))
            if _parameters_of_maps(pub.circuit):  # these become matrices: row by row
                rows = [dict(zip(columns, row, strict=True)) for row in pub.parameters.tolist()]
                bound = [pub.circuit.assign_parameters(row) for row in rows]
                jobs += [(self._rewritten(circuit), {}) for circuit in bound]
            else:
                jobs.append((self._static(pub.circuit), columns))
        found = iter(_run(jobs, self._simulator))
        return tuple(np.asarray([next(found) for _ in range(pub.n_rows)]) for pub in pubs)

    @cached_property
    def _simulator(self) -> AerSimulator:
        return _density_matrix(self.noise)

    @cached_property
    def _known(self) -> dict[int, tuple[QuantumCircuit, QuantumCircuit]]:
        return {}

    def _static(self, circuit: QuantumCircuit) -> QuantumCircuit:
        known = self._known.get(id(circuit))
        if known is None:  # the circuit is kept, so that no other one takes its id
            known = self._known[id(circuit)] = circuit, self._rewritten(circuit)
        return known[1]

    def _rewritten(self, circuit: QuantumCircuit) -> QuantumCircuit:
        return _rewritten(circuit, self.noise, _bits(circuit, self.register))


def _parameters_of_maps(circuit: QuantumCircuit) -> set[Parameter]:
    """Return the free parameters of gates in branches that Aer cannot be left to bind."""
    return {
        parameter
        for instruction in circuit.data
        if isinstance(instruction.operation, ControlFlowOp)
        for block in instruction.operation.blocks
        for inner in block.data
        if not is_free_rotation(inner.operation)
        for angle in inner.operation.params
        for parameter in getattr(angle, "parameters", ())
    }


def _bits(circuit: QuantumCircuit, register: str) -> list[int]:
    (found,) = (one for one in circuit.cregs if one.name == register)
    return [circuit.find_bit(bit).index for bit in found]


def _rewritten(
    circuit: QuantumCircuit, noise: DeviceNoise | None, keep: Sequence[int]
) -> QuantumCircuit:
    form = static_form(circuit, noise, keep)
    form.circuit.save_probabilities(list(form.kept_qubits))
    check_for_aer(form.circuit)
    return form.circuit


def _density_matrix(noise: DeviceNoise | None) -> AerSimulator:
    from qiskit_aer import AerSimulator

    return AerSimulator(
        method="density_matrix",
        noise_model=noise.aer_model() if noise is not None else None,
        runtime_parameter_bind_enable=True,
    )


def _run(jobs: Sequence[_Job], simulator: AerSimulator) -> list[Any]:
    """Return the probabilities of the kept bits of every row of every circuit."""
    circuits, binds = [circuit for circuit, _ in jobs], [free for _, free in jobs]
    result = simulator.run(circuits, parameter_binds=binds).result()
    if not result.success:
        raise SpecError(f"Aer should simulate the rewritten circuit. Got: {result.status}")
    return [result.data(index)["probabilities"] for index in range(len(result.results))]
