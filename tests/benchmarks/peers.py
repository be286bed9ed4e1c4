"""The same training steps in PennyLane and tensorcircuit-ng, given our rewriting of the circuit.

Each function returns a compiled (loss, gradient) of the weights on a fixed batch. They need the
`peers` extra.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from workloads import CONFUSION, N_DATA, Workload, WorkloadNoise, recorded_z

from calibration.noise import kraus_of
from circuits.layers.cells import ring

P0, P1 = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])


def _kraus(noise: WorkloadNoise) -> dict[str, list[np.ndarray]]:
    """Kraus operators, the first qubit of two most significant."""

    def swapped(matrix: np.ndarray) -> np.ndarray:
        return matrix.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4)

    one = kraus_of(noise.channels["ry"])
    return {
        "one": one,
        "two": [swapped(k) for k in kraus_of(noise.channels["cx"])],
        "idle": kraus_of(noise.channels["id"]),
        "read": [
            np.sqrt(CONFUSION[m, r]) * np.outer(np.eye(2)[r], np.eye(2)[m])
            for m in range(2)
            for r in range(2)
        ],
        "branch": [np.kron(P0, np.eye(2)), *(np.kron(P1, k) for k in one)],
        "reset": [np.outer(np.eye(2)[0], np.eye(2)[m]) for m in range(2)],
    }


def pennylane_w1(work: Workload, noise: WorkloadNoise, inputs: np.ndarray) -> Any:
    """Return value and gradient of mean (z - 1)^2 by default.mixed, z = <Z> of hidden qubit 1."""
    import pennylane as qml

    kraus, nh = _kraus(noise), work.n_hidden

    def channel(name: str, wires: list[int]) -> None:
        qml.QubitChannel(kraus[name], wires=wires)

    @qml.qnode(qml.device("default.mixed", wires=work.n_qubits), interface="jax")
    def circuit(w: Any, x: Any) -> Any:
        for t in range(work.n_steps):
            for j in range(N_DATA):
                qml.RY(x[..., t * N_DATA + j], wires=nh + j)
                channel("one", [nh + j])
            for q in range(work.n_qubits):
                for k, gate in enumerate((qml.RX, qml.RY, qml.RZ)):
                    gate(w[3 * q + k], wires=q)
                    channel("one", [q])
            for pair in ring(tuple(range(work.n_qubits))):
                qml.CNOT(list(pair))
                channel("two", list(pair))
            for j in range(N_DATA):
                channel("read", [nh + j])
            for q in range(nh):
                channel("idle", [q])
            for j in range(N_DATA):
                qml.CRY(w[3 * work.n_qubits + j], wires=[nh + j, j % nh])
                channel("branch", [nh + j, j % nh])
            for j in range(N_DATA):
                channel("reset", [nh + j])
        return qml.expval(qml.PauliZ(1))

    rows = jnp.asarray(inputs)
    return jax.jit(jax.value_and_grad(lambda w: jnp.mean((recorded_z(circuit(w, rows)) - 1) ** 2)))


def tensorcircuit_w1(work: Workload, noise: WorkloadNoise, inputs: np.ndarray) -> Any:
    """Return the same by tensorcircuit-ng's density matrix, scanned over time."""
    import tensorcircuit as tc

    tc.set_backend("jax")
    tc.set_dtype("complex128")
    nh, n = work.n_hidden, work.n_qubits
    kraus = {
        name: [
            tc.gates.Gate(jnp.asarray(k.reshape((2,) * (2 * round(np.log2(len(k))))))) for k in ks
        ]
        for name, ks in _kraus(noise).items()
    }

    def step(rho: Any, w: Any, x: Any) -> Any:
        circuit = tc.DMCircuit(n, dminputs=rho)

        def channel(name: str, *wires: int) -> None:
            circuit.general_kraus(kraus[name], *wires)

        for j in range(N_DATA):
            circuit.ry(nh + j, theta=x[j])
            channel("one", nh + j)
        for q in range(n):
            for k, name in enumerate(("rx", "ry", "rz")):
                getattr(circuit, name)(q, theta=w[3 * q + k])
                channel("one", q)
        for pair in ring(tuple(range(n))):
            circuit.cx(*pair)
            channel("two", *pair)
        for j in range(N_DATA):
            channel("read", nh + j)
        for q in range(nh):
            channel("idle", q)
        for j in range(N_DATA):
            circuit.cry(nh + j, j % nh, theta=w[3 * n + j])
            channel("branch", nh + j, j % nh)
        for j in range(N_DATA):
            channel("reset", nh + j)
        return circuit.densitymatrix()

    signs = jnp.asarray(1.0 - 2.0 * (np.arange(2**n) >> (n - 2) & 1))
    rows = jnp.swapaxes(jnp.asarray(inputs).reshape(len(inputs), work.n_steps, N_DATA), 0, 1)

    def loss(w: Any) -> Any:
        start = jnp.zeros((len(inputs), 2**n, 2**n), complex).at[:, 0, 0].set(1)
        end, _ = jax.lax.scan(
            lambda r, x: (jax.vmap(step, (0, None, 0))(r, w, x), None), start, rows
        )
        z = jnp.real(jnp.einsum("bii,i->b", end, signs))
        return jnp.mean((recorded_z(z) - 1) ** 2)

    return jax.jit(jax.value_and_grad(loss))


def pennylane_hybrid(controller: Any, features: np.ndarray, n_qubits: int, n_layers: int) -> Any:
    """Return value and gradient of the hybrid's mean squared last readouts by default.qubit."""
    import pennylane as qml

    pairs = ring(tuple(range(n_qubits)))

    @qml.qnode(qml.device("default.qubit", wires=n_qubits), interface="jax")
    def layers(psi: Any, theta: Any) -> Any:
        qml.StatePrep(psi, wires=range(n_qubits), validate_norm=False)
        for layer in range(n_layers):
            for q in range(n_qubits):
                qml.RY(theta[:, layer, q, 0], q)
                qml.RZ(theta[:, layer, q, 1], q)
            for pair in pairs:
                qml.CZ(list(pair))
        return qml.state()

    index = np.arange(2**n_qubits)
    signs = jnp.asarray(
        np.stack([1.0 - 2.0 * (index >> (n_qubits - 1 - q) & 1) for q in range(n_qubits)], axis=1)
    )
    rows = jnp.swapaxes(jnp.asarray(features), 0, 1)

    def loss(weights: Any) -> Any:
        def advance(psi: Any, x: Any) -> Any:
            state, z = psi
            theta = controller.angles(weights, x, z).reshape(-1, n_layers, n_qubits, 2)
            state = layers(state, theta).reshape(state.shape)
            return (state, (jnp.abs(state) ** 2) @ signs), None

        start = jnp.zeros((features.shape[0], 2**n_qubits), complex).at[:, 0].set(1)
        first = jnp.zeros((features.shape[0], n_qubits))
        (_, z), _ = jax.lax.scan(advance, (start, first), rows)
        return jnp.mean(z**2)

    return jax.jit(jax.value_and_grad(loss))
