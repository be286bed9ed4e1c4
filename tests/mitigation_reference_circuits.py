"""The family of circuits on which mitigation is measured, and the gates it is lowered to."""

import numpy as np
from qiskit import QuantumCircuit, transpile


def qrnn(inputs, weights, idle_ns=1300):
    """Build the reference family: one data qubit, two hidden ones, a branch with a cz per step."""
    n_steps = len(inputs)
    circuit = QuantumCircuit(3, n_steps + 1)
    data, first, second = 0, 1, 2
    for step, angle in enumerate(inputs):
        circuit.ry(angle, data)
        circuit.cx(data, first)
        circuit.ry(weights[0], first)
        circuit.rz(weights[1], data)
        circuit.cx(first, second)
        circuit.ry(weights[2], second)
        circuit.cx(first, data)
        circuit.ry(weights[3], data)
        if idle_ns:
            circuit.barrier()
        circuit.measure(data, step)
        if idle_ns:
            for qubit in (first, second):
                circuit.delay(idle_ns, qubit, unit="ns")
            circuit.barrier()
        with circuit.if_test((circuit.clbits[step], 1)) as otherwise:
            circuit.ry(weights[4], first)
            circuit.cx(first, second)
            circuit.ry(weights[5], second)
        with otherwise:
            circuit.ry(weights[6], first)
        circuit.reset(data)
    circuit.measure(first, n_steps)
    return circuit


BASIS = ("cz", "rz", "sx", "x", "delay", "reset", "measure", "if_else")


def isa(circuit, optimization_level=1):
    """Lower to the gates of the machine on a line of qubits."""
    line = [[i, j] for i in range(circuit.num_qubits) for j in (i - 1, i + 1)]
    return transpile(
        circuit,
        basis_gates=BASIS,
        coupling_map=[pair for pair in line if 0 <= pair[1] < circuit.num_qubits],
        initial_layout=range(circuit.num_qubits),
        optimization_level=optimization_level,
        seed_transpiler=7,
    )


def instances(k=8, n_steps=5, seed=11):
    """Draw inputs and weights of the reference family."""
    generator = np.random.default_rng(seed)
    return [
        (generator.uniform(0.2, 1.4, n_steps), generator.uniform(-1.0, 1.0, 7)) for _ in range(k)
    ]
