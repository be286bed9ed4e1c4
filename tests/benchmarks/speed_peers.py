"""The same computations by other packages, each row beside ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from timing import BATCH, SEED, Row, by_turns, gradient_step, often, values
from workloads import W1, WorkloadNoise


def gradients_against_peers() -> Iterator[Row]:
    """Value and gradient of a batch, each peer given the circuit without measurements."""
    noise = WorkloadNoise()
    weights, inputs = values(W1, BATCH)
    w = jnp.asarray(weights)
    ours = gradient_step(noise, inputs)
    for package, module, builder, target in (
        ("tensorcircuit-ng", "tensorcircuit", "tensorcircuit_w1", 12),
        ("PennyLane default.mixed", "pennylane", "pennylane_w1", 40),
    ):
        name = f"W1 exact gradient against {package}, jit, batch {BATCH} (ratio)"
        if find_spec(module) is None:
            yield Row.skipped(name, "install the peers extra", target)
            continue
        import peers

        theirs = getattr(peers, builder)(W1, noise, inputs.reshape(BATCH, -1))
        gap = max(np.abs(np.asarray(a) - b).max() for a, b in zip(ours(w), theirs(w), strict=True))
        if gap > 1e-8:
            raise SystemExit(f"{package} should compute the same gradient. Got a gap of {gap:.1e}.")
        times = by_turns(
            {"ours": often(lambda: ours(w), 20), "theirs": lambda f=theirs: f(w)}, repeats=7
        )
        said = f"{package}: {times['theirs'] / BATCH:.3f} ms a sample"
        yield Row.at_least(name, times["theirs"] / (times["ours"] / 20), said, target)


def against_qiskit_machine_learning() -> Iterator[Row]:
    """Gradient and SPSA steps against qiskit-machine-learning's networks on Aer."""
    from qiskit_aer.primitives import EstimatorV2, SamplerV2
    from qiskit_machine_learning.gradients import (
        ParamShiftEstimatorGradient,
        SPSAEstimatorGradient,
        SPSASamplerGradient,
    )
    from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN

    noise = WorkloadNoise()
    weights, inputs = values(W1, BATCH)
    flat = inputs.reshape(BATCH, -1)
    ours = gradient_step(noise, inputs)
    circuit, x, w = W1.rewritten(noise)
    observable = SparsePauliOp("IIZI")

    def primitive(kind: Any, method: str, *, composed: bool = False, **options: Any) -> Any:
        backend = {
            "method": method,
            "noise_model": noise.aer_model(composed=composed),
            "max_parallel_threads": 1,
        }
        return kind(options={"backend_options": backend}, **options)

    estimator = primitive(EstimatorV2, "density_matrix")

    def network(gradient: Any) -> Any:
        return EstimatorQNN(
            circuit=circuit,
            estimator=estimator,
            gradient=gradient,
            observables=observable,
            input_params=list(x),
            weight_params=list(w),
        )

    shift = network(ParamShiftEstimatorGradient(estimator))
    jax.block_until_ready(ours(jnp.asarray(weights)))  # compiles
    times = by_turns(
        {
            "ours": often(lambda: ours(jnp.asarray(weights)), 20),
            "theirs": lambda: shift.backward(flat[:1], weights),
        },
        repeats=2,
        warm=False,
    )
    said = f"EstimatorQNN with parameter shift, same rewritten circuit: {times['theirs']:.0f} ms"
    ratio = times["theirs"] / (times["ours"] / 20 / BATCH)
    yield Row.at_least("W1 exact gradient against parameter shift (ratio)", ratio, said, 1e5)

    batch = 8
    spsa = network(SPSAEstimatorGradient(estimator, 0.1))
    plain, x, w = W1.dynamic()
    step = spsa_step(noise, plain, weights, flat[:batch])
    dynamic = one_register(plain)

    def by_shots(*, composed: bool) -> Any:
        sampler = primitive(SamplerV2, "statevector", composed=composed, default_shots=1024)
        return SamplerQNN(
            circuit=dynamic,
            sampler=sampler,
            gradient=SPSASamplerGradient(sampler, 0.1),
            input_params=list(x),
            weight_params=list(w),
            interpret=lambda outcome: outcome >> (dynamic.num_clbits - 1) & 1,
            output_shape=2,
        )

    def theirs(network: Any, n: int) -> Callable[[], Any]:
        return lambda: (network.forward(flat[:n], weights), network.backward(flat[:n], weights))

    step()
    kinds = {
        # what is run, samples, target; the list of terms is what the target was set for
        "rewritten circuit": (spsa, batch, 7),
        "dynamic circuit, composed errors": (by_shots(composed=True), 1, 300),
        "dynamic circuit, Kraus errors": (by_shots(composed=False), 1, 80),
    }
    runs = {kind: theirs(network, n) for kind, (network, n, _) in kinds.items()}
    times = by_turns({"ours": step, **runs}, repeats=2, warm=False)
    for kind, (_, n, target) in kinds.items():
        each = times[kind] / n
        said = f"qiskit-machine-learning: {each:.0f} ms a sample"
        name = f"W1 SPSA step on Aer against SPSA on the {kind} (ratio)"
        yield Row.at_least(name, each / (times["ours"] / batch), said, target)


def spsa_step(
    noise: WorkloadNoise, circuit: QuantumCircuit, weights: np.ndarray, inputs: np.ndarray
) -> Callable[[], Any]:
    """Return value and both ends of an SPSA step of the dynamic circuit, all rows in one run."""
    from jobs.aer.static_rows import RowSimulator
    from jobs.spec import Pub

    simulator = RowSimulator(noise)  # type: ignore[arg-type]
    places = {"x": 0, "w": inputs.shape[1]}
    order = [places[p.vector.name] + p.index for p in circuit.parameters]
    rng = np.random.default_rng(SEED)

    def step() -> Any:
        turn = 0.1 * rng.choice([-1, 1], weights.size)
        ends = np.repeat([weights, weights + turn, weights - turn], len(inputs), axis=0)
        rows = np.hstack([np.tile(inputs, (3, 1)), ends])
        (laws,) = simulator.distributions([Pub(circuit, rows[:, order])])
        return laws @ [1.0, 1.0, -1.0, -1.0]

    return step


def one_register(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit with all bits in one register, as SamplerQNN needs it."""
    merged = QuantumCircuit(circuit.num_qubits, circuit.num_clbits)
    merged.compose(circuit, merged.qubits, merged.clbits, inplace=True)
    return merged


def hybrid_against_pennylane() -> Iterator[Row]:
    """W3: the hybrid's training step, T = 28, batch 32, 64 hidden units, double precision."""
    from circuits.pure.hybrid_controller import Controller
    from circuits.pure.hybrid_evolution import evolve_hybrid

    n_layers, n_steps, n_features = 2, 28, 28
    features = np.random.default_rng(SEED).uniform(-1, 1, (BATCH, n_steps, n_features))
    for n_qubits, target in ((4, 3), (8, 9)):
        name = f"W3 training step, n = {n_qubits}, against PennyLane jit (ratio)"
        if find_spec("pennylane") is None:
            yield Row.skipped(name, "install the peers extra", target)
            continue
        import peers

        controller = Controller(n_features, n_qubits, 2 * n_qubits * n_layers, n_hidden=64)
        weights = controller.initial_weights(jax.random.key(SEED))

        def loss(weights: Any, n: int = n_qubits, controller: Controller = controller) -> Any:
            z = evolve_hybrid(controller, weights, features, n_qubits=n, n_layers=n_layers)
            return jnp.mean(z[:, -1] ** 2)

        ours = jax.jit(jax.value_and_grad(loss))
        theirs = peers.pennylane_hybrid(controller, features, n_qubits, n_layers)
        gap = abs(float(ours(weights)[0] - theirs(weights)[0]))
        if gap > 1e-10:
            raise SystemExit(f"PennyLane should compute the same loss. Got a gap of {gap:.1e}.")
        times = by_turns(
            {"ours": lambda f=ours, w=weights: f(w), "theirs": lambda f=theirs, w=weights: f(w)},
            repeats=5,
        )
        said = f"PennyLane default.qubit: {times['theirs'] / BATCH:.2f} ms a sample"
        yield Row.at_least(name, times["theirs"] / times["ours"], said, target)
