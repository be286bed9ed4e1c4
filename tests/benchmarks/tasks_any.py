"""Any sequence, any target: digits, vowels, forecasts, reservoirs and sentences beside baselines.

Run by `make bench-tasks`; writes build/bench-tasks.json, a list of {name, measured, baseline,
target, holds}, and prints the rows as they come. Every network is trained under FakeBoston's noise
unless its row says ideal, and tested on its exact readings under the same. `--only GROUP` runs one
group and writes no file; `--seeds N` takes fewer seeds. A miss is a row that does not hold.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from calibration.library import snapshot
from calibration.noise import DeviceNoise
from circuits.definition import Architecture
from circuits.exact.logical import logical_model
from circuits.exact.sequence import SequenceModel
from circuits.layers.cells import Entangle, Rotations
from circuits.layers.encoders import dense_angle_encoding
from circuits.layers.feedback import ConditionalRotation, Measure, Reset
from circuits.zoo.registry import architecture
from jobs.aer.executor import AerExecutor
from jobs.runner import run
from jobs.spec import JobSpec
from jobs.store.store import Store
from jobs.transpile.isa import TranspiledStep, transpile_step
from jobs.transpile.lifted_step import sequence_model
from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.classical.task_baselines import task_baselines
from qrnn_hw.data.dataset import Dataset, Parts
from qrnn_hw.data.named import read_named
from qrnn_hw.data.reading import read
from qrnn_hw.data.sequences import Sequences
from qrnn_hw.data.target import Classes, Numbers, score
from qrnn_hw.experiment.task import load_task
from qrnn_hw.networks.network import Network, TrainedNetwork, network_of
from qrnn_hw.networks.recorded import from_results
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.predict import sentence_pubs
from qrnn_hw.statistics.forecasts import nrmse, nrmse_difference
from qrnn_hw.statistics.intervals import Interval, mean_interval
from qrnn_hw.statistics.memory import capacities, delayed
from qrnn_hw.train.adam import Adam
from qrnn_hw.train.options import TrainingOptions
from qrnn_hw.train.reservoir import driven, exact_readings, fit_reservoir
from qrnn_hw.train.ridge import counted
from qrnn_hw.train.trainer import start, train

Row = dict[str, Any]
DEVICE = "fake_boston"
SMALL = 0.2
"""Deviation of a feature before the tanh at the start: near its offset the angle is linear."""

SHOTS = 1000
SEEDS = 5
CO2 = Path("../shared/data/timeseries/co2_weekly.csv")
"""Weekly carbon dioxide of Mauna Loa, which the package does not carry."""

HIDDEN, DATA = (0, 4), (1, 2, 3)
FIVE = Architecture(
    name="line-of-five",
    n_qubits=5,
    n_features=6,
    encoder=(dense_angle_encoding(DATA, ("y", "z")),),
    cell=(
        Rotations(HIDDEN, "zyz"),
        Rotations(DATA, "yz"),
        Entangle(((1, 0), (3, 4), (2, 1), (2, 3))),
        Rotations((0, 1, 2, 3, 4), "y"),
        Entangle(((0, 1), (4, 3))),
        Measure(DATA),
        ConditionalRotation(bit=0, wire=0, axes="y"),
        ConditionalRotation(bit=2, wire=4, axes="y"),
        Reset(DATA),
    ),
    readout=HIDDEN,
    data_qubits=DATA,
    n_bits=3,
    modes=("sampled",),
    mode="sampled",
    summary="dynamic-line with a third data qubit in the middle",
)


class Device:
    """The step on FakeBoston, with its noise, and the ideal one."""

    def __init__(self) -> None:
        self.transpiled: TranspiledStep = transpile_step(FIVE, snapshot(DEVICE), seed=7)
        self.noise = DeviceNoise(self.transpiled.snapshot)
        self.noisy: SequenceModel = sequence_model(self.transpiled, self.noise)
        self.ideal: SequenceModel = logical_model(FIVE)


def learnt(
    network: Network, model: SequenceModel, parts: Parts, options: TrainingOptions, seeds: int
) -> tuple[list[TrainedNetwork], list[TrainedNetwork]]:
    """Return the trained networks of all seeds, and the frozen ones that they started from.

    Each starts from the head that ridge gives its frozen circuit, and of numbers the head is
    fitted once more after the circuit has moved.
    """
    reader, both = network.reader(model), (parts.training, parts.validation)

    def with_head(parameters: Any) -> TrainedNetwork:
        readings = [exact_readings(network, parameters, part, reader) for part in both]
        return fit_reservoir(network, parameters, both, readings)

    frozen = [
        with_head(network.initial(seed, first_projection(network, parts, seed)))
        for seed in range(seeds)
    ]
    every = [parts.training] * seeds, [parts.validation] * seeds
    stepper = Adam(network, *every, options, range(seeds), readers=[reader])
    state = train(stepper, options, start(stepper, [one.parameters for one in frozen]))
    trained = [TrainedNetwork(network, state.of(seed)) for seed in range(seeds)]
    if isinstance(network.target, Numbers):
        refitted = [with_head(one.parameters) for one in trained]
        held = parts.validation
        trained = [
            max(pair, key=lambda one: _score(one, reader, held))
            for pair in zip(trained, refitted, strict=True)
        ]
    return trained, frozen


def first_projection(network: Network, parts: Parts, seed: int) -> NDArray[np.float64]:
    """Return P to start from: small, of classes the directions that part their steps."""
    rows, width = parts.training, FIVE.n_features
    if isinstance(network.target, Classes):
        steps = rows.values[rows.mask]
        labels = np.repeat(rows.known_targets, rows.lengths)
        found = LinearDiscriminantAnalysis().fit(steps, labels).scalings_[:, :width]
        return np.asarray(SMALL * found / (steps @ found).std(axis=0))
    generator = np.random.default_rng(seed)
    return np.asarray(generator.uniform(-2, 2, (rows.dim, width)) * SMALL / rows.dim**0.5)


def _score(one: TrainedNetwork, reader: Any, rows: Sequences) -> float:
    outputs = one.outputs(rows.values, rows.lengths, reader)
    return score(one.network.target, outputs, rows.known_targets)


def classes(
    name: str,
    data: Dataset,
    steps: StepReadings,
    device: Device,
    options: TrainingOptions,
    seeds: int,
) -> Iterator[Row]:
    """Yield accuracies, ideal and under noise, beside the classical models of the task."""
    parts = data.parts(0)
    network = network_of(FIVE, data.sequences.dim, target=data.target, steps=steps)
    n_parameters = sum(int(part.size) for part in network.initial(0).values())
    per_seed = [
        task_baselines(data, parts, n_parameters=n_parameters, seed=seed)
        for seed in range(min(seeds, 3))
    ]
    best: dict[str, float] = {}
    for row in zip(*per_seed, strict=True):
        key = "GRU" if row[0].name.startswith("GRU") else row[0].name
        best[key] = float(np.mean([one.accuracy for one in row]))
    mean_step = next(value for key, value in best.items() if "mean" in key)
    for condition, model in (("ideal", device.ideal), ("FakeBoston", device.noisy)):
        trained, _ = learnt(network, model, parts, options, seeds)
        found = [_score(one, network.reader(model), parts.test) for one in trained]
        interval = mean_interval(found) if len(found) > 1 else Interval(found[0], 0, 1, 1)
        yield {
            "name": f"{name}, {condition}: accuracy of {len(found)} seeds, {n_parameters} numbers",
            "measured": interval.to_json() | {"values": found},
            "baseline": best,
            "target": "at least logistic regression on mean vectors, within 0.03 of the GRU",
            "holds": bool(interval.value >= max(mean_step, best["GRU"] - 0.03)),
        }


def digits(device: Device, seeds: int) -> Iterator[Row]:
    """Yield the ten digits as sequences of eight rows of eight pixels."""
    images, labels = load_digits(return_X_y=True)
    rows = Sequences(images.reshape(-1, 8, 8) / 8 - 1, np.full(len(images), 8), labels)
    names = tuple("0123456789")
    features = tuple(f"p{i}" for i in range(8))
    data = Dataset("digits", rows, Classes(names), features, "random", is_scaled=False)
    options = TrainingOptions(40, batch_size=32, learning_rate=0.03, projection_decay=1e-4)
    yield from classes("digits", data, StepReadings(8, degree=3), device, options, seeds)


def vowels(device: Device, seeds: int) -> Iterator[Row]:
    """Yield nine speakers by 7 to 29 frames of a vowel."""
    data = read_named("japanese-vowels")
    steps = StepReadings(1, degree=3, segments=4)
    options = TrainingOptions(40, batch_size=16, learning_rate=0.02, projection_decay=1e-3)
    yield from classes("japanese-vowels", data, steps, device, options, seeds)


SERIES: dict[str, dict[str, Any]] = {
    "mackey-glass": {"length": 1200},
    "mackey-glass, 84 steps": {"length": 2400, "horizon": 84, "window": 20},
    "lorenz63": {"length": 1200},
    "narma10": {"length": 1200},
    "sunspots": {},
    "co2": {},
}


def forecasts(device: Device, seeds: int) -> Iterator[Row]:
    """Yield the error of each series, trained and frozen, beside its classical models."""
    for name, given in SERIES.items():
        if name == "co2" and not CO2.exists():
            continue
        data = (
            read(CO2, target=("co2",), window=12, horizon=1, gaps="last")
            if name == "co2"
            else read_named(name.split(",")[0], **given)
        )
        yield forecast(name, data, device, seeds)


def forecast(name: str, data: Dataset, device: Device, seeds: int) -> Row:
    """Return the row of one series."""
    parts, window = data.parts(0), data.sequences.n_steps
    scaling = parts.scaling
    assert scaling is not None  # numbers are
    network = network_of(
        FIVE, data.sequences.dim, target=data.target, steps=StepReadings(window, degree=2)
    )
    options = TrainingOptions(
        15, batch_size=64, learning_rate=0.02, projection_decay=0.0, averaging=0.9
    )
    trained, frozen = learnt(network, device.noisy, parts, options, seeds)
    reader, test = network.reader(device.noisy), parts.test
    wanted = scaling.unscaled(test.known_targets)
    baselines = task_baselines(data, parts, n_parameters=trained[0].n_parameters, seed=0)

    def together(networks: list[TrainedNetwork]) -> NDArray[np.float64]:
        every = [one.outputs(test.values, test.lengths, reader) for one in networks]
        return np.concatenate([scaling.unscaled(one) for one in every], axis=1)

    ours, still = together(trained), together(frozen)
    tiled = np.tile(wanted, (1, seeds))
    block = min(window + max(1, data.gap), len(wanted) // 2)

    def against(theirs: NDArray[np.float64]) -> Interval:
        return nrmse_difference(ours, theirs, tiled, block=block, seed=0)

    errors = {one.name: nrmse(_numbers(one, wanted), wanted) for one in baselines}
    last = next(one for one in baselines if one.name.startswith("last value"))
    than_last = against(np.tile(_numbers(last, wanted), (1, seeds)))
    than_frozen = against(still)
    first = min(errors, key=errors.__getitem__)
    measured = nrmse(ours, tiled)
    return {
        "name": f"{name}: NRMSE under FakeBoston's noise, {seeds} seeds",
        "measured": {
            "trained": measured,
            "first": first if errors[first] < measured else "trained network",
            "less than last value": than_last.to_json(),
            "less than frozen circuit": than_frozen.to_json(),
        },
        "baseline": errors | {"frozen circuit, ridge head": nrmse(still, tiled)},
        "target": "below last value and below its own frozen circuit, by intervals",
        "holds": bool(than_last.high < 0 and than_frozen.high < 0),
    }


def _numbers(one: Baseline, wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(one.predictions, dtype=np.float64).reshape(wanted.shape)


def reservoirs(device: Device, seeds: int) -> Iterator[Row]:
    """Yield NARMA10 and short-term memory of a frozen circuit, from shots of stored jobs."""
    from qrnn_hw.data.generators import narma10

    rng, n, window = np.random.default_rng(0), 800, 10
    u = rng.uniform(-1, 1, n)
    series = narma10(n, seed=1)
    tasks = {
        "short-term memory": (u[:, None], delayed(u, 10)),
        "narma10": (4 * series[:, :1] - 1, series[:, 1:]),
    }
    for name, (inputs, targets) in tasks.items():
        steps = StepReadings(1 if name == "short-term memory" else window, degree=3)
        names = tuple(f"y{place}" for place in range(targets.shape[1]))
        target = Numbers(names, per_step=True)
        # What a step puts out is that of the step before: y(t) from u up to t - 1 for narma10.
        network = network_of(FIVE, 1, target=target, steps=steps)
        shift = 0 if name == "short-term memory" else 1
        given = driven(inputs[: n - shift], targets[shift:], n_steps=40, washout=window)
        cuts = [int(len(given) * share) for share in (0.6, 0.75)]
        parts = [given.take(rows) for rows in np.split(np.arange(len(given)), cuts)]
        yield _reservoir(name, network, parts, device, window)


def _reservoir(
    name: str, network: Network, parts: list[Sequences], device: Device, washout: int
) -> Row:
    rng = np.random.default_rng(2)
    parameters = network.initial(2, rng.uniform(0.1, 0.4, (1, FIVE.n_features)))
    wide = rng.uniform(-np.pi, np.pi, FIVE.n_weights)
    parameters = parameters | {"circuit": jnp.asarray(wide)}
    bare = TrainedNetwork(network, parameters)
    readings, reader = [], network.reader(device.noisy)
    path = Path("build/bench-tasks.sqlite")
    path.unlink(missing_ok=True)
    with Store(path) as store:
        for part in parts:
            pubs = sentence_pubs(device.transpiled, bare.encoded(part))
            spec = JobSpec(pubs.pubs, SHOTS, "aer", DEVICE, seed=5)
            run(spec, AerExecutor(device.noise), store)
            bits = from_results(store.raw(spec.key) or (), pubs.rows, part.lengths)
            readings.append(bits.readings(network.steps or StepReadings(1), per_step=True))
    exact = [exact_readings(network, parameters, part, reader) for part in parts]
    found: dict[str, Any] = {}
    for kind, given in (("shots", readings), ("exact", exact)):
        fitted = fit_reservoir(network, parameters, parts[:2], given[:2], washout=washout)
        outputs, wanted = counted(
            network.target, given[2] @ fitted.coefficients, parts[2].known_targets, washout=washout
        )
        numbers = np.asarray(wanted, dtype=np.float64)
        found[kind] = nrmse(outputs, numbers) if name == "narma10" else capacities(outputs, numbers)
    if name == "narma10":
        measured = {kind: float(one) for kind, one in found.items()}
        # Ridge on the same ten inputs, as many as the head reads steps.
        base = _linear(parts, washout)
        return {
            "name": "reservoir of 5 qubits, narma10: NRMSE from 1,000 shots of stored jobs",
            "measured": measured,
            "baseline": {"ridge on the last ten inputs": base, "mean": 1.0},
            "target": "below 1, the mean; the classical row beside it",
            "holds": measured["shots"] < 1,
        }
    return {
        "name": "reservoir of 5 qubits, short-term memory: capacity from 1,000 shots",
        "measured": {
            kind: {"sum": float(c.sum()), "delays": c.tolist()} for kind, c in found.items()
        },
        "baseline": {"no memory": 0.0},
        "target": "a memory of more than one step",
        "holds": float(found["shots"].sum()) > 1,
    }


def _linear(parts: list[Sequences], washout: int) -> float:
    from sklearn.linear_model import Ridge

    def past(part: Sequences) -> NDArray[np.float64]:
        values, n_steps = part.values[..., 0], part.n_steps
        slid = [values[:, washout - lag : n_steps - lag] for lag in range(washout)]
        return np.stack(slid, axis=-1).reshape(-1, washout)

    fitted = Ridge(1e-6).fit(past(parts[0]), parts[0].known_targets[:, washout:].reshape(-1, 1))
    wanted = parts[2].known_targets[:, washout:].reshape(-1, 1)
    return nrmse(fitted.predict(past(parts[2])).reshape(-1, 1), wanted)


def sentences(device: Device, seeds: int) -> Iterator[Row]:
    """Yield dynamic-line on sentences, tested on amazon, the bits of every step in its head."""
    data = read_named("uci")
    tasks = [load_task(data, seed) for seed in range(seeds)]
    line = architecture("dynamic-line")
    transpiled = transpile_step(line, snapshot(DEVICE), seed=7)
    model = sequence_model(transpiled, DeviceNoise(transpiled.snapshot))
    # A word counts wherever it stands: the mean over the steps, the last one and the outcome.
    steps = StepReadings(1, degree=2, segments=1)
    network = network_of(line, tasks[0].training.dim, steps=steps)
    reader, options = network.reader(model), TrainingOptions(30)
    parts = [one.training for one in tasks], [one.validation for one in tasks]
    stepper = Adam(network, *parts, options, range(seeds), readers=[reader])
    first = []
    for seed, task in enumerate(tasks):
        drawn, both = network.initial(seed, task.projection), (task.training, task.validation)
        readings = [exact_readings(network, drawn, part, reader) for part in both]
        first.append(fit_reservoir(network, drawn, both, readings).parameters)
    state = train(stepper, options, start(stepper, first))
    trained = [TrainedNetwork(network, state.of(seed)) for seed in range(seeds)]
    found = [_score(one, reader, task.test) for one, task in zip(trained, tasks, strict=True)]
    n_parameters = trained[0].n_parameters
    controls = [
        task.classical(n_parameters=n_parameters, seed=seed) for seed, task in enumerate(tasks)
    ]
    interval = mean_interval(found) if len(found) > 1 else Interval(found[0], 0, 1, 1)
    yield {
        "name": f"sentences, amazon tested, FakeBoston: accuracy of {seeds} splits and seeds",
        "measured": interval.to_json() | {"values": found, "n_parameters": n_parameters},
        "baseline": {
            row[0].name: float(np.mean([one.accuracy for one in row]))
            for row in zip(*controls, strict=True)
        },
        "target": 0.85,
        "holds": bool(interval.value >= 0.85),
    }


GROUPS: dict[str, Callable[[Device, int], Iterator[Row]]] = {
    "digits": digits,
    "vowels": vowels,
    "forecasts": forecasts,
    "reservoirs": reservoirs,
    "sentences": sentences,
}


def main() -> None:
    """Run the groups and write the rows."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=list(GROUPS), help="one group of rows")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    chosen = parser.parse_args()
    warnings.filterwarnings("ignore")
    Path("build").mkdir(exist_ok=True)
    began, rows, device = time.monotonic(), [], Device()
    for name, group in GROUPS.items():
        if chosen.only not in (None, name):
            continue
        for row in group(device, chosen.seeds):
            rows.append(row)
            print(json.dumps(row), flush=True)
            if chosen.only is None:
                Path("build/bench-tasks.json").write_text(json.dumps(rows, indent=2) + "\n")
    print(f"{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
