"""The circuits that are timed, their noise, and their rewriting without measurements.

A step encodes two inputs by RY, rotates every qubit by RX RY RZ, entangles by a ring of CX,
measures both data qubits while the hidden ones idle, rotates a hidden qubit where its bit is 1,
and resets. Weights are shared over time. W1 has 2 + 2 qubits and T = 8, W2 has 6 + 2 and T = 16.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Instruction, ParameterVector
from qiskit.circuit.library import RYGate
from qiskit.quantum_info import SuperOp
from qiskit_aer.noise import (
    NoiseModel,
    QuantumError,
    ReadoutError,
    depolarizing_error,
    thermal_relaxation_error,
)

from calibration.noise import kraus_error
from circuits.exact.lift import lift
from circuits.exact.sequence import SequenceModel

N_DATA = 2
CONFUSION = np.array([[0.985, 0.015], [0.03, 0.97]])
T1_NS, T2_NS, ONE_NS, TWO_NS, MEASURE_NS = 100e3, 80e3, 50, 300, 1000
AER_DROPS_BELOW = 1e-10


class WorkloadNoise:
    """Depolarising and relaxation of every gate, asymmetric readout, relaxation while idle."""

    dt_seconds = None

    def __init__(self) -> None:
        def relax(nanoseconds: float) -> QuantumError:
            return thermal_relaxation_error(T1_NS, T2_NS, nanoseconds)

        pair = relax(TWO_NS)
        one = depolarizing_error(3e-4, 1).compose(relax(ONE_NS))
        two = depolarizing_error(8e-3, 2).compose(pair.expand(pair))
        self.errors = {**dict.fromkeys(("rx", "ry", "rz"), one), "cx": two, "id": relax(MEASURE_NS)}
        channels = {id(error): _as_aer_sees_it(error) for error in self.errors.values()}
        self.channels = {name: channels[id(error)] for name, error in self.errors.items()}

    def channel(self, name: str, qubits: tuple[int, ...]) -> np.ndarray | None:
        return self.channels.get(name)

    def idle(self, qubit: int, seconds: float) -> None:
        return None

    def readout(self, name: str, qubit: int) -> np.ndarray:
        return CONFUSION

    def aer_model(self, *, composed: bool = False) -> NoiseModel:
        """Return Aer's model, errors as composed lists of terms or each as one Kraus error."""
        model = NoiseModel()
        for name, error in self.errors.items():
            given = error if composed else kraus_error(self.channels[name])
            model.add_all_qubit_quantum_error(given, name)
        model.add_all_qubit_readout_error(ReadoutError(CONFUSION))
        return model


def _as_aer_sees_it(error: QuantumError) -> np.ndarray:
    """Return the superoperator without the terms that Aer leaves out for being improbable."""
    terms = zip(error.circuits, error.probabilities, strict=True)
    return sum(
        p * SuperOp(QuantumError([(circuit, 1.0)])).data
        for circuit, p in terms
        if p > AER_DROPS_BELOW
    )


@dataclass(frozen=True)
class Workload:
    """Sizes of a recurrent circuit."""

    n_hidden: int
    n_steps: int

    @property
    def n_qubits(self) -> int:
        return self.n_hidden + N_DATA

    @property
    def n_weights(self) -> int:
        return 3 * self.n_qubits + N_DATA

    def parameters(self, n_steps: int) -> tuple[ParameterVector, ParameterVector]:
        return ParameterVector("x", n_steps * N_DATA), ParameterVector("w", self.n_weights)

    def unitary(self, circuit: QuantumCircuit, x, w) -> None:
        """Append encoding, rotations and ring."""
        for j in range(N_DATA):
            circuit.ry(x[j], self.n_hidden + j)
        for q in range(self.n_qubits):
            circuit.rx(w[3 * q], q)
            circuit.ry(w[3 * q + 1], q)
            circuit.rz(w[3 * q + 2], q)
        for q in range(self.n_qubits):
            circuit.cx(q, (q + 1) % self.n_qubits)

    def step(self, circuit: QuantumCircuit, x, w, bits) -> None:
        """Append a step with its measurements and branches."""
        self.unitary(circuit, x, w)
        for j in range(N_DATA):
            circuit.measure(self.n_hidden + j, bits[j])
        for q in range(self.n_hidden):
            circuit.id(q)
        for j in range(N_DATA):
            with circuit.if_test((bits[j], 1)):
                circuit.ry(w[3 * self.n_qubits + j], j % self.n_hidden)
        for j in range(N_DATA):
            circuit.reset(self.n_hidden + j)

    def dynamic(self) -> tuple[QuantumCircuit, ParameterVector, ParameterVector]:
        """Return the whole dynamic circuit with its inputs and weights; hidden qubits are read."""
        x, w = self.parameters(self.n_steps)
        circuit = QuantumCircuit(self.n_qubits)
        for t in range(self.n_steps):
            register = ClassicalRegister(N_DATA, f"m{t}")
            circuit.add_register(register)
            self.step(circuit, x[t * N_DATA : (t + 1) * N_DATA], w, list(register))
        out = ClassicalRegister(self.n_hidden, "out")
        circuit.add_register(out)
        circuit.measure(range(self.n_hidden), out)
        return circuit, x, w

    def rewritten(
        self, noise: WorkloadNoise
    ) -> tuple[QuantumCircuit, ParameterVector, ParameterVector]:
        """Return the same channel without measurements, for density matrices.

        A data qubit that is measured, consumed and reset is itself the record: confusion acts on
        it as a channel, the branch is a rotation controlled by it, and so is the branch's noise.
        """
        x, w = self.parameters(self.n_steps)
        circuit = QuantumCircuit(self.n_qubits)
        read, of_branch = confusion_channel(), controlled_channel(noise.channels["ry"])
        for t in range(self.n_steps):
            self.unitary(circuit, x[t * N_DATA : (t + 1) * N_DATA], w)
            for j in range(N_DATA):
                circuit.append(superop(read), [self.n_hidden + j])
            for q in range(self.n_hidden):
                circuit.id(q)
            for j in range(N_DATA):
                control, target = self.n_hidden + j, j % self.n_hidden
                half = w[3 * self.n_qubits + j] / 2
                # Aer's density matrix has no cry; labelled gates and cz carry no noise.
                for sign in (-1, 1):
                    circuit.cz(control, target)
                    circuit.append(RYGate(sign * half, label="noiseless"), [target])
                circuit.append(superop(of_branch), [control, target])
            for j in range(N_DATA):
                circuit.reset(self.n_hidden + j)
        return circuit, x, w

    def engine(self, noise: WorkloadNoise | None) -> SequenceModel:
        """Return the exact engine of the same circuit."""
        x, w = self.parameters(1)
        step = QuantumCircuit(self.n_qubits, N_DATA)
        self.step(step, x, w, step.clbits)
        closing = QuantumCircuit(self.n_qubits, self.n_hidden)
        closing.measure(range(self.n_hidden), range(self.n_hidden))
        return SequenceModel(
            lift(step, [*x, *w], noise),
            lift(closing, list(w), noise),
            N_DATA,
            self.n_weights,
            tuple(range(self.n_hidden, self.n_qubits)),
            tuple(range(self.n_hidden)),
        )


W1, W2 = Workload(2, 8), Workload(6, 16)


def confusion_channel() -> np.ndarray:
    """Return the superoperator that replaces a qubit by its recorded outcome."""
    total = np.zeros((4, 4), dtype=complex)
    for true in (0, 1):
        for recorded in (0, 1):
            total[3 * recorded, 3 * true] += CONFUSION[true, recorded]
    return total


def controlled_channel(channel: np.ndarray) -> np.ndarray:
    """Return a one-qubit channel on the second qubit where the first, dephased, is 1."""
    split = np.zeros((2,) * 8, dtype=complex)  # column (target, control), row, then the same of in
    for control, inner in enumerate((np.eye(4), channel)):
        split[:, control, :, control, :, control, :, control] = inner.reshape((2,) * 4)
    return split.reshape(16, 16)


def superop(matrix: np.ndarray) -> Instruction:
    # Qiskit's conversion goes through Kraus operators and drops small terms.
    return Instruction("superop", round(np.log2(matrix.shape[0]) / 2), 0, [matrix])


def as_recorded(probabilities: np.ndarray) -> np.ndarray:
    """Return what a measurement with readout errors records of outcome probabilities (2**m,)."""
    m = round(np.log2(probabilities.size))
    tensor = probabilities.reshape((2,) * m)
    for axis in range(m):
        tensor = np.moveaxis(np.tensordot(tensor, CONFUSION, axes=([axis], [0])), -1, axis)
    return tensor.ravel()


def recorded_z(z):
    """Return <Z> as recorded with readout errors."""
    p01, p10 = CONFUSION[0, 1], CONFUSION[1, 0]
    return (1 - p01 - p10) * z + (p10 - p01)
