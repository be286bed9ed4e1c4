"""The exact engine beside Aer, in figures of its own, and how far the two are apart."""

from __future__ import annotations

import time
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from timing import BATCH, SEED, Row, by_turns, matrix_simulator, often, shots_simulator, values
from workloads import W1, W2, Workload, WorkloadNoise, as_recorded


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


def agreement() -> Iterator[Row]:
    """Distance of values and gradients from Aer."""
    from jobs.aer.parameter_shift import parameter_shift

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
    from jobs.transpile.isa import transpile_step
    from jobs.transpile.lifted_step import sequence_model

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
    from qrnn_hw.experiment.prepare import prepare
    from qrnn_hw.experiment.progress import Quiet
    from qrnn_hw.experiment.settings import RunSettings
    from qrnn_hw.training.trainer import start, train

    settings = RunSettings(dataset="amazon")
    prepared = prepare(settings, settings.read(), Quiet())
    task = prepared.task
    began = time.process_time()
    stepper = prepared.training.stepper()
    state = train(stepper, settings.training, start(stepper, prepared.training.initial))
    spent = time.process_time() - began
    best = int(state.best_epoch[0])
    accuracy = state.epochs()[best].validation_accuracy
    said = (
        f"none; {len(task.training)} sentences, {state.finished_epochs} epochs, best in epoch "
        f"{best + 1} with validation accuracy {accuracy:.3f}"
    )
    yield Row.at_most("Training under noise, compilation included (CPU s)", spent, said, 60.0)
