"""Every figure that the engine promises, beside its baseline.

Run by `make bench`; writes build/bench.json and prints the table kept in docs/performance.md. A
function and its baseline run by turns in one process on one thread, and the ratio of their median
CPU times is the figure. Aer's errors come in two forms, composed lists of terms and one Kraus
error each, which differ in speed. Rows against PennyLane and tensorcircuit-ng need the `peers`
extra and are skipped without it. `--only TEXT` runs the groups whose name contains the text.
"""

from __future__ import annotations

import os

# One thread everywhere, before any array library starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from workloads import W1, W2, Workload, WorkloadNoise, as_recorded

BATCH = 32
SEED = 0


@dataclass(frozen=True)
class Row:
    """A figure and its target; `measured` is None where the row was skipped."""

    name: str
    measured: float | None
    baseline: str
    target: float
    holds: bool | None

    @classmethod
    def at_least(cls, name: str, measured: float, baseline: str, target: float) -> Row:
        return cls(name, measured, baseline, target, bool(measured >= target))

    @classmethod
    def at_most(cls, name: str, measured: float, baseline: str, target: float) -> Row:
        return cls(name, measured, baseline, target, bool(measured <= target))

    @classmethod
    def skipped(cls, name: str, why: str, target: float) -> Row:
        return cls(name, None, f"skipped: {why}", target, None)


def by_turns(
    functions: dict[str, Callable[[], Any]], repeats: int, warm: bool = True
) -> dict[str, float]:
    """Return the median CPU milliseconds of each function, run one after the other by turns."""
    if warm:
        for function in functions.values():
            jax.block_until_ready(function())
    spent: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            start = time.process_time()
            jax.block_until_ready(function())
            spent[name].append(time.process_time() - start)
    return {name: 1e3 * float(np.median(times)) for name, times in spent.items()}


def often(function: Callable[[], Any], times: int) -> Callable[[], Any]:
    """Repeat a function that is short against the clock's grain."""

    def repeated() -> Any:
        for _ in range(times - 1):
            jax.block_until_ready(function())
        return function()

    return repeated


def values(work: Workload, batch: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (p,) and inputs (batch, T, 2)."""
    rng = np.random.default_rng(SEED)
    return rng.uniform(-1, 1, work.n_weights), rng.uniform(-1, 1, (batch, work.n_steps, 2))


def shots_simulator(noise: WorkloadNoise, form: str) -> AerSimulator:
    return AerSimulator(
        method="statevector",
        noise_model=noise.aer_model(composed=form == "composed"),
        max_parallel_threads=1,
    )


def matrix_simulator(noise: WorkloadNoise, **options: Any) -> AerSimulator:
    return AerSimulator(
        method="density_matrix", noise_model=noise.aer_model(), max_parallel_threads=1, **options
    )


def exact_against_shots() -> Iterator[Row]:
    """Value of one sequence against Aer's shots of the dynamic circuit."""
    from circuits.exact.records import record_sampler

    noise = WorkloadNoise()
    weights, inputs = values(W1, 1)
    circuit, x, w = W1.dynamic()
    bound = circuit.assign_parameters({x: inputs.ravel(), w: weights})
    model = W1.engine(noise)
    exact = jax.jit(model.distributions)
    arrays = (jnp.asarray(weights), jnp.asarray(inputs), jnp.array([W1.n_steps]))
    sampler, generator = record_sampler(model, weights), np.random.default_rng(SEED)
    simulators = {form: shots_simulator(noise, form) for form in ("composed", "Kraus")}
    targets = {"exact": (400, 100), 1024: (150, 40), 16384: (250, 70)}
    for shots, repeats in ((1024, 3), (16384, 1)):
        times = by_turns(
            {
                "exact": often(lambda: exact(*arrays), 20),
                "records": often(lambda s=shots: sampler.sample(inputs[0], s, generator).bits, 5),
                **{
                    form: lambda s=shots, sim=sim: sim.run(bound, shots=s).result()
                    for form, sim in simulators.items()
                },
            },
            repeats,
            warm=shots == 1024,
        )
        for place, form in enumerate(simulators):
            said = f"Aer, {form} errors: {times[form]:.0f} ms"
            if shots == 1024:
                ratio = times[form] / (times["exact"] / 20)
                name = f"W1 exact value against 1,024 Aer shots, {form} errors (ratio)"
                yield Row.at_least(name, ratio, said, targets["exact"][place])
            name = f"W1 records sampler against {shots:,} Aer shots, {form} errors (ratio)"
            ratio = times[form] / (times["records"] / 5)
            yield Row.at_least(name, ratio, said, targets[shots][place])


def gradient_step(noise: WorkloadNoise, inputs: np.ndarray) -> Any:
    """Return our compiled loss mean (z - 1)^2 and its gradient, z of hidden qubit 1."""
    model = W1.engine(noise)
    rows, lengths = jnp.asarray(inputs), jnp.full(len(inputs), W1.n_steps)
    signs = jnp.array([1.0, 1.0, -1.0, -1.0])

    def loss(w: jax.Array) -> jax.Array:
        return jnp.mean((model.distributions(w, rows, lengths) @ signs - 1) ** 2)

    return jax.jit(jax.value_and_grad(loss))


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
    from jobs.spec import Pub
    from jobs.static_rows import RowSimulator

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


def wide_forward() -> Iterator[Row]:
    """W2, gate by gate, against Aer's density matrix of the rewritten circuit."""
    noise, batch = WorkloadNoise(), 8
    weights, inputs = values(W2, batch)
    exact = jax.jit(W2.engine(noise).distributions)
    arrays = (jnp.asarray(weights), jnp.asarray(inputs), jnp.full(batch, W2.n_steps))
    circuit, x, w = W2.rewritten(noise)
    circuit.save_probabilities(range(W2.n_hidden))
    bound = circuit.assign_parameters({x: inputs[0].ravel(), w: weights})
    simulator = matrix_simulator(noise)
    by_aer = as_recorded(simulator.run(bound).result().data(0)["probabilities"])
    gap = float(np.abs(np.asarray(exact(*arrays))[0] - by_aer).max())
    times = by_turns(
        {"ours": lambda: exact(*arrays), "Aer": lambda: simulator.run(bound).result()}, repeats=3
    )
    said = f"Aer density matrix, rewritten circuit: {times['Aer']:.0f} ms"
    ratio = times["Aer"] / (times["ours"] / batch)
    yield Row.at_least("W2 noisy forward against Aer exact (ratio)", ratio, said, 12)
    yield Row.at_most("W2 distance from Aer (probability)", gap, said, 1e-12)


def hybrid_against_pennylane() -> Iterator[Row]:
    """W3: the hybrid's training step, T = 28, batch 32, 64 hidden units, double precision."""
    from circuits.hybrid_controller import Controller
    from circuits.hybrid_evolution import evolve_hybrid

    n_layers, n_steps, n_features = 2, 28, 28
    features = np.random.default_rng(SEED).uniform(-1, 1, (BATCH, n_steps, n_features))
    for n_qubits, target in ((4, 2), (8, 5)):
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


def agreement() -> Iterator[Row]:
    """Distance of values and gradients from Aer."""
    from jobs.parameter_shift import parameter_shift

    noise = WorkloadNoise()
    weights, inputs = values(W1, 1)
    circuit, x, w = W1.rewritten(noise)
    circuit.save_probabilities([0, 1])
    bound = circuit.assign_parameters({x: inputs.ravel(), w: weights})
    by_aer = as_recorded(matrix_simulator(noise).run(bound).result().data(0)["probabilities"])
    arrays = (jnp.asarray(weights), jnp.asarray(inputs), jnp.array([W1.n_steps]))
    gap = float(np.abs(np.asarray(W1.engine(noise).distributions(*arrays))[0] - by_aer).max())
    said = "Aer density matrix of the rewritten circuit"
    yield Row.at_most("W1 distance of values from Aer (probability)", gap, said, 1e-12)
    short = Workload(2, 2)
    circuit, x, w = short.dynamic()
    fixed = circuit.assign_parameters({x: inputs[0, :2].ravel()})
    keep = [circuit.num_clbits - 2, circuit.num_clbits - 1]
    shifted = parameter_shift(fixed, list(w), weights, noise, keep)  # type: ignore[arg-type]
    model = short.engine(noise)
    rows, lengths = jnp.asarray(inputs[:, :2]), jnp.array([2])
    slope = jax.jacfwd(lambda v: model.distributions(v, rows, lengths)[0])(jnp.asarray(weights))
    gap = float(np.abs(np.asarray(slope) - shifted).max())
    said = "parameter shift of each gate, Aer density matrix, T = 2"
    yield Row.at_most("W1 distance of gradients from Aer (per radian)", gap, said, 1e-10)


def machine_step() -> Iterator[Row]:
    """Gradient through the scheduled step of a recorded device."""
    import circuits
    from calibration.library import snapshot
    from calibration.noise import DeviceNoise
    from jobs.exact import sequence_model
    from jobs.isa import transpile_step

    network = circuits.architecture("dynamic-line")
    transpiled = transpile_step(network, snapshot("fake_boston"), seed=7)
    model = sequence_model(transpiled, DeviceNoise(transpiled.snapshot))
    rng = np.random.default_rng(SEED)
    weights = jnp.asarray(rng.normal(0, 0.3, network.n_weights))
    features = jnp.asarray(rng.uniform(-2, 2, (BATCH, 10, network.n_features)))
    lengths = jnp.full(BATCH, 10)

    def loss(w: jax.Array, x: jax.Array) -> jax.Array:
        return jnp.mean(model.distributions(w, x, lengths)[:, 0] ** 2)

    start = time.process_time()
    gradient = jax.jit(jax.value_and_grad(loss, (0, 1))).lower(weights, features).compile()
    compilation = time.process_time() - start
    times = by_turns({"ours": often(lambda: gradient(weights, features), 10)}, repeats=7)
    said = "none; dynamic-line on fake_boston, T = 10, batch 32, weights and inputs"
    each = times["ours"] / 10 / BATCH
    yield Row.at_most("Scheduled step, value and gradient (CPU ms a sample)", each, said, 1.0)
    yield Row.at_most("Scheduled step, tracing and compilation (CPU s)", compilation, said, 6.0)


def training() -> Iterator[Row]:
    """Training of the dynamic model on the amazon file under noise, to its end."""
    from qrnn_hw.data.labelled_text import load_embedded
    from qrnn_hw.networks.classifier import initial_weights
    from qrnn_hw.run.main_job import prepare
    from qrnn_hw.run.progress import Quiet
    from qrnn_hw.run.settings import RunSettings
    from qrnn_hw.train.exact import start, train

    settings = RunSettings(dataset="amazon")
    prepared = prepare(settings, load_embedded("amazon"), Quiet())
    task = prepared.task
    first = initial_weights(prepared.transpiled.architecture, task.projection, seed=SEED)
    state = start(first, settings.training)
    began = time.process_time()
    state = train(prepared.noisy, task.training, task.validation, settings.training, state)
    spent = time.process_time() - began
    accuracy = state.history[state.best_epoch].validation_accuracy
    said = (
        f"none; {len(task.training)} sentences, {state.finished_epochs} epochs, best in epoch "
        f"{state.best_epoch + 1} with validation accuracy {accuracy:.3f}"
    )
    yield Row.at_most("Training under noise, compilation included (CPU s)", spent, said, 60.0)


def help_text() -> Iterator[Row]:
    """The command's help, in a process of its own."""
    command = [sys.executable, "-c", "from qrnn_hw.cli import main; main()", "--help"]
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    said = "none; a new process"
    yield Row.at_most("qrnn-hw --help (CPU s)", float(np.median(spent)), said, 0.3)
    script = (
        "import sys, qrnn_hw.cli.app; print(sum(m.split('.')[0] == 'qiskit' for m in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    yield Row.at_most("qiskit modules imported by the command's help", int(found.stdout), said, 0)


GROUPS: dict[str, Callable[[], Iterator[Row]]] = {
    "agreement": agreement,
    "shots": exact_against_shots,
    "peers": gradients_against_peers,
    "machine-learning": against_qiskit_machine_learning,
    "wide": wide_forward,
    "hybrid": hybrid_against_pennylane,
    "step": machine_step,
    "training": training,
    "help": help_text,
}


def main() -> None:
    """Run the groups, print the table, write the rows."""
    parser = argparse.ArgumentParser(description="Measure the engine beside its baselines.")
    parser.add_argument("--only", choices=list(GROUPS), help="one group of rows")
    chosen = parser.parse_args().only
    warnings.filterwarnings("ignore")
    began, rows = time.monotonic(), []
    print("| what | measured | target | holds | baseline |\n|---|--:|--:|---|---|")
    for name, group in GROUPS.items():
        if chosen in (None, name):
            for row in group():
                rows.append(row)
                measured = "" if row.measured is None else f"{row.measured:.3g}"
                holds = {True: "yes", False: "**no**", None: ""}[row.holds]
                print(
                    f"| {row.name} | {measured} | {row.target:g} | {holds} | {row.baseline} |",
                    flush=True,
                )
    if chosen is None:
        document = json.dumps([asdict(row) for row in rows], indent=2) + "\n"
        Path("build").mkdir(exist_ok=True)
        Path("build/bench.json").write_text(document)
    print(f"\n{time.monotonic() - began:.0f} s in all.")


if __name__ == "__main__":
    main()
