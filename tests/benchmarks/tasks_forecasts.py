"""Forecasts of six series under FakeBoston's noise, beside classical models and frozen circuits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tasks_network import FIVE, SHOTS, Device, Row, first_projection

from qrnn_hw.classical.baseline import Baseline
from qrnn_hw.classical.task_baselines import task_baselines
from qrnn_hw.data.dataset import Dataset, Parts
from qrnn_hw.data.named import read_named
from qrnn_hw.data.reading import read
from qrnn_hw.data.sequences import Sequences, joined
from qrnn_hw.data.target import score
from qrnn_hw.networks.encoding import Parameters
from qrnn_hw.networks.network import Network, network_of
from qrnn_hw.networks.step_readings import StepReadings
from qrnn_hw.networks.trained import TrainedNetwork
from qrnn_hw.statistics.forecasts import nrmse, nrmse_difference
from qrnn_hw.statistics.intervals import Interval
from qrnn_hw.training.options import TrainingOptions
from qrnn_hw.training.reservoir import exact_readings, fit_reservoir
from qrnn_hw.training.shot_noise import drawn_readings
from qrnn_hw.training.trainer import start, train
from qrnn_hw.training.variable_projection import VariableProjection

CO2 = Path(os.environ.get("QRNN_HW_DATA", "../shared/data")) / "timeseries" / "co2_weekly.csv"
"""Weekly carbon dioxide of Mauna Loa, which the package does not carry: `$QRNN_HW_DATA` names a
folder with it; without it there is no such row."""

SERIES: dict[str, dict[str, Any]] = {
    "mackey-glass": {"length": 1200},
    "mackey-glass, 84 steps": {"length": 2400, "horizon": 84, "window": 20},
    "lorenz63": {"length": 1200},
    "narma10": {"length": 1200},
    "sunspots": {},
    "co2, changes": {"target": ("co2",), "window": 12, "gaps": "last", "changes": True},
}

OPTIONS = TrainingOptions(
    60, batch_size=512, learning_rate=0.03, projection_decay=0.0, averaging=0.5, patience=20
)

DEGREES = (1, 2)
"""Most bits of a product: that whose frozen circuits do better on validation rows is taken."""


Array = NDArray[np.float64]
Read = tuple[TrainedNetwork, list[Array]]
"""A network, with its readings of training, validation and test rows."""


def forecasts(device: Device, seeds: int) -> Iterator[Row]:
    """Yield the error of each series, trained and frozen, beside its classical models."""
    yield from _every(device, seeds, None)


def forecasts_from_shots(device: Device, seeds: int) -> Iterator[Row]:
    """Yield the same of networks that were fitted for few shots, answering from as many."""
    yield from _every(device, seeds, SHOTS)


def _every(device: Device, seeds: int, n_shots: int | None) -> Iterator[Row]:
    for name, given in SERIES.items():
        if not name.startswith("co2"):
            data = read_named(name.split(",")[0], **given)
        elif CO2.exists():
            data = read(CO2, **given)
        else:
            continue
        yield forecast(name, data, device, seeds, n_shots)


def forecast(
    name: str, data: Dataset, device: Device, seeds: int, n_shots: int | None = None
) -> Row:
    """Return the row of one series.

    Args:
        name: of the series.
        data: its windows.
        device: whose noise the circuits have.
        seeds: of trainings.
        n_shots: that heads and circuits are fitted for, and of each answer to the test rows; None
            is infinitely many.
    """
    parts = data.parts(0)
    scaling, window = parts.scaling, data.sequences.n_steps
    assert scaling is not None  # numbers are
    wanted = scaling.unscaled(parts.test.known_targets)
    tiled = np.tile(wanted, (1, seeds))

    def together(found: list[Read]) -> Array:
        every = [
            scaling.unscaled(_outputs(one, _seen(one, read[2], n_shots, seed), parts.test))
            for seed, (one, read) in enumerate(found)
        ]
        return np.concatenate(every, axis=1)

    drawn = {
        degree: frozen(_network(data, degree), device, parts, seeds, n_shots) for degree in DEGREES
    }
    degree = max(drawn, key=lambda one: _held_score(drawn[one], parts))
    still = together(drawn[degree])
    bits_alone = together(_bits_alone(drawn[degree], parts, n_shots))
    networks = trained(drawn[degree], device, parts, n_shots)
    ours = together(networks)
    baselines = task_baselines(data, parts, n_parameters=networks[0][0].n_parameters, seed=0)
    block = min(window + max(1, data.gap), len(wanted) // 2)

    def less(theirs: Array) -> Interval:
        return nrmse_difference(ours, theirs, tiled, block=block, seed=0)

    errors = {one.name: nrmse(_numbers(one, wanted), wanted) for one in baselines}
    last = next(one for one in baselines if one.name in ("last value", "no change"))
    than_last = less(np.tile(_numbers(last, wanted), (1, seeds)))
    than_frozen = less(still)
    first = min(errors, key=errors.__getitem__)
    measured = nrmse(ours, tiled)
    shots = "" if n_shots is None else f", {n_shots:,} shots"
    return {
        "name": f"{name}: NRMSE under FakeBoston's noise{shots}, {seeds} seeds",
        "measured": {
            "trained": measured,
            "of each seed": [nrmse(one[:, None], wanted) for one in ours.T],
            "degree": degree,
            "first": first if errors[first] < measured else "trained network",
            f"less than {last.name}": than_last.to_json(),
            "less than frozen circuit": than_frozen.to_json(),
        },
        "baseline": errors
        | {"frozen circuit": nrmse(still, tiled), "frozen, bits alone": nrmse(bits_alone, tiled)},
        "target": f"below {last.name} and its own frozen circuit with the same head, by intervals",
        "holds": bool(than_last.high < 0 and than_frozen.high < 0),
    }


def frozen(
    network: Network, device: Device, parts: Parts, seeds: int, n_shots: int | None
) -> list[Read]:
    """Return circuits as they were drawn, of each seed, with the head that ridge fits."""
    found = []
    for seed in range(seeds):
        parameters = network.initial(seed, first_projection(network, parts, seed))
        read = _read(network, parameters, device, parts)
        found.append((_with_head(network, parameters, read, parts, n_shots), read))
    return found


def trained(first: list[Read], device: Device, parts: Parts, n_shots: int | None) -> list[Read]:
    """Return what training makes of the same draws."""
    network, seeds = first[0][0].network, range(len(first))
    rows = [parts.training] * len(first), [parts.validation] * len(first)
    reader = network.reader(device.noisy)
    given = network, *rows, OPTIONS, seeds
    stepper = VariableProjection(*given, readers=[reader], n_shots=n_shots)
    state = train(stepper, OPTIONS, start(stepper, [one.parameters for one, _ in first]))
    each = [TrainedNetwork(network, state.of(seed)) for seed in seeds]
    return [(one, _read(network, one.parameters, device, parts)) for one in each]


def _bits_alone(found: list[Read], parts: Parts, n_shots: int | None) -> list[Read]:
    """Return the same circuits with a head that no input reaches directly."""
    alone = replace(found[0][0].network, direct=0)
    return [(_with_head(alone, one.parameters, read, parts, n_shots), read) for one, read in found]


def _network(data: Dataset, degree: int) -> Network:
    window = data.sequences.n_steps
    steps = StepReadings(window, degree=degree)
    given = {"target": data.target, "steps": steps, "direct": window}
    return network_of(FIVE, data.sequences.dim, **given)


def _read(network: Network, parameters: Parameters, device: Device, parts: Parts) -> list[Array]:
    """Return the readings of all parts; one shape is compiled."""
    rows = joined(joined(parts.training, parts.validation), parts.test)
    found = exact_readings(network, parameters, rows, network.reader(device.noisy))
    ends = np.cumsum([len(parts.training), len(parts.validation)])
    return np.split(found, ends)


def _with_head(
    network: Network,
    parameters: Parameters,
    read: list[Array],
    parts: Parts,
    n_shots: int | None,
) -> TrainedNetwork:
    both = parts.training, parts.validation
    return fit_reservoir(network, parameters, both, read[:2], n_shots=n_shots)


def _seen(one: TrainedNetwork, read: Array, n_shots: int | None, seed: int) -> Array:
    if n_shots is None:
        return read
    return drawn_readings(one.network, read, n_shots, np.random.default_rng(seed))


def _outputs(one: TrainedNetwork, read: Array, rows: Sequences) -> Array:
    return np.asarray(read @ one.coefficients + one.direct_part(rows.values, rows.lengths))


def _held_score(found: list[Read], parts: Parts) -> float:
    held = parts.validation
    each = [score(one.network.target, _outputs(one, read[1], held), held.known_targets)
            for one, read in found]  # fmt: skip
    return float(np.mean(each))


def _numbers(one: Baseline, wanted: Array) -> Array:
    return np.asarray(one.predictions, dtype=np.float64).reshape(wanted.shape)
